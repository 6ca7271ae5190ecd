"""Drafts, their input, deletion."""

from __future__ import annotations

import pytest

from infra_mind.errors import Conflict, Gone, NotFound
from infra_mind.model.task import AssessmentStatus, StartOptions, TaskState
from infra_mind.tasks.store import Kept, StoreLimits, TaskStore
from tests.contract.houses import AGENTS, accept, accept_and_claim
from tests.stores import wait_until


async def test_a_new_assessment_is_a_draft(store: TaskStore) -> None:
    made = await store.create_assessment("acme", "a-1", "Clinic", b"brief", 3)
    assert (made.status, made.name, made.artefact_files, made.task_id) == ("draft", "Clinic", 3, None)
    assert await store.assessment("acme", "a-1") == made


@pytest.mark.parametrize("size", [0, 10, 256 * 1024, 256 * 1024 + 1, 3_000_000])
async def test_input_comes_back_byte_for_byte(store: TaskStore, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    await store.create_assessment("acme", "a-1", "Clinic", data, 0)
    assert await store.assessment_input("a-1") == data


async def test_a_draft_can_be_changed(store: TaskStore) -> None:
    made = await store.create_assessment("acme", "a-1", "Clinic", b"old", 0)
    changed = await store.change_assessment("acme", "a-1", "Hospital", b"new", 2)
    assert (changed.name, changed.artefact_files, changed.created_at) == ("Hospital", 2, made.created_at)
    assert await store.assessment_input("a-1") == b"new"


async def test_creating_the_same_draft_again_is_one_draft(store: TaskStore) -> None:
    made = await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    again = await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    assert again.created_at == made.created_at
    assert len((await store.assessments("acme")).items) == 1


async def test_a_taken_id_is_a_conflict_for_another_tenant(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    with pytest.raises(Conflict):
        await store.create_assessment("other", "a-1", "Theirs", b"y", 0)
    assert await store.assessment_input("a-1") == b"x"


async def test_a_started_assessment_cannot_be_changed(store: TaskStore) -> None:
    await accept(store, "1")
    with pytest.raises(Conflict) as refused:
        await store.change_assessment("acme", "a-1", "Clinic", b"new", 0)
    assert refused.value.state == "in_progress"
    assert await store.assessment_input("a-1") == b"brief"


async def test_unknown_and_foreign_assessments_are_not_found(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    for tenant, assessment_id in (("other", "a-1"), ("acme", "a-2")):
        with pytest.raises(NotFound):
            await store.assessment(tenant, assessment_id)
        with pytest.raises(NotFound):
            await store.change_assessment(tenant, assessment_id, "x", b"y", 0)
        with pytest.raises(NotFound):
            await store.delete_assessment(tenant, assessment_id)
        with pytest.raises(NotFound):
            await store.accept(tenant, assessment_id, "t-9", StartOptions(), AGENTS)
    with pytest.raises(NotFound):
        await store.assessment_input("a-2")


async def test_a_deleted_draft_is_gone(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)
    assert await store.delete_assessment("acme", "a-1") is None
    with pytest.raises(NotFound):
        await store.assessment("acme", "a-1")
    with pytest.raises(NotFound):
        await store.assessment_input("a-1")
    assert (await store.assessments("acme")).items == ()


async def test_deleting_an_ended_assessment_removes_task_result_and_what_was_kept(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.keep(claim.task_id, claim.fence, Kept("cloud", "h", b"d"), agent=None, seconds=0)
    await store.finish(claim.task_id, claim.fence, TaskState.SUCCESS, result=b"r")
    assert await store.delete_assessment("acme", "a-1") is None
    with pytest.raises(NotFound):
        await store.task("acme", "t-1")
    with pytest.raises(NotFound):
        await store.result("acme", "t-1")
    assert await store.kept("t-1") == {}
    assert (await store.tasks("acme")).items == ()


async def test_deleting_a_queued_assessment_takes_it_out_of_the_queue(store: TaskStore) -> None:
    await accept(store, "1")
    assert await store.delete_assessment("acme", "a-1") == "t-1"
    assert await store.claim("d", 10) == []
    with pytest.raises(NotFound):
        await store.task("acme", "t-1")
    assert sum((await store.queue_stats()).depth.values()) == 0


async def test_deleting_a_running_assessment_cancels_and_removes_all_at_its_end(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    assert await store.delete_assessment("acme", "a-1") == "t-1"
    with pytest.raises(NotFound):
        await store.assessment("acme", "a-1")
    with pytest.raises(NotFound):  # deleting twice
        await store.delete_assessment("acme", "a-1")
    assert (await store.task("acme", "t-1")).cancel_requested
    assert await store.renew([("t-1", claim.fence)]) == ["cancel"]
    assert await store.finish("t-1", claim.fence, TaskState.REVOKED) == "done"
    with pytest.raises(NotFound):
        await store.task("acme", "t-1")
    with pytest.raises(NotFound):
        await store.assessment_input("a-1")
    assert (await store.tasks("acme")).items == ()


async def test_deleting_removes_the_earlier_tasks_of_a_restarted_assessment_at_once(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.finish("t-1", claim.fence, TaskState.SUCCESS, result=b"r")
    await store.accept("acme", "a-1", "t-2", StartOptions(), AGENTS)
    (second,) = await store.claim("d", 1)
    assert await store.delete_assessment("acme", "a-1") == "t-2"
    with pytest.raises(NotFound):
        await store.result("acme", "t-1")
    await store.finish("t-2", second.fence, TaskState.REVOKED)
    with pytest.raises(NotFound):
        await store.task("acme", "t-2")


@pytest.mark.parametrize("limits", [StoreLimits(draft_ttl_s=0.4)])
async def test_a_draft_nobody_starts_expires(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-1", "Clinic", b"x", 0)

    async def gone() -> bool:
        try:
            await store.assessment_input("a-1")
        except NotFound:
            return (await store.assessments("acme")).items == ()
        return False

    await wait_until("the draft has expired", gone)


@pytest.mark.parametrize("limits", [StoreLimits(draft_ttl_s=0.4)])
async def test_a_started_draft_does_not_expire(store: TaskStore) -> None:
    await store.create_assessment("acme", "other", "Other", b"x", 0)
    await accept(store, "1")

    async def other_gone() -> bool:
        try:
            await store.assessment("acme", "other")
        except NotFound:
            return True
        return False

    await wait_until("an unstarted draft of the same age has expired", other_gone)
    assert (await store.assessment("acme", "a-1")).status is AssessmentStatus.IN_PROGRESS
    assert await store.assessment_input("a-1") == b"brief"


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.05, tombstone_s=60)])
async def test_an_expired_assessment_is_gone_to_its_tenant_and_unknown_to_others(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.finish(claim.task_id, claim.fence, TaskState.SUCCESS, result=b"r")
    await wait_until("it has expired", lambda: is_gone(store))
    with pytest.raises(NotFound):
        await store.assessment("other", "a-1")
    with pytest.raises(Gone):
        await store.accept("acme", "a-1", "t-2", StartOptions(), AGENTS)
    with pytest.raises(Gone):
        await store.change_assessment("acme", "a-1", "x", b"y", 0)
    with pytest.raises(Gone):
        await store.delete_assessment("acme", "a-1")
    assert (await store.assessments("acme")).items == ()


async def is_gone(store: TaskStore) -> bool:
    try:
        await store.assessment("acme", "a-1")
    except Gone:
        return True
    return False


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.05, tombstone_s=1.5)])
async def test_after_the_tombstone_an_assessment_is_not_found(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.finish(claim.task_id, claim.fence, TaskState.REVOKED)
    await wait_until("it has expired", lambda: is_gone(store))

    async def forgotten() -> bool:
        try:
            await store.assessment("acme", "a-1")
        except NotFound:
            return True
        except Gone:
            return False
        return False

    await wait_until("its tombstone has expired", forgotten)


async def test_a_deleted_assessment_leaves_no_tombstone(store: TaskStore) -> None:
    claim = await accept_and_claim(store, "1")
    await store.finish(claim.task_id, claim.fence, TaskState.SUCCESS, result=b"r")
    await store.delete_assessment("acme", "a-1")
    with pytest.raises(NotFound):
        await store.assessment("acme", "a-1")
