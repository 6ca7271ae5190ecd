"""Schedules: records, and the one step that fires a due time."""

from __future__ import annotations

from collections.abc import Sequence

from infra_mind.errors import Conflict, NotFound
from infra_mind.model.schedule import Schedule
from infra_mind.model.task import StartOptions
from infra_mind.tasks.packing import pack
from infra_mind.tasks.records import iso
from infra_mind.tasks.redis import decode
from infra_mind.tasks.redis.link import Argument
from infra_mind.tasks.redis.requests import Requests
from infra_mind.tasks.schedules.records import DueSchedule, Fired, NewSchedule, iso_or_none, shown_options

_ERRORS = {"OK": "", "TOO_MANY": "TooMany"}  # anything else a start is refused for is a Conflict


class Schedules(Requests):
    """The part of `TaskStore` that is about schedules."""

    async def create_schedule(self, new: NewSchedule) -> Schedule:
        keys, most = self._link.keys, self._link.limits.max_schedules_per_tenant
        record: list[Argument] = [
            "name", new.name, "cron", new.cron, "timezone", new.timezone, "coalesce", int(new.coalesce),
            "options", new.options.to_json(), "assessment_name", new.assessment_name, "files", new.artefact_files,
        ]  # fmt: skip
        answer = await self._link.call(
            "create_schedule",
            [
                keys.schedule(new.schedule_id),
                keys.schedule_input(new.schedule_id),
                keys.schedules,
                keys.tenant_schedules(new.tenant),
            ],
            [new.schedule_id, new.tenant, _ms(new.due), most, pack(new.data), *record],
            again=True,
            durable=True,
        )
        if answer[0] == b"FULL":
            raise Conflict(f"This tenant has {most} schedules, which is the most: delete one first.")
        if answer[0] == b"TAKEN":
            raise Conflict(f"The schedule id {new.schedule_id} is taken.")
        return _schedule(new.schedule_id, decode.fields(answer[1]))

    async def schedule(self, tenant: str, schedule_id: str) -> Schedule:
        found = await self._link.hash(self._link.keys.schedule(schedule_id))
        record = {name.decode(): value.decode() for name, value in found.items()}
        if record.get("tenant") != tenant:
            raise _unknown(schedule_id)
        return _schedule(schedule_id, record)

    async def schedules(self, tenant: str) -> tuple[Schedule, ...]:
        most = self._link.limits.max_schedules_per_tenant
        _, *rows = await self._link.call(
            "schedules", [self._link.keys.tenant_schedules(tenant)], ["all", most], again=True
        )
        return tuple(_schedule(row[0].decode(), decode.fields(row[1])) for row in rows)

    async def enable_schedule(self, tenant: str, schedule_id: str, due: int | None) -> Schedule:
        answer = await self._link.call(
            "enable_schedule",
            [self._link.keys.schedule(schedule_id), self._link.keys.schedules],
            [schedule_id, tenant, _ms(due)],
            again=True,
            durable=True,
        )
        if answer == 0:
            raise _unknown(schedule_id)
        return _schedule(schedule_id, decode.fields(answer))

    async def delete_schedule(self, tenant: str, schedule_id: str) -> None:
        keys = self._link.keys
        answer = await self._link.call(
            "delete_schedule",
            [
                keys.schedule(schedule_id),
                keys.schedule_input(schedule_id),
                keys.schedules,
                keys.tenant_schedules(tenant),
            ],
            [schedule_id, tenant],
            durable=True,
        )
        if not answer:
            raise _unknown(schedule_id)

    async def due_schedules(self, limit: int) -> list[DueSchedule]:
        now, *rows = await self._link.call(
            "schedules", [self._link.keys.schedules], ["due", limit], again=True
        )
        return decode.readable(rows, lambda row: _due(row[0].decode(), decode.fields(row[1]), int(now)))

    async def fire_schedule(
        self, due: DueSchedule, following: int | None, agents: Sequence[str]
    ) -> Fired | None:
        """Sent once: if its answer is lost, the next look finds the due time moved on, or fires it."""
        keys, args = self._accept_call(due.tenant, due.assessment_id, due.task_id, due.options, agents)
        answer = await self._link.call(
            "fire_schedule", keys, [due.schedule_id, due.due, _ms(following), *args], durable=True
        )
        return None if answer is None else Fired(due.task_id, _ERRORS.get(answer.decode(), "Conflict"))


def _ms(due: int | None) -> Argument:
    return "" if due is None else due


def _unknown(schedule_id: str) -> NotFound:
    return NotFound(f"There is no schedule {schedule_id}.")


def _schedule(schedule_id: str, found: dict[str, str]) -> Schedule:
    def moment(name: str) -> str | None:
        return iso_or_none(int(found[name]) if name in found else None)

    return Schedule(
        schedule_id=schedule_id,
        name=found["name"],
        cron=found["cron"],
        timezone=found["timezone"],
        coalesce=found["coalesce"] == "1",
        enabled="due" in found,
        options=shown_options(StartOptions.model_validate_json(found["options"])),
        created_at=iso(int(found["created"])),
        next_due_at=moment("due"),
        last_due_at=moment("last_due"),
        last_fired_at=moment("last_fired"),
        last_assessment_id=found.get("last_assessment"),
        last_task_id=found.get("last_task"),
        last_error=_ERRORS.get(found.get("last_code", "OK"), "Conflict") or None,
    )


def _due(schedule_id: str, found: dict[str, str], now: int) -> DueSchedule:
    return DueSchedule(
        schedule_id=schedule_id,
        tenant=found["tenant"],
        cron=found["cron"],
        timezone=found["timezone"],
        coalesce=found["coalesce"] == "1",
        options=StartOptions.model_validate_json(found["options"]),
        due=int(found["due"]),
        now=now,
    )
