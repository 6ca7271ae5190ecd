"""The smallest HTTP/1.1 client that keeps connections open: its own time must not be what is measured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

HOST = "127.0.0.1"
ANSWER_TIMEOUT_S = 30.0


class HttpError(Exception):
    """An answer that is no success, or no answer."""


class Connection:
    """One keep-alive connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. HttpError when the connection ends or the answer has no Content-Length."""
        self._writer.write(request)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                head = await self._reader.readuntil(b"\r\n\r\n")
                status, length = parse_head(head)
                return status, await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError, TimeoutError) as error:
            raise HttpError(f"no answer: {error!r}") from error

    async def json(self, request: bytes, *expected: int) -> dict[str, Any]:
        """The body as an object; HttpError when the status is none of `expected`."""
        status, body = await self.send(request)
        if status not in expected:
            raise HttpError(f"{status}: {body[:300].decode(errors='replace')}")
        return dict(json.loads(body)) if body else {}

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):  # the other side may have gone first
            await self._writer.wait_closed()


def parse_head(head: bytes) -> tuple[int, int]:
    """Status and length of the body."""
    lines = head.split(b"\r\n")
    status = int(lines[0].split(b" ", 2)[1])
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return status, int(value)
    if status == 204:
        return status, 0
    raise HttpError(f"{status}: an answer without Content-Length")


def render(
    method: str, path: str, headers: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
) -> bytes:
    """A whole request as bytes."""
    content = json.dumps(body).encode() if body is not None else b""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(content)}"]
    lines += ["Content-Type: application/json"] if body is not None else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Open connections to this machine, closed at the end."""
    opened = [Connection(*await asyncio.open_connection(HOST, port)) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()
