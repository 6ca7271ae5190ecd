"""One claimed task from its input to its terminal commit: starts steps as soon as what they wait for is there, keeps each
result at once, tries failed ones again, resumes from what an earlier claim kept, and stops for real when told to."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import structlog

from infra_mind.errors import Unavailable
from infra_mind.model.result import AgentFailure
from infra_mind.model.task import AgentState, TaskError, TaskState
from infra_mind.tasks.alerts import WorkerFailure, failures_of
from infra_mind.tasks.ending import end_steps
from infra_mind.tasks.execution import Executor, Held, Outcome, Running, StepCall, StepFailed, StepStopped
from infra_mind.tasks.plan import Plan, Step, digest, slots_of
from infra_mind.tasks.retry import RetryPolicy
from infra_mind.tasks.run_clock import RunClock, task_limits
from infra_mind.tasks.store import AgentUpdate, Claim, Commit, Kept, TaskStore

log = structlog.get_logger(__name__)
T = TypeVar("T")

FAILURES = "failures"  # among the last step's results: the failed agents as JSON, because they are part of the result
HARD_LIMIT = "TimeLimitExceeded"
CLAIM = "claim"  # likewise: ids and times of the run, for the result's provenance
DAY = "day"  # a part of the input beside those that were handed in: the day on which the task was accepted


class Stop(StrEnum):
    CANCEL = "cancel"  # somebody asked: end as REVOKED
    LOST = "lost"  # another claim holds the task: stop, write nothing
    DRAIN = "drain"  # this dispatcher goes away: hand the task over with what was kept
    HARD_LIMIT = "hard_limit"  # over its time: end as FAILURE


@dataclass(frozen=True)
class RunLimits:
    """Seconds; `agent_...` of each single run of an agent. `grace_s`: between asking a step to stop and ending its process. `confirm_s`: how long a forced end may take."""

    soft_s: float = 600.0
    hard_s: float = 900.0
    agent_soft_s: float | None = None
    agent_hard_s: float | None = None
    grace_s: float = 1.5
    confirm_s: float = 10.0
    min_agents: int = 1
    store_pause_s: float = 0.25
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class _TaskFailed(Exception):  # noqa: N818 - internal signal that carries the error to the commit
    def __init__(self, error: TaskError) -> None:
        self.error = error


class TaskRun:
    """Runs one claim. `parts` gives the hash of each part of the input (see `Step.reads`)."""

    def __init__(
        self, claim: Claim, *, plan: Plan, store: TaskStore, executor: Executor, limits: RunLimits,
        parts: Callable[[bytes], Mapping[str, str]], chance: random.Random,
        on_worker_failure: Callable[[WorkerFailure], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._on_worker_failure = on_worker_failure
        self.claim, self._plan, self._store, self._executor, self._limits = (
            claim,
            plan,
            store,
            executor,
            limits,
        )
        self._parts_of, self._chance = parts, chance
        self._stop: Stop | None = None
        self._stop_asked = asyncio.Event()
        self._running: dict[str, Running] = {}
        self._input: Held = None
        self._parts: Mapping[str, str] = {}
        self._kept: dict[str, Kept] = {}  # what earlier claims kept
        self._held: dict[str, Held] = {}
        self._marks: dict[str, str] = {}  # digest of each result that is there
        self._failures: dict[str, AgentFailure] = {}
        self._cut_short: dict[str, AgentFailure] = {}  # gave what they had when they were asked to stop
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # a result has come
        self._prepared = False
        self._soft_over = False
        self._ending = False  # nothing is begun any more; what is to be stored is the end
        soft_s, hard_s = task_limits(claim.options, limits.soft_s, limits.hard_s)
        self._clock = RunClock(soft_s, hard_s, asyncio.get_running_loop().time)

    @property
    def open_steps(self) -> int:
        """Slots of what runs or will ask for one at once; a run that waits for a retry counts as one."""
        if not self._prepared:
            return self._plan.width
        return slots_of(self._plan.by_name[name] for name in self._running)

    def stop(self, why: Stop) -> None:
        """Stops the run as soon as it can. LOST and HARD_LIMIT win over a request that came before."""
        if self._stop is None or why in (Stop.LOST, Stop.HARD_LIMIT):
            self._stop = why
        self._stop_asked.set()

    async def run(self) -> None:
        """Ends when nothing of the task runs here any more; never raises for anything the task itself did."""
        if self.claim.cancel_requested:
            self.stop(Stop.CANCEL)
        work = asyncio.ensure_future(self._work())
        asked = asyncio.ensure_future(self._stop_asked.wait())
        over = asyncio.ensure_future(self._over())
        await asyncio.wait({work, asked, over}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            if not self._stop_asked.is_set():
                self.stop(over.result())
            work.cancel()
        asked.cancel()
        over.cancel()
        error = await _end_of(work)
        self._ending = True
        await self._end_steps(force=self._stop in (Stop.LOST, Stop.HARD_LIMIT, Stop.DRAIN))
        await self._commit_end(error)

    async def _over(self) -> Stop:
        """Waits until the time is over; without a slot nothing can run, and the task waits on in the store."""
        while True:
            await self._clock.wait()
            if await self._executor.slots() == 0:
                return Stop.DRAIN
            if self._clock.over:
                return Stop.HARD_LIMIT

    # -- the steps ----------------------------------------------------------------------------------------------------
    async def _work(self) -> None:
        await self._prepare()
        pending: dict[str, asyncio.Task[None]] = {}
        loop = asyncio.get_running_loop()
        try:
            while self._plan.last.name not in self._marks:
                self._news = loop.create_future()
                for step in self._plan.ready(self._marks, self._failures, pending):
                    pending[step.name] = asyncio.create_task(self._step(step))
                wait_s = None if self._soft_over else self._clock.soft_left_s
                done, _ = await asyncio.wait(
                    {*pending.values(), self._news}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
                )
                if not done and not self._soft_over:
                    if await self._executor.slots() > 0:
                        await self._soft_limit()
                    else:
                        self._clock.put_off_soft()
                for name in [name for name, task in pending.items() if task in done]:
                    pending.pop(name).result()
                self._check_failures()
            await asyncio.gather(*pending.values())  # results that are still on their way to the store
        finally:
            for task in pending.values():
                task.cancel()
            await asyncio.gather(*pending.values(), return_exceptions=True)

    async def _prepare(self) -> None:
        claim = self.claim
        data, self._kept = await asyncio.gather(
            self._insist(lambda: self._store.assessment_input(claim.assessment_id)),
            self._insist(lambda: self._store.kept(claim.task_id)),
        )
        self._parts = {**await asyncio.to_thread(self._parts_of, data), DAY: claim.created_at[:10]}
        self._plan = self._plan.divided(self._parts)
        self._input = await self._executor.hold(data)
        taken = [
            step
            for step in self._plan.steps
            if all(name in self._marks for name in (*step.needs, *step.after)) and await self._take_kept(step)
        ]
        await self._tell_kept(taken)
        self._prepared = True

    async def _tell_kept(self, steps: Sequence[Step]) -> None:
        """A replay begins with agents that another task has done; of an earlier claim of this one they are DONE already."""
        claim = self.claim
        done = [
            AgentUpdate(claim.task_id, claim.fence, s.name, AgentState.DONE, 100.0, 0, note="kept from an earlier run")
            for s in steps
            if s.agent
        ]  # fmt: skip
        if done:
            await self._insist(lambda: self._store.update(done))

    async def _take_kept(self, step: Step) -> bool:
        """Takes what an earlier claim kept, if it was reckoned from what the step would get now."""
        found = self._kept.get(step.name)
        if found is None or found.inputs_hash != self._plan.inputs_hash(step, self._parts, self._marks):
            return False
        await self._have(step, found.data)
        return True

    async def _step(self, step: Step) -> None:
        """One step to its end: result kept, or failure recorded. Tries again as the policy says."""
        # what it comes after may have failed again, as it did in an earlier claim
        if await self._take_kept(step):
            await self._tell_kept([step])
            return
        attempt, retry = 0, self._limits.retry
        while True:
            if self._soft_over and step is not self._plan.last:
                await self._failed(step, StepFailed("SoftTimeLimitExceeded", _SOFT, retryable=False), attempt)
                return
            attempt += 1
            try:
                outcome = await self._attempt(step, attempt)
            except StepStopped:
                if not self._soft_over:
                    raise
                await self._failed(step, StepFailed("SoftTimeLimitExceeded", _SOFT, retryable=False), attempt)
                return
            except StepFailed as error:
                self._told_failures(step, error.attempts, error.error_type, error.message)
                if self._clock.over:  # it was the first to run, and it is known only now that it did
                    self.stop(self._stop or Stop.HARD_LIMIT)
                    self._go_no_further()
                attempt += error.attempts - 1
                wait_s = retry.wait_s(
                    attempt, retryable=error.retryable and not self._soft_over, chance=self._chance
                )
                if wait_s is None:
                    await self._failed(step, error, attempt)
                    return
                reason = f"{error.error_type}: {error.message}; next attempt in {wait_s:.1f} s"
                await self._tell(
                    step, AgentState.RETRY, attempt, reason=reason, ran_s=error.seconds, retry_in_s=wait_s
                )
                await asyncio.sleep(wait_s)
            else:
                self._told_failures(step, outcome.attempts)
                await self._keep(step, outcome, attempt + outcome.attempts - 1)
                return

    def _told_failures(self, step: Step, attempts: int, error_type: str = "", message: str = "") -> None:
        for failure in failures_of(step.name, attempts, error_type, message):
            self._on_worker_failure(failure)

    async def _attempt(self, step: Step, attempt: int) -> Outcome:
        claim = self.claim
        results = {name: self._held[name] for name in (*step.needs, *step.after) if name in self._held}
        if step is self._plan.last:
            failures = [
                *self._failure_list(),
                *(self._cut_short[n] for n in self._plan.by_name if n in self._cut_short),
            ]
            results[FAILURES] = await self._executor.hold(
                json.dumps([f.model_dump() for f in failures]).encode()
            )
        if step is self._plan.last or DAY in step.reads:
            run = {"assessment_id": claim.assessment_id, "task_id": claim.task_id, "attempt": claim.attempt, "created_at": claim.created_at}  # fmt: skip
            results[CLAIM] = await self._executor.hold(json.dumps(run).encode())
        call = StepCall(
            task_id=claim.task_id, assessment_id=claim.assessment_id, fence=claim.fence, step=step.name,
            attempt=attempt, agent=step.agent, input=self._input, results=results, waits=step.waits,
            **self._limits_of(step),
        )  # fmt: skip
        running = self._executor.start(call, self._runs)
        self._running[step.name] = running
        try:
            outcome = await running.outcome()  # a cancelled wait leaves it in `_running`, for `_end_steps`
        except StepFailed as error:
            self._runs(call.hard_s or 0.0 if error.error_type == HARD_LIMIT else error.seconds)
            raise
        self._runs(outcome.seconds)
        del self._running[step.name]
        return outcome

    def _runs(self, since_s: float = 0.0) -> None:
        """A step is known to run, or to have run, since so many seconds."""
        self._clock.begin(since_s)
        self._look()

    def _limits_of(self, step: Step) -> dict[str, float | None]:
        """Of an agent its own. Of whatever may be the first to run also those of the task: no more than the step itself may know that
        the time of the task has begun. What makes the result of what is there is never asked to stop."""
        given, own, clock = self.claim.options, self._limits, self._clock
        soft_s = (given.agent_soft_limit_s or own.agent_soft_s) if step.agent else None
        hard_s = (given.agent_hard_limit_s or own.agent_hard_s) if step.agent else None
        if not clock.begun:
            soft_s = None if step is self._plan.last else min(soft_s or clock.soft_s, clock.soft_s)
            hard_s = min(hard_s or clock.hard_s, clock.hard_s)
        return {"soft_s": soft_s, "hard_s": hard_s}

    async def _keep(self, step: Step, outcome: Outcome, attempt: int) -> None:
        if step is self._plan.last:
            self._result = outcome.data
            self._marks[step.name] = "result"
            return
        claim, inputs_hash = self.claim, self._plan.inputs_hash(step, self._parts, self._marks)
        if outcome.stopped:  # good enough for this result, but not to go on from
            self._cut_short[step.name] = AgentFailure(
                agent=step.name, error_type="SoftTimeLimitExceeded", message=f"{_SOFT}; it gave what it had until then", attempt=attempt
            )  # fmt: skip
            inputs_hash += " stopped"
        kept = Kept(step.name, inputs_hash, outcome.data)
        done = AgentUpdate(claim.task_id, claim.fence, step.name, AgentState.DONE, 100.0, attempt)
        await self._have(step, outcome.data, outcome.came)  # what waits for it starts while it is being kept
        commit = await self._insist(
            lambda: self._store.keep(
                claim.task_id, claim.fence, kept, agent=done if step.agent else None, seconds=outcome.seconds
            )
        )
        if commit is Commit.STALE:
            self.stop(Stop.LOST)

    async def _have(self, step: Step, data: bytes, came: Any = None) -> None:
        self._held[step.name] = await self._executor.hold(data, came)
        self._marks[step.name] = digest(data)
        self._look()

    def _look(self) -> None:
        """There is news for `_work`."""
        if not self._news.done():
            self._news.set_result(None)

    async def _failed(self, step: Step, error: StepFailed, attempt: int) -> None:
        self._running.pop(step.name, None)
        self._failures[step.name] = AgentFailure(
            agent=step.name, error_type=error.error_type, message=error.message, attempt=attempt
        )
        reason = f"{error.error_type}: {error.message}"
        await self._tell(step, AgentState.FAILED, attempt, reason=reason, ran_s=error.seconds)

    async def _tell(
        self,
        step: Step,
        state: AgentState,
        attempt: int,
        *,
        reason: str,
        ran_s: float = 0.0,
        retry_in_s: float | None = None,
    ) -> None:
        self._running.pop(step.name, None)
        if step.agent:
            claim = self.claim
            update = AgentUpdate(
                claim.task_id,
                claim.fence,
                step.name,
                state,
                0.0,
                attempt,
                reason=reason,
                ran_s=ran_s,
                retry_in_s=retry_in_s,
            )
            await self._insist(lambda: self._store.update([update]))

    async def _soft_limit(self) -> None:
        self._soft_over = True
        last = (
            self._plan.last.name
        )  # it makes a result of what is there: stopping it would throw everything away
        await asyncio.gather(
            *(r.stop(force=False) for name, r in list(self._running.items()) if name != last)
        )

    def _failure_list(self) -> list[AgentFailure]:
        return [self._failures[name] for name in self._plan.by_name if name in self._failures]

    def _check_failures(self) -> None:
        """Raises _TaskFailed when what failed cannot be done without."""
        for failure in self._failure_list():
            if failure.agent in self._plan.needed:
                message = f"{failure.agent} failed and others need it: {failure.message}"
                raise _TaskFailed(
                    TaskError(type=failure.error_type, message=message, attempt=failure.attempt)
                )
        left = sum(1 for name in self._plan.agents if name not in self._failures)
        if self._failures and left < self._limits.min_agents:
            names = ", ".join(self._failures)
            raise _TaskFailed(TaskError(type="TooFewAgents", message=f"fewer than {self._limits.min_agents} agents are left; failed: {names}"))  # fmt: skip

    # -- the end ------------------------------------------------------------------------------------------------------
    async def _end_steps(self, *, force: bool) -> None:
        """Returns when nothing of the task runs, or cannot be seen to end."""
        limits = self._limits
        if left := await end_steps(
            self._running, force=force, grace_s=limits.grace_s, confirm_s=limits.confirm_s
        ):
            log.error("steps did not end", task_id=self.claim.task_id, steps=left)
        self._running.clear()

    async def _commit_end(self, error: BaseException | None) -> None:
        claim, store = self.claim, self._store
        if self._stop is Stop.LOST:
            return
        if self._stop is Stop.DRAIN:
            await self._insist(lambda: store.release(claim.task_id, claim.fence))
        elif self._stop is Stop.CANCEL:
            await self._finish(TaskState.REVOKED)
        elif self._stop is Stop.HARD_LIMIT:
            await self._finish(TaskState.FAILURE, TaskError(type=HARD_LIMIT, message=f"ran longer than its hard limit of {self._clock.hard_s:g} s; its processes were ended"))  # fmt: skip
        elif isinstance(error, _TaskFailed):
            await self._finish(TaskState.FAILURE, error.error)
        elif error is not None:
            log.error("task run broke", task_id=claim.task_id, error=type(error).__name__)
            await self._finish(
                TaskState.FAILURE,
                TaskError(
                    type=type(error).__name__,
                    message="an error of the engine itself, see the dispatcher's log",
                ),
            )
        else:
            try:
                await self._finish(TaskState.SUCCESS)
            except Unavailable:
                # what keeps its result is away, and somebody asked to stop, or its time is over
                if not self._stop_asked.is_set():
                    self.stop(Stop.HARD_LIMIT)
                await self._commit_end(None)

    async def _finish(self, state: TaskState, error: TaskError | None = None) -> None:
        claim = self.claim
        good = state is TaskState.SUCCESS
        status = {TaskState.FAILURE: "failed", TaskState.REVOKED: "cancelled"}.get(state) or (
            "partial" if self._failures or self._cut_short else "completed"
        )
        commit = await self._insist(
            lambda: self._store.finish(
                claim.task_id, claim.fence, state,
                result=self._result if good else None, assessment_status=status, error=error,
            ),
            until_stopped=good,
        )  # fmt: skip
        if commit is Commit.CANCELLED and state is not TaskState.REVOKED:
            await self._finish(TaskState.REVOKED)

    _result: bytes | None = None

    async def _insist(self, call: Callable[[], Awaitable[T]], *, until_stopped: bool = False) -> T:
        """Repeats a store call while the store is away; whoever lost the lease meanwhile finds out from the answer. `until_stopped`:
        Unavailable once the run was asked to stop, or is over its hard limit."""
        while True:
            try:
                answer = await call()
            except Unavailable:
                if until_stopped and (self._stop is not None or self._clock.over):
                    raise
            else:
                self._go_no_further()
                return answer
            self._go_no_further()
            await asyncio.sleep(self._limits.store_pause_s * (0.5 + self._chance.random()))

    def _go_no_further(self) -> None:
        """Takes up a cancellation that was lost: on Python 3.11 `asyncio.wait_for`, inside the client of the store, gives back what
        comes at the same moment, an answer or an error, instead of being cancelled."""
        if self._stop is not None and not self._ending:
            raise asyncio.CancelledError


_SOFT = "asked to stop at its soft time limit"


async def _end_of(work: asyncio.Future[None]) -> BaseException | None:
    """Waits for a future, whatever it gives; its error, or None."""
    await asyncio.wait({work})
    if work.cancelled():
        return asyncio.CancelledError(
            "the run was cancelled from inside"
        )  # only looked at when nobody asked to stop
    return work.exception()
