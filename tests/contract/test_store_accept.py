"""Accepting: one atomic step, idempotent, bounded, ordered."""

from __future__ import annotations

import asyncio

import pytest

from infra_mind.errors import Conflict, NotFound, TooMany
from infra_mind.model.task import Priority, StartOptions, TaskState
from infra_mind.tasks.store import Accepted, StoreLimits, TaskStore
from tests.contract.houses import AGENTS, House, accept, accept_and_claim


async def test_an_accepted_task_waits(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    options = StartOptions(priority=Priority.HIGH, soft_limit_s=5.0, hard_limit_s=9.5)
    assert await store.accept("acme", "a-1", "t-1", options, AGENTS) == Accepted("t-1", True)
    task = await store.task("acme", "t-1")
    assert (task.state, task.attempt, task.priority, task.queue_position) == ("PENDING", 0, "high", 1)
    assert (task.name, task.info.assessment_id, task.info.progress) == ("Clinic", "a-1", 0.0)
    assert task.info.current_step == "queued_for_processing"
    assert {name: agent.state.value for name, agent in task.info.agents.items()} == dict.fromkeys(
        AGENTS, "WAITING"
    )
    assessment = await store.assessment("acme", "a-1")
    assert (assessment.status, assessment.task_id) == ("in_progress", "t-1")
    (claim,) = await store.claim("d", 5)
    assert (claim.options, claim.agents, claim.created_at) == (options, AGENTS, task.created_at)


async def test_an_active_assessment_is_not_accepted_twice(store: TaskStore) -> None:
    await accept(store, "1")
    with pytest.raises(Conflict):
        await store.accept("acme", "a-1", "t-2", StartOptions(), AGENTS)
    with pytest.raises(NotFound):
        await store.task("acme", "t-2")


async def test_the_same_accept_sent_again_is_one_task(store: TaskStore) -> None:
    """What the client of the store does when the answer to the first was lost."""
    await accept(store, "1")
    assert await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS) == Accepted("t-1", True)
    assert len(await store.claim("d", 10)) == 1
    assert (await store.counters()).accepted == 1


async def test_a_task_id_of_another_assessment_is_a_conflict(store: TaskStore) -> None:
    await accept(store, "1")
    await store.create_assessment("acme", "a-2", "Other", b"x", 0)
    with pytest.raises(Conflict):
        await store.accept("acme", "a-2", "t-1", StartOptions(), AGENTS)
    assert (await store.assessment("acme", "a-2")).status == "draft"


async def test_fifty_accepts_with_one_key_make_one_task(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    answers = await asyncio.gather(
        *(store.accept("acme", "a-1", f"t-{i}", StartOptions(), AGENTS, "key") for i in range(50))
    )
    assert len({answer.task_id for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert len(await store.claim("d", 100)) == 1


async def test_fifty_accepts_without_a_key_make_one_task(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    answers = await asyncio.gather(
        *(store.accept("acme", "a-1", f"t-{i}", StartOptions(), AGENTS) for i in range(50)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Accepted) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 49


async def test_a_key_answers_its_first_task_even_after_the_end(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS, "key")
    await store.cancel("acme", "t-1")
    assert await store.accept("acme", "a-1", "t-2", StartOptions(), AGENTS, "key") == Accepted("t-1", False)


async def test_a_key_for_another_assessment_is_a_conflict(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    await store.create_assessment("acme", "a-2", "Other", b"x", 0)
    await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS, "key")
    with pytest.raises(Conflict):
        await store.accept("acme", "a-2", "t-2", StartOptions(), AGENTS, "key")


async def test_a_key_with_other_options_is_a_conflict(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    options = StartOptions(priority=Priority.HIGH, not_before="2999-01-01T00:00:00")
    await store.accept("acme", "a-1", "t-1", options, AGENTS, "key")
    assert (await store.accept("acme", "a-1", "t-2", options, AGENTS, "key")).task_id == "t-1"
    with pytest.raises(Conflict, match="other options"):
        await store.accept("acme", "a-1", "t-3", StartOptions(priority=Priority.LOW), AGENTS, "key")


async def test_a_key_of_a_start_or_of_another_replay_is_a_conflict_for_a_replay(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    for number in (1, 2):
        await store.accept("acme", "a-1", f"t-{number}", StartOptions(), AGENTS, f"key-{number}")
        await store.cancel("acme", f"t-{number}")
    first = await store.replay("acme", "t-1", "t-3", AGENTS, "key-3")
    assert await store.replay("acme", "t-1", "t-4", AGENTS, "key-3") == Accepted(first.task_id, False)
    await store.cancel("acme", "t-3")
    for task_id, key in (("t-2", "key-3"), ("t-1", "key-1")):
        with pytest.raises(Conflict, match="another replay"):
            await store.replay("acme", task_id, "t-5", AGENTS, key)


async def test_the_same_task_again_while_it_is_being_deleted_is_not_accepted(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS)
    await store.claim("d", 1)
    await store.delete_assessment("acme", "a-1")
    with pytest.raises(NotFound):
        await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS)


async def test_keys_of_two_tenants_do_not_meet(store: TaskStore) -> None:
    for tenant in ("acme", "other"):
        await store.create_assessment(tenant, f"a-{tenant}", "x", b"x", 0)
        answer = await store.accept(tenant, f"a-{tenant}", f"t-{tenant}", StartOptions(), AGENTS, "key")
        assert answer == Accepted(f"t-{tenant}", True)


async def test_an_ended_assessment_may_be_started_again(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.finish("t-1", claim.fence, TaskState.SUCCESS, result=b"first")
    await store.accept("acme", "a-1", "t-2", StartOptions(), AGENTS)
    assert (await store.assessment("acme", "a-1")).task_id == "t-2"
    assert (await store.assessment("acme", "a-1")).status == "in_progress"
    assert await store.result("acme", "t-1") == b"first"


@pytest.mark.parametrize("limits", [StoreLimits(max_queued_per_tenant=2)])
async def test_the_queue_of_a_tenant_is_bounded(store: TaskStore) -> None:
    await accept(store, "1")
    await accept(store, "2")
    with pytest.raises(TooMany):
        await accept(store, "3")
    assert (await store.assessment("acme", "a-3")).status == "draft"
    await accept(store, "4", tenant="other")
    await store.claim("d", 1)
    await store.accept("acme", "a-3", "t-3", StartOptions(), AGENTS)
    with pytest.raises(TooMany):
        await accept(store, "5")


async def test_one_priority_is_first_come_first_served(store: TaskStore) -> None:
    names = [await accept(store, f"{9 - i}") for i in range(9)]
    assert [claim.task_id for claim in await store.claim("d", 9)] == names


async def test_priorities_order_the_claim(store: TaskStore) -> None:
    for priority in (Priority.LOW, Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL):
        await accept(store, priority.value, priority)
    claims = await store.claim("d", 4)
    assert [claim.priority.value for claim in claims] == ["critical", "high", "medium", "low"]


@pytest.mark.parametrize(
    ("older", "waited_s", "first"),
    [
        (Priority.LOW, 895, "t-new"),
        (Priority.LOW, 905, "t-old"),
        (Priority.MEDIUM, 295, "t-new"),
        (Priority.MEDIUM, 305, "t-old"),
        (Priority.HIGH, 55, "t-new"),
        (Priority.HIGH, 65, "t-old"),
    ],
)
async def test_what_waits_long_enough_comes_before_a_fresh_critical_one(
    house: House, older: Priority, waited_s: float, first: str
) -> None:
    await accept(house.store, "old", older)
    await house.age_queue(waited_s)
    await accept(house.store, "new", Priority.CRITICAL)
    assert (await house.store.task("acme", first)).queue_position == 1
    (claim,) = await house.store.claim("d", 1)
    assert claim.task_id == first


async def test_queue_positions_follow_the_order_of_claims(store: TaskStore) -> None:
    for i, priority in enumerate(
        [Priority.LOW, Priority.HIGH, Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL]
    ):
        await accept(store, str(i), priority)
    positions = {f"t-{i}": (await store.task("acme", f"t-{i}")).queue_position for i in range(5)}
    order = [claim.task_id for claim in await store.claim("d", 5)]
    assert [positions[task_id] for task_id in order] == [1, 2, 3, 4, 5]
    assert (await store.task("acme", order[0])).queue_position is None
