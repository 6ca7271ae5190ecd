"""Claims, leases and fences; what a holder may write and a former holder may not."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from infra_mind.errors import Conflict, Gone, NotFound, TaskFailed
from infra_mind.model.task import AgentState, TaskError, TaskState
from infra_mind.tasks.store import AgentUpdate, Commit, Kept, Renewal, StoreLimits, TaskStore
from tests.contract.houses import House, accept, accept_and_claim
from tests.stores import wait_until


def said(fence: int, agent: str, state: AgentState, progress: float = 0.0, attempt: int = 1) -> AgentUpdate:
    return AgentUpdate("t-1", fence, agent, state, progress, attempt, note=f"{agent} {progress:g}")


async def agent_view(store: TaskStore, agent: str) -> tuple[str, float]:
    found = (await store.task(None, "t-1")).info.agents[agent]
    return found.state.value, found.progress


# -- claim ----------------------------------------------------------------------------------------------------------------


async def test_a_claim_starts_the_task(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    assert (claim.fence, claim.attempt, claim.cancel_requested) == (1, 1, False)
    task = await store.task("acme", "t-1")
    assert (task.state, task.attempt, task.queue_position) == ("STARTED", 1, None)
    assert task.started_at is not None


async def test_fifty_claimers_never_share_a_task(store: TaskStore) -> None:
    expected = {await accept(store, str(i)) for i in range(40)}
    answers = await asyncio.gather(*(store.claim(f"d-{i}", 3) for i in range(50)))
    claimed = [claim.task_id for answer in answers for claim in answer]
    assert len(claimed) == 40
    assert set(claimed) == expected


async def test_an_empty_queue_and_a_limit_of_none_give_nothing(store: TaskStore) -> None:
    assert await store.claim("d", 5) == []
    await accept(store, "1")
    assert await store.claim("d", 0) == []


@pytest.mark.parametrize("limits", [StoreLimits(lease_s=0.05)])
async def test_a_lease_runs_out_by_the_clock(store: TaskStore) -> None:
    await accept_and_claim(store, "1")

    async def claimed_again() -> bool:
        return [claim.fence for claim in await store.claim("other", 1)] == [2]

    await wait_until("the lease has run out and another takes it", claimed_again)


async def test_a_lost_task_is_claimed_before_the_queue_with_its_agents_waiting(house: House) -> None:
    store = house.store
    claim = await accept_and_claim(store, "1")
    await store.update([said(1, "cloud", AgentState.RUNNING, 40), said(1, "cost", AgentState.RETRY, 10)])
    await accept(store, "2")
    await house.end_leases()
    (again,) = await store.claim("other", 1)
    assert (again.task_id, again.fence, again.attempt) == ("t-1", claim.fence + 1, 2)
    assert await agent_view(store, "cloud") == ("WAITING", 40.0)
    assert await agent_view(store, "cost") == ("WAITING", 10.0)
    assert (await store.task("acme", "t-1")).state == "STARTED"
    assert (await store.queue_stats()).retrying == 0


async def test_a_live_lease_is_not_taken(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    assert await store.claim("other", 5) == []


async def test_what_was_done_stays_done_after_a_lost_lease(house: House) -> None:
    store = house.store
    await accept_and_claim(store, "1")
    await store.keep("t-1", 1, Kept("cloud", "h", b"d"), agent=said(1, "cloud", AgentState.DONE), seconds=1)
    await house.end_leases()
    await store.claim("other", 1)
    assert await agent_view(store, "cloud") == ("DONE", 100.0)
    assert await store.kept("t-1") == {"cloud": Kept("cloud", "h", b"d")}


@pytest.mark.parametrize("limits", [StoreLimits(max_claims=3)])
async def test_a_task_claimed_too_often_is_poison(house: House) -> None:
    store = house.store
    await accept_and_claim(store, "1")
    for attempt in (2, 3):
        await house.end_leases()
        assert [claim.attempt for claim in await store.claim("d", 1)] == [attempt]
    await house.end_leases()
    assert await store.claim("d", 1) == []
    task = await store.task("acme", "t-1")
    assert (task.state, task.error and task.error.type, task.error and task.error.attempt) == (
        "FAILURE",
        "PoisonTask",
        3,
    )
    assert (await store.assessment("acme", "a-1")).status == "failed"
    with pytest.raises(TaskFailed) as failed:
        await store.result("acme", "t-1")
    assert failed.value.error_type == "PoisonTask"


# -- renew and release ----------------------------------------------------------------------------------------------------


async def test_renewals_answer_in_order(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await accept_and_claim(store, "2")
    await accept_and_claim(store, "3")
    await store.cancel("acme", "t-3")
    held = [("t-1", 1), ("t-3", 1), ("t-1", 2), ("nobody", 1), ("t-2", 0)]
    assert await store.renew(held) == ["held", "cancel", "lost", "lost", "lost"]
    assert await store.renew([]) == []


async def test_a_renewed_lease_is_a_whole_lease(house: House) -> None:
    await accept_and_claim(house.store, "1")
    await house.end_leases()
    assert await house.store.renew([("t-1", 1)]) == [Renewal.HELD]
    assert await house.store.claim("other", 1) == []


async def test_a_released_task_is_next_and_counts_no_attempt(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await accept(store, "2")
    await store.update([said(1, "cloud", AgentState.RUNNING, 5)])
    assert await store.release("t-1", 1)
    task = await store.task("acme", "t-1")
    assert (task.state, task.attempt, task.queue_position) == ("PENDING", 0, 1)
    assert await agent_view(store, "cloud") == ("WAITING", 5.0)
    (claim,) = await store.claim("d", 1)
    assert (claim.task_id, claim.fence, claim.attempt) == ("t-1", 2, 1)


async def test_two_released_tasks_both_stand_before_what_waited(store: TaskStore) -> None:
    for name in ("1", "2", "3"):
        await accept(store, name)
    first, second = await store.claim("d", 2)
    await store.release(first.task_id, 1)
    await store.release(second.task_id, 1)
    assert (await store.claim("d", 3))[-1].task_id == "t-3"


async def test_after_a_release_the_former_holder_can_do_nothing(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.release("t-1", 1)
    await nothing_works_under(store, 1)
    assert (await store.task("acme", "t-1")).state == "PENDING"


async def test_releasing_a_task_that_should_stop_ends_it(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.cancel("acme", "t-1")
    assert await store.release("t-1", 1)
    assert (await store.task("acme", "t-1")).state == "REVOKED"
    assert await store.claim("d", 1) == []


# -- fences ---------------------------------------------------------------------------------------------------------------


async def nothing_works_under(store: TaskStore, fence: int) -> None:
    before = await store.task(None, "t-1")
    kept = await store.kept("t-1")
    late = said(fence, "cloud", AgentState.RUNNING, 77)
    assert await store.update([late]) == [False]
    assert await store.keep("t-1", fence, Kept("late", "h", b"d"), agent=late, seconds=1) == Commit.STALE
    assert await store.finish("t-1", fence, TaskState.FAILURE) == Commit.STALE
    assert await store.finish("t-1", fence, TaskState.REVOKED) == Commit.STALE
    assert await store.renew([("t-1", fence)]) == [Renewal.LOST]
    assert not await store.release("t-1", fence)
    assert await store.task(None, "t-1") == before
    assert await store.kept("t-1") == kept


async def test_a_stale_fence_can_do_nothing(house: House) -> None:
    await accept_and_claim(house.store, "1")
    await house.end_leases()
    await house.store.claim("other", 1)
    await nothing_works_under(house.store, 1)
    await nothing_works_under(house.store, 3)
    assert await house.store.finish("t-1", 1, TaskState.SUCCESS, result=b"late") == Commit.STALE


async def test_a_task_that_nobody_claimed_has_no_holder(store: TaskStore) -> None:
    await accept(store, "1")
    await nothing_works_under(store, 0)
    await nothing_works_under(store, 1)


@pytest.mark.parametrize("end", [TaskState.SUCCESS, TaskState.REVOKED])
async def test_after_the_end_the_holder_can_do_nothing(store: TaskStore, end: TaskState) -> None:
    await accept_and_claim(store, "1")
    await store.finish("t-1", 1, end, result=b"r")
    before = await store.task("acme", "t-1")
    late = said(1, "cloud", AgentState.RUNNING, 77)
    assert await store.update([late]) == [False]
    assert await store.keep("t-1", 1, Kept("s", "h", b"d"), agent=None, seconds=0) == Commit.STALE
    assert await store.finish("t-1", 1, TaskState.FAILURE) == Commit.STALE
    assert await store.renew([("t-1", 1)]) == [Renewal.LOST]
    assert await store.task("acme", "t-1") == before


async def test_unknown_tasks_are_nobodys(store: TaskStore) -> None:
    assert await store.update([said(1, "cloud", AgentState.RUNNING)]) == [False]
    assert await store.keep("t-1", 1, Kept("s", "h", b"d"), agent=None, seconds=0) == Commit.STALE
    assert await store.finish("t-1", 1, TaskState.SUCCESS) == Commit.STALE
    assert not await store.release("t-1", 1)
    assert await store.kept("t-1") == {}
    with pytest.raises(NotFound):
        await store.result("acme", "t-1")


# -- update ---------------------------------------------------------------------------------------------------------------


async def test_progress_is_the_mean_over_the_agents(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    assert await store.update([said(1, "cloud", AgentState.RUNNING, 25)]) == [True]
    task = await store.task("acme", "t-1")
    assert (task.state, task.info.progress, task.info.current_step) == ("PROGRESS", 12.5, "cloud")
    assert task.info.message == "cloud 25"
    assert task.info.agents["cloud"].started_at is not None


def ms_between(began: str | None, ended: str | None) -> float:
    assert began is not None
    assert ended is not None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds() * 1000


async def test_the_start_of_an_agent_that_was_never_told_as_running_is_reckoned_from_how_long_it_ran(
    store: TaskStore,
) -> None:
    await accept_and_claim(store, "1")
    await store.keep(
        "t-1", 1, Kept("cloud", "h", b"r"), agent=said(1, "cloud", AgentState.DONE), seconds=0.04
    )
    await store.update([AgentUpdate("t-1", 1, "cost", AgentState.FAILED, ran_s=0.03)])
    agents = (await store.task("acme", "t-1")).info.agents
    assert ms_between(agents["cloud"].started_at, agents["cloud"].ended_at) == 40
    assert ms_between(agents["cost"].started_at, agents["cost"].ended_at) == 30


async def test_a_late_first_report_tells_the_true_start(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 5, ran_s=0.075)])
    task = await store.task("acme", "t-1")
    assert ms_between(task.info.agents["cloud"].started_at, task.info.updated_at) == 75


async def test_an_agent_that_never_ran_has_no_start(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update([said(1, "cloud", AgentState.FAILED)])
    assert (await store.task("acme", "t-1")).info.agents["cloud"].started_at is None


async def test_progress_does_not_go_back_except_on_retry(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update([said(1, "cloud", AgentState.RUNNING, 60)])
    await store.update([said(1, "cloud", AgentState.RUNNING, 20)])
    assert await agent_view(store, "cloud") == ("RUNNING", 60.0)
    await store.update([said(1, "cloud", AgentState.RETRY, 0)])
    assert await agent_view(store, "cloud") == ("RETRY", 0.0)
    await store.update([said(1, "cloud", AgentState.RUNNING, 10, attempt=2)])
    assert await agent_view(store, "cloud") == ("RUNNING", 10.0)


async def test_a_retrying_agent_makes_the_task_retry(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update([said(1, "cloud", AgentState.RETRY), said(1, "cost", AgentState.RUNNING, 5)])
    assert (await store.task("acme", "t-1")).state == "RETRY"
    assert (await store.queue_stats()).retrying == 1
    await store.update([said(1, "cloud", AgentState.RUNNING, 5, attempt=2)])
    assert (await store.task("acme", "t-1")).state == "PROGRESS"
    assert (await store.queue_stats()).retrying == 0


@pytest.mark.parametrize(
    "final", [AgentState.DONE, AgentState.FAILED, AgentState.SKIPPED, AgentState.REVOKED]
)
async def test_a_final_agent_stays_as_it_is(store: TaskStore, final: AgentState) -> None:
    await accept_and_claim(store, "1")
    assert await store.update([said(1, "cloud", final, 30)]) == [True]
    before = await agent_view(store, "cloud")
    assert before == (final.value, 100.0 if final is AgentState.DONE else 30.0)
    assert await store.update([said(1, "cloud", AgentState.RUNNING, 90)]) == [False]
    assert await agent_view(store, "cloud") == before
    assert (await store.counters()).agent_runs == {("cloud", final.value): 1}


async def test_an_agent_that_is_not_of_the_task_is_refused(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    assert await store.update([said(1, "stranger", AgentState.RUNNING, 5)]) == [False]
    assert set((await store.task("acme", "t-1")).info.agents) == {"cloud", "cost"}


async def test_updates_of_many_tasks_go_in_one_call_and_answer_in_order(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await accept_and_claim(store, "2")
    updates = [
        AgentUpdate("t-2", 1, "cost", AgentState.RUNNING, 10),
        AgentUpdate("t-1", 9, "cost", AgentState.RUNNING, 10),
        AgentUpdate("nobody", 1, "cost", AgentState.RUNNING, 10),
        AgentUpdate("t-2", 1, "cloud", AgentState.RUNNING, 30),
        AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 50),
    ]
    assert await store.update(updates) == [True, False, False, True, True]
    assert (await store.task("acme", "t-2")).info.progress == 20.0
    assert (await store.task("acme", "t-1")).info.progress == 25.0
    assert await store.update([]) == []


@pytest.mark.parametrize(
    ("given", "held"), [(-5.0, 0.0), (float("nan"), 0.0), (250.0, 100.0), (33.33333, 33.33), (99.995, 100.0)]
)
async def test_progress_stays_within_its_range(store: TaskStore, given: float, held: float) -> None:
    await accept_and_claim(store, "1")
    await store.update([said(1, "cloud", AgentState.RUNNING, given)])
    assert await agent_view(store, "cloud") == ("RUNNING", held)


async def test_notes_of_any_text_come_back_and_are_bounded(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    note = 'quote " slash / back \\ line\nend — ünïcode \x00 \ud800'
    await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 1, note=note, reason="r" * 9_000)])
    agent = (await store.task("acme", "t-1")).info.agents["cloud"]
    assert agent.note == note.replace("\ud800", "?")
    assert len(agent.reason) == 500


async def test_hundred_percent_belongs_to_success(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update([said(1, name, AgentState.DONE) for name in ("cloud", "cost")])
    assert (await store.task("acme", "t-1")).info.progress < 100.0
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")
    assert (await store.task("acme", "t-1")).info.progress == 100.0


# -- keep -----------------------------------------------------------------------------------------------------------------


async def test_what_is_kept_comes_back_with_the_agent_done(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    data = bytes(range(256)) * 2_000
    done = said(1, "cloud", AgentState.DONE)
    assert await store.keep("t-1", 1, Kept("cloud", "h1", data), agent=done, seconds=1.25) == Commit.DONE
    assert await store.keep("t-1", 1, Kept("plan", "h2", b""), agent=None, seconds=0) == Commit.DONE
    assert await store.kept("t-1") == {"cloud": Kept("cloud", "h1", data), "plan": Kept("plan", "h2", b"")}
    assert await agent_view(store, "cloud") == ("DONE", 100.0)
    counters = await store.counters()
    assert counters.agent_seconds == {"cloud": 1.25}
    assert counters.agent_runs == {("cloud", "DONE"): 1}


async def test_keeping_twice_changes_nothing(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    done = said(1, "cloud", AgentState.DONE)
    await store.keep("t-1", 1, Kept("cloud", "h", b"first"), agent=done, seconds=1)
    before = await store.task("acme", "t-1")
    assert await store.keep("t-1", 1, Kept("cloud", "h", b"second"), agent=done, seconds=1) == Commit.DONE
    assert (await store.kept("t-1"))["cloud"].data == b"first"
    assert await store.task("acme", "t-1") == before
    assert (await store.counters()).agent_runs == {("cloud", "DONE"): 1}


async def test_a_step_of_other_inputs_takes_the_place_of_the_old(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.keep("t-1", 1, Kept("cloud", "h", b"old"), agent=None, seconds=0)
    await store.keep("t-1", 1, Kept("cloud", "h2", b"new"), agent=None, seconds=0)
    assert await store.kept("t-1") == {"cloud": Kept("cloud", "h2", b"new")}


async def test_fifty_keeps_at_once_are_one(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    done = said(1, "cloud", AgentState.DONE)
    answers = await asyncio.gather(
        *(store.keep("t-1", 1, Kept("cloud", "h", str(i).encode()), agent=done, seconds=1) for i in range(50))
    )
    assert set(answers) == {Commit.DONE}
    assert (await store.counters()).agent_seconds == {"cloud": 1.0}


# -- finish ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 100, 1_000_000])
async def test_success_commits_the_result(store: TaskStore, size: int) -> None:
    await accept_and_claim(store, "1")
    result = b"ab" * (size // 2)
    done = await store.finish("t-1", 1, TaskState.SUCCESS, result=result, assessment_status="partial")
    assert done == Commit.DONE
    assert await store.result("acme", "t-1") == result
    task = await store.task("acme", "t-1")
    assert (task.state, task.info.progress, task.error) == ("SUCCESS", 100.0, None)
    assert task.ended_at is not None
    assert task.expires_at is not None
    assert (await store.assessment("acme", "a-1")).status == "partial"
    assert (await store.counters()).ended == {TaskState.SUCCESS: 1}
    assert (await store.queue_stats()).running == 0


async def test_only_one_of_many_ends_is_committed(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    ends = [TaskState.FAILURE, TaskState.REVOKED, TaskState.SUCCESS]
    answers = await asyncio.gather(*(store.finish("t-1", 1, end, result=b"r") for end in ends))
    assert sorted(answers) == ["done", "stale", "stale"]
    assert sum((await store.counters()).ended.values()) == 1


async def test_the_same_end_sent_again_is_the_same_end(store: TaskStore) -> None:
    """What the client of the store does when the answer to the first was lost."""
    await accept_and_claim(store, "1")
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")
    before = await store.task("acme", "t-1")
    assert await store.finish("t-1", 1, TaskState.SUCCESS, result=b"other") == Commit.DONE
    assert await store.result("acme", "t-1") == b"r"
    assert await store.task("acme", "t-1") == before
    assert (await store.counters()).ended == {TaskState.SUCCESS: 1}


async def test_failure_says_type_message_and_attempt(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.update([said(1, "cloud", AgentState.RUNNING, 50)])
    error = TaskError(type="HardLimit", message="It took too long — ended", attempt=1)
    assert await store.finish("t-1", 1, TaskState.FAILURE, error=error) == Commit.DONE
    task = await store.task("acme", "t-1")
    assert (task.error, task.info.progress, task.info.message) == (error, 25.0, error.message)
    assert await agent_view(store, "cloud") == ("REVOKED", 50.0)  # nothing of it runs any more
    assert (await store.assessment("acme", "a-1")).status == "failed"
    with pytest.raises(TaskFailed) as failed:
        await store.result("acme", "t-1")
    assert (failed.value.state, failed.value.error_type) == ("FAILURE", "HardLimit")


async def test_a_result_that_is_not_there_yet_is_a_conflict(store: TaskStore) -> None:
    await accept(store, "1")
    with pytest.raises(Conflict) as early:
        await store.result("acme", "t-1")
    assert early.value.state == "PENDING"


async def test_finishing_needs_an_end(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    with pytest.raises(ValueError, match="no end"):
        await store.finish("t-1", 1, TaskState.RETRY)


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.05, tombstone_s=60)])
async def test_an_expired_result_is_gone_and_the_task_is_still_known(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.keep("t-1", 1, Kept("cloud", "h", b"d"), agent=None, seconds=0)
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")

    async def gone() -> bool:
        try:
            await store.result("acme", "t-1")
        except Gone:
            return True
        return False

    await wait_until("the result has expired", gone)
    assert (await store.task("acme", "t-1")).state == "SUCCESS"
    assert await store.kept("t-1") == {}
    with pytest.raises(Gone):
        await store.assessment("acme", "a-1")


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.03, tombstone_s=0.03)])
async def test_after_the_tombstone_the_task_is_not_found_nor_listed(store: TaskStore) -> None:
    await accept_and_claim(store, "1")
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")

    async def forgotten() -> bool:
        try:
            await store.task("acme", "t-1")
        except NotFound:
            return True
        return False

    await wait_until("the tombstone has expired", forgotten)
    with pytest.raises(NotFound):
        await store.result("acme", "t-1")
    assert (await store.tasks("acme")).items == ()
    assert (await store.assessments("acme")).items == ()
