"""A dispatcher over the in-memory store: it claims, runs, hands over, and does not go on by half."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from infra_mind.errors import Unavailable
from infra_mind.model.task import StartOptions, TaskState
from infra_mind.tasks.dispatcher import Dispatcher, DispatchLimits, _either
from infra_mind.tasks.execution import LocalExecutor, StepCall, StepFailed
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.objects import Objects, ObjectsRefused
from infra_mind.tasks.plan import Plan, Step
from infra_mind.tasks.store import StoreLimits
from tests.stores import wait_until

PLAN = Plan((Step("a"), Step("sum", after=("a",), agent=False)))
LIMITS = DispatchLimits(poll_s=0.02, report_s=0.01, heartbeat_s=0.05, sweep_s=0.01)


def step(call: StepCall, data: bytes, results: Mapping[str, bytes], stopped: object) -> bytes:
    return call.step.encode()


def dispatcher(
    store: MemoryStore, executor: LocalExecutor | None = None, *, tell_alerts: bool = False
) -> Dispatcher:
    return Dispatcher(
        "d", node_id="n", plan=PLAN, store=store, executor=executor or LocalExecutor(step, slots=2), limits=LIMITS,
        parts=lambda data: {}, chance=random.Random(1), tell_alerts=tell_alerts,
    )  # fmt: skip


async def accept(store: MemoryStore, number: int) -> None:
    await store.create_assessment("acme", f"a-{number}", "one", b"{}", 0)
    await store.accept("acme", f"a-{number}", f"t-{number}", StartOptions(), PLAN.agents)


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    made = MemoryStore(StoreLimits(lease_s=30))
    yield made
    await made.close()


async def test_everything_that_is_accepted_ends(store: MemoryStore) -> None:
    for number in range(20):
        await accept(store, number)
    one = dispatcher(store)
    running = asyncio.create_task(one.run())

    async def all_ended() -> bool:
        page = await store.tasks("acme", limit=50)
        return all(task.state is TaskState.SUCCESS for task in page.items)

    await wait_until("all end", all_ended)
    await one.drain()
    running.cancel()


async def test_a_claim_that_arrives_during_the_drain_is_handed_over(store: MemoryStore) -> None:
    await accept(store, 1)
    arrived, go_on = asyncio.Event(), asyncio.Event()
    claim = store.claim

    async def slow(name: str, limit: int) -> object:
        claims = await claim(name, limit)
        arrived.set()
        await go_on.wait()
        return claims

    store.claim = slow  # type: ignore[method-assign,assignment] # an answer that is long on its way
    one = dispatcher(store)
    running = asyncio.create_task(one.run())
    await arrived.wait()
    draining = asyncio.create_task(one.drain())
    go_on.set()
    await draining
    assert (await store.task("acme", "t-1")).state in (TaskState.PENDING, TaskState.SUCCESS)
    assert one.active == ()
    running.cancel()


async def test_when_one_of_its_loops_breaks_it_ends_as_a_whole(store: MemoryStore) -> None:
    class Broken(LocalExecutor):
        async def slots(self) -> int:
            raise RuntimeError("no answer from the cluster")

    with pytest.raises(ExceptionGroup) as broken:
        await dispatcher(store, Broken(step, slots=2)).run()
    assert broken.group_contains(RuntimeError, match="no answer")


async def test_objects_whose_time_is_over_are_removed_and_a_refusing_storage_ends_nothing(
    tmp_path: Path,
) -> None:
    """Three rounds: the storage refuses, the storage is away, and it removes what is due."""
    objects = Objects((tmp_path / "objects").as_uri())
    delete, failures = objects.delete, [ObjectsRefused("no"), Unavailable("away")]

    async def moody(name: str) -> None:
        if failures:
            raise failures.pop()
        await delete(name)

    objects.delete = moody  # type: ignore[method-assign]
    store = MemoryStore(StoreLimits(objects_above=10, object_retry_s=0.001), objects=objects)
    await accept(store, 1)
    await store.claim("gone", 1)
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r" * 100)
    await store.delete_assessment("acme", "a-1")
    running = asyncio.create_task(dispatcher(store).run())

    async def removed() -> bool:
        assert not running.done()
        return not list((tmp_path / "objects").iterdir())

    await wait_until("the object is removed", removed)
    assert failures == []
    running.cancel()


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_cancel_that_comes_with_the_event_is_not_lost(turns: int) -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(_either(event, 60.0))
    for _ in range(3):
        await asyncio.sleep(0)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    cancelled = waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled() is cancelled


@pytest.mark.parametrize("tell", [True, False])
async def test_lost_worker_processes_raise_one_alert_which_is_told_if_somebody_is_to_hear_of_it(
    tell: bool,
) -> None:
    def crash(call: StepCall, data: bytes, results: Mapping[str, bytes], stopped: object) -> bytes:
        raise StepFailed("WorkerCrashed", "its process died 3 times", retryable=False, attempts=3)

    store = MemoryStore(StoreLimits(alert_after=5))
    for number in range(4):
        await accept(store, number)
    one = dispatcher(store, LocalExecutor(crash, slots=2), tell_alerts=tell)
    running = asyncio.create_task(one.run())

    async def all_counted() -> bool:
        assert not running.done()
        return (await store.counters()).worker_failures == {"WorkerCrashed": 12}

    await wait_until("every lost process is counted", all_counted)
    told = await store.due_deliveries(9, lease_s=60.0, most_attempts=9, per_tenant=9, in_flight={})
    assert [one.alert and (one.alert.kind, one.alert.count) for one in told] == [("WorkerCrashed", 5)] * tell
    assert [alert.count for alert in await store.alerts()] == [11]
    running.cancel()
