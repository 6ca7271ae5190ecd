"""One claim from its input to its end, over the in-memory store and with steps in threads of this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from infra_mind.errors import TaskFailed, Unavailable
from infra_mind.model.task import AgentState, StartOptions, Task, TaskState
from infra_mind.tasks.execution import LocalExecutor, Outcome, Running, StepCall, StepFailed, StepStopped
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.plan import Plan, Step
from infra_mind.tasks.retry import RetryPolicy
from infra_mind.tasks.run_clock import task_limits
from infra_mind.tasks.runner import CLAIM, DAY, FAILURES, RunLimits, Stop, TaskRun
from infra_mind.tasks.store import AgentUpdate, Claim, Commit, Kept, StoreLimits
from tests.stores import wait_until

PLAN = Plan((
    Step("a", reads=("x",)), Step("b", reads=("x",)), Step("c", needs=("a",)), Step("sum", after=("a", "b", "c"), agent=False),
))  # fmt: skip
LIMITS = RunLimits(
    grace_s=0.05, confirm_s=2.0, store_pause_s=0.01, retry=RetryPolicy(attempts=3, base_s=0.01, cap_s=0.02)
)
Behaviour = Callable[[StepCall, Mapping[str, bytes], Callable[[], bool]], bytes]


class Bench:
    """A store with one accepted task, and steps that do what the test says."""

    def __init__(self, limits: RunLimits = LIMITS, plan: Plan = PLAN) -> None:
        self.store = MemoryStore(StoreLimits(lease_s=30))
        self.starts: Counter[str] = Counter()
        self.behaviour: dict[str, Behaviour] = {}
        self._limits, self._plan = limits, plan

    async def accept(self, options: StartOptions | None = None) -> None:
        await self.store.create_assessment("acme", "a-1", "one", b"input", 0)
        await self.store.accept("acme", "a-1", "t-1", options or StartOptions(), PLAN.agents)

    async def claim(self) -> Claim:
        (claim,) = await self.store.claim("d", 1)
        return claim

    def run_of(
        self, claim: Claim, executor: LocalExecutor | None = None, parts: Mapping[str, str] | None = None
    ) -> TaskRun:
        return TaskRun(
            claim, plan=self._plan, store=self.store, executor=executor or LocalExecutor(self._step, slots=4),
            limits=self._limits, parts=lambda data: parts or {"x": data.decode()}, chance=random.Random(1),
        )  # fmt: skip

    def _step(
        self, call: StepCall, data: bytes, results: Mapping[str, bytes], stopped: Callable[[], bool]
    ) -> bytes:
        self.starts[call.step] += 1
        act = self.behaviour.get(call.step)
        return act(call, results, stopped) if act else f"{call.step}({','.join(sorted(results))})".encode()

    async def has_started(self, step: str, *, done: str) -> bool:
        return bool(self.starts[step]) and (await self.task()).info.agents[done].state is AgentState.DONE

    async def task(self) -> Task:
        return await self.store.task("acme", "t-1")


def fails(error: Exception) -> Behaviour:
    def act(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        raise error

    return act


def stubborn(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
    """Goes on until it is asked to stop."""
    pause = threading.Event()
    while not stopped():
        pause.wait(0.005)
    raise StepStopped


async def test_each_step_gets_the_results_it_waits_for() -> None:
    bench = Bench()
    seen: dict[str, set[str]] = {}

    def note(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        seen[call.step] = set(results)
        return b"r"

    bench.behaviour = {"c": note, "sum": note}
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    assert seen["c"] == {"a"}
    assert seen["sum"] >= {"a", "b", "c", FAILURES}


async def test_a_run_ends_with_the_last_step_as_its_result() -> None:
    bench = Bench()
    bench.behaviour["sum"] = lambda call, results, stopped: b"the result"
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    assert await bench.store.result("acme", "t-1") == b"the result"
    assert (await bench.store.assessment("acme", "a-1")).status == "completed"


async def test_a_failed_step_that_nobody_needs_makes_the_result_partial_and_is_told_to_the_last_step() -> (
    None
):
    bench = Bench()
    told: list[object] = []

    def keep(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        told.extend(json.loads(results[FAILURES]))
        return b"r"

    bench.behaviour = {"b": fails(StepFailed("Broken", "no luck", retryable=False)), "sum": keep}
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    assert (await bench.store.assessment("acme", "a-1")).status == "partial"
    assert told == [{"agent": "b", "error_type": "Broken", "message": "no luck", "attempt": 1}]
    assert (await bench.task()).info.agents["b"].state is AgentState.FAILED


async def test_a_failed_step_that_others_need_fails_the_task_with_its_reason() -> None:
    bench = Bench()
    bench.behaviour["a"] = fails(StepFailed("Broken", "no luck", retryable=False))
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    with pytest.raises(TaskFailed, match="no luck"):
        await bench.store.result("acme", "t-1")
    assert bench.starts["c"] == 0


async def test_fewer_agents_than_wanted_fail_the_task() -> None:
    bench = Bench(RunLimits(min_agents=3, retry=RetryPolicy(attempts=1)))
    bench.behaviour["b"] = fails(StepFailed("Broken", "no luck", retryable=False))
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    task = await bench.task()
    assert task.error is not None
    assert task.error.type == "TooFewAgents"


async def test_a_retryable_failure_is_tried_again_and_said_so() -> None:
    bench = Bench()

    def flaky(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        if call.attempt < 3:
            raise StepFailed("Flaky", f"attempt {call.attempt}", retryable=True)
        return b"r"

    bench.behaviour["a"] = flaky
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    events = [event async for event in bench.store.events("acme", "t-1") if event]
    changes = [e.data["agents"]["a"] for e in events if "a" in e.data["agents"]]
    reasons = [change["reason"] for change in changes if change["state"] == "RETRY"]
    assert (await bench.task()).state is TaskState.SUCCESS
    assert bench.starts["a"] == 3
    assert [reason.partition(";")[0] for reason in reasons] == ["Flaky: attempt 1", "Flaky: attempt 2"]


async def test_a_step_that_never_gets_well_ends_after_its_attempts() -> None:
    bench = Bench()
    bench.behaviour["b"] = fails(StepFailed("Flaky", "again", retryable=True))
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    assert bench.starts["b"] == 3


async def test_what_an_earlier_claim_kept_is_not_reckoned_again() -> None:
    bench = Bench()
    await bench.accept()
    bench.behaviour["c"] = stubborn
    run = bench.run_of(await bench.claim())
    running = asyncio.create_task(run.run())
    await wait_until("b is done and c runs", lambda: bench.has_started("c", done="b"))
    run.stop(Stop.DRAIN)
    await running
    del bench.behaviour["c"]
    await bench.run_of(await bench.claim()).run()
    assert (await bench.task()).state is TaskState.SUCCESS
    assert bench.starts == {"a": 1, "b": 1, "c": 2, "sum": 1}


async def test_a_kept_result_of_other_inputs_is_reckoned_again() -> None:
    bench = Bench()
    await bench.accept()
    first = await bench.claim()
    other = Kept("a", "of other inputs", b"old")
    assert await bench.store.keep("t-1", first.fence, other, agent=None, seconds=0.0) is Commit.DONE
    await bench.run_of(first).run()
    assert bench.starts["a"] == 1


async def test_cancel_ends_as_revoked_and_the_rest_never_starts() -> None:
    bench = Bench()
    bench.behaviour["a"] = stubborn
    await bench.accept()
    run = bench.run_of(await bench.claim())
    running = asyncio.create_task(run.run())
    await wait_until("b is done and a runs", lambda: bench.has_started("a", done="b"))
    await bench.store.cancel("acme", "t-1")
    run.stop(Stop.CANCEL)
    await running
    assert (await bench.task()).state is TaskState.REVOKED
    assert bench.starts["c"] == 0


async def test_a_run_that_lost_its_lease_writes_nothing_more() -> None:
    bench = Bench()
    bench.behaviour["a"] = stubborn
    await bench.accept()
    run = bench.run_of(await bench.claim())
    running = asyncio.create_task(run.run())
    await wait_until("b is done and a runs", lambda: bench.has_started("a", done="b"))
    before = await bench.task()
    run.stop(Stop.LOST)
    await running
    assert await bench.task() == before


def deaf(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
    """Does not stop at once when it is asked."""
    pause = threading.Event()
    while not stopped():
        pause.wait(0.005)
    pause.wait(0.3)
    raise StepStopped


async def test_over_its_hard_limit_a_task_fails_and_says_so() -> None:
    bench = Bench()
    bench.behaviour["a"] = deaf
    await bench.accept(StartOptions(hard_limit_s=0.05))
    await bench.run_of(await bench.claim()).run()
    task = await bench.task()
    assert task.error is not None
    assert (task.state, task.error.type) == (TaskState.FAILURE, "TimeLimitExceeded")


async def test_over_its_soft_limit_what_runs_is_asked_to_stop_and_what_is_there_counts() -> None:
    bench = Bench()
    bench.behaviour["b"] = stubborn
    await bench.accept(StartOptions(soft_limit_s=0.05))
    await bench.run_of(await bench.claim()).run()
    assert (await bench.task()).info.agents["b"].reason.startswith("SoftTimeLimitExceeded")
    assert (await bench.store.assessment("acme", "a-1")).status == "partial"


async def test_while_the_store_is_away_a_run_waits_with_its_commits() -> None:
    class Away(MemoryStore):
        missing = 3

        async def keep(
            self, task_id: str, fence: int, kept: Kept, *, agent: AgentUpdate | None, seconds: float
        ) -> Commit:
            if self.missing:
                self.missing -= 1
                raise Unavailable("away")
            return await super().keep(task_id, fence, kept, agent=agent, seconds=seconds)

    bench = Bench()
    bench.store = Away(StoreLimits(lease_s=30))
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    assert (await bench.task()).state is TaskState.SUCCESS
    assert bench.starts == {"a": 1, "b": 1, "c": 1, "sum": 1}


class SlowKeeps(MemoryStore):
    """Takes the result of `a` only when the test lets it."""

    def __init__(self) -> None:
        super().__init__(StoreLimits(lease_s=30))
        self.go_on = asyncio.Event()
        self.kept_steps: list[str] = []

    async def keep(
        self, task_id: str, fence: int, kept: Kept, *, agent: AgentUpdate | None, seconds: float
    ) -> Commit:
        if kept.step == "a":
            await self.go_on.wait()
        self.kept_steps.append(kept.step)
        return await super().keep(task_id, fence, kept, agent=agent, seconds=seconds)


async def test_the_next_step_runs_while_a_result_is_on_its_way_to_the_store_and_the_end_waits_for_it() -> (
    None
):
    bench, store = Bench(), SlowKeeps()
    bench.store = store
    await bench.accept()
    running = asyncio.create_task(bench.run_of(await bench.claim()).run())

    async def all_have_run() -> bool:
        return bench.starts == {"a": 1, "b": 1, "c": 1, "sum": 1}

    await wait_until("all steps have run", all_have_run)
    assert not (await bench.task()).state.ended
    assert "a" not in store.kept_steps
    store.go_on.set()
    await running
    assert (await bench.task()).state is TaskState.SUCCESS
    assert sorted(store.kept_steps) == ["a", "b", "c"]


async def test_an_error_of_the_engine_itself_ends_the_task_with_its_name() -> None:
    bench = Bench()
    await bench.accept()

    def broken(data: bytes) -> dict[str, str]:
        raise KeyError("brief")

    run = TaskRun(
        await bench.claim(), plan=PLAN, store=bench.store, executor=LocalExecutor(bench._step, slots=4), limits=LIMITS,
        parts=broken, chance=random.Random(1),
    )  # fmt: skip
    await run.run()
    task = await bench.task()
    assert task.error is not None
    assert task.error.type == "KeyError"


async def test_what_was_kept_after_a_failed_step_is_not_reckoned_again() -> None:
    after_failed = Plan((
        Step("a"), Step("b"), Step("c", after=("b",)), Step("sum", after=("a", "b", "c"), agent=False),
    ))  # fmt: skip
    bench = Bench(plan=after_failed)
    bench.behaviour = {"b": fails(StepFailed("Broken", "no luck", retryable=False)), "a": stubborn}
    await bench.accept()
    run = bench.run_of(await bench.claim())
    running = asyncio.create_task(run.run())
    await wait_until("c is done after b failed, and a runs", lambda: bench.has_started("a", done="c"))
    run.stop(Stop.DRAIN)
    await running
    del bench.behaviour["a"]
    await bench.run_of(await bench.claim()).run()
    assert bench.starts["c"] == 1
    assert (await bench.store.assessment("acme", "a-1")).status == "partial"


async def test_an_agent_that_failed_in_one_claim_and_got_well_in_the_next_is_done() -> None:
    bench = Bench()
    bench.behaviour = {"b": fails(StepFailed("Broken", "no luck", retryable=False)), "c": stubborn}
    await bench.accept()
    run = bench.run_of(await bench.claim())
    running = asyncio.create_task(run.run())
    await wait_until("a is done and c runs", lambda: bench.has_started("c", done="a"))
    run.stop(Stop.LOST)
    await running
    await bench.store.release("t-1", 1)
    bench.behaviour = {}
    await bench.run_of(await bench.claim()).run()
    task = await bench.task()
    assert task.state is TaskState.SUCCESS
    assert task.info.agents["b"].state is AgentState.DONE


async def test_a_retry_that_spans_the_soft_limit_does_not_start_again() -> None:
    bench = Bench(replace(LIMITS, retry=RetryPolicy(attempts=3, base_s=0.3, cap_s=0.3)))
    bench.behaviour["b"] = fails(StepFailed("Flaky", "again", retryable=True))
    await bench.accept(StartOptions(soft_limit_s=0.05))
    await bench.run_of(await bench.claim()).run()
    assert bench.starts["b"] == 1
    assert (await bench.store.assessment("acme", "a-1")).status == "partial"


class Queue(LocalExecutor):
    """A cluster whose slots are all taken, or that has scaled to none: what is started waits until `free`."""

    def __init__(self, bench: Bench, *, slots: int) -> None:
        super().__init__(bench._step, slots=slots)
        self.free, self.looks = asyncio.Event(), 0

    def start(self, call: StepCall, begun: Callable[[], None]) -> Running:
        return Queued(self.free, partial(super().start, call, begun))

    async def slots(self) -> int:
        self.looks += 1
        return await super().slots()


class Queued:
    def __init__(self, free: asyncio.Event, start: Callable[[], Running]) -> None:
        self._free, self._start, self._stopped = free, start, False
        self._running: Running | None = None

    async def outcome(self) -> Outcome:
        await self._free.wait()
        if self._running is None and self._stopped:
            raise StepStopped
        self._running = self._running or self._start()
        return await self._running.outcome()

    async def stop(self, *, force: bool) -> None:
        self._stopped = True
        if self._running:
            await self._running.stop(force=force)
        self._free.set()


async def test_a_task_that_never_got_a_slot_waits_on_instead_of_failing() -> None:
    bench = Bench()
    await bench.accept(StartOptions(hard_limit_s=0.05))
    await bench.run_of(await bench.claim(), Queue(bench, slots=0)).run()
    assert (await bench.task()).state is TaskState.PENDING
    assert not bench.starts


async def behind_others(bench: Bench) -> asyncio.Task[None]:
    """A run whose steps have waited behind those of others for as long as its hard limit, and begin now."""
    executor = Queue(bench, slots=4)
    running = asyncio.create_task(bench.run_of(await bench.claim(), executor).run())

    async def waited() -> bool:
        return executor.looks > 0

    await wait_until("its hard limit would be over", waited)
    executor.free.set()
    return running


async def test_what_a_task_waits_behind_others_before_anything_of_it_runs_does_not_count() -> None:
    bench = Bench()
    await bench.accept(StartOptions(hard_limit_s=1.0))
    await (await behind_others(bench))
    assert (await bench.task()).state is TaskState.SUCCESS


async def test_the_hard_limit_counts_from_the_first_step_that_runs() -> None:
    bench = Bench()
    bench.behaviour["a"] = deaf
    await bench.accept(StartOptions(soft_limit_s=0.04, hard_limit_s=0.05))
    await (await behind_others(bench))
    task = await bench.task()
    assert task.error is not None
    assert task.error.type == "TimeLimitExceeded"


class Silent(LocalExecutor):
    """Does not see when a step begins, as Ray does not."""

    def start(self, call: StepCall, begun: Callable[[], None]) -> Running:
        return super().start(call, lambda: None)


async def test_whatever_may_run_first_has_the_limits_of_the_task() -> None:
    """For nobody but the step itself knows that it runs. What comes after it has its own only."""
    bench = Bench()
    limits: dict[str, tuple[float | None, float | None]] = {}

    def note(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        limits[call.step] = call.soft_s, call.hard_s
        return b"r"

    bench.behaviour = dict.fromkeys(("a", "b", "c", "sum"), note)
    await bench.accept(StartOptions(soft_limit_s=100, hard_limit_s=200, agent_soft_limit_s=150))
    await bench.run_of(await bench.claim(), Silent(bench._step, slots=4)).run()
    assert limits == {"a": (100, 200), "b": (100, 200), "c": (150, None), "sum": (None, None)}


async def test_what_makes_the_result_is_never_asked_to_stop_even_if_it_runs_first() -> None:
    bench = Bench(plan=Plan((Step("sum", agent=False),)))
    limits: list[tuple[float | None, float | None]] = []

    def note(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        limits.append((call.soft_s, call.hard_s))
        return b"r"

    bench.behaviour["sum"] = note
    await bench.accept(StartOptions(soft_limit_s=100, hard_limit_s=200))
    await bench.run_of(await bench.claim(), Silent(bench._step, slots=4)).run()
    assert limits == [(None, 200)]


async def test_a_first_step_that_was_ended_at_the_limit_of_the_task_ends_the_task() -> None:
    """By any other count it would go on for an hour: `b` does not stop by itself."""
    bench = Bench()
    over = StepFailed("TimeLimitExceeded", "ran longer than its hard limit", retryable=False)
    bench.behaviour = {"a": fails(over), "b": stubborn}
    await bench.accept(StartOptions(soft_limit_s=3_000, hard_limit_s=3_600))
    await bench.run_of(await bench.claim(), Silent(bench._step, slots=4)).run()
    task = await bench.task()
    assert task.error is not None
    assert task.error.message == "ran longer than its hard limit of 3600 s; its processes were ended"


async def test_starts_that_ended_with_their_process_are_attempts() -> None:
    """Two crashes and then an error: the third of three attempts."""
    bench = Bench()
    bench.behaviour["b"] = fails(StepFailed("Flaky", "no luck", retryable=True, attempts=3))
    await bench.accept()
    await bench.run_of(await bench.claim()).run()
    assert bench.starts["b"] == 1
    assert (await bench.task()).info.agents["b"].attempt == 3


def lingers(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
    """Goes on until it is asked to stop, and gives what it has."""
    pause = threading.Event()
    while not stopped():
        pause.wait(0.005)
    return b"half"


async def test_an_agent_over_its_own_soft_limit_fails_alone() -> None:
    bench = Bench()
    bench.behaviour["b"] = stubborn
    await bench.accept(StartOptions(agent_soft_limit_s=0.05))
    await bench.run_of(await bench.claim()).run()
    agents = (await bench.task()).info.agents
    assert (agents["b"].state, agents["c"].state) == (AgentState.FAILED, AgentState.DONE)
    assert agents["b"].reason == "SoftTimeLimitExceeded: asked to stop at its soft limit of 0.05 s"
    assert (await bench.store.assessment("acme", "a-1")).status == "partial"


async def test_what_an_agent_had_at_its_soft_limit_counts_but_is_not_gone_on_from() -> None:
    bench = Bench()
    bench.behaviour["b"] = lingers
    await bench.accept(StartOptions(agent_soft_limit_s=0.05))
    await bench.run_of(await bench.claim()).run()
    assert (await bench.store.assessment("acme", "a-1")).status == "partial"
    assert (await bench.store.kept("t-1"))["b"].data == b"half"
    del bench.behaviour["b"]
    await bench.store.replay("acme", "t-1", "t-2", PLAN.agents)
    await bench.run_of(await bench.claim()).run()
    assert dict(bench.starts) == {"a": 1, "b": 2, "c": 1, "sum": 2}
    assert (await bench.store.assessment("acme", "a-1")).status == "completed"
    assert (await bench.store.task("acme", "t-2")).info.agents["a"].note == "kept from an earlier run"


DATED = Plan(
    (Step("a", reads=("x", DAY)), Step("b", reads=("x",)), Step("sum", after=("a", "b"), agent=False))
)


def days_told(bench: Bench) -> list[str]:
    """Every run of `a` adds the day that it is told; `b` is told none."""
    seen: list[str] = []

    def look(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        seen.append(json.loads(results[CLAIM])["created_at"][:10])
        return b"the same"

    def none(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        assert CLAIM not in results
        return b"b"

    bench.behaviour |= {"a": look, "b": none}
    return seen


async def test_a_step_that_reads_the_day_is_told_when_its_task_was_accepted() -> None:
    bench = Bench(plan=DATED)
    await bench.accept()
    seen = days_told(bench)
    await bench.run_of(replace(await bench.claim(), created_at="2026-11-25T23:59:59.999+00:00")).run()
    assert seen == ["2026-11-25"]


@pytest.mark.parametrize(("kept_on", "runs"), [("2026-11-25", 0), ("2026-11-24", 1)])
async def test_what_was_kept_holds_on_its_own_day_alone(kept_on: str, runs: int) -> None:
    bench = Bench(plan=DATED)
    await bench.accept()
    seen = days_told(bench)
    claim = replace(await bench.claim(), created_at="2026-11-25T08:00:00.000+00:00")
    marks = DATED.inputs_hash(DATED.by_name["a"], {"x": "input", DAY: kept_on}, {})
    kept = Kept("a", marks, b"the same")
    assert await bench.store.keep("t-1", claim.fence, kept, agent=None, seconds=0.0) is Commit.DONE
    await bench.run_of(claim).run()
    assert len(seen) == runs


async def test_a_cancel_ends_a_wait_for_the_next_attempt() -> None:
    """The wait is an hour: the test would not end."""
    slow = replace(LIMITS, retry=RetryPolicy(attempts=3, base_s=3_600, cap_s=3_600))
    bench = Bench(slow)
    bench.behaviour["b"] = fails(StepFailed("Flaky", "no luck", retryable=True))
    await bench.accept()
    run = bench.run_of(await bench.claim())
    running = asyncio.create_task(run.run())

    async def waits() -> bool:
        return (await bench.task()).state is TaskState.RETRY

    await wait_until("an attempt waits", waits)
    run.stop(Stop.CANCEL)
    await running
    assert (await bench.task()).state is TaskState.REVOKED
    assert bench.starts["b"] == 1


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        (StartOptions(), (600, 900)),
        (StartOptions(soft_limit_s=1_200), (1_200, 1_800)),
        (StartOptions(soft_limit_s=60), (60, 900)),
        (StartOptions(hard_limit_s=300), (200, 300)),
        (StartOptions(hard_limit_s=3_600), (600, 3_600)),
        (StartOptions(soft_limit_s=10, hard_limit_s=11), (10, 11)),
    ],
)
def test_a_limit_that_was_given_leaves_the_other_one_sensible(
    given: StartOptions, limits: tuple[float, float]
) -> None:
    assert task_limits(given, 600, 900) == limits


@pytest.mark.parametrize(
    ("why", "state"),
    [(Stop.CANCEL, TaskState.REVOKED), (Stop.DRAIN, TaskState.PENDING), (None, TaskState.FAILURE)],
)
async def test_a_result_that_cannot_be_stored_does_not_hold_the_run_for_ever(
    why: Stop | None, state: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where results lie is away; the store itself is not. Without an asker the hard limit ends it."""
    bench = Bench()
    finish, tries = bench.store.finish, asyncio.Event()

    async def away(task_id: str, fence: int, end: TaskState, **more: Any) -> Commit:
        if end is TaskState.SUCCESS:
            tries.set()
            raise Unavailable("the object storage is away")
        return await finish(task_id, fence, end, **more)

    monkeypatch.setattr(bench.store, "finish", away)
    await bench.accept(StartOptions(hard_limit_s=0.5 if why is None else 60, soft_limit_s=0.4))
    run = bench.run_of(await bench.claim())
    running = asyncio.create_task(run.run())
    await tries.wait()
    if why:
        if why is Stop.CANCEL:
            await bench.store.cancel("acme", "t-1")
        run.stop(why)
    async with asyncio.timeout(10):
        await running
    assert (await bench.task()).state is state


class LosesCancels(MemoryStore):
    """The answer to RETRY comes at the moment at which its caller is cancelled: `asyncio.wait_for` gives it back on Python 3.11."""

    def __init__(self, limits: StoreLimits) -> None:
        super().__init__(limits)
        self.asked = asyncio.Event()

    async def update(self, updates: Sequence[AgentUpdate]) -> list[bool]:
        taken = await super().update(updates)
        if any(one.state is AgentState.RETRY for one in updates):
            self.asked.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return taken


@pytest.mark.parametrize("wait_s", [0.001, 3_600.0])
async def test_a_cancel_that_is_lost_on_its_way_begins_no_attempt_and_no_wait(wait_s: float) -> None:
    bench = Bench(replace(LIMITS, retry=RetryPolicy(attempts=3, base_s=wait_s, cap_s=wait_s)))
    store = bench.store = LosesCancels(StoreLimits(lease_s=30))
    bench.behaviour = dict.fromkeys("ab", fails(StepFailed("Flaky", "again", retryable=True)))
    await bench.accept()
    run = bench.run_of(await bench.claim())
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(run.run())
        await store.asked.wait()
        run.stop(Stop.CANCEL)
    assert max(bench.starts.values()) == 1
    assert (await bench.task()).state is TaskState.REVOKED


class LosesCancelsInErrors(MemoryStore):
    """Is away, and says so at the moment at which its caller is cancelled."""

    def __init__(self, limits: StoreLimits) -> None:
        super().__init__(limits)
        self.asked = asyncio.Event()

    async def kept(self, task_id: str) -> dict[str, Kept]:
        self.asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        raise Unavailable("away")


@pytest.mark.parametrize("why", [Stop.LOST, Stop.CANCEL, Stop.DRAIN])
async def test_a_cancel_that_is_lost_while_the_store_is_away_ends_the_run(why: Stop) -> None:
    bench = Bench()
    store = bench.store = LosesCancelsInErrors(StoreLimits(lease_s=30))
    await bench.accept()
    run = bench.run_of(await bench.claim())
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(run.run())
        await store.asked.wait()
        run.stop(why)
    assert not bench.starts


PORTIONED = Plan((
    Step("read", reads=("x",), agent=False, divided=True), Step("a", needs=("read",)), Step("b"), Step("c"),
    Step("sum", after=("a", "b", "c"), agent=False),
))  # fmt: skip
PARTS = {"x": "input", "x.1-2": "input", "x.3-3": "input"}


async def test_a_divided_step_gets_what_its_portions_gave_in_their_order() -> None:
    bench, seen = Bench(plan=PORTIONED), list[str]()

    def note(call: StepCall, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        seen.extend(results)
        return b"r"

    bench.behaviour["read"] = note
    await bench.accept()
    await bench.run_of(await bench.claim(), parts=PARTS).run()
    assert seen == ["read.1-2", "read.3-3"]
    assert (await bench.task()).state is TaskState.SUCCESS


async def test_of_a_divided_step_only_the_portions_that_are_missing_are_read_again() -> None:
    bench = Bench(plan=PORTIONED)
    bench.behaviour["read.3-3"] = stubborn
    await bench.accept()
    first = bench.run_of(claim := await bench.claim(), parts=PARTS)
    running = asyncio.create_task(first.run())

    async def kept() -> bool:
        return "read.1-2" in await bench.store.kept(claim.task_id)

    await wait_until("one portion is kept", kept)
    first.stop(Stop.DRAIN)
    await running
    bench.behaviour.clear()
    await bench.run_of(await bench.claim(), parts=PARTS).run()
    assert (bench.starts["read.1-2"], bench.starts["read.3-3"], bench.starts["read"]) == (1, 2, 1)
    assert (await bench.task()).state is TaskState.SUCCESS


async def test_a_cancel_stops_every_portion() -> None:
    bench = Bench(plan=PORTIONED)
    bench.behaviour = {"read.1-2": stubborn, "read.3-3": stubborn}
    await bench.accept()
    run = bench.run_of(await bench.claim(), parts=PARTS)
    running = asyncio.create_task(run.run())

    async def both_run() -> bool:
        return bool(bench.starts["read.1-2"] and bench.starts["read.3-3"])

    await wait_until("both run", both_run)
    run.stop(Stop.CANCEL)
    await running
    assert (await bench.task()).state is TaskState.REVOKED
    assert bench.starts["read"] == 0


async def test_a_portion_that_cannot_be_read_fails_the_task_with_its_reason() -> None:
    bench = Bench(plan=PORTIONED)
    bench.behaviour["read.3-3"] = fails(StepFailed("WorkerCrashed", "its process died", retryable=False))
    await bench.accept()
    await bench.run_of(await bench.claim(), parts=PARTS).run()
    with pytest.raises(TaskFailed, match=r"read\.3-3 failed and others need it: its process died"):
        await bench.store.result("acme", "t-1")
