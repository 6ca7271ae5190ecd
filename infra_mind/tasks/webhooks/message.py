"""What is sent: the body, and the headers of Standard Webhooks 1.0.0 with their signature."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pydantic_core import to_json
from standardwebhooks import Webhook

from infra_mind.tasks.webhooks.outbox import DueDelivery

SECRET_BYTES = 32  # the standard asks for 24 to 64


def new_secret(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A signing secret as receivers' libraries read it: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(random_bytes(SECRET_BYTES)).decode()


def body_of(delivery: DueDelivery) -> bytes:
    """The JSON body: the same bytes at every attempt, names and states only. What is in the result stays behind the API."""
    if delivery.alert is not None:
        alert = delivery.alert
        return to_json({"type": "workers.failing", "timestamp": alert.last_at, "data": alert})
    return to_json(
        {
            "type": f"assessment.{delivery.status}",
            "timestamp": delivery.ended_at,
            "data": {
                "task_id": delivery.task_id,
                "assessment_id": delivery.assessment_id,
                "state": delivery.state,
                "status": delivery.status,
                "error_type": delivery.error_type or None,
            },
        }
    )


def headers_of(delivery: DueDelivery, body: bytes, keys: Sequence[str], now_s: float) -> dict[str, str]:
    """Headers of one attempt; without keys it is not signed. `now_s`: seconds since 1970; each attempt has its own, so that an old one
    cannot be sent again by others."""
    at = datetime.fromtimestamp(int(now_s), UTC)
    headers = {
        "content-type": "application/json",
        "user-agent": "infra-mind-webhooks/1",
        "webhook-id": delivery.webhook_id,
        "webhook-timestamp": str(int(now_s)),
    }
    if keys:
        signatures = [Webhook(key).sign(delivery.webhook_id, at, body.decode()) for key in keys]
        headers["webhook-signature"] = " ".join(signatures)
    return headers
