"""What differs between two results: findings by fingerprint, facts by id, recommendations by id, tables by version."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from infra_mind.model.base import Value
from infra_mind.model.fact import FactValue
from infra_mind.model.finding import Finding

VALUE_LIMIT = 40


def shown(value: Any) -> str:
    """A value of the brief as it is told: a word as it is, else JSON, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_LIMIT else text[: VALUE_LIMIT - 1] + "…"


class MovedFact(Value):
    """A fact of both results whose value or unit differs, or of one alone (`before` or `after` is null then).

    `change`: after − before, and `change_share` that over |before|; both only for numbers of the same unit, and the share
    only where `before` is not 0."""

    id: str
    before: FactValue | None
    after: FactValue | None
    unit: str
    unit_before: str | None = Field(default=None, description="Only where the unit itself differs")
    change: float | None = None
    change_share: float | None = None


class MovedRecommendation(Value):
    """A recommendation whose rank differs; null is absent there."""

    id: str
    title: str
    rank_before: int | None
    rank_after: int | None


class MovedTable(Value):
    """A data table whose version differs; null where it was not used."""

    name: str
    before: dict[str, str] | None
    after: dict[str, str] | None


class Unsettled(Value):
    """A check that failed on one side and that the other side could not judge, or suppressed: neither new nor fixed."""

    finding: Finding
    failed_in: Literal["before", "after"]
    why: str


class StartedVariant(Value):
    """One variant of a what-if: an assessment of its own that was started."""

    assessment_id: str
    task_id: str
    name: str
    values: dict[str, Any] = Field(description="What the sweep put where: path → value")
    changed: tuple[str, ...] = Field(
        description="Top-level fields of the brief that differ from the base; none where a sweep came by what the base has"
    )
    diff: str = Field(description="Path of the comparison with the base, once this one has ended")


class WhatIf(Value):
    """Agents that the changed fields do not reach are not run again: the variants begin with what `base_task_id` kept."""

    base_assessment_id: str
    base_task_id: str
    variants: tuple[StartedVariant, ...]


class Comparison(Value):
    """`before` and `after` are ids of assessments. Findings are failed ones that nobody has suppressed."""

    before: str
    after: str
    new: tuple[Finding, ...]
    fixed: tuple[Finding, ...]
    unchanged: tuple[Finding, ...]
    unsettled: tuple[Unsettled, ...]
    facts: tuple[MovedFact, ...]
    recommendations: tuple[MovedRecommendation, ...]
    data_versions: tuple[MovedTable, ...]
    notes: tuple[str, ...] = Field(
        default=(), description="What makes the comparison incomplete, such as an agent that failed"
    )

    @property
    def is_empty(self) -> bool:
        """True if nothing moved at all."""
        return not (
            self.new
            or self.fixed
            or self.unsettled
            or self.facts
            or self.recommendations
            or self.data_versions
        )
