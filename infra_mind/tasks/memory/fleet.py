"""Dispatchers, numbers, API keys."""

from __future__ import annotations

from dataclasses import replace

from infra_mind.model.task import ApiKey
from infra_mind.tasks.memory.state import State
from infra_mind.tasks.records import DISPATCHER_TTL_S, key_expired, key_order
from infra_mind.tasks.store import Counters, DispatcherInfo, QueueStats


class Fleet:
    """The part of `TaskStore` that is about those who run and those who call."""

    _state: State

    async def heartbeat(self, info: DispatcherInfo) -> None:
        self._state.tick()
        self._state.dispatchers[info.name] = info, self._state.now

    async def dispatchers(self) -> list[DispatcherInfo]:
        self._state.tick()
        known = [
            replace(info, last_seen_s=(self._state.now - at) / 1000)
            for _, (info, at) in sorted(self._state.dispatchers.items())
        ]
        return [one for one in known if one.last_seen_s <= DISPATCHER_TTL_S]

    async def queue_stats(self) -> QueueStats:
        self._state.tick()
        queues = self._state.queues
        return QueueStats(
            depth={priority: len(queue) for priority, queue in queues.items()},
            oldest_age_s={
                priority: max(0, (self._state.now_us - queue[0][0]) // 1000) / 1000 if queue else None
                for priority, queue in queues.items()
            },
            running=len(self._state.leases),
            retrying=len(self._state.retrying),
        )

    async def counters(self) -> Counters:
        self._state.tick()
        return Counters(
            accepted=self._state.accepted,
            ended=dict(sorted(self._state.ended.items())),
            agent_seconds={name: us / 1_000_000 for name, us in sorted(self._state.agent_us.items())},
            agent_runs=dict(sorted(self._state.agent_runs.items())),
            schedules=dict(sorted(self._state.firings.items())),
            webhooks=dict(sorted(self._state.outbox.counts.items())),
        )

    async def put_key(self, key: ApiKey) -> None:
        self._state.api_keys[key.key_id] = key

    async def key_by_secret(self, secret_sha256: str) -> ApiKey | None:
        self._state.tick()
        for key in self._state.api_keys.values():
            if key.secret_sha256 == secret_sha256:
                return None if key_expired(key, self._state.now) else key
        return None

    async def keys(self) -> list[ApiKey]:
        return sorted(self._state.api_keys.values(), key=key_order)

    async def revoke_key(self, key_id: str) -> bool:
        return self._state.api_keys.pop(key_id, None) is not None
