"""Samples, rows and budgets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


def percentile(samples: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest sample that `share` (0 to 1) of all do not exceed. ValueError for no samples."""
    if not samples:
        raise ValueError("a percentile of nothing")
    ranked = sorted(samples)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def median(samples: Sequence[float]) -> float:
    return percentile(samples, 0.5)


@dataclass(frozen=True)
class Budget:
    """What must hold: of our number itself, or of its ratio to the other side's."""

    limit: float
    of: Literal["ratio", "value"] = "ratio"
    sense: Literal["at most", "at least"] = "at most"

    def met(self, measured: float) -> bool:
        return measured <= self.limit if self.sense == "at most" else measured >= self.limit

    def text(self, unit: str) -> str:
        sign = "≤" if self.sense == "at most" else "≥"
        return f"{sign} {self.limit:g} {'×' if self.of == 'ratio' else unit}"


@dataclass(frozen=True)
class Row:
    """One line of the table. `against`: the other side's name; `theirs` None: it has no such number, `theirs_text` says why."""

    measure: str
    what: str
    unit: str
    ours: float
    against: str = ""
    theirs: float | None = None
    theirs_text: str = ""
    budget: Budget | None = None

    @property
    def ratio(self) -> float | None:
        """None where there is nothing to divide by: an overhead that is lost in the noise is no divisor."""
        return self.ours / self.theirs if self.theirs is not None and self.theirs > 0 else None

    @property
    def met(self) -> bool | None:
        """None when there is no budget, or nothing to hold it against."""
        if self.budget is None:
            return None
        measured = self.ratio if self.budget.of == "ratio" else self.ours
        return None if measured is None else self.budget.met(measured)


@dataclass
class Measured:
    """What one measure gives: rows for people, raw samples for the file, notes on how to read them."""

    rows: list[Row] = field(default_factory=list)
    samples: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
