"""Order between tenants, their limits, delayed tasks, replay, and the rate of requests."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra_mind.errors import Conflict, Gone, NotFound, OptionInvalid, TooMany
from infra_mind.model.task import AgentState, ApiKey, Priority, StartOptions, TaskError, TaskState
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.store import Accepted, AgentUpdate, Kept, StoreLimits, TaskStore
from tests.contract.houses import AGENTS, House, accept, open_house
from tests.stores import wait_until

VERY_LONG = StoreLimits(lease_s=3_600)


def api_key(tenant: str, number: int = 1, **policy: float | int) -> ApiKey:
    return ApiKey.model_validate(
        {
            "key_id": f"{tenant}-{number}",
            "tenant": tenant,
            "secret_sha256": f"{tenant}-{number}",
            "created_at": f"2026-01-0{number}T00:00:00Z",
            **policy,
        }
    )


async def accept_many(
    store: TaskStore, tenant: str, count: int, priority: Priority = Priority.MEDIUM
) -> list[str]:
    begin = len([1 for task in (await store.tasks(tenant, limit=1000)).items])
    return [await accept(store, f"{tenant}-{begin + i}", priority, tenant=tenant) for i in range(count)]


async def claimed_by_tenant(store: TaskStore, count: int) -> Counter[str]:
    return Counter(claim.tenant for claim in await store.claim("d", count))


# -- between tenants ------------------------------------------------------------------------------------------------------


async def test_a_flood_of_one_tenant_leaves_the_others_their_equal_share(store: TaskStore) -> None:
    """1 000 claims over four tenants, one of which handed in six times as much, and first: 250 each, ±10 %."""
    await accept_many(store, "flood", 900)
    for tenant in ("a", "b", "c"):
        await accept_many(store, tenant, 300)
    shares: Counter[str] = Counter()
    for _ in range(100):
        shares += await claimed_by_tenant(store, 10)
    assert sum(shares.values()) == 1_000
    assert {tenant: abs(share - 250) <= 25 for tenant, share in shares.items()} == dict.fromkeys(
        ("flood", "a", "b", "c"), True
    )


async def test_a_flood_of_critical_tasks_starves_nobody(store: TaskStore) -> None:
    await accept_many(store, "flood", 200, Priority.CRITICAL)
    await accept_many(store, "meek", 100, Priority.LOW)
    shares = await claimed_by_tenant(store, 100)
    assert 45 <= shares["meek"] <= 50


async def test_who_comes_late_has_not_saved_up_turns(store: TaskStore) -> None:
    await accept_many(store, "a", 200)
    await claimed_by_tenant(store, 100)
    await accept_many(store, "late", 100)
    assert (await claimed_by_tenant(store, 40))["late"] in (19, 20, 21)


async def test_tenants_of_equal_turn_go_by_arrival(store: TaskStore) -> None:
    for tenant in ("z", "a", "m"):
        await accept_many(store, tenant, 1)
    assert [claim.tenant for claim in await store.claim("d", 3)] == ["z", "a", "m"]


async def test_a_critical_task_goes_before_what_another_tenant_has_waiting(store: TaskStore) -> None:
    await accept_many(store, "a", 5, Priority.LOW)
    await accept_many(store, "b", 1, Priority.CRITICAL)
    assert (await store.claim("d", 1))[0].tenant == "b"


async def test_the_weight_of_a_tenant_is_its_share(store: TaskStore) -> None:
    await store.put_key(api_key("vip", weight=3.0))
    await store.put_key(api_key("plain"))
    await accept_many(store, "plain", 200)
    await accept_many(store, "vip", 200)
    shares = await claimed_by_tenant(store, 200)
    assert abs(shares["vip"] - 150) <= 3


async def test_a_tenant_at_its_limit_is_passed_over_until_one_of_its_tasks_ends(store: TaskStore) -> None:
    await store.put_key(api_key("small", max_running=2))
    await accept_many(store, "small", 5)
    await accept_many(store, "other", 1)
    claims = await store.claim("d", 10)
    assert Counter(claim.tenant for claim in claims) == {"small": 2, "other": 1}
    assert await store.claim("d", 10) == []
    first = next(claim for claim in claims if claim.tenant == "small")
    await store.finish(first.task_id, first.fence, TaskState.SUCCESS, result=b"r")
    assert [claim.tenant for claim in await store.claim("d", 10)] == ["small"]


async def test_released_and_lost_tasks_keep_the_count_of_what_runs(house: House) -> None:
    store = house.store
    await store.put_key(api_key("small", max_running=1))
    await accept_many(store, "small", 2)
    (claim,) = await store.claim("d", 5)
    await store.release(claim.task_id, claim.fence)
    (claim,) = await store.claim("d", 5)
    await house.end_leases()
    (again,) = await store.claim("d", 5)
    assert (again.task_id, again.attempt) == (claim.task_id, 2)
    await store.cancel("small", again.task_id)
    await store.finish(again.task_id, again.fence, TaskState.REVOKED)
    assert [one.task_id for one in await store.claim("d", 5)] == ["t-small-1"]


async def test_the_newest_key_of_a_tenant_says_its_limits(store: TaskStore) -> None:
    await store.put_key(api_key("acme", 1, max_queued=1))
    await store.put_key(api_key("acme", 2, max_queued=2))
    await store.put_key(api_key("acme", 1, max_queued=1))  # an older one again: still older
    await accept_many(store, "acme", 2)
    with pytest.raises(TooMany):
        await accept(store, "acme-2", tenant="acme")
    await store.revoke_key("acme-2")
    await store.claim("d", 1)
    with pytest.raises(TooMany):
        await accept(store, "acme-3", tenant="acme")
    await store.revoke_key("acme-1")
    assert await accept(store, "acme-4", tenant="acme") == "t-acme-4"


ARRIVALS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("abc"), st.sampled_from(list(Priority))),
        st.integers(1, 4),  # so many are claimed
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_positions_are_the_order_of_the_claims(kind: str, valkey: EmbeddedStore) -> None:
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(arrivals=ARRIVALS, weight=st.sampled_from([0.3, 1.0, 7.0]))
    def check(arrivals: list[tuple[str, Priority] | int], weight: float) -> None:
        asyncio.run(positions(arrivals, weight))

    async def positions(arrivals: list[tuple[str, Priority] | int], weight: float) -> None:
        async with open_house(kind, valkey.url, VERY_LONG) as house:
            store = house.store
            await store.put_key(api_key("b", weight=weight))
            waiting: set[tuple[str, str]] = set()
            for number, arrival in enumerate(arrivals):
                if isinstance(arrival, int):
                    waiting -= {(claim.tenant, claim.task_id) for claim in await store.claim("d", arrival)}
                else:
                    waiting.add((arrival[0], await accept(store, str(number), arrival[1], tenant=arrival[0])))
            said = {
                task_id: (await store.task(tenant, task_id)).queue_position for tenant, task_id in waiting
            }
            order = [claim.task_id for claim in await store.claim("d", 100)]
            assert sorted(order, key=lambda task_id: said[task_id] or 0) == order
            assert sorted(said.values(), key=lambda place: place or 0) == list(range(1, len(order) + 1))

    check()


# -- delayed --------------------------------------------------------------------------------------------------------------


async def start(store: TaskStore, name: str, options: StartOptions) -> None:
    await store.create_assessment("acme", f"a-{name}", name, b"brief", 0)
    await store.accept("acme", f"a-{name}", f"t-{name}", options, AGENTS)


async def test_a_delayed_task_waits_for_its_time_and_then_in_the_queue(store: TaskStore) -> None:
    await start(store, "1", StartOptions(delay_s=0.2))
    task = await store.task("acme", "t-1")
    assert (task.state, task.info.current_step, task.queue_position) == ("PENDING", "delayed", None)
    assert task.not_before is not None
    assert task.not_before > task.created_at
    assert (await store.queue_stats()).delayed == 1
    assert sum((await store.queue_stats()).depth.values()) == 0
    assert await store.claim("d", 1) == []

    async def claimed() -> bool:
        return [claim.task_id for claim in await store.claim("d", 1)] == ["t-1"]

    await wait_until("its time has come", claimed)
    assert (await store.queue_stats()).delayed == 0


async def test_a_time_in_the_past_is_no_delay(store: TaskStore) -> None:
    await start(store, "1", StartOptions(not_before="2020-02-02T00:00:00+01:00"))
    assert (await store.task("acme", "t-1")).queue_position == 1
    assert [claim.task_id for claim in await store.claim("d", 1)] == ["t-1"]


async def test_a_time_that_is_none_is_refused_and_nothing_is_accepted(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "x", b"brief", 0)
    with pytest.raises(OptionInvalid):
        await store.accept("acme", "a-1", "t-1", StartOptions(not_before="tomorrow"), AGENTS)
    assert (await store.assessment("acme", "a-1")).status == "draft"


async def test_a_delayed_task_can_be_cancelled_and_counts_as_queued(store: TaskStore) -> None:
    await store.put_key(api_key("acme", max_queued=1))
    await start(store, "1", StartOptions(delay_s=3_600))
    await store.create_assessment("acme", "a-2", "x", b"brief", 0)
    with pytest.raises(TooMany):
        await store.accept("acme", "a-2", "t-2", StartOptions(), AGENTS)
    assert await store.cancel("acme", "t-1") == TaskState.REVOKED
    assert (await store.queue_stats()).delayed == 0
    await store.accept("acme", "a-2", "t-2", StartOptions(), AGENTS)


async def test_the_events_of_a_delayed_task_say_that_it_waits(store: TaskStore) -> None:
    await start(store, "1", StartOptions(delay_s=3_600))
    await store.cancel("acme", "t-1")
    steps = [one.data["current_step"] async for one in store.events("acme", "t-1") if one]
    assert steps == ["delayed", "cancelled"]


# -- replay ---------------------------------------------------------------------------------------------------------------


async def fail(
    store: TaskStore, name: str, *, state: TaskState = TaskState.FAILURE, status: str = ""
) -> None:
    """A task that kept one agent's result and then ended."""
    await accept(store, name)
    (claim,) = await store.claim("d", 1)
    done = AgentUpdate(claim.task_id, claim.fence, "cloud", AgentState.DONE)
    await store.keep(claim.task_id, claim.fence, Kept("cloud", "h", b"kept"), agent=done, seconds=1)
    if state is TaskState.REVOKED:
        await store.cancel("acme", claim.task_id)
    error = TaskError(type="Boom", message="it broke") if state is TaskState.FAILURE else None
    await store.finish(claim.task_id, claim.fence, state, result=b"r", assessment_status=status, error=error)


@pytest.mark.parametrize("state", [TaskState.FAILURE, TaskState.REVOKED])
async def test_a_replay_is_a_new_task_with_what_was_kept(store: TaskStore, state: TaskState) -> None:
    await fail(store, "1", state=state)
    answer = await store.replay("acme", "t-1", "t-2", AGENTS)
    assert (answer.task_id, answer.created) == ("t-2", True)
    task = await store.task("acme", "t-2")
    assert (task.state, task.replay_of, task.info.assessment_id) == ("PENDING", "t-1", "a-1")
    assert await store.kept("t-2") == {"cloud": Kept("cloud", "h", b"kept")}
    assert (await store.assessment("acme", "a-1")).task_id == "t-2"
    assert (await store.task("acme", "t-1")).state == state
    (claim,) = await store.claim("d", 1)
    await store.finish("t-2", claim.fence, TaskState.SUCCESS, result=b"whole")
    assert await store.result("acme", "t-2") == b"whole"


async def test_a_partial_result_can_be_replayed_and_a_complete_one_not(store: TaskStore) -> None:
    await fail(store, "1", state=TaskState.SUCCESS, status="partial")
    await store.replay("acme", "t-1", "t-2", AGENTS)
    (claim,) = await store.claim("d", 1)
    await store.finish("t-2", claim.fence, TaskState.SUCCESS, result=b"r", assessment_status="completed")
    with pytest.raises(Conflict, match="complete"):
        await store.replay("acme", "t-2", "t-3", AGENTS)


async def test_what_runs_or_is_not_there_cannot_be_replayed(store: TaskStore) -> None:
    await accept(store, "1")
    with pytest.raises(Conflict, match="not ended"):
        await store.replay("acme", "t-1", "t-2", AGENTS)
    with pytest.raises(NotFound):
        await store.replay("acme", "t-9", "t-2", AGENTS)
    await store.cancel("acme", "t-1")
    with pytest.raises(NotFound):
        await store.replay("other", "t-1", "t-2", AGENTS)


async def test_only_one_replay_of_two_at_once_and_the_same_key_is_the_same_task(store: TaskStore) -> None:
    await fail(store, "1")
    first = await store.replay("acme", "t-1", "t-2", AGENTS, "key")
    assert await store.replay("acme", "t-1", "t-3", AGENTS, "key") == type(first)("t-2", False)
    assert (await store.replay("acme", "t-1", "t-2", AGENTS)).created
    with pytest.raises(Conflict, match="already being worked on"):
        await store.replay("acme", "t-1", "t-4", AGENTS)


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.05, tombstone_s=60)])
async def test_what_has_expired_cannot_be_replayed(store: TaskStore) -> None:
    await fail(store, "1")

    async def expired() -> bool:
        try:
            await store.assessment("acme", "a-1")
        except (NotFound, Gone):
            return True
        return False

    await wait_until("the assessment has expired", expired)
    with pytest.raises(Gone):
        await store.replay("acme", "t-1", "t-2", AGENTS)


# -- a new assessment that begins with what another task kept -----------------------------------------------------------------


async def test_a_task_can_begin_with_what_one_of_another_assessment_kept(store: TaskStore) -> None:
    await fail(store, "1", state=TaskState.SUCCESS, status="completed")
    await store.create_assessment("acme", "a-2", "What if", b"y", 0)
    answer = await store.accept("acme", "a-2", "t-2", StartOptions(), AGENTS, kept_from="t-1")
    assert (answer.task_id, answer.created) == ("t-2", True)
    assert await store.kept("t-2") == {"cloud": Kept("cloud", "h", b"kept")}
    task = await store.task("acme", "t-2")
    assert (task.state, task.info.assessment_id, task.replay_of) == ("PENDING", "a-2", None)
    assert (await store.assessment("acme", "a-1")).task_id == "t-1"
    (claim,) = await store.claim("d", 1)
    done = AgentUpdate("t-2", claim.fence, "cost", AgentState.DONE)
    await store.keep("t-2", claim.fence, Kept("cost", "h2", b"own"), agent=done, seconds=1)
    assert set(await store.kept("t-2")) == {"cloud", "cost"}
    assert set(await store.kept("t-1")) == {"cloud"}


async def test_the_same_accept_sent_again_begins_once(store: TaskStore) -> None:
    await fail(store, "1", state=TaskState.SUCCESS, status="completed")
    await store.create_assessment("acme", "a-2", "What if", b"y", 0)
    for _ in range(2):
        answer = await store.accept("acme", "a-2", "t-2", StartOptions(), AGENTS, kept_from="t-1")
        assert answer == Accepted("t-2", True)
    await store.delete_assessment("acme", "a-1")
    assert (
        await store.accept("acme", "a-2", "t-2", StartOptions(), AGENTS, kept_from="t-1")
    ).task_id == "t-2"
    assert len(await store.claim("d", 5)) == 1
    assert set(await store.kept("t-2")) == {"cloud"}


async def test_nobody_begins_with_what_is_anothers_or_unknown(store: TaskStore) -> None:
    await fail(store, "1", state=TaskState.SUCCESS, status="completed")
    await store.create_assessment("other", "a-2", "Mine", b"y", 0)
    for tenant_of, kept_from in (("other", "t-1"), ("other", "t-none")):
        with pytest.raises(NotFound, match=kept_from):
            await store.accept(tenant_of, "a-2", "t-2", StartOptions(), AGENTS, kept_from=kept_from)
    assert (await store.assessment("other", "a-2")).status == "draft"
    with pytest.raises(NotFound):
        await store.task("other", "t-2")


# -- retry, rate ----------------------------------------------------------------------------------------------------------


async def test_a_retry_says_when_the_next_attempt_comes(store: TaskStore) -> None:
    await accept(store, "1")
    (claim,) = await store.claim("d", 1)
    waits = AgentUpdate("t-1", claim.fence, "cloud", AgentState.RETRY, reason="Boom: x", retry_in_s=90)
    await store.update([waits])
    task = await store.task("acme", "t-1")
    cloud = task.info.agents["cloud"]
    assert (task.state, cloud.reason) == ("RETRY", "Boom: x")
    assert cloud.retry_at is not None
    assert cloud.retry_at > task.info.updated_at
    await store.update([AgentUpdate("t-1", claim.fence, "cloud", AgentState.RUNNING, attempt=2)])
    assert (await store.task("acme", "t-1")).info.agents["cloud"].retry_at is None


async def test_requests_over_the_rate_are_told_when_to_come_back(store: TaskStore) -> None:
    waits = [await store.take_request("k", 5) for _ in range(7)]
    assert waits[:5] == [0.0] * 5
    assert 0 < waits[6] <= 0.2
    assert await store.take_request("other", 5) == 0.0

    async def free_again() -> bool:
        return await store.take_request("k", 5) == 0.0

    await wait_until("one more fits", free_again)


async def test_a_raised_rate_counts_at_once(store: TaskStore) -> None:
    """Otherwise it would have to wait for the end of what the former rate took; the same after a clock that went back."""
    assert await store.take_request("k", 0.01) == 0.0
    assert await store.take_request("k", 100) == 0.0


async def test_a_rate_below_one_lets_the_first_one_in(store: TaskStore) -> None:
    assert await store.take_request("k", 0.01) == 0.0
    assert 95 < await store.take_request("k", 0.01) <= 100
