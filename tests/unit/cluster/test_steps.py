"""How the end of a step in a slot is told to the engine. What Ray gives is made here: no Ray."""

from __future__ import annotations

import asyncio

import pytest
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, WorkerCrashedError

from infra_mind.cluster.progress import ProgressActor
from infra_mind.cluster.steps import RayStep
from infra_mind.cluster.work import Ended
from infra_mind.tasks.execution import StepFailed

CRASH_RETRIES = 2


async def failure_of(end: bytes | RayError) -> StepFailed:
    ref: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    if isinstance(end, RayError):
        ref.set_exception(end)
    else:
        ref.set_result(end)
    with pytest.raises(StepFailed) as failed:
        await RayStep(ref, CRASH_RETRIES, "t-1.1.step.1").outcome()
    return failed.value


def words(monkeypatch: pytest.MonkeyPatch, note: tuple[str, str] | None = None, starts: int = 0) -> None:
    async def last_words(_: str) -> tuple[tuple[str, str] | None, int]:
        return note, starts

    monkeypatch.setattr("infra_mind.cluster.steps.last_words", last_words)


GONE = [NodeDiedError("gone"), OutOfMemoryError("full"), WorkerCrashedError()]


@pytest.mark.parametrize("error", GONE)
async def test_what_ray_gives_up_was_started_once_more_than_it_was_retried(
    error: RayError, monkeypatch: pytest.MonkeyPatch
) -> None:
    words(monkeypatch)
    assert (await failure_of(error)).attempts == 1 + CRASH_RETRIES


@pytest.mark.parametrize("error", GONE)
async def test_starts_of_several_kinds_are_counted_together(
    error: RayError, monkeypatch: pytest.MonkeyPatch
) -> None:
    words(monkeypatch, starts=5)
    assert (await failure_of(error)).attempts == 5


async def test_a_process_that_ended_itself_has_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    words(monkeypatch, ("MemoryLimitExceeded", "used 9 MiB, ceiling 8 MiB"), 3)
    failed = await failure_of(WorkerCrashedError())
    assert (failed.error_type, failed.attempts, failed.retryable) == ("MemoryLimitExceeded", 3, False)


async def test_the_progress_actor_keeps_the_last_start_that_asked() -> None:
    actor = ProgressActor.__new__(ProgressActor)
    actor._notes = {}
    assert await actor.read_note("one") == ("", 0)
    assert await actor.read_note("one", 2) == ("", 2)
    await actor.write_note("one", "MemoryLimitExceeded\nwhy")
    assert await actor.read_note("one", 3) == ("MemoryLimitExceeded\nwhy", 3)
    assert await actor.read_note("one") == ("MemoryLimitExceeded\nwhy", 3)


async def test_an_error_after_two_crashes_is_the_third_attempt() -> None:
    ended = Ended("failed", 1.5, 3, "FlakyError", "no luck", retryable=True)
    failed = await failure_of(ended.to_bytes())
    assert (failed.error_type, failed.attempts, failed.seconds) == ("FlakyError", 3, 1.5)
