"""DORA's levels of 2024, with the year named."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.strategy.dora import REPORTS, cluster
from infra_mind.model.brief import Delivery


@pytest.mark.parametrize(
    ("metrics", "level"),
    [
        ({"lead_time_hours": 72, "change_failure_rate": 0.20}, "high"),
        ({"deploys_per_month": 8, "lead_time_hours": 72, "change_failure_rate": 0.20, "recovery_hours": 6}, "high"),
        ({"deploys_per_month": 200, "lead_time_hours": 2, "change_failure_rate": 0.04, "recovery_hours": 0.5}, "elite"),
        ({"deploys_per_month": 2, "lead_time_hours": 400, "change_failure_rate": 0.10, "recovery_hours": 10}, "medium"),
        ({"deploys_per_month": 0.3, "lead_time_hours": 2000, "change_failure_rate": 0.5, "recovery_hours": 300}, "low"),
        ({"lead_time_hours": 23.9}, "elite"), ({"lead_time_hours": 24}, "high"), ({"lead_time_hours": 168}, "high"),
        ({"lead_time_hours": 169}, "medium"), ({"lead_time_hours": 5000}, "low"), ({"deploys_per_month": 0}, "low"),
        ({"recovery_hours": 5}, "medium"), ({"change_failure_rate": 0.15}, "high"), ({"change_failure_rate": 1.0}, "low"),
    ],
)  # fmt: skip
def test_levels_of_2024(metrics: dict[str, Any], level: str) -> None:
    fact = cluster(Delivery(**metrics))
    assert fact is not None
    assert fact.value == level
    assert fact.inputs == {"year": 2024, **metrics}
    assert fact.source == REPORTS[2024].source


def test_no_metric_no_level() -> None:
    assert cluster(Delivery()) is None
