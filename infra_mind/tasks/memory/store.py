"""`TaskStore` in memory: nothing survives the process, everything else is as over Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from infra_mind.model.task import Event
from infra_mind.tasks.memory.alerts import Alerts
from infra_mind.tasks.memory.fleet import Fleet
from infra_mind.tasks.memory.running import Running
from infra_mind.tasks.memory.schedules import Schedules
from infra_mind.tasks.memory.state import State
from infra_mind.tasks.memory.webhooks import Webhooks
from infra_mind.tasks.objects import Objects
from infra_mind.tasks.records import event_id, gap_event
from infra_mind.tasks.store import Signal, StoreLimits
from infra_mind.tasks.stowage import Stowage


class MemoryStore(Schedules, Running, Fleet, Webhooks, Alerts):
    """`clock` gives seconds since 1970. Waiting for events and signals is in real time, whatever the clock says."""

    def __init__(
        self,
        limits: StoreLimits | None = None,
        *,
        clock: Callable[[], float] = time.time,
        objects: Objects | None = None,
    ) -> None:
        self._state = State(limits or StoreLimits(), clock)
        self._stowage = Stowage(objects, self._state.limits, self._note_object)

    @property
    def limits(self) -> StoreLimits:
        return self._state.limits

    async def ping(self) -> None:
        """Always there."""

    async def close(self) -> None:
        """Nothing to close."""

    async def events(
        self, tenant: str, task_id: str, after: str | None = None, *, heartbeat_s: float = 15.0
    ) -> AsyncIterator[Event | None]:
        position = None if after is None else event_id(after)
        self._state.tick()
        task = self._task(tenant, task_id)
        first = task.first_event()
        if position is not None and not task.told_by(position) and self._lacks(task_id, position):
            yield gap_event(task_id, position)
        if position is None or position < event_id(first.id):
            yield first
            position = event_id(first.id)
        while not task.told_by(position):
            entries = await self._next(task_id, position, None if task.state.ended else heartbeat_s)
            for found in entries:
                yield found
                if found.type == "end":
                    return
                position = event_id(found.id)
            if not entries:
                if task.state.ended:  # its stream has expired
                    yield task.last_event()
                    return
                yield None

    def _lacks(self, task_id: str, position: tuple[int, int]) -> bool:
        kept = self._state.events.get(task_id)
        return bool(kept and task_id in self._state.trimmed and position < event_id(kept[0].id))

    async def _next(self, task_id: str, position: tuple[int, int], wait_s: float | None) -> list[Event]:
        """Events after `position`; waits for the first one unless `wait_s` is None."""
        self._state.tick()
        found = self._after(task_id, position)
        if found or wait_s is None:
            return found
        woken = asyncio.Event()
        self._state.watchers[task_id].add(woken)
        try:
            async with asyncio.timeout(wait_s):
                await woken.wait()
        except TimeoutError:
            return []
        finally:
            self._forget_watcher(task_id, woken)
        return self._after(task_id, position)

    def _after(self, task_id: str, position: tuple[int, int]) -> list[Event]:
        return [one for one in self._state.events.get(task_id, ()) if event_id(one.id) > position]

    def _forget_watcher(self, task_id: str, woken: asyncio.Event) -> None:
        self._state.watchers[task_id].discard(woken)
        if not self._state.watchers[task_id]:
            del self._state.watchers[task_id]

    async def signals(self, *, idle_s: float) -> AsyncIterator[Signal]:
        heard: asyncio.Queue[Signal] = asyncio.Queue()
        self._state.listeners.add(heard)
        try:
            while True:
                try:
                    async with asyncio.timeout(idle_s):
                        signal = await heard.get()
                except TimeoutError:
                    signal = Signal("idle")
                yield signal
        finally:
            self._state.listeners.discard(heard)
