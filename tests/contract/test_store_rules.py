"""Rules of both stores that no other test held, as the mutations of the scripts have shown (`tests/chaos/mutations.py`)."""

from __future__ import annotations

import pytest

from infra_mind.errors import Gone, NotFound, TooMany
from infra_mind.model.task import AgentState, Priority, StartOptions, TaskError, TaskState
from infra_mind.tasks.store import AgentUpdate, Kept, StoreLimits, TaskStore
from tests.contract.houses import AGENTS, House, accept, accept_and_claim
from tests.contract.test_store_queue import api_key
from tests.stores import wait_until

SECOND = StoreLimits(result_ttl_s=1.0, draft_ttl_s=1.0)


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
    await wait_until("the later draft has expired", lambda: is_gone(store, "a-later"))
    assert (await store.assessment("acme", "a-1")).status == "in_progress"
    assert await store.assessment_input("a-1") == b"brief"


async def is_gone(store: TaskStore, assessment: str) -> bool:
    try:
        await store.assessment("acme", assessment)
    except NotFound:
        return True
    return False


# What lasts for ever is shown by something else of the same age that is gone.


@pytest.mark.parametrize("limits", [SECOND])
async def test_a_result_is_gone_when_a_draft_made_after_it_is(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.finish("t-1", claim.fence, TaskState.SUCCESS, result=b"r")
    await store.create_assessment("acme", "a-later", "Later", b"x", 0)
    await wait_until("the later draft has expired", lambda: is_gone(store, "a-later"))
    with pytest.raises(Gone):
        await store.result("acme", "t-1")


@pytest.mark.parametrize("limits", [SECOND])
async def test_a_draft_is_gone_when_a_result_that_came_after_it_is(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.create_assessment("acme", "a-draft", "Draft", b"x", 0)
    await store.finish("t-1", claim.fence, TaskState.SUCCESS, result=b"r")

    async def result_gone() -> bool:
        try:
            await store.result("acme", "t-1")
        except Gone:
            return True
        return False

    await wait_until("the result has expired", result_gone)
    assert await is_gone(store, "a-draft")


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=1.0)])
async def test_what_a_replay_begins_with_outlives_what_it_comes_from(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.keep("t-1", claim.fence, Kept("cloud", "h", b"kept"), agent=None, seconds=0)
    await store.finish("t-1", claim.fence, TaskState.FAILURE, error=TaskError(type="Boom", message="m"))
    await store.replay("acme", "t-1", "t-2", AGENTS)

    async def expired() -> bool:
        return not await store.kept("t-1")

    await wait_until("what was kept has expired", expired)
    assert set(await store.kept("t-2")) == {"cloud"}


# -- the queue ------------------------------------------------------------------------------------------------------------


async def test_what_is_claimed_does_not_count_as_waiting(store: TaskStore) -> None:
    await accept(store, "1")
    await accept(store, "2")
    await store.claim("d", 1)
    assert (await store.queue_stats()).depth[Priority.MEDIUM] == 1


async def test_a_limit_that_is_raised_lets_what_waits_run(store: TaskStore) -> None:
    await store.put_key(api_key("acme", 1, max_running=1))
    await accept(store, "1")
    await accept(store, "2")
    assert len(await store.claim("d", 5)) == 1
    await store.put_key(api_key("acme", 2, max_running=2))
    assert [claim.task_id for claim in await store.claim("d", 5)] == ["t-2"]


async def test_what_is_given_back_is_not_charged_to_its_tenant(store: TaskStore) -> None:
    await accept(store, "1")
    await accept(store, "2")
    await accept(store, "3", tenant="rival")
    (claim,) = await store.claim("d", 1)
    assert await store.release("t-1", claim.fence)
    assert [one.task_id for one in await store.claim("d", 1)] == ["t-1"]


async def delayed(store: TaskStore, name: str) -> None:
    await store.create_assessment("acme", f"a-{name}", name, b"brief", 0)
    await store.accept("acme", f"a-{name}", f"t-{name}", StartOptions(delay_s=60), AGENTS)


async def test_what_was_delayed_waits_from_its_time_on_and_not_from_when_it_was_accepted(
    house: House,
) -> None:
    await delayed(house.store, "1")
    await accept(house.store, "2")
    await house.age_queue(100)
    await accept(house.store, "3")
    await house.age_queue(50)
    assert [claim.task_id for claim in await house.store.claim("d", 5)] == ["t-2", "t-1", "t-3"]


async def test_the_events_say_when_what_was_delayed_joins_the_queue(house: House) -> None:
    await delayed(house.store, "1")
    await house.age_queue(61)
    (claim,) = await house.store.claim("d", 1)
    await house.store.finish("t-1", claim.fence, TaskState.REVOKED)
    steps = [one.data["current_step"] async for one in house.store.events("acme", "t-1") if one]
    assert steps == ["delayed", "queued_for_processing", "starting", "cancelled"]
