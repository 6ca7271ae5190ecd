"""The whole way of a webhook without the platform: a real store, a real receiver, deliverers in processes that are killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from standardwebhooks import Webhook

from infra_mind.model.task import StartOptions, TaskState
from infra_mind.model.webhook import Delivery
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.store import StoreLimits, TaskStore
from tests.contract.houses import AGENTS, RedisHouse
from tests.stores import wait_until
from tests.unit.tasks.webhooks.receiver import Receiver, receiver, status


@pytest.fixture
async def house(valkey: EmbeddedStore) -> AsyncIterator[RedisHouse]:
    opened = RedisHouse(valkey.url, StoreLimits())
    yield opened
    await opened.close()


@pytest.fixture
def start(valkey: EmbeddedStore, house: RedisHouse) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts another deliverer."""
    started: list[subprocess.Popen[bytes]] = []

    def one() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.contract.deliver", valkey.url, house.prefix]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()


async def end(store: TaskStore, url: str) -> None:
    await store.create_assessment("acme", "a-1", "one", b"", 0)
    await store.accept("acme", "a-1", "t-1", StartOptions(webhook_url=url), AGENTS)
    (claim,) = await store.claim("d", 1)
    await store.finish("t-1", claim.fence, TaskState.SUCCESS, result=b"{}", assessment_status="partial")


async def delivered(store: TaskStore) -> Delivery:
    async def there() -> bool:
        return (await store.deliveries("acme", "t-1"))[0].state == "delivered"

    await wait_until("it is delivered", there, within_s=30)
    (delivery,) = await store.deliveries("acme", "t-1")
    return delivery


def verified(secret: str, there: Receiver) -> list[dict[str, object]]:
    """What came, each verified as a receiver with the reference library would."""
    return [Webhook(secret).verify(got.body, got.headers) for got in there.received]


async def test_a_receiver_that_fails_three_times_gets_it_at_the_fourth(
    house: RedisHouse, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    secret = (await house.store.signing_secrets("acme", "whsec_" + "QUJD" * 8)).current.secret
    async with receiver(
        status(500), status(302, "location: https://example.com/"), b"", status(202)
    ) as there:
        await end(house.store, there.url())
        start()
        delivery = await delivered(house.store)
        bodies = verified(secret, there)
    assert [(one.attempt, one.status_code) for one in delivery.attempts] == [
        (1, 500),
        (2, 302),
        (3, None),
        (4, 202),
    ]
    assert {got.headers["webhook-id"] for got in there.received} == {delivery.webhook_id}
    assert len(bodies) == 4
    assert bodies[0] == bodies[3]
    assert (bodies[0]["type"], json.loads(there.received[0].body)["data"]["task_id"]) == (
        "assessment.partial",
        "t-1",
    )


async def test_a_deliverer_killed_between_send_and_note_is_followed_by_another_under_the_same_id(
    house: RedisHouse, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    async with receiver(None, status(200)) as there:  # the first request hangs: sent, and not yet noted
        await end(house.store, there.url())
        first = start()
        async with asyncio.timeout(30):
            await there.came.wait()
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert (await house.store.deliveries("acme", "t-1"))[0].attempts == ()
        start()
        delivery = await delivered(house.store)
    assert [got.headers["webhook-id"] for got in there.received] == [delivery.webhook_id] * 2
    assert there.received[0].body == there.received[1].body
    assert [one.attempt for one in delivery.attempts] == [2]


async def test_two_deliverers_side_by_side_send_it_once(
    house: RedisHouse, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    async with receiver() as there:
        for _ in range(2):
            start()
        await end(house.store, there.url())
        await delivered(house.store)
    assert len(there.received) == 1
