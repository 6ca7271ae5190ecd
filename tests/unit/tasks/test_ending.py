"""Steps that do not end at the first word."""

from __future__ import annotations

import asyncio

import pytest

from infra_mind.tasks import ending
from infra_mind.tasks.ending import end_steps
from infra_mind.tasks.execution import Outcome, StepStopped


class Deaf:
    """Ends when it is forced for the `hears`-th time: what came before was lost on its way."""

    def __init__(self, hears: int) -> None:
        self._left, self.over, self.was_asked = hears, asyncio.Event(), asyncio.Event()
        self.asked: list[bool] = []

    async def outcome(self) -> Outcome:
        await self.over.wait()
        raise StepStopped

    async def stop(self, *, force: bool) -> None:
        self.asked.append(force)
        self.was_asked.set()
        self._left -= force
        if self._left == 0:
            self.over.set()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.01)


async def test_a_forced_end_that_was_lost_is_asked_for_again() -> None:
    step = Deaf(hears=3)
    assert await end_steps({"a": step}, force=False, grace_s=0.01, confirm_s=60.0) == []
    assert step.asked == [False, True, True, True]


async def test_what_goes_on_is_named_and_is_still_ended_later() -> None:
    step = Deaf(hears=50)
    assert await end_steps({"a": step}, force=True, grace_s=0.0, confirm_s=0.05) == ["a"]
    with pytest.raises(StepStopped):
        await step.outcome()
    assert step.asked == [True] * 50


async def test_what_ends_within_the_grace_is_not_forced() -> None:
    step = Deaf(hears=1)
    ended = asyncio.create_task(end_steps({"a": step}, force=False, grace_s=60.0, confirm_s=60.0))
    await step.was_asked.wait()
    step.over.set()
    assert await ended == []
    assert step.asked == [False]
