"""The time of a task: its soft and its hard limit count from when the first of its steps runs, not while it waits for a slot."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable

from infra_mind.model.task import StartOptions


def task_limits(given: StartOptions, soft_s: float, hard_s: float) -> tuple[float, float]:
    """Soft and hard, in seconds. One that was given moves the other's default: what is asked to stop must have time to do so."""
    if given.soft_limit_s is not None:
        return given.soft_limit_s, given.hard_limit_s or max(hard_s, 1.5 * given.soft_limit_s)
    if given.hard_limit_s is not None:
        return min(soft_s, given.hard_limit_s / 1.5), given.hard_limit_s
    return soft_s, hard_s


class RunClock:
    """`now` in seconds, from anywhere. Nothing is over before it has begun."""

    def __init__(self, soft_s: float, hard_s: float, now: Callable[[], float]) -> None:
        self.soft_s, self.hard_s, self._now = soft_s, hard_s, now
        self._begun_at = self._soft_from = math.inf
        self._moved = asyncio.Event()

    @property
    def begun(self) -> bool:
        return self._begun_at < math.inf

    @property
    def soft_left_s(self) -> float | None:
        """Seconds until the soft limit; None before the beginning."""
        return max(0.0, self._soft_from + self.soft_s - self._now()) if self.begun else None

    @property
    def over(self) -> bool:
        return self._now() >= self._begun_at + self.hard_s

    def begin(self, ran_s: float) -> None:
        """A step is known to run since so many seconds. The one that began first counts, whichever is heard of first."""
        at = self._now() - ran_s
        if at < self._begun_at:
            self._begun_at = self._soft_from = at
            self._moved.set()

    def put_off_soft(self) -> None:
        """Nothing could run: waiting for a node is no work."""
        self._soft_from = self._now()

    async def wait(self) -> None:
        """Returns when the hard limit is over; before the beginning, when as much time has gone by without one."""
        while not self.over:
            self._moved.clear()
            left_s = self._begun_at + self.hard_s - self._now() if self.begun else self.hard_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._moved.wait()
                continue
            if not self.begun:
                return
