"""Steps that wait: many of them in one process, the wait runner, instead of a slot and a process each.

Each dispatcher has a runner of its own, beside it; it ends with its dispatcher. Ray starts it again when it dies, and what ran in it
is then started again alone, in a slot: whoever ended the process does so to itself only, and the others do not suffer twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError, TaskCancelledError

from infra_mind.assessment import assessor, is_permanent, told
from infra_mind.cluster.engine import ON_HEAD, STEP_NICENESS, Engine, give_way
from infra_mind.cluster.stopping import HARD, SOFT, sentence
from infra_mind.cluster.work import Ended, Work, outcome_of, progress_of
from infra_mind.tasks.execution import Outcome, Running, StepCall, StepFailed, StepStopped
from infra_mind.tasks.packing import unpack

AT_ONCE = 1000
FORCE_AFTER_S = (
    0.5  # what awaits ends at once when it is cancelled; whoever does not is ended with its process
)

OVER_AFTER_S = 1.5  # beyond its hard limit: the runner's own time-out comes first


class WaitRunner:
    """Wrapped by Ray in `wait_runner`."""

    def __init__(self, agents: str) -> None:
        give_way(STEP_NICENESS)
        self._assessor = assessor(agents)
        _ = self._assessor.table  # imported now, not by the first step

    async def free(self) -> None:
        """Answers as soon as what is called next can begin: the runner is there, and nothing holds it up."""

    async def run(self, packed: bytes, data: bytes, *results: bytes) -> bytes:
        """An `Ended`, as `run_step` gives it."""
        work = Work.from_bytes(packed)
        begin = time.perf_counter()
        kind, limit_s = (
            (SOFT, work.soft_s) if work.soft_s else (HARD, work.hard_s)
        )  # what awaits has one kind of end
        limit = asyncio.timeout(limit_s)
        try:
            with progress_of(work, work.attempt) as progress:
                async with limit:
                    given = dict(zip(work.results, map(unpack, results), strict=True))
                    out = await self._assessor.run_waiting(work.step, unpack(data), given, progress)
        except Exception as error:
            seconds = time.perf_counter() - begin
            if limit.expired() and isinstance(error, TimeoutError):
                return Ended("failed", seconds, 1, kind, sentence(kind, limit_s or 0.0)).to_bytes()
            kind, retryable = type(error).__name__, not is_permanent(error)
            return Ended("failed", seconds, 1, kind, told(error), retryable).to_bytes()
        return Ended("done", time.perf_counter() - begin, stopped=limit.expired(), data=out).to_bytes()


def wait_runner(engine: Engine) -> Any:
    """The handle of a new runner; it ends with the calling process. It needs no slot, and so no worker node."""
    # -1: a call waits while the runner is started again; those that were in it are not repeated there, see `WaitStep`
    options = {"max_concurrency": AT_ONCE, "max_restarts": -1, "max_task_retries": -1, "num_cpus": 0}
    return ray.remote(WaitRunner).options(**options, resources=ON_HEAD).remote(engine.agents)


class WaitStep:
    """A step in a runner. `alone` starts it again in a slot of its own.

    Whoever goes on beyond its hard limit, because it does not end when it is cancelled or lets nothing else run, is ended with its
    runner. The time counts from when the runner could begin it; that another one holds the runner up meanwhile is not told apart,
    as it is not by the runner's own time-out."""

    def __init__(self, runner: Any, work: Work, call: StepCall, alone: Callable[[StepCall], Running]) -> None:
        self._runner, self._call, self._start_alone = runner, call, alone
        free = runner.free.options(max_task_retries=0).remote() if work.hard_s else None
        run = runner.run.options(name=f"{call.step} {call.assessment_id}", max_task_retries=0)
        self._ref = run.remote(work.to_bytes(), call.input, *call.results.values())
        self._end = asyncio.ensure_future(_end_of(self._ref))
        self._alone: Running | None = None
        self._stopped = self._over = False
        self._hard_s = work.hard_s or 0.0
        self._limit = asyncio.ensure_future(self._end_when_over(free)) if free is not None else None

    async def outcome(self) -> Outcome:
        if self._alone is None:
            try:
                ended = Ended.from_bytes(await asyncio.shield(self._end))
            except RayError as error:
                self._go_on_after(error)
            else:
                self._check_over()
                return outcome_of(ended, stopped=self._stopped)
        return await self._outcome_alone()

    async def stop(self, *, force: bool) -> None:
        """Cancels it; with `force` its runner is ended when that does not help."""
        self._stopped = True
        if self._alone is not None:
            await self._alone.stop(force=force)
        else:
            await self._cancel(force=force)

    async def _cancel(self, *, force: bool) -> None:
        ray.cancel(self._ref, recursive=True)
        if force:
            done, _ = await asyncio.wait({self._end}, timeout=FORCE_AFTER_S)
            if not done:
                ray.kill(self._runner, no_restart=False)

    async def _end_when_over(self, free: Any) -> None:
        begun = asyncio.ensure_future(_answer_of(free))
        await asyncio.wait({self._end, begun}, return_when=asyncio.FIRST_COMPLETED)
        done, _ = await asyncio.wait({self._end}, timeout=self._hard_s + OVER_AFTER_S)
        if not done:
            self._over = True
            await self._cancel(force=True)

    def _go_on_after(self, error: RayError) -> None:
        """Starts it alone, once, when its process died, by its own fault or by another's; raises how it ended otherwise."""
        if self._alone is not None:
            return
        self._check_over()
        cause = error.cause if isinstance(error, RayTaskError) else error
        if self._stopped:
            raise StepStopped from None
        if isinstance(error, RayActorError):
            self._alone = self._start_alone(replace(self._call, attempt=self._call.attempt + 1))
            return
        if isinstance(error, TaskCancelledError) or isinstance(cause, TaskCancelledError):
            raise StepFailed("TaskCancelled", "the step was cancelled from outside", retryable=True) from None
        raise StepFailed(type(cause).__name__, told(cause), retryable=True) from None

    def _check_over(self) -> None:
        """What comes after the hard limit is its end, as in a slot, where the process is gone then."""
        if self._over:
            raise StepFailed(HARD, sentence(HARD, self._hard_s), retryable=False) from None

    async def _outcome_alone(self) -> Outcome:
        assert self._alone is not None
        try:
            outcome = await self._alone.outcome()
        except StepFailed as failed:
            failed.attempts += 1
            raise
        return replace(outcome, attempts=outcome.attempts + 1)


async def _end_of(ref: Any) -> bytes:
    raw: bytes = await ref
    return raw


async def _answer_of(ref: Any) -> None:
    with suppress(RayError):  # then the time counts from now
        await ref
