"""The names of all keys; each Lua file says which of them it touches."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from infra_mind.model.task import Priority


@dataclass(frozen=True)
class Keys:
    """Keys under one prefix. For one server, not for Redis Cluster: a script touches keys of several slots."""

    prefix: str

    @property
    def house(self) -> tuple[str, ...]:
        """The first eight KEYS of every script, in the order that `_house.lua` reads."""
        queues = (f"{self.prefix}queue:{priority.value}" for priority in Priority)
        return (
            self.prefix + "leases",
            self.prefix + "retrying",
            self.counters,
            self.prefix + "trim",
            *queues,
        )

    @property
    def counters(self) -> str:
        return self.prefix + "counters"

    @property
    def signals(self) -> str:
        """A pub/sub channel, not a key: `work` and `cancel:<task>`."""
        return self.prefix + "signals"

    def claimed(self, dispatcher: str) -> str:
        return f"{self.prefix}claimed:{dispatcher}"

    @property
    def dispatchers(self) -> str:
        return self.prefix + "dispatchers"

    @property
    def alerts(self) -> str:
        return self.prefix + "alerts"

    def failures(self, kind: str) -> str:
        return f"{self.prefix}failures:{kind}"

    @property
    def api_keys(self) -> tuple[str, str]:
        return self.prefix + "keys", self.prefix + "keys:by-secret"

    @property
    def schedules(self) -> str:
        return self.prefix + "schedules"

    def schedule(self, schedule_id: str) -> str:
        return f"{self.prefix}schedule:{schedule_id}"

    def schedule_input(self, schedule_id: str) -> str:
        return f"{self.prefix}schedule-input:{schedule_id}"

    def tenant_schedules(self, tenant: str) -> str:
        return f"{self.prefix}schedules:{tenant}"

    @property
    def webhook_secrets(self) -> str:
        return self.prefix + "webhook-secrets"

    def webhook(self, webhook_id: str) -> str:
        return f"{self.prefix}webhook:{webhook_id}"

    def webhooks(self, task_id: str) -> str:
        return f"{self.prefix}webhooks:{task_id}"

    def task(self, task_id: str) -> str:
        return f"{self.prefix}task:{task_id}"

    def kept(self, task_id: str) -> str:
        return f"{self.prefix}kept:{task_id}"

    def result(self, task_id: str) -> str:
        return f"{self.prefix}result:{task_id}"

    def events(self, task_id: str) -> str:
        return f"{self.prefix}events:{task_id}"

    def assessment(self, assessment_id: str) -> str:
        return f"{self.prefix}assessment:{assessment_id}"

    def input(self, assessment_id: str) -> str:
        return f"{self.prefix}input:{assessment_id}"

    def expired(self, assessment_id: str) -> str:
        return f"{self.prefix}expired:{assessment_id}"

    def runs(self, assessment_id: str) -> str:
        return f"{self.prefix}runs:{assessment_id}"

    def tenant(self, tenant: str) -> str:
        return f"{self.prefix}tenant:{tenant}"

    def rate(self, key_id: str) -> str:
        return f"{self.prefix}rate:{key_id}"

    def tasks(self, tenant: str) -> str:
        return f"{self.prefix}tasks:{tenant}"

    def assessments(self, tenant: str) -> str:
        return f"{self.prefix}assessments:{tenant}"

    def idempotency(self, tenant: str, idempotency_key: str) -> str:
        """Hashed: the key is the caller's, of any length."""
        digest = sha256(idempotency_key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.prefix}idempotency:{tenant}:{digest}"
