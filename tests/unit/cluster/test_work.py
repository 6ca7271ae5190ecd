"""What travels between a dispatcher and a worker process."""

from __future__ import annotations

import pytest

from infra_mind.cluster.work import Ended, Work, outcome_of
from infra_mind.tasks.packing import unpack


@pytest.mark.parametrize(
    "ended",
    [
        Ended("done", 0.25, 2, data=b'{"a": 1}\n\x00\xff'),
        Ended("done", 0.25, 2, data=b'{"large": "result"}\n' * 10_000),
        Ended("failed", 1.5, 1, "Broken", "no luck,\nand a second line", True),
    ],
)
def test_the_end_of_a_step_arrives_as_it_was_sent(ended: Ended) -> None:
    assert Ended.from_bytes(ended.to_bytes()) == ended


def test_a_large_result_goes_on_as_small_as_it_came() -> None:
    data = b'{"large": "result"}\n' * 10_000
    outcome = outcome_of(Ended.from_bytes(Ended("done", 1.0, data=data).to_bytes()), stopped=False)
    assert outcome.data == data
    assert unpack(outcome.came) == data
    assert len(outcome.came) < len(data) / 10


def test_work_arrives_as_it_was_sent() -> None:
    work = Work("t-1", 3, "cost", 2, True, "infra_mind.agents:table", ("inventory", "cloud"))
    assert Work.from_bytes(work.to_bytes()) == work
