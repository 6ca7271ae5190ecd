"""An alert about worker processes, told to the operator's own receiver: a Standard Webhooks message, signed when there is a secret.

It is no entry of the outbox: it belongs to no tenant, and what is lost with a dispatcher still stands in the store, in the metrics
and in the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import structlog
from pydantic_core import to_json
from standardwebhooks import Webhook

from infra_mind.model.webhook import target_of
from infra_mind.model.workers import Alert
from infra_mind.tasks.webhooks.addresses import AddressRefused
from infra_mind.tasks.webhooks.sender import Sender, SendFailed

log = structlog.get_logger(__name__)

WAITS_S = (1.0, 10.0, 60.0)


class AlertSender:
    """`OnAlert` of a dispatcher. ValueError for a URL that no receiver can have. `clock`: seconds since 1970."""

    def __init__(
        self, url: str, sender: Sender, *, secret: str | None = None, waits_s: Sequence[float] = WAITS_S,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._target, self._sender, self._secret = target_of(url), sender, secret
        self._waits_s, self._clock = waits_s, clock

    async def __call__(self, alert: Alert) -> None:
        body = to_json({"type": "workers.failing", "timestamp": alert.last_at, "data": alert})
        for wait_s in (*self._waits_s, None):
            error = await self._attempt(alert, body)
            if error is None:
                return
            log.warning("alert not taken", receiver=self._target.masked, error=error, again_in_s=wait_s)
            if wait_s is not None:
                await asyncio.sleep(wait_s)

    async def _attempt(self, alert: Alert, body: bytes) -> str | None:
        """Why it was not taken; None when it was."""
        try:
            answer = await self._sender.post(self._target, self._headers(alert, body), body)
        except SendFailed as failed:
            return failed.kind
        except AddressRefused as refused:
            return type(refused).__name__
        return None if 200 <= answer.status_code < 300 else f"status {answer.status_code}"

    def _headers(self, alert: Alert, body: bytes) -> dict[str, str]:
        """The id is that of the alert, so that a receiver knows a second attempt."""
        message_id = "msg_" + sha256(f"{alert.kind} {alert.since}".encode()).hexdigest()[:24]
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        headers = {
            "content-type": "application/json",
            "user-agent": "infra-mind-webhooks/1",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if self._secret:
            headers["webhook-signature"] = Webhook(self._secret).sign(message_id, now, body.decode())
        return headers
