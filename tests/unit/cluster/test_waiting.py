"""A step in the wait runner, as its dispatcher sees it. The runner is a stand-in: no Ray."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import RayActorError

from infra_mind.cluster import waiting
from infra_mind.cluster.waiting import WaitStep
from infra_mind.cluster.work import Ended, Work
from infra_mind.tasks.execution import Outcome, StepCall, StepFailed, StepStopped

IN_VAIN_S = 20.0  # only what never ends takes so long
CALL = StepCall("t-1", "a-1", 1, "step", 1, True, b"", {}, waits=True)


class Runner:
    """One call in a runner: `ended` is its end; what is done to it is kept in `done`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.done: list[str] = []
        self.begins: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.free = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda: self.begins))
        self.run = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda *_: self.ended))
        monkeypatch.setattr(ray, "cancel", lambda *_, **__: self.done.append("cancel"))
        monkeypatch.setattr(ray, "kill", lambda *_, **__: self._die())

    def _die(self) -> None:
        self.done.append("kill")
        self.ended.set_exception(RayActorError())


class Alone:
    """A step in a slot; it ends when it is forced to."""

    def __init__(self, call: StepCall) -> None:
        self.call = call
        self.ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    async def outcome(self) -> Outcome:
        return await asyncio.shield(self.ended)

    async def stop(self, *, force: bool) -> None:
        if force:
            self.ended.set_exception(StepStopped())


class Slots:
    def __init__(self) -> None:
        self.started: list[Alone] = []

    def start(self, call: StepCall) -> Alone:
        self.started.append(Alone(call))
        return self.started[-1]


@pytest.fixture
async def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(monkeypatch)


@pytest.fixture
def slots() -> Slots:
    return Slots()


def step_in(runner: Runner, slots: Slots, **limits: Any) -> WaitStep:
    return WaitStep(runner, Work("t-1", 1, "step", 1, True, "m:f", (), **limits), CALL, slots.start)


async def until(check: Any) -> None:
    async with asyncio.timeout(60):
        while not check():  # noqa: ASYNC110 - what it waits for is the loop itself
            await asyncio.sleep(0)


async def went_on_alone(runner: Runner, slots: Slots) -> WaitStep:
    """Its runner died while its dispatcher waited for it, and that wait is over: its task ends."""
    step = step_in(runner, slots)
    waits = asyncio.ensure_future(step.outcome())
    runner.ended.set_exception(RayActorError())
    await until(lambda: slots.started)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    return step


async def test_a_step_whose_runner_died_goes_on_alone_under_the_next_attempt(
    runner: Runner, slots: Slots
) -> None:
    step = await went_on_alone(runner, slots)
    (alone,) = slots.started
    alone.ended.set_result(Outcome(b"x", 1.0))
    assert await asyncio.wait_for(step.outcome(), IN_VAIN_S) == Outcome(b"x", 1.0, attempts=2)
    assert alone.call.attempt == 2


async def test_a_failure_after_its_runner_died_counts_that_start_too(runner: Runner, slots: Slots) -> None:
    step = await went_on_alone(runner, slots)
    slots.started[0].ended.set_exception(StepFailed("FlakyError", "no luck", retryable=True, attempts=2))
    with pytest.raises(StepFailed) as failed:
        await asyncio.wait_for(step.outcome(), IN_VAIN_S)
    assert failed.value.attempts == 3


async def test_one_that_went_on_alone_is_not_started_again_by_who_waits_for_its_end(
    runner: Runner, slots: Slots
) -> None:
    step = await went_on_alone(runner, slots)
    end = asyncio.ensure_future(step.outcome())
    await asyncio.sleep(0)
    await step.stop(force=True)
    with pytest.raises(StepStopped):
        await asyncio.wait_for(end, IN_VAIN_S)
    assert [alone.ended.done() for alone in slots.started] == [True]


async def test_one_that_goes_on_alone_has_not_ended_because_it_was_asked_to(
    runner: Runner, slots: Slots
) -> None:
    step = await went_on_alone(runner, slots)
    await step.stop(force=False)
    end = asyncio.ensure_future(step.outcome())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not end.done()
    slots.started[0].ended.set_result(Outcome(b"x", 1.0, stopped=True))
    assert (await asyncio.wait_for(end, IN_VAIN_S)).data == b"x"


async def test_one_that_was_asked_to_stop_before_its_runner_died_does_not_go_on(
    runner: Runner, slots: Slots
) -> None:
    step = step_in(runner, slots)
    await step.stop(force=False)
    runner.ended.set_exception(RayActorError())
    with pytest.raises(StepStopped):
        await asyncio.wait_for(step.outcome(), IN_VAIN_S)
    assert (runner.done, slots.started) == (["cancel"], [])


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is given beyond the limit."""
    for name in ("OVER_AFTER_S", "FORCE_AFTER_S"):
        monkeypatch.setattr(waiting, name, 0.0)


@pytest.mark.usefixtures("at_once")
async def test_one_that_goes_on_beyond_its_hard_limit_is_ended_with_its_runner(
    runner: Runner, slots: Slots
) -> None:
    step = step_in(runner, slots, soft_s=0.005, hard_s=0.01)
    runner.begins.set_result(None)
    with pytest.raises(StepFailed, match=r"hard limit of 0\.01 s") as failed:
        await asyncio.wait_for(step.outcome(), IN_VAIN_S)
    assert (failed.value.error_type, failed.value.retryable) == ("TimeLimitExceeded", False)
    assert (runner.done, slots.started) == (["cancel", "kill"], [])


@pytest.mark.usefixtures("at_once")
async def test_the_hard_limit_does_not_count_before_the_runner_could_begin(
    runner: Runner, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float | None] = []
    wait = asyncio.wait

    async def noted(what: Any, *, timeout: float | None = None, **more: Any) -> Any:
        waited.append(timeout)
        return await wait(what, timeout=timeout, **more)

    monkeypatch.setattr(asyncio, "wait", noted)
    step = step_in(runner, slots, hard_s=7.0)
    await until(lambda: waited)
    for _ in range(5):
        await asyncio.sleep(0)
    assert waited == [None]
    runner.begins.set_result(None)
    await until(lambda: waited == [None, 7.0])
    runner.ended.set_result(Ended("done", 1.0, data=b"x").to_bytes())
    assert (await asyncio.wait_for(step.outcome(), IN_VAIN_S)).data == b"x"
