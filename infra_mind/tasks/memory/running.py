"""What dispatchers do: claim, renew, release, keep, update, finish."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import structlog

from infra_mind.errors import ResultLost
from infra_mind.model.task import AgentState, TaskError, TaskState
from infra_mind.tasks.memory.state import State
from infra_mind.tasks.records import (
    FINAL_AGENT_STATES,
    QUEUED_STEP,
    WORDS,
    AgentRecord,
    TaskRecord,
    clip,
    clip_error,
    end_words,
    iso,
    percent,
)
from infra_mind.tasks.store import AgentUpdate, Claim, Commit, Kept, Renewal
from infra_mind.tasks.stowage import RESULT, Stowage, Stowed, sweep

log = structlog.get_logger(__name__)


class Running:
    """The part of `TaskStore` that the engine uses."""

    _state: State
    _stowage: Stowage

    async def claim(self, dispatcher: str, limit: int) -> list[Claim]:
        self._state.tick()
        if limit < 1:
            return []
        self._state.wake_delayed()
        claims: list[Claim] = []
        due = sorted((end, task_id) for task_id, end in self._state.leases.items() if end <= self._state.now)
        for _, task_id in due:
            if len(claims) >= limit:
                return claims
            changed: dict[str, AgentRecord] = {}
            task = self._state.tasks[task_id]
            self._state.rest_agents(task, changed)
            claims += self._take_or_end(dispatcher, task, changed)
        while len(claims) < limit and (waiting := self._state.queue.pop_next()):
            claims += self._take_or_end(dispatcher, waiting, {})
            if waiting.state is TaskState.STARTED:
                self._state.queue.count_running(waiting.tenant, 1)
        return claims

    def _take_or_end(self, dispatcher: str, task: TaskRecord, changed: dict[str, AgentRecord]) -> list[Claim]:
        if task.cancel:
            self._state.revoke(task, changed)
            return []
        if task.attempt >= self._state.limits.max_claims:
            task.error = TaskError(type="PoisonTask", message=WORDS["poison"], attempt=task.attempt)
            self._state.end_task(task, TaskState.FAILURE, WORDS["poison"], "failed", changed)
            return []
        return [self._take(dispatcher, task, changed)]

    def _take(self, dispatcher: str, task: TaskRecord, changed: dict[str, AgentRecord]) -> Claim:
        state = self._state
        task.state, task.fence, task.attempt = TaskState.STARTED, task.fence + 1, task.attempt + 1
        task.started = state.now if task.started is None else task.started
        task.dispatcher = dispatcher
        task.updated, task.step, task.message = state.now, "starting", WORDS["started"]
        state.retrying.discard(task.task_id)
        self._lease(task)
        state.emit(task, "state", changed)
        return Claim(
            task_id=task.task_id,
            assessment_id=task.assessment_id,
            tenant=task.tenant,
            fence=task.fence,
            attempt=task.attempt,
            priority=task.priority,
            created_at=iso(task.created),
            options=task.options,
            agents=task.agents,
            cancel_requested=task.cancel,
        )

    def _lease(self, task: TaskRecord) -> None:
        self._state.leases[task.task_id] = self._state.now + max(1, round(self._state.limits.lease_s * 1000))

    def _held(self, task_id: str, fence: int) -> TaskRecord | None:
        task = self._state.tasks.get(task_id)
        return task if task and task.held_under(fence) else None

    async def renew(self, held: Sequence[tuple[str, int]]) -> list[Renewal]:
        self._state.tick()
        return [self._renew(task_id, fence) for task_id, fence in held]

    def _renew(self, task_id: str, fence: int) -> Renewal:
        task = self._held(task_id, fence)
        if task is None:
            return Renewal.LOST
        self._lease(task)
        return Renewal.CANCEL if task.cancel else Renewal.HELD

    async def release(self, task_id: str, fence: int) -> bool:
        state = self._state
        state.tick()
        task = self._held(task_id, fence)
        if task is None:
            return False
        changed: dict[str, AgentRecord] = {}
        state.rest_agents(task, changed)
        if task.cancel:
            state.revoke(task, changed)
            return True
        task.state, task.attempt, task.updated = TaskState.PENDING, task.attempt - 1, state.now
        task.step, task.message = QUEUED_STEP, WORDS["queued"]
        del state.leases[task_id]
        state.retrying.discard(task_id)
        state.queue.give_back(task)
        state.emit(task, "state", changed)
        state.signal("work")
        return True

    async def kept(self, task_id: str) -> dict[str, Kept]:
        self._state.tick()
        kept = {}
        for step, found in sorted(self._state.kept.get(task_id, {}).items()):
            try:
                kept[step] = replace(found, data=await self._stowage.fetch(found.data))
            except ResultLost as lost:
                log.warning("kept result is lost", task_id=task_id, step=step, reason=str(lost))
        return kept

    async def keep(
        self, task_id: str, fence: int, kept: Kept, *, agent: AgentUpdate | None, seconds: float
    ) -> Commit:
        if "\n" in kept.inputs_hash:
            raise ValueError("inputs_hash must be one line")
        stowed = await self._stowage.stow(task_id, fence, f"kept:{kept.step}", kept.data)
        self._state.tick()
        task, kind = self._held(task_id, fence), f"kept:{kept.step}"
        if task is None:
            self._state.refuse_object(self._state.tasks.get(task_id), kind, stowed.object)
            return Commit.STALE
        steps = self._state.kept.setdefault(task_id, {})
        before, object_before = steps.get(kept.step), task.objects.get(kind, "")
        if before is not None and before.inputs_hash == kept.inputs_hash:
            self._state.refuse_object(task, kind, stowed.object)
            return Commit.DONE
        if not self._state.commit_object(task, kind, stowed.object):
            self._state.refuse_object(task, kind, stowed.object)
            return Commit.STALE
        if stowed.object != object_before:
            self._state.object_due(object_before, self._state.now)
            if not stowed.object:
                del task.objects[kind]
        steps[kept.step] = replace(kept, data=stowed.value)
        changed: dict[str, AgentRecord] = {}
        if agent is not None:
            self._count_done(task, agent, seconds, changed)
        self._state.settle(task, kept.step, clip(agent.note) if agent else "")
        self._state.emit(task, "agent" if agent else "progress", changed)
        return Commit.DONE

    def _count_done(
        self, task: TaskRecord, said: AgentUpdate, seconds: float, changed: dict[str, AgentRecord]
    ) -> None:
        state, us = self._state, max(0, round(seconds * 1_000_000))
        state.agent_us[said.agent] += us
        state.agent_runs[said.agent, AgentState.DONE.value] += 1
        before = task.agent(said.agent)
        if before.state not in FINAL_AGENT_STATES:
            done = AgentRecord(
                state=AgentState.DONE,
                progress=100.0,
                attempt=said.attempt,
                note=clip(said.note),
                reason=clip(said.reason),
                started=math.floor(state.now - us / 1000) if before.started is None else before.started,
                ended=state.now,
            )
            state.set_agent(task, said.agent, done, changed)

    async def update(self, updates: Sequence[AgentUpdate]) -> list[bool]:
        self._state.tick()
        taken = [False] * len(updates)
        by_task: dict[str, list[int]] = {}
        for i, one in enumerate(updates):
            by_task.setdefault(one.task_id, []).append(i)
        for task_id, places in by_task.items():
            task = self._state.tasks.get(task_id)
            if task is not None:
                for i, one_taken in zip(
                    places, self._update_task(task, [updates[i] for i in places]), strict=True
                ):
                    taken[i] = one_taken
        return taken

    def _update_task(self, task: TaskRecord, updates: Sequence[AgentUpdate]) -> list[bool]:
        changed: dict[str, AgentRecord] = {}
        taken: list[bool] = []
        last: AgentUpdate | None = None
        kind = "progress"
        for one in updates:
            before = task.agent(one.agent)
            fits = (
                task.held_under(one.fence)
                and one.agent in task.agents
                and before.state not in FINAL_AGENT_STATES
                and not _late(before, one)
            )
            taken.append(fits)
            if fits:
                kind = "agent" if before.state is not one.state else kind
                self._state.set_agent(task, one.agent, self._moved(before, one), changed)
                last = one
        if last is not None:
            self._state.settle(task, last.agent, clip(last.note))
            self._state.emit(task, kind, changed)
        return taken

    def _moved(self, before: AgentRecord, said: AgentUpdate) -> AgentRecord:
        now, ran = self._state.now, max(0, round(said.ran_s * 1000))
        progress = percent(said.progress)
        if said.state is not AgentState.RETRY:
            progress = max(before.progress, progress)
        began = said.state is AgentState.RUNNING and before.state is not AgentState.RUNNING
        final = said.state in FINAL_AGENT_STATES
        if final and said.attempt > 0:  # 0: taken over from another task, nothing ran
            self._state.agent_runs[said.agent, said.state.value] += 1
        return replace(
            before,
            state=said.state,
            progress=100.0 if said.state is AgentState.DONE else progress,
            attempt=said.attempt,
            note=clip(said.note),
            reason=clip(said.reason),
            retry=_retry_at(said, now),
            started=now - ran if began or (ran and before.started is None) else before.started,
            ended=now if final else before.ended,
        )

    async def finish(
        self,
        task_id: str,
        fence: int,
        state: TaskState,
        *,
        result: bytes | None = None,
        assessment_status: str = "",
        error: TaskError | None = None,
    ) -> Commit:
        if not state.ended:
            raise ValueError(f"{state} is no end of a task")
        stowed = Stowed(b"")
        if state is TaskState.SUCCESS:
            stowed = await self._stowage.stow(task_id, fence, RESULT, result or b"")
        self._state.tick()
        task = self._state.tasks.get(task_id)
        if task and task.finished_by == fence and task.state is state:
            return Commit.DONE
        refusal = Commit.STALE if task is None or not task.held_under(fence) else None
        if task and not refusal and state is TaskState.SUCCESS and task.cancel:
            refusal = Commit.CANCELLED
        if task and not refusal and not self._state.commit_object(task, RESULT, stowed.object):
            refusal = Commit.STALE
        if task is None or refusal:
            self._state.refuse_object(task, RESULT, stowed.object)
            return refusal or Commit.STALE
        status, message = end_words(state, assessment_status, error)
        task.error = task.error if error is None else clip_error(error)
        task.finished_by = fence
        if state is TaskState.SUCCESS:
            self._state.results[task_id] = stowed.value
        self._state.end_task(task, state, message, status, {})
        return Commit.DONE

    async def sweep_objects(self, limit: int = 100) -> int:
        return await sweep(self._stowage.objects, self._condemn, self._forget, limit)

    async def _note_object(self, task_id: str, fence: int, name: str) -> bool:
        self._state.tick()
        if self._held(task_id, fence) is None or name in self._state.condemned:
            return False
        due = self._state.now + self._state.limits.object_grace_s * 1000
        self._state.objects[name] = max(due, self._state.objects.get(name, 0.0))
        return True

    async def _condemn(self, limit: int) -> list[str]:
        self._state.tick()
        return self._state.condemn_objects(limit)

    async def _forget(self, names: list[str]) -> None:
        for name in names:
            self._state.condemned.pop(name, None)


def _retry_at(said: AgentUpdate, now: int) -> int | None:
    if said.state is not AgentState.RETRY or said.retry_in_s is None:
        return None
    return now + max(0, round(said.retry_in_s * 1000))


def _late(before: AgentRecord, said: AgentUpdate) -> bool:
    """A report of an attempt that has already failed: it came through the progress actor, RETRY did not."""
    return said.state is AgentState.RUNNING and (
        said.attempt < before.attempt or (before.state is AgentState.RETRY and said.attempt == before.attempt)
    )
