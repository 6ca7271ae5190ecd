"""The outbox of webhooks, and the secrets that sign them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from infra_mind.errors import NotFound
from infra_mind.model.task import TaskState
from infra_mind.model.webhook import Delivery, DeliveryAttempt, DeliveryState, target_of
from infra_mind.tasks.records import clip, iso
from infra_mind.tasks.redis import decode
from infra_mind.tasks.redis.alerts import alert_of
from infra_mind.tasks.redis.link import Argument, Link
from infra_mind.tasks.webhooks.outbox import (
    LOOKS_AT_ONCE,
    MOST_DELIVERIES_LISTED,
    MOST_FORMER,
    SECRET_GRACE_S,
    Attempted,
    DueDelivery,
    SigningSecrets,
    signing,
)


class Webhooks:
    """The part of `TaskStore` that is the outbox."""

    _link: Link

    async def due_deliveries(
        self, limit: int, *, lease_s: float, most_attempts: int, per_tenant: int, in_flight: Mapping[str, int]
    ) -> list[DueDelivery]:
        """Never sent twice: deliveries whose answer was lost come back when their lease ends."""
        if limit < 1:
            return []
        busy: list[Argument] = [part for pair in sorted(in_flight.items()) for part in pair]
        rows = await self._link.call(
            "due_deliveries",
            args=[limit, max(1, round(lease_s * 1000)), most_attempts, per_tenant, LOOKS_AT_ONCE, *busy],
        )
        return decode.readable(rows, _due)

    async def note_attempt(self, webhook_id: str, attempt: int, said: Attempted) -> bool:
        answer = await self._link.call(
            "note_attempt",
            [self._link.keys.webhook(webhook_id)],
            [
                webhook_id,
                attempt,
                said.state.value,
                max(0, round(said.duration_s * 1000)),
                "" if said.status_code is None else said.status_code,
                clip(said.error or ""),
                max(0, round(said.wait_s * 1000)),
            ],
            again=True,
            durable=True,
        )
        return bool(answer)

    async def deliveries(self, tenant: str, task_id: str) -> tuple[Delivery, ...]:
        keys = self._link.keys
        rows = await self._link.call(
            "deliveries",
            [keys.task(task_id), keys.webhooks(task_id)],
            [tenant, MOST_DELIVERIES_LISTED],
            again=True,
        )
        if rows == 0:
            raise NotFound(f"There is no task {task_id}.")
        return tuple(_delivery(row[0].decode(), decode.fields(row[1])) for row in rows)

    async def signing_secrets(self, tenant: str, fresh: str) -> SigningSecrets:
        return await self._secrets(tenant, fresh, rotate=False)

    async def rotate_secret(self, tenant: str, fresh: str) -> SigningSecrets:
        return await self._secrets(tenant, fresh, rotate=True)

    async def _secrets(self, tenant: str, fresh: str, *, rotate: bool) -> SigningSecrets:
        raw, now = await self._link.call(
            "webhook_secret",
            [self._link.keys.webhook_secrets],
            [tenant, fresh, int(rotate), round(SECRET_GRACE_S * 1000), MOST_FORMER],
            again=True,
            durable=True,
        )
        found = json.loads(raw)
        former = [(one["secret"], int(one["until"])) for one in found.get("former", ())]
        return signing(found["secret"], int(found["created"]), former, int(now))


def _due(row: Sequence[bytes]) -> DueDelivery:
    webhook_id, tenant, task_id, assessment_id, url, state, status, error_type, at, attempt, alert = (
        part.decode() for part in row
    )
    return DueDelivery(
        webhook_id=webhook_id,
        tenant=tenant,
        task_id=task_id,
        assessment_id=assessment_id,
        url=url,
        state=TaskState(state) if state else None,
        status=status,
        error_type=error_type,
        ended_at=iso(int(at)),
        attempt=int(attempt),
        alert=alert_of(json.loads(alert)) if alert else None,
    )


def _delivery(webhook_id: str, found: dict[str, str]) -> Delivery:
    tries = [json.loads(value) for name, value in found.items() if name.startswith("try:")]
    return Delivery(
        webhook_id=webhook_id,
        task_id=found["task"],
        type=f"assessment.{found['status']}",
        url=target_of(found["url"]).masked,
        state=DeliveryState(found["state"]),
        created_at=iso(int(found["at"])),
        attempts=tuple(_attempt(one) for one in sorted(tries, key=lambda one: int(one["attempt"]))),
        next_attempt_at=iso(int(found["due"])) if "due" in found else None,
    )


def _attempt(said: dict[str, float | str]) -> DeliveryAttempt:
    return DeliveryAttempt(
        attempt=int(said["attempt"]),
        at=iso(int(said["at"])),
        duration_s=float(said["duration"]) / 1000,
        status_code=int(said["code"]) or None,
        error=str(said["error"]) or None,
    )
