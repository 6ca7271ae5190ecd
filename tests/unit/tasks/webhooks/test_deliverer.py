"""A deliverer over the in-memory store: what it decides, and what it does when things break."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from infra_mind.errors import Unavailable
from infra_mind.model.task import StartOptions, TaskState
from infra_mind.model.webhook import Delivery, Target
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.webhooks.addresses import AddressRefused
from infra_mind.tasks.webhooks.deliverer import WAITS_S, Deliverer, DeliverLimits
from infra_mind.tasks.webhooks.outbox import Attempted
from infra_mind.tasks.webhooks.sender import Answer, SendFailed
from tests.stores import wait_until

URL = "https://hooks.example.com/s3cr3t"
LIMITS = DeliverLimits(poll_s=0.005, store_pause_s=0.005)


class Clock:
    def __init__(self) -> None:
        self.now = 1_768_469_400.0

    def __call__(self) -> float:
        return self.now


class Script:
    """A sender that does what it was told, one thing for each request, the last one for ever."""

    def __init__(self, *steps: Answer | Exception) -> None:
        self._steps = list(steps) or [Answer(200)]
        self.headers: list[Mapping[str, str]] = []
        self.targets: list[Target] = []
        self.gate: asyncio.Event | None = None

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        self.headers.append(headers)
        self.targets.append(target)
        if self.gate is not None:
            await self.gate.wait()
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        return step

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers in self.headers]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock=clock)


def deliverer(store: Any, sender: Script, clock: Clock, limits: DeliverLimits = LIMITS) -> Deliverer:
    return Deliverer(store, sender, limits, chance=random.Random(1), clock=clock)


async def end(store: MemoryStore, name: str = "1", tenant: str = "acme") -> None:
    await store.create_assessment(tenant, f"a-{name}", name, b"", 0)
    await store.accept(tenant, f"a-{name}", f"t-{name}", StartOptions(webhook_url=URL), ())
    (claim,) = await store.claim("d", 1)
    await store.finish(
        claim.task_id, claim.fence, TaskState.SUCCESS, result=b"{}", assessment_status="completed"
    )


async def told(store: MemoryStore, name: str = "1") -> Delivery:
    (delivery,) = await store.deliveries("acme", f"t-{name}")
    return delivery


async def until_attempts(store: MemoryStore, number: int) -> Delivery:
    async def noted() -> bool:
        return len((await told(store)).attempts) >= number

    await wait_until(f"{number} attempts are noted", noted)
    return await told(store)


async def test_it_sends_and_notes(store: MemoryStore, clock: Clock) -> None:
    await end(store)
    sender = Script(Answer(204))
    one = deliverer(store, sender, clock)
    running = asyncio.create_task(one.run())
    delivery = await until_attempts(store, 1)
    await one.drain(wait_s=5)
    await running
    assert (delivery.state, delivery.attempts[0].status_code) == ("delivered", 204)
    assert sender.ids == [delivery.webhook_id]
    assert sender.targets[0].path == "/s3cr3t"
    assert sender.headers[0]["webhook-timestamp"] == str(int(clock.now))


def seconds_until_next(delivery: Delivery, clock: Clock) -> float:
    from datetime import datetime

    assert delivery.next_attempt_at is not None
    return datetime.fromisoformat(delivery.next_attempt_at).timestamp() - clock.now


async def test_it_tries_again_over_three_days_and_then_gives_up(store: MemoryStore, clock: Clock) -> None:
    """The example schedule of Standard Webhooks 1.0.0: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h."""
    expected = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    await end(store)
    sender = Script(Answer(500))
    one = deliverer(store, sender, clock)
    running = asyncio.create_task(one.run())
    for number, wait_s in enumerate(expected, start=1):
        delivery = await until_attempts(store, number)
        assert delivery.state == "pending"
        assert wait_s <= seconds_until_next(delivery, clock) <= 1.2 * wait_s + 0.01
        clock.now += 1.2 * wait_s + 1
    delivery = await until_attempts(store, 10)
    await one.drain(wait_s=5)
    await running
    assert (delivery.state, delivery.next_attempt_at) == ("failed", None)
    assert set(sender.ids) == {delivery.webhook_id}
    assert list(WAITS_S) == expected


@pytest.mark.parametrize(
    ("step", "state", "code", "error"),
    [
        (Answer(200), "delivered", 200, None),
        (Answer(299), "delivered", 299, None),
        (Answer(302), "pending", 302, None),
        (Answer(404), "pending", 404, None),
        (Answer(410), "disabled", 410, None),
        (Answer(503), "pending", 503, None),
        (SendFailed("Timeout"), "pending", None, "Timeout"),
        (AddressRefused("not public"), "failed", None, "AddressRefused"),
    ],
)
async def test_what_each_answer_means(
    store: MemoryStore,
    clock: Clock,
    step: Answer | Exception,
    state: str,
    code: int | None,
    error: str | None,
) -> None:
    await end(store)
    one = deliverer(store, Script(step), clock)
    running = asyncio.create_task(one.run())
    delivery = await until_attempts(store, 1)
    await one.drain(wait_s=5)
    await running
    assert (delivery.state, delivery.attempts[0].status_code, delivery.attempts[0].error) == (
        state,
        code,
        error,
    )


@pytest.mark.parametrize(("asked_s", "least"), [(600.0, 600.0), (1.0, 5.0), (1e9, 86_400.0)])
async def test_a_receiver_that_asks_for_time_gets_it_within_reason(
    store: MemoryStore, clock: Clock, asked_s: float, least: float
) -> None:
    await end(store)
    one = deliverer(store, Script(Answer(429, asked_s)), clock)
    running = asyncio.create_task(one.run())
    delivery = await until_attempts(store, 1)
    await one.drain(wait_s=5)
    await running
    assert least <= seconds_until_next(delivery, clock) <= 1.2 * least + 0.01


async def test_killed_between_sending_and_noting_it_is_sent_again_under_the_same_id(
    store: MemoryStore, clock: Clock
) -> None:
    await end(store)
    sender = Script(Answer(200))
    first = deliverer(DeafStore(store), sender, clock)
    running = asyncio.create_task(first.run())

    async def sent() -> bool:
        return len(sender.ids) == 1

    await wait_until("the first has sent", sent)
    running.cancel()
    assert (await told(store)).attempts == ()
    clock.now += LIMITS.lease_s + 1
    second = deliverer(store, sender, clock)
    running = asyncio.create_task(second.run())
    delivery = await until_attempts(store, 1)
    await second.drain(wait_s=5)
    await running
    assert sender.ids == [delivery.webhook_id] * 2
    assert [one.attempt for one in delivery.attempts] == [2]
    sent_at = [int(headers["webhook-timestamp"]) for headers in sender.headers]
    assert sent_at[1] - sent_at[0] == LIMITS.lease_s + 1


class DeafStore:
    """Whoever notes an attempt here has died before the note arrived."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def note_attempt(self, webhook_id: str, attempt: int, said: Attempted) -> bool:
        await asyncio.Event().wait()
        return True


async def test_two_deliverers_send_each_once(store: MemoryStore, clock: Clock) -> None:
    for number in range(40):
        await end(store, str(number))
    sender = Script()
    both = [deliverer(store, sender, clock) for _ in range(2)]
    running = [asyncio.create_task(one.run()) for one in both]

    async def all_delivered() -> bool:
        return (await store.counters()).webhooks.get("delivered") == 40

    await wait_until("all are delivered", all_delivered)
    await asyncio.gather(*(one.drain(wait_s=5) for one in both), *running)
    assert len(sender.ids) == len(set(sender.ids)) == 40


async def test_a_tenant_whose_receiver_hangs_holds_up_nobody_else(store: MemoryStore, clock: Clock) -> None:
    for number in range(20):
        await end(store, f"flood-{number}", tenant="flood")
    await end(store)
    hanging = asyncio.Event()

    class ByTenant(Script):
        async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
            self.headers.append(headers)
            if b"t-flood" in body:
                await hanging.wait()
            return Answer(200)

    sender = ByTenant()
    one = deliverer(store, sender, clock)
    running = asyncio.create_task(one.run())
    assert (await until_attempts(store, 1)).state == "delivered"
    assert len(sender.ids) == LIMITS.per_tenant + 1
    hanging.set()
    await one.drain(wait_s=5)
    await running


@pytest.mark.parametrize("error", [Unavailable("The task store cannot be reached"), KeyError("tenant")])
async def test_it_goes_on_after_the_store_was_away_or_broke(
    store: MemoryStore, clock: Clock, error: Exception
) -> None:
    await end(store)
    absences = 3

    class Away(DeafStore):
        async def due_deliveries(self, limit: int, **more: Any) -> Any:
            nonlocal absences
            absences -= 1
            if absences >= 0:
                raise error
            return await store.due_deliveries(limit, **more)

        async def note_attempt(self, webhook_id: str, attempt: int, said: Attempted) -> bool:
            return await store.note_attempt(webhook_id, attempt, said)

    one = deliverer(Away(store), Script(), clock)
    running = asyncio.create_task(one.run())
    assert (await until_attempts(store, 1)).state == "delivered"
    await one.drain(wait_s=5)
    await running


async def test_a_drain_waits_for_what_is_on_its_way_and_takes_no_more(
    store: MemoryStore, clock: Clock
) -> None:
    await end(store)
    sender = Script()
    sender.gate = asyncio.Event()
    one = deliverer(store, sender, clock)
    running = asyncio.create_task(one.run())

    async def sending() -> bool:
        return bool(sender.ids)

    await wait_until("it sends", sending)
    draining = asyncio.create_task(one.drain(wait_s=5))
    await asyncio.sleep(0)  # the drain has begun
    await end(store, "2")
    sender.gate.set()
    await draining
    await running
    assert (await told(store)).state == "delivered"
    assert (await told(store, "2")).attempts == ()


async def test_a_drain_cuts_off_what_takes_too_long_and_its_lease_stays(
    store: MemoryStore, clock: Clock
) -> None:
    await end(store)
    sender = Script()
    sender.gate = asyncio.Event()
    one = deliverer(store, sender, clock)
    running = asyncio.create_task(one.run())

    async def sending() -> bool:
        return bool(sender.ids)

    await wait_until("it sends", sending)
    await one.drain(wait_s=0.01)
    await running
    delivery = await told(store)
    assert (delivery.state, delivery.attempts) == ("pending", ())


async def test_an_unforeseen_error_ends_one_attempt_and_not_the_loop(
    store: MemoryStore, clock: Clock
) -> None:
    await end(store)
    sender = Script(RuntimeError("no such thing"), Answer(200))
    one = deliverer(store, sender, clock)
    running = asyncio.create_task(one.run())

    async def sent() -> bool:
        clock.now += LIMITS.lease_s + 1
        return len(sender.ids) == 2

    await wait_until("its lease ran out and it is tried again", sent)
    assert (await until_attempts(store, 1)).state == "delivered"
    await one.drain(wait_s=5)
    await running


async def test_logs_hold_neither_the_url_nor_a_secret(store: MemoryStore, clock: Clock) -> None:
    await end(store)
    secret = (await store.signing_secrets("acme", "whsec_bG9nZ2Vk")).current.secret
    with capture_logs() as logs:
        one = deliverer(store, Script(Answer(500), RuntimeError(URL)), clock)
        running = asyncio.create_task(one.run())
        await until_attempts(store, 1)
        clock.now += 10

        async def broke() -> bool:
            return any(entry["event"] == "delivery broke" for entry in logs)

        await wait_until("the second attempt breaks", broke)
        await one.drain(wait_s=5)
        await running
    assert "s3cr3t" not in str(logs)
    assert secret not in str(logs)
    assert "webhook" in {entry["event"] for entry in logs}
