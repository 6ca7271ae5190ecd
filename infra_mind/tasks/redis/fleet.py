"""Dispatchers, numbers, API keys."""

from __future__ import annotations

import json
from dataclasses import asdict

from infra_mind.model.task import ApiKey, Priority
from infra_mind.tasks.records import DISPATCHER_TTL_S, burst, key_expired, key_order
from infra_mind.tasks.redis import decode
from infra_mind.tasks.redis.link import Link
from infra_mind.tasks.store import Counters, DispatcherInfo, QueueStats


class Fleet:
    """The part of `TaskStore` that is about those who run and those who call."""

    _link: Link

    async def heartbeat(self, info: DispatcherInfo) -> None:
        said = {name: value for name, value in asdict(info).items() if name not in ("name", "last_seen_s")}
        await self._link.call(
            "heartbeat", [self._link.keys.dispatchers], [info.name, json.dumps(said)], again=True
        )

    async def dispatchers(self) -> list[DispatcherInfo]:
        found, now = await self._link.with_time("HGETALL", self._link.keys.dispatchers)
        known = [_dispatcher(name.decode(), json.loads(raw), now) for name, raw in sorted(found.items())]
        return [one for one in known if one.last_seen_s <= DISPATCHER_TTL_S]

    async def queue_stats(self) -> QueueStats:
        answer: list[int] = await self._link.call("queue_stats", again=True)
        depths, ages = answer[0:8:2], answer[1:8:2]
        return QueueStats(
            depth=dict(zip(Priority, depths, strict=True)),
            oldest_age_s={
                priority: None if age < 0 else age / 1000
                for priority, age in zip(Priority, ages, strict=True)
            },
            running=answer[8],
            retrying=answer[9],
            delayed=answer[10],
        )

    async def counters(self) -> Counters:
        return decode.counters(await self._link.hash(self._link.keys.counters))

    async def put_key(self, key: ApiKey) -> None:
        await self._link.call(
            "put_key",
            self._link.keys.api_keys,
            [key.key_id, key.secret_sha256, key.to_json()],
            again=True,
            durable=True,
        )

    async def key_by_secret(self, secret_sha256: str) -> ApiKey | None:
        raw, now = await self._link.with_time("HGET", self._link.keys.api_keys[1], secret_sha256)
        key = ApiKey.model_validate_json(raw) if raw else None
        return key if key and not key_expired(key, now) else None

    async def keys(self) -> list[ApiKey]:
        found = await self._link.hash(self._link.keys.api_keys[1])
        return sorted((ApiKey.model_validate_json(raw) for raw in found.values()), key=key_order)

    async def revoke_key(self, key_id: str) -> bool:
        return bool(await self._link.call("revoke_key", self._link.keys.api_keys, [key_id], durable=True))

    async def take_request(self, key_id: str, per_s: float) -> float:
        each = max(1, round(1_000_000 / per_s))
        wait_ms = await self._link.call("take_request", [self._link.keys.rate(key_id)], [each, burst(per_s)])
        return int(wait_ms) / 1000


def _dispatcher(name: str, said: dict[str, str | int], now: int) -> DispatcherInfo:
    return DispatcherInfo(
        name=name,
        node_id=str(said["node_id"]),
        active_tasks=int(said["active_tasks"]),
        slots=int(said["slots"]),
        last_seen_s=max(0, now - int(said["at"])) / 1000,
    )
