"""Who calls: from the Authorization header to an API key, with a small cache before the store."""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from infra_mind.errors import NotAllowed
from infra_mind.model.api_key import hash_key, key_id_of
from infra_mind.model.task import ApiKey

_KEPT = 4096  # keys in the cache: bounds its memory


class KeyRing:
    """Finds keys by their hash. A found key is trusted for `ttl_s` seconds, never past its expiry.

    Only found keys are kept: wrong ones cannot fill the cache, and a key works from the moment it is made. What is looked up
    and kept is the hash, so neither the cache nor the store ever holds a plain key, and timing tells nothing about one."""

    def __init__(
        self,
        find: Callable[[str], Awaitable[ApiKey | None]],
        *,
        ttl_s: float,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._find, self._ttl_s, self._monotonic, self._now = find, ttl_s, monotonic, now
        self._kept: OrderedDict[str, tuple[float, ApiKey]] = OrderedDict()

    async def key_of(self, authorization: str | None) -> ApiKey:
        """The key of an `Authorization` header. Raises NotAllowed, which says what is wrong, and Unavailable from the store."""
        plain = _bearer(authorization)
        digest = hash_key(plain)
        kept = self._kept.get(digest)
        if kept is not None and self._monotonic() < kept[0]:
            return kept[1]
        self._kept.pop(digest, None)
        return await self._look_up(digest)

    async def _look_up(self, digest: str) -> ApiKey:
        key = await self._find(digest)
        if key is None or not hmac.compare_digest(key.secret_sha256, digest):
            raise NotAllowed(
                "The API key is unknown, revoked or expired; make one with `infra-mind keys create`"
            )
        self._kept[digest] = (self._monotonic() + self._trusted_s(key), key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return key

    def _trusted_s(self, key: ApiKey) -> float:
        if key.expires_at is None:
            return self._ttl_s
        left = (datetime.fromisoformat(key.expires_at) - self._now()).total_seconds()
        return min(self._ttl_s, left)


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise NotAllowed("No API key was sent; send `Authorization: Bearer im_...`")
    scheme, _, plain = authorization.partition(" ")
    plain = plain.strip()
    if scheme.lower() != "bearer" or key_id_of(plain) is None:
        raise NotAllowed("The Authorization header holds no API key; it reads `Bearer im_<key id>_<secret>`")
    return plain
