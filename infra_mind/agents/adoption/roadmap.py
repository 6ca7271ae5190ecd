"""Stages from gaps: what must be known before what, in the time that the organisation gives itself.

Governance first, since what is forbidden or bound decides what may be built (NIST AI RMF: GOVERN before MAP, MEASURE, MANAGE); then the
data, then the people, then the way to production. A stage without a gap does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra_mind.agents.adoption.criteria import DIMENSIONS, Criterion
from infra_mind.model.finding import Effort

NAMES = {"governance": "rules", "data": "data", "skills": "people", "delivery": "production"}
WEEKS = {Effort.MINUTES: 1, Effort.HOURS: 1, Effort.DAYS: 2, Effort.WEEKS: 8}
WEEKS_PER_MONTH = 730 / 168


@dataclass(frozen=True)
class Stage:
    """`weeks` is the longest piece of work in it: its gaps are worked on side by side."""

    name: str
    gaps: tuple[Criterion, ...]
    start_week: int
    weeks: int

    @property
    def end_week(self) -> int:
        return self.start_week + self.weeks


def stages(gaps: Sequence[Criterion]) -> list[Stage]:
    """One stage for each dimension that has a gap, in the order of `DIMENSIONS`, one after the other."""
    found: list[Stage] = []
    for dimension in DIMENSIONS:
        own = tuple(gap for gap in gaps if gap.dimension == dimension)
        if own:
            start = found[-1].end_week if found else 0
            found.append(Stage(NAMES[dimension], own, start, max(WEEKS[gap.effort] for gap in own)))
    return found
