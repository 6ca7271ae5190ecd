"""The progress actor: a cache of what runs, which coalesces the agents' progress into few writes to the store.

It may die at any time: Ray starts it again, empty, and the next report of each agent fills it. What counts is in the store."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from typing import Any

import ray

from infra_mind.cluster.engine import Engine
from infra_mind.errors import Unavailable
from infra_mind.tasks.store import AgentUpdate, TaskStore

NAME = "infra_mind_progress"
NAMESPACE = "infra_mind"
WRITE_EVERY_S = 0.04
FORGET_AFTER_S = 120.0


@dataclass(frozen=True)
class Live:
    """One agent that runs: where, and how far it is."""

    update: AgentUpdate
    node_id: str
    pid: int
    seen: float


class Coalescer:
    """Plain part of the actor: the newest update per (task, agent), written together."""

    def __init__(self, store: TaskStore) -> None:
        self._store = store
        self._waiting: dict[tuple[str, str], AgentUpdate] = {}
        self._live: dict[tuple[str, str], Live] = {}

    def take(self, update: AgentUpdate, node_id: str, pid: int, now: float) -> None:
        """A newer fence or attempt replaces an older one; within one attempt progress only grows."""
        key = (update.task_id, update.agent)
        before = self._waiting.get(key)
        if before and (before.fence, before.attempt) > (update.fence, update.attempt):
            return
        if before and (before.fence, before.attempt) == (update.fence, update.attempt):
            update = replace(update, progress=max(before.progress, update.progress))
        self._waiting[key] = update
        self._live[key] = Live(update, node_id, pid, now)

    def live(self, now: float) -> list[Live]:
        """What reported not long ago, in order of task and agent."""
        self._live = {key: live for key, live in self._live.items() if now - live.seen < FORGET_AFTER_S}
        return [self._live[key] for key in sorted(self._live)]

    def ended(self, task_id: str, agent: str) -> None:
        self._live.pop((task_id, agent), None)

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
        self._coalescer = Coalescer(engine.store())
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def report(self, reports: list[tuple[AgentUpdate, str, int]]) -> None:
        for update, node_id, pid in reports:
            self._coalescer.take(update, node_id, pid, time.monotonic())
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_on())
        self._wake.set()

    async def ended(self, task_id: str, agent: str) -> None:
        self._coalescer.ended(task_id, agent)

    async def live(self) -> list[Live]:
        return self._coalescer.live(time.monotonic())

    async def pid(self) -> int:
        """Its process, so that a test can end it."""
        return os.getpid()

    async def _write_on(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._coalescer.write()
            except Unavailable:
                self._wake.set()  # the store is away: try again after the pause
            await asyncio.sleep(WRITE_EVERY_S)


def progress_actor(engine: Engine) -> Any:
    """The handle of the one progress actor of this cluster; made if there is none. It outlives its maker."""
    return (
        ray.remote(ProgressActor)
        .options(
            name=NAME, namespace=NAMESPACE, lifetime="detached", get_if_exists=True, num_cpus=0, max_restarts=-1,
            max_task_retries=-1, max_concurrency=1000,
        )
        .remote(engine)
    )  # fmt: skip
