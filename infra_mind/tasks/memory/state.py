"""The state behind `MemoryStore` and its one way to end a task: the counterpart of `redis/lua/_house.lua`, step by step."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import defaultdict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from infra_mind.model.schedule import Schedule
from infra_mind.model.task import (
    AgentState,
    ApiKey,
    Assessment,
    AssessmentStatus,
    Event,
    TaskState,
)
from infra_mind.model.workers import Alert
from infra_mind.tasks.memory.outbox import OutboxRecords
from infra_mind.tasks.memory.queue import FairQueue
from infra_mind.tasks.records import (
    DELETED_EVENTS_TTL_S,
    FINAL_AGENT_STATES,
    QUEUED_STEP,
    RUNNING_STATES,
    STEP_AT_END,
    WOKEN_AT_ONCE,
    WORDS,
    AgentRecord,
    TaskRecord,
    event,
    event_id,
    iso,
)
from infra_mind.tasks.schedules.records import NewSchedule, iso_or_none, shown_options
from infra_mind.tasks.store import DispatcherInfo, Kept, Signal, StoreLimits

Kind = Literal["task", "kept", "result", "events", "assessment", "idempotency", "webhook", "gone", "expired"]


@dataclass
class ScheduleRecord:
    """A schedule as it is stored; times in ms. `due` is None while it is paused."""

    new: NewSchedule
    created: int
    listed: int
    due: int | None
    last_due: int | None = None
    last_fired: int | None = None
    last_assessment: str | None = None
    last_task: str | None = None
    last_error: str = ""

    def view(self) -> Schedule:
        return Schedule(
            schedule_id=self.new.schedule_id,
            name=self.new.name,
            cron=self.new.cron,
            timezone=self.new.timezone,
            coalesce=self.new.coalesce,
            enabled=self.due is not None,
            options=shown_options(self.new.options),
            created_at=iso(self.created),
            next_due_at=iso_or_none(self.due),
            last_due_at=iso_or_none(self.last_due),
            last_fired_at=iso_or_none(self.last_fired),
            last_assessment_id=self.last_assessment,
            last_task_id=self.last_task,
            last_error=self.last_error or None,
        )


@dataclass
class AssessmentRecord:
    """An assessment as it is stored; times in ms, `listed` in microseconds."""

    assessment_id: str
    tenant: str
    name: str
    created: int
    listed: int
    updated: int
    artefact_files: int
    data: bytes
    status: str = AssessmentStatus.DRAFT.value
    task: str | None = None
    deleted: bool = False
    runs: list[str] = field(default_factory=list)

    def view(self) -> Assessment:
        return Assessment(
            assessment_id=self.assessment_id,
            name=self.name,
            status=AssessmentStatus(self.status),
            created_at=iso(self.created),
            updated_at=iso(self.updated),
            task_id=self.task,
            artefact_files=self.artefact_files,
        )


class State:
    """All records. Every method is synchronous: in one event loop each is one atomic step."""

    def __init__(self, limits: StoreLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self.assessments: dict[str, AssessmentRecord] = {}
        self.tasks: dict[str, TaskRecord] = {}
        self.kept: dict[str, dict[str, Kept]] = {}
        self.results: dict[str, bytes] = {}
        self.gone: dict[str, str] = {}  # assessment that ended -> tenant
        self.objects: dict[str, float] = {}  # name -> due for removal, ms
        self.condemned: dict[str, float] = {}  # name -> handed out again, ms
        self.events: dict[str, list[Event]] = {}
        self.trimmed: set[str] = set()  # tasks whose first events are not kept any more
        self.idempotency: dict[str, tuple[str, str]] = {}
        self.queue = FairQueue(self.tasks)
        self.rates: dict[str, int] = {}  # when the bucket of an API key is empty again, microseconds
        self.leases: dict[str, int] = {}
        self.retrying: set[str] = set()
        self.dispatchers: dict[str, tuple[DispatcherInfo, int]] = {}
        self.api_keys: dict[str, ApiKey] = {}
        self.outbox = OutboxRecords()
        self.schedules: dict[str, ScheduleRecord] = {}
        self.firings: dict[str, int] = defaultdict(int)
        self.accepted = 0
        self.ended: dict[TaskState, int] = defaultdict(int)
        self.agent_us: dict[str, int] = defaultdict(int)
        self.agent_runs: dict[tuple[str, str], int] = defaultdict(int)
        self.worker_failures: dict[str, int] = defaultdict(int)
        self.newest_failures: dict[str, list[int]] = defaultdict(list)  # ms, newest first
        self.alerts: dict[str, tuple[Alert, int]] = {}  # kind -> alert, shown until ms
        self.watchers: dict[str, set[asyncio.Event]] = defaultdict(set)
        self.listeners: set[asyncio.Queue[Signal]] = set()
        self._holders: dict[Kind, MutableMapping[str, Any]] = {
            "task": self.tasks,
            "kept": self.kept,
            "result": self.results,
            "events": self.events,
            "assessment": self.assessments,
            "idempotency": self.idempotency,
            "expired": self.gone,
            "webhook": self.outbox.webhooks,
            "gone": self.outbox.gone,
        }
        self._expiry: dict[tuple[Kind, str], int] = {}
        self._expiries: list[tuple[int, Kind, str]] = []
        self.now_us = 0
        self.tick()

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return self.now_us // 1000

    def tick(self) -> None:
        """Reads the clock and drops what has expired: the first thing of every call. No two calls share a microsecond,
        so that what came first stays first under a clock that stands still."""
        self.now_us = max(self.now_us + 1, math.floor(self._clock() * 1_000_000))
        while self._expiries and self._expiries[0][0] <= self.now:
            at, kind, item = heapq.heappop(self._expiries)
            if self._expiry.get((kind, item)) == at:
                self._drop(kind, item)

    def expire(self, kind: Kind, item: str, seconds: float) -> None:
        at = self.now + max(1, round(seconds * 1000))
        self._expiry[kind, item] = at
        heapq.heappush(self._expiries, (at, kind, item))

    def persist(self, kind: Kind, item: str) -> None:
        self._expiry.pop((kind, item), None)

    def _drop(self, kind: Kind, item: str) -> None:
        self._holders[kind].pop(item, None)
        self._expiry.pop((kind, item), None)

    # -- records ------------------------------------------------------------------------------------------------------

    def assessment_of(self, tenant: str, assessment_id: str) -> AssessmentRecord | None:
        found = self.assessments.get(assessment_id)
        return found if found and found.tenant == tenant and not found.deleted else None

    def emit(self, task: TaskRecord, kind: str, agents: dict[str, AgentRecord] | None = None) -> str:
        """Appends an event and wakes who waits for it; its id."""
        stream = self.events.setdefault(task.task_id, [])
        if stream:
            ms, number = event_id(stream[-1].id)
            ms, number = (self.now, 0) if self.now > ms else (ms, number + 1)
        else:
            ms, number = max(self.now, task.created), 1  # after the PENDING event that readers derive
        made = event(
            f"{ms}-{number}",
            kind,
            task.task_id,
            self.now,
            task.state,
            task.progress,
            task.step,
            task.message,
            agents or {},
        )
        stream.append(made)
        if len(stream) > self.limits.events_kept:
            if task.task_id not in self.trimmed:
                self.trimmed = {*(self.trimmed & self.events.keys()), task.task_id}
            del stream[: -self.limits.events_kept]
        for watcher in self.watchers.get(task.task_id, ()):
            watcher.set()
        return made.id

    def signal(self, kind: str, task_id: str = "") -> None:
        for listener in self.listeners:
            listener.put_nowait(Signal(kind, task_id))

    def set_agent(
        self, task: TaskRecord, name: str, agent: AgentRecord, changed: dict[str, AgentRecord]
    ) -> None:
        task.progresses[name] = agent
        changed[name] = agent

    def rest_agents(self, task: TaskRecord, changed: dict[str, AgentRecord]) -> None:
        """What ran under a lost lease waits again. Its progress stays: it never goes back except on RETRY."""
        for name in task.agents:
            agent = task.agent(name)
            if agent.state in (AgentState.RUNNING, AgentState.RETRY, AgentState.FAILED):
                rested = replace(agent, state=AgentState.WAITING, attempt=0, ended=None, retry=None)
                self.set_agent(task, name, rested, changed)

    def settle(self, task: TaskRecord, step: str, message: str) -> None:
        """State, progress and step after agents have changed."""
        retrying = any(task.agent(name).state is AgentState.RETRY for name in task.agents)
        (self.retrying.add if retrying else self.retrying.discard)(task.task_id)
        task.state = TaskState.RETRY if retrying else TaskState.PROGRESS
        task.progress, task.step, task.message, task.updated = task.mean_progress(), step, message, self.now

    # -- the queue ----------------------------------------------------------------------------------------------------

    def wake_delayed(self) -> None:
        """What was delayed until now joins the queue. It has waited since its time came, not since it was accepted."""
        delayed = self.queue.delayed
        due = sorted((at, task_id) for task_id, at in delayed.items() if at <= self.now)
        for at, task_id in due[:WOKEN_AT_ONCE]:
            del delayed[task_id]
            task = self.tasks[task_id]
            task.step, task.message, task.updated = QUEUED_STEP, WORDS["queued"], self.now
            self.queue.line_up(task, at * 1000)
            self.emit(task, "state")

    # -- the end ------------------------------------------------------------------------------------------------------

    def end_task(
        self,
        task: TaskRecord,
        state: TaskState,
        message: str,
        status: str,
        changed: dict[str, AgentRecord],
    ) -> None:
        """The one way a task ends."""
        if task.state is TaskState.PENDING:
            self.queue.dequeue(task)
        if task.state in RUNNING_STATES:
            self.queue.count_running(task.tenant, -1)
        if state is not TaskState.SUCCESS:
            self._close_agents(task, state, changed)
        self.leases.pop(task.task_id, None)
        self.retrying.discard(task.task_id)
        task.state, task.step, task.message, task.status = state, STEP_AT_END[state], message, status
        task.ended = task.updated = self.now
        task.expires = self.now + max(1, round(self.limits.result_ttl_s * 1000))
        task.progress = 100.0 if state is TaskState.SUCCESS else task.mean_progress()
        task.end_event = self.emit(task, "end", changed)
        self.ended[state] += 1
        assessment = self.assessments.get(task.assessment_id)
        if assessment and assessment.deleted:
            self.remove_assessment(assessment)
            return
        if assessment and assessment.task == task.task_id:
            assessment.status, assessment.updated = status, self.now
            self.expire("assessment", task.assessment_id, self.limits.result_ttl_s)
            self.gone[task.assessment_id] = task.tenant
            self.expire("expired", task.assessment_id, self.limits.result_ttl_s + self.limits.tombstone_s)
        self.outbox.tell_end(task, status, self.now)
        for kind in ("kept", "result", "events"):
            self.expire(kind, task.task_id, self.limits.result_ttl_s)
        self.expire("task", task.task_id, self.limits.result_ttl_s + self.limits.tombstone_s)
        self.objects_due(task, task.expires)

    def _close_agents(self, task: TaskRecord, end: TaskState, changed: dict[str, AgentRecord]) -> None:
        for name in task.agents:
            agent = task.agent(name)
            if agent.state not in FINAL_AGENT_STATES:
                never = end is TaskState.FAILURE and agent.state is AgentState.WAITING
                state = AgentState.SKIPPED if never else AgentState.REVOKED
                self.set_agent(task, name, replace(agent, state=state, ended=self.now, retry=None), changed)
                self.agent_runs[name, state.value] += 1

    def revoke(self, task: TaskRecord, changed: dict[str, AgentRecord] | None = None) -> None:
        self.end_task(task, TaskState.REVOKED, WORDS["cancelled"], "cancelled", changed or {})

    def request_cancel(self, task: TaskRecord) -> TaskState:
        """Asks a task to stop; its state after. One that nobody runs has ended when this returns."""
        if task.state is TaskState.PENDING:
            task.cancel = True
            self.revoke(task)
            return task.state
        if not task.cancel:
            task.cancel, task.message, task.updated = True, WORDS["cancelling"], self.now
            self.emit(task, "state")
        self.signal("cancel", task.task_id)
        return task.state

    # -- objects (stowage.py) -----------------------------------------------------------------------------------------

    def object_due(self, name: str, at: float) -> None:
        if name in self.objects:
            self.objects[name] = at

    def commit_object(self, task: TaskRecord, kind: str, name: str) -> bool:
        """Whether the task may point to it: not when it was condemned meanwhile. `kind`: result, or kept:<step>."""
        if not name:
            return True
        if name not in self.objects:
            return False
        self.objects[name] = math.inf
        task.objects[kind] = name
        return True

    def refuse_object(self, task: TaskRecord | None, kind: str, name: str) -> None:
        """One that was written and not committed is due at once, whoever had listed it or forgotten it before."""
        if name and (task is None or task.objects.get(kind) != name):
            self.objects[name] = self.now

    def objects_due(self, task: TaskRecord, at: float) -> None:
        for name in task.objects.values():
            self.object_due(name, at)

    def condemn_objects(self, limit: int) -> list[str]:
        """Condemns what is due and names what to delete now; one not confirmed in time is named again."""
        for name in [name for name, at in self.objects.items() if at <= self.now][:limit]:
            del self.objects[name]
            self.condemned[name] = self.now
        names = [name for name, at in self.condemned.items() if at <= self.now][:limit]
        self.condemned.update(dict.fromkeys(names, self.now + self.limits.object_retry_s * 1000))
        return names

    def remove_task(self, task_id: str) -> None:
        if found := self.tasks.get(task_id):
            self.objects_due(found, self.now)
        for webhook_id in self.outbox.of_task(task_id):
            self._drop("webhook", webhook_id)
        for kind in ("task", "kept", "result"):
            self._drop(kind, task_id)
        self.expire("events", task_id, DELETED_EVENTS_TTL_S)  # open streams still see the end

    def remove_assessment(self, assessment: AssessmentRecord) -> None:
        for task_id in assessment.runs:
            self.remove_task(task_id)
        self._drop("assessment", assessment.assessment_id)
        self._drop("expired", assessment.assessment_id)
