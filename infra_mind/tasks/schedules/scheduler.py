"""A scheduler fires what is due. Each dispatcher runs one, and none leads: firing is compare-and-set on the due time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import structlog

from infra_mind.errors import Unavailable
from infra_mind.tasks.schedules.cron import CronInvalid, Rule
from infra_mind.tasks.schedules.records import DueSchedule, ScheduleStore

log = structlog.get_logger(__name__)

AT_ONCE = 20


class Scheduler:
    """`agents`: names that a started task runs. `poll_s`: how late a due time may be noticed."""

    def __init__(
        self, store: ScheduleStore, agents: Sequence[str], *, chance: random.Random, poll_s: float = 1.0, store_pause_s: float = 0.5,
    ) -> None:  # fmt: skip
        self._store, self._agents, self._chance = store, tuple(agents), chance
        self._poll_s, self._store_pause_s = poll_s, store_pause_s
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Until `close` (or cancelled). Outlives every absence of the store."""
        while not self._closing.is_set():
            pause_s = self._poll_s
            try:
                if await self.fire_due() == AT_ONCE:
                    continue
            except Unavailable as error:
                log.warning("store away", call="schedules", error=str(error))
                pause_s = self._store_pause_s * (0.5 + self._chance.random())
            except (
                Exception
            ) as error:  # one record that nobody can read must not end the dispatcher beside this loop
                log.error("schedules broke", error=type(error).__name__)
            try:
                async with asyncio.timeout(pause_s):
                    await self._closing.wait()
            except TimeoutError:
                continue

    def close(self) -> None:
        self._closing.set()

    async def fire_due(self) -> int:
        """Fires what is due now, up to AT_ONCE; how many were, without those that broke."""
        due, broken = await self._store.due_schedules(AT_ONCE), 0
        for one in due:
            try:
                fired = await self._store.fire_schedule(one, _following(one), self._agents)
            except Unavailable:
                raise
            except Exception as error:  # it stays the longest due: those behind it must not wait for it
                log.error("schedule broke", schedule_id=one.schedule_id, error=type(error).__name__)
                broken += 1
                continue
            if fired is not None:
                log.info(
                    "schedule fired",
                    schedule_id=one.schedule_id,
                    due=one.due,
                    task_id=fired.task_id,
                    error=fired.error,
                )
        return len(due) - broken


def _following(one: DueSchedule) -> int | None:
    try:
        return Rule.of(one.cron, one.timezone).next_due(one.due, one.now, coalesce=one.coalesce)
    except (
        CronInvalid
    ) as error:  # a zone that the database has dropped: fires this once, and waits for its owner
        log.error("schedule cannot go on", schedule_id=one.schedule_id, error=str(error))
        return None
