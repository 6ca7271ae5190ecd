"""Steps that wait: many of them in one process, the wait runner, instead of a slot and a process each.

Each dispatcher has a runner of its own, beside it; it ends with its dispatcher. Ray starts it again when it dies, and what ran in it
is then started again alone, in a slot: whoever ended the process does so to itself only, and the others do not suffer twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError, TaskCancelledError

from infra_mind.assessment import assessor, is_permanent, told
from infra_mind.cluster.engine import ON_HEAD, STEP_NICENESS, Engine, give_way
from infra_mind.cluster.stopping import HARD, SOFT, sentence
from infra_mind.cluster.work import Ended, Work, outcome_of, progress_of
from infra_mind.tasks.execution import Outcome, Running, StepCall, StepFailed, StepStopped

AT_ONCE = 1000
FORCE_AFTER_S = (
    0.5  # what awaits ends at once when it is cancelled; whoever does not is ended with its process
)


class WaitRunner:
    """Wrapped by Ray in `wait_runner`."""

    def __init__(self, agents: str) -> None:
        give_way(STEP_NICENESS)
        self._assessor = assessor(agents)
        _ = self._assessor.table  # imported now, not by the first step

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
                    given = dict(zip(work.results, results, strict=True))
                    out = await self._assessor.run_waiting(work.step, data, given, progress)
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
    """A step in a runner. `alone` starts it again in a slot of its own."""

    def __init__(self, runner: Any, work: Work, call: StepCall, alone: Callable[[StepCall], Running]) -> None:
        self._runner, self._call, self._start_alone = runner, call, alone
        run = runner.run.options(name=f"{call.step} {call.assessment_id}", max_task_retries=0)
        self._ref = run.remote(work.to_bytes(), call.input, *call.results.values())
        self._end = asyncio.ensure_future(_end_of(self._ref))
        self._alone: Running | None = None
        self._stopped = False

    async def outcome(self) -> Outcome:
        if self._alone is None:
            try:
                ended = Ended.from_bytes(await asyncio.shield(self._end))
            except RayError as error:
                self._go_on_after(error)
            else:
                return outcome_of(ended, stopped=self._stopped)
        return await self._outcome_alone()

    async def stop(self, *, force: bool) -> None:
        """Cancels it; with `force` its runner is ended when that does not help."""
        self._stopped = True
        if self._alone is not None:
            await self._alone.stop(force=force)
            return
        ray.cancel(self._ref, recursive=True)
        if force:
            done, _ = await asyncio.wait({self._end}, timeout=FORCE_AFTER_S)
            if not done:
                ray.kill(self._runner, no_restart=False)

    def _go_on_after(self, error: RayError) -> None:
        """Starts it alone, once, when its process died, by its own fault or by another's; raises how it ended otherwise."""
        if self._alone is not None:
            return
        cause = error.cause if isinstance(error, RayTaskError) else error
        if self._stopped:
            raise StepStopped from None
        if isinstance(error, RayActorError):
            self._alone = self._start_alone(replace(self._call, attempt=self._call.attempt + 1))
            return
        if isinstance(error, TaskCancelledError) or isinstance(cause, TaskCancelledError):
            raise StepFailed("TaskCancelled", "the step was cancelled from outside", retryable=True) from None
        raise StepFailed(type(cause).__name__, told(cause), retryable=True) from None

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
