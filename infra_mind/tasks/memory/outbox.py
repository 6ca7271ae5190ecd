"""What the in-memory store keeps of webhooks: the counterpart of the outbox in `redis/lua/_house.lua`."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from hashlib import sha1

from infra_mind.model.task import TaskState
from infra_mind.model.webhook import Delivery, DeliveryAttempt, DeliveryState, target_of
from infra_mind.model.workers import Alert
from infra_mind.tasks.records import TaskRecord, iso
from infra_mind.tasks.webhooks.outbox import DueDelivery


@dataclass
class WebhookRecord:
    """One delivery. `due` is when it is to be sent next, `leased` when it may be taken; times in ms."""

    webhook_id: str
    tenant: str
    task_id: str
    assessment_id: str
    url: str
    task_state: TaskState | None
    status: str
    error_type: str
    at: int
    due: int | None
    leased: int
    alert: Alert | None = None
    state: DeliveryState = DeliveryState.PENDING
    attempt: int = 0
    attempts: dict[int, DeliveryAttempt] = field(default_factory=dict)

    def view(self) -> Delivery:
        return Delivery(
            webhook_id=self.webhook_id,
            task_id=self.task_id,
            type=f"assessment.{self.status}",
            url=target_of(self.url).masked,
            state=self.state,
            created_at=iso(self.at),
            attempts=tuple(self.attempts[number] for number in sorted(self.attempts)),
            next_attempt_at=None if self.due is None else iso(self.due),
        )

    def handed_out(self) -> DueDelivery:
        return DueDelivery(
            webhook_id=self.webhook_id,
            tenant=self.tenant,
            task_id=self.task_id,
            assessment_id=self.assessment_id,
            url=self.url,
            state=self.task_state,
            status=self.status,
            error_type=self.error_type,
            ended_at=iso(self.at),
            attempt=self.attempt,
            alert=self.alert,
        )


@dataclass
class SecretRecord:
    """`former`: (secret, until when it signs), newest first; times in ms."""

    secret: str
    created: int
    former: list[tuple[str, int]] = field(default_factory=list)


class OutboxRecords:
    """Deliveries in the order in which they were made."""

    def __init__(self) -> None:
        self.webhooks: dict[str, WebhookRecord] = {}
        self.gone: dict[str, bool] = {}
        self.secrets: dict[str, SecretRecord] = {}
        self.counts: dict[str, int] = defaultdict(int)
        self.served: dict[str, int] = {}  # tenant of which something waits -> its last turn, microseconds

    def tell_end(self, task: TaskRecord, status: str, now: int) -> None:
        """Puts the end of a task into the outbox, if its start asked for that."""
        url = task.options.webhook_url
        if url is None:
            return
        digest = sha1(f"{task.task_id}\n{task.end_event}".encode(), usedforsecurity=False).hexdigest()
        error = task.error if task.state is not TaskState.SUCCESS else None
        self.webhooks[f"msg_{digest}"] = WebhookRecord(
            webhook_id=f"msg_{digest}",
            tenant=task.tenant,
            task_id=task.task_id,
            assessment_id=task.assessment_id,
            url=url,
            task_state=task.state,
            status=status,
            error_type=error.type if error else "",
            at=now,
            due=now,
            leased=now,
        )

    def tell_alert(self, alert: Alert, now: int) -> None:
        """It belongs to no tenant, which is written as ''."""
        digest = sha1(f"{alert.kind}\n{now}".encode(), usedforsecurity=False).hexdigest()
        self.webhooks[f"msg_{digest}"] = WebhookRecord(
            f"msg_{digest}", "", "", "", "", None, "", "", at=now, due=now, leased=now, alert=alert
        )

    def due(self, now: int) -> dict[str, deque[WebhookRecord]]:
        """What is due of each tenant, the longest due first; the tenants in the order of their turns. `now` in ms."""
        waiting: dict[str, list[WebhookRecord]] = defaultdict(list)
        for one in self.webhooks.values():
            if one.state is DeliveryState.PENDING:
                waiting[one.tenant].append(one)
        self.served = {tenant: at for tenant, at in self.served.items() if tenant in waiting}
        turns: list[tuple[int, str]] = []
        for tenant, ones in waiting.items():
            ones.sort(key=lambda one: (one.leased, one.webhook_id))
            if ones[0].leased <= now:
                turns.append((max(ones[0].leased * 1000, self.served.get(tenant, 0)), tenant))
        return {
            tenant: deque(one for one in waiting[tenant] if one.leased <= now) for _, tenant in sorted(turns)
        }

    def of_task(self, task_id: str) -> list[str]:
        return [one.webhook_id for one in self.webhooks.values() if one.task_id == task_id]
