"""Worker processes that are there, with all agents imported, before the first assessments want them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import ray
from ray.exceptions import RayError

from infra_mind.assessment import assessor, spare_the_collector
from infra_mind.cluster.engine import STEP_NICENESS, Engine, give_way

MEET_S = 60.0
QUIET_S = 5.0


class WarmUp:
    """Has processes started, and held until all of them are there, because one that is free would take the place of the next.

    A step that begins meanwhile wants one of those that are held: `make_room` lets all of them go, and what is missing is tried
    again when nothing has begun for `quiet_s`.

    `meet` starts so many processes for the meeting of that name, and gives whether all of them came to it; `part` ends it."""

    def __init__(
        self,
        meet: Callable[[str, int], Awaitable[bool]],
        part: Callable[[str], None],
        *,
        quiet_s: float = QUIET_S,
    ) -> None:
        self._meet, self._part, self._quiet_s = meet, part, quiet_s
        self._meeting: str | None = None
        self._begun = 0

    def make_room(self) -> None:
        """A step begins."""
        self._begun += 1
        if self._meeting is not None:
            self._part(self._meeting)
            self._meeting = None

    async def run(self, share: int, slots: int) -> None:
        """First this dispatcher's share of the slots; it may come to hold all of them, but the processes for that can wait until
        everything else has started."""
        await self._have(share)
        while True:
            begun = self._begun
            await asyncio.sleep(self._quiet_s)
            if begun == self._begun and await self._have(slots):
                return

    async def _have(self, processes: int) -> bool:
        self._meeting = meeting = uuid.uuid4().hex
        try:
            return await self._meet(meeting, processes)
        finally:
            if self._meeting == meeting:
                self._meeting = None


def warm_up(engine: Engine, progress: Any) -> WarmUp:
    """That of the calling dispatcher.

    Ray does not share worker processes between dispatchers (each is a detached actor, and so the root of its own tasks), nor
    with what is submitted from another thread: run it in the event loop of the dispatcher that will use them. It takes no
    slots, so that it can neither wait for running agents nor hold them up. The processes meet at the progress actor, so that
    each of them is another one."""
    ready = ray.remote(num_cpus=0, max_retries=0)(_ready)

    async def meet(meeting: str, processes: int) -> bool:
        begun = [ready.remote(engine.agents, progress, meeting, processes) for _ in range(processes)]
        met = await asyncio.gather(*begun, return_exceptions=True)
        if strange := [m for m in met if isinstance(m, BaseException) and not isinstance(m, RayError)]:
            raise strange[0]
        return all(one is True for one in met)

    return WarmUp(meet, lambda meeting: progress.part.remote(meeting))


def _ready(agents: str, progress: Any, meeting: str, wanted: int) -> bool:
    _warm(agents)
    met: bool = ray.get(progress.meet.remote(meeting, wanted), timeout=MEET_S)
    return met


@cache
def _warm(agents: str) -> None:
    """Once a process."""
    give_way(STEP_NICENESS)  # the platform itself starts at the same time
    assessor(agents).warm()
    spare_the_collector()
