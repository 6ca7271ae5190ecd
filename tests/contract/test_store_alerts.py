"""Worker processes that fail again and again raise one alert, shown until it has been quiet for a while."""

from __future__ import annotations

import asyncio

import pytest

from infra_mind.model.webhook import DeliveryState
from infra_mind.tasks.alerts import WorkerFailure
from infra_mind.tasks.store import StoreLimits, TaskStore
from infra_mind.tasks.webhooks.outbox import Attempted, DueDelivery
from tests.contract.houses import House
from tests.stores import wait_until


def crash(times: int = 1, kind: str = "WorkerCrashed", step: str = "cost") -> WorkerFailure:
    return WorkerFailure(kind, step, "its process died", times)


@pytest.fixture
def limits() -> StoreLimits:
    return StoreLimits(alert_after=3, alert_window_s=60, alert_ttl_s=60)


async def test_fewer_than_enough_raise_nothing(store: TaskStore) -> None:
    assert await store.worker_failed(crash()) is None
    assert await store.worker_failed(crash()) is None
    assert await store.alerts() == []
    assert (await store.counters()).worker_failures == {"WorkerCrashed": 2}


async def test_the_last_of_enough_raises_it_once(store: TaskStore) -> None:
    answers = [await store.worker_failed(crash(step=step)) for step in ("a", "b", "c", "d")]
    assert [answer is not None for answer in answers] == [False, False, True, False]
    raised = answers[2]
    assert raised is not None
    assert (raised.kind, raised.count, raised.step) == ("WorkerCrashed", 3, "c")
    (shown,) = await store.alerts()
    assert (shown.kind, shown.count, shown.step, shown.message) == (
        "WorkerCrashed",
        4,
        "d",
        "its process died",
    )
    assert shown.since == raised.since <= raised.last_at <= shown.last_at


async def test_a_call_that_tells_of_several_counts_them_all(store: TaskStore) -> None:
    assert await store.worker_failed(crash(2)) is None
    assert await store.worker_failed(crash(2)) is not None
    assert (await store.counters()).worker_failures == {"WorkerCrashed": 4}


async def test_kinds_are_counted_apart(store: TaskStore) -> None:
    for kind in ("WorkerCrashed", "MemoryLimitExceeded"):
        assert await store.worker_failed(crash(2, kind)) is None
    assert await store.worker_failed(crash(1, "MemoryLimitExceeded")) is not None
    assert [alert.kind for alert in await store.alerts()] == ["MemoryLimitExceeded"]


async def test_of_many_callers_side_by_side_one_gets_the_alert(store: TaskStore) -> None:
    answers = await asyncio.gather(*(store.worker_failed(crash()) for _ in range(20)))
    assert len([answer for answer in answers if answer]) == 1
    assert (await store.counters()).worker_failures == {"WorkerCrashed": 20}
    (shown,) = await store.alerts()
    assert shown.count == 20


@pytest.mark.parametrize("limits", [StoreLimits(alert_after=2, alert_window_s=0.05, alert_ttl_s=60)])
async def test_failures_that_are_far_apart_raise_nothing(store: TaskStore) -> None:
    assert await store.worker_failed(crash()) is None
    await asyncio.sleep(0.06)  # the window itself: nothing tells when it has passed
    assert await store.worker_failed(crash()) is None
    assert await store.alerts() == []


async def test_failures_of_which_the_first_is_too_long_ago_raise_nothing(house: House) -> None:
    assert await house.store.worker_failed(crash(2)) is None
    await house.age_failures(61)
    assert await house.store.worker_failed(crash()) is None
    assert await house.store.alerts() == []


@pytest.mark.parametrize("limits", [StoreLimits(alert_after=2, alert_window_s=60, alert_ttl_s=0.1)])
async def test_an_alert_goes_when_it_is_quiet_and_comes_again(store: TaskStore) -> None:
    await store.worker_failed(crash(2))

    async def quiet() -> bool:
        return await store.alerts() == []

    await wait_until("the alert is not shown any more", quiet)
    assert await store.worker_failed(crash()) is not None


async def due(store: TaskStore) -> list[DueDelivery]:
    return await store.due_deliveries(9, lease_s=60.0, most_attempts=9, per_tenant=9, in_flight={})


async def test_an_alert_that_is_to_be_told_is_in_the_outbox_once(store: TaskStore) -> None:
    answers = [await store.worker_failed(crash(), tell=True) for _ in range(5)]
    (raised,) = [answer for answer in answers if answer]
    (told,) = await due(store)
    assert told.alert == raised
    assert (told.tenant, told.task_id, told.state, told.attempt) == ("", "", None, 1)
    assert await store.note_attempt(told.webhook_id, 1, Attempted(DeliveryState.DELIVERED, 0.1, 204))
    assert await due(store) == []
    assert (await store.counters()).webhooks == {"delivered": 1}


async def test_an_alert_that_is_not_to_be_told_is_not_in_the_outbox(store: TaskStore) -> None:
    assert await store.worker_failed(crash(3)) is not None
    assert await due(store) == []


@pytest.mark.parametrize("limits", [StoreLimits(alert_after=2, alert_window_s=60, alert_ttl_s=0.05)])
async def test_each_alert_has_an_id_of_its_own(store: TaskStore) -> None:
    for kind in ("WorkerCrashed", "OutOfMemory"):
        assert await store.worker_failed(crash(2, kind), tell=True) is not None

    async def quiet() -> bool:
        return await store.alerts() == []

    await wait_until("the alerts are not shown any more", quiet)
    assert await store.worker_failed(crash(2), tell=True) is not None
    told = await due(store)
    assert sorted(one.alert.kind for one in told if one.alert) == [
        "OutOfMemory",
        "WorkerCrashed",
        "WorkerCrashed",
    ]
    assert len({one.webhook_id for one in told}) == 3


async def test_long_messages_are_clipped(store: TaskStore) -> None:
    await store.worker_failed(WorkerFailure("OutOfMemory", "cost", "x" * 10_000, 3))
    (shown,) = await store.alerts()
    assert len(shown.message) == 500
