"""What only a server can show: key leaks, lost connections, kill -9, the disk, a flushed script cache."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis.exceptions as redis_errors

from infra_mind.errors import InfraMindError, Unavailable
from infra_mind.model.task import AgentState, ApiKey, StartOptions, TaskState
from infra_mind.model.webhook import DeliveryState
from infra_mind.tasks.alerts import WorkerFailure
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.objects import Objects
from infra_mind.tasks.records import LOOKS_FOR_A_PLACE
from infra_mind.tasks.redis import RedisStore, failures
from infra_mind.tasks.redis.scripts import NAMES
from infra_mind.tasks.schedules.records import DueSchedule, NewSchedule
from infra_mind.tasks.store import (
    AgentUpdate,
    Commit,
    DispatcherInfo,
    Kept,
    StoreLimits,
    TaskStore,
)
from infra_mind.tasks.webhooks.outbox import Attempted
from tests.contract.houses import AGENTS, RedisHouse, accept, accept_and_claim
from tests.stores import start_valkey, wait_until


@pytest.fixture
async def house(valkey: EmbeddedStore, limits: StoreLimits) -> AsyncIterator[RedisHouse]:
    opened = RedisHouse(valkey.url, limits)
    yield opened
    await opened.close()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A server that the test may kill."""
    with start_valkey(tmp_path / "store") as server:
        yield server


@asynccontextmanager
async def opened(server: EmbeddedStore, **options: object) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url, **options)  # type: ignore[arg-type]
    try:
        yield store
    finally:
        await store.close()


async def kill(server: EmbeddedStore) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)

    async def dead() -> bool:
        return not server.alive()

    await wait_until("the server is dead", dead)


# -- keys -----------------------------------------------------------------------------------------------------------------


async def keys_without_expiry(house: RedisHouse) -> set[str]:
    found = [key async for key in house.raw.scan_iter(match=f"{house.prefix}*", count=1_000)]
    return {key.decode().removeprefix(house.prefix) for key in found if await house.raw.pttl(key) == -1}


async def test_after_the_end_no_key_stays_for_ever(house: RedisHouse) -> None:
    store = house.store
    ends = {"1": TaskState.SUCCESS, "2": TaskState.FAILURE, "3": TaskState.REVOKED}
    for name in ends:
        await accept(store, name)
    await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS, "idempotency key")
    for claim in await store.claim("d", 3):
        name = claim.task_id.removeprefix("t-")
        await store.update([AgentUpdate(claim.task_id, 1, "cost", AgentState.RETRY)])
        done = AgentUpdate(claim.task_id, 1, "cloud", AgentState.DONE)
        await store.keep(claim.task_id, 1, Kept("cloud", "h", b"d"), agent=done, seconds=1)
        await store.finish(claim.task_id, 1, ends[name], result=b"r")
    await accept(store, "waits")
    await store.cancel("acme", "t-waits")
    await accept(store, "deleted")
    await store.delete_assessment("acme", "a-deleted")
    await store.accept("acme", "a-1", "t-again", StartOptions(), AGENTS)
    (claim,) = await store.claim("d", 1)
    await store.release(claim.task_id, claim.fence)
    (claim,) = await store.claim("d", 1)
    await store.finish(claim.task_id, claim.fence, TaskState.SUCCESS, result=b"r")
    await store.create_assessment("acme", "a-draft", "draft", b"x", 0)
    await store.heartbeat(DispatcherInfo("d", "node", 0, 8))
    await store.worker_failed(WorkerFailure("WorkerCrashed", "cost", "died", 9), tell=True)
    for told in await store.due_deliveries(9, lease_s=60.0, most_attempts=9, per_tenant=9, in_flight={}):
        await store.note_attempt(told.webhook_id, 1, Attempted(DeliveryState.FAILED, 0.1, 500))
    await store.put_key(
        ApiKey(key_id="k", tenant="acme", secret_sha256="aa", created_at="2026-01-01T00:00:00Z")
    )
    await store.ping()
    assert await keys_without_expiry(house) == {"counters", "keys", "keys:by-secret"}


@pytest.mark.parametrize("limits", [StoreLimits(max_claims=1)])
async def test_a_poison_task_leaves_no_key_for_ever(house: RedisHouse) -> None:
    await accept_and_claim(house.store, "1")
    await house.end_leases()
    assert await house.store.claim("d", 1) == []
    assert await keys_without_expiry(house) == {"counters"}


async def test_a_task_that_waits_or_runs_does_not_expire(house: RedisHouse) -> None:
    await accept_and_claim(house.store, "1")
    await accept(house.store, "2")
    stay = await keys_without_expiry(house)
    assert {"task:t-1", "task:t-2", "assessment:a-1", "input:a-1", "events:t-1", "leases"} <= stay


@pytest.mark.parametrize("limits", [StoreLimits(result_ttl_s=0.02, tombstone_s=0.02, draft_ttl_s=0.4)])
async def test_listings_lose_their_dead_members_without_being_read(house: RedisHouse) -> None:
    await accept_and_claim(house.store, "1")
    await house.store.finish("t-1", 1, TaskState.SUCCESS, result=b"r")
    await house.store.create_assessment("acme", "a-draft", "x", b"", 0)
    await house.raw.persist(f"{house.prefix}tasks:acme")
    await house.raw.persist(f"{house.prefix}assessments:acme")
    await house.raw.persist(f"{house.prefix}trim")

    async def trimmed() -> bool:
        await house.store.claim("d", 1)
        names = ("tasks:acme", "assessments:acme", "trim")
        return sum([await house.raw.zcard(house.prefix + name) for name in names]) == 0

    await wait_until("claims have trimmed the listings", trimmed)


async def test_large_values_are_compressed(house: RedisHouse) -> None:
    large = b"resource " * 100_000
    await house.store.create_assessment("acme", "a-1", "x", large, 1)
    assert await house.raw.strlen(f"{house.prefix}input:a-1") < len(large) / 10
    assert await house.store.assessment_input("a-1") == large


async def test_a_waiting_task_takes_at_most_two_kib_beside_its_brief(house: RedisHouse) -> None:
    """All that 200 accepted tasks brought, by the server's own count, spread over the tasks."""
    agents = ("cloud", "security", "reliability", "mlops", "capacity", "cost", "strategy", "a", "b", "c", "d")
    for i in range(200):
        await house.store.create_assessment("acme", f"{i:032x}", "An assessment of a name", b"", 0)
        await house.store.accept("acme", f"{i:032x}", f"{i + 1_000:032x}", StartOptions(), agents, f"key-{i}")
    total = 0
    async for key in house.raw.scan_iter(match=f"{house.prefix}*", count=1_000):
        total += int(await house.raw.memory_usage(key, samples=0) or 0)
    assert total / 200 <= 2_048


# -- scripts --------------------------------------------------------------------------------------------------------------


async def test_a_server_that_forgot_the_scripts_gets_them_again(victim: EmbeddedStore) -> None:
    async with opened(victim) as store:
        await accept_and_claim(store, "1")
        await store._link.commands.script_flush()
        assert await store.update([AgentUpdate("t-1", 1, "cloud", AgentState.RUNNING, 10)]) == [True]
        await store._link.commands.script_flush()
        assert await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r") == Commit.DONE


def test_every_lua_file_is_loaded_and_says_its_keys() -> None:
    folder = Path(inspect.getfile(RedisStore)).parent / "lua"
    files = {path.stem: path.read_text("utf-8") for path in folder.glob("*.lua")}
    assert set(files) == {"_house", *NAMES}
    for name, text in files.items():
        head = "".join(line for line in text.splitlines() if line.startswith("--"))
        assert "KEYS" in head, f"{name}.lua does not say which keys it touches"


# -- away and back --------------------------------------------------------------------------------------------------------


async def test_kill_9_and_restart_keeps_what_was_accepted_and_clients_resume(victim: EmbeddedStore) -> None:
    async with opened(victim, durability="strict") as store:
        await accept_and_claim(store, "1")
        await store.keep("t-1", 1, Kept("cloud", "h", b"d"), agent=None, seconds=0)
        waiting = {await accept(store, f"w{i}") for i in range(20)}
        await kill(victim)
        with pytest.raises(Unavailable):
            await store.ping()
        assert victim.ensure()
        assert await store.renew([("t-1", 1)]) == ["held"]
        assert set(await store.kept("t-1")) == {"cloud"}
        assert {claim.task_id for claim in await store.claim("d", 50)} == waiting


async def test_every_call_says_that_the_store_is_away(victim: EmbeddedStore) -> None:
    async with opened(victim, objects=Objects("memory:///")) as store:
        await accept_and_claim(store, "1")
        await kill(victim)
        for call in every_call(store):
            with pytest.raises(Unavailable) as away:
                await call
            assert str(away.value).startswith("The task store")
            assert victim.url.split("@")[0] not in str(away.value)  # no password in what is told
        victim.ensure()
        assert (await store.task("acme", "t-1")).state == "STARTED"


def every_call(store: TaskStore) -> Iterator[Awaitable[object]]:
    said = AgentUpdate("t-1", 1, "cloud", AgentState.DONE)
    key = ApiKey(key_id="k", tenant="acme", secret_sha256="aa", created_at="2026-01-01T00:00:00Z")
    yield store.ping()
    yield store.create_assessment("acme", "a", "x", b"", 0)
    yield store.change_assessment("acme", "a", "x", b"", 0)
    yield store.delete_assessment("acme", "a-1")
    yield store.assessment("acme", "a-1")
    yield store.assessment_input("a-1")
    yield store.assessments("acme")
    yield store.accept("acme", "a-1", "t-2", StartOptions(), AGENTS)
    yield store.task("acme", "t-1")
    yield store.tasks("acme")
    yield store.result("acme", "t-1")
    yield store.cancel("acme", "t-1")
    yield anext(store.events("acme", "t-1"))
    yield store.claim("d", 1)
    yield store.renew([("t-1", 1)])
    yield store.release("t-1", 1)
    yield store.kept("t-1")
    yield store.keep("t-1", 1, Kept("s", "h", b""), agent=None, seconds=0)
    yield store.update([said])
    yield store.sweep_objects()
    yield store.worker_failed(WorkerFailure("WorkerCrashed", "cost", "died"))
    yield store.alerts()
    yield store.finish("t-1", 1, TaskState.SUCCESS)
    yield anext(store.signals(idle_s=1))
    yield store.heartbeat(DispatcherInfo("d", "n", 0, 1))
    yield store.dispatchers()
    yield store.queue_stats()
    yield store.counters()
    yield store.put_key(key)
    yield store.key_by_secret("aa")
    yield store.keys()
    yield store.revoke_key("k")
    yield store.due_deliveries(1, lease_s=1, most_attempts=1, per_tenant=1, in_flight={})
    yield store.note_attempt("msg_1", 1, Attempted(DeliveryState.DELIVERED, 0.1, 200))
    yield store.deliveries("acme", "t-1")
    yield store.signing_secrets("acme", "whsec_")
    yield store.rotate_secret("acme", "whsec_")
    yield store.create_schedule(
        NewSchedule("s", "acme", "n", "* * * * *", "UTC", True, StartOptions(), "n", 0, b"", 1)
    )
    yield store.schedule("acme", "s")
    yield store.schedules("acme")
    yield store.enable_schedule("acme", "s", None)
    yield store.delete_schedule("acme", "s")
    yield store.due_schedules(1)
    yield store.fire_schedule(
        DueSchedule("s", "acme", "* * * * *", "UTC", True, StartOptions(), 1, 1), None, AGENTS
    )


async def test_listeners_hear_that_the_store_went_away(victim: EmbeddedStore) -> None:
    async with opened(victim) as store:
        await accept(store, "1")
        events, signals = store.events("acme", "t-1"), store.signals(idle_s=0.05)
        async with aclosing(events), aclosing(signals):  # type: ignore[type-var]
            await anext(events)
            await anext(signals)
            waiting = [asyncio.ensure_future(anext(events)), asyncio.ensure_future(drain(signals))]
            await kill(victim)
            async with asyncio.timeout(10):
                answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Unavailable, Unavailable]


async def drain(signals: AsyncIterator[object]) -> None:
    async for _ in signals:
        pass


async def test_a_server_that_only_loads_or_refuses_writes_is_away(victim: EmbeddedStore) -> None:
    async with opened(victim) as store:
        await accept(store, "1")
        await store._link.commands.config_set("maxmemory", 1)
        with pytest.raises(Unavailable, match="memory"):
            await accept(store, "2")
        with pytest.raises(Unavailable, match="memory"):
            await store.ping()
        await store._link.commands.config_set("maxmemory", 0)
        await store._link.commands.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
        with pytest.raises(Unavailable, match="read-only"):
            await accept(store, "3")
        await store._link.commands.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
        assert len(await store.claim("d", 5)) == 1


async def test_a_wrong_password_is_said_without_the_password(victim: EmbeddedStore) -> None:
    store = RedisStore(victim.url.replace("redis://:", "redis://:wrong-"))
    with pytest.raises(Unavailable, match="password") as refused:
        await store.ping()
    assert "wrong-" not in str(refused.value)
    await store.close()


# -- the disk -------------------------------------------------------------------------------------------------------------


async def test_strict_durability_answers_when_the_disk_has_it(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "store", durability="strict") as server:
        async with opened(server, durability="strict") as store:
            await accept_and_claim(store, "1")
            await store.keep("t-1", 1, Kept("cloud", "h", b"d"), agent=None, seconds=0)
            assert await store.finish("t-1", 1, TaskState.SUCCESS, result=b"r") == Commit.DONE


async def test_strict_durability_without_an_append_only_file_is_refused(victim: EmbeddedStore) -> None:
    async with opened(victim) as plain, opened(victim, durability="strict") as strict:
        await plain.create_assessment("acme", "a-1", "x", b"", 0)
        await plain._link.commands.config_set("appendonly", "no")
        with pytest.raises(Unavailable, match="appendonly"):
            await strict.accept("acme", "a-1", "t-1", StartOptions(), AGENTS)


# -- failures -------------------------------------------------------------------------------------------------------------


def client_errors() -> list[type[BaseException]]:
    found = [value for value in vars(redis_errors).values() if inspect.isclass(value)]
    return sorted((one for one in found if issubclass(one, Exception)), key=lambda one: one.__name__)


@pytest.mark.parametrize("kind", client_errors(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_client_is_mapped(kind: type[BaseException]) -> None:
    """Fails when the library adds a class that nobody has judged."""
    assert (kind in failures.AWAY) != (kind in failures.DEFECTS), (
        f"{kind.__name__} is in no table, or in both"
    )


@pytest.mark.parametrize("code", sorted(failures.AWAY_CODES))
def test_every_error_code_is_away_within_a_script_too(code: str) -> None:
    for text in (
        f"{code} some words",
        f"-{code} some words",
        f"{code} words script: 1f2e, on @user_script:3.",
    ):
        assert isinstance(failures.translate(redis_errors.ResponseError(text)), Unavailable)


def test_a_defect_is_not_taken_for_an_absence() -> None:
    error = failures.translate(redis_errors.ResponseError("ERR user_script:3: attempt to index a nil value"))
    assert type(error) is InfraMindError
    assert "nil value" in str(error)


async def test_after_a_silence_the_holders_come_before_those_who_would_take_over(
    valkey: EmbeddedStore,
) -> None:
    """Nobody could renew while the dispatchers were cut off: whoever comes first afterwards must not take all that runs."""
    prefix = f"test:{uuid.uuid4().hex}:"
    store = RedisStore(valkey.url, StoreLimits(lease_s=10, restart_grace_s=0.9), prefix=prefix)
    raw = store._link.commands

    async def young_no_more() -> bool:
        return int((await raw.info("server"))["uptime_in_seconds"]) >= 1

    await wait_until("the server is not taken for one that has just started", young_no_more)
    claim = await accept_and_claim(store, "1")
    await raw.hincrby(
        prefix + "counters", "heard", -20_000
    )  # twenty seconds of silence, longer than the lease
    await raw.zincrby(prefix + "leases", -20_000, "t-1")
    assert await store.claim("other", 1) == []
    assert await store.renew([("t-1", claim.fence)]) == ["held"]
    await raw.zincrby(prefix + "leases", -20_000, "t-1")  # this one was heard, and has not renewed since

    async def taken() -> bool:
        return [one.fence for one in await store.claim("other", 1)] == [2]

    await wait_until("the grace is over", taken)
    await store.close()


async def test_a_place_that_would_cost_too_much_is_not_told(valkey: EmbeddedStore) -> None:
    store = RedisStore(valkey.url, StoreLimits(), prefix=f"test:{uuid.uuid4().hex}:")
    tenants = [f"tenant-{number}" for number in range(LOOKS_FOR_A_PLACE // 3 + 2)]
    for tenant in tenants:
        await accept(store, tenant, tenant=tenant)
    places = [
        (await store.task(tenant, f"t-{tenant}")).queue_position for tenant in (tenants[0], tenants[-1])
    ]
    assert places == [None, None]
    assert (await store.task("tenant-0", "t-tenant-0")).state == "PENDING"
    await store.close()


async def test_a_connection_that_only_listens_notices_a_server_that_went_without_a_word(
    valkey: EmbeddedStore,
) -> None:
    """Nothing is sent there by itself: only the system's keep-alive finds out, and its own values are two hours."""
    async with opened(valkey) as store:
        pool: Any = store._link.streams.connection_pool  # the client has no types here
        connection = await pool.get_connection()
        line = connection._writer.get_extra_info("socket")
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle = socket.TCP_KEEPIDLE if hasattr(socket, "TCP_KEEPIDLE") else 0x10  # macOS
        given = [
            line.getsockopt(socket.IPPROTO_TCP, name)
            for name in (idle, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        ]
        await pool.release(connection)
    after_s, every_s, times = given
    assert after_s + every_s * times < 30
