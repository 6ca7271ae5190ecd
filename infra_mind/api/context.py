"""What every handler works with: the store, the limits and the few things that the composition root hands in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

import anyio
from fastapi import Depends
from starlette.requests import Request

from infra_mind.api.keys import KeyRing
from infra_mind.errors import OptionInvalid, TooMany
from infra_mind.model.workers import WorkersStatus
from infra_mind.settings import IntakeLimits
from infra_mind.tasks.store import TaskStore
from infra_mind.tasks.webhooks.addresses import AddressPolicy


@dataclass(frozen=True)
class ApiSettings:
    """How the API behaves. Times in seconds.

    `key_cache_s`: how long a key that was found is trusted without asking the store again, so how long a revoked one may go on.
    `dispatcher_live_s`: a dispatcher that was not heard of for longer does not make the service ready.
    `thread_above`: JSON bodies over this many bytes are parsed off the event loop.
    `parsers`: how many bodies are parsed at a time; each can take several times its size in memory.
    `webhook_addresses`: where webhooks may go."""

    key_cache_s: float = 5.0
    dispatcher_live_s: float = 20.0
    heartbeat_s: float = 15.0
    thread_above: int = 32 * 1024
    max_options_body: int = 64 * 1024
    parsers: int = 2
    webhook_addresses: AddressPolicy = field(default_factory=AddressPolicy)


@dataclass
class Context:
    store_source: TaskStore | Callable[[], TaskStore]
    agents: tuple[str, ...]
    limits: IntakeLimits
    settings: ApiSettings
    workers: Callable[[], Awaitable[WorkersStatus]]
    _store: TaskStore | None = field(default=None, repr=False)
    _keys: KeyRing | None = field(default=None, repr=False)
    _parsers: anyio.CapacityLimiter | None = field(default=None, repr=False)

    @property
    def store(self) -> TaskStore:
        """Made at its first use when a factory was given, so that its connections belong to the serving event loop."""
        if self._store is None:
            source = self.store_source
            self._store = source() if callable(source) else source
        return self._store

    @property
    def keys(self) -> KeyRing:
        if self._keys is None:
            self._keys = KeyRing(self.store.key_by_secret, ttl_s=self.settings.key_cache_s)
        return self._keys

    @property
    def parsers(self) -> anyio.CapacityLimiter:
        if self._parsers is None:
            self._parsers = anyio.CapacityLimiter(self.settings.parsers)
        return self._parsers

    async def close(self) -> None:
        """Closes the store if it was made here; one that was handed in belongs to its giver."""
        if self._store is not None and callable(self.store_source):
            await self._store.close()


def context_of(request: Request) -> Context:
    return cast("Context", request.app.state.context)


async def authenticated(request: Request) -> str:
    """The caller's tenant. Raises NotAllowed, TooMany over the key's requests per second, and OptionInvalid for a parameter of the query that
    the route does not have: `?fromat=sarif` is not HTML that nobody asked for."""
    context = context_of(request)
    key = await context.keys.key_of(request.headers.get("authorization"))
    if key.requests_per_s is not None:
        wait_s = await context.store.take_request(key.key_id, key.requests_per_s)
        if wait_s > 0:
            raise TooMany(f"This API key may make {key.requests_per_s:g} requests a second", wait_s)
    if request.url.query:
        _check_parameters(request)
    return key.tenant


def _check_parameters(request: Request) -> None:
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            there = f"here are {', '.join(known)}" if known else "there are none here"
            raise OptionInvalid(name[:80], f"is no parameter of this address; {there}")


Tenant = Annotated[str, Depends(authenticated)]
