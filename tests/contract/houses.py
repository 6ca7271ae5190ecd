"""A store with the two things that a test cannot wait for: minutes in the queue, leases that run out."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

import redis.asyncio as redis_client

from infra_mind.model.task import Priority, StartOptions
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.objects import Objects
from infra_mind.tasks.records import TaskRecord
from infra_mind.tasks.redis import RedisStore
from infra_mind.tasks.store import Claim, StoreLimits, TaskStore

AGENTS = ("cloud", "cost")
LEASES_BACK_MS = 1_000_000_000  # the order in which they ran out stays


class House(Protocol):
    """`store`, and time that passes in one respect only."""

    store: TaskStore

    async def age_queue(self, seconds: float) -> None:
        """What waits has waited so much longer."""

    async def end_leases(self) -> None:
        """Every lease has just run out."""

    async def age_objects(self, seconds: float) -> None:
        """What is listed for removal is due so much earlier."""

    async def age_outbox(self, seconds: float) -> None:
        """What the outbox holds is due, and its leases run out, so much earlier."""

    async def tenants_to_tell(self) -> set[str]:
        """Those of which the outbox knows something."""

    async def age_failures(self, seconds: float) -> None:
        """The failures of worker processes were so much earlier; how long they are remembered stays."""


class MemoryHouse:
    def __init__(self, limits: StoreLimits, objects: Objects | None = None) -> None:
        self._ahead = 0.0
        self._memory = MemoryStore(limits, clock=lambda: time.time() + self._ahead, objects=objects)
        self.store: TaskStore = self._memory

    def record(self, task_id: str) -> TaskRecord | None:
        return self._memory._state.tasks.get(task_id)

    async def age_queue(self, seconds: float) -> None:
        self._ahead += seconds

    async def end_leases(self) -> None:
        leases = self._memory._state.leases  # by the clock it would age the queue too
        leases.update({task_id: end - LEASES_BACK_MS for task_id, end in leases.items()})

    async def age_objects(self, seconds: float) -> None:
        for listed in (self._memory._state.objects, self._memory._state.condemned):
            listed.update({name: at - seconds * 1000 for name, at in listed.items()})

    async def age_outbox(self, seconds: float) -> None:
        for webhook in self._memory._state.outbox.webhooks.values():
            webhook.leased -= round(seconds * 1000)
        served = self._memory._state.outbox.served
        served.update({tenant: at - round(seconds * 1_000_000) for tenant, at in served.items()})

    async def tenants_to_tell(self) -> set[str]:
        outbox = self._memory._state.outbox
        due = outbox.due(self._memory._state.now)
        return {*due, *outbox.served}

    async def age_failures(self, seconds: float) -> None:
        for newest in self._memory._state.newest_failures.values():
            newest[:] = [at - round(seconds * 1000) for at in newest]


class RedisHouse:
    """Moves the scores in the server: its clock is not ours to move."""

    def __init__(self, url: str, limits: StoreLimits, objects: Objects | None = None) -> None:
        self.prefix = f"test:{uuid.uuid4().hex}:"
        self.raw: redis_client.Redis = redis_client.Redis.from_url(url, protocol=2)
        limits = replace(limits, restart_grace_s=0.0)
        self.store: TaskStore = RedisStore(url, limits, prefix=self.prefix, objects=objects)

    async def age_queue(self, seconds: float) -> None:
        for priority in Priority:
            await self._shift(f"{self.prefix}queue:{priority.value}", seconds * 1_000_000)
        async for name in self.raw.scan_iter(f"{self.prefix}waiting:*"):
            await self._shift(name.decode(), seconds * 1_000_000)
        await self._shift(f"{self.prefix}delayed", seconds * 1_000)
        async for name in self.raw.scan_iter(f"{self.prefix}task:*"):
            await self.raw.hincrby(
                name, "score", round(-seconds * 1_000_000)
            )  # where it is put when given back
        async for name in self.raw.scan_iter(f"{self.prefix}rate:*"):
            full = int(await self.raw.get(name) or 0) - round(seconds * 1_000_000)
            await self.raw.set(name, full, keepttl=True)

    async def end_leases(self) -> None:
        await self._shift(f"{self.prefix}leases", LEASES_BACK_MS)

    async def age_objects(self, seconds: float) -> None:
        for name in ("objects", "condemned"):
            await self._shift(self.prefix + name, seconds * 1000)

    async def age_outbox(self, seconds: float) -> None:
        await self._shift(f"{self.prefix}outbox", seconds * 1_000_000)
        async for name in self.raw.scan_iter(f"{self.prefix}outbox:*"):
            await self._shift(name.decode(), seconds * 1_000)

    async def tenants_to_tell(self) -> set[str]:
        there = f"{self.prefix}outbox"
        listed: list[bytes] = await self.raw.zrange(there, 0, -1)  # type: ignore[assignment] # without scores
        own = [name async for name in self.raw.scan_iter(f"{there}:*")]
        return {one.decode().removeprefix(f"{there}:") for one in (*listed, *own)}

    async def age_failures(self, seconds: float) -> None:
        raw: Any = self.raw  # its types differ from one release to the next
        async for name in raw.scan_iter(f"{self.prefix}failures:*"):
            for place, at in enumerate(await raw.lrange(name, 0, -1)):
                await raw.lset(name, place, int(at) - round(seconds * 1000))

    async def _shift(self, name: str, by: float) -> None:
        members: list[bytes] = await self.raw.zrange(name, 0, -1)  # type: ignore[assignment] # without scores
        for member in members:
            await self.raw.zincrby(name, -by, member)

    async def close(self) -> None:
        await self.store.close()
        await self.raw.aclose()


@asynccontextmanager
async def open_house(
    kind: str, url: str, limits: StoreLimits, objects: Objects | None = None
) -> AsyncIterator[MemoryHouse | RedisHouse]:
    if kind == "memory":
        yield MemoryHouse(limits, objects)
        return
    opened = RedisHouse(url, limits, objects)
    try:
        yield opened
    finally:
        await opened.close()


async def accept(
    store: TaskStore, name: str, priority: Priority = Priority.MEDIUM, *, tenant: str = "acme"
) -> str:
    """Accepts a new assessment `a-<name>` as task `t-<name>`."""
    await store.create_assessment(tenant, f"a-{name}", name, b"brief", 0)
    accepted = await store.accept(tenant, f"a-{name}", f"t-{name}", StartOptions(priority=priority), AGENTS)
    return accepted.task_id


async def accept_and_claim(store: TaskStore, name: str) -> Claim:
    await accept(store, name)
    (claim,) = await store.claim("dispatcher", 1)
    return claim
