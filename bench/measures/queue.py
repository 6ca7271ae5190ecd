"""The store alone: claiming from a long queue, and what one waiting task weighs."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import redis

from bench.numbers import Budget, Measured, Row, median, percentile
from bench.seed.tasks import PARKED, begin, celery
from bench.setting import Bench
from bench.work import STEPS, WAIT
from infra_mind.model.task import StartOptions
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.redis import RedisStore
from infra_mind.tasks.store import StoreLimits

FEW = 100
TENANTS = 10
AT_ONCE = 16
AGENTS = tuple(f"step{i}" for i in range(STEPS))


class Queue:
    """A store under a prefix of its own, with tasks that wait."""

    def __init__(self, url: str, prefix: str) -> None:
        limits = StoreLimits(max_queued_per_tenant=1_000_000, lease_s=3_600.0)
        self.store, self._made = RedisStore(url, limits, prefix=prefix), 0

    async def add(self) -> None:
        """One more task that waits."""
        self._made += 1
        number, tenant = self._made, f"tenant{self._made % TENANTS}"
        brief = {"brief": {"name": "bench", "goal": WAIT.to_json()}, "artefacts": []}
        await self.store.create_assessment(
            tenant, f"assessment{number}", "bench", json.dumps(brief).encode(), 0
        )
        await self.store.accept(tenant, f"assessment{number}", f"task{number}", StartOptions(), AGENTS)

    async def fill(self, count: int) -> None:
        async def some(share: int) -> None:
            for _ in range(share):
                await self.add()

        await asyncio.gather(*(some(count // AT_ONCE + (i < count % AT_ONCE)) for i in range(AT_ONCE)))

    async def claim_ms(self) -> float:
        """One claim, in milliseconds; the queue is as long as before afterwards."""
        start = time.perf_counter()
        claims = await self.store.claim("bench", 1)
        spent = (time.perf_counter() - start) * 1000
        if len(claims) != 1:
            raise RuntimeError("nothing to claim")
        await self.add()
        return spent


async def claim(bench: Bench) -> Measured:
    """(h) One claim from many waiting tasks against one from a hundred, in turn on one server."""
    bench.stop_sides()
    out, many = Measured(), bench.counts.waiting
    with EmbeddedStore(bench.directory / "claim") as server:
        short, long = Queue(server.url, "few:"), Queue(server.url, "many:")
        try:
            await short.fill(FEW)
            bench.say(f"filling a queue with {many} tasks")
            await long.fill(many)
            for queue in (short, long):
                for _ in range(10):
                    await queue.claim_ms()
            for _ in range(bench.counts.claims):
                out.samples.setdefault(f"{FEW} waiting ms", []).append(await short.claim_ms())
                out.samples.setdefault(f"{many} waiting ms", []).append(await long.claim_ms())
        finally:
            await short.store.close()
            await long.store.close()
    few_ms, many_ms = out.samples[f"{FEW} waiting ms"], out.samples[f"{many} waiting ms"]
    against = f"{FEW} waiting"
    out.rows.append(
        Row(
            "h",
            f"one claim with {many:,} waiting, p50",
            "ms",
            median(many_ms),
            against,
            median(few_ms),
            budget=Budget(1.2),
        )
    )
    out.rows.append(
        Row(
            "h",
            f"one claim with {many:,} waiting, p99",
            "ms",
            percentile(many_ms, 0.99),
            against,
            percentile(few_ms, 0.99),
        )
    )
    out.notes.append("Time of the caller, on one connection: the round trip is in both.")
    return out


async def weight(bench: Bench) -> Measured:
    """(i) Bytes that the server holds for one waiting task, by MEMORY USAGE over all its keys; the brief is not counted."""
    out, count = Measured(), bench.counts.weighed
    with EmbeddedStore(bench.directory / "weight") as server:
        queue = Queue(server.url, "im:")
        try:
            await queue.fill(count)
        finally:
            await queue.store.close()
        ours = weigh(server.url, "im:")
    for kind, size in sorted(ours.items()):
        out.samples[f"Infra Mind, {kind} bytes"] = [size / count]
    mine = sum(size for kind, size in ours.items() if kind != "input") / count
    theirs = _celery_weight(bench.directory / "weight-celery", count)
    out.samples["Celery, message bytes"] = [theirs]
    out.rows.append(
        Row(
            "i",
            "store bytes of a waiting task, beside its brief",
            "B",
            mine,
            "Celery, its message",
            theirs,
            budget=Budget(2048.0, "value"),
        )
    )
    out.notes.append(
        f"{count} tasks; record, queue, listings, the assessment's record and shared keys divided by {count}. Celery's message carries the work's arguments; the seed's own record is not counted."
    )
    return out


def weigh(url: str, prefix: str) -> Counter[str]:
    """Bytes by kind of key (the part after the prefix)."""
    sizes: Counter[str] = Counter()
    client: Any = redis.Redis.from_url(url)
    try:
        for key in client.scan_iter(match=f"{prefix}*", count=1_000):
            kind = key.decode().removeprefix(prefix).partition(":")[0]
            sizes[kind] += client.memory_usage(key, samples=0) or 0
    finally:
        client.close()
    return sizes


def _celery_weight(directory: Path, count: int) -> float:
    with EmbeddedStore(directory) as server:
        celery.conf.update(broker_url=server.url, result_backend=server.url)
        for _ in range(count):
            begin("gather", WAIT.to_json(), queue=PARKED)
        celery.pool.force_close_all()
        sizes = weigh(server.url, PARKED)
    return sum(sizes.values()) / count
