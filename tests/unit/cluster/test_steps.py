"""How the end of a step in a slot is told to the engine. What Ray gives is made here: no Ray."""

from __future__ import annotations

import asyncio

import pytest
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, WorkerCrashedError

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


@pytest.mark.parametrize("error", [NodeDiedError("gone"), OutOfMemoryError("full"), WorkerCrashedError()])
async def test_what_ray_gives_up_was_started_once_more_than_it_was_retried(
    error: RayError, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_note(_: str) -> None:
        return None

    monkeypatch.setattr("infra_mind.cluster.steps.note_of", no_note)
    assert (await failure_of(error)).attempts == 1 + CRASH_RETRIES


async def test_an_error_after_two_crashes_is_the_third_attempt() -> None:
    ended = Ended("failed", 1.5, 3, "FlakyError", "no luck", retryable=True)
    failed = await failure_of(ended.to_bytes())
    assert (failed.error_type, failed.attempts, failed.seconds) == ("FlakyError", 3, 1.5)
