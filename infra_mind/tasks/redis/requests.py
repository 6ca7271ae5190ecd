"""What callers ask about tasks: accept, look, cancel."""

from __future__ import annotations

import json
from collections.abc import Sequence

from infra_mind.errors import Conflict, NotFound, ResultLost, TooMany
from infra_mind.model.task import StartOptions, Task, TaskState
from infra_mind.tasks.records import (
    OTHER_CALL,
    TaskRecord,
    assessment_gone,
    check_has_result,
    check_replay,
    distinct,
    gone,
    ms_of,
    page_limit,
)
from infra_mind.tasks.redis import decode
from infra_mind.tasks.redis.assessments import Assessments, read_page
from infra_mind.tasks.redis.link import Argument
from infra_mind.tasks.store import Accepted, Page
from infra_mind.tasks.stowage import Stowage


class Requests(Assessments):
    """The part of `TaskStore` that the API uses."""

    _stowage: Stowage

    async def accept(
        self,
        tenant: str,
        assessment_id: str,
        task_id: str,
        options: StartOptions,
        agents: Sequence[str],
        idempotency_key: str | None = None,
        kept_from: str | None = None,
    ) -> Accepted:
        keys, args = self._accept_call(
            tenant, assessment_id, task_id, options, agents, idempotency_key, kept_from
        )
        answer = await self._link.call("accept", keys, args, again=True, durable=True)
        code = answer[0].decode()
        if code == "NOT_FOUND":
            await self._refuse_gone(tenant, assessment_id)
        if code == "NO_TASK":
            raise NotFound(f"There is no task {kept_from}.")
        if code != "OK":
            raise _refusal(code, assessment_id, task_id, answer[1:])
        return Accepted(answer[1].decode(), bool(answer[2]))

    async def replay(
        self,
        tenant: str,
        task_id: str,
        new_task_id: str,
        agents: Sequence[str],
        idempotency_key: str | None = None,
    ) -> Accepted:
        answer = await self._link.call(
            "replay",
            [self._link.keys.idempotency(tenant, idempotency_key or "")],
            [
                tenant,
                task_id,
                new_task_id,
                json.dumps(distinct(agents)),
                0 if idempotency_key is None else 1,
            ],
            again=True,
            durable=True,
        )
        code = answer[0].decode()
        if code == "OK":
            return Accepted(answer[1].decode(), bool(answer[2]))
        if code == "GONE":
            raise assessment_gone(task_id)
        record, _ = await self._record(tenant, task_id)  # NotFound
        if code == "NOT_FAILED":
            check_replay(record)
            raise Conflict(f"Task {task_id} ended only now: ask again.", record.state)
        raise _refusal(code, record.assessment_id, new_task_id, answer[1:])

    def _accept_call(
        self,
        tenant: str,
        assessment_id: str,
        task_id: str,
        options: StartOptions,
        agents: Sequence[str],
        idempotency_key: str | None = None,
        kept_from: str | None = None,
    ) -> tuple[list[str], list[Argument]]:
        """KEYS and ARGV of accept.lua, also for scripts that accept as a part of their work."""
        return [self._link.keys.idempotency(tenant, idempotency_key or "")], [
            tenant,
            assessment_id,
            task_id,
            options.priority.value,
            options.to_json(),
            json.dumps(distinct(agents)),
            0 if idempotency_key is None else 1,
            "" if options.not_before is None else ms_of(options.not_before, "not_before"),
            "" if options.delay_s is None else round(options.delay_s * 1000),
            kept_from or "",
        ]

    async def task(self, tenant: str | None, task_id: str) -> Task:
        record, position = await self._record(tenant, task_id, place=True)
        return record.view(position)

    async def _record(
        self, tenant: str | None, task_id: str, *, place: bool = False
    ) -> tuple[TaskRecord, int | None]:
        """With its place in the queue only when asked: counting it costs the store more than all the rest."""
        flat, position, _ = await self._link.call(
            "task", [self._link.keys.task(task_id)], [task_id, int(place)], again=True
        )
        record = decode.task(task_id, flat) if flat else None
        if record is None or (tenant is not None and record.tenant != tenant):
            raise NotFound(f"There is no task {task_id}.")
        return record, position if position > 0 else None

    async def tasks(
        self, tenant: str, *, state: TaskState | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Task]:
        return await read_page(
            self._rows("task", self._link.keys.tasks(tenant)),
            lambda row: decode.task(row[0].decode(), row[2]).view(None),
            lambda task: state is None or task.state == state,
            cursor,
            page_limit(limit),
        )

    async def result(self, tenant: str, task_id: str) -> bytes:
        record, _ = await self._record(tenant, task_id)
        check_has_result(record)
        stowed = await self._link.raw(self._link.keys.result(task_id))
        if stowed is None:
            raise gone(task_id)
        try:
            return await self._stowage.fetch(stowed)
        except ResultLost:
            if await self._link.raw(self._link.keys.result(task_id)) is None:  # its time ended in between
                raise gone(task_id) from None
            raise

    async def cancel(self, tenant: str, task_id: str) -> TaskState:
        answer = await self._link.call(
            "cancel", [self._link.keys.task(task_id)], [tenant, task_id], durable=True
        )
        if answer[0] == b"NOT_FOUND":
            raise NotFound(f"There is no task {task_id}.")
        state = TaskState(answer[1].decode())
        if answer[0] == b"CONFLICT":
            raise Conflict(f"Task {task_id} has already ended as {state}.", state)
        return state


def _refusal(code: str, assessment_id: str, task_id: str, details: Sequence[bytes]) -> Exception:
    if code == "CONFLICT_KEY":
        return Conflict("This idempotency key was used for another assessment: use a new one.")
    if code == "CONFLICT_CALL":
        return Conflict(OTHER_CALL)
    if code == "CONFLICT_ID":
        return Conflict(f"The task id {task_id} is taken.")
    if code == "CONFLICT_ACTIVE":
        active = details[0].decode()
        return Conflict(
            f"Assessment {assessment_id} is already being worked on by task {active}.", "in_progress"
        )
    if code == "TOO_MANY":
        return TooMany("Too many tasks of this tenant wait in the queue: come back when some have run.")
    return NotFound(f"There is no assessment {assessment_id}.")
