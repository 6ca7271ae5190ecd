"""Real stores for tests: a Valkey server in a directory of its own, and waiting with a reason."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from infra_mind.tasks.embedded import EmbeddedStore


@contextmanager
def start_valkey(
    directory: Path, *, durability: Literal["everysec", "strict"] = "everysec"
) -> Iterator[EmbeddedStore]:
    """A server with an append-only file; stopped at the end. `url` of what it gives is for `RedisStore`."""
    server = EmbeddedStore(directory, durability=durability)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def wait_until(reason: str, holds: Callable[[], Awaitable[bool]], *, within_s: float = 10.0) -> None:
    """Polls until `holds()`; AssertionError with the reason when it never does."""
    deadline = time.monotonic() + within_s
    while not await holds():
        assert time.monotonic() < deadline, f"waited {within_s} s until {reason}"
        await asyncio.sleep(0.005)
