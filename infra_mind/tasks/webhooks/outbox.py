"""The outbox: what the store keeps of webhooks. A part of `TaskStore`; the entry itself is made in the step that ends the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from infra_mind.model.task import TaskState
from infra_mind.model.webhook import Delivery, DeliveryState, WebhookSecret
from infra_mind.model.workers import Alert
from infra_mind.tasks.records import iso

SECRET_GRACE_S = 86_400.0  # so long after a rotation the former secret signs, too
MOST_FORMER = 3  # several, because a rotation whose answer was lost may be asked for again
MOST_DELIVERIES_LISTED = 20  # of one task: each end of it makes one, and a replay may end again
LOOKS_AT_ONCE = 1_000  # due deliveries that one call hands out or ends, and due tenants that it considers


@dataclass(frozen=True)
class DueDelivery:
    """A delivery that is this deliverer's until its lease ends. `attempt` counts from 1 and is its fence: it only grows.

    With `alert` it is for the operator's own receiver and tells that; its tenant and what is said of a task are empty."""

    webhook_id: str
    tenant: str
    task_id: str
    assessment_id: str
    url: str = field(repr=False)
    state: TaskState | None
    status: str
    error_type: str
    ended_at: str
    attempt: int
    alert: Alert | None = None


@dataclass(frozen=True)
class Attempted:
    """How an attempt went. `state` PENDING: again in `wait_s` seconds; any other state ends the delivery."""

    state: DeliveryState
    duration_s: float
    status_code: int | None = None
    error: str | None = None
    wait_s: float = 0.0


@dataclass(frozen=True)
class SigningSecrets:
    """The secrets that sign now: the tenant's own, and for a while after a rotation the former ones, newest first."""

    current: WebhookSecret
    former: tuple[str, ...] = field(default=(), repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.current.secret, *self.former)


class Outbox(Protocol):
    """Deliveries are made once for each end of a task whose start named a `webhook_url`, and for each alert that is to be told
    (`TaskStore.worker_failed`); their id belongs to that end, or alert, alone.

    Deleting an assessment deletes its deliveries, also those that wait, and its end by deletion is told to nobody."""

    async def due_deliveries(
        self, limit: int, *, lease_s: float, most_attempts: int, per_tenant: int, in_flight: Mapping[str, int]
    ) -> list[DueDelivery]:
        """Up to `limit` deliveries whose time has come or whose lease ran out, each under the next attempt and a lease, and no more
        of a tenant than `per_tenant` less those it has `in_flight` here. Tenants take turns, one delivery each, the longest due of
        each first; a tenant comes after all that were due when it was served last. One that has had `most_attempts` is given up, and
        one to a URL that answered its tenant with 410 lately is disabled."""

    async def note_attempt(self, webhook_id: str, attempt: int, said: Attempted) -> bool:
        """Writes an attempt into the log and decides what follows. False, and nothing changed, unless `attempt` is the newest one
        of a pending delivery. The same note again is True and changes nothing."""

    async def deliveries(self, tenant: str, task_id: str) -> tuple[Delivery, ...]:
        """Of one task, oldest first; none once they have expired. NotFound for an unknown task."""

    async def signing_secrets(self, tenant: str, fresh: str) -> SigningSecrets:
        """The tenant's secrets; `fresh` becomes the first one of a tenant that has none."""

    async def rotate_secret(self, tenant: str, fresh: str) -> SigningSecrets:
        """`fresh` takes the place of the tenant's secret, which signs on for SECRET_GRACE_S. The same call again changes nothing."""


def signing(secret: str, created_ms: int, former: Sequence[tuple[str, int]], now_ms: int) -> SigningSecrets:
    """From what both stores keep. `former`: (secret, until when it signs in ms), newest first."""
    alive = [(one, until) for one, until in former if until > now_ms]
    until = iso(max(until for _, until in alive)) if alive else None
    current = WebhookSecret(secret=secret, created_at=iso(created_ms), previous_until=until)
    return SigningSecrets(current, tuple(one for one, _ in alive))
