"""Very large results lie in object storage: committed exactly once, gone with their time, nothing left behind whatever dies.

Both stores, over a folder and over a real S3 server on loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import boto3
import pytest

from infra_mind.errors import Gone, OptionInvalid, ResultLost, TaskFailed, Unavailable
from infra_mind.model.task import StartOptions, TaskState
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.objects import Objects
from infra_mind.tasks.redis.running import Running as RedisRunning
from infra_mind.tasks.store import Commit, Kept, StoreLimits, TaskStore
from tests.contract.houses import AGENTS, House, RedisHouse, accept_and_claim, open_house
from tests.s3 import BUCKET, s3_server
from tests.stores import wait_until

ABOVE = 2_000
HOUR, DAY = 3_600.0, 86_400.0
LARGE = random.Random(1).randbytes(ABOVE + 1)  # does not compress
OTHER = random.Random(2).randbytes(ABOVE + 1)


@pytest.fixture
def limits() -> StoreLimits:
    return StoreLimits(objects_above=ABOVE, compress_above=500)


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


class Storage(Objects):
    """Object storage, and what an operator sees in it."""

    names: Callable[[], set[str]]
    damage: Callable[[str], None]
    lose: Callable[[str], None]


@pytest.fixture(params=["file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    return _folder(tmp_path) if request.param == "file" else _bucket(request, tmp_path.name, monkeypatch)


def _folder(tmp_path: Path) -> Storage:
    folder = tmp_path / "objects"
    storage = Storage(f"file://{folder}")
    storage.names = lambda: {path.name for path in folder.glob("*")}

    def damage(name: str) -> None:
        (folder / name).write_bytes(b"torn")

    storage.damage = damage
    storage.lose = lambda name: (folder / name).unlink()
    return storage


def _bucket(request: pytest.FixtureRequest, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Storage:
    environment = request.getfixturevalue("s3")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT"], region_name="us-east-1")
    storage = Storage(f"s3://{BUCKET}/{prefix}")

    def names() -> set[str]:
        found = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix + "/").get("Contents", [])
        return {one["Key"].removeprefix(prefix + "/") for one in found}

    storage.names = names
    storage.damage = lambda name: (
        client.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=b"torn") and None
    )
    storage.lose = lambda name: client.delete_object(Bucket=BUCKET, Key=f"{prefix}/{name}") and None
    return storage


@pytest.fixture(params=["memory", "redis"])
async def house(
    request: pytest.FixtureRequest, valkey: EmbeddedStore, limits: StoreLimits, storage: Storage
) -> AsyncIterator[House]:
    async with open_house(request.param, valkey.url, limits, storage) as opened:
        yield opened


async def keep(store: TaskStore, fence: int, data: bytes, inputs_hash: str = "h") -> Commit:
    return await store.keep("t-1", fence, Kept("cloud", inputs_hash, data), agent=None, seconds=0)


async def finish(store: TaskStore, fence: int = 1, data: bytes = LARGE) -> Commit:
    return await store.finish("t-1", fence, TaskState.SUCCESS, result=data)


async def ended_with(house: House, data: bytes = LARGE) -> None:
    await accept_and_claim(house.store, "1")
    assert await finish(house.store, data=data) == Commit.DONE


# -- where results lie ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "objects"), [(0, 0), (ABOVE, 0), (ABOVE + 1, 1), (50 * ABOVE, 1)])
async def test_results_over_the_limit_are_objects_and_come_back(
    house: House, storage: Storage, size: int, objects: int
) -> None:
    data = random.Random(3).randbytes(size)
    await ended_with(house, data)
    assert await house.store.result("acme", "t-1") == data
    assert len(storage.names()) == objects
    if isinstance(house, RedisHouse):
        assert await house.raw.strlen(f"{house.prefix}result:t-1") <= ABOVE + 1


async def test_an_object_is_compressed(house: House, storage: Storage) -> None:
    data = b"resource " * 100_000
    await ended_with(house, data)
    assert await house.store.result("acme", "t-1") == data
    (name,) = storage.names()
    assert len(await storage.get(name) or b"") < len(data) / 10


async def test_an_object_names_its_task_and_fence(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")
    await house.end_leases()
    await house.store.claim("other", 1)
    await finish(house.store, 2)
    (name,) = storage.names()
    assert name.startswith("t-1.2.result.")


async def test_kept_results_over_the_limit_are_objects_too(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")
    assert await keep(house.store, 1, LARGE) == Commit.DONE
    await house.end_leases()
    await house.store.claim("other", 1)
    assert await house.store.kept("t-1") == {"cloud": Kept("cloud", "h", LARGE)}
    assert len(storage.names()) == 1


async def test_without_object_storage_all_stays_in_the_store(
    valkey: EmbeddedStore, limits: StoreLimits
) -> None:
    for kind in ("memory", "redis"):
        async with open_house(kind, valkey.url, limits) as house:
            await ended_with(house)
            assert await house.store.result("acme", "t-1") == LARGE
            assert await house.store.sweep_objects() == 0


# -- exactly once ---------------------------------------------------------------------------------------------------------


async def test_what_a_running_or_ended_task_needs_is_not_swept(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")
    await keep(house.store, 1, OTHER)
    await house.age_objects(30 * DAY)
    assert await house.store.sweep_objects() == 0
    await finish(house.store)
    await house.age_objects(DAY - HOUR)
    assert await house.store.sweep_objects() == 0
    assert await house.store.result("acme", "t-1") == LARGE
    assert len(storage.names()) == 2


async def test_the_object_of_a_stale_commit_is_removed(house: House, storage: Storage) -> None:
    """The lease is lost while the object is being written."""
    await accept_and_claim(house.store, "1")

    async def lose_the_lease() -> None:
        await house.end_leases()
        await house.store.claim("other", 1)

    interrupt(storage, lose_the_lease)
    assert await finish(house.store, 1) == Commit.STALE
    assert len(storage.names()) == 1
    assert await house.store.sweep_objects() == 1
    assert storage.names() == set()
    assert await finish(house.store, 2, OTHER) == Commit.DONE
    assert await house.store.result("acme", "t-1") == OTHER


async def test_the_object_of_a_stale_keep_is_removed(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")

    async def lose_the_lease() -> None:
        await house.end_leases()
        await house.store.claim("other", 1)

    interrupt(storage, lose_the_lease)
    assert await keep(house.store, 1, LARGE) == Commit.STALE
    assert await house.store.sweep_objects() == 1
    assert storage.names() == set()


async def test_a_cancel_while_the_object_is_written_removes_it(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")

    async def cancel() -> None:
        await house.store.cancel("acme", "t-1")

    interrupt(storage, cancel)
    assert await finish(house.store) == Commit.CANCELLED
    assert await house.store.sweep_objects() == 1
    assert storage.names() == set()


async def test_under_a_stale_fence_nothing_is_written_at_all(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")
    await house.end_leases()
    await house.store.claim("other", 1)
    assert await finish(house.store, 1) == Commit.STALE
    assert await keep(house.store, 1, LARGE) == Commit.STALE
    assert storage.names() == set()


async def test_the_same_commit_again_changes_nothing(house: House, storage: Storage) -> None:
    """An answer was lost, and the call is repeated."""
    await accept_and_claim(house.store, "1")
    assert [await keep(house.store, 1, OTHER) for _ in range(2)] == [Commit.DONE] * 2
    assert [await finish(house.store) for _ in range(2)] == [Commit.DONE] * 2
    assert await keep(house.store, 1, OTHER) == Commit.STALE  # it has ended, and what was kept stays
    await house.age_objects(HOUR + 1)
    assert await house.store.sweep_objects() == 0
    assert len(storage.names()) == 2
    assert await house.store.result("acme", "t-1") == LARGE


async def test_a_repeated_keep_after_the_lease_was_lost_leaves_what_was_kept(
    house: House, storage: Storage
) -> None:
    await accept_and_claim(house.store, "1")
    await keep(house.store, 1, LARGE)
    await house.end_leases()
    await house.store.claim("other", 1)
    assert await keep(house.store, 1, LARGE) == Commit.STALE
    assert await house.store.sweep_objects() == 0
    assert (await house.store.kept("t-1"))["cloud"].data == LARGE


async def test_a_repeated_keep_stays_kept_however_long_the_task_runs(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")
    assert [await keep(house.store, 1, LARGE) for _ in range(2)] == [Commit.DONE] * 2
    await house.age_objects(HOUR + 1)
    assert await house.store.sweep_objects() == 0
    assert (await house.store.kept("t-1"))["cloud"].data == LARGE


async def test_a_crash_between_write_and_commit_leaves_nothing(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")

    async def die() -> None:
        raise asyncio.CancelledError

    interrupt(storage, die)
    with pytest.raises(asyncio.CancelledError):
        await finish(house.store)
    assert len(storage.names()) == 1
    await house.age_objects(HOUR - 60)
    assert await house.store.sweep_objects() == 0
    await house.age_objects(61)
    assert await house.store.sweep_objects() == 1
    assert storage.names() == set()


async def test_what_was_condemned_cannot_be_committed(house: House, storage: Storage) -> None:
    """The write took longer than the grace: better done again than committed and removed."""
    await accept_and_claim(house.store, "1")

    async def sweep_in_between() -> None:
        await house.age_objects(HOUR + 1)
        await house.store.sweep_objects()

    interrupt(storage, sweep_in_between, before=True)
    assert await finish(house.store) == Commit.STALE
    assert (await house.store.task("acme", "t-1")).state == "STARTED"
    assert await house.store.sweep_objects() == 1
    assert storage.names() == set()


async def test_a_kept_result_that_is_replaced_is_removed(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")
    await keep(house.store, 1, LARGE, "h1")
    await keep(house.store, 1, OTHER, "h2")
    assert await house.store.sweep_objects() == 1
    assert (await house.store.kept("t-1"))["cloud"].data == OTHER
    await keep(house.store, 1, b"small now", "h3")
    assert await house.store.sweep_objects() == 1
    assert (await house.store.kept("t-1"))["cloud"].data == b"small now"
    assert storage.names() == set()


async def test_sweepers_side_by_side_remove_each_object_once(house: House, storage: Storage) -> None:
    for i in range(8):
        await accept_and_claim(house.store, str(i))
        await house.store.finish(f"t-{i}", 1, TaskState.SUCCESS, result=LARGE)
    await house.age_objects(DAY + 1)
    assert sum(await asyncio.gather(*(house.store.sweep_objects() for _ in range(4)))) == 8
    assert storage.names() == set()


async def test_a_sweeper_that_died_is_followed_by_another(house: House, storage: Storage) -> None:
    await ended_with(house)
    await house.age_objects(DAY + 1)
    fail_once(storage, "delete")
    with pytest.raises(Unavailable):
        await house.store.sweep_objects()
    assert await house.store.sweep_objects() == 0  # somebody may still be at it
    await house.age_objects(61)
    assert await house.store.sweep_objects() == 1
    assert storage.names() == set()


# -- their time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limits", [StoreLimits(objects_above=ABOVE, result_ttl_s=0.3, tombstone_s=60)], ids=["short"]
)
async def test_an_expired_result_is_gone_with_its_object(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")
    await keep(house.store, 1, OTHER)
    await finish(house.store)

    async def swept() -> bool:
        await house.store.sweep_objects()
        return not storage.names()

    await wait_until("both objects are removed", swept)
    with pytest.raises(Gone):
        await house.store.result("acme", "t-1")
    if isinstance(house, RedisHouse):
        assert await house.raw.exists(f"{house.prefix}objects", f"{house.prefix}condemned") == 0


@pytest.mark.parametrize("end", [TaskState.FAILURE, TaskState.REVOKED])
async def test_what_a_failed_task_kept_expires_too(house: House, storage: Storage, end: TaskState) -> None:
    await accept_and_claim(house.store, "1")
    await keep(house.store, 1, LARGE)
    await house.store.finish("t-1", 1, end)
    with pytest.raises(TaskFailed):
        await house.store.result("acme", "t-1")
    assert (await house.store.kept("t-1"))["cloud"].data == LARGE
    await house.age_objects(DAY + 1)
    assert await house.store.sweep_objects() == 1
    assert storage.names() == set()


async def test_deleting_an_assessment_removes_its_objects(house: House, storage: Storage) -> None:
    await ended_with(house)
    await house.store.accept("acme", "a-1", "t-2", StartOptions(), AGENTS)
    await house.store.claim("d", 1)
    await house.store.keep("t-2", 1, Kept("cloud", "h", OTHER), agent=None, seconds=0)
    assert len(storage.names()) == 2
    await house.store.delete_assessment("acme", "a-1")
    assert await house.store.sweep_objects() == 1  # the first task's; the second one still runs
    await house.store.finish("t-2", 1, TaskState.REVOKED)
    assert await house.store.sweep_objects() == 1
    assert storage.names() == set()


async def test_nothing_is_listed_once_everything_is_removed(house: House, storage: Storage) -> None:
    await ended_with(house)
    await house.store.delete_assessment("acme", "a-1")
    assert await house.store.sweep_objects() == 1
    if isinstance(house, RedisHouse):
        left = {key async for key in house.raw.scan_iter(match=f"{house.prefix}*")}
        assert not {key for key in left if b"objects" in key or b"condemned" in key or b"expired" in key}


# -- lost, damaged, away --------------------------------------------------------------------------------------------------


async def test_an_object_missing_before_its_time_is_said(house: House, storage: Storage) -> None:
    await ended_with(house)
    (name,) = storage.names()
    storage.lose(name)
    with pytest.raises(ResultLost, match="missing"):
        await house.store.result("acme", "t-1")


async def test_a_damaged_object_is_said(house: House, storage: Storage) -> None:
    await ended_with(house)
    (name,) = storage.names()
    storage.damage(name)
    with pytest.raises(ResultLost, match="damaged"):
        await house.store.result("acme", "t-1")


async def test_a_kept_result_whose_object_is_missing_is_reckoned_again(
    house: House, storage: Storage
) -> None:
    await accept_and_claim(house.store, "1")
    await keep(house.store, 1, LARGE)
    await house.store.keep("t-1", 1, Kept("cost", "h", b"small"), agent=None, seconds=0)
    (name,) = storage.names()
    storage.lose(name)
    assert set(await house.store.kept("t-1")) == {"cost"}


async def test_a_new_assessment_begins_without_what_lies_in_an_object_of_another_task(
    house: House, storage: Storage
) -> None:
    store = house.store
    claim = await accept_and_claim(store, "1")
    for step, data in (("cloud", LARGE), ("cost", b"small")):
        await store.keep(claim.task_id, claim.fence, Kept(step, "h", data), agent=None, seconds=1)
    await store.finish(
        claim.task_id, claim.fence, TaskState.SUCCESS, result=b"r", assessment_status="completed"
    )
    await store.create_assessment("acme", "a-2", "What if", b"y", 0)
    await store.accept("acme", "a-2", "t-2", StartOptions(), AGENTS, kept_from=claim.task_id)
    assert await store.kept("t-2") == {"cost": Kept("cost", "h", b"small")}
    assert (await store.kept(claim.task_id))["cloud"].data == LARGE


async def test_while_the_storage_is_away_nothing_is_committed(house: House, storage: Storage) -> None:
    await accept_and_claim(house.store, "1")
    fail_once(storage, "put")
    with pytest.raises(Unavailable):
        await finish(house.store)
    assert (await house.store.task("acme", "t-1")).state == "STARTED"
    assert await finish(house.store) == Commit.DONE
    assert await house.store.result("acme", "t-1") == LARGE


async def test_a_storage_that_refuses_leaves_the_result_in_the_store(
    valkey: EmbeddedStore, limits: StoreLimits, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    for kind in ("memory", "redis"):
        async with open_house(kind, valkey.url, limits, Objects("s3://no-such-bucket-here")) as house:
            await ended_with(house)
            assert await house.store.result("acme", "t-1") == LARGE


async def test_an_object_storage_that_is_not_set_up_here_is_said(
    valkey: EmbeddedStore, limits: StoreLimits, tmp_path: Path
) -> None:
    async with open_house("redis", valkey.url, limits, _folder(tmp_path)) as house:
        await ended_with(house)
        assert isinstance(house.store, RedisRunning)
        house.store._stowage.objects = None
        with pytest.raises(ResultLost, match="INFRA_MIND_OBJECTS_URL"):
            await house.store.result("acme", "t-1")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/x",
        "s3://",
        "file://host/x",
        "file:relative",
        "s3://key:secret@bucket",
        "s3://b?secret=1",
    ],
)
def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(OptionInvalid) as refused:
        Objects(url)
    assert "secret" not in str(refused.value)


async def test_a_folder_of_objects_is_for_its_owner_and_loses_broken_off_writes(tmp_path: Path) -> None:
    objects, folder = Objects(f"file://{tmp_path}/objects"), tmp_path / "objects"
    await objects.put("one", b"1")
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "two#1").write_bytes(b"half of")
    await objects.delete("two")
    assert [path.name for path in folder.iterdir()] == ["one"]


# -- steps ----------------------------------------------------------------------------------------------------------------


def interrupt(storage: Objects, what: Callable[[], Awaitable[None]], *, before: bool = False) -> None:
    """Lets `what` happen once, just after the next object was written (or before)."""
    put = storage.put

    async def interrupted(name: str, data: bytes) -> None:
        storage.put = put  # type: ignore[method-assign]
        if before:
            await what()
        await put(name, data)
        if not before:
            await what()

    storage.put = interrupted  # type: ignore[method-assign]


def fail_once(storage: Objects, name: str) -> None:
    """The next call finds the storage away."""
    call = getattr(storage, name)

    async def failing(*_: object) -> None:
        setattr(storage, name, call)
        raise Unavailable("The object storage is away.")

    setattr(storage, name, failing)
