"""A real server whose memory is full, that is read-only, whose disk is slow or full: clear errors, nothing lost, and on it goes."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from infra_mind.api.app import create_app
from infra_mind.errors import Unavailable
from infra_mind.model.api_key import new_key
from infra_mind.model.task import StartOptions, TaskState
from infra_mind.tasks.dispatcher import Dispatcher, DispatchLimits
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.execution import LocalExecutor, StepCall
from infra_mind.tasks.plan import Plan, Step
from infra_mind.tasks.redis import RedisStore, link
from infra_mind.tasks.store import Commit, Kept, StoreLimits
from tests.contract.houses import AGENTS, accept, accept_and_claim
from tests.stores import start_valkey, wait_until
from tests.unit.api.steps import LIMITS, NOW, client_of, problem, workers

PLAN = Plan((Step("a"), Step("sum", after=("a",), agent=False)))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with start_valkey(tmp_path / "store") as started:
        yield started


@asynccontextmanager
async def opened(server: EmbeddedStore, **options: Any) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url, StoreLimits(lease_s=0.5, restart_grace_s=0), **options)
    try:
        yield store
    finally:
        await store.close()


async def config(store: RedisStore, name: str, value: str | int) -> None:
    await store._link.commands.config_set(name, value)


async def fill(store: RedisStore) -> None:
    """No byte more than it has: from now on every command that could need memory is refused."""
    await config(store, "maxmemory", 1)


async def empty(store: RedisStore) -> None:
    await config(store, "maxmemory", 0)


# -- full -----------------------------------------------------------------------------------------------------------------


async def test_a_full_store_refuses_new_work_and_says_what_to_do(server: EmbeddedStore) -> None:
    async with opened(server) as store:
        await store.create_assessment("acme", "a-1", "x", b"", 0)
        await fill(store)
        for refused in (
            store.create_assessment("acme", "a-2", "x", b"", 0),
            store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS),
            store.ping(),
        ):
            with pytest.raises(Unavailable, match="out of memory: raise maxmemory or remove old assessments"):
                await refused
        await empty(store)
        assert (await store.assessment("acme", "a-1")).status == "draft"  # nothing was done by half
        assert (await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS)).created


async def test_a_full_store_is_a_503_that_says_so(server: EmbeddedStore) -> None:
    async with opened(server) as store:
        plain, key = new_key("acme", "", NOW)
        await store.put_key(key)
        await store.create_assessment("acme", "a-1", "x", b"", 0)
        app = create_app(store, agents=AGENTS, limits=LIMITS, workers=workers)
        async with client_of(app, plain) as http:
            await fill(store)
            answer = await http.post("/assessments/a-1/start")
            assert "out of memory" in problem(answer, 503)["detail"]
            assert int(answer.headers["retry-after"]) >= 1
            assert (await http.get("/assessments/a-1")).status_code == 200  # reading goes on
            await empty(store)
            assert (await http.post("/assessments/a-1/start")).status_code == 202


async def test_in_a_full_store_leases_are_held_and_room_can_be_made(server: EmbeddedStore) -> None:
    async with opened(server) as store:
        await accept_and_claim(store, "ended")
        await store.finish("t-ended", 1, TaskState.SUCCESS, result=b"r")
        await accept_and_claim(store, "runs")
        await accept(store, "waits")
        await fill(store)
        assert await store.renew([("t-runs", 1)]) == ["held"]
        with pytest.raises(Unavailable):
            await store.finish("t-runs", 1, TaskState.SUCCESS, result=b"r")
        assert await store.cancel("acme", "t-waits") == TaskState.REVOKED
        assert await store.delete_assessment("acme", "a-ended") is None
        await empty(store)
        assert await store.finish("t-runs", 1, TaskState.SUCCESS, result=b"r") == Commit.DONE
        assert await store.result("acme", "t-runs") == b"r"


def ends(call: StepCall, data: bytes, results: Mapping[str, bytes], stopped: object) -> bytes:
    return f"{call.task_id} {call.step}".encode()


@pytest.mark.parametrize("trouble", ["full", "read-only"])
async def test_what_was_accepted_before_ends_after(server: EmbeddedStore, trouble: str) -> None:
    """Dispatchers run all the while; what they cannot commit waits, and is right when it can."""
    async with opened(server) as store:
        for i in range(30):
            await store.create_assessment("acme", f"a-{i}", "x", b"{}", 0)
            await store.accept("acme", f"a-{i}", f"t-{i}", StartOptions(), PLAN.agents)
        limits = DispatchLimits(lease_s=0.5, poll_s=0.02, store_pause_s=0.02)
        made = [
            Dispatcher(
                f"d-{n}", node_id="n", plan=PLAN, store=store, executor=LocalExecutor(ends, slots=2), limits=limits,
                parts=lambda data: {}, chance=random.Random(n),
            ) for n in range(2)
        ]  # fmt: skip
        running = [asyncio.create_task(one.run()) for one in made]
        refused = 0
        for _ in range(3):
            ended = await ended_so_far(store)
            await break_it(store, trouble)
            for i in range(5):
                try:
                    await store.create_assessment("acme", f"late-{i}", "x", b"{}", 0)
                except Unavailable:
                    refused += 1
            await mend_it(store, trouble)
            await wait_until("it goes on", lambda ended=ended: more_than(store, ended))  # type: ignore[misc]
        assert refused == 15
        await wait_until("all that was accepted has ended", lambda: more_than(store, 29), within_s=60)
        for i in range(30):
            assert await store.result("acme", f"t-{i}") == f"t-{i} sum".encode()
        assert (await store.counters()).ended == {TaskState.SUCCESS: 30}
        for one in made:
            await one.drain()
        await asyncio.gather(*running)


async def ended_so_far(store: RedisStore) -> int:
    return sum((await store.counters()).ended.values())


async def more_than(store: RedisStore, count: int) -> bool:
    found = await ended_so_far(store)
    return found > count or found == 30


async def break_it(store: RedisStore, trouble: str) -> None:
    if trouble == "full":
        await fill(store)
    else:
        await store._link.commands.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]


async def mend_it(store: RedisStore, trouble: str) -> None:
    if trouble == "full":
        await empty(store)
    else:
        await store._link.commands.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]


# -- the disk -------------------------------------------------------------------------------------------------------------


async def test_a_snapshot_that_fails_stops_writes_until_it_works_again(
    server: EmbeddedStore, tmp_path: Path
) -> None:
    """MISCONF: the server refuses writes after a failed snapshot."""
    obstacle = tmp_path / "store" / "dump.rdb"
    obstacle.mkdir()
    async with opened(server) as store:
        await accept(store, "1")
        await config(store, "save", "3600 1")

        async def snapshot_is(status: str) -> bool:
            info: dict[str, Any] = await store._link.commands.info("persistence")
            return (info["rdb_bgsave_in_progress"], info["rdb_last_bgsave_status"]) == (0, status)

        await store._link.commands.bgsave()
        await wait_until("the snapshot has failed", lambda: snapshot_is("err"))
        with pytest.raises(Unavailable, match="cannot write to its disk: free space and check its log"):
            await accept(store, "2")
        assert (await store.task("acme", "t-1")).state == "PENDING"
        obstacle.rmdir()
        await store._link.commands.bgsave()
        await wait_until("the snapshot has worked", lambda: snapshot_is("ok"))
        await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS)  # the same task again: known
        assert len(await store.claim("d", 5)) == 1


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def take_all(path: Path) -> None:
    """Writes until there is no room left on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        with suppress(OSError):
            while os.write(descriptor, b"x" * 4096):
                pass
    finally:
        os.close(descriptor)


async def test_a_full_disk_stops_writes_until_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, start_valkey(disk / "store") as server:
        async with opened(server) as store:
            await accept(store, "1")
            ballast = disk / "ballast"
            take_all(ballast)
            noise = random.Random(1).randbytes(200_000)

            async def refused() -> bool:
                try:
                    await store.create_assessment("acme", "a-noise", "x", noise, 0)
                except Unavailable as error:
                    return "cannot write to its disk" in str(error)
                return False

            await wait_until("writes are refused", refused)
            ballast.unlink()

            async def taken() -> bool:
                return not await refused()

            await wait_until("writes are taken again", taken)
            assert {claim.task_id for claim in await store.claim("d", 5)} == {"t-1"}


async def test_strict_durability_does_not_answer_before_the_disk_has_it(server: EmbeddedStore) -> None:
    """A disk that takes its time: the append-only file is not flushed until the test lets it."""
    async with opened(server) as other, opened(server, durability="strict") as store:
        await config(other, "appendfsync", "no")
        await other.create_assessment("acme", "a-1", "x", b"", 0)
        accepting = asyncio.create_task(store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS))

        async def known() -> bool:
            return (await other.queue_stats()).depth["medium"] == 1  # type: ignore[index] # a StrEnum's own value

        await wait_until("the server has done it", known)
        assert not accepting.done()
        await config(other, "appendfsync", "everysec")
        assert (await accepting).task_id == "t-1"


async def test_strict_durability_that_is_not_confirmed_is_unavailable_and_repeating_it_is_one_task(
    server: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "DISK_TIMEOUT_MS", 50)
    async with opened(server) as other, opened(server, durability="strict") as store:
        await config(other, "appendfsync", "no")
        await other.create_assessment("acme", "a-1", "x", b"", 0)
        for _ in range(2):
            with pytest.raises(Unavailable, match="disk did not confirm"):
                await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS, "key")
        monkeypatch.setattr(link, "DISK_TIMEOUT_MS", 4_000)
        await config(other, "appendfsync", "everysec")
        assert (await store.accept("acme", "a-1", "t-2", StartOptions(), AGENTS, "key")).task_id == "t-1"
        assert [claim.task_id for claim in await store.claim("d", 5)] == ["t-1"]


@pytest.mark.parametrize("write", ["keep", "finish", "cancel", "delete"])
async def test_every_commit_waits_for_the_disk(
    server: EmbeddedStore, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    monkeypatch.setattr(link, "DISK_TIMEOUT_MS", 50)
    async with opened(server) as other, opened(server, durability="strict") as store:
        await accept_and_claim(other, "1")
        await config(other, "appendfsync", "no")
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "keep": lambda: store.keep("t-1", 1, Kept("s", "h", b"d"), agent=None, seconds=0),
            "finish": lambda: store.finish("t-1", 1, TaskState.SUCCESS, result=b"r"),
            "cancel": lambda: store.cancel("acme", "t-1"),
            "delete": lambda: store.delete_assessment("acme", "a-1"),
        }
        with pytest.raises(Unavailable, match="disk did not confirm"):
            await calls[write]()
