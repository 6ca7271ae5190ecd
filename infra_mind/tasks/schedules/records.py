"""What the store keeps of schedules. A part of `TaskStore`; firing one is one atomic step, so nobody needs to lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

from infra_mind.model.schedule import Schedule
from infra_mind.model.task import StartOptions
from infra_mind.model.webhook import target_of
from infra_mind.tasks.records import iso


@dataclass(frozen=True)
class NewSchedule:
    """`data` is the submission that every firing assesses, `assessment_name` and `artefact_files` what is known of it. `due` is the
    first due time in ms since 1970; None while it is not enabled."""

    schedule_id: str
    tenant: str
    name: str
    cron: str
    timezone: str
    coalesce: bool
    options: StartOptions
    assessment_name: str
    artefact_files: int
    data: bytes = field(repr=False)
    due: int | None


@dataclass(frozen=True)
class DueSchedule:
    """A schedule whose time has come. `due` and `now` (the server's clock) in ms since 1970."""

    schedule_id: str
    tenant: str
    cron: str
    timezone: str
    coalesce: bool
    options: StartOptions
    due: int
    now: int

    @property
    def assessment_id(self) -> str:
        """The same for the same due time, whoever fires it and however often."""
        return f"asm_{self._digest('assessment')}"

    @property
    def task_id(self) -> str:
        return f"tsk_{self._digest('task')}"

    def _digest(self, kind: str) -> str:
        return sha256(f"{kind}\n{self.schedule_id}\n{self.due}".encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Fired:
    """`error`: why nothing was started, such as TooMany; empty when a task was."""

    task_id: str
    error: str = ""


class ScheduleStore(Protocol):
    """Schedules stay until they are deleted; what they started lives and expires like every other assessment."""

    async def create_schedule(self, new: NewSchedule) -> Schedule:
        """The same create again is the same schedule. Conflict over `max_schedules_per_tenant`, or when the id is taken."""

    async def schedule(self, tenant: str, schedule_id: str) -> Schedule:
        """NotFound."""

    async def schedules(self, tenant: str) -> tuple[Schedule, ...]:
        """All of the tenant, newest first: their number is bounded."""

    async def enable_schedule(self, tenant: str, schedule_id: str, due: int | None) -> Schedule:
        """Next due at `due` (ms since 1970); None pauses it. NotFound."""

    async def delete_schedule(self, tenant: str, schedule_id: str) -> None:
        """What it has started goes on. NotFound."""

    async def due_schedules(self, limit: int) -> list[DueSchedule]:
        """Up to `limit` whose time has come, the longest due first. Looking changes nothing."""

    async def fire_schedule(
        self, due: DueSchedule, following: int | None, agents: Sequence[str]
    ) -> Fired | None:
        """If it is still due at `due.due`: makes the assessment and its task and sets the next due time to `following`, all in one step.
        None, and nothing changed, when somebody else was first, or it was paused or deleted. A start that is refused (TooMany)
        leaves no assessment behind; the due time counts as done and the refusal stands in `last_error`."""


def shown_options(options: StartOptions) -> dict[str, Any]:
    """Options as anybody with a key of the tenant may see them."""
    shown = options.model_dump(mode="json", exclude_none=True)
    if options.webhook_url is not None:
        shown["webhook_url"] = target_of(options.webhook_url).masked
    return shown


def iso_or_none(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)
