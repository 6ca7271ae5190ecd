"""The body and its signature, held against the reference library and the example of the standard."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from infra_mind.model.task import TaskState
from infra_mind.model.webhook import WebhookSecret
from infra_mind.tasks.webhooks.message import body_of, headers_of, new_secret
from infra_mind.tasks.webhooks.outbox import DueDelivery, SigningSecrets

DELIVERY = DueDelivery(
    webhook_id="msg_1", tenant="acme", task_id="t-1", assessment_id="a-1", url="https://example.com/", state=TaskState.FAILURE,
    status="failed", error_type="TooFewAgents", ended_at="2026-01-15T09:30:00.000Z", attempt=1,
)  # fmt: skip


def signed_by(secret: str, *former: str) -> SigningSecrets:
    return SigningSecrets(WebhookSecret(secret=secret, created_at="2026-01-01T00:00:00.000Z"), former)


def test_the_body_holds_names_and_states_alone() -> None:
    assert json.loads(body_of(DELIVERY)) == {
        "type": "assessment.failed",
        "timestamp": "2026-01-15T09:30:00.000Z",
        "data": {
            "task_id": "t-1",
            "assessment_id": "a-1",
            "state": "FAILURE",
            "status": "failed",
            "error_type": "TooFewAgents",
        },
    }


def test_the_body_is_the_same_at_every_attempt() -> None:
    assert body_of(DELIVERY) == body_of(replace(DELIVERY, attempt=7))


def test_an_end_without_an_error_says_null() -> None:
    body = json.loads(body_of(replace(DELIVERY, status="completed", state=TaskState.SUCCESS, error_type="")))
    assert (body["type"], body["data"]["error_type"]) == ("assessment.completed", None)


def test_the_signature_is_the_standards_own() -> None:
    """Standard Webhooks 1.0.0: base64 of HMAC-SHA256 over `id.timestamp.body`, with the decoded secret as its key."""
    key = bytes(range(32))
    body = body_of(DELIVERY)
    headers = headers_of(
        DELIVERY, body, signed_by("whsec_" + base64.b64encode(key).decode()).keys, 1_674_087_231.9
    )
    digest = hmac.new(key, b"msg_1.1674087231." + body, hashlib.sha256).digest()
    assert headers["webhook-id"] == "msg_1"
    assert headers["webhook-timestamp"] == "1674087231"
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


@given(st.binary(min_size=24, max_size=64), st.binary(min_size=24, max_size=64))
def test_receivers_with_either_secret_verify_it_and_with_another_do_not(key: bytes, other: bytes) -> None:
    secrets = [new_secret(lambda _, key=key: key), new_secret(lambda _: b"former" * 6)]  # type: ignore[misc]
    body = body_of(DELIVERY)
    headers = headers_of(DELIVERY, body, signed_by(*secrets).keys, time.time())
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    if other not in (key, b"former" * 6):
        with pytest.raises(WebhookVerificationError):
            Webhook(new_secret(lambda _: other)).verify(body, headers)


def test_nothing_that_is_signed_can_be_changed() -> None:
    secret, body, now = new_secret(), body_of(DELIVERY), time.time()
    headers = headers_of(DELIVERY, body, [secret], now)
    for changed in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(now) + 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers | changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"failed", b"passed"), headers)


def test_a_new_secret_is_as_the_standard_writes_it() -> None:
    prefix, _, rest = new_secret().partition("_")
    assert prefix == "whsec"
    assert len(base64.b64decode(rest, validate=True)) == 32
    assert new_secret() != new_secret()
