"""Processes killed with SIGKILL while a step runs: how long until that step starts again."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path

import psutil

from bench.http import HttpError, connections
from bench.numbers import Budget, Measured, Row, median
from bench.processes import end_all, kill, wait_until
from bench.setting import Bench
from bench.sides import Target
from bench.work import WAIT, Work, starts
from infra_mind.client import Client
from infra_mind.model.workers import Worker

HOLD_S = 120.0  # longer than any bound: without the kill it would not end
BEGIN_S = 30.0
STORE_ON_DISK_S = 2.0  # `everysec`: what was handed in before is in the file after that
ASK_AGAIN_S = 0.02


async def agent_killed(bench: Bench) -> Measured:
    """(e) The worker process that runs a step."""
    out, bound = Measured(), bench.counts.killed_bound_s
    for _ in range(bench.counts.kills):
        for side, target in ((bench.ours, bench.ours.targets[0]), (bench.seed, bench.seed.targets[0])):
            log, task_id = await _held(bench, target)
            begin = time.time()
            kill(psutil.Process(starts(log)[0][0]))
            again = await _again(log, begin, bound)
            out.samples.setdefault(f"{side.name} s", []).append(bound if again is None else again)
            await side.settle([task_id])
    out.rows.append(
        _row("e", "an agent's process killed → runs again, p50", out, bound, Budget(1.0, "value"))
    )
    out.notes.append(
        "Celery with task_acks_late and task_reject_on_worker_lost; without the second the task is lost. It starts all its steps again, Infra Mind the one that was killed."
    )
    return out


async def holder_killed(bench: Bench) -> Measured:
    """(k) Whoever holds the whole task: our dispatcher; Celery's worker with all its processes, beside another worker that lives."""
    out, bound = Measured(), bench.counts.lost_bound_s
    for _ in range(bench.counts.lost):
        ours = await _dispatcher_killed(bench, bound)
        out.samples.setdefault("Infra Mind s", []).append(bound if ours is None else ours)
        theirs = await _worker_killed(bench, bound)
        out.samples.setdefault("Celery s", []).append(bound if theirs is None else theirs)
    out.rows.append(
        _row(
            "k",
            "the holder of a whole task killed → goes on elsewhere, p50",
            out,
            bound,
            Budget(20.0, "value"),
        )
    )
    out.notes.append(f"Celery on Redis gives a lost worker's task out again after its visibility time-out, 3 600 s by default; waited for {bound:g} s. A lost machine of a Ray cluster is measured by the chaos suite.")  # fmt: skip
    return out


async def _dispatcher_killed(bench: Bench, bound: float) -> float | None:
    log, task_id = await _held(bench, bench.ours.targets[0])
    with bench.ours.client() as client:
        busy = wait_until("one dispatcher says that it holds it", lambda: _only_busy(client), timeout_s=30.0)
    begin = time.time()
    kill(psutil.Process(int(busy.name.rpartition("@")[2])))
    again = await _again(log, begin, bound)
    await bench.ours.settle([task_id])
    with bench.ours.client() as client:
        wait_until(
            "two dispatchers are there",
            lambda: sum(w.pool == "dispatcher" for w in client.workers().workers) > 1,
            timeout_s=60.0,
        )
    return again


async def store_killed(bench: Bench) -> Measured:
    """(n) Our store, with SIGKILL: how long until a start is accepted again, and until that workflow is done."""
    out, target = Measured(), bench.ours.targets[0]
    for _ in range(bench.counts.store_kills):
        (request,) = await target.drafts(WAIT, 1)
        await asyncio.sleep(STORE_ON_DISK_S)
        (store,) = [p for p in bench.ours.members() if "valkey-server" in " ".join(p.cmdline())]
        begin = time.time()
        kill(store)
        task_id = await _accepted(target, request, begin + bench.counts.lost_bound_s)
        out.samples.setdefault("accepted s", []).append(time.time() - begin)
        async with connections(target.port, 1) as (connection,):
            done = await target.ended_at(connection, task_id)
        out.samples.setdefault("done s", []).append(done - begin)
    for what, name in (("a start is accepted", "accepted s"), ("that workflow is done", "done s")):
        out.rows.append(Row("n", f"the store killed → {what}, p50", "s", median(out.samples[name])))
    out.notes.append(
        "The store is started again from its append-only file by `up`, which looks five times a second. What ran meanwhile runs on; what waited is claimed again."
    )
    return out


async def _accepted(target: Target, request: bytes, end: float) -> str:
    """Asks until it is accepted; the task."""
    while time.time() < end:
        with suppress(HttpError, OSError):
            async with connections(target.port, 1) as (connection,):
                status, body = await connection.send(request)
            if status == 202:
                return str(json.loads(body)["task_id"])
        await asyncio.sleep(ASK_AGAIN_S)
    raise TimeoutError("no start was accepted again")


def _only_busy(client: Client) -> Worker | None:
    """The one dispatcher with a task; None while another one, just killed, still counts as alive."""
    busy = [w for w in client.workers().workers if w.pool == "dispatcher" and w.active_tasks]
    return busy[0] if len(busy) == 1 else None


async def _worker_killed(bench: Bench, bound: float) -> float | None:
    seed = bench.seed
    log, _ = await _held(bench, seed.targets[0])
    other = seed.start_worker()
    lost, seed.worker = seed.worker, other  # from here on the other one is ended with the seed
    begin = time.time()
    orphans = lost.members()
    lost.kill()
    end_all(orphans, 2.0)
    again = await _again(log, begin, bound)
    seed.forget()
    await seed.settle([])
    return again


async def _held(bench: Bench, target: Target) -> tuple[Path, str]:
    """A workflow whose first step waits: its log and its task."""
    log = bench.directory / f"hold.{time.monotonic_ns()}.log"
    (request,) = await target.drafts(Work("hold", HOLD_S, str(log)), 1)
    async with connections(target.port, 1) as (connection,):
        task_id = str((await connection.json(request, 202))["task_id"])
    await asyncio.to_thread(wait_until, "the step runs", lambda: starts(log), timeout_s=BEGIN_S)
    return log, task_id


async def _again(log: Path, begin: float, bound: float) -> float | None:
    """Seconds until the step started for the second time; None when it did not within the bound."""
    try:
        await asyncio.to_thread(wait_until, "it starts again", lambda: len(starts(log)) > 1, timeout_s=bound)
    except TimeoutError:
        return None
    return starts(log)[1][1] - begin


def _row(measure: str, what: str, out: Measured, bound: float, budget: Budget) -> Row:
    ours, theirs = median(out.samples["Infra Mind s"]), median(out.samples["Celery s"])
    beyond = f"> {bound:g}" if theirs >= bound else ""
    return Row(measure, what, "s", ours, "Celery", None if beyond else theirs, beyond, budget)
