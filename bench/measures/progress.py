"""From an agent's progress call to a client that listens to the task's events."""

from __future__ import annotations

import asyncio
import time

from bench.http import connections
from bench.numbers import Budget, Measured, Row, median, percentile
from bench.setting import Bench
from bench.work import NAMES, Work

EVERY_S = 0.06  # above the interval at which a step reports at most
A_TASK = 60


async def progress(bench: Bench) -> Measured:
    """(f) The agent's note is the time of the call; the client compares it with the time at which it saw it."""
    out = Measured()
    seen: list[float] = []
    asked = 0
    while asked < bench.counts.reports:
        count = min(A_TASK, bench.counts.reports - asked)
        seen += await _one_task(bench, count)
        asked += count
    out.samples["Infra Mind ms"] = seen
    none = "none: its clients ask again and again"
    out.rows += [
        Row(
            "f",
            "progress step → seen by an SSE client, p99",
            "ms",
            percentile(seen, 0.99),
            "Celery",
            None,
            none,
            Budget(100.0, "value"),
        ),
        Row("f", "progress step → seen by an SSE client, p50", "ms", median(seen), "Celery", None, none),
    ]
    out.notes.append(
        f"{len(seen)} of {asked} progress calls were seen, {EVERY_S * 1000:g} ms apart; one that a newer one overtook is not sent."
    )
    return out


async def _one_task(bench: Bench, count: int) -> list[float]:
    target = bench.ours.targets[0]
    (request,) = await target.drafts(Work("tell", EVERY_S, times=count), 1)
    async with connections(target.port, 1) as (connection,):
        task_id = str((await connection.json(request, 202))["task_id"])
    return await asyncio.to_thread(_listen, bench, task_id)


def _listen(bench: Bench, task_id: str) -> list[float]:
    """Milliseconds from each call to its event."""
    delays, before = [], ""
    with bench.ours.client() as client:
        for event in client.events(task_id):
            now = time.time()
            note = (event.data.get("agents") or {}).get(NAMES[0], {}).get("note", "")
            if event.type != "snapshot" and note and note != before:
                delays.append((now - float(note)) * 1000)
                before = note
    return delays
