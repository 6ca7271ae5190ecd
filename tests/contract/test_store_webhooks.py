"""The outbox: one delivery for each end, one deliverer at a time, a log, and nothing that stays for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra_mind.errors import Gone, NotFound
from infra_mind.model.task import StartOptions, TaskError, TaskState
from infra_mind.model.webhook import DeliveryState
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.store import StoreLimits, TaskStore
from infra_mind.tasks.webhooks.outbox import SECRET_GRACE_S, Attempted, DueDelivery
from tests.contract.houses import AGENTS, House, RedisHouse
from tests.stores import wait_until

URL = "https://hooks.example.com/secret-path?token=1"
OK = Attempted(DeliveryState.DELIVERED, 0.25, 204)
AGAIN = Attempted(DeliveryState.PENDING, 1.5, 503, wait_s=60.0)
LOST = Attempted(DeliveryState.PENDING, 15.0, error="Timeout", wait_s=60.0)
GIVEN_UP = Attempted(DeliveryState.FAILED, 0.1, error="AddressRefused")
GONE = Attempted(DeliveryState.DISABLED, 0.1, 410)


async def accept(store: TaskStore, name: str, *, tenant: str = "acme", url: str | None = URL) -> str:
    await store.create_assessment(tenant, f"a-{name}", name, b"brief", 0)
    await store.accept(tenant, f"a-{name}", f"t-{name}", StartOptions(webhook_url=url), AGENTS)
    return f"t-{name}"


async def end(
    store: TaskStore, name: str, state: TaskState = TaskState.SUCCESS, *, tenant: str = "acme", url: str | None = URL, **more: Any
) -> str:  # fmt: skip
    """Accepts and ends a task; its id."""
    task_id = await accept(store, name, tenant=tenant, url=url)
    (claim,) = await store.claim("d", 1)
    await store.finish(task_id, claim.fence, state, result=b"r", **more)
    return task_id


async def due(store: TaskStore, limit: int = 10, **more: Any) -> list[DueDelivery]:
    return await store.due_deliveries(
        limit, **{"lease_s": 60.0, "most_attempts": 10, "per_tenant": 10, "in_flight": {}, **more}
    )


# -- an end is told -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "more", "status", "error_type"),
    [
        (TaskState.SUCCESS, {"assessment_status": "completed"}, "completed", ""),
        (TaskState.SUCCESS, {"assessment_status": "partial"}, "partial", ""),
        (TaskState.FAILURE, {"error": TaskError(type="TooFewAgents", message="m")}, "failed", "TooFewAgents"),
        (TaskState.REVOKED, {}, "cancelled", ""),
    ],
)
async def test_every_end_is_told_once(
    store: TaskStore, state: TaskState, more: dict[str, Any], status: str, error_type: str
) -> None:
    task_id = await end(store, "1", state, **more)
    (delivery,) = await due(store)
    assert (delivery.tenant, delivery.task_id, delivery.assessment_id) == ("acme", task_id, "a-1")
    assert (delivery.state, delivery.status, delivery.error_type) == (state, status, error_type)
    assert (delivery.url, delivery.attempt) == (URL, 1)
    assert delivery.ended_at == (await store.task("acme", task_id)).ended_at
    assert await due(store) == []


async def test_an_end_that_nobody_asked_for_is_not_told(store: TaskStore) -> None:
    await end(store, "1", url=None)
    assert await due(store) == []
    assert await store.deliveries("acme", "t-1") == ()


async def test_nothing_is_told_before_the_end(store: TaskStore) -> None:
    await accept(store, "1")
    await store.claim("d", 1)
    assert await due(store) == []


async def test_a_cancelled_task_that_waited_is_told(store: TaskStore) -> None:
    await accept(store, "1")
    await store.cancel("acme", "t-1")
    assert [one.status for one in await due(store)] == ["cancelled"]


@pytest.mark.parametrize("limits", [StoreLimits(max_claims=1)])
async def test_a_poison_task_is_told(house: House) -> None:
    await accept(house.store, "1")
    await house.store.claim("d", 1)
    await house.end_leases()
    await house.store.claim("d", 1)
    assert [(one.status, one.error_type) for one in await due(house.store)] == [("failed", "PoisonTask")]


async def test_the_same_finish_again_is_told_once(store: TaskStore) -> None:
    await end(store, "1")
    await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")
    assert len(await due(store)) == 1
    assert len(await store.deliveries("acme", "t-1")) == 1


async def test_each_end_has_an_id_of_its_own_without_a_full_stop(store: TaskStore) -> None:
    """Standard Webhooks: an id with a full stop in it could be shifted into the signed text."""
    for name in "12":
        await end(store, name)
    ids = [one.webhook_id for one in await due(store)]
    assert len(set(ids)) == 2
    assert not [one for one in ids if "." in one]


# -- one at a time --------------------------------------------------------------------------------------------------------


async def test_the_longest_due_comes_first(house: House) -> None:
    await end(house.store, "old")
    await house.age_outbox(5)
    await end(house.store, "new")
    assert [one.task_id for one in await due(house.store, 1)] == ["t-old"]
    assert [one.task_id for one in await due(house.store)] == ["t-new"]


async def test_a_lease_that_ran_out_is_taken_over_under_the_same_id(house: House) -> None:
    await end(house.store, "1")
    (first,) = await due(house.store)
    await house.age_outbox(59)
    assert await due(house.store) == []
    await house.age_outbox(2)
    (second,) = await due(house.store)
    assert (second.webhook_id, second.attempt) == (first.webhook_id, 2)
    assert not await house.store.note_attempt(first.webhook_id, 1, OK)
    assert (await house.store.deliveries("acme", "t-1"))[0].state == "pending"
    assert await house.store.note_attempt(second.webhook_id, 2, OK)
    (told,) = await house.store.deliveries("acme", "t-1")
    assert (told.state, [one.attempt for one in told.attempts]) == ("delivered", [2])


async def test_attempts_without_a_note_count_too(house: House) -> None:
    """A delivery that kills its deliverer each time must end."""
    await end(house.store, "1")
    for _ in range(3):
        assert len(await due(house.store, most_attempts=3)) == 1
        await house.age_outbox(61)
    assert await due(house.store, most_attempts=3) == []
    assert (await house.store.deliveries("acme", "t-1"))[0].state == "failed"
    assert (await house.store.counters()).webhooks == {"failed": 1}


async def test_a_tenant_with_many_does_not_hold_up_another(house: House) -> None:
    for number in range(5):
        await end(house.store, f"flood-{number}", tenant="flood")
    await house.age_outbox(5)
    await end(house.store, "one")
    found = await due(house.store, 4, per_tenant=2)
    assert [one.tenant for one in found] == ["flood", "acme", "flood"]
    more = await due(house.store, 4, per_tenant=2, in_flight={"flood": 1, "acme": 1})
    assert [one.tenant for one in more] == ["flood"]
    assert await due(house.store, 4, per_tenant=2, in_flight={"flood": 2}) == []


async def test_tenants_take_turns_whoever_has_waited_longer(house: House) -> None:
    for number in range(4):
        await end(house.store, f"flood-{number}", tenant="flood")
    await house.age_outbox(3600)
    for tenant in ("acme", "rival"):
        await end(house.store, f"of-{tenant}", tenant=tenant)
    turns = [(await due(house.store, 1))[0].tenant for _ in range(6)]
    assert turns == ["flood", "acme", "rival", "flood", "flood", "flood"]


async def test_one_that_comes_later_does_not_wait_for_the_backlog_of_another(house: House) -> None:
    for number in range(6):
        await end(house.store, f"flood-{number}", tenant="flood")
    await house.age_outbox(3600)
    assert [one.tenant for one in await due(house.store, 2)] == ["flood", "flood"]
    await end(house.store, "one")
    turns = [(await due(house.store, 1))[0].tenant for _ in range(2)]
    assert sorted(turns) == ["acme", "flood"]


async def test_a_further_end_does_not_cost_a_tenant_its_turn(house: House) -> None:
    await end(house.store, "first")
    await house.age_outbox(5)
    await end(house.store, "other", tenant="rival")
    await end(house.store, "second")
    assert [one.task_id for one in await due(house.store, 1)] == ["t-first"]


async def test_a_backlog_that_only_ends_does_not_hold_up_another_tenant(house: House) -> None:
    for number in range(4):
        await end(house.store, f"flood-{number}", tenant="flood")
    await house.age_outbox(5)
    (first,) = await due(house.store, 1)
    await house.store.note_attempt(first.webhook_id, 1, GONE)
    await end(house.store, "one")
    assert [one.tenant for one in await due(house.store, 1)] == ["acme"]


async def test_the_next_attempt_may_come_before_the_lease_would_have_ended(house: House) -> None:
    await end(house.store, "1")
    (first,) = await due(house.store, lease_s=1_000.0)
    await house.store.note_attempt(first.webhook_id, 1, AGAIN)
    await house.age_outbox(61)
    assert [one.attempt for one in await due(house.store)] == [2]


async def test_of_a_tenant_with_nothing_to_tell_the_outbox_knows_nothing(house: House) -> None:
    for name, tenant in (("1", "acme"), ("2", "acme"), ("3", "rival"), ("deleted", "third")):
        await end(house.store, name, tenant=tenant)
    await house.store.delete_assessment("third", "a-deleted")
    for one in await due(house.store):
        await house.store.note_attempt(one.webhook_id, 1, OK if one.tenant == "acme" else AGAIN)
    assert await due(house.store) == []
    assert await house.tenants_to_tell() == {"rival"}
    await house.age_outbox(61)
    assert [one.tenant for one in await due(house.store, most_attempts=1)] == []
    assert await house.tenants_to_tell() == set()


BACKLOG = 3_000  # more than one call looks at


async def test_a_backlog_of_thousands_hides_nobody_and_is_handed_out_once_each(house: House) -> None:
    store = house.store
    for first in range(0, BACKLOG, 100):
        await asyncio.gather(*(cancelled(store, f"a{first + n}", "flood") for n in range(100)))
    await house.age_outbox(60)
    await cancelled(store, "b", "acme")
    found = await due(store, 16, per_tenant=16)
    assert [one.tenant for one in found[:2]] == ["flood", "acme"]
    told = list(found)
    while found:
        await asyncio.gather(*(store.note_attempt(one.webhook_id, 1, OK) for one in found))
        found = await due(store, 500, per_tenant=500)
        told += found
    assert len(told) == BACKLOG + 1
    assert {one.task_id for one in told} == {"t-b", *(f"t-a{n}" for n in range(BACKLOG))}
    assert (await store.counters()).webhooks == {"delivered": BACKLOG + 1}


async def cancelled(store: TaskStore, name: str, tenant: str) -> None:
    """The shortest way to an end that is told."""
    task_id = await accept(store, name, tenant=tenant)
    await store.cancel(tenant, task_id)


# -- the log --------------------------------------------------------------------------------------------------------------


async def test_attempts_are_logged_and_the_next_one_comes_after_its_wait(house: House) -> None:
    store = house.store
    await end(store, "1")
    (first,) = await due(store)
    assert await store.note_attempt(first.webhook_id, 1, AGAIN)
    assert await due(store) == []
    await house.age_outbox(61)
    (second,) = await due(store)
    assert (second.webhook_id, second.attempt) == (first.webhook_id, 2)
    await store.note_attempt(second.webhook_id, 2, LOST)
    (told,) = await store.deliveries("acme", "t-1")
    assert (told.webhook_id, told.task_id, told.state) == (first.webhook_id, "t-1", "pending")
    assert (told.type, told.url) == ("assessment.completed", "https://hooks.example.com/…")
    assert [(one.attempt, one.status_code, one.error, one.duration_s) for one in told.attempts] == [
        (1, 503, None, 1.5),
        (2, None, "Timeout", 15.0),
    ]
    assert told.next_attempt_at is not None
    assert told.next_attempt_at > told.attempts[1].at
    await house.age_outbox(61)
    await due(store)
    await store.note_attempt(first.webhook_id, 3, OK)
    (told,) = await store.deliveries("acme", "t-1")
    assert (told.state, told.next_attempt_at, len(told.attempts)) == ("delivered", None, 3)
    await house.age_outbox(1e6)
    assert await due(store) == []
    assert (await store.counters()).webhooks == {"delivered": 1, "retried": 2}


async def test_the_same_note_again_changes_nothing(house: House) -> None:
    await end(house.store, "1")
    (one,) = await due(house.store)
    for _ in range(2):
        assert await house.store.note_attempt(one.webhook_id, 1, AGAIN)
    assert (await house.store.counters()).webhooks == {"retried": 1}
    await house.age_outbox(61)
    await due(house.store)
    assert await house.store.note_attempt(one.webhook_id, 1, OK)
    (told,) = await house.store.deliveries("acme", "t-1")
    assert (told.state, len(told.attempts)) == ("pending", 1)


async def test_a_note_about_nothing_is_refused(store: TaskStore) -> None:
    assert not await store.note_attempt("msg_0", 1, OK)
    await end(store, "1")
    (one,) = await due(store)
    assert not await store.note_attempt(one.webhook_id, 2, OK)


async def test_a_delivery_that_ended_stays_ended(house: House) -> None:
    await end(house.store, "1")
    (one,) = await due(house.store)
    await house.store.note_attempt(one.webhook_id, 1, GIVEN_UP)
    assert not await house.store.note_attempt(one.webhook_id, 2, OK)
    (told,) = await house.store.deliveries("acme", "t-1")
    assert (told.state, told.attempts[0].error) == ("failed", "AddressRefused")


async def test_a_delivery_that_ended_is_not_due_again(house: House) -> None:
    await end(house.store, "1")
    (one,) = await due(house.store)
    await house.store.note_attempt(one.webhook_id, 1, GIVEN_UP)
    await house.age_outbox(3_600)
    assert await due(house.store) == []


async def test_another_tenant_sees_no_log(store: TaskStore) -> None:
    await end(store, "1")
    for tenant, task_id in (("rival", "t-1"), ("acme", "t-none")):
        with pytest.raises(NotFound):
            await store.deliveries(tenant, task_id)


# -- 410 ------------------------------------------------------------------------------------------------------------------


async def test_410_ends_what_goes_to_the_same_url_of_the_same_tenant(house: House) -> None:
    store = house.store
    await end(store, "1")
    await house.age_outbox(5)
    await end(store, "2")
    await end(store, "other", url="https://other.example.com/")
    await end(store, "rival", tenant="rival")
    (first, *_) = await due(store, 1)
    await store.note_attempt(first.webhook_id, 1, GONE)
    left = await due(store)
    assert {one.task_id for one in left} == {"t-other", "t-rival"}
    assert [(await store.deliveries("acme", f"t-{name}"))[0].state for name in "12"] == ["disabled"] * 2
    assert (await store.counters()).webhooks == {"disabled": 2}


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.05)])
async def test_a_url_that_was_gone_is_tried_again_once_that_has_expired(house: House) -> None:
    await end(house.store, "1")
    (one,) = await due(house.store)
    await house.store.note_attempt(one.webhook_id, 1, GONE)
    names = iter(range(1_000))

    async def told() -> bool:
        await end(house.store, f"later-{next(names)}")
        return bool(await due(house.store))

    await wait_until("its 410 is forgotten", told)


# -- deletion and expiry --------------------------------------------------------------------------------------------------


async def test_a_deleted_assessment_takes_its_deliveries_with_it(house: House) -> None:
    await end(house.store, "1")
    (one,) = await due(house.store)
    await house.store.delete_assessment("acme", "a-1")
    assert not await house.store.note_attempt(one.webhook_id, 1, AGAIN)
    await house.age_outbox(1e6)
    assert await due(house.store) == []


async def test_the_end_by_deletion_is_told_to_nobody(house: House) -> None:
    await accept(house.store, "1")
    (claim,) = await house.store.claim("d", 1)
    await house.store.delete_assessment("acme", "a-1")
    await house.store.finish("t-1", claim.fence, TaskState.REVOKED)
    await accept(house.store, "2")
    await house.store.delete_assessment("acme", "a-2")
    assert await due(house.store) == []


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.05, tombstone_s=60)])
async def test_an_ended_delivery_expires_as_a_result_does(house: House) -> None:
    await end(house.store, "1")
    (one,) = await due(house.store)
    await house.store.note_attempt(one.webhook_id, 1, OK)

    async def expired() -> bool:
        return await house.store.deliveries("acme", "t-1") == ()

    await wait_until("the delivery expires", expired)


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.05, tombstone_s=60)])
async def test_a_delivery_that_waits_outlives_the_result(house: House) -> None:
    await end(house.store, "1")

    async def expired() -> bool:
        try:
            await house.store.assessment("acme", "a-1")
        except Gone:
            return True
        return False

    await wait_until("the assessment expires", expired)
    assert len(await due(house.store)) == 1


# -- secrets --------------------------------------------------------------------------------------------------------------


async def test_a_tenant_has_one_secret(store: TaskStore) -> None:
    first = await store.signing_secrets("acme", "whsec_one")
    again = await store.signing_secrets("acme", "whsec_two")
    assert first == again
    assert (first.current.secret, first.former, first.current.previous_until) == ("whsec_one", (), None)
    assert (await store.signing_secrets("rival", "whsec_three")).current.secret == "whsec_three"


async def test_after_a_rotation_both_sign_for_a_while(store: TaskStore) -> None:
    await store.signing_secrets("acme", "whsec_one")
    rotated = await store.rotate_secret("acme", "whsec_two")
    assert (rotated.current.secret, rotated.former) == ("whsec_two", ("whsec_one",))
    assert rotated.current.previous_until is not None
    assert rotated.current.previous_until > rotated.current.created_at
    assert (
        await store.rotate_secret("acme", "whsec_two") == rotated
    )  # the answer was lost, the call sent again
    assert await store.signing_secrets("acme", "whsec_none") == rotated


async def test_a_rotation_asked_for_twice_does_not_shut_out_who_knows_the_first(store: TaskStore) -> None:
    for number in range(6):
        rotated = await store.rotate_secret("acme", f"whsec_{number}")
    assert (rotated.current.secret, rotated.former) == ("whsec_5", ("whsec_4", "whsec_3", "whsec_2"))


async def test_the_same_rotation_sent_again_rotates_once(store: TaskStore) -> None:
    await store.rotate_secret("acme", "whsec_1")
    await store.rotate_secret("acme", "whsec_2")
    again = await store.rotate_secret("acme", "whsec_2")
    assert (again.current.secret, again.former) == ("whsec_2", ("whsec_1",))


async def test_a_rotation_without_a_secret_makes_the_first(store: TaskStore) -> None:
    made = await store.rotate_secret("acme", "whsec_one")
    assert (made.current.secret, made.former) == ("whsec_one", ())


async def test_no_secret_is_seen_in_a_repr(store: TaskStore) -> None:
    await store.signing_secrets("acme", "whsec_one")
    assert "whsec" not in repr(await store.rotate_secret("acme", "whsec_two"))


def test_the_former_secret_signs_for_a_day() -> None:
    assert SECRET_GRACE_S == 86_400


# -- keys, over Redis alone -----------------------------------------------------------------------------------------------


@pytest.fixture
async def redis_house(valkey: EmbeddedStore) -> AsyncIterator[RedisHouse]:
    opened = RedisHouse(valkey.url, StoreLimits())
    yield opened
    await opened.close()


async def for_ever(house: RedisHouse) -> set[str]:
    found = [key async for key in house.raw.scan_iter(match=f"{house.prefix}*", count=1_000)]
    return {key.decode().removeprefix(house.prefix) for key in found if await house.raw.pttl(key) == -1}


@pytest.mark.parametrize("said", [OK, GIVEN_UP, GONE])
async def test_after_the_last_delivery_no_key_stays_for_ever(
    redis_house: RedisHouse, said: Attempted
) -> None:
    store = redis_house.store
    for name in ("1", "2", "deleted"):
        await end(store, name, url=f"https://example.com/{name}")
    await store.delete_assessment("acme", "a-deleted")
    for one in await due(store):
        await store.note_attempt(one.webhook_id, 1, AGAIN)
    assert {"outbox", "outbox:acme", "webhooks:t-1", "webhooks:t-2"} <= await for_ever(redis_house)
    await redis_house.age_outbox(61)
    for one in await due(store):
        await store.note_attempt(one.webhook_id, 2, said)
    assert await for_ever(redis_house) == {"counters"}


async def test_deletion_leaves_nothing_in_the_outbox(redis_house: RedisHouse) -> None:
    await end(redis_house.store, "1")
    await redis_house.store.delete_assessment("acme", "a-1")
    assert await for_ever(redis_house) == {"counters"}


async def test_secrets_lie_in_one_key_alone(redis_house: RedisHouse) -> None:
    await redis_house.store.signing_secrets("acme", "whsec_c2VjcmV0")
    await end(redis_house.store, "1")
    (one,) = await due(redis_house.store)
    await redis_house.store.note_attempt(one.webhook_id, 1, OK)
    holders = []
    async for key in redis_house.raw.scan_iter(match=f"{redis_house.prefix}*", count=1_000):
        if b"whsec_" in (await redis_house.raw.dump(key) or b""):
            holders.append(key.decode().removeprefix(redis_house.prefix))
    assert holders == ["webhook-secrets"]
