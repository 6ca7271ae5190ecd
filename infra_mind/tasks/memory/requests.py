"""What callers ask about tasks: accept, look, cancel."""

from __future__ import annotations

from collections.abc import Sequence

from infra_mind.errors import Conflict, NotFound, ResultLost, TooMany
from infra_mind.model.task import AssessmentStatus, StartOptions, Task, TaskState
from infra_mind.tasks.memory.assessments import Assessments, page
from infra_mind.tasks.memory.state import AssessmentRecord
from infra_mind.tasks.records import (
    DELAYED_STEP,
    OTHER_CALL,
    WORDS,
    TaskRecord,
    assessment_gone,
    check_has_result,
    check_replay,
    distinct,
    due_of,
    gone,
)
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
        self._state.tick()
        keyed = None if idempotency_key is None else f"{tenant}\n{idempotency_key}"
        due = due_of(options, self._state.now)
        seen = self._seen(keyed, tenant, assessment_id, task_id, options, None)
        if seen is not None:
            return seen
        assessment = self._own(tenant, assessment_id)
        self._check_admission(assessment)
        before = None if kept_from is None else self._task(tenant, kept_from)
        self._admit(assessment, task_id, options, distinct(agents), due, keyed)
        if before is not None:
            self._copy_kept(before, task_id)
        return Accepted(task_id, True)

    async def replay(
        self,
        tenant: str,
        task_id: str,
        new_task_id: str,
        agents: Sequence[str],
        idempotency_key: str | None = None,
    ) -> Accepted:
        self._state.tick()
        keyed = None if idempotency_key is None else f"{tenant}\n{idempotency_key}"
        old = self._task(tenant, task_id)
        seen = self._seen(keyed, tenant, old.assessment_id, new_task_id, old.options, old.task_id)
        if seen is not None:
            return seen
        check_replay(old)
        assessment = self._state.assessment_of(tenant, old.assessment_id)
        if assessment is None:
            raise assessment_gone(task_id)
        self._check_admission(assessment)
        new = self._admit(assessment, new_task_id, old.options, distinct(agents), None, keyed)
        new.replay_of = task_id
        self._copy_kept(old, new_task_id)
        return Accepted(new_task_id, True)

    def _copy_kept(self, old: TaskRecord, new_task_id: str) -> None:
        """What another task kept, but for objects: they go with the task that wrote them, and such a step is done again."""
        kept = self._state.kept.get(old.task_id, {})
        self._state.kept[new_task_id] = {s: k for s, k in kept.items() if f"kept:{s}" not in old.objects}

    def _check_admission(self, assessment: AssessmentRecord) -> None:
        if assessment.status == AssessmentStatus.IN_PROGRESS:
            raise Conflict(
                f"Assessment {assessment.assessment_id} is already being worked on by task {assessment.task}.",
                "in_progress",
            )
        queue, tenant = self._state.queue, assessment.tenant
        limit = queue.policy(tenant).max_queued
        if queue.queued(tenant) >= (self._state.limits.max_queued_per_tenant if limit is None else limit):
            raise TooMany("Too many tasks of this tenant wait in the queue: come back when some have run.")

    def _seen(
        self, keyed: str | None, tenant: str, assessment_id: str, task_id: str, options: StartOptions, replay_of: str | None
    ) -> Accepted | None:  # fmt: skip
        """What an earlier call with this idempotency key, or with this task id, was answered."""
        before = None if keyed is None else self._state.idempotency.get(keyed)
        if before is not None:
            if before[0] != assessment_id:
                raise Conflict("This idempotency key was used for another assessment: use a new one.")
            if found := self._state.tasks.get(before[1]):
                if (found.options, found.replay_of) != (options, replay_of):
                    raise Conflict(OTHER_CALL)
                return Accepted(before[1], before[1] == task_id)
        known = self._state.tasks.get(task_id)
        if known is None:
            return None
        if (known.tenant, known.assessment_id) != (tenant, assessment_id):
            raise Conflict(f"The task id {task_id} is taken.")
        assessment = self._state.assessments.get(assessment_id)
        if assessment is not None and assessment.deleted:
            raise NotFound(f"There is no assessment {assessment_id}.")
        return Accepted(task_id, True)

    def _admit(
        self,
        assessment: AssessmentRecord,
        task_id: str,
        options: StartOptions,
        agents: tuple[str, ...],
        due: int | None,
        keyed: str | None,
    ) -> TaskRecord:
        state = self._state
        task = TaskRecord(
            task_id=task_id,
            tenant=assessment.tenant,
            assessment_id=assessment.assessment_id,
            name=assessment.name,
            priority=options.priority,
            created=state.now,
            listed=state.now_us,
            score=state.now_us,
            options=options,
            agents=agents,
        )
        state.tasks[task_id] = task
        if due is not None and due > state.now:
            task.not_before, task.step, task.message = due, DELAYED_STEP, WORDS["delayed"]
            state.queue.delay(task, due)
        else:
            state.queue.enqueue(task, state.now_us)
            state.signal("work")
        assessment.status, assessment.task = AssessmentStatus.IN_PROGRESS.value, task_id
        assessment.updated = state.now
        assessment.runs.append(task_id)
        state.persist("assessment", assessment.assessment_id)
        state.accepted += 1
        if keyed is not None:
            state.idempotency[keyed] = assessment.assessment_id, task_id
            state.expire("idempotency", keyed, state.limits.idempotency_ttl_s)
        return task

    async def task(self, tenant: str | None, task_id: str) -> Task:
        self._state.tick()
        record = self._task(tenant, task_id)
        return record.view(self._state.queue.position(record))

    def _task(self, tenant: str | None, task_id: str) -> TaskRecord:
        found = self._state.tasks.get(task_id)
        if found is None or (tenant is not None and found.tenant != tenant):
            raise NotFound(f"There is no task {task_id}.")
        return found

    async def tasks(
        self, tenant: str, *, state: TaskState | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Task]:
        self._state.tick()
        return page(
            (
                task
                for task in self._state.tasks.values()
                if task.tenant == tenant and (state is None or task.state is state)
            ),
            lambda task: task.task_id,
            lambda task: task.view(None),
            cursor,
            limit,
        )

    async def result(self, tenant: str, task_id: str) -> bytes:
        self._state.tick()
        check_has_result(self._task(tenant, task_id))
        stowed = self._state.results.get(task_id)
        if stowed is None:
            raise gone(task_id)
        try:
            return await self._stowage.fetch(stowed)
        except ResultLost:
            self._state.tick()
            if task_id not in self._state.results:  # its time ended in between
                raise gone(task_id) from None
            raise

    async def cancel(self, tenant: str, task_id: str) -> TaskState:
        self._state.tick()
        task = self._task(tenant, task_id)
        if task.state.ended:
            raise Conflict(f"Task {task_id} has already ended as {task.state}.", task.state)
        return self._state.request_cancel(task)
