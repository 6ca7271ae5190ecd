"""A task's changes as server-sent events.

The stream without `Last-Event-ID` begins with a snapshot, and the store can only give events from the first one kept. Which of
those does the snapshot already include? `at` of an event and `updated_at` of the snapshot come from the same clock: what is
older is included and left out, what is younger is sent. An event of the very same instant may be either: then a fresh snapshot
is taken in its place, which has it for certain. So nothing is missed and nothing goes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any, cast

from pydantic_core import to_json
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from infra_mind.api.problems import problem_of
from infra_mind.api.wire import task_json
from infra_mind.errors import InfraMindError, OptionInvalid, Unavailable
from infra_mind.model.task import Event, Task
from infra_mind.tasks.records import GAP
from infra_mind.tasks.store import TaskStore

# How long a resumed stream waits before its 200, so that a bad id or a stream that has ended can still get its own status.
_PEEK_S = 0.05

_Events = AsyncGenerator[Event | None, None]


async def event_stream(
    store: TaskStore, tenant: str, task_id: str, after: str | None, heartbeat_s: float
) -> Response:
    """The streaming answer; 204 when the terminal event is already behind `after`. Raises NotFound, OptionInvalid, Unavailable."""
    events = cast("_Events", store.events(tenant, task_id, after, heartbeat_s=heartbeat_s))
    if after is None:
        first = await store.task(tenant, task_id)
        return _streamed(_from_snapshot(store, tenant, first, events), heartbeat_s)
    head = asyncio.ensure_future(anext(events))
    try:
        await asyncio.wait({head}, timeout=_PEEK_S)
        if head.done():
            head.result()  # raises what is wrong while there is still a status to say it with
    except StopAsyncIteration:
        return Response(status_code=204)
    except OptionInvalid as error:
        raise OptionInvalid("Last-Event-ID", error.reason) from None
    except asyncio.CancelledError:
        head.cancel()
        raise
    return _streamed(_resumed(store, tenant, task_id, head, events), heartbeat_s)


def _streamed(content: AsyncIterator[ServerSentEvent], heartbeat_s: float) -> Response:
    return EventSourceResponse(
        _told(content), ping=heartbeat_s, ping_message_factory=lambda: ServerSentEvent(comment="heartbeat")
    )


async def _told(content: AsyncIterator[ServerSentEvent]) -> AsyncIterator[ServerSentEvent]:
    """Ends the stream with a last word when the store goes away: the status was sent long ago."""
    try:
        async for item in content:
            yield item
    except InfraMindError as error:
        retry_ms = round(error.retry_after_s * 1000) if isinstance(error, Unavailable) else None
        problem = to_json(problem_of(error, ""), exclude_none=True).decode()
        yield ServerSentEvent(problem, event="unavailable", retry=retry_ms)


async def _resumed(
    store: TaskStore, tenant: str, task_id: str, head: asyncio.Future[Event | None], events: _Events
) -> AsyncGenerator[ServerSentEvent, None]:
    """After a gap it goes on as a stream that begins: what is missing is in the snapshot."""
    async with aclosing(events):
        try:
            first = await head
        except StopAsyncIteration:
            return
        finally:
            head.cancel()
        if first is not None and first.type == GAP:
            async for item in _from_snapshot(store, tenant, await store.task(tenant, task_id), events):
                yield item
            return
        if first is not None:
            yield _sse(first)
        async for event in events:
            if event is not None:
                yield _sse(event)


async def _from_snapshot(
    store: TaskStore, tenant: str, task: Task, events: _Events
) -> AsyncGenerator[ServerSentEvent, None]:
    async with aclosing(events):
        yield _snapshot(task)
        caught_up = False
        async for event in events:
            if event is None:
                caught_up = True  # the store had nothing more to give: what comes now is new
                continue
            order = 1 if caught_up or event.type == "end" else _order(event, task)
            if order == 0:
                fresh = await store.task(tenant, task.task_id)
                if _shown(fresh) != _shown(task):
                    yield _snapshot(fresh)
                task = fresh
            elif order > 0:
                caught_up = True
                yield _sse(event)


def _order(event: Event, task: Task) -> int:
    """-1 older than the snapshot, 0 of the same instant, 1 younger."""
    at, seen = datetime.fromisoformat(event.data["at"]), datetime.fromisoformat(task.info.updated_at)
    return (at > seen) - (at < seen)


def _shown(task: Task) -> Any:
    return task.model_copy(update={"queue_position": None})  # moves without any event of this task


def _snapshot(task: Task) -> ServerSentEvent:
    return ServerSentEvent(task_json(task).decode(), event="snapshot")


def _sse(event: Event) -> ServerSentEvent:
    return ServerSentEvent(to_json(event.data).decode(), event=event.type, id=event.id)
