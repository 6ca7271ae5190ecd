"""A dispatcher claims tasks and runs them. Several run side by side; none knows anything that the store does not know."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from infra_mind.errors import InfraMindError, Unavailable
from infra_mind.tasks.alerts import WorkerFailure
from infra_mind.tasks.execution import Executor
from infra_mind.tasks.plan import Plan
from infra_mind.tasks.runner import RunLimits, Stop, TaskRun
from infra_mind.tasks.store import Claim, DispatcherInfo, Renewal, TaskStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DispatchLimits:
    """`surplus` steps beyond the free slots are claimed by all dispatchers together: the autoscaler sees them as demand.

    `report_s`: a change of what runs is told at most so late, and `heartbeat_s` is how often it is told without one.
    `poll_s`: at the latest after this long a dispatcher looks for work and expired leases, whatever signals were lost.
    `sweep_s`: how often it removes objects whose time is over."""

    lease_s: float = 15.0
    surplus: int = 4
    poll_s: float = 1.0
    heartbeat_s: float = 2.0
    report_s: float = 0.2
    store_pause_s: float = 0.5
    sweep_s: float = 10.0
    run: RunLimits = field(default_factory=RunLimits)


class Dispatcher:
    def __init__(
        self, name: str, *, node_id: str, plan: Plan, store: TaskStore, executor: Executor, limits: DispatchLimits,
        parts: Callable[[bytes], Mapping[str, str]], chance: random.Random, tell_alerts: bool = False,
    ) -> None:  # fmt: skip
        self._tell_alerts = tell_alerts
        self._telling: set[asyncio.Task[None]] = set()
        self.name, self._node_id, self._plan, self._store, self._executor = (
            name,
            node_id,
            plan,
            store,
            executor,
        )
        self._limits, self._parts, self._chance = limits, parts, chance
        self._runs: dict[str, tuple[TaskRun, asyncio.Task[None]]] = {}
        self._open: set[asyncio.Task[None]] = (
            set()
        )  # `_runs`, and older runs of the same tasks that still stop
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._closing = False
        self._drained = asyncio.Event()
        self._claim_in_flight = asyncio.Lock()
        self._looked_at = time.monotonic()
        self._slots = 0
        self._peers = 1

    @property
    def active(self) -> tuple[Claim, ...]:
        """Claims that run here now."""
        return tuple(run.claim for run, _ in self._runs.values())

    @property
    def silent_s(self) -> float:
        """Seconds since it last looked for work, whether or not the store answered."""
        return time.monotonic() - self._looked_at

    async def run(self) -> None:
        """Until `drain` (or cancelled): claims, runs, renews. Outlives every absence of the store."""
        async with asyncio.TaskGroup() as loops:  # one that breaks ends the others: half a dispatcher is none
            for loop in (self._claiming, self._listening, self._renewing, self._reporting, self._sweeping):
                loops.create_task(loop())

    async def drain(self, *, wait_s: float = 0.0) -> None:
        """Takes no more claims; lets what runs end for `wait_s`, then hands the rest over with what was kept."""
        self._closing = True
        self._drained.set()
        self._wake.set()
        async with self._claim_in_flight:  # what it brings is handed over, too
            pass
        if self._open and wait_s > 0:
            await asyncio.wait(self._open, timeout=wait_s)
        for run, _ in list(self._runs.values()):
            run.stop(Stop.DRAIN)
        if self._open:
            await asyncio.wait(self._open)

    async def _claiming(self) -> None:
        while not self._closing:
            self._wake.clear()
            self._looked_at = time.monotonic()
            try:
                async with self._claim_in_flight:
                    wanted = 0 if self._is_closing() else self._room()
                    claims = await self._store.claim(self.name, wanted) if wanted else []
                    for claim in claims:
                        self._start(claim)
            except Unavailable as error:
                await self._pause("claim", error)
                continue
            if not claims:
                await _either(self._wake, self._limits.poll_s)

    def _room(self) -> int:
        """How many tasks to claim now: what the slots can start plus this dispatcher's share of the surplus."""
        share = math.ceil((self._slots + self._limits.surplus) / max(1, self._peers))
        missing = share - sum(run.open_steps for run, _ in self._runs.values())
        return math.ceil(missing / max(1, self._plan.width)) if missing > 0 else 0

    def _start(self, claim: Claim) -> None:
        run = TaskRun(
            claim, plan=self._plan, store=self._store, executor=self._executor, limits=self._limits.run,
            parts=self._parts, chance=self._chance, on_worker_failure=self._worker_failed,
        )  # fmt: skip
        before = self._runs.get(claim.task_id)
        if (
            before
        ):  # this very dispatcher lost the lease and got the task again: the old run may write nothing
            before[0].stop(Stop.LOST)
        task = asyncio.create_task(run.run(), name=claim.task_id)
        self._runs[claim.task_id] = (run, task)
        self._changed.set()
        self._open.add(task)
        task.add_done_callback(lambda ended: self._ended(claim, ended))

    def _ended(self, claim: Claim, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        held = self._runs.get(claim.task_id)
        if held and held[1] is task:
            del self._runs[claim.task_id]
        if not task.cancelled() and (error := task.exception()):
            log.error("run ended with an error", task_id=claim.task_id, error=repr(error))
        self._wake.set()
        self._changed.set()

    async def _listening(self) -> None:
        while not self._closing:
            try:
                async for signal in self._store.signals(idle_s=self._limits.poll_s):
                    if signal.kind == "cancel" and signal.task_id in self._runs:
                        self._runs[signal.task_id][0].stop(Stop.CANCEL)
                    elif signal.kind == "work":
                        self._wake.set()
                    if self._is_closing():
                        return
            except Unavailable as error:
                await self._pause("signals", error)

    async def _renewing(self) -> None:
        while not (self._closing and not self._runs):
            await asyncio.sleep(min(self._limits.lease_s / 3, self._limits.poll_s))
            runs = [run for run, _ in self._runs.values()]
            try:
                answers = (
                    await self._store.renew([(r.claim.task_id, r.claim.fence) for r in runs]) if runs else []
                )
            except Unavailable as error:
                await self._pause("renew", error)
                continue
            for run, answer in zip(runs, answers, strict=True):
                if answer is Renewal.CANCEL:
                    run.stop(Stop.CANCEL)
                elif answer is Renewal.LOST:
                    run.stop(Stop.LOST)

    async def _reporting(self) -> None:
        while not self._closing:
            self._changed.clear()
            try:
                self._slots = await self._executor.slots()
                info = DispatcherInfo(self.name, self._node_id, len(self._runs), self._slots)
                await self._store.heartbeat(info)
                alive = [
                    d for d in await self._store.dispatchers() if d.last_seen_s < 3 * self._limits.heartbeat_s
                ]
                self._peers = max(1, len(alive))
                self._wake.set()
            except Unavailable as error:
                await self._pause("heartbeat", error)
            await asyncio.sleep(self._limits.report_s)
            await _either(self._changed, self._limits.heartbeat_s)

    async def _sweeping(self) -> None:
        while not self._closing:
            try:
                while await self._store.sweep_objects() and not self._is_closing():
                    pass
            except InfraMindError as error:  # a storage that refuses must not end a dispatcher
                log.warning("objects not swept", dispatcher=self.name, error=str(error))
            await _either(self._drained, self._limits.sweep_s)

    def _worker_failed(self, failure: WorkerFailure) -> None:
        """Counted beside the run, which does not wait for it."""
        log.warning("worker failed", kind=failure.kind, step=failure.step, times=failure.times)
        told = asyncio.create_task(self._tell(failure))
        self._telling.add(told)
        told.add_done_callback(self._telling.discard)

    async def _tell(self, failure: WorkerFailure) -> None:
        try:
            alert = await self._store.worker_failed(failure, tell=self._tell_alerts)
        except Unavailable as error:  # an alert too few while the store is away, which is seen anyway
            log.warning("store away", dispatcher=self.name, call="worker_failed", error=str(error))
            return
        if alert is not None:
            log.error("workers fail repeatedly", **alert.model_dump())

    def _is_closing(self) -> bool:
        return self._closing

    async def _pause(self, what: str, error: Unavailable) -> None:
        log.warning("store away", dispatcher=self.name, call=what, error=str(error))
        await asyncio.sleep(self._limits.store_pause_s * (0.5 + self._chance.random()))


async def _either(event: asyncio.Event, timeout_s: float) -> None:
    """Waits for the event, or until the time is over. Not with `wait_for`: in Python 3.11 that can swallow a cancellation."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
