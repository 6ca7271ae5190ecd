"""Any order of calls: both stores answer alike, tasks move only along legal transitions, fences only grow, progress does not go back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from infra_mind.errors import InfraMindError
from infra_mind.model.task import (
    TRANSITIONS,
    AgentState,
    ApiKey,
    Assessment,
    Priority,
    StartOptions,
    Task,
    TaskError,
    TaskState,
)
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.redis import scripts
from infra_mind.tasks.redis.link import Link
from infra_mind.tasks.store import AgentUpdate, DispatcherInfo, Kept, Page, StoreLimits, TaskStore
from tests.contract.houses import AGENTS, MemoryHouse, RedisHouse

T = TypeVar("T")

NUMBERS = st.integers(0, 3)
OFF = st.sampled_from(
    [0, 0, 0, -1, 1]
)  # from the task's own fence: mostly the holder, at times one before or after it
AGENT = st.sampled_from([*AGENTS, "stranger"])
TENANTS = st.sampled_from(["acme", "acme", "acme", "rival"])
STATES = st.sampled_from([None, *TaskState])
WAITED_S = st.sampled_from(
    [71, 311]
)  # no sum of them is a difference of handicaps: then milliseconds would decide
TIMES = ("created_at", "started_at", "ended_at", "expires_at", "updated_at", "at")


def timeless(value: Any) -> Any:
    """The same value with every time replaced by whether it is there."""
    if isinstance(value, dict):
        return {name: (item is not None) if name in TIMES else timeless(item) for name, item in value.items()}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def told(found: Any) -> Any:
    """What a store gave, without times and without the cursors that are made of them."""
    if isinstance(found, Page):
        return [told(item) for item in found.items], found.next_cursor is not None
    return timeless(found.model_dump(mode="json")) if isinstance(found, Task | Assessment) else found


# Called in test_store_webhooks_machine.py and in the contract tests of webhooks and schedules.
ELSEWHERE = {
    "create_schedule", "delete_schedule", "deliveries", "due_deliveries", "enable_schedule", "fire_schedule", "note_attempt",
    "schedules", "webhook_secret",
}  # fmt: skip


class Stores(RuleBasedStateMachine):
    """Every call goes to both; what they answer or raise must be the same, but for the times."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        limits = StoreLimits(max_claims=3, max_queued_per_tenant=3)
        self.memory = MemoryHouse(limits)
        self.redis = self._run(self._open(limits))
        self.seen: dict[str, Task] = {}
        self.fences: dict[str, int] = {}
        self.retry_told = False

    async def _open(self, limits: StoreLimits) -> RedisHouse:
        return RedisHouse(self.url, limits)

    def teardown(self) -> None:
        try:
            self._run(self._check_leaks())
        finally:
            self._run(self.redis.close())
            self._runner.close()

    async def _check_leaks(self) -> None:
        """No key without expiry names a task that has ended, or holds one."""
        ended = {task_id.encode() for task_id, task in self.seen.items() if task.state.ended}
        raw, prefix = self.redis.raw, self.redis.prefix
        async for key in raw.scan_iter(f"{prefix}*"):
            if await raw.pttl(key) != -1:
                continue
            kind = await raw.type(key)
            members: list[bytes] = [key.rpartition(b":")[2]]
            if kind == b"zset":
                members += await raw.zrange(key, 0, -1)  # type: ignore[arg-type] # without scores
            elif kind == b"set":
                members += await raw.smembers(key)  # type: ignore[arg-type] # as above
            assert not ended.intersection(members), f"{key!r} never expires"

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)

    def _both(self, name: str, *args: Any, **options: Any) -> Any:
        memory = self._run(self._outcome(self.memory.store, name, args, options))
        over_redis = self._run(self._outcome(self.redis.store, name, args, options))
        assert memory == over_redis
        return memory

    async def _outcome(
        self, store: TaskStore, name: str, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        try:
            found = await getattr(store, name)(*args, **options)
        except InfraMindError as error:
            return type(error).__name__, str(error)
        if name == "claim":
            return [(c.task_id, c.fence, c.attempt, c.cancel_requested) for c in found]
        return told(found)

    def _fence(self, number: int, off: int) -> int:
        """What the holder of the task has, so many claims off. Zero for an unknown task."""
        task = self.memory.record(f"t-{number}")
        return max(0, (task.fence if task else 0) + off)

    def _at_fence(self, update: AgentUpdate) -> AgentUpdate:
        number = int(update.task_id.removeprefix("t-"))
        return replace(update, fence=self._fence(number, update.fence))

    # -- calls ------------------------------------------------------------------------------------------------------------

    @rule(
        tenant=TENANTS,
        number=NUMBERS,
        task=NUMBERS,
        priority=st.sampled_from(list(Priority)),
        key=st.sampled_from([None, "k1", "k2"]),
    )
    def accept(self, tenant: str, number: int, task: int, priority: Priority, key: str | None) -> None:
        self._run(self._draft(number))
        self._both("accept", tenant, f"a-{number}", f"t-{task}", StartOptions(priority=priority), AGENTS, key)

    @rule(tenant=TENANTS, number=NUMBERS, data=st.binary(max_size=3), change=st.booleans())
    def save(self, tenant: str, number: int, data: bytes, change: bool) -> None:
        self._both(f"{'change' if change else 'create'}_assessment", tenant, f"a-{number}", "n", data, 1)
        self._both("assessment_input", f"a-{number}")

    async def _draft(self, number: int) -> None:
        for house in (self.memory, self.redis):
            try:
                await house.store.assessment("acme", f"a-{number}")
            except InfraMindError:
                await self._outcome(
                    house.store, "create_assessment", ("acme", f"a-{number}", "n", b"", 0), {}
                )

    @rule(limit=st.integers(0, 3))
    def claim(self, limit: int) -> None:
        for task_id, fence, _, _ in self._both("claim", "d", limit):
            assert fence > self.fences.get(task_id, 0)
            self.fences[task_id] = fence

    @rule()
    def leases_run_out(self) -> None:
        self._run(self.memory.end_leases())
        self._run(self.redis.end_leases())

    @rule(seconds=WAITED_S)
    def it_takes_a_while(self, seconds: int) -> None:
        """In the queue and beyond every lease: the memory's clock is one."""
        for house in (self.memory, self.redis):
            self._run(house.age_queue(seconds))
            self._run(house.end_leases())

    @rule(held=st.lists(st.tuples(NUMBERS, OFF), max_size=4))
    def renew(self, held: list[tuple[int, int]]) -> None:
        self._both("renew", [(f"t-{number}", self._fence(number, off)) for number, off in held])

    @rule(number=NUMBERS, off=OFF)
    def release(self, number: int, off: int) -> None:
        self._both("release", f"t-{number}", self._fence(number, off))

    @rule(
        updates=st.lists(
            st.builds(
                AgentUpdate,
                NUMBERS.map("t-{}".format),
                OFF,
                AGENT,
                st.sampled_from(list(AgentState)),
                st.floats(-10, 110),
                st.integers(1, 3),
                st.sampled_from(["", "reads"]),
            ),
            max_size=5,
        )
    )
    def update(self, updates: list[AgentUpdate]) -> None:
        self.retry_told = any(one.state is AgentState.RETRY for one in updates)
        self._both("update", [self._at_fence(one) for one in updates])

    @rule(
        number=NUMBERS,
        off=OFF,
        agent=st.sampled_from(AGENTS),
        inputs=st.sampled_from("xy"),
        is_agent=st.booleans(),
    )
    def keep(self, number: int, off: int, agent: str, inputs: str, is_agent: bool) -> None:
        said = (
            AgentUpdate(f"t-{number}", self._fence(number, off), agent, AgentState.DONE) if is_agent else None
        )
        self._both(
            "keep",
            f"t-{number}",
            self._fence(number, off),
            Kept(agent, inputs, b"data"),
            agent=said,
            seconds=0.5,
        )

    @rule(
        number=NUMBERS,
        off=OFF,
        state=st.sampled_from([TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED]),
        failed=st.booleans(),
    )
    def finish(self, number: int, off: int, state: TaskState, failed: bool) -> None:
        error = TaskError(type="Boom", message="it broke") if failed else None
        self._both("finish", f"t-{number}", self._fence(number, off), state, result=b"r", error=error)

    @rule(tenant=TENANTS, number=NUMBERS)
    def cancel(self, tenant: str, number: int) -> None:
        self._both("cancel", tenant, f"t-{number}")

    @rule(tenant=TENANTS, number=NUMBERS)
    def delete(self, tenant: str, number: int) -> None:
        self._both("delete_assessment", tenant, f"a-{number}")
        gone = [task_id for task_id in self.seen if self._view(self.memory.store, task_id) is None]
        for task_id in gone:
            del self.seen[task_id]
            self.fences.pop(task_id, None)

    @rule(tenant=TENANTS, state=STATES, limit=st.integers(0, 3))
    def look(self, tenant: str, state: TaskState | None, limit: int) -> None:
        self._both("tasks", tenant, state=state, limit=limit)
        self._both("assessments", tenant, limit=limit)

    @rule(name=st.sampled_from(["d", "e"]))
    def heartbeat(self, name: str) -> None:
        self._both("heartbeat", DispatcherInfo(name, "node", 1, 4))
        for house in (self.memory, self.redis):
            assert name in [one.name for one in self._run(house.store.dispatchers())]

    @rule(key=NUMBERS, secret=st.sampled_from("xyz"), revoke=st.booleans())
    def api_keys(self, key: int, secret: str, revoke: bool) -> None:
        if revoke:
            self._both("revoke_key", f"k-{key}")
        else:
            made = ApiKey(key_id=f"k-{key}", tenant="acme", secret_sha256=f"{secret}{key}", created_at="2026-01-01T00:00:00Z")  # fmt: skip
            self._both("put_key", made)
        for letter in "xyz":
            self._both("key_by_secret", f"{letter}{key}")
        self._both("keys")

    # -- what always holds ------------------------------------------------------------------------------------------------

    def _view(self, store: TaskStore, task_id: str) -> Task | None:
        async def look() -> Task | None:
            try:
                return await store.task(None, task_id)
            except InfraMindError:
                return None

        return self._run(look())

    @invariant()
    def both_hold_the_same(self) -> None:
        self._check_tasks()
        self._check_counts()
        self.retry_told = False

    def _check_tasks(self) -> None:
        for number in range(4):
            task_id = f"t-{number}"
            memory, over_redis = (self._view(house.store, task_id) for house in (self.memory, self.redis))
            assert (memory is None) == (over_redis is None)
            if memory is None or over_redis is None:
                self.seen.pop(task_id, None)  # removed with its assessment, the id may come again
                self.fences.pop(task_id, None)
                continue
            assert timeless(memory.model_dump(mode="json")) == timeless(over_redis.model_dump(mode="json"))
            self._check_move(task_id, memory)
            self._both("kept", task_id)
            if memory.state.ended:
                self._both("result", "acme", task_id)
                assert self._told(self.memory.store, task_id) == self._told(self.redis.store, task_id)

    def _check_move(self, task_id: str, now: Task) -> None:
        before = self.seen.get(task_id)
        self.seen[task_id] = now
        if before is None or before == now:
            return
        assert not before.state.ended
        assert now.state in TRANSITIONS[before.state] | {before.state}
        assert self.retry_told or now.info.progress >= before.info.progress

    def _told(self, store: TaskStore, task_id: str) -> list[Any]:
        async def collect() -> list[Any]:
            async with asyncio.timeout(10):
                events = [one async for one in store.events("acme", task_id) if one]
            assert [one.type for one in events].count("end") == 1
            return [(one.type, timeless(one.data)) for one in events]

        return self._run(collect())

    def _check_counts(self) -> None:
        self._both("counters")
        memory, over_redis = (self._run(house.store.queue_stats()) for house in (self.memory, self.redis))
        assert (memory.depth, memory.running, memory.retrying) == (
            over_redis.depth,
            over_redis.running,
            over_redis.retrying,
        )
        for house in (self.memory, self.redis):
            tasks = [task.task_id for task in self._run(house.store.tasks("acme")).items]
            assert sorted(tasks) == sorted(self.seen)


def test_any_order_of_calls(valkey: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    called, command = set[str](), Link._command

    def note(self: Link, name: str, *args: Any) -> Any:
        called.add(name)
        return command(self, name, *args)

    monkeypatch.setattr(Link, "_command", note)

    class Machine(Stores):
        url = valkey.url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert called == set(scripts.NAMES) - ELSEWHERE, "a script that no rule of this machine calls"
