"""What an operator does at the store itself: API keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from infra_mind.errors import NotFound, OptionInvalid, Unavailable
from infra_mind.home import Home
from infra_mind.model.api_key import new_key
from infra_mind.model.task import ApiKey
from infra_mind.settings import Settings
from infra_mind.tasks.redis import RedisStore
from infra_mind.tasks.store import TaskStore

T = TypeVar("T")


def create_key(
    tenant: str, label: str, *, weight: float = 1.0, max_running: int | None = None, max_queued: int | None = None,
    requests_per_s: float | None = None, expires_days: float | None = None,
) -> tuple[str, ApiKey]:  # fmt: skip
    """The plain key, to be shown once, and the key as it is kept. Raises OptionInvalid, Unavailable."""
    if not tenant.strip():
        raise OptionInvalid("--tenant", "must not be empty")
    if expires_days is not None and expires_days <= 0:
        raise OptionInvalid("--expires-days", "must be more than 0")
    if not 0.01 <= weight <= 100:
        raise OptionInvalid("--weight", "must be 0.01 to 100")
    for option, value in (("--max-running", max_running), ("--max-queued", max_queued)):
        if value is not None and value < 1:
            raise OptionInvalid(option, "must be at least 1")
    if requests_per_s is not None and not 0 < requests_per_s <= 1_000_000:
        raise OptionInvalid("--requests-per-s", "must be more than 0")
    now = datetime.now(UTC)
    ends = now + timedelta(days=expires_days) if expires_days else None
    plain, key = new_key(
        tenant,
        label,
        now,
        expires_at=ends,
        weight=weight,
        max_running=max_running,
        max_queued=max_queued,
        requests_per_s=requests_per_s,
    )
    _with_store(lambda store: store.put_key(key))
    return plain, key


def list_keys() -> list[ApiKey]:
    """All keys of the store."""
    return _with_store(lambda store: store.keys())


def revoke_key(key_id: str) -> None:
    """Ends a key; NotFound when there is none with this id."""
    if not _with_store(lambda store: store.revoke_key(key_id)):
        raise NotFound(f"no key {key_id}: `infra-mind keys list` shows them")


def _with_store(call: Callable[[TaskStore], Awaitable[T]]) -> T:
    settings = Settings()
    given = settings.store_url
    url = given.get_secret_value() if given else Home.of(settings).store_url()
    if url is None:
        raise Unavailable("no store: start `infra-mind up`, or set INFRA_MIND_STORE_URL")

    async def run() -> T:
        store = RedisStore(url)
        try:
            return await call(store)
        finally:
            await store.close()

    return asyncio.run(run())
