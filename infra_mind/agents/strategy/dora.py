"""The delivery cluster of a team by DORA's published levels. The levels move from year to year, so the year is named.

In 2024 the `high` cluster failed more of its changes (20 %) than the `medium` one (10 %): it was faster, not steadier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra_mind.model.brief import Delivery
from infra_mind.model.fact import Fact, FactValue

HOURS_PER_DAY, HOURS_PER_WEEK, HOURS_PER_MONTH = 24.0, 168.0, 730.0
DEPLOYS_DAILY, DEPLOYS_WEEKLY = 730 / 24, 730 / 168  # a month, as the brief counts


@dataclass(frozen=True)
class Level:
    """One row of the report's table. Lead time and recovery below the bound (hours), at least so many deploys a month."""

    name: str
    lead_time_below: float
    deploys_per_month_above: float
    change_failure_rate: float
    recovery_below: float


@dataclass(frozen=True)
class Report:
    """A year's table, best level first; `source` and `as_of` of the publication."""

    year: int
    levels: tuple[Level, ...]
    source: str
    as_of: str


REPORTS: Mapping[int, Report] = {
    2024: Report(
        2024,
        (
            Level("elite", HOURS_PER_DAY, DEPLOYS_DAILY, 0.05, 1),
            Level("high", HOURS_PER_WEEK, DEPLOYS_WEEKLY, 0.20, HOURS_PER_DAY),
            Level("medium", HOURS_PER_MONTH, 1, 0.10, HOURS_PER_DAY),
            Level("low", float("inf"), 0, 0.40, float("inf")),
        ),
        "DORA, Accelerate State of DevOps Report 2024, software delivery performance levels, as tabulated in "
        "OctopusDeploy/blog, blog/2024-11/2024-devops-performance-clusters/index.md (published 2024-11-19)",
        "2024-11-19",
    )
}


def cluster(delivery: Delivery, year: int = 2024) -> Fact | None:
    """The level that most of the given metrics fit, the lower one of two; None when no metric is given."""
    report = REPORTS[year]
    fits = metric_levels(delivery, report)
    if not fits:
        return None
    names = [level.name for level in report.levels]
    votes = {name: sum(name in found for found in fits.values()) for name in names}
    best = max(names, key=lambda name: (votes[name], names.index(name)))
    given: dict[str, FactValue] = {"year": year}
    given |= {name: value for name, value in delivery.model_dump().items() if value is not None}
    return Fact(
        id="strategy.dora_cluster", value=best, unit="text",
        formula="level that most metrics fit, the lower one on a tie; a failure rate fits the nearest published rate",
        inputs=given, source=report.source, as_of=report.as_of,
    )  # fmt: skip


def metric_levels(delivery: Delivery, report: Report) -> dict[str, list[str]]:
    """For each metric that is given, the levels that it fits (recovery fits two, their published bounds are equal)."""
    found: dict[str, list[str]] = {}
    lead, deploys = delivery.lead_time_hours, delivery.deploys_per_month
    if lead is not None:
        # Published as "less than one day" for the best and "one day to one week" and so on for the others.
        best = report.levels[0]
        found["lead_time_hours"] = [
            next(
                level.name
                for level in report.levels
                if lead < level.lead_time_below or (level is not best and lead == level.lead_time_below)
            )
        ]
    if deploys is not None:
        found["deploys_per_month"] = [
            next(
                level.name
                for level in report.levels
                if deploys > level.deploys_per_month_above
                or (level is not report.levels[0] and deploys >= level.deploys_per_month_above)
            )
        ]
    if delivery.change_failure_rate is not None:
        found["change_failure_rate"] = [_nearest(delivery.change_failure_rate, report)]
    if delivery.recovery_hours is not None:
        bounds = [
            level.recovery_below for level in report.levels if delivery.recovery_hours < level.recovery_below
        ]
        found["recovery_hours"] = [
            level.name for level in report.levels if level.recovery_below == min(bounds)
        ]
    return found


def _nearest(rate: float, report: Report) -> str:
    """The level whose published failure rate is nearest; of two equally near the higher rate."""
    return min(
        report.levels,
        key=lambda level: (round(abs(rate - level.change_failure_rate), 12), -level.change_failure_rate),
    ).name
