"""Answers that are lost on their way, and a primary that has moved: what was done is done once, and nothing waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra_mind.errors import Unavailable
from infra_mind.model.task import StartOptions
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.redis import RedisStore
from infra_mind.tasks.redis.link import SHORT_BYTES
from infra_mind.tasks.store import Accepted, Renewal, StoreLimits
from tests.contract.houses import AGENTS, RedisHouse, accept
from tests.stores import start_valkey


@pytest.fixture
async def house(valkey: EmbeddedStore, limits: StoreLimits) -> AsyncIterator[RedisHouse]:
    opened = RedisHouse(valkey.url, limits)
    yield opened
    await opened.close()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with start_valkey(tmp_path / "store") as server:
        yield server


@asynccontextmanager
async def opened(server: EmbeddedStore) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url)
    try:
        yield store
    finally:
        await store.close()


async def test_an_accept_whose_answer_was_lost_is_one_task(victim: EmbeddedStore) -> None:
    """A relay cuts the connection after the server has done the work and before the client hears of it."""
    async with opened(victim) as direct:
        await direct.create_assessment("acme", "a-1", "x", b"", 0)
        await direct.accept("acme", "a-1", "warm", StartOptions(), AGENTS)  # the scripts are loaded
        await direct.cancel("acme", "warm")
        async with cutting_relay(victim, b"EVALSHA") as (url, cuts):
            store = RedisStore(url)
            assert await store.accept("acme", "a-1", "t-1", StartOptions(), AGENTS, "key") == Accepted(
                "t-1", True
            )
            await store.close()
        assert cuts == [1]
        assert [claim.task_id for claim in await direct.claim("d", 9)] == ["t-1"]
        assert (await direct.counters()).accepted == 2


async def test_a_claim_whose_answer_was_lost_comes_with_the_next_call(victim: EmbeddedStore) -> None:
    """It is the same claim: no lease is waited for, and it is no second attempt of a task that nobody ran."""
    async with opened(victim) as direct:
        for number in (1, 2, 3):
            await direct.create_assessment("acme", f"a-{number}", "x", b"", 0)
            await direct.accept("acme", f"a-{number}", f"t-{number}", StartOptions(), AGENTS)
        assert [claim.task_id for claim in await direct.claim("other", 1)] == [
            "t-1"
        ]  # the scripts are loaded
        async with cutting_relay(victim, b"EVALSHA") as (url, cuts):
            store = RedisStore(url)
            with pytest.raises(Unavailable):
                await store.claim("d", 1)
            assert cuts == [1]
            assert [(claim.task_id, claim.attempt) for claim in await store.claim("d", 1)] == [("t-2", 1)]
            assert [(claim.task_id, claim.attempt) for claim in await store.claim("d", 9)] == [("t-3", 1)]
            await store.close()


async def test_what_was_lost_with_an_answer_is_given_again_under_the_same_fence(house: RedisHouse) -> None:
    await accept(house.store, "1")
    await accept(house.store, "2")
    assert isinstance(house.store, RedisStore)
    link, call = house.store._link, house.store._link.call

    async def lost(*args: Any, **more: Any) -> Any:
        await call(*args, **more)
        raise Unavailable("lost")

    link.call = lost  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(Unavailable):
            await house.store.claim("d", 1)
    link.call = call  # type: ignore[method-assign]
    claims = [one for _ in range(3) for one in await house.store.claim("d", 1)]
    assert [(one.task_id, one.fence, one.attempt) for one in claims] == [("t-1", 1, 1), ("t-2", 1, 1)]


async def test_what_was_lost_with_an_answer_and_taken_by_others_is_theirs(house: RedisHouse) -> None:
    await accept(house.store, "1")
    await house.store.claim("d", 1)
    await house.end_leases()
    (taken,) = await house.store.claim("other", 1)
    assert isinstance(house.store, RedisStore)
    house.store._unanswered["d"] = json.loads(await house.raw.get(f"{house.prefix}claimed:d") or b"")["call"]
    assert await house.store.claim("d", 1) == []
    assert await house.store.renew([("t-1", taken.fence)]) == [Renewal.HELD]


async def test_after_the_primary_has_moved_the_address_is_asked_again(
    victim: EmbeddedStore, tmp_path: Path
) -> None:
    """The server that a connection leads to has become a replica; new connections lead to another one."""
    with start_valkey(tmp_path / "new") as new:
        ports = [int(server.url.rsplit(":", 1)[1].split("/")[0]) for server in (victim, new)]
        async with switched(ports) as (port, switch):
            store = RedisStore(victim.url.replace(f":{ports[0]}/", f":{port}/"))
            await store.create_assessment("acme", "a-1", "x", b"", 0)
            await store.create_assessment("acme", "a-2", "x", b"y" * SHORT_BYTES, 0)
            password = urlsplit(victim.url).password or ""
            async with opened(new) as primary, opened(victim) as former:
                await primary._link.commands.config_set("requirepass", password)
                moved = ("REPLICAOF", "127.0.0.1", "1")
                await former._link.commands.execute_command(*moved)  # type: ignore[no-untyped-call]
            switch()
            for number in (3, 4):
                with suppress(Unavailable):
                    await store.create_assessment("acme", f"a-{number}", "x", b"", 0)
            await store.create_assessment("acme", "a-5", "x", b"", 0)
            await store.create_assessment("acme", "a-6", "x", b"y" * SHORT_BYTES, 0)
            await store.ping()
            await store.close()


@asynccontextmanager
async def switched(ports: list[int]) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """A port that leads to the first of two servers, after the switch to the second; what was open stays where it led."""
    left = list(ports)
    pumps: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", left[0])
        both = (asyncio.create_task(pump(reader, up_writer)), asyncio.create_task(pump(up_reader, writer)))
        pumps.update(both)
        await asyncio.gather(*both, return_exceptions=True)

    proxy = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield proxy.sockets[0].getsockname()[1], lambda: left.reverse()
    finally:
        proxy.close()
        for one in pumps:
            one.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


@asynccontextmanager
async def cutting_relay(server: EmbeddedStore, word: bytes) -> AsyncIterator[tuple[str, list[int]]]:
    """A port before the server that cuts the first connection in which the client says `word`, once the answer has come."""
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    cuts: list[int] = []
    served = asyncio.Semaphore(0)
    connections = 0

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        armed = False

        async def back() -> None:
            while data := await up_reader.read(65_536):
                if armed:
                    cuts.append(1)
                    return
                writer.write(data)

        answers = asyncio.create_task(back())
        answers.add_done_callback(lambda _: writer.close())
        while data := await reader.read(65_536):
            armed = not cuts and word in data
            up_writer.write(data)
        up_writer.close()
        await answers
        await asyncio.gather(up_writer.wait_closed(), writer.wait_closed(), return_exceptions=True)
        served.release()

    proxy = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield server.url.replace(f":{port}/", f":{proxy.sockets[0].getsockname()[1]}/"), cuts
    finally:
        proxy.close()
        for _ in range(connections):
            await served.acquire()
