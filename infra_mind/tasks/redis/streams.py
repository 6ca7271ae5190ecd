"""What is listened to: the events of a task, the signals to dispatchers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

from redis.exceptions import RedisError

from infra_mind.errors import InfraMindError, NotFound, Unavailable
from infra_mind.model.task import Event
from infra_mind.tasks.records import TaskRecord, event_id, gap_event
from infra_mind.tasks.redis import decode
from infra_mind.tasks.redis.failures import translated
from infra_mind.tasks.redis.requests import Requests
from infra_mind.tasks.store import Signal

_READ_AT_ONCE = 100
_SILENCE_S = 5.0  # beyond the time that a blocking read was given: then the server is taken for away


class Streams(Requests):
    """The part of `TaskStore` that waits."""

    async def events(
        self, tenant: str, task_id: str, after: str | None = None, *, heartbeat_s: float = 15.0
    ) -> AsyncIterator[Event | None]:
        position = None if after is None else event_id(after)
        record, _ = await self._record(tenant, task_id)
        first = record.first_event()
        if position is not None and not record.told_by(position) and await self._lacks(task_id, position):
            yield gap_event(task_id, position)
        if position is None or position < event_id(first.id):
            yield first
            position = event_id(first.id)
        while not record.told_by(position):
            entries = await self._next(task_id, position, None if record.state.ended else heartbeat_s)
            for entry in entries:
                found = decode.stream_event(task_id, entry)
                yield found
                if found.type == "end":
                    return
                position = event_id(found.id)
            if not entries:
                if record.state.ended:  # its stream has expired
                    yield record.last_event()
                    return
                yield None
                later = await self._still_there(task_id)
                if later is None:
                    return
                record = later

    async def _lacks(self, task_id: str, position: tuple[int, int]) -> bool:
        """Whether events after `position` are not kept any more, or the one before the first that is kept was the last one seen."""
        stream = self._link.keys.events(task_id)
        try:
            known = await self._link.read(lambda: self._link.commands.xinfo_stream(stream))
        except InfraMindError as error:
            if isinstance(error, Unavailable):
                raise
            return False  # there is none yet, or none any more
        found = known["first-entry"]
        return bool(
            known["entries-added"] > known["length"] and found and position < event_id(found[0].decode())
        )

    async def _next(
        self, task_id: str, position: tuple[int, int], wait_s: float | None
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Entries after `position`; waits for the first one unless `wait_s` is None."""
        stream = self._link.keys.events(task_id)
        after = f"{position[0]}-{position[1]}"
        with translated():
            if wait_s is None:
                found = await self._link.commands.xread({stream: after}, count=_READ_AT_ONCE)
            else:
                block_ms = max(1, round(wait_s * 1000))
                async with asyncio.timeout(wait_s + _SILENCE_S):
                    found = await self._link.streams.xread(
                        {stream: after}, count=_READ_AT_ONCE, block=block_ms
                    )
        return _entries(found)

    async def _still_there(self, task_id: str) -> TaskRecord | None:
        """The record again; None when the task was deleted meanwhile."""
        try:
            return (await self._record(None, task_id))[0]
        except NotFound:
            return None

    async def signals(self, *, idle_s: float) -> AsyncIterator[Signal]:
        async with aclosing(self._link.streams.pubsub()) as channel:
            with translated():
                await channel.subscribe(self._link.keys.signals)
            while True:
                message = await self._heard(channel, idle_s)
                if message is None:
                    yield Signal("idle")
                elif message["type"] == "message":
                    kind, _, task_id = message["data"].decode().partition(":")
                    yield Signal(kind, task_id)

    async def _heard(self, channel: Any, idle_s: float) -> dict[str, Any] | None:
        with translated():
            try:
                found: dict[str, Any] | None = await channel.get_message(timeout=idle_s)
            except RedisError:
                with suppress(RedisError, OSError):
                    await channel.aclose()
                raise
        return found


def _entries(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """XREAD of one stream, whichever form the client gives it."""
    if not found:
        return []
    entries = next(iter(found.values()))[0] if isinstance(found, dict) else found[0][1]
    return list(entries)
