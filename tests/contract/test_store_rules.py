"""Rules of both stores that no other test held, as the mutations of the scripts have shown (`tests/chaos/mutations.py`)."""

from __future__ import annotations

import pytest

from infra_mind.errors import NotFound, TooMany
from infra_mind.model.task import AgentState
from infra_mind.tasks.store import AgentUpdate, StoreLimits, TaskStore
from tests.contract.houses import House, accept, accept_and_claim
from tests.stores import wait_until


@pytest.mark.parametrize("limits", [StoreLimits(max_queued_per_tenant=1)])
async def test_a_task_cancelled_while_it_waits_leaves_its_place_in_the_queue(store: TaskStore) -> None:
    await accept(store, "1")
    with pytest.raises(TooMany):
        await accept(store, "2")
    await store.cancel("acme", "t-1")
    await accept(store, "3")


@pytest.mark.parametrize("limits", [StoreLimits(max_queued_per_tenant=1)])
async def test_a_released_task_takes_its_place_in_the_queue_again(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    assert await store.release("t-1", claim.fence)
    with pytest.raises(TooMany):
        await accept(store, "2")


async def test_a_released_task_has_no_lease_that_could_run_out(house: House) -> None:
    store = house.store
    claim = await accept_and_claim(store, "1")
    assert await store.release("t-1", claim.fence)
    assert (await store.queue_stats()).running == 0
    await house.end_leases()
    assert [one.fence for one in await store.claim("other", 5)] == [claim.fence + 1]


@pytest.mark.parametrize(("told", "taken"), [(1, False), (2, True)])
async def test_what_was_said_of_an_attempt_before_it_failed_may_come_after(
    store: TaskStore, told: int, taken: bool
) -> None:
    claim = await accept_and_claim(store, "1")

    async def say(state: AgentState, attempt: int) -> list[bool]:
        return await store.update([AgentUpdate("t-1", claim.fence, "cloud", state, 50.0, attempt)])

    assert await say(AgentState.RUNNING, 1) == [True]
    assert await say(AgentState.RETRY, 1) == [True]
    assert await say(AgentState.RUNNING, told) == [taken]
    state = (await store.task(None, "t-1")).info.agents["cloud"].state
    assert state is (AgentState.RUNNING if taken else AgentState.RETRY)


@pytest.mark.parametrize("limits", [StoreLimits(draft_ttl_s=1.0)])
async def test_what_was_started_outlives_a_draft_made_after_it(store: TaskStore) -> None:
    await accept(store, "1")
    await store.create_assessment("acme", "a-later", "Later", b"x", 0)

    async def gone() -> bool:
        try:
            await store.assessment("acme", "a-later")
        except NotFound:
            return True
        return False

    await wait_until("the later draft has expired", gone)
    assert (await store.assessment("acme", "a-1")).status == "in_progress"
    assert await store.assessment_input("a-1") == b"brief"
