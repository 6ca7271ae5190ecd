"""Start → 202 while dispatchers and workers are busy."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

from bench.http import Connection, HttpError, connections
from bench.numbers import Budget, Measured, Row, median, percentile
from bench.setting import Bench
from bench.sides import Side, Target, cpu_s, cpu_since
from bench.work import WAIT

CLIENTS = 16


async def one_client(bench: Bench) -> Measured:
    """(a) One client that starts one assessment after the other."""
    counts, out = bench.counts, Measured()
    await _rounds(bench, out, clients=1, starts=counts.starts)
    ours, theirs = out.samples["Infra Mind ms"], out.samples["Celery ms"]
    for share in (0.5, 0.99):
        out.rows.append(
            Row("a", f"start → 202, busy, 1 client, p{share * 100:g}", "ms", percentile(ours, share), "Celery",
                percentile(theirs, share), budget=Budget(1.0))
        )  # fmt: skip
    return out


async def many_clients(bench: Bench) -> Measured:
    """(b) Sixteen clients on connections that stay open."""
    counts, out = bench.counts, Measured()
    await _rounds(bench, out, clients=CLIENTS, starts=counts.starts_many)
    rates = [median(out.samples[f"{name} requests/s"]) for name in ("Infra Mind", "Celery")]
    late = [percentile(out.samples[f"{name} ms"], 0.99) for name in ("Infra Mind", "Celery")]
    what = f"start → 202, busy, {CLIENTS} clients"
    out.rows += [
        Row(
            "b",
            f"{what}, rate",
            "requests/s",
            rates[0],
            "Celery",
            rates[1],
            budget=Budget(2.0, sense="at least"),
        ),
        Row("b", f"{what}, p99", "ms", late[0], "Celery", late[1], budget=Budget(0.5)),
    ]
    return out


async def _rounds(bench: Bench, out: Measured, *, clients: int, starts: int) -> None:
    sides: tuple[Side, ...] = (bench.ours, bench.seed)
    for side in sides:
        await side.targets[0].run(WAIT, 1)  # raises when the work itself goes wrong
    for _ in range(bench.counts.rounds):
        for side in sides:
            await _round(bench, side, out, clients=clients, starts=starts)
    out.notes.append(
        f"{clients} client(s), {starts} starts a round, {bench.counts.rounds} rounds a side in turn; {bench.counts.busy} workflows were started just before and run or wait meanwhile. "
        "Celery: the design with one task, as the seed; each start is one message. Infra Mind checks an API key, the seed asks for none."
    )


async def _round(bench: Bench, side: Side, out: Measured, *, clients: int, starts: int) -> None:
    target = side.targets[0]
    load = await target.drafts(WAIT, bench.counts.busy)
    requests = await target.drafts(WAIT, starts)
    async with connections(target.port, clients) as opened:
        begun, _ = await _send(opened[0], load)
        used, begin = cpu_s(side), time.perf_counter()
        shares = await asyncio.gather(*(_send(c, requests[i::clients]) for i, c in enumerate(opened)))
        seconds = time.perf_counter() - begin
        out.samples.setdefault(f"{side.name} CPU ms a start", []).append(
            cpu_since(side, used) * 1000 / starts
        )
    out.samples.setdefault(f"{side.name} ms", []).extend(ms for _, some in shares for ms in some)
    out.samples.setdefault(f"{side.name} requests/s", []).append(starts / seconds)
    await side.settle([*begun, *(task for some, _ in shares for task in some)])


async def _send(connection: Connection, requests: Sequence[bytes]) -> tuple[list[str], list[float]]:
    """Task ids and milliseconds of each start."""
    bodies, spent = [], []
    for request in requests:
        begin = time.perf_counter()
        status, body = await connection.send(request)
        spent.append((time.perf_counter() - begin) * 1000)
        if status != 202:
            raise HttpError(f"{status}: {body[:300]!r}")
        bodies.append(body)
    return [str(json.loads(body)["task_id"]) for body in bodies], spent


async def start_all(target: Target, requests: Sequence[bytes], clients: int) -> list[str]:
    """Task ids of all, started over `clients` connections at once."""
    async with connections(target.port, clients) as opened:
        shares = await asyncio.gather(*(_send(c, requests[i::clients]) for i, c in enumerate(opened)))
    return [task for some, _ in shares for task in some]
