"""Events of a task, from any point on; signals to dispatchers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from infra_mind.errors import NotFound, OptionInvalid
from infra_mind.model.task import AgentState, Event, TaskState
from infra_mind.tasks.records import event_id
from infra_mind.tasks.store import AgentUpdate, Kept, Signal, StoreLimits, TaskStore
from tests.contract.houses import House, accept, accept_and_claim
from tests.stores import wait_until


async def all_events(store: TaskStore, after: str | None = None) -> list[Event]:
    async with asyncio.timeout(10):
        return [one async for one in store.events("acme", "t-1", after) if one is not None]


async def whole_life(store: TaskStore) -> list[Event]:
    await accept_and_claim(store, "1")
    await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 20, note="reads")])
    await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 60)])
    done = AgentUpdate("t-1", 1, "cloud", AgentState.DONE)
    await store.keep("t-1", 1, Kept("cloud", "h", b"d"), agent=done, seconds=1)
    await store.update([AgentUpdate("t-1", 1, "cost", AgentState.FAILED, 0, reason="no prices")])
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r", assessment_status="partial")
    return await all_events(store)


async def test_a_life_in_events(store: TaskStore) -> None:
    events = await whole_life(store)
    told = [(one.type, one.data["state"], one.data["progress"], set(one.data["agents"])) for one in events]
    assert told == [
        ("state", "PENDING", 0.0, set()),
        ("state", "STARTED", 0.0, set()),
        ("agent", "PROGRESS", 10.0, {"cloud"}),
        ("progress", "PROGRESS", 30.0, {"cloud"}),
        ("agent", "PROGRESS", 50.0, {"cloud"}),
        ("agent", "PROGRESS", 50.0, {"cost"}),
        ("end", "SUCCESS", 100.0, set()),
    ]
    reads = events[2].data
    assert (reads["task_id"], reads["current_step"], reads["message"]) == ("t-1", "cloud", "reads")
    assert reads["agents"]["cloud"]["started_at"] == reads["at"]
    assert events[5].data["agents"]["cost"]["reason"] == "no prices"
    assert all(set(one.data) == set(reads) for one in events)


async def test_event_ids_only_grow(store: TaskStore) -> None:
    ids = [event_id(one.id) for one in await whole_life(store)]
    assert ids == sorted(set(ids))


async def test_a_stream_resumes_after_any_event(store: TaskStore) -> None:
    events = await whole_life(store)
    for i, one in enumerate(events):
        assert await all_events(store, one.id) == events[i + 1 :]
    assert await all_events(store, "0-0") == events
    assert await all_events(store, "0") == events
    assert await all_events(store, f"{2**62}-0") == []


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "-",
        "x",
        "1-x",
        "1-2-3",
        "-1",
        "1 2",
        "٣-٤",
        f"{2**63}-0",
        f"1-{2**64}",
        "1" * 5000,
        "1-" + "1" * 5000,
    ],
)
async def test_a_malformed_id_is_an_invalid_option(store: TaskStore, bad: str) -> None:
    await accept(store, "1")
    with pytest.raises(OptionInvalid):
        await all_events(store, bad)


async def test_unknown_and_foreign_tasks_have_no_events(store: TaskStore) -> None:
    await accept(store, "1")
    for tenant, task_id in (("other", "t-1"), ("acme", "t-2")):
        with pytest.raises(NotFound):
            await anext(store.events(tenant, task_id))


async def test_events_come_live_to_every_watcher(store: TaskStore) -> None:
    await accept(store, "1")
    watchers = [asyncio.create_task(all_events(store)) for _ in range(5)]
    async with aclosing(as_generator(store.events("acme", "t-1"))) as live:
        assert (await next_event(live)).data["state"] == "PENDING"
        await store.claim("d", 1)
        assert (await next_event(live)).data["state"] == "STARTED"
    await store.finish("t-1", 1, TaskState.FAILURE)
    seen = await asyncio.gather(*watchers)
    assert [one.type for one in seen[0]] == ["state", "state", "end"]
    assert all(one == seen[0] for one in seen)


async def test_silence_gives_heartbeats(store: TaskStore) -> None:
    await accept(store, "1")
    async with aclosing(as_generator(store.events("acme", "t-1", heartbeat_s=0.02))) as live:
        assert await anext(live) is not None
        assert [await anext(live), await anext(live)] == [None, None]
        await store.cancel("acme", "t-1")
        rest = [one async for one in live if one is not None]
    assert [one.type for one in rest] == ["end"]


async def test_a_cancelled_waiting_task_ends_its_stream(store: TaskStore) -> None:
    await accept(store, "1")
    await store.cancel("acme", "t-1")
    events = await all_events(store)
    assert [(one.type, one.data["state"]) for one in events] == [("state", "PENDING"), ("end", "REVOKED")]
    assert {agent["state"] for agent in events[-1].data["agents"].values()} == {"REVOKED"}


async def test_a_cancel_request_is_an_event_once(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.cancel("acme", "t-1")
    await store.cancel("acme", "t-1")
    await store.finish("t-1", 1, TaskState.REVOKED)
    assert [one.type for one in await all_events(store)] == ["state", "state", "state", "end"]


async def test_a_lost_lease_shows_which_agents_wait_again(house: House) -> None:
    await accept_and_claim(house.store, "1")
    await house.store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 20)])
    await house.end_leases()
    await house.store.claim("other", 1)
    await house.store.finish("t-1", 2, TaskState.SUCCESS, result=b"r")
    again = (await all_events(house.store))[-2]
    assert (again.data["state"], again.data["agents"]["cloud"]["state"]) == ("STARTED", "WAITING")


async def test_one_call_is_one_event_of_a_task(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update(
        [
            AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 1),
            AgentUpdate("t-1", 1, "cost", AgentState.RUNNING, 1),
            AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 2),
        ]
    )
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")
    events = await all_events(store)
    assert len(events) == 4
    assert {name: agent["progress"] for name, agent in events[2].data["agents"].items()} == {
        "cloud": 2.0,
        "cost": 1.0,
    }


async def test_what_is_refused_makes_no_event(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update([AgentUpdate("t-1", 9, "cloud", AgentState.RUNNING, 1)])
    await store.keep("t-1", 9, Kept("cloud", "h", b"d"), agent=None, seconds=0)
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")
    assert [one.type for one in await all_events(store)] == ["state", "state", "end"]


@pytest.mark.parametrize("limits", [StoreLimits(events_kept=10)])
async def test_a_long_stream_is_trimmed_and_still_ends(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    for i in range(400):
        await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, i / 4)])
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")
    events = await all_events(store)
    assert 10 <= len(events) <= 10 + 101 + 1  # the server trims whole nodes of 100
    assert (events[0].data["state"], events[-1].type) == ("PENDING", "end")


@pytest.mark.parametrize("limits", [StoreLimits(events_kept=10)])
async def test_a_stream_that_resumes_where_events_are_not_kept_any_more_says_so(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    seen = (await first_events(store, 2))[-1]
    for i in range(400):
        await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, i / 4)])
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")
    events = await all_events(store, seen.id)
    assert [one.type for one in events].count("gap") == 1
    assert (events[0].type, events[0].id, events[-1].type) == ("gap", seen.id, "end")
    kept = [one for one in await all_events(store) if one.data["state"] != "PENDING"]
    assert events[1:] == kept
    for one in (kept[0], kept[-2]):
        assert "gap" not in [other.type for other in await all_events(store, one.id)]
    assert await all_events(store, kept[-1].id) == []


async def first_events(store: TaskStore, count: int) -> list[Event]:
    async with aclosing(as_generator(store.events("acme", "t-1"))) as live:
        return [await next_event(live) for _ in range(count)]


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.03, tombstone_s=60)])
async def test_after_the_stream_expired_the_end_is_still_told(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.finish("t-1", 1, TaskState.FAILURE)

    async def expired() -> bool:
        return [one.type for one in await all_events(store)] == ["state", "end"]

    await wait_until("the stream has expired", expired)
    end = (await all_events(store))[-1]
    assert end.data["state"] == "FAILURE"
    assert await all_events(store, end.id) == []


async def test_who_watches_a_deleted_task_sees_its_end(store: TaskStore) -> None:
    await accept(store, "1")
    async with aclosing(as_generator(store.events("acme", "t-1"))) as live:
        await next_event(live)
        await store.delete_assessment("acme", "a-1")
        assert [one.type async for one in live if one] == ["end"]


# -- signals --------------------------------------------------------------------------------------------------------------


async def test_signals_wake_dispatchers(store: TaskStore) -> None:
    heard: asyncio.Queue[Signal] = asyncio.Queue()

    async def listen() -> None:
        async for signal in store.signals(idle_s=0.05):
            heard.put_nowait(signal)

    async def next_of(kind: str) -> Signal:
        for _ in range(20):  # one each 0.05 s when nothing is told
            if (signal := await heard.get()).kind == kind:
                return signal
        raise AssertionError(f"{kind} was not told")

    listener = asyncio.create_task(listen())
    try:
        await next_of("idle")
        await accept(store, "1")
        assert await next_of("work") == Signal("work")
        await store.claim("d", 1)
        await store.cancel("acme", "t-1")
        assert await next_of("cancel") == Signal("cancel", "t-1")
        await next_of("idle")
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


def as_generator(events: AsyncIterator[Event | None]) -> AsyncGenerator[Event | None, None]:
    """The protocol promises an iterator; both stores give a generator, which can be closed."""
    assert isinstance(events, AsyncGenerator)
    return events


async def next_event(events: AsyncIterator[Event | None]) -> Event:
    async with asyncio.timeout(10):
        found = await anext(events)
    assert found is not None
    return found
