"""Any order of calls, deliveries among them: both stores tell every end once, and their logs are the same but for ids and times."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from infra_mind.errors import InfraMindError
from infra_mind.model.task import StartOptions
from infra_mind.model.webhook import Delivery, DeliveryState
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.store import TaskStore
from infra_mind.tasks.webhooks.outbox import Attempted
from tests.contract.houses import AGENTS
from tests.contract.test_store_machine import HOMES, NUMBERS, OFF, TENANTS, Stores

URLS = st.sampled_from([None, "https://one.example/", "https://two.example/"])
SAID = st.builds(
    Attempted,
    st.sampled_from(list(DeliveryState)),
    st.just(0.5),
    st.sampled_from([None, 200, 503]),
    st.sampled_from([None, "Timeout"]),
    st.just(30.0),
)


class Telling(Stores):
    """`ended`: ids of deliveries that have ended, of both stores; they must stay as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: dict[str, Delivery] = {}

    @rule(number=NUMBERS, task=NUMBERS, told=URLS)
    def accept_told(self, number: int, task: int, told: str | None) -> None:
        self._run(self._draft(number))
        self._both(
            "accept", HOMES[number], f"a-{number}", f"t-{task}", StartOptions(webhook_url=told), AGENTS
        )

    @rule(seconds=st.sampled_from([20.0, 100.0]))
    def outbox_ages(self, seconds: float) -> None:
        for house in (self.memory, self.redis):
            self._run(house.age_outbox(seconds))

    @rule(per_tenant=st.sampled_from([1, 9]))
    def due(self, per_tenant: int) -> None:
        counts = []
        for house in (self.memory, self.redis):
            options = {
                "lease_s": 60.0,
                "most_attempts": 3,
                "per_tenant": 9,
                "in_flight": dict.fromkeys(TENANTS, 9 - per_tenant),
            }
            if per_tenant == 1 and len(self._waiting(house.store)) != 1:
                return  # which of several comes first is a matter of ids, and those are each store's own
            found = self._run(house.store.due_deliveries(99, **options))  # type: ignore[arg-type]
            counts.append(
                sorted((one.task_id, one.state, one.status, one.error_type, one.attempt) for one in found)
            )
        assert counts[0] == counts[1]

    def _waiting(self, store: TaskStore) -> list[Delivery]:
        return [
            one
            for number in range(len(HOMES))
            for one in self._log(store, f"t-{number}")
            if one.next_attempt_at
        ]

    @rule(number=NUMBERS, which=st.integers(0, 1), off=OFF, said=SAID)
    def note(self, number: int, which: int, off: int, said: Attempted) -> None:
        taken = []
        for house in (self.memory, self.redis):
            log = self._log(house.store, f"t-{number}")
            if which >= len(log):
                return
            webhook_id = log[which].webhook_id
            attempt = self._attempt(number, which) + off
            taken.append(self._run(house.store.note_attempt(webhook_id, attempt, said)))
        assert taken[0] == taken[1]

    def _attempt(self, number: int, which: int) -> int:
        webhook_id = self._log(self.memory.store, f"t-{number}")[which].webhook_id
        return self.memory._memory._state.outbox.webhooks[webhook_id].attempt

    def _log(self, store: TaskStore, task_id: str) -> tuple[Delivery, ...]:
        try:
            tenant = self._asker(True, int(task_id.removeprefix("t-")))
            return self._run(store.deliveries(tenant, task_id))
        except InfraMindError:
            return ()

    @invariant()
    def both_tell_the_same(self) -> None:
        for number in range(len(HOMES)):
            memory, over_redis = (self._log(one.store, f"t-{number}") for one in (self.memory, self.redis))
            assert [_timeless(one) for one in memory] == [_timeless(one) for one in over_redis]
            task = self._view(self.memory.store, f"t-{number}")
            assert not memory or (task is not None and task.state.ended)
            assert (
                len({one.webhook_id for one in memory}) == len(memory) <= 1
            )  # a replay is a task of its own: one end, one delivery
            for one in (*memory, *over_redis):
                assert self.ended.get(one.webhook_id, one) == one
                if one.state is not DeliveryState.PENDING:
                    self.ended[one.webhook_id] = one


def _timeless(one: Delivery) -> dict[str, Any]:
    said = one.model_dump(exclude={"webhook_id", "created_at"})
    said["next_attempt_at"] = said["next_attempt_at"] is not None
    said["attempts"] = [{**attempt, "at": ""} for attempt in said["attempts"]]
    return said


def test_any_order_of_calls_with_deliveries_among_them(valkey: EmbeddedStore) -> None:
    class Machine(Telling):
        url = valkey.url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15, stateful_step_count=30, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
