"""The smallest client reads what servers send."""

from __future__ import annotations

import asyncio

import pytest

from bench.http import HttpError, connections, parse_head, render


def test_head_with_any_case_of_the_length() -> None:
    assert parse_head(b"HTTP/1.1 202 Accepted\r\ncontent-length: 7\r\n\r\n") == (202, 7)


def test_an_answer_without_length_is_refused() -> None:
    with pytest.raises(HttpError, match="without Content-Length"):
        parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


async def test_one_connection_carries_several_requests() -> None:
    peers: list[object] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer)
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(10)
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n" + body)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connections(port, 1) as (connection,):
            said = [await connection.json(render("POST", "/x", {}, {"n": n + 100}), 201) for n in (1, 2)]
    assert said == [{"n": 101}, {"n": 102}]
    assert len(peers) == 1
