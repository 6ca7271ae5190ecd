"""The first API key of an installation."""

from __future__ import annotations

from datetime import UTC, datetime

from infra_mind.home import Home
from infra_mind.model.api_key import hash_key, new_key
from infra_mind.tasks.redis import RedisStore


async def ensure_key(home: Home, store_url: str) -> None:
    """The API key in the home directory; made when there is none that this store knows."""
    store = RedisStore(store_url)
    try:
        plain = home.api_key()
        if plain is None or await store.key_by_secret(hash_key(plain)) is None:
            plain, key = new_key("default", "made at start", datetime.now(UTC))
            await store.put_key(key)
            home.write_api_key(plain)
    finally:
        await store.close()
