"""Steps as Ray tasks: what runs in the worker process, and the `Executor` that starts, watches and ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import (
    NodeDiedError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)

from infra_mind.agents.base import Stopped
from infra_mind.assessment import assessor, is_permanent, spare_the_collector, told
from infra_mind.cluster.endings import last_words, note_before, over_time
from infra_mind.cluster.engine import SLOT, STEP_NICENESS, Engine, give_way
from infra_mind.cluster.memory import ERROR_TYPE as MEMORY
from infra_mind.cluster.memory import MIB, memory, sentence, under_ceiling
from infra_mind.cluster.stopping import SOFT, Asked, stoppable
from infra_mind.cluster.stopping import sentence as stop_sentence
from infra_mind.cluster.waiting import WaitStep, wait_runner
from infra_mind.cluster.work import Ended, Work, outcome_of, parcel, progress_of
from infra_mind.tasks.execution import Held, Outcome, Running, StepCall, StepFailed, StepStopped
from infra_mind.tasks.packing import unpack

INLINE_BYTES = (
    64 * 1024
)  # what is smaller, packed, travels with the call; what is larger goes to the object store once
SLOTS_FRESH_S = 1.0
# Ray has a count of starts of its own for each of them.
GONE = (OutOfMemoryError, WorkerCrashedError, NodeDiedError)


def run_step(packed: bytes, data: bytes, *results: bytes) -> bytes:
    """Runs in a worker process; takes what `RayExecutor.hold` gave, and gives an `Ended`. A crash of the process is not seen here:
    Ray starts the step again."""
    give_way(STEP_NICENESS)
    spare_the_collector()
    work, crashes = Work.from_bytes(packed), _crashes_before()
    # the process before may have ended itself: the same would come again
    if crashes and (note := note_before(work.key, 1 + crashes)):
        return Ended("failed", 0.0, crashes, *note).to_bytes()
    begin = time.perf_counter()
    asked = Asked()
    try:
        with (
            stoppable(work.soft_s, work.hard_s, lambda: over_time(work.key, work.hard_s or 0.0)) as asked,
            under_ceiling(work.memory_mb, work.key),
            progress_of(work, work.attempt + crashes) as progress,
            asked,
        ):
            given = dict(zip(work.results, map(unpack, results), strict=True))
            out = assessor(work.agents).run(work.step, unpack(data), given, progress)
    except Exception as error:
        seconds = time.perf_counter() - begin
        if isinstance(error, MemoryError) and work.memory_mb:
            why = f"asked for more at once than is left: {sentence(memory().private, work.memory_mb * MIB)}"
            return Ended("failed", seconds, 1 + crashes, MEMORY, why).to_bytes()
        if isinstance(error, Stopped) and asked.by == "limit":
            why = stop_sentence(SOFT, work.soft_s or 0.0)
            return Ended("failed", seconds, 1 + crashes, SOFT, why).to_bytes()
        kind, retryable = type(error).__name__, not is_permanent(error)
        return Ended("failed", seconds, 1 + crashes, kind, told(error), retryable).to_bytes()
    seconds = time.perf_counter() - begin
    return Ended("done", seconds, 1 + crashes, stopped=bool(asked.by), data=out).to_bytes()


def _crashes_before() -> int:
    """How often Ray started this very task before; there is no public call for it."""
    attempt: int = ray._private.worker.global_worker.core_worker.get_current_task_attempt_number()
    return attempt


class RayExecutor:
    """`make_room` is called before each step that takes a slot."""

    def __init__(self, engine: Engine, make_room: Callable[[], None] = lambda: None) -> None:
        self._engine, self._make_room = engine, make_room
        self._per_step, self.resources = step_resources(engine)
        self._function = ray.remote(
            **self.resources, max_retries=engine.crash_retries, max_calls=engine.recycle_after
        )(run_step)
        self._slots: tuple[float, int] = (-SLOTS_FRESH_S, 0)
        self._runner = wait_runner(engine) if any(s.waits for s in engine.assessor().plan.steps) else None

    async def hold(self, data: bytes, came: bytes | None = None) -> Held:
        travels = came or parcel(data)
        return travels if len(travels) <= INLINE_BYTES else ray.put(travels)

    def start(self, call: StepCall, begun: Callable[[], None]) -> Running:  # noqa: ARG002 - Ray does not tell
        if call.waits and self._runner is not None:
            return WaitStep(self._runner, self._work(call), call, self.start_alone)
        return self.start_alone(call)

    def start_alone(self, call: StepCall) -> RayStep:
        """In a slot, and so in a process of its own."""
        self._make_room()
        work = self._work(call)
        function = self._function.options(name=f"{call.step} {call.assessment_id}")
        return RayStep(
            function.remote(work.to_bytes(), call.input, *call.results.values()),
            self._engine.crash_retries,
            work.key,
        )

    def _work(self, call: StepCall) -> Work:
        return Work(
            call.task_id,
            call.fence,
            call.step,
            call.attempt,
            call.agent,
            self._engine.agents,
            tuple(call.results),
            self._engine.memory_mb,
            call.soft_s,
            call.hard_s,
        )

    async def slots(self) -> int:
        at, slots = self._slots
        if time.monotonic() - at >= SLOTS_FRESH_S:
            resources = await asyncio.to_thread(ray.cluster_resources)
            slots = int(resources.get(self._per_step, 0))
            self._slots = (time.monotonic(), slots)
        return slots

    async def slots_here(self) -> int:
        """Slots of this very node: only here can processes be warmed; the head of a cluster has none."""
        me = ray.get_runtime_context().get_node_id()
        nodes = await asyncio.to_thread(ray.nodes)
        return next((int(n["Resources"].get(self._per_step, 0)) for n in nodes if n["NodeID"] == me), 0)


class RayStep:
    def __init__(self, ref: Any, crash_retries: int, key: str) -> None:
        self._ref, self._crash_retries, self._key = ref, crash_retries, key
        self._stopped = False

    async def outcome(self) -> Outcome:
        try:
            ended = Ended.from_bytes(await self._ref)
        except RayError as error:
            failure = self._failure(error)
            if isinstance(error, GONE) and isinstance(failure, StepFailed):  # no attempt was left to tell
                note, starts = await last_words(self._key)
                if note and isinstance(error, WorkerCrashedError):
                    failure = StepFailed(*note, retryable=False)
                failure.attempts = max(failure.attempts, starts)
            raise failure from None
        return outcome_of(ended, stopped=self._stopped)

    async def stop(self, *, force: bool) -> None:
        self._stopped = True
        ray.cancel(self._ref, force=force, recursive=True)

    def _failure(self, error: RayError) -> Exception:
        cause = error.cause if isinstance(error, RayTaskError) else error
        if self._stopped:
            return StepStopped()
        if isinstance(error, TaskCancelledError) or isinstance(cause, TaskCancelledError):
            return StepFailed("TaskCancelled", "the step was cancelled from outside", retryable=True)
        attempts = self._crash_retries + 1
        if isinstance(error, OutOfMemoryError):
            return StepFailed(
                "OutOfMemory",
                "its process used too much memory and was ended",
                retryable=False,
                attempts=attempts,
            )
        if isinstance(error, WorkerCrashedError):
            message = f"its process died {attempts} times; the input may crash it"
            return StepFailed("WorkerCrashed", message, retryable=False, attempts=attempts)
        if isinstance(
            error, NodeDiedError
        ):  # its last start, as of a crash: Ray had started it again until then
            return StepFailed(
                type(error).__name__, told(error).splitlines()[0], retryable=True, attempts=attempts
            )
        if isinstance(error, RayTaskError):
            return StepFailed(type(cause).__name__, told(cause), retryable=True)
        return StepFailed(type(error).__name__, told(error).splitlines()[0], retryable=True)


def step_resources(engine: Engine) -> tuple[str, dict[str, Any]]:
    """What one step takes: a slot; on a cluster that was started without slots (`auto`), one CPU."""
    name = engine.slot_resource
    if name == "auto":
        name = SLOT if ray.cluster_resources().get(SLOT) else "CPU"
    if name == "CPU":
        return name, {"num_cpus": 1}
    return name, {"num_cpus": 0, "resources": {name: 1}}
