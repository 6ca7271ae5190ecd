"""The Lua scripts: limits and prefix as a constant table, the shared part, then the script itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha1
from importlib import resources

from infra_mind.model.task import PRIORITY_HANDICAP_MS, PRIORITY_LEAD
from infra_mind.tasks.records import (
    DELETED_EVENTS_TTL_S,
    DISPATCHER_TTL_S,
    IDLE_TENANT_TTL_S,
    LOOKS_FOR_A_PLACE,
    PROGRESS_BEFORE_END,
    TURN,
    WOKEN_AT_ONCE,
    WORDS,
)
from infra_mind.tasks.store import StoreLimits

NAMES = (
    "accept",
    "cancel",
    "claim",
    "create_schedule",
    "delete",
    "delete_schedule",
    "deliveries",
    "due_deliveries",
    "enable_schedule",
    "finish",
    "fire_schedule",
    "heartbeat",
    "keep",
    "note_attempt",
    "note_object",
    "objects_due",
    "objects_gone",
    "page",
    "put_key",
    "queue_stats",
    "release",
    "renew",
    "replay",
    "revoke_key",
    "save_draft",
    "schedules",
    "take_request",
    "task",
    "update",
    "webhook_secret",
    "worker_failed",
)

# Scripts that do others' work as a part of their own: these stand before them as functions of (KEYS, ARGV).
PARTS = {"fire_schedule": ("save_draft", "accept")}
# These may run in a server that is full: they free memory, or write a few bytes that keep what runs from being done twice.
WHEN_FULL = frozenset({"cancel", "delete", "heartbeat", "objects_due", "objects_gone", "release", "renew"})


@dataclass(frozen=True)
class Script:
    """`sha` is what EVALSHA takes."""

    name: str
    text: str
    sha: str


def load(prefix: str, limits: StoreLimits) -> dict[str, Script]:
    """All scripts by name, with `limits` written into them."""
    folder = resources.files("infra_mind.tasks.redis") / "lua"
    head = _constants(prefix, limits) + (folder / "_house.lua").read_text("utf-8")

    def text(name: str) -> str:
        return (folder / f"{name}.lua").read_text("utf-8")

    def parts(name: str) -> str:
        return "".join(
            f"local function {part}(KEYS, ARGV)\n{text(part)}\nend\n" for part in PARTS.get(name, ())
        )

    return {name: _script(name, _flags(name) + head + parts(name) + text(name)) for name in NAMES}


def _flags(name: str) -> str:
    return "#!lua flags=allow-oom\n" if name in WHEN_FULL else ""


def _script(name: str, text: str) -> Script:
    return Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def _constants(prefix: str, limits: StoreLimits) -> str:
    result, tombstone, draft = _ms(limits.result_ttl_s), _ms(limits.tombstone_s), _ms(limits.draft_ttl_s)
    values: dict[str, str] = {
        "prefix": _text(prefix),
        "lease": str(_ms(limits.lease_s)),
        "grace": str(round(limits.restart_grace_s * 1000)),
        "result_ttl": str(result),
        "tombstone": str(tombstone),
        "draft_ttl": str(draft),
        "index_ttl": str(result + tombstone + draft),
        "idempotency_ttl": str(_ms(limits.idempotency_ttl_s)),
        "dispatcher_ttl": str(_ms(DISPATCHER_TTL_S)),
        "deleted_events_ttl": str(_ms(DELETED_EVENTS_TTL_S)),
        "max_claims": str(limits.max_claims),
        "max_queued": str(limits.max_queued_per_tenant),
        "events_kept": str(limits.events_kept),
        "object_grace": str(_ms(limits.object_grace_s)),
        "alert_after": str(max(1, limits.alert_after)),
        "alert_window": str(_ms(limits.alert_window_s)),
        "alert_ttl": str(_ms(limits.alert_ttl_s)),
        "object_retry": str(_ms(limits.object_retry_s)),
        "progress_before_end": str(PROGRESS_BEFORE_END),
        "idle_ttl": str(_ms(IDLE_TENANT_TTL_S)),
        "woken": str(WOKEN_AT_ONCE),
        "stride": str(TURN),
        "looks": str(LOOKS_FOR_A_PLACE),
        "lead": _table({p.value: str(lead) for p, lead in PRIORITY_LEAD.items()}),
        "lead_span": str(max(PRIORITY_LEAD.values())),
        "handicap": _table({p.value: str(ms) for p, ms in PRIORITY_HANDICAP_MS.items()}),
        "words": _table({name: _text(words) for name, words in WORDS.items()}),
    }
    return f"local C = {_table(values)}\n"


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _table(values: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{name} = {value}" for name, value in values.items()) + " }"


def _text(value: str) -> str:
    """A Lua string: JSON's escapes of printable ASCII are Lua's too, anything else is refused."""
    if not (value.isascii() and value.isprintable()):
        raise ValueError(f"{value!r} must be printable ASCII")
    return json.dumps(value)
