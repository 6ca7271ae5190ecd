"""An alert reaches the operator's receiver by the outbox, signed, and again after a failure."""

from __future__ import annotations

import asyncio
import json
import random
import time

import pytest
from standardwebhooks import Webhook

from infra_mind.model.workers import Alert
from infra_mind.tasks.alerts import WorkerFailure
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.store import StoreLimits
from infra_mind.tasks.webhooks.addresses import AddressPolicy
from infra_mind.tasks.webhooks.alerts import AlertReceiver
from infra_mind.tasks.webhooks.deliverer import Deliverer, DeliverLimits
from infra_mind.tasks.webhooks.message import new_secret
from infra_mind.tasks.webhooks.sender import HttpSender
from tests.stores import wait_until
from tests.unit.tasks.webhooks.receiver import Receiver, receiver, status

LIMITS = DeliverLimits(waits_s=(0.0, 0.0), poll_s=0.005)


async def tell(
    alerts: AlertReceiver | None, ended: str, allowed: str = "127.0.0.1/32", attempts: int = 3
) -> Alert:
    """Raises an alert and delivers it to its end; the alert."""
    store = MemoryStore(StoreLimits(alert_after=5))
    alert = await store.worker_failed(
        WorkerFailure("WorkerCrashed", "cost", "its process died", 5), tell=True
    )
    assert alert is not None
    sender = HttpSender(AddressPolicy.of(allowed))
    one = Deliverer(store, sender, LIMITS, chance=random.Random(1), alerts=alerts)
    running = asyncio.create_task(one.run())

    async def over() -> bool:
        return ended in (await store.counters()).webhooks

    await wait_until(f"it is {ended}", over)
    await one.drain(wait_s=5)
    await running
    assert (await store.counters()).webhooks == {ended: 1} | (
        {"retried": attempts - 1} if attempts > 1 else {}
    )
    return alert


def signed(there: Receiver) -> list[dict[str, str]]:
    return [
        {name: value for name, value in got.headers.items() if name.startswith("webhook-")}
        for got in there.received
    ]


async def test_a_signed_alert_verifies_and_holds_the_alert() -> None:
    secret = new_secret()
    async with receiver(status(204)) as there:
        alert = await tell(AlertReceiver.of(there.url(), secret), "delivered", attempts=1)
    (got,), (headers,) = there.received, signed(there)
    told = Webhook(secret).verify(got.body, headers)
    assert told["type"] == "workers.failing"
    assert told["data"] == alert.model_dump()


async def test_without_a_secret_it_is_not_signed() -> None:
    async with receiver(status(204)) as there:
        await tell(AlertReceiver.of(there.url()), "delivered", attempts=1)
    (headers,) = signed(there)
    assert "webhook-signature" not in headers
    assert int(headers["webhook-timestamp"]) <= time.time()
    assert json.loads(there.received[0].body)["data"]["kind"] == "WorkerCrashed"


@pytest.mark.parametrize("code", [500, 302, 404, 410])
async def test_what_is_not_taken_comes_again_under_the_same_id_and_then_no_more(code: int) -> None:
    """410 too: who set the receiver up is who can set it right."""
    async with receiver(status(code)) as there:
        await tell(AlertReceiver.of(there.url()), "failed")
    assert len(there.received) == 3
    assert len({headers["webhook-id"] for headers in signed(there)}) == 1


async def test_a_private_address_is_refused_unless_allowed() -> None:
    async with receiver(status(204)) as there:
        await tell(AlertReceiver.of(there.url()), "failed", allowed="", attempts=1)
    assert there.received == []


async def test_one_whose_receiver_was_taken_away_ends() -> None:
    await tell(None, "failed", attempts=1)


@pytest.mark.parametrize(("url", "secret"), [("ftp://host/secret", ""), ("https://host/secret", "whsec_s")])
def test_a_receiver_that_cannot_be_is_refused_without_showing_it(url: str, secret: str) -> None:
    with pytest.raises(ValueError) as refused:
        AlertReceiver.of(url, secret)
    assert "secret" not in str(refused.value)
