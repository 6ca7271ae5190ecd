"""Any order of calls: both stores answer alike, tasks move only along legal transitions, fences only grow, progress does not go back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, replace
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
from infra_mind.model.workers import Alert
from infra_mind.tasks.alerts import WorkerFailure
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.objects import Objects
from infra_mind.tasks.records import DELAYED_STEP, RUNNING_STATES, TaskRecord
from infra_mind.tasks.redis import scripts
from infra_mind.tasks.redis.link import Link
from infra_mind.tasks.store import AgentUpdate, DispatcherInfo, Kept, Page, StoreLimits, TaskStore
from tests.contract.houses import AGENTS, MemoryHouse, RedisHouse

T = TypeVar("T")

TENANTS = ("acme", "rival", "third", "stranger")
HOMES = ("acme", "acme", "acme", "rival", "rival", "third")  # whose each assessment is
KEYS = ("acme", "acme", "rival", "third")  # whose each API key is
NUMBERS = st.integers(0, len(HOMES) - 1)
OWN = st.sampled_from([True, True, True, False])  # or a stranger asks
OFF = st.sampled_from(
    [0, 0, 0, -1, 1]
)  # from the task's own fence: mostly the holder, at times one before or after it
AGENT = st.sampled_from([*AGENTS, "stranger"])
STATES = st.sampled_from([None, *TaskState])
WAITED_S = st.sampled_from(
    [71, 311]
)  # no sum of them is a difference of handicaps: then milliseconds would decide
DELAYS = st.sampled_from([None, None, None, 97.0, 389.0])  # as above; nothing is due without such a wait
DAY_S = 86_400.0
# More than all waits of one example together: the memory's clock moves, the server's does not.
LONG = StoreLimits(
    lease_s=DAY_S, max_claims=3, max_queued_per_tenant=3, objects_above=3, object_grace_s=DAY_S, alert_after=2, alert_window_s=DAY_S, alert_ttl_s=DAY_S,
)  # fmt: skip


def is_time(name: str) -> bool:
    return name in ("at", "since", "not_before") or name.endswith("_at")


def timeless(value: Any) -> Any:
    """The same value with every time replaced by whether it is there."""
    if isinstance(value, dict):
        return {name: (item is not None) if is_time(name) else timeless(item) for name, item in value.items()}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def told(found: Any) -> Any:
    """What a store gave, without times and without the cursors that are made of them."""
    if isinstance(found, Page):
        return [told(item) for item in found.items], found.next_cursor is not None
    return timeless(found.model_dump(mode="json")) if isinstance(found, Task | Assessment | Alert) else found


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
        self.memory = MemoryHouse(LONG, Objects("memory://"))
        self.redis = self._run(self._open())
        self.seen: dict[str, Task] = {}
        self.fences: dict[str, int] = {}
        self.retry_told = False

    async def _open(self) -> RedisHouse:
        return RedisHouse(self.url, LONG, Objects("memory://"))

    def teardown(self) -> None:
        try:
            self._run(self._check_leaks())
        finally:
            self._run(self.redis.close())
            self._runner.close()

    async def _check_leaks(self) -> None:
        """No key without expiry names a task that has ended, or holds one; nothing of one that has not ended expires."""
        for task_id in [task_id for task_id, task in self.seen.items() if not task.state.ended]:
            for held in ("task", "kept"):
                assert await self.redis.raw.pttl(f"{self.redis.prefix}{held}:{task_id}") < 0, held
        ended = {task_id.encode() for task_id, task in self.seen.items() if task.state.ended}
        live = {task_id.encode() for task_id, task in self.seen.items() if not task.state.ended}
        raw: Any = self.redis.raw  # its types differ from one release to the next
        prefix = self.redis.prefix
        async for key in raw.scan_iter(f"{prefix}*"):
            if await raw.pttl(key) != -1:
                continue
            kind = await raw.type(key)
            members: list[bytes] = [key.rpartition(b":")[2]]
            if kind == b"zset":
                members += await raw.zrange(key, 0, -1)
            elif kind == b"set":
                members += await raw.smembers(key)
            if key.startswith(f"{prefix}runs:".encode()) and live.intersection(members):
                continue  # the runs of an assessment go together, when the last of them has ended
            assert not ended.intersection(members), f"{key!r} never expires"

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)

    def _both(self, name: str, *args: Any, **options: Any) -> Any:
        memory = self._run(self._outcome(self.memory.store, name, args, options))
        over_redis = self._run(self._outcome(self.redis.store, name, args, options))
        assert memory == over_redis, f"{name}: {memory} in memory, {over_redis} over Redis"
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

    def _asker(self, own: bool, number: int) -> str:
        """Whose the task is, or a stranger to it."""
        task = self.memory.record(f"t-{number}")
        return (task.tenant if task else HOMES[number]) if own else "stranger"

    def _at_fence(self, update: AgentUpdate) -> AgentUpdate:
        number = int(update.task_id.removeprefix("t-"))
        return replace(update, fence=self._fence(number, update.fence))

    # -- calls ------------------------------------------------------------------------------------------------------------

    @rule(
        own=OWN,
        number=NUMBERS,
        task=NUMBERS,
        priority=st.sampled_from(list(Priority)),
        delay_s=DELAYS,
        key=st.sampled_from([None, None, "k1", "k2"]),
    )
    def accept(
        self, own: bool, number: int, task: int, priority: Priority, delay_s: float | None, key: str | None
    ) -> None:
        self._run(self._draft(number))
        tenant, options = (
            HOMES[number] if own else "stranger",
            StartOptions(priority=priority, delay_s=delay_s),
        )
        self._both("accept", tenant, f"a-{number}", f"t-{task}", options, AGENTS, key)

    @rule(own=OWN, number=NUMBERS, new=NUMBERS, key=st.sampled_from([None, None, "k1", "k3"]))
    def replay(self, own: bool, number: int, new: int, key: str | None) -> None:
        self._both("replay", self._asker(own, number), f"t-{number}", f"t-{new}", AGENTS, key)

    @rule(number=NUMBERS)
    def flood(self, number: int) -> None:
        """Whatever the tenants have is started: they wait side by side."""
        for other, tenant in enumerate(HOMES):
            self._run(self._draft(other))
            self._both(
                "accept", tenant, f"a-{other}", f"t-{(number + other) % len(HOMES)}", StartOptions(), AGENTS
            )

    @rule(own=OWN, number=NUMBERS, data=st.binary(max_size=3), change=st.booleans())
    def save(self, own: bool, number: int, data: bytes, change: bool) -> None:
        if not own:  # it would be the stranger's for good
            self._run(self._draft(number))
        tenant = HOMES[number] if own else "stranger"
        self._both(f"{'change' if change else 'create'}_assessment", tenant, f"a-{number}", "n", data, 1)
        self._both("assessment_input", f"a-{number}")

    async def _draft(self, number: int) -> None:
        tenant = HOMES[number]
        for house in (self.memory, self.redis):
            try:
                await house.store.assessment(tenant, f"a-{number}")
            except InfraMindError:
                await self._outcome(
                    house.store, "create_assessment", (tenant, f"a-{number}", "n", b"", 0), {}
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
        data=st.sampled_from([b"few", b"many"]),
        is_agent=st.booleans(),
    )
    def keep(self, number: int, off: int, agent: str, inputs: str, data: bytes, is_agent: bool) -> None:
        said = (
            AgentUpdate(f"t-{number}", self._fence(number, off), agent, AgentState.DONE) if is_agent else None
        )
        self._both(
            "keep",
            f"t-{number}",
            self._fence(number, off),
            Kept(agent, inputs, data),
            agent=said,
            seconds=0.5,
        )

    @rule(
        number=NUMBERS,
        off=OFF,
        state=st.sampled_from([TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED]),
        failed=st.booleans(),
        result=st.sampled_from([b"r", b"a result"]),
        status=st.sampled_from(["", "partial"]),
    )
    def finish(
        self, number: int, off: int, state: TaskState, failed: bool, result: bytes, status: str
    ) -> None:
        error = TaskError(type="Boom", message="it broke") if failed else None
        fence = self._fence(number, off)
        self._both(
            "finish", f"t-{number}", fence, state, result=result, assessment_status=status, error=error
        )

    @rule()
    def sweep(self) -> None:
        self._both("sweep_objects")

    @rule(own=OWN, number=NUMBERS)
    def cancel(self, own: bool, number: int) -> None:
        self._both("cancel", self._asker(own, number), f"t-{number}")

    @rule(own=OWN, number=NUMBERS)
    def delete(self, own: bool, number: int) -> None:
        self._both("delete_assessment", HOMES[number] if own else "stranger", f"a-{number}")
        gone = [task_id for task_id in self.seen if self._view(self.memory.store, task_id) is None]
        for task_id in gone:
            del self.seen[task_id]
            self.fences.pop(task_id, None)

    @rule(tenant=st.sampled_from(TENANTS), state=STATES, limit=st.integers(0, 3))
    def look(self, tenant: str, state: TaskState | None, limit: int) -> None:
        self._both("tasks", tenant, state=state, limit=limit)
        self._both("assessments", tenant, limit=limit)

    @rule(name=st.sampled_from(["d", "e"]))
    def heartbeat(self, name: str) -> None:
        self._both("heartbeat", DispatcherInfo(name, "node", 1, 4))
        for house in (self.memory, self.redis):
            assert name in [one.name for one in self._run(house.store.dispatchers())]

    @rule(
        key=st.integers(0, len(KEYS) - 1),
        secret=st.sampled_from("xyz"),
        day=st.integers(1, 2),
        weight=st.sampled_from([1.0, 0.3, 4.0]),
        max_running=st.sampled_from([None, 1, 2]),
        max_queued=st.sampled_from([None, None, 1]),
        revoke=st.booleans(),
    )
    def api_keys(
        self,
        key: int,
        secret: str,
        day: int,
        weight: float,
        max_running: int | None,
        max_queued: int | None,
        revoke: bool,
    ) -> None:
        if revoke:
            self._both("revoke_key", f"k-{key}")
        else:
            made = ApiKey(
                key_id=f"k-{key}", tenant=KEYS[key], secret_sha256=f"{secret}{key}", created_at=f"2026-01-0{day}T00:00:00Z",
                weight=weight, max_running=max_running, max_queued=max_queued,
            )  # fmt: skip
            self._both("put_key", made)
        for letter in "xyz":
            self._both("key_by_secret", f"{letter}{key}")
        self._both("keys")

    @rule(key=st.integers(0, 1))
    def request(self, key: int) -> None:
        """One each 500 s: no sum of waits is a multiple of it."""
        waits = [
            self._run(house.store.take_request(f"k-{key}", 0.002)) for house in (self.memory, self.redis)
        ]
        assert waits[0] == pytest.approx(waits[1], abs=1.0)
        assert bool(waits[0]) == bool(waits[1])

    @rule(kind=st.sampled_from(["WorkerCrashed", "OutOfMemory"]), times=st.integers(1, 2))
    def worker_failed(self, kind: str, times: int) -> None:
        self._both("worker_failed", WorkerFailure(kind, "cost", "its process died", times), tell=True)
        alerts = [
            [told(one) for one in self._run(house.store.alerts())] for house in (self.memory, self.redis)
        ]
        assert alerts[0] == alerts[1]

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
        self._run(self._check_queue())
        self.retry_told = False

    def _check_tasks(self) -> None:
        for number in range(len(HOMES)):
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
                self._both("result", self._asker(True, number), task_id)
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
                tenant = self._asker(True, int(task_id.removeprefix("t-")))
                events = [one async for one in store.events(tenant, task_id) if one]
            assert [one.type for one in events].count("end") == 1
            return [(one.type, timeless(one.data)) for one in events]

        return self._run(collect())

    def _check_counts(self) -> None:
        self._both("counters")
        memory, over_redis = (self._run(house.store.queue_stats()) for house in (self.memory, self.redis))
        assert replace(memory, oldest_age_s={}) == replace(over_redis, oldest_age_s={})
        for house in (self.memory, self.redis):
            tasks = [task.task_id for one in TENANTS for task in self._run(house.store.tasks(one)).items]
            assert sorted(tasks) == sorted(self.seen)

    async def _check_queue(self) -> None:
        """What the queue counts is what the records say, and whose turn it is, is the same in both."""
        records = [task for n in range(len(HOMES)) if (task := self.memory.record(f"t-{n}"))]
        running = [task for task in records if task.state in RUNNING_STATES]
        queued = [task for task in records if task.state is TaskState.PENDING]
        waiting = [task for task in queued if task.step != DELAYED_STEP]
        found = await QueueInServer.read(self.redis)
        assert found.leases == ids(running)
        assert found.delayed == ids(task for task in queued if task.step == DELAYED_STEP)
        assert found.waiting == {one: ids(of(one, waiting)) for one in TENANTS}
        assert found.queues == {p: ids(task for task in waiting if task.priority is p) for p in Priority}
        counts = {one: (len(of(one, queued)), len(of(one, running))) for one in TENANTS}
        assert found.counts == counts
        for tenant, ttl in found.ttls.items():
            assert (ttl == -1) == any(counts[tenant]), f"the numbers of {tenant} expire in {ttl}"

        queue = self.memory._memory._state.queue
        lines = {one: line for one, line in queue._lines.items() if line.queued or line.running}
        assert {one: (line.queued, line.running) for one, line in lines.items()} == {
            one: count for one, count in counts.items() if any(count)
        }
        assert found.turns == queue._places
        limits = {one: queue.policy(one).max_running for one in TENANTS}
        assert set(found.turns) == {
            one
            for one in TENANTS
            if of(one, waiting) and (limits[one] is None or counts[one][1] < (limits[one] or 0))
        }
        assert (found.clock, found.entered) == (queue._clock, queue._entered)
        assert {one: found.turn_of[one] for one in lines} == {one: line.turn for one, line in lines.items()}


def ids(tasks: Iterable[TaskRecord]) -> set[str]:
    return {task.task_id for task in tasks}


def of(tenant: str, tasks: Iterable[TaskRecord]) -> list[TaskRecord]:
    return [task for task in tasks if task.tenant == tenant]


@dataclass(frozen=True)
class QueueInServer:
    """What the server's own keys say about the queue. `counts`: queued and running of each tenant; `ttls` in ms, -1 for none,
    of the tenants that have a key; `turns`: tenant to the turn of its next task."""

    leases: set[str]
    delayed: set[str]
    waiting: dict[str, set[str]]
    queues: dict[Priority, set[str]]
    counts: dict[str, tuple[int, int]]
    ttls: dict[str, int]
    turn_of: dict[str, int]
    turns: dict[str, int]
    clock: int
    entered: int

    @classmethod
    async def read(cls, house: RedisHouse) -> QueueInServer:
        prefix, pipeline = house.prefix, house.raw.pipeline(transaction=False)
        for name in (
            "leases",
            "delayed",
            *(f"waiting:{one}" for one in TENANTS),
            *(f"queue:{p.value}" for p in Priority),
        ):
            pipeline.zrange(prefix + name, 0, -1)
        for tenant in TENANTS:
            pipeline.hmget(f"{prefix}tenant:{tenant}", ["queued", "running", "turn"])
            pipeline.pttl(f"{prefix}tenant:{tenant}")
        pipeline.zrange(f"{prefix}turns", 0, -1, withscores=True)
        pipeline.hmget(f"{prefix}counters", ["clock", "entered"])
        answers = iter(await pipeline.execute())

        def members() -> set[str]:
            return {one.decode() for one in next(answers)}

        leases, delayed = members(), members()
        waiting, queues = {one: members() for one in TENANTS}, {p: members() for p in Priority}
        tenants = {one: ([int(n or 0) for n in next(answers)], next(answers)) for one in TENANTS}
        turns = {tenant.decode(): int(turn) for tenant, turn in next(answers)}
        clock, entered = (int(n or 0) for n in next(answers))
        return cls(
            leases, delayed, waiting, queues,
            counts={one: (numbers[0], numbers[1]) for one, (numbers, _) in tenants.items()},
            ttls={one: ttl for one, (_, ttl) in tenants.items() if ttl != -2},
            turn_of={one: numbers[2] for one, (numbers, _) in tenants.items()},
            turns=turns, clock=clock, entered=entered,
        )  # fmt: skip


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
