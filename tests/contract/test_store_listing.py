"""Listings: newest first, in pages, each tenant its own."""

from __future__ import annotations

import pytest

from infra_mind.errors import NotFound, OptionInvalid
from infra_mind.model.task import TaskState
from infra_mind.tasks.store import StoreLimits, TaskStore
from tests.contract.houses import accept, accept_and_claim
from tests.stores import wait_until


async def ids_by_page(store: TaskStore, limit: int, *, tasks: bool) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        if tasks:
            found = await store.tasks("acme", cursor=cursor, limit=limit)
            pages.append([task.task_id for task in found.items])
            cursor = found.next_cursor
        else:
            drafts = await store.assessments("acme", cursor=cursor, limit=limit)
            pages.append([one.assessment_id for one in drafts.items])
            cursor = drafts.next_cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 150])
async def test_pages_hold_everything_once_newest_first(store: TaskStore, limit: int) -> None:
    for i in range(7):
        await accept(store, str(i))
    for prefix, tasks in (("t", True), ("a", False)):
        pages = await ids_by_page(store, limit, tasks=tasks)
        assert [one for page in pages for one in page] == [f"{prefix}-{i}" for i in reversed(range(7))]
        assert all(len(page) == limit for page in pages[:-1])
        assert pages[-1]


async def test_a_page_is_not_moved_by_what_comes_later(store: TaskStore) -> None:
    for i in range(4):
        await accept(store, str(i))
    first = await store.tasks("acme", limit=2)
    await accept(store, "new")
    second = await store.tasks("acme", limit=2, cursor=first.next_cursor)
    assert [task.task_id for task in second.items] == ["t-1", "t-0"]


async def test_more_than_one_batch_is_read(store: TaskStore) -> None:
    for i in range(230):
        await store.create_assessment("acme", f"a-{i:03}", "even" if i % 2 == 0 else "odd", b"", 0)
    found = await store.assessments("acme", name="even", limit=110)
    assert [one.assessment_id for one in found.items] == [f"a-{i:03}" for i in range(228, 8, -2)]
    rest = await store.assessments("acme", name="even", limit=110, cursor=found.next_cursor)
    assert [one.assessment_id for one in rest.items] == ["a-008", "a-006", "a-004", "a-002", "a-000"]
    assert rest.next_cursor is None


async def test_tasks_by_state(store: TaskStore) -> None:
    await accept_and_claim(store, "run")
    await accept(store, "wait")
    assert [t.task_id for t in (await store.tasks("acme", state=TaskState.PENDING)).items] == ["t-wait"]
    assert [t.task_id for t in (await store.tasks("acme", state=TaskState.STARTED)).items] == ["t-run"]
    assert (await store.tasks("acme", state=TaskState.SUCCESS)).items == ()


async def test_assessments_by_status_name_and_time(store: TaskStore) -> None:
    await store.create_assessment("acme", "a-old", "Größe Clinic", b"", 0)
    old = await store.assessment("acme", "a-old")

    async def later() -> bool:
        made = await store.create_assessment("acme", "a-new", "Clinic north", b"", 0)
        if made.created_at > old.created_at:
            return True
        await store.delete_assessment("acme", "a-new")
        return False

    await wait_until("a millisecond has passed", later)
    await accept(store, "started")

    async def ids(**filters: str) -> list[str]:
        return [one.assessment_id for one in (await store.assessments("acme", **filters)).items]  # type: ignore[arg-type]

    assert await ids(name="CLINIC") == ["a-new", "a-old"]
    assert await ids(name="GRÖSSE") == ["a-old"]
    assert await ids(status="draft") == ["a-new", "a-old"]
    assert await ids(status="in_progress") == ["a-started"]
    assert await ids(status="draft", created_after=old.created_at) == ["a-new"]
    assert await ids(name="nothing") == []


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "MTIz", "eDph", "MTIzOg", "☃", "a" * 5_000])
async def test_a_bad_cursor_is_an_invalid_option(store: TaskStore, cursor: str) -> None:
    with pytest.raises(OptionInvalid):
        await store.tasks("acme", cursor=cursor)
    with pytest.raises(OptionInvalid):
        await store.assessments("acme", cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_page_has_bounds(store: TaskStore, limit: int) -> None:
    with pytest.raises(OptionInvalid):
        await store.tasks("acme", limit=limit)
    with pytest.raises(OptionInvalid):
        await store.assessments("acme", limit=limit)


async def test_a_bad_time_is_an_invalid_option(store: TaskStore) -> None:
    with pytest.raises(OptionInvalid):
        await store.assessments("acme", created_after="yesterday")


async def test_tenants_do_not_see_each_other(store: TaskStore) -> None:
    await accept(store, "1", tenant="acme")
    await accept(store, "2", tenant="other")
    for tenant, own, foreign in (("acme", "1", "2"), ("other", "2", "1")):
        assert [t.task_id for t in (await store.tasks(tenant)).items] == [f"t-{own}"]
        assert [a.assessment_id for a in (await store.assessments(tenant)).items] == [f"a-{own}"]
        with pytest.raises(NotFound):
            await store.task(tenant, f"t-{foreign}")
        with pytest.raises(NotFound):
            await store.result(tenant, f"t-{foreign}")
    assert (await store.task(None, "t-1")).task_id == "t-1"


@pytest.mark.parametrize("tenant", ["a:b", "a\nb", "ünïcode", "*", "a b"])
async def test_tenants_of_any_name_have_their_own(store: TaskStore, tenant: str) -> None:
    await accept(store, "1", tenant=tenant)
    await accept(store, "2", tenant="a")
    assert [task.task_id for task in (await store.tasks(tenant)).items] == ["t-1"]
    (first, _) = await store.claim("d", 2)
    assert first.tenant == tenant


@pytest.mark.parametrize("limits", [StoreLimits(draft_ttl_s=0.4)])
async def test_expired_records_leave_no_holes(store: TaskStore) -> None:
    for i in range(5):
        await store.create_assessment("acme", f"a-{i}", "x", b"", 0)
    await accept(store, "stays")

    async def only_one() -> bool:
        return len((await store.assessments("acme")).items) == 1

    await wait_until("the drafts have expired", only_one)
    page = await store.assessments("acme", limit=1)
    assert [one.assessment_id for one in page.items] == ["a-stays"]
    assert page.next_cursor is None
