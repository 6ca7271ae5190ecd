"""Dispatchers, numbers, API keys."""

from __future__ import annotations

import math
from dataclasses import replace

from infra_mind.model.task import ApiKey, Priority
from infra_mind.tasks.memory.state import State
from infra_mind.tasks.records import DISPATCHER_TTL_S, burst, key_expired, key_order
from infra_mind.tasks.store import Counters, DispatcherInfo, QueueStats, TenantPolicy


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
        queue = self._state.queue
        return QueueStats(
            depth=queue.depth(),
            oldest_age_s={priority: self._age_s(queue.oldest(priority)) for priority in Priority},
            running=len(self._state.leases),
            retrying=len(self._state.retrying),
            delayed=len(queue.delayed),
        )

    def _age_s(self, since_us: int | None) -> float | None:
        return None if since_us is None else max(0, (self._state.now_us - since_us) // 1000) / 1000

    async def counters(self) -> Counters:
        self._state.tick()
        return Counters(
            accepted=self._state.accepted,
            ended=dict(sorted(self._state.ended.items())),
            agent_seconds={name: us / 1_000_000 for name, us in sorted(self._state.agent_us.items())},
            agent_runs=dict(sorted(self._state.agent_runs.items())),
            schedules=dict(sorted(self._state.firings.items())),
            webhooks=dict(sorted(self._state.outbox.counts.items())),
            worker_failures=dict(sorted(self._state.worker_failures.items())),
        )

    async def put_key(self, key: ApiKey) -> None:
        self._state.api_keys[key.key_id] = key
        self._take_policy(key.tenant)

    def _take_policy(self, tenant: str) -> None:
        """As the newest key of the tenant says."""
        queue = self._state.queue
        own = [key for key in self._state.api_keys.values() if key.tenant == tenant]
        newest = max(own, key=key_order, default=None)
        queue.policies.pop(tenant, None)
        if newest is not None:
            queue.policies[tenant] = TenantPolicy(newest.weight, newest.max_running, newest.max_queued)
        queue.take_place(tenant)

    async def key_by_secret(self, secret_sha256: str) -> ApiKey | None:
        self._state.tick()
        for key in self._state.api_keys.values():
            if key.secret_sha256 == secret_sha256:
                return None if key_expired(key, self._state.now) else key
        return None

    async def keys(self) -> list[ApiKey]:
        return sorted(self._state.api_keys.values(), key=key_order)

    async def revoke_key(self, key_id: str) -> bool:
        gone = self._state.api_keys.pop(key_id, None)
        if gone is not None:
            self._take_policy(gone.tenant)
        return gone is not None

    async def take_request(self, key_id: str, per_s: float) -> float:
        self._state.tick()
        each, now = max(1, round(1_000_000 / per_s)), self._state.now_us
        full = max(self._state.rates.get(key_id, 0), now)
        if full > now + each * burst(
            per_s
        ):  # no bucket is fuller: the clock went back, or the rate was raised
            full = now
        over = full + each - (now + each * burst(per_s))
        if over > 0:
            return math.ceil(over / 1000) / 1000
        self._state.rates[key_id] = full + each
        return 0.0
