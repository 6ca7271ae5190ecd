"""The plan of a task: legal orders, what may start, what is still valid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.tasks.plan import Plan, PlanError, Step, order

DIAMOND = Plan(
    (Step("a"), Step("b", needs=("a",)), Step("c", needs=("a",)), Step("d", needs=("b",), after=("c",)))
)


def names(steps: list[Step]) -> list[str]:
    return [step.name for step in steps]


def test_what_needs_nothing_starts_at_once() -> None:
    assert names(DIAMOND.ready(done=(), failed=(), started=())) == ["a"]


def test_a_step_starts_as_soon_as_what_it_needs_is_done() -> None:
    assert names(DIAMOND.ready(done={"a"}, failed=(), started={"b"})) == ["c"]


def test_a_failed_step_that_is_only_waited_for_does_not_hold_others_back() -> None:
    assert names(DIAMOND.ready(done={"a", "b"}, failed={"c"}, started=())) == ["d"]


def test_a_failed_step_that_is_needed_blocks_those_behind_it_all_the_way() -> None:
    assert DIAMOND.blocked(failed={"a"}) == {"b", "c", "d"}


def test_only_steps_that_others_cannot_do_without_are_needed() -> None:
    assert DIAMOND.needed == {"a", "b", "d"}


def test_steps_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(PlanError, match="wait for each other"):
        order([Step("a", needs=("b",)), Step("b", needs=("a",))])


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(PlanError, match="a stands twice"):
        Plan((Step("a"), Step("a")))


def test_a_step_before_what_it_waits_for_is_refused() -> None:
    with pytest.raises(PlanError, match="b waits for a"):
        Plan((Step("b", after=("a",)), Step("a")))


def test_the_inputs_hash_changes_with_what_the_step_reads() -> None:
    step = Step("x", reads=("budget",))
    plan = Plan((step,))
    assert plan.inputs_hash(step, {"budget": "1"}, {}) != plan.inputs_hash(step, {"budget": "2"}, {})


def test_the_inputs_hash_does_not_change_with_what_the_step_does_not_read() -> None:
    step = Step("x", reads=("budget",))
    plan = Plan((step,))
    assert plan.inputs_hash(step, {"budget": "1", "goal": "1"}, {}) == plan.inputs_hash(
        step, {"budget": "1"}, {}
    )


def test_the_inputs_hash_changes_with_the_results_it_gets_and_with_the_version() -> None:
    step = DIAMOND.by_name["d"]
    hashes = {
        DIAMOND.inputs_hash(step, {}, {"b": "1", "c": "1"}),
        DIAMOND.inputs_hash(step, {}, {"b": "2", "c": "1"}),
        DIAMOND.inputs_hash(step, {}, {"b": "1"}),
        DIAMOND.inputs_hash(Step("d", needs=("b",), after=("c",), version=2), {}, {"b": "1", "c": "1"}),
    }
    assert len(hashes) == 4


@given(st.lists(st.lists(st.integers(0, 11), max_size=4), min_size=1, max_size=12))
def test_order_puts_everything_behind_what_it_waits_for(waits: list[list[int]]) -> None:
    steps = [Step(str(i), needs=tuple({str(w) for w in row if w < i})) for i, row in enumerate(waits)]
    plan = Plan(order(list(reversed(steps))))
    assert {step.name for step in plan.steps} == {step.name for step in steps}


@given(st.lists(st.lists(st.integers(0, 11), max_size=4), min_size=1, max_size=12), st.randoms())
def test_running_whatever_is_ready_reaches_every_step_once(waits: list[list[int]], chance: object) -> None:
    steps = [Step(str(i), needs=tuple({str(w) for w in row if w < i})) for i, row in enumerate(waits)]
    plan, done = Plan(tuple(steps)), list[str]()
    while ready := plan.ready(done=done, failed=(), started=()):
        done.append(chance.choice(ready).name)  # type: ignore[attr-defined]
    assert sorted(done) == sorted(step.name for step in steps)


def test_what_another_release_kept_is_not_gone_on_from() -> None:
    step = Step("a", reads=("x",))
    hashes = {Plan((step,), release=name).inputs_hash(step, {"x": "1"}, {}) for name in ("1.0", "1.1")}
    assert len(hashes) == 2


def test_steps_that_wait_share_a_slot_and_a_task_counts_at_least_one() -> None:
    waiting = tuple(Step(f"w{number}", waits=True) for number in range(17))
    assert Plan(waiting[:8]).width == 1
    assert Plan(waiting).width == 2
    assert Plan((Step("a"), Step("b"), *waiting[:8])).width == 3


DIVIDED = Plan(
    (
        Step("read", reads=("files",), version=3, agent=False, divided=True),
        Step("a", needs=("read",)),
        Step("last", after=("read", "a"), agent=False),
    )
)
PORTIONED = {"files": "1", "files.1-9": "1", "files.10-12": "1", "name": "2", "filesystem.x": "3"}


def test_a_divided_step_needs_one_for_each_portion_of_what_it_reads() -> None:
    plan = DIVIDED.divided(PORTIONED)
    assert [step.name for step in plan.steps] == ["read.1-9", "read.10-12", "read", "a", "last"]
    assert plan.by_name["read.1-9"] == Step("read.1-9", reads=("files.1-9",), version=3, agent=False)
    assert plan.by_name["read"].needs == ("read.1-9", "read.10-12")
    assert (plan.last, plan.agents, plan.release) == (DIVIDED.last, DIVIDED.agents, DIVIDED.release)


def test_without_portions_a_plan_stays_as_it_is() -> None:
    assert DIVIDED.divided({"files": "1"}) is DIVIDED
    assert Plan((Step("a", reads=("files",)),)).divided(PORTIONED).by_name.keys() == {"a"}


def test_a_portion_that_was_kept_holds_as_long_as_its_part_of_the_input() -> None:
    def kept_for(mark: str) -> str:
        plan = DIVIDED.divided({"files.1-9": mark})
        return plan.inputs_hash(plan.by_name["read.1-9"], {"files.1-9": mark}, {})

    assert kept_for("1") == kept_for("1") != kept_for("2")
