"""A receiver on loopback that answers as a script says and remembers what came."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Received:
    """`path` as in the request line; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers`: whole responses, one for each request; the last one goes on for ever. None: no answer at all."""

    answers: Sequence[bytes | None]
    port: int = 0
    received: list[Received] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, scheme: str = "http", path: str = "/hook") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.received.append(await _read(reader))
            self.came.set()
            answer = self.answers[min(len(self.received), len(self.answers)) - 1]
            if answer is None:
                await reader.read()  # until the sender gives up
            else:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(head[0].split(" ")[1], headers, body)


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} Said", *headers, "content-length: 0", "connection: close", "", ""]
    return "\r\n".join(lines).encode()


@asynccontextmanager
async def receiver(*answers: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    made = Receiver(answers or (status(200),))
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
