"""Dispatchers, numbers, API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from infra_mind.model.task import AgentState, ApiKey, Priority, TaskState
from infra_mind.tasks.store import AgentUpdate, Counters, DispatcherInfo, Kept, TaskStore
from tests.contract.houses import House, accept, accept_and_claim


async def test_ping(store: TaskStore) -> None:
    await store.ping()


async def test_a_dispatcher_is_known_by_its_last_heartbeat(store: TaskStore) -> None:
    assert await store.dispatchers() == []
    await store.heartbeat(DispatcherInfo("d-2", "node-b", 0, 8))
    await store.heartbeat(DispatcherInfo("d-1", "node-a", 1, 8))
    await store.heartbeat(DispatcherInfo("d-1", "node-a", 3, 8))
    found = await store.dispatchers()
    assert [(one.name, one.node_id, one.active_tasks, one.slots) for one in found] == [
        ("d-1", "node-a", 3, 8),
        ("d-2", "node-b", 0, 8),
    ]
    assert all(0 <= one.last_seen_s < 10 for one in found)


async def test_an_empty_store_has_empty_numbers(store: TaskStore) -> None:
    stats = await store.queue_stats()
    assert stats.depth == dict.fromkeys(Priority, 0)
    assert stats.oldest_age_s == dict.fromkeys(Priority, None)
    assert (stats.running, stats.retrying) == (0, 0)
    assert await store.counters() == Counters()


async def test_queue_stats_by_priority(house: House) -> None:
    await accept(house.store, "old", Priority.LOW)
    await house.age_queue(30)
    await accept(house.store, "new", Priority.LOW)
    await accept(house.store, "high", Priority.HIGH)
    stats = await house.store.queue_stats()
    assert stats.depth == {Priority.CRITICAL: 0, Priority.HIGH: 1, Priority.MEDIUM: 0, Priority.LOW: 2}
    low, high = stats.oldest_age_s[Priority.LOW], stats.oldest_age_s[Priority.HIGH]
    assert low is not None
    assert 30 <= low < 40
    assert high is not None
    assert 0 <= high < 10
    assert stats.oldest_age_s[Priority.CRITICAL] is None


async def test_running_and_retrying_are_counted(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await accept_and_claim(store, "2")
    await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RETRY)])
    stats = await store.queue_stats()
    assert (stats.running, stats.retrying) == (2, 1)
    await store.finish("t-1", 1, TaskState.FAILURE)
    stats = await store.queue_stats()
    assert (stats.running, stats.retrying) == (1, 0)


async def test_counters_count_ends_and_agents(store: TaskStore) -> None:
    for name in ("1", "2", "3"):
        await accept_and_claim(store, name)
    for task_id in ("t-1", "t-2"):
        done = AgentUpdate(task_id, 1, "cloud", AgentState.DONE)
        await store.keep(task_id, 1, Kept("cloud", "h", b""), agent=done, seconds=0.1234)
    await store.update([AgentUpdate("t-2", 1, "cost", AgentState.FAILED)])
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"")
    await store.finish("t-2", 1, TaskState.SUCCESS, result=b"")
    await store.cancel("acme", "t-3")
    await store.finish("t-3", 1, TaskState.REVOKED)
    assert await store.counters() == Counters(
        accepted=3,
        ended={TaskState.SUCCESS: 2, TaskState.REVOKED: 1},
        agent_seconds={"cloud": 0.2468},
        agent_runs={
            ("cloud", "DONE"): 2,
            ("cloud", "REVOKED"): 1,
            ("cost", "FAILED"): 1,
            ("cost", "REVOKED"): 1,
        },
    )


# -- keys -----------------------------------------------------------------------------------------------------------------


def api_key(name: str, secret: str, expires_in: timedelta | None = None) -> ApiKey:
    now = datetime.now(UTC)
    expires = None if expires_in is None else (now + expires_in).isoformat()
    return ApiKey(
        key_id=name, tenant="acme", secret_sha256=secret, created_at=f"2026-01-0{name[-1]}T00:00:00Z",
        expires_at=expires, label="CI", weight=2.5, max_running=3,
    )  # fmt: skip


async def test_a_key_is_found_by_the_hash_of_its_secret(store: TaskStore) -> None:
    first, second = api_key("k-2", "aa"), api_key("k-1", "bb", timedelta(hours=1))
    await store.put_key(first)
    await store.put_key(second)
    assert await store.key_by_secret("aa") == first
    assert await store.key_by_secret("bb") == second
    assert await store.key_by_secret("cc") is None
    assert await store.keys() == [second, first]


async def test_an_expired_key_is_not_found_but_listed(store: TaskStore) -> None:
    key = api_key("k-1", "aa", timedelta(seconds=-1))
    await store.put_key(key)
    assert await store.key_by_secret("aa") is None
    assert await store.keys() == [key]


async def test_a_revoked_key_is_nowhere(store: TaskStore) -> None:
    await store.put_key(api_key("k-1", "aa"))
    assert await store.revoke_key("k-1")
    assert not await store.revoke_key("k-1")
    assert await store.key_by_secret("aa") is None
    assert await store.keys() == []


async def test_a_new_secret_takes_the_place_of_the_old(store: TaskStore) -> None:
    await store.put_key(api_key("k-1", "aa"))
    await store.put_key(api_key("k-1", "bb"))
    assert await store.key_by_secret("aa") is None
    assert await store.key_by_secret("bb") is not None
    assert len(await store.keys()) == 1
