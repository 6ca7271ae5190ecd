"""API keys: how one is made, read and matched. The plain key is shown once; what is kept is its SHA-256.

A key reads `im_<key id>_<secret>`: the prefix lets secret scanners find a leaked one, the id lets a person name one without
showing it. The secret has 256 random bits, so a plain SHA-256 is enough: there is nothing to guess that a slow hash would protect.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from infra_mind.model.task import ApiKey

_KEY = re.compile(r"im_([0-9a-f]{12})_([0-9a-f]{64})")


def new_key(
    tenant: str,
    label: str,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    weight: float = 1.0,
    max_running: int | None = None,
    max_queued: int | None = None,
    requests_per_s: float | None = None,
    token_hex: Callable[[int], str] = secrets.token_hex,
) -> tuple[str, ApiKey]:
    """A new key in plain form, and as it is kept. `now` and `expires_at` carry a time zone; `token_hex(n)` gives n random bytes in hex."""
    key_id = token_hex(6)
    plain = f"im_{key_id}_{token_hex(32)}"
    kept = ApiKey(
        key_id=key_id,
        tenant=tenant,
        secret_sha256=hash_key(plain),
        label=label,
        created_at=_iso(now),
        expires_at=_iso(expires_at) if expires_at else None,
        weight=weight,
        max_running=max_running,
        max_queued=max_queued,
        requests_per_s=requests_per_s,
    )
    return plain, kept


def hash_key(plain: str) -> str:
    """SHA-256 of the whole plain key in hex: `ApiKey.secret_sha256`."""
    return hashlib.sha256(plain.encode()).hexdigest()


def key_id_of(plain: str) -> str | None:
    """The id inside a plain key; None when the text is not of a key's form."""
    match = _KEY.fullmatch(plain)
    return match.group(1) if match else None


def _iso(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone is not a moment: give it one, such as UTC")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
