"""Whose CPU time is whose."""

from __future__ import annotations

import pytest

from bench.profile import role


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("ray::ServeReplica:infra-mind:api", "API"),
        ("ray::ServeReplica:infra-mind:dispatcher", "dispatcher"),
        ("ray::WaitRunner.run", "wait runner"),
        ("ray::hopper asm_1", "worker"),
        ("ray::IDLE", "worker"),
        ("ray::DashboardAgent", "dashboard agent"),
        ("python -m infra_mind.cli up", "up"),
        ("python log_monitor.py", "other"),
    ],
)
def test_a_process_is_told_by_its_title(title: str, expected: str) -> None:
    assert role(title) == expected
