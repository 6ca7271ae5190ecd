"""Schedules: one start for each due time, in one step, whoever fires it and however often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from infra_mind.errors import Conflict, NotFound
from infra_mind.model.task import Priority, StartOptions, TaskState
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.schedules.records import DueSchedule, Fired, NewSchedule
from infra_mind.tasks.store import StoreLimits, TaskStore
from tests.contract.houses import AGENTS, House, RedisHouse
from tests.contract.houses import accept as accept_another

DUE = 1_768_469_400_000  # 2026-01-15T09:30:00Z, long past
NEXT = DUE + 3_600_000
FUTURE = 4_102_444_800_000  # 2100-01-01
NEW = NewSchedule(
    schedule_id="sch_1", tenant="acme", name="weekly", cron="30 9 * * *", timezone="Europe/Berlin", coalesce=True,
    options=StartOptions(priority=Priority.HIGH, webhook_url="https://hooks.example.com/s3cr3t"),
    assessment_name="Clinic", artefact_files=3, data=b"the brief" * 100_000, due=DUE,
)  # fmt: skip


async def due_one(store: TaskStore) -> DueSchedule:
    (due,) = await store.due_schedules(10)
    return due


# -- records --------------------------------------------------------------------------------------------------------------


async def test_a_schedule_is_kept_as_it_was_made(store: TaskStore) -> None:
    made = await store.create_schedule(NEW)
    assert made == await store.schedule("acme", "sch_1")
    assert (made.name, made.cron, made.timezone, made.coalesce, made.enabled) == (
        "weekly", "30 9 * * *", "Europe/Berlin", True, True,
    )  # fmt: skip
    assert made.options == {"priority": "high", "webhook_url": "https://hooks.example.com/…"}
    assert made.next_due_at == "2026-01-15T09:30:00.000Z"
    assert (
        made.last_due_at,
        made.last_fired_at,
        made.last_assessment_id,
        made.last_task_id,
        made.last_error,
    ) == ((None,) * 5)


async def test_the_same_create_again_is_the_same_schedule(store: TaskStore) -> None:
    first = await store.create_schedule(NEW)
    assert await store.create_schedule(replace(NEW, name="other", due=NEXT)) == first
    assert len(await store.schedules("acme")) == 1
    with pytest.raises(Conflict):
        await store.create_schedule(replace(NEW, tenant="rival"))


@pytest.mark.parametrize("limits", [StoreLimits(max_schedules_per_tenant=2)])
async def test_a_tenant_has_a_bounded_number(store: TaskStore) -> None:
    for name in "123":
        new = replace(NEW, schedule_id=f"sch_{name}", data=b"")
        if name == "3":
            with pytest.raises(Conflict, match="2 schedules"):
                await store.create_schedule(new)
        else:
            await store.create_schedule(new)
    await store.create_schedule(replace(NEW, schedule_id="sch_r", tenant="rival"))
    assert [one.schedule_id for one in await store.schedules("acme")] == ["sch_2", "sch_1"]
    await store.delete_schedule("acme", "sch_1")
    await store.create_schedule(replace(NEW, schedule_id="sch_3"))


async def test_another_tenant_sees_and_changes_nothing(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    assert await store.schedules("rival") == ()
    for call in (
        store.schedule("rival", "sch_1"),
        store.enable_schedule("rival", "sch_1", None),
        store.delete_schedule("rival", "sch_1"),
        store.schedule("acme", "sch_none"),
        store.enable_schedule("acme", "sch_none", 1),
        store.delete_schedule("acme", "sch_none"),
    ):
        with pytest.raises(NotFound):
            await call
    assert (await store.schedule("acme", "sch_1")).enabled


async def test_a_deleted_one_is_gone_and_fires_no_more(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    due = await due_one(store)
    await store.delete_schedule("acme", "sch_1")
    assert await store.due_schedules(10) == []
    assert await store.fire_schedule(due, NEXT, AGENTS) is None
    assert await store.claim("d", 5) == []
    with pytest.raises(NotFound):
        await store.schedule("acme", "sch_1")


async def test_a_paused_one_waits_until_it_is_resumed(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    due = await due_one(store)
    paused = await store.enable_schedule("acme", "sch_1", None)
    assert (paused.enabled, paused.next_due_at) == (False, None)
    assert await store.due_schedules(10) == []
    assert await store.fire_schedule(due, NEXT, AGENTS) is None
    assert (await store.enable_schedule("acme", "sch_1", NEXT)).next_due_at == "2026-01-15T10:30:00.000Z"
    assert (await due_one(store)).due == NEXT


async def test_one_may_be_made_paused(store: TaskStore) -> None:
    assert not (await store.create_schedule(replace(NEW, due=None))).enabled
    assert await store.due_schedules(10) == []


# -- firing ---------------------------------------------------------------------------------------------------------------


async def test_what_is_due_comes_with_all_that_firing_needs(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    await store.create_schedule(replace(NEW, schedule_id="sch_later", due=FUTURE))
    await store.create_schedule(replace(NEW, schedule_id="sch_older", due=DUE - 1))
    older, due = await store.due_schedules(10)
    assert (older.schedule_id, due.schedule_id, due.tenant, due.due) == ("sch_older", "sch_1", "acme", DUE)
    assert (due.cron, due.timezone, due.coalesce, due.options) == (NEW.cron, NEW.timezone, True, NEW.options)
    assert due.now > DUE
    assert [one.schedule_id for one in await store.due_schedules(1)] == ["sch_older"]


async def test_firing_starts_an_assessment_of_what_was_handed_in(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    due = await due_one(store)
    assert await store.fire_schedule(due, NEXT, AGENTS) == Fired(due.task_id)
    (claim,) = await store.claim("d", 5)
    assert (claim.task_id, claim.tenant, claim.options, claim.agents) == (
        due.task_id,
        "acme",
        NEW.options,
        AGENTS,
    )
    assert await store.assessment_input(claim.assessment_id) == NEW.data
    assessment = await store.assessment("acme", due.assessment_id)
    assert (assessment.name, assessment.status, assessment.artefact_files, assessment.task_id) == (
        "Clinic", "in_progress", 3, due.task_id,
    )  # fmt: skip
    schedule = await store.schedule("acme", "sch_1")
    assert (schedule.last_due_at, schedule.next_due_at) == (
        "2026-01-15T09:30:00.000Z",
        "2026-01-15T10:30:00.000Z",
    )
    assert (schedule.last_assessment_id, schedule.last_task_id, schedule.last_error) == (
        due.assessment_id, due.task_id, None,
    )  # fmt: skip
    assert schedule.last_fired_at is not None
    assert schedule.last_fired_at >= schedule.created_at
    assert (await store.counters()).schedules == {"fired": 1}


async def test_a_due_time_is_fired_once(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    due = await due_one(store)
    answers = await asyncio.gather(*(store.fire_schedule(due, FUTURE, AGENTS) for _ in range(50)))
    assert [one for one in answers if one] == [Fired(due.task_id)]
    assert len(await store.claim("d", 100)) == 1


async def test_a_straggler_fires_nothing_even_after_everything_has_expired(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    due = await due_one(store)
    await store.fire_schedule(due, FUTURE, AGENTS)
    (claim,) = await store.claim("d", 1)
    await store.finish(claim.task_id, claim.fence, TaskState.SUCCESS, result=b"r")
    await store.delete_assessment("acme", due.assessment_id)
    assert await store.fire_schedule(due, FUTURE, AGENTS) is None
    assert await store.claim("d", 1) == []


async def test_nothing_fires_before_its_time(store: TaskStore) -> None:
    await store.create_schedule(replace(NEW, due=FUTURE))
    early = DueSchedule("sch_1", "acme", NEW.cron, NEW.timezone, True, NEW.options, FUTURE, FUTURE + 1)
    assert await store.fire_schedule(early, FUTURE + 1, AGENTS) is None
    assert await store.claim("d", 1) == []


async def test_each_due_time_has_ids_of_its_own_and_a_repeat_the_same(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    first, again = await due_one(store), await due_one(store)
    assert (first.task_id, first.assessment_id) == (again.task_id, again.assessment_id)
    await store.fire_schedule(first, NEXT, AGENTS)
    second = await due_one(store)
    await store.fire_schedule(second, FUTURE, AGENTS)
    assert len({first.task_id, second.task_id, first.assessment_id, second.assessment_id}) == 4
    assert {claim.task_id for claim in await store.claim("d", 5)} == {first.task_id, second.task_id}


async def test_one_without_a_next_time_rests(store: TaskStore) -> None:
    await store.create_schedule(NEW)
    await store.fire_schedule(await due_one(store), None, AGENTS)
    assert await store.due_schedules(5) == []
    schedule = await store.schedule("acme", "sch_1")
    assert (schedule.enabled, schedule.next_due_at) == (False, None)


@pytest.mark.parametrize("limits", [StoreLimits(max_queued_per_tenant=1)])
async def test_a_refused_start_leaves_nothing_behind_and_is_told(house: House) -> None:
    store = house.store
    await accept_another(store, "waits")
    await store.create_schedule(NEW)
    due = await due_one(store)
    assert await store.fire_schedule(due, NEXT, AGENTS) == Fired(due.task_id, "TooMany")
    with pytest.raises(NotFound):
        await store.assessment("acme", due.assessment_id)
    with pytest.raises(NotFound):
        await store.task("acme", due.task_id)
    assert [one.assessment_id for one in (await store.assessments("acme")).items] == ["a-waits"]
    schedule = await store.schedule("acme", "sch_1")
    assert (schedule.last_error, schedule.last_task_id, schedule.next_due_at) == (
        "TooMany", None, "2026-01-15T10:30:00.000Z",
    )  # fmt: skip
    assert (await store.counters()).schedules == {"refused": 1}
    await store.cancel("acme", "t-waits")
    second = await due_one(store)
    assert await store.fire_schedule(second, FUTURE, AGENTS) == Fired(second.task_id)
    assert (await store.schedule("acme", "sch_1")).last_error is None


# -- keys, over Redis alone -----------------------------------------------------------------------------------------------


@pytest.fixture
async def redis_house(valkey: EmbeddedStore) -> AsyncIterator[RedisHouse]:
    opened = RedisHouse(valkey.url, StoreLimits())
    yield opened
    await opened.close()


async def test_a_deleted_schedule_leaves_no_key_for_ever(redis_house: RedisHouse) -> None:
    store = redis_house.store
    await store.create_schedule(NEW)
    await store.fire_schedule(await due_one(store), NEXT, AGENTS)
    (claim,) = await store.claim("d", 1)
    await store.finish(claim.task_id, claim.fence, TaskState.REVOKED)
    assert (
        await store.due_deliveries(1, lease_s=1, most_attempts=0, per_tenant=1, in_flight={}) == []
    )  # given up at once
    await store.delete_schedule("acme", "sch_1")
    keys = [key async for key in redis_house.raw.scan_iter(match=f"{redis_house.prefix}*", count=1_000)]
    for_ever = [
        key.decode().removeprefix(redis_house.prefix) for key in keys if await redis_house.raw.pttl(key) == -1
    ]
    assert for_ever == ["counters"]


async def test_a_large_input_is_compressed(redis_house: RedisHouse) -> None:
    await redis_house.store.create_schedule(NEW)
    assert await redis_house.raw.strlen(f"{redis_house.prefix}schedule-input:sch_1") < len(NEW.data) / 10
