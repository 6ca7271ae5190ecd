"""A deliverer sends what is due in the outbox. Each dispatcher runs one; none knows anything that the store does not know."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from infra_mind.errors import Unavailable
from infra_mind.model.webhook import DeliveryState, Target, target_of
from infra_mind.tasks.webhooks.addresses import AddressRefused
from infra_mind.tasks.webhooks.alerts import AlertReceiver
from infra_mind.tasks.webhooks.message import body_of, headers_of, new_secret
from infra_mind.tasks.webhooks.outbox import Attempted, DueDelivery, Outbox
from infra_mind.tasks.webhooks.sender import Answer, Sender, SendFailed

log = structlog.get_logger(__name__)

# Seconds before the second, third, ... attempt: the example schedule of Standard Webhooks 1.0.0, three days in all.
WAITS_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
LONGEST_ASKED_S = 86_400.0  # a receiver's Retry-After counts up to here
_GONE = 410


@dataclass(frozen=True)
class DeliverLimits:
    """`at_once` requests are open at a time, `per_tenant` of them for one tenant, so that a receiver that hangs holds up nobody else.

    `lease_s` must be longer than a request may take (15 s): until then nobody else sends the same delivery, also when whoever had it
    was killed."""

    waits_s: tuple[float, ...] = WAITS_S
    jitter: float = 0.2  # up to so much is added to a wait
    at_once: int = 16
    per_tenant: int = 4
    lease_s: float = 30.0
    poll_s: float = 1.0
    store_pause_s: float = 0.5


class Deliverer:
    """`alerts`: where alerts go. `clock` gives seconds since 1970: what the receivers compare with their own."""

    def __init__(
        self, store: Outbox, sender: Sender, limits: DeliverLimits, *, chance: random.Random,
        alerts: AlertReceiver | None = None, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._alerts = alerts
        self._store, self._sender, self._limits = store, sender, limits
        self._chance, self._clock = chance, clock
        self._open: dict[asyncio.Task[None], str] = {}
        self._wake = asyncio.Event()
        self._closing = False

    async def run(self) -> None:
        """Until `drain` (or cancelled). Outlives every absence of the store."""
        while not self._closing:
            self._wake.clear()
            try:
                found = await self._take()
            except Unavailable as error:
                log.warning("store away", call="due_deliveries", error=str(error))
                await asyncio.sleep(self._limits.store_pause_s * (0.5 + self._chance.random()))
                continue
            except (
                Exception
            ) as error:  # one record that nobody can read must not end the dispatcher beside this loop
                log.error("deliveries broke", error=type(error).__name__)
                found = False
            if not found:
                await self._rest()

    async def drain(self, *, wait_s: float = 0.0) -> None:
        """Takes no more; lets open requests end for `wait_s`. What is cut off then is sent again by another, under the same id."""
        self._closing = True
        self._wake.set()
        sending = list(self._open)
        if sending and wait_s > 0:
            await asyncio.wait(sending, timeout=wait_s)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    async def _take(self) -> bool:
        """Starts what is due and has room; whether there was any."""
        room = self._limits.at_once - len(self._open)
        if room < 1:
            return False
        due = await self._store.due_deliveries(
            room,
            lease_s=self._limits.lease_s,
            most_attempts=len(self._limits.waits_s) + 1,
            per_tenant=self._limits.per_tenant,
            in_flight=Counter(self._open.values()),
        )
        for delivery in due:
            task = asyncio.create_task(self._deliver(delivery), name=delivery.webhook_id)
            self._open[task] = delivery.tenant
            task.add_done_callback(self._ended)
        return bool(due)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._limits.poll_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._open[task]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):  # its lease runs out, then it is tried again
            log.error("delivery broke", webhook_id=task.get_name(), error=type(error).__name__)

    async def _deliver(self, delivery: DueDelivery) -> None:
        try:
            said = await self._send(delivery)
            await self._store.note_attempt(delivery.webhook_id, delivery.attempt, said)
        except (
            Unavailable
        ) as error:  # what was sent and not noted is sent again after the lease: receivers know the id
            log.warning("store away", call="note_attempt", webhook_id=delivery.webhook_id, error=str(error))
            return
        log.info(
            "webhook", webhook_id=delivery.webhook_id, task_id=delivery.task_id, attempt=delivery.attempt,
            state=said.state.value, status_code=said.status_code, error=said.error,
        )  # fmt: skip

    async def _send(self, delivery: DueDelivery) -> Attempted:
        if delivery.alert is None:
            target = target_of(delivery.url)
            keys = (await self._store.signing_secrets(delivery.tenant, new_secret())).keys
        elif self._alerts is not None:
            target, keys = self._alerts.target, self._alerts.keys
        else:  # there was a receiver when it was raised
            return Attempted(DeliveryState.FAILED, 0.0, error="NoReceiver")
        body = body_of(delivery)
        return await self._attempt(delivery, target, headers_of(delivery, body, keys, self._clock()), body)

    async def _attempt(
        self, delivery: DueDelivery, target: Target, headers: dict[str, str], body: bytes
    ) -> Attempted:
        begin = time.perf_counter()
        try:
            answer = await self._sender.post(target, headers, body)
        except AddressRefused:
            return Attempted(DeliveryState.FAILED, time.perf_counter() - begin, error="AddressRefused")
        except SendFailed as failed:
            state, wait_s = self._after_failure(delivery.attempt, 0.0)
            return Attempted(state, time.perf_counter() - begin, error=failed.kind, wait_s=wait_s)
        return self._judged(delivery, answer, time.perf_counter() - begin)

    def _judged(self, delivery: DueDelivery, answer: Answer, duration_s: float) -> Attempted:
        code = answer.status_code
        if 200 <= code < 300:
            return Attempted(DeliveryState.DELIVERED, duration_s, code)
        if (
            code == _GONE and delivery.alert is None
        ):  # the operator's own receiver may be set up wrongly, and comes back
            return Attempted(DeliveryState.DISABLED, duration_s, code)
        state, wait_s = self._after_failure(delivery.attempt, answer.retry_after_s)
        return Attempted(state, duration_s, code, wait_s=wait_s)

    def _after_failure(self, attempt: int, asked_s: float) -> tuple[DeliveryState, float]:
        if attempt > len(self._limits.waits_s):
            return DeliveryState.FAILED, 0.0
        wait_s = max(self._limits.waits_s[attempt - 1], min(asked_s, LONGEST_ASKED_S))
        return DeliveryState.PENDING, wait_s * (1 + self._limits.jitter * self._chance.random())
