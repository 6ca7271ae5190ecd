"""What travels between a dispatcher and a worker process."""

from __future__ import annotations

import pytest

from infra_mind.cluster.work import Ended, Work


@pytest.mark.parametrize(
    "ended",
    [
        Ended("done", 0.25, 2, data=b'{"a": 1}\n\x00\xff'),
        Ended("failed", 1.5, 1, "Broken", "no luck,\nand a second line", True),
    ],
)
def test_the_end_of_a_step_arrives_as_it_was_sent(ended: Ended) -> None:
    assert Ended.from_bytes(ended.to_bytes()) == ended


def test_work_arrives_as_it_was_sent() -> None:
    work = Work("t-1", 3, "cost", 2, True, "infra_mind.agents:table", ("inventory", "cloud"))
    assert Work.from_bytes(work.to_bytes()) == work
