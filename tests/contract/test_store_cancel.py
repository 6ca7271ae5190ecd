"""Cancelling in every state."""

from __future__ import annotations

import asyncio

import pytest

from infra_mind.errors import Conflict, NotFound, TaskFailed
from infra_mind.model.task import AgentState, TaskState
from infra_mind.tasks.store import AgentUpdate, Commit, Kept, Renewal, TaskStore
from tests.contract.houses import House, accept, accept_and_claim


async def test_a_waiting_task_is_revoked_at_once(store: TaskStore) -> None:
    await accept(store, "1")
    assert await store.cancel("acme", "t-1") is TaskState.REVOKED
    task = await store.task("acme", "t-1")
    assert (task.state, task.info.progress, task.queue_position) == ("REVOKED", 0.0, None)
    assert {agent.state for agent in task.info.agents.values()} == {AgentState.REVOKED}
    assert await store.claim("d", 5) == []
    assert (await store.assessment("acme", "a-1")).status == "cancelled"
    with pytest.raises(TaskFailed) as failed:
        await store.result("acme", "t-1")
    assert failed.value.state == "REVOKED"


async def test_a_running_task_is_asked_to_stop(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.DONE)])
    assert await store.cancel("acme", "t-1") is TaskState.PROGRESS
    assert (await store.task("acme", "t-1")).cancel_requested
    assert await store.renew([("t-1", 1)]) == [Renewal.CANCEL]
    assert await store.finish("t-1", 1, TaskState.REVOKED) == Commit.DONE
    task = await store.task("acme", "t-1")
    assert task.state == "REVOKED"
    assert {name: agent.state.value for name, agent in task.info.agents.items()} == {
        "cloud": "DONE",
        "cost": "REVOKED",
    }


@pytest.mark.parametrize("agent", [None, AgentState.RUNNING, AgentState.RETRY])
async def test_cancelling_again_while_it_stops_is_no_error(
    store: TaskStore, agent: AgentState | None
) -> None:
    await accept_and_claim(store, "1")
    if agent is not None:
        await store.update([AgentUpdate("t-1", 1, "cloud", agent)])
    first = await store.cancel("acme", "t-1")
    assert await store.cancel("acme", "t-1") is first
    assert not first.ended


async def test_success_after_a_cancel_changes_nothing(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.cancel("acme", "t-1")
    before = await store.task("acme", "t-1")
    assert await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r") == Commit.CANCELLED
    assert await store.task("acme", "t-1") == before
    with pytest.raises(Conflict):
        await store.result("acme", "t-1")


async def test_what_was_done_before_the_stop_is_kept_for_a_replay(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.cancel("acme", "t-1")
    assert await store.keep("t-1", 1, Kept("cloud", "h", b"d"), agent=None, seconds=0) == Commit.DONE
    await store.finish("t-1", 1, TaskState.REVOKED)
    assert set(await store.kept("t-1")) == {"cloud"}


async def test_a_cancelled_task_whose_holder_is_lost_is_revoked_not_run(house: House) -> None:
    store = house.store
    await accept_and_claim(store, "1")
    await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 10)])
    await store.cancel("acme", "t-1")
    await house.end_leases()
    assert await store.claim("other", 5) == []
    task = await store.task("acme", "t-1")
    assert task.state == "REVOKED"
    assert {agent.state for agent in task.info.agents.values()} == {AgentState.REVOKED}


@pytest.mark.parametrize("end", [TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED])
async def test_an_ended_task_cannot_be_cancelled(store: TaskStore, end: TaskState) -> None:
    await accept_and_claim(store, "1")
    await store.finish("t-1", 1, end, result=b"r")
    with pytest.raises(Conflict) as refused:
        await store.cancel("acme", "t-1")
    assert refused.value.state == end


async def test_unknown_and_foreign_tasks_are_not_found(store: TaskStore) -> None:
    await accept(store, "1")
    for tenant, task_id in (("other", "t-1"), ("acme", "t-2")):
        with pytest.raises(NotFound):
            await store.cancel(tenant, task_id)
    assert (await store.task("acme", "t-1")).state == "PENDING"


async def test_cancel_and_claim_at_once_end_in_one_of_two_ways(store: TaskStore) -> None:
    for i in range(20):
        await accept(store, f"{i}")
        state, claims = await asyncio.gather(store.cancel("acme", f"t-{i}"), store.claim("d", 1))
        if claims:
            assert not state.ended
            assert await store.finish(f"t-{i}", 1, TaskState.SUCCESS, result=b"r") == Commit.CANCELLED
        else:
            assert state is TaskState.REVOKED
