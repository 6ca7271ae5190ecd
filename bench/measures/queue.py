"""The store alone: claiming from a long queue, and what one waiting task weighs."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import redis

from bench.numbers import Budget, Measured, Row, percentile
from bench.seed.tasks import PARKED, begin, celery
from bench.setting import Bench
from bench.work import NAMES, WAIT
from infra_mind.model.task import StartOptions
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.redis import RedisStore
from infra_mind.tasks.redis.link import Durability
from infra_mind.tasks.store import StoreLimits

FEW = 100
TENANTS = 10
AT_ONCE = 16


class Queue:
    """A store under a prefix of its own, with tasks that wait."""

    def __init__(self, url: str, prefix: str, durability: Durability = "everysec") -> None:
        limits = StoreLimits(max_queued_per_tenant=1_000_000, lease_s=3_600.0)
        self.store, self._made = RedisStore(url, limits, prefix=prefix, durability=durability), 0
        self.server: Any = redis.Redis.from_url(url, decode_responses=True)

    async def add(self) -> float:
        """One more task that waits; the milliseconds that its accept took."""
        self._made += 1
        number, tenant = self._made, f"tenant{self._made % TENANTS}"
        brief = {"brief": {"name": "bench", "goal": WAIT.to_json()}, "artefacts": []}
        await self.store.create_assessment(
            tenant, f"assessment{number}", "bench", json.dumps(brief).encode(), 0
        )
        begin = time.perf_counter()
        await self.store.accept(tenant, f"assessment{number}", f"task{number}", StartOptions(), NAMES)
        return (time.perf_counter() - begin) * 1000

    async def fill(self, count: int) -> None:
        async def some(share: int) -> None:
            for _ in range(share):
                await self.add()

        await asyncio.gather(*(some(count // AT_ONCE + (i < count % AT_ONCE)) for i in range(AT_ONCE)))

    async def claim_ms(self) -> tuple[float, float, float]:
        """One claim, in milliseconds of its caller and of the server, and one accept, in those of its caller; so the queue is as
        long as before afterwards."""
        self.server.config_resetstat()
        begin = time.perf_counter()
        claims = await self.store.claim("bench", 1)
        spent = (time.perf_counter() - begin) * 1000
        server = float(self.server.info("commandstats")["cmdstat_evalsha"]["usec"]) / 1000
        if len(claims) != 1:
            raise RuntimeError("nothing to claim")
        return spent, server, await self.add()

    async def close(self) -> None:
        self.server.close()
        await self.store.close()


async def claim(bench: Bench) -> Measured:
    """(h) One claim from, and one accept behind, many waiting tasks against a hundred, in turn on one server."""
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
                for name, queue in ((f"{FEW} waiting", short), (f"{many} waiting", long)):
                    caller, inside, accept = await queue.claim_ms()
                    out.samples.setdefault(f"{name} ms", []).append(caller)
                    out.samples.setdefault(f"{name} server ms", []).append(inside)
                    out.samples.setdefault(f"{name} accept ms", []).append(accept)
        finally:
            await short.close()
            await long.close()
    for one, what, kind, share in (
        ("claim", "caller's time, p50", "ms", 0.5),
        ("claim", "caller's time, p99", "ms", 0.99),
        ("claim", "the server's time, p50", "server ms", 0.5),
        ("accept", "caller's time, p50", "accept ms", 0.5),
        ("accept", "caller's time, p99", "accept ms", 0.99),
    ):
        few_ms, many_ms = (percentile(out.samples[f"{n} waiting {kind}"], share) for n in (FEW, many))
        budget = Budget(1.2) if share == 0.5 else None
        out.rows.append(
            Row(
                "h",
                f"one {one} with {many:,} waiting, {what}",
                "ms",
                many_ms,
                f"{FEW} waiting",
                few_ms,
                budget=budget,
            )
        )
    out.notes.append(
        "The caller's time holds the round trip in both; the server's time (INFO commandstats) does not."
    )
    return out


async def durability(bench: Bench) -> Measured:
    """(l) Accept under both durabilities: the default may lose the last second on a power cut, strict waits for the disk."""
    bench.stop_sides()
    out, count = Measured(), bench.counts.accepts
    modes: tuple[Durability, ...] = ("everysec", "strict")
    for mode in modes:
        with EmbeddedStore(bench.directory / f"durability-{mode}", durability=mode) as server:
            queue = Queue(server.url, "im:", mode)
            try:
                await queue.fill(AT_ONCE)
                out.samples[f"{mode} ms"] = [await queue.add() for _ in range(count // 10)]
                begin = time.perf_counter()
                await queue.fill(count)
                out.samples[f"{mode} accepts/s"] = [count / (time.perf_counter() - begin)]
            finally:
                await queue.close()
    for what, unit, share in (
        ("accept, 1 caller, p50", "ms", 0.5),
        ("accept, 1 caller, p99", "ms", 0.99),
        (f"hand in and accept, {AT_ONCE} callers", "accepts/s", 0.5),
    ):
        relaxed, strict = (percentile(out.samples[f"{mode} {unit}"], share) for mode in modes)
        out.rows.append(Row("l", f"{what}: strict durability", unit, strict, "everysec", relaxed))
    out.notes.append(
        "The store alone, without HTTP. Strict writes each accept to the disk before it is answered; both on this machine's disk."
    )
    return out


async def weight(bench: Bench) -> Measured:
    """(i) Bytes that the server holds for one waiting task, by MEMORY USAGE over all its keys; the brief is not counted."""
    out, count = Measured(), bench.counts.weighed
    with EmbeddedStore(bench.directory / "weight") as server:
        queue = Queue(server.url, "im:")
        try:
            await queue.fill(count)
        finally:
            await queue.close()
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
