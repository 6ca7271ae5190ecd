"""The event stream: whole, resumable, never going back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from infra_mind.api.app import create_app
from infra_mind.api.context import ApiSettings
from infra_mind.api.events import event_stream
from infra_mind.errors import Unavailable
from infra_mind.model.api_key import new_key
from infra_mind.model.task import Event, Task
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.store import StoreLimits
from tests.unit.api.steps import AGENTS, LIMITS, NOW, Engine, client_of, fields, started, workers


@dataclass(frozen=True)
class Seen:
    id: str | None
    type: str
    data: dict[str, Any]


def parsed(text: str) -> list[Seen]:
    """The events of a stream, comments left out."""
    found = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        pairs = [line.partition(": ") for line in block.splitlines() if line and not line.startswith(":")]
        values = {name: value for name, _, value in pairs}
        if "data" in values:
            found.append(Seen(values.get("id"), values["event"], json.loads(values["data"])))
    return found


async def stream(http: httpx.AsyncClient, task_id: str, **headers: str) -> list[Seen]:
    """The whole stream: the test transport gives it once it has ended."""
    async with asyncio.timeout(5):
        answer = await http.get(f"/tasks/{task_id}/events", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return parsed(answer.text)


async def ended(http: httpx.AsyncClient, engine: Engine) -> str:
    _, task_id = await started(http)
    claim = await engine.claim()
    await engine.progress(claim, "security", 40.0)
    await engine.keep(claim, "security")
    await engine.succeed(claim, b"{}")
    return task_id


async def all_events(store: MemoryStore, task_id: str) -> list[Event]:
    return [event async for event in store.events("acme", task_id) if event is not None]


async def test_a_new_stream_of_an_ended_task_is_a_snapshot_and_the_end(
    http: httpx.AsyncClient, engine: Engine
) -> None:
    task_id = await ended(http, engine)
    seen = await stream(http, task_id)
    assert [item.type for item in seen] == ["snapshot", "end"]
    assert seen[0].id is None
    assert seen[0].data == (await http.get(f"/tasks/{task_id}")).json()
    assert (seen[1].data["state"], seen[1].data["progress"]) == ("SUCCESS", 100.0)
    assert seen[1].id


async def test_a_stream_follows_the_task_to_its_end(http: httpx.AsyncClient, engine: Engine) -> None:
    _, task_id = await started(http)
    following = asyncio.create_task(stream(http, task_id))
    claim = await engine.claim()
    for percent in (10.0, 20.0, 60.0):
        await engine.progress(claim, "security", percent)
        await asyncio.sleep(0)
    await engine.keep(claim, "security")
    await engine.succeed(claim, b"{}")
    seen = await following
    assert seen[0].type == "snapshot"
    assert seen[-1].type == "end"
    progress = [item.data.get("progress", item.data.get("info", {}).get("progress")) for item in seen]
    assert progress == sorted(progress)
    assert progress[-1] == 100.0


async def test_resuming_gives_what_came_after_and_nothing_else(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    task_id = await ended(http, engine)
    events = await all_events(store, task_id)
    for i, event in enumerate(events[:-1]):
        seen = await stream(http, task_id, **{"Last-Event-ID": event.id})
        assert [item.id for item in seen] == [later.id for later in events[i + 1 :]]
        assert [item.data for item in seen] == [later.data for later in events[i + 1 :]]


async def test_the_last_id_may_come_in_the_query(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    task_id = await ended(http, engine)
    events = await all_events(store, task_id)
    answer = await http.get(f"/tasks/{task_id}/events", params={"last_event_id": events[0].id})
    assert [item.id for item in parsed(answer.text)] == [event.id for event in events[1:]]


async def test_resuming_after_the_end_gives_no_stream(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    task_id = await ended(http, engine)
    last = (await all_events(store, task_id))[-1]
    answer = await http.get(f"/tasks/{task_id}/events", headers={"Last-Event-ID": last.id})
    assert answer.status_code == 204


@pytest.mark.parametrize("bad", ["x", "1-x", "-"])
async def test_an_id_that_is_none_is_refused(http: httpx.AsyncClient, bad: str) -> None:
    _, task_id = await started(http)
    answer = await http.get(f"/tasks/{task_id}/events", headers={"Last-Event-ID": bad})
    assert list(fields(answer)) == ["Last-Event-ID"]


async def test_a_stream_that_cannot_be_resumed_without_a_gap_begins_with_a_snapshot() -> None:
    """What an agent did in the gap would never be told otherwise."""
    store = MemoryStore(StoreLimits(events_kept=2))
    engine = Engine(store)
    app = create_app(store, agents=AGENTS, limits=LIMITS, workers=workers)
    plain, kept = new_key("acme", "test", NOW)
    await store.put_key(kept)
    async with client_of(app, plain) as http:
        _, task_id = await started(http)
        seen = (await all_events_until(store, task_id, 1))[0]
        claim = await engine.claim()
        await engine.keep(claim, "security")
        await engine.progress(claim, "cost", 40.0)
        await engine.progress(claim, "cost", 50.0)
        await engine.succeed(claim, b"{}")
        events = await stream(http, task_id, **{"Last-Event-ID": seen.id})
    assert [one.type for one in events] == ["snapshot", "end"]
    assert events[0].data["info"]["agents"]["security"]["state"] == "DONE"


async def all_events_until(store: MemoryStore, task_id: str, count: int) -> list[Event]:
    found = []
    async for one in store.events("acme", task_id):
        if one is not None:
            found.append(one)
        if len(found) == count:
            break
    return found


async def test_a_resumed_stream_waits_for_what_comes(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    _, task_id = await started(http)
    claim = await engine.claim()
    async with asyncio.timeout(5):
        latest = await _latest(store, task_id)
    following = asyncio.create_task(stream(http, task_id, **{"Last-Event-ID": latest.id}))
    await asyncio.sleep(0)
    await engine.succeed(claim, b"{}")
    assert [item.type for item in await following] == ["end"]


async def _latest(store: MemoryStore, task_id: str) -> Event:
    latest = None
    async for event in store.events("acme", task_id, heartbeat_s=0.01):
        if event is None:
            break
        latest = event
    assert latest
    return latest


async def test_a_quiet_stream_has_heartbeats(store: MemoryStore, engine: Engine) -> None:
    plain, kept = new_key("acme", "", NOW)
    await store.put_key(kept)
    settings = ApiSettings(heartbeat_s=0.01)
    app = create_app(store, agents=AGENTS, limits=LIMITS, settings=settings, workers=workers)
    async with client_of(app, plain) as http:
        _, task_id = await started(http)
        claim = await engine.claim()
        streaming = asyncio.create_task(http.get(f"/tasks/{task_id}/events"))
        quiet = 0
        async for event in store.events("acme", task_id, heartbeat_s=0.05):
            quiet += event is None
            if quiet == 3:
                break  # time for a dozen heartbeats of the stream
        await engine.succeed(claim, b"{}")
        assert ": heartbeat" in (await streaming).text


class SameInstant(MemoryStore):
    """The store, where events that a snapshot may or may not include carry the very instant of the snapshot."""

    def __init__(self, snapshots: list[Task], events: list[Event]) -> None:
        super().__init__()
        self.snapshots, self.given = snapshots, events

    async def task(self, tenant: str | None, task_id: str) -> Task:
        return self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]

    async def events(
        self, tenant: str, task_id: str, after: str | None = None, *, heartbeat_s: float = 15.0
    ) -> AsyncIterator[Event | None]:
        for event in self.given:
            yield event


def _event(at: str, progress: float, type: str = "progress") -> Event:
    return Event(id=f"{progress:g}-0", type=type, data={"at": at, "progress": progress})


async def _streamed(store: MemoryStore) -> list[Seen]:
    response = await event_stream(store, "acme", "tsk_1", None, 15.0)
    parts: list[str] = []

    async def send(message: Any) -> None:
        parts.append(message.get("body", b"").decode())

    async def receive() -> Any:
        return await asyncio.Event().wait()

    await response({"type": "http", "method": "GET"}, receive, send)
    return parsed("".join(parts))


async def test_events_of_the_snapshots_instant_become_a_fresh_snapshot(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    _, task_id = await started(http)
    base = await store.task("acme", task_id)

    def at(moment: str, progress: float) -> Task:
        info = base.info.model_copy(update={"updated_at": moment, "progress": progress})
        return base.model_copy(update={"info": info})

    t1, t2, t3 = (f"2026-01-15T09:30:00.00{i}Z" for i in (1, 2, 3))
    seen = await _streamed(
        SameInstant(
            [at(t2, 20.0), at(t2, 20.0), at(t2, 30.0)],
            [
                _event(t1, 10.0),
                _event(t2, 20.0),
                _event(t2, 30.0),
                _event(t3, 40.0),
                _event(t3, 100.0, "end"),
            ],
        )
    )
    shown = [
        (s.type, s.data["info"]["progress"] if s.type == "snapshot" else s.data["progress"]) for s in seen
    ]
    assert shown == [
        ("snapshot", 20.0),  # the event of t1 is in it, that of t2 too: a fresh one says nothing new
        ("snapshot", 30.0),
        ("progress", 40.0),
        ("end", 100.0),
    ]


class BreaksOff(SameInstant):
    async def events(
        self, tenant: str, task_id: str, after: str | None = None, *, heartbeat_s: float = 15.0
    ) -> AsyncIterator[Event | None]:
        yield self.given[0]
        raise Unavailable("the store is away", retry_after_s=1.5)


async def test_a_stream_says_when_the_store_goes_away(http: httpx.AsyncClient, store: MemoryStore) -> None:
    _, task_id = await started(http)
    task = await store.task("acme", task_id)
    seen = await _streamed(BreaksOff([task], [_event("2999-01-01T00:00:00.000Z", 10.0)]))
    assert [item.type for item in seen] == ["snapshot", "progress", "unavailable"]
    assert seen[-1].data["status"] == 503
