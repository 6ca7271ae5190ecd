"""An alert reaches the operator's receiver, signed, and again after a failure."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from infra_mind.model.workers import Alert
from infra_mind.tasks.webhooks.addresses import AddressPolicy
from infra_mind.tasks.webhooks.alerts import AlertSender
from infra_mind.tasks.webhooks.message import new_secret
from infra_mind.tasks.webhooks.sender import HttpSender
from tests.unit.tasks.webhooks.receiver import receiver, status

LOOPBACK = HttpSender(AddressPolicy.of("127.0.0.1/32"))
ALERT = Alert(
    kind="WorkerCrashed", count=5, since="2026-01-15T09:30:00.000Z", last_at="2026-01-15T09:31:00.000Z",
    step="cost", message="its process died",
)  # fmt: skip


async def test_a_signed_alert_verifies_and_holds_the_alert() -> None:
    secret = new_secret()
    async with receiver(status(204)) as there:
        await AlertSender(there.url(), LOOPBACK, secret=secret)(ALERT)
    (got,) = there.received
    headers = {name: value for name, value in got.headers.items() if name.startswith("webhook-")}
    told = Webhook(secret).verify(got.body, headers)
    assert told["type"] == "workers.failing"
    assert told["data"] == ALERT.model_dump()


async def test_without_a_secret_it_is_not_signed() -> None:
    async with receiver(status(204)) as there:
        await AlertSender(there.url(), LOOPBACK, clock=lambda: datetime(2026, 1, 15, tzinfo=UTC).timestamp())(
            ALERT
        )
    (got,) = there.received
    assert "webhook-signature" not in got.headers
    assert got.headers["webhook-timestamp"] == "1768435200"
    assert json.loads(got.body)["data"]["kind"] == "WorkerCrashed"


@pytest.mark.parametrize("code", [500, 302, 404])
async def test_what_is_not_taken_comes_again_under_the_same_id_and_then_no_more(code: int) -> None:
    async with receiver(status(code)) as there:
        await AlertSender(there.url(), LOOPBACK, waits_s=(0.0, 0.0))(ALERT)
    assert len(there.received) == 3
    assert len({got.headers["webhook-id"] for got in there.received}) == 1


async def test_a_private_address_is_refused_unless_allowed() -> None:
    async with receiver(status(204)) as there:
        await AlertSender(there.url(), HttpSender(AddressPolicy()), waits_s=())(ALERT)
    assert there.received == []


def test_a_url_that_no_receiver_can_have_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError) as refused:
        AlertSender("ftp://host/secret", LOOPBACK)
    assert "secret" not in str(refused.value)
