"""One connection that many calls share: each gets its own answer, whatever happens to the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis_client
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ResponseError

from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.redis.line import Line

NAME = "test-line"


@pytest.fixture
async def client(valkey: EmbeddedStore) -> AsyncIterator[redis_client.Redis]:
    async with redis_client.Redis.from_url(valkey.url, protocol=2) as opened:
        yield opened


@pytest.fixture
async def line(valkey: EmbeddedStore) -> AsyncIterator[Line]:
    made = line_to(valkey, timeout_s=20.0)
    yield made
    await made.close()


def line_to(valkey: EmbeddedStore, *, timeout_s: float) -> Line:
    pool = redis_client.ConnectionPool.from_url(valkey.url, client_name=NAME, protocol=2, socket_timeout=None)
    return Line(pool, timeout_s)


async def ids(client: redis_client.Redis) -> list[str]:
    """Connections of lines."""
    return [one["id"] for one in await client.client_list() if one["name"] == NAME]


async def test_many_at_once_get_their_own_answers_over_one_connection(
    line: Line, client: redis_client.Redis
) -> None:
    answers = await asyncio.gather(*(line.ask("ECHO", f"{number}") for number in range(200)))
    assert answers == [b"%d" % number for number in range(200)]
    assert len(await ids(client)) == 1


async def test_an_error_goes_to_its_caller_alone(line: Line) -> None:
    commands = (("ECHO", "1"), ("NO-SUCH-COMMAND",), ("ECHO", "2"))
    answers = await asyncio.gather(*(line.ask(*command) for command in commands), return_exceptions=True)
    assert (answers[0], answers[2]) == (b"1", b"2")
    assert isinstance(answers[1], ResponseError)


async def test_a_caller_who_goes_away_does_not_get_another_ones_answer(line: Line) -> None:
    await line.ask("PING")
    gone = asyncio.create_task(line.ask("BLPOP", "nothing", 0.05))
    await asyncio.sleep(0)  # it has been sent
    gone.cancel()
    assert await line.ask("ECHO", "mine") == b"mine"


async def test_a_lost_connection_is_said_to_all_who_wait_and_the_next_call_opens_another(
    line: Line, client: redis_client.Redis
) -> None:
    await line.ask("PING")
    (lost,) = await ids(client)
    waiting = [asyncio.create_task(line.ask("BLPOP", "nothing", 0)) for _ in range(3)]
    await asyncio.sleep(0)
    await client.client_kill_filter(_id=lost)
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [ConnectionLost] * 3
    assert await line.ask("ECHO", "again") == b"again"


async def test_after_an_answer_that_did_not_come_in_time_the_line_is_another_one(
    valkey: EmbeddedStore, client: redis_client.Redis
) -> None:
    line = line_to(valkey, timeout_s=1.0)
    with pytest.raises(TimeoutError):
        await line.ask("BLPOP", "nothing", 0)
    assert await line.ask("ECHO", "again") == b"again"
    await line.close()


async def test_a_server_that_is_away_is_a_lost_connection() -> None:
    line = Line(redis_client.ConnectionPool.from_url("redis://127.0.0.1:1", protocol=2), 1.0)
    with pytest.raises(ConnectionLost):
        await line.ask("PING")


async def test_a_call_that_could_not_be_written_leaves_no_error_that_nobody_takes(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.ask("PING")
    opened = line._open
    assert opened is not None
    left: list[asyncio.Future[object]] = []

    async def lost(*_: object, **__: object) -> None:
        left.extend(opened._waiting)
        opened._fail(ConnectionLost("the reader was first"))
        raise ConnectionLost("the writer after it")

    monkeypatch.setattr(opened._connection, "send_packed_command", lost)
    with pytest.raises(ConnectionLost):
        await line.ask("PING")
    assert [one._log_traceback for one in left] == [False]
