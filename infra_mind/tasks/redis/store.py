"""The store over Redis 7.2 or Valkey: every transition is one Lua script with the server's clock."""

from __future__ import annotations

from redis.exceptions import ReadOnlyError

from infra_mind.errors import Unavailable
from infra_mind.tasks.objects import Objects
from infra_mind.tasks.redis.alerts import Alerts
from infra_mind.tasks.redis.failures import translated
from infra_mind.tasks.redis.fleet import Fleet
from infra_mind.tasks.redis.link import Durability, Link
from infra_mind.tasks.redis.running import Running
from infra_mind.tasks.redis.schedules import Schedules
from infra_mind.tasks.redis.streams import Streams
from infra_mind.tasks.redis.webhooks import Webhooks
from infra_mind.tasks.store import StoreLimits
from infra_mind.tasks.stowage import Stowage


class RedisStore(Streams, Schedules, Running, Fleet, Webhooks, Alerts):
    """`TaskStore` over one server; use it from one event loop.

    `durability`: `everysec` answers when the append-only file has the write (a power cut may lose the last second);
    `strict` answers when the disk has it. `objects` takes very large results; without it they stay in the store. Nothing is
    connected before the first call."""

    def __init__(
        self,
        url: str,
        limits: StoreLimits | None = None,
        *,
        prefix: str = "im:",
        durability: Durability = "everysec",
        objects: Objects | None = None,
    ) -> None:
        self._link = Link(url, limits or StoreLimits(), prefix, durability)
        self._stowage = Stowage(objects, self._link.limits, self._note_object)
        self._unanswered = {}

    @property
    def limits(self) -> StoreLimits:
        return self._link.limits

    async def ping(self) -> None:
        """Writes a key that expires at once: a server that is read-only, full or loading is not ready."""
        with translated():
            try:
                written = await self._link.commands.set(f"{self._link.keys.prefix}ping", b"1", px=1)
            except ReadOnlyError:
                await self._link.leave()
                raise
        if not written:
            raise Unavailable("The task store did not take a write.")

    async def close(self) -> None:
        await self._link.close()
