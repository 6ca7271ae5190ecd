"""Assessments: drafts, their input, deletion, listing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from infra_mind.errors import Conflict, NotFound
from infra_mind.model.task import Assessment, AssessmentStatus
from infra_mind.tasks.memory.state import AssessmentRecord, State
from infra_mind.tasks.records import TaskRecord, gone_assessment, ms_of, page_limit, read_cursor, write_cursor
from infra_mind.tasks.store import Page

T = TypeVar("T")
R = TypeVar("R", AssessmentRecord, TaskRecord)


class Assessments:
    """The part of `TaskStore` that is about assessments."""

    _state: State

    async def create_assessment(
        self, tenant: str, assessment_id: str, name: str, data: bytes, artefact_files: int
    ) -> Assessment:
        self._state.tick()
        return self._save_draft(tenant, assessment_id, name, data, artefact_files)

    async def change_assessment(
        self, tenant: str, assessment_id: str, name: str, data: bytes, artefact_files: int
    ) -> Assessment:
        self._state.tick()
        self._own(tenant, assessment_id)
        return self._save_draft(tenant, assessment_id, name, data, artefact_files)

    def _save_draft(
        self, tenant: str, assessment_id: str, name: str, data: bytes, artefact_files: int
    ) -> Assessment:
        state = self._state
        found = state.assessments.get(assessment_id)
        if found and (found.tenant != tenant or found.deleted or found.status != AssessmentStatus.DRAFT):
            raise Conflict(
                f"Assessment {assessment_id} is no longer a draft: create a new one.",
                found.status if found.tenant == tenant else "",
            )
        created, listed = (found.created, found.listed) if found else (state.now, state.now_us)
        record = AssessmentRecord(
            assessment_id, tenant, name, created, listed, state.now, artefact_files, data
        )
        state.assessments[assessment_id] = record
        state.expire("assessment", assessment_id, state.limits.draft_ttl_s)
        return record.view()

    def _own(self, tenant: str, assessment_id: str) -> AssessmentRecord:
        found = self._state.assessment_of(tenant, assessment_id)
        if found is None:
            if assessment_id not in self._state.assessments and self._state.gone.get(assessment_id) == tenant:
                raise gone_assessment(assessment_id)
            raise NotFound(f"There is no assessment {assessment_id}.")
        return found

    async def delete_assessment(self, tenant: str, assessment_id: str) -> str | None:
        self._state.tick()
        record = self._own(tenant, assessment_id)
        active = self._state.tasks.get(record.task or "")
        if active is None or record.status != AssessmentStatus.IN_PROGRESS:
            self._state.remove_assessment(record)
            return None
        for task_id in record.runs:
            if task_id != active.task_id:
                self._state.remove_task(task_id)
        record.runs, record.deleted = [active.task_id], True
        self._state.request_cancel(active)
        return active.task_id

    async def assessment(self, tenant: str, assessment_id: str) -> Assessment:
        self._state.tick()
        return self._own(tenant, assessment_id).view()

    async def assessment_input(self, assessment_id: str) -> bytes:
        self._state.tick()
        found = self._state.assessments.get(assessment_id)
        if found is None:
            raise NotFound(f"There is no assessment {assessment_id}.")
        return found.data

    async def assessments(
        self,
        tenant: str,
        *,
        cursor: str | None = None,
        limit: int = 50,
        status: str | None = None,
        name: str | None = None,
        created_after: str | None = None,
    ) -> Page[Assessment]:
        self._state.tick()
        oldest = -1 if created_after is None else ms_of(created_after, "created_after")
        part = None if name is None else name.casefold()

        def fits(record: AssessmentRecord) -> bool:
            return (
                record.tenant == tenant
                and not record.deleted
                and record.created > oldest
                and (status is None or record.status == status)
                and (part is None or part in record.name.casefold())
            )

        return page(
            (record for record in self._state.assessments.values() if fits(record)),
            lambda record: record.assessment_id,
            AssessmentRecord.view,
            cursor,
            limit,
        )


def page(
    records: Iterable[R], identify: Callable[[R], str], view: Callable[[R], T], cursor: str | None, limit: int
) -> Page[T]:
    """Newest first, after `cursor`."""
    page_limit(limit)
    before = None if cursor is None else read_cursor(cursor)
    newest = sorted(
        ((record.listed, identify(record), record) for record in records), key=_place, reverse=True
    )
    rest = [row for row in newest if before is None or _place(row) < before]
    shown = rest[:limit]
    more = write_cursor(shown[-1][0], shown[-1][1]) if len(rest) > limit else None
    return Page(tuple(view(record) for _, _, record in shown), more)


def _place(row: tuple[int, str, object]) -> tuple[int, str]:
    return row[0], row[1]
