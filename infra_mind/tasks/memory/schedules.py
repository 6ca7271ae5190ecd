"""Schedules: records, and the one step that fires a due time."""

from __future__ import annotations

from collections.abc import Sequence

from infra_mind.errors import Conflict, InfraMindError, NotFound
from infra_mind.model.schedule import Schedule
from infra_mind.tasks.memory.requests import Requests
from infra_mind.tasks.memory.state import ScheduleRecord
from infra_mind.tasks.schedules.records import DueSchedule, Fired, NewSchedule


class Schedules(Requests):
    """The part of `TaskStore` that is about schedules."""

    async def create_schedule(self, new: NewSchedule) -> Schedule:
        state, most = self._state, self._state.limits.max_schedules_per_tenant
        state.tick()
        known = state.schedules.get(new.schedule_id)
        if known is None:
            if len(self._of(new.tenant)) >= most:
                raise Conflict(f"This tenant has {most} schedules, which is the most: delete one first.")
            known = ScheduleRecord(new, state.now, state.now_us, new.due)
            state.schedules[new.schedule_id] = known
        elif known.new.tenant != new.tenant:
            raise Conflict(f"The schedule id {new.schedule_id} is taken.")
        return known.view()

    def _of(self, tenant: str) -> list[ScheduleRecord]:
        own = (one for one in self._state.schedules.values() if one.new.tenant == tenant)
        return sorted(own, key=lambda one: (one.listed, one.new.schedule_id), reverse=True)

    def _own_schedule(self, tenant: str, schedule_id: str) -> ScheduleRecord:
        self._state.tick()
        found = self._state.schedules.get(schedule_id)
        if found is None or found.new.tenant != tenant:
            raise NotFound(f"There is no schedule {schedule_id}.")
        return found

    async def schedule(self, tenant: str, schedule_id: str) -> Schedule:
        return self._own_schedule(tenant, schedule_id).view()

    async def schedules(self, tenant: str) -> tuple[Schedule, ...]:
        self._state.tick()
        return tuple(one.view() for one in self._of(tenant))

    async def enable_schedule(self, tenant: str, schedule_id: str, due: int | None) -> Schedule:
        found = self._own_schedule(tenant, schedule_id)
        found.due = due
        return found.view()

    async def delete_schedule(self, tenant: str, schedule_id: str) -> None:
        self._own_schedule(tenant, schedule_id)
        del self._state.schedules[schedule_id]

    async def due_schedules(self, limit: int) -> list[DueSchedule]:
        self._state.tick()
        now = self._state.now
        due = sorted(
            (one.due, one.new.schedule_id)
            for one in self._state.schedules.values()
            if one.due is not None and one.due <= now
        )
        return [
            self._due_schedule(self._state.schedules[schedule_id].new, at) for at, schedule_id in due[:limit]
        ]

    def _due_schedule(self, new: NewSchedule, due: int) -> DueSchedule:
        return DueSchedule(
            schedule_id=new.schedule_id,
            tenant=new.tenant,
            cron=new.cron,
            timezone=new.timezone,
            coalesce=new.coalesce,
            options=new.options,
            due=due,
            now=self._state.now,
        )

    async def fire_schedule(
        self, due: DueSchedule, following: int | None, agents: Sequence[str]
    ) -> Fired | None:
        state = self._state
        state.tick()
        found = state.schedules.get(due.schedule_id)
        if found is None or found.new.tenant != due.tenant or found.due != due.due or due.due > state.now:
            return None
        error = await self._start(found.new, due, agents)
        found.last_due, found.last_fired, found.last_error, found.due = due.due, state.now, error, following
        if not error:
            found.last_assessment, found.last_task = due.assessment_id, due.task_id
        state.firings["refused" if error else "fired"] += 1
        return Fired(due.task_id, error)

    async def _start(self, new: NewSchedule, due: DueSchedule, agents: Sequence[str]) -> str:
        """Assessment and task; the type of the error that refused them. It waits for nothing, so it is one step."""
        try:
            self._save_draft(due.tenant, due.assessment_id, new.assessment_name, new.data, new.artefact_files)
        except InfraMindError as error:
            return type(error).__name__
        try:
            await self.accept(due.tenant, due.assessment_id, due.task_id, due.options, agents)
        except InfraMindError as error:
            self._state.remove_assessment(self._state.assessments[due.assessment_id])
            return type(error).__name__
        return ""
