"""Schedulers over the in-memory store, side by side, late and interrupted."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from infra_mind.errors import Unavailable
from infra_mind.model.task import StartOptions
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.schedules.records import NewSchedule
from infra_mind.tasks.schedules.scheduler import Scheduler
from tests.stores import wait_until

START = datetime(2026, 1, 14, 9, 0, tzinfo=UTC).timestamp()
HOUR = 3_600.0
NEW = NewSchedule(
    schedule_id="sch_1", tenant="acme", name="hourly", cron="0 * * * *", timezone="UTC", coalesce=True, options=StartOptions(),
    assessment_name="Clinic", artefact_files=0, data=b"{}", due=int((START + HOUR) * 1000),
)  # fmt: skip


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(clock: Clock) -> MemoryStore:
    made = MemoryStore(clock=clock)
    await made.create_schedule(NEW)
    return made


def scheduler(store: Any) -> Scheduler:
    return Scheduler(store, ("cloud",), chance=random.Random(1), poll_s=0.005, store_pause_s=0.005)


async def started(store: MemoryStore) -> int:
    return (await store.counters()).accepted


async def test_nothing_starts_before_its_time_and_one_at_it(store: MemoryStore, clock: Clock) -> None:
    one = scheduler(store)
    assert await one.fire_due() == 0
    clock.now += HOUR
    assert await one.fire_due() == 1
    assert await one.fire_due() == 0
    assert await started(store) == 1
    assert (await store.schedule("acme", "sch_1")).next_due_at == "2026-01-14T11:00:00.000Z"


async def test_all_down_for_hours_is_one_start(store: MemoryStore, clock: Clock) -> None:
    clock.now += 7 * HOUR + 60
    one = scheduler(store)
    assert [await one.fire_due() for _ in range(3)] == [1, 0, 0]
    schedule = await store.schedule("acme", "sch_1")
    assert (schedule.last_due_at, schedule.next_due_at) == (
        "2026-01-14T10:00:00.000Z",
        "2026-01-14T17:00:00.000Z",
    )


async def test_or_one_for_each_when_it_does_not_coalesce(store: MemoryStore, clock: Clock) -> None:
    await store.delete_schedule("acme", "sch_1")
    await store.create_schedule(replace(NEW, coalesce=False))
    clock.now += 3 * HOUR + 60
    one = scheduler(store)
    assert [await one.fire_due() for _ in range(4)] == [1, 1, 1, 0]
    assert await started(store) == 3


async def test_several_side_by_side_start_each_due_time_once(store: MemoryStore, clock: Clock) -> None:
    class Slow:
        """Everybody has looked before anybody fires."""

        def __init__(self) -> None:
            self.looked = asyncio.Barrier(4)

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def due_schedules(self, limit: int) -> Any:
            found = await store.due_schedules(limit)
            await self.looked.wait()
            return found

    clock.now += HOUR
    shared = Slow()
    assert await asyncio.gather(*(scheduler(shared).fire_due() for _ in range(4))) == [1, 1, 1, 1]
    assert await started(store) == 1


async def test_one_that_died_after_looking_is_made_up_for_by_the_next(
    store: MemoryStore, clock: Clock
) -> None:
    clock.now += HOUR
    (abandoned,) = await store.due_schedules(1)
    assert await scheduler(store).fire_due() == 1
    assert await store.fire_schedule(abandoned, None, ("cloud",)) is None
    assert await started(store) == 1
    assert (await store.schedule("acme", "sch_1")).enabled


async def test_it_outlives_an_absence_of_the_store(store: MemoryStore, clock: Clock) -> None:
    absences = 3

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def due_schedules(self, limit: int) -> Any:
            nonlocal absences
            absences -= 1
            if absences >= 0:
                raise Unavailable("The task store cannot be reached")
            return await store.due_schedules(limit)

    clock.now += HOUR
    one = scheduler(Away())
    running = asyncio.create_task(one.run())

    async def fired() -> bool:
        return await started(store) == 1

    await wait_until("it fires once the store is back", fired)
    one.close()
    await running


async def test_a_defect_in_the_store_does_not_end_the_loop(store: MemoryStore, clock: Clock) -> None:
    defects = 2

    class Defect:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def due_schedules(self, limit: int) -> Any:
            nonlocal defects
            defects -= 1
            if defects >= 0:
                raise KeyError("tenant")
            return await store.due_schedules(limit)

    clock.now += HOUR
    one = scheduler(Defect())
    running = asyncio.create_task(one.run())

    async def fired() -> bool:
        return await started(store) == 1

    await wait_until("it goes on", fired)
    one.close()
    await running


async def test_a_zone_that_is_gone_stops_its_schedule_and_no_other(store: MemoryStore, clock: Clock) -> None:
    await store.create_schedule(replace(NEW, schedule_id="sch_bad", timezone="Europe/Gone"))
    clock.now += HOUR
    assert await scheduler(store).fire_due() == 2
    assert (await store.schedule("acme", "sch_bad")).next_due_at is None
    assert (await store.schedule("acme", "sch_1")).next_due_at == "2026-01-14T11:00:00.000Z"


async def test_one_that_cannot_be_fired_holds_up_no_other(
    store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.create_schedule(replace(NEW, schedule_id="sch_bad", due=int((START + HOUR / 2) * 1000)))
    fire = store.fire_schedule

    async def breaks(due: Any, *args: Any) -> Any:
        if due.schedule_id == "sch_bad":
            raise KeyError("input")
        return await fire(due, *args)

    monkeypatch.setattr(store, "fire_schedule", breaks)
    clock.now += HOUR
    assert await scheduler(store).fire_due() == 1
    assert (await store.schedule("acme", "sch_1")).next_due_at == "2026-01-14T11:00:00.000Z"
