"""Records that another release wrote, and times that a clock left behind: neither holds up what is well."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infra_mind.model.task import StartOptions
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.schedules.records import NewSchedule
from infra_mind.tasks.store import StoreLimits
from tests.contract.houses import AGENTS, RedisHouse, accept_and_claim


@pytest.fixture
async def house(valkey: EmbeddedStore, limits: StoreLimits) -> AsyncIterator[RedisHouse]:
    opened = RedisHouse(valkey.url, limits)
    yield opened
    await opened.close()


async def test_a_record_that_cannot_be_read_holds_up_no_other(house: RedisHouse) -> None:
    """An option that only another release knows, in a task and in a schedule."""
    for name in ("1", "2"):
        await house.store.create_assessment("acme", f"a-{name}", "x", b"{}", 0)
        await house.store.accept("acme", f"a-{name}", f"t-{name}", StartOptions(), AGENTS)
        await house.store.create_schedule(
            NewSchedule(f"s-{name}", "acme", "n", "* * * * *", "UTC", True, StartOptions(), "n", 0, b"{}", 1)
        )
    future = '{"priority": "now", "of": "tomorrow"}'
    await house.raw.hset(f"{house.prefix}task:t-1", "options", future)
    await house.raw.hset(f"{house.prefix}schedule:s-1", "options", future)
    assert [claim.task_id for claim in await house.store.claim("d", 9)] == ["t-2"]
    assert [due.schedule_id for due in await house.store.due_schedules(9)] == ["s-2"]
    await house.raw.hset(f"{house.prefix}task:t-1", "options", StartOptions().to_json())
    await house.end_leases()
    assert {claim.task_id for claim in await house.store.claim("d", 9)} == {"t-1", "t-2"}


async def test_a_delivery_that_cannot_be_read_holds_up_no_other(house: RedisHouse) -> None:
    for name in ("1", "2"):
        await house.store.create_assessment("acme", f"a-{name}", "x", b"{}", 0)
        options = StartOptions(webhook_url="https://hooks.example.com/")
        await house.store.accept("acme", f"a-{name}", f"t-{name}", options, AGENTS)
        await house.store.cancel("acme", f"t-{name}")
    (told,) = await house.store.deliveries("acme", "t-1")
    await house.raw.hset(f"{house.prefix}webhook:{told.webhook_id}", "task_state", "PAUSED")
    due = await house.store.due_deliveries(9, lease_s=30, most_attempts=3, per_tenant=9, in_flight={})
    assert [one.task_id for one in due] == ["t-2"]


async def test_a_clock_that_goes_back_makes_no_lease_longer(house: RedisHouse) -> None:
    await accept_and_claim(house.store, "1")
    hour, lease = 3_600_000, round(house.store.limits.lease_s * 1000)  # type: ignore[attr-defined]
    await house.raw.zincrby(f"{house.prefix}leases", hour, "t-1")
    assert await house.store.claim("other", 1) == []
    seconds, _ = await house.raw.time()
    assert await house.raw.zscore(f"{house.prefix}leases", "t-1") <= (seconds + 2) * 1000 + lease


async def test_a_clock_that_goes_back_does_not_put_off_who_takes_over(house: RedisHouse) -> None:
    """The pause after a silence was to end at a time that is far off now."""
    await accept_and_claim(house.store, "1")
    await house.end_leases()
    seconds, _ = await house.raw.time()
    await house.raw.hset(f"{house.prefix}counters", "quiet", (seconds + 3_600) * 1000)
    assert [claim.attempt for claim in await house.store.claim("other", 1)] == [2]
