"""What counts as a failure of worker processes."""

from __future__ import annotations

import pytest

from infra_mind.tasks.alerts import failures_of

WELL = ""


@pytest.mark.parametrize(
    ("attempts", "ended", "expected"),
    [
        (1, WELL, {}),
        (3, WELL, {"WorkerCrashed": 2}),
        (1, "ValueError", {}),
        (2, "ValueError", {"WorkerCrashed": 1}),
        (3, "WorkerCrashed", {"WorkerCrashed": 3}),
        (1, "MemoryLimitExceeded", {"MemoryLimitExceeded": 1}),
        (2, "MemoryLimitExceeded", {"WorkerCrashed": 1, "MemoryLimitExceeded": 1}),
        (1, "OutOfMemory", {"OutOfMemory": 1}),
        (1, "NodeDiedError", {"NodeDiedError": 1}),
    ],
)
def test_every_lost_process_counts_once(attempts: int, ended: str, expected: dict[str, int]) -> None:
    found = failures_of("cost", attempts, ended, "why")
    assert {failure.kind: failure.times for failure in found} == expected
    assert all(failure.step == "cost" and failure.message for failure in found)
