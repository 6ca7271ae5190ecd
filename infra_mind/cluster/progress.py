"""The progress actor: a cache of what runs, which coalesces the agents' progress into few writes to the store.

It may die at any time: Ray starts it again, empty, and the next report of each agent fills it. What counts is in the store."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import ray
import structlog
from ray.exceptions import RayActorError

from infra_mind.cluster.engine import DISPATCHER_NICENESS, ON_HEAD, Engine, give_way
from infra_mind.errors import Unavailable
from infra_mind.tasks.store import AgentUpdate, TaskStore

NAME = "infra_mind_progress"
NAMESPACE = "infra_mind"
WRITE_EVERY_S = 0.04
FORGET_AFTER_S = 120.0
FORGET_OVER = 1000
NOTES_KEPT = 1_000
MEETINGS_KEPT = 100
FORGET_EVERY_S = 5.0
MEET_S = 60.0
REPLACE_S = 0.1

log = structlog.get_logger(__name__)


class Coalescer:
    """Plain part of the actor: the newest update of each agent, and which of them wait to be written together."""

    def __init__(self, store: TaskStore) -> None:
        self._store = store
        self._newest: dict[tuple[str, str], tuple[AgentUpdate, float]] = {}
        self._waiting: dict[tuple[str, str], AgentUpdate] = {}
        self._forgot_at = 0.0

    def take(self, update: AgentUpdate, now: float) -> None:
        """A newer fence or attempt replaces an older one; within one attempt progress only grows."""
        key = (update.task_id, update.agent)
        if key in self._newest:
            before, _ = self._newest[key]
            if (before.fence, before.attempt) > (update.fence, update.attempt):
                return
            if (before.fence, before.attempt) == (update.fence, update.attempt):
                update = replace(update, progress=max(before.progress, update.progress))
        self._newest[key] = (update, now)
        self._waiting[key] = update

    def forget(self, now: float) -> None:
        """Lets go of agents that have not reported for a while, once there are many; a look at all of them is not for every write."""
        if len(self._newest) < FORGET_OVER or now - self._forgot_at < FORGET_EVERY_S:
            return
        self._forgot_at = now
        self._newest = {key: kept for key, kept in self._newest.items() if now - kept[1] < FORGET_AFTER_S}

    async def write(self) -> None:
        """Writes what waits; on Unavailable it waits on, unless something newer has come."""
        batch, self._waiting = self._waiting, {}
        if not batch:
            return
        try:
            await self._store.update(list(batch.values()))
        except Unavailable:
            self._waiting = {**batch, **self._waiting}
            raise


class ProgressActor:
    """Wrapped by Ray in `progress_actor`."""

    def __init__(self, engine: Engine) -> None:
        give_way(DISPATCHER_NICENESS)
        self._engine = engine
        self._coalescer = Coalescer(engine.store())
        self._wake = asyncio.Event()
        self._meetings: dict[str, tuple[list[None], asyncio.Event]] = {}
        self._writer: asyncio.Task[None] | None = None
        self._notes: dict[str, tuple[str, int]] = {}

    async def write_note(self, key: str, text: str) -> None:
        """See endings.py."""
        self._notes[key] = text, self._notes.get(key, ("", 0))[1]
        self._forget_notes()

    async def read_note(self, key: str, start: int = 0) -> tuple[str, int]:
        """What is noted of a step, and the last start of it that asked."""
        text, last = self._notes.get(key, ("", 0))
        if start > last:
            self._notes[key] = text, start
            self._forget_notes()
        return text, max(start, last)

    def _forget_notes(self) -> None:
        while len(self._notes) > NOTES_KEPT:
            del self._notes[next(iter(self._notes))]

    async def report(self, updates: Sequence[AgentUpdate]) -> None:
        for update in updates:
            self._coalescer.take(update, time.monotonic())
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_on())
        self._wake.set()

    async def meet(self, meeting: str, wanted: int) -> bool:
        """Returns when `wanted` callers are here: for the start of worker processes that must not be one and the same. False
        when they were told to part before; those that come too late for that hear it, too."""
        here, told = self._meeting(meeting)
        here.append(None)
        if len(here) >= wanted:
            told.set()
        async with asyncio.timeout(MEET_S):
            await told.wait()
        return len(here) >= wanted

    async def part(self, meeting: str) -> None:
        """Lets those that have met go, though some are missing."""
        _, told = self._meeting(meeting)
        told.set()

    def _meeting(self, name: str) -> tuple[list[None], asyncio.Event]:
        found = self._meetings.setdefault(name, ([], asyncio.Event()))
        while len(self._meetings) > MEETINGS_KEPT:
            del self._meetings[next(iter(self._meetings))]
        return found

    async def serves(self, engine: Engine) -> bool:
        return self._engine == engine

    async def pid(self) -> int:
        """Its process, so that a test can end it."""
        return os.getpid()

    async def _write_on(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._coalescer.forget(time.monotonic())
            try:
                await self._coalescer.write()
            except Unavailable:
                self._wake.set()  # the store is away: try again after the pause
            except Exception as error:  # progress may be lost, the writer may not
                log.error("progress not written", error=type(error).__name__)
            await asyncio.sleep(WRITE_EVERY_S)


async def progress_actor(engine: Engine) -> Any:
    """The handle of the one progress actor of this cluster, which outlives its maker; made if there is none for this engine. One
    that was made for another store or other settings, before a redeploy, is replaced: what it holds may be lost."""
    while True:
        actor = _get_or_make(engine)
        with suppress(RayActorError):  # another dispatcher has just ended it
            if await actor.serves.remote(engine):
                return actor
        ray.kill(actor)
        await asyncio.sleep(REPLACE_S)


def _get_or_make(engine: Engine) -> Any:
    return (
        ray.remote(ProgressActor)
        .options(
            name=NAME, namespace=NAMESPACE, lifetime="detached", get_if_exists=True, max_restarts=-1, max_task_retries=-1,
            max_concurrency=1000, num_cpus=0, resources=ON_HEAD,
        )
        .remote(engine)
    )  # fmt: skip
