"""The connection: pools, time-outs, scripts by their hash, and what is sent again when a connection is lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import redis.asyncio as redis_client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, ReadOnlyError

from infra_mind.errors import Unavailable
from infra_mind.tasks.packing import unpack
from infra_mind.tasks.redis import scripts
from infra_mind.tasks.redis.failures import translated
from infra_mind.tasks.redis.keys import Keys
from infra_mind.tasks.redis.line import Line
from infra_mind.tasks.store import StoreLimits

Durability = Literal["everysec", "strict"]
Argument = str | bytes | int | float

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0
DISK_TIMEOUT_MS = 4_000  # below the answer's time-out, so that the server's own answer is seen
CONNECTIONS = 64
# What is longer than this, and what has long answers, gets a connection of its own: nobody shall wait behind it.
SHORT_BYTES = 64 * 1024
LONG_ANSWERS = frozenset({"page"})
# A server that went without a word (its machine is gone, the network was cut) is noticed after IDLE + COUNT * INTERVAL seconds of
# silence, also by who only listens; the system's own values are two hours.
KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPALIVE": 10, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3}
STREAM_CONNECTIONS = 4_096  # one for each open event stream, made when needed


class Link:
    """One server. `call` runs a script; `commands` sends plain reads; `streams` blocks on a pool of its own."""

    def __init__(self, url: str, limits: StoreLimits, prefix: str, durability: Durability) -> None:
        self.keys = Keys(prefix)
        self.limits = limits
        self._strict = durability == "strict"
        self._scripts = scripts.load(prefix, limits)
        self.commands = redis_client.Redis(connection_pool=_pool(url, CONNECTIONS, ANSWER_TIMEOUT_S))
        self.streams = redis_client.Redis(connection_pool=_stream_pool(url))
        self._line = Line(_pool(url, 1, None), ANSWER_TIMEOUT_S)

    async def close(self) -> None:
        await self._line.close()
        for client in (self.commands, self.streams):
            await client.aclose()
            await client.connection_pool.disconnect()

    async def call(
        self,
        name: str,
        keys: Sequence[str] = (),
        args: Sequence[Argument] = (),
        *,
        again: bool = False,
        durable: bool = False,
    ) -> Any:
        """Runs one script. `again`: it may be sent a second time after a lost connection, because doing it twice is doing it once.
        `durable`: under strict durability returns only when the append-only file is on disk. Unavailable."""
        command = self._command(name, keys, args)
        with translated():
            try:
                return await self._send(name, command, durable and self._strict)
            except ConnectionLost:
                if not again:
                    raise
                return await self._send(name, command, durable and self._strict)

    async def call_many(
        self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[Argument]]]
    ) -> list[Any]:
        """One script for several tasks in one round trip; each call is atomic by itself. Only for what may be sent again."""
        commands = [self._command(name, keys, args) for keys, args in calls]
        with translated():
            try:
                return await self._send_many(name, commands)
            except ConnectionLost:
                return await self._send_many(name, commands)

    def _command(self, name: str, keys: Sequence[str], args: Sequence[Argument]) -> list[Argument]:
        every = (*self.keys.house, *keys)
        return ["EVALSHA", self._scripts[name].sha, len(every), *every, *args]

    async def _send(self, name: str, command: list[Argument], to_disk: bool) -> Any:
        try:
            return await self._send_once(name, command, to_disk)
        except NoScriptError:  # a new server: nothing was done
            await self._load(name)
            return await self._send_once(name, command, to_disk)
        except ReadOnlyError:
            await self.leave()
            raise

    async def leave(self) -> None:
        """The primary has moved, and the address may lead to the new one: open connections stay with the old one for ever."""
        await self._line.close()
        await self.commands.connection_pool.disconnect(inuse_connections=False)

    async def _send_once(self, name: str, command: list[Argument], to_disk: bool) -> Any:
        if not to_disk:
            send = self._line.ask if name not in LONG_ANSWERS and _is_short(command) else self._execute
            return await send(*command)
        async with self.commands.pipeline(transaction=False) as pipe:  # WAITAOF speaks of its own connection
            pipe.execute_command(*command)
            pipe.execute_command("WAITAOF", 1, 0, DISK_TIMEOUT_MS)
            answer, written = await pipe.execute(raise_on_error=False)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(written, Exception):
            raise Unavailable(
                "The task store cannot confirm writes to its disk: strict durability needs `appendonly yes` and Redis 7.2 or Valkey."
            ) from written
        if int(written[0]) < 1:
            raise Unavailable("The task store's disk did not confirm the write in time.")
        return answer

    async def _send_many(self, name: str, commands: list[list[Argument]]) -> list[Any]:
        answers = await self._pipeline(commands)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self._load(name)
            missing = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            for i, answer in zip(missing, await self._pipeline([commands[i] for i in missing]), strict=True):
                answers[i] = answer
        for answer in answers:
            if isinstance(answer, ReadOnlyError):
                await self.leave()
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _pipeline(self, commands: list[list[Argument]]) -> list[Any]:
        async with self.commands.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute(raise_on_error=False))

    async def _load(self, name: str) -> None:
        await self._execute("SCRIPT LOAD", self._scripts[name].text)

    async def _execute(self, *command: Argument) -> Any:
        return await self.commands.execute_command(*command)  # type: ignore[no-untyped-call] # the client's own gap

    async def read(self, send: Callable[[], Awaitable[Any]]) -> Any:
        """What `send` reads, sent again once when its connection turns out to be lost (the server may have been restarted
        while the connection lay idle). Unavailable."""
        with translated():
            try:
                return await send()
            except ConnectionLost:
                return await send()

    async def hash(self, name: str) -> dict[bytes, bytes]:
        """A whole hash; empty when there is none. Unavailable."""
        return dict(await self.read(lambda: self.commands.hgetall(name)))

    async def packed(self, name: str) -> bytes | None:
        """A packed value, unpacked; None when there is none. Unavailable."""
        found = await self.read(lambda: self.commands.get(name))
        if found is None or len(found) <= self.limits.compress_above:
            return None if found is None else unpack(found)
        return await asyncio.to_thread(unpack, found)

    async def raw(self, name: str) -> bytes | None:
        """A value as it lies there; None when there is none. Unavailable."""
        found: bytes | None = await self.read(lambda: self.commands.get(name))
        return found

    async def with_time(self, *command: Argument) -> tuple[Any, int]:
        """A plain read and the server's clock in ms, in one round trip. Unavailable."""

        async def send() -> tuple[Any, int]:
            async with self.commands.pipeline(transaction=False) as pipe:
                pipe.execute_command(*command)
                pipe.time()
                found, (seconds, micros) = await pipe.execute()
            return found, seconds * 1000 + micros // 1000

        answer: tuple[Any, int] = await self.read(send)
        return answer


def _is_short(command: Sequence[Argument]) -> bool:
    return sum(len(one) for one in command if isinstance(one, str | bytes)) < SHORT_BYTES


def _pool(url: str, size: int, timeout_s: float | None) -> redis_client.ConnectionPool:
    """Waits for a free connection up to the connect time-out. What is sent twice is decided in `Link`, never by the client."""
    return redis_client.BlockingConnectionPool.from_url(
        url,
        max_connections=size,
        timeout=CONNECT_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=timeout_s,
        socket_keepalive=True,
        socket_keepalive_options=_keep_alive(),
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def _keep_alive() -> dict[int, int]:
    """As far as this system has them; macOS calls the first one otherwise."""
    return {getattr(socket, name): value for name, value in KEEP_ALIVE.items() if hasattr(socket, name)}


def _stream_pool(url: str) -> redis_client.ConnectionPool:
    """Without a time-out on answers: a blocking read waits as long as it was told, and keep-alive finds a dead server."""
    return _pool(url, STREAM_CONNECTIONS, None)
