"""One connection that many calls share. A connection of the client's pool serves one call at a time and costs more CPU than all the
rest of a short call: taking it, giving it back, two time-outs each. Here a call writes and waits for its turn among the answers.

Only for what is short: whatever is behind a long answer waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import redis.asyncio as redis_client
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError, ResponseError


class Line:
    """Opened by its first call, and again after it was lost. `pool` says where to and how, and must have no time-out of its own."""

    def __init__(self, pool: redis_client.ConnectionPool, timeout_s: float) -> None:
        self._pool, self._timeout_s = pool, timeout_s
        self._opening = asyncio.Lock()
        self._open: _Open | None = None

    async def ask(self, *command: Any) -> Any:
        """The answer to one command. Raises the client's errors; ConnectionLost when the line is lost before the answer came, and
        nobody knows whether it was done."""
        line = self._open
        try:
            async with asyncio.timeout(self._timeout_s):
                if line is None or not line.usable:
                    line = await self._opened()
                return await line.ask(command)
        except TimeoutError:
            if line is not None:  # the next answers do not come either
                await line.end(ConnectionLost("an answer before it did not come in time"))
            raise

    async def close(self) -> None:
        line, self._open = self._open, None
        if line is not None:
            await line.end(ConnectionLost("closed"))

    async def _opened(self) -> _Open:
        async with self._opening:
            if self._open is None or not self._open.usable:
                pool: Any = self._pool  # the client has no types here
                connection = pool.make_connection()
                try:
                    await connection.connect()
                except (
                    BaseException
                ):  # a server that accepts and says nothing: whoever waits gives up, and closes it
                    await connection.disconnect(nowait=True)
                    raise
                self._open = _Open(connection)
            return self._open


class _Open:
    """A connection, and those who wait for its answers in their order."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._loop, self._over = asyncio.get_running_loop(), False
        self._reader: asyncio.Task[None] = self._loop.create_task(self._read_on())

    @property
    def usable(self) -> bool:
        connected = not self._over and self._connection.is_connected
        return connected and self._loop is asyncio.get_running_loop()

    async def ask(self, command: tuple[Any, ...]) -> Any:
        answer: asyncio.Future[Any] = self._loop.create_future()
        packed = self._connection.pack_command(*command)
        self._waiting.append(answer)  # in the order of writing: nothing is awaited between the two
        try:
            await self._connection.send_packed_command(packed, check_health=False)
            return await answer
        except BaseException:
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # it was not written, and the reader has said so too: nobody else looks at that
            raise

    async def end(self, error: Exception) -> None:
        self._reader.cancel()
        self._fail(error)
        await self._connection.disconnect(nowait=True)

    async def _read_on(self) -> None:
        try:
            while True:
                try:
                    answer = await self._connection.read_response(disable_decoding=True)
                except ResponseError as error:
                    answer = error
                self._give(answer)
        except (RedisError, OSError) as error:
            self._fail(ConnectionLost(str(error)))
            await self._connection.disconnect(nowait=True)
        finally:
            self._fail(ConnectionLost("the reader ended"))

    def _give(self, answer: Any) -> None:
        waiting = self._waiting.popleft()
        if waiting.done():  # its caller has gone
            return
        if isinstance(answer, Exception):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    def _fail(self, error: Exception) -> None:
        self._over = True
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(error)
