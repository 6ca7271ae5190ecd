"""The seed's tasks in both designs: one task that gathers its steps in its own process, and a chord over the worker processes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from celery import Celery, chord

from bench.work import STEPS, Work, burn, hold

STORE_URL = "BENCH_SEED_STORE_URL"
PARKED = "parked"  # a queue that no worker reads: what waits there can be weighed

celery = Celery("seed", broker=os.environ.get(STORE_URL), backend=os.environ.get(STORE_URL))
celery.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_track_started=True,
    task_soft_time_limit=600,
    task_time_limit=900,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=200,  # a task is ten steps here: as often as this project recycles a process (2 000 steps)
    result_expires=86_400,
    broker_connection_retry_on_startup=True,
)


@celery.task  # type: ignore[untyped-decorator] # Celery has no types
def gathered(work: str) -> int:
    """All steps in this one process: what waits waits together, what reckons reckons one after the other."""
    return asyncio.run(_gather(Work.from_json(work)))


@celery.task  # type: ignore[untyped-decorator] # Celery has no types
def step(work: str, place: int) -> int:
    """One step of the chord."""
    asyncio.run(_act(Work.from_json(work), place))
    return place


@celery.task  # type: ignore[untyped-decorator] # Celery has no types
def joined(places: list[int]) -> int:
    """The end of the chord."""
    return len(places)


def begin(design: str, work: str, queue: str | None = None) -> str:
    """Sends it to the broker, which blocks the caller; the id of the task whose end is the workflow's end."""
    sent: Any
    if design == "chord":
        sent = chord(step.s(work, place) for place in range(STEPS))(joined.s())
    else:
        sent = gathered.apply_async((work,), queue=queue) if queue else gathered.delay(work)
    return str(sent.id)


async def _gather(work: Work) -> int:
    await asyncio.gather(*(_act(work, place) for place in range(STEPS)))
    return STEPS


async def _act(work: Work, place: int) -> None:
    if work.do == "wait":
        await asyncio.sleep(work.amount)
    elif work.do == "burn":
        burn(int(work.amount))
    elif work.do == "hold" and place == 0:
        hold(Path(work.log), work.amount)
