"""The outbox of webhooks, and the secrets that sign them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from infra_mind.errors import NotFound
from infra_mind.model.webhook import Delivery, DeliveryAttempt, DeliveryState
from infra_mind.tasks.memory.outbox import SecretRecord, WebhookRecord
from infra_mind.tasks.memory.state import State
from infra_mind.tasks.records import clip, iso
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

    _state: State

    async def due_deliveries(
        self, limit: int, *, lease_s: float, most_attempts: int, per_tenant: int, in_flight: Mapping[str, int]
    ) -> list[DueDelivery]:
        self._state.tick()
        state, taken, found, looks = self._state, Counter(in_flight), list[DueDelivery](), LOOKS_AT_ONCE
        due = state.outbox.due(state.now)
        while due:
            for tenant in list(due):
                if len(found) >= limit or looks < 1:
                    return found
                if not due[tenant] or taken[tenant] >= per_tenant:
                    del due[tenant]
                    continue
                looks -= 1
                state.outbox.served[tenant] = state.now_us
                if self._takes(webhook := due[tenant].popleft(), most_attempts):
                    taken[tenant] += 1
                    webhook.leased = state.now + max(1, round(lease_s * 1000))
                    found.append(webhook.handed_out())
        return found

    def _takes(self, webhook: WebhookRecord, most_attempts: int) -> bool:
        """Begins the next attempt, or ends the delivery instead."""
        if _receiver(webhook) in self._state.outbox.gone:
            self._end(webhook, DeliveryState.DISABLED)
        elif webhook.attempt >= most_attempts:
            self._end(webhook, DeliveryState.FAILED)
        else:
            webhook.attempt += 1
            return True
        return False

    async def note_attempt(self, webhook_id: str, attempt: int, said: Attempted) -> bool:
        state = self._state
        state.tick()
        webhook = state.outbox.webhooks.get(webhook_id)
        if webhook is None:
            return False
        if attempt in webhook.attempts:
            return True
        if webhook.state is not DeliveryState.PENDING or webhook.attempt != attempt:
            return False
        duration_ms = max(0, round(said.duration_s * 1000))
        webhook.attempts[attempt] = DeliveryAttempt(
            attempt=attempt,
            at=iso(state.now - duration_ms),
            duration_s=duration_ms / 1000,
            status_code=said.status_code,
            error=clip(said.error or "") or None,
        )
        if said.state is DeliveryState.PENDING:
            webhook.due = webhook.leased = state.now + max(0, round(said.wait_s * 1000))
            state.outbox.counts["retried"] += 1
            return True
        if said.state is DeliveryState.DISABLED:
            state.outbox.gone[_receiver(webhook)] = True
            state.expire("gone", _receiver(webhook), state.limits.result_ttl_s)
        self._end(webhook, said.state)
        return True

    def _end(self, webhook: WebhookRecord, ended: DeliveryState) -> None:
        webhook.state, webhook.due = ended, None
        self._state.outbox.counts[ended.value] += 1
        self._state.expire("webhook", webhook.webhook_id, self._state.limits.result_ttl_s)

    async def deliveries(self, tenant: str, task_id: str) -> tuple[Delivery, ...]:
        self._state.tick()
        task = self._state.tasks.get(task_id)
        if task is None or task.tenant != tenant:
            raise NotFound(f"There is no task {task_id}.")
        webhooks = self._state.outbox.webhooks
        return tuple(
            webhooks[one].view() for one in self._state.outbox.of_task(task_id)[-MOST_DELIVERIES_LISTED:]
        )

    async def signing_secrets(self, tenant: str, fresh: str) -> SigningSecrets:
        self._state.tick()
        known = self._state.outbox.secrets
        if tenant not in known:
            known[tenant] = SecretRecord(fresh, self._state.now)
        return self._signing(known[tenant])

    async def rotate_secret(self, tenant: str, fresh: str) -> SigningSecrets:
        self._state.tick()
        known, now = self._state.outbox.secrets, self._state.now
        before = known.get(tenant)
        if before is None:
            known[tenant] = SecretRecord(fresh, now)
        elif before.secret != fresh:
            until = now + round(SECRET_GRACE_S * 1000)
            former = [one for one in before.former if one[1] > now]
            known[tenant] = SecretRecord(fresh, now, [(before.secret, until), *former][:MOST_FORMER])
        return self._signing(known[tenant])

    def _signing(self, found: SecretRecord) -> SigningSecrets:
        return signing(found.secret, found.created, found.former, self._state.now)


def _receiver(webhook: WebhookRecord) -> str:
    return f"{webhook.tenant}\n{webhook.url}"
