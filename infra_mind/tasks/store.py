"""The store: the only truth about assessments, tasks, results and keys. Two implementations, one contract suite.

Every method that changes a task is one atomic step (one Lua call over Redis), compare-and-set on (state, fence), with the
server's clock. Methods raise `Unavailable` when the store cannot be reached; then nothing is known to have happened.

A *fence* is the number of the claim: it only grows. Whoever holds an older one can neither write progress nor keep nor finish.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from infra_mind.model.task import (
    AgentState,
    ApiKey,
    Assessment,
    Event,
    Priority,
    StartOptions,
    Task,
    TaskError,
    TaskState,
)
from infra_mind.model.workers import Alert
from infra_mind.tasks.alerts import WorkerFailure
from infra_mind.tasks.schedules.records import ScheduleStore
from infra_mind.tasks.webhooks.outbox import Outbox

T = TypeVar("T")


@dataclass(frozen=True)
class Accepted:
    """`created` is False when the idempotency key was seen before: `task_id` is then the task of the first call."""

    task_id: str
    created: bool


@dataclass(frozen=True)
class Claim:
    """A task that this dispatcher may run until its lease ends. `attempt` counts the claims, this one included."""

    task_id: str
    assessment_id: str
    tenant: str
    fence: int
    attempt: int
    priority: Priority
    created_at: str
    options: StartOptions
    agents: tuple[str, ...]
    cancel_requested: bool = False


@dataclass(frozen=True)
class Kept:
    """A step's result as it was kept: `inputs_hash` says what it was reckoned from."""

    step: str
    inputs_hash: str
    data: bytes


@dataclass(frozen=True)
class AgentUpdate:
    """A change of one agent of a claimed task. `progress` 0 to 100, taken only if it does not go back (except with RETRY).

    `ran_s`: seconds that this attempt has run, 0 for unknown. Its start is reckoned from it if nobody told it before."""

    task_id: str
    fence: int
    agent: str
    state: AgentState
    progress: float = 0.0
    attempt: int = 1
    note: str = ""
    reason: str = ""
    retry_in_s: float | None = None  # with RETRY: when the next attempt comes
    ran_s: float = 0.0


class Renewal(StrEnum):
    HELD = "held"
    CANCEL = "cancel"  # still held, and somebody asked to cancel it
    LOST = "lost"  # the fence is stale or the task has ended: stop all work on it


class Commit(StrEnum):
    DONE = "done"
    STALE = "stale"  # another claim holds it, or it has ended: what was done is thrown away
    CANCELLED = "cancelled"  # a cancel came first: finish it as REVOKED


@dataclass(frozen=True)
class Signal:
    """What `signals` yields. kind `work`: something may be claimed; `cancel`: task_id should stop; `idle`: nothing came in time."""

    kind: str
    task_id: str = ""


@dataclass(frozen=True)
class DispatcherInfo:
    name: str
    node_id: str
    active_tasks: int
    slots: int
    last_seen_s: float = 0.0


@dataclass(frozen=True)
class QueueStats:
    depth: dict[Priority, int]
    oldest_age_s: dict[Priority, float | None]
    running: int
    retrying: int
    delayed: int = 0


@dataclass(frozen=True)
class TenantPolicy:
    """What a tenant may have, as its newest API key says. `weight`: its share of the claims beside another tenant's."""

    weight: float = 1.0
    max_running: int | None = None
    max_queued: int | None = None


@dataclass(frozen=True)
class Counters:
    """Since the store began; they survive every process. `agent_seconds` and `agent_runs` by agent name and end state;
    `webhooks` by how a delivery ended, and `retried` for each attempt that was not the last; `worker_failures` by kind;
    `schedules` by whether a due time started something (`fired`, `refused`)."""

    accepted: int = 0
    ended: dict[TaskState, int] = field(default_factory=dict)
    agent_seconds: dict[str, float] = field(default_factory=dict)
    agent_runs: dict[tuple[str, str], int] = field(default_factory=dict)
    webhooks: dict[str, int] = field(default_factory=dict)
    worker_failures: dict[str, int] = field(default_factory=dict)
    schedules: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StoreLimits:
    """Retentions in seconds. `tombstone_s`: how long after expiry a result is answered by Gone instead of NotFound."""

    lease_s: float = 15.0
    result_ttl_s: float = 86_400.0
    tombstone_s: float = 7 * 86_400.0
    draft_ttl_s: float = 30 * 86_400.0
    idempotency_ttl_s: float = 86_400.0
    restart_grace_s: float = (
        5.0  # so long after a server's start no lease counts as run out: nobody could renew before
    )
    max_claims: int = 5  # a task claimed this often without an end is a poison task: FAILURE
    max_queued_per_tenant: int = 100_000
    max_schedules_per_tenant: int = 100
    events_kept: int = 512
    compress_above: int = 256 * 1024  # bytes; larger values are compressed
    objects_above: int = 4 * 1024 * 1024  # bytes; larger results go to object storage, where there is one
    object_grace_s: float = 3600.0  # an object that was written and not committed is removed after this long
    alert_after: int = 5  # failures of worker processes of one kind within the window that raise an alert
    alert_window_s: float = 300.0
    alert_ttl_s: float = 3600.0  # an alert is shown so long after the last failure
    object_retry_s: float = 60.0  # a deletion that was begun and not confirmed is begun again after this long


@dataclass(frozen=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next_cursor: str | None


class TaskStore(Outbox, ScheduleStore, Protocol):
    """`limits` and the connection are given at construction. All ids are opaque strings made by the caller."""

    # -- life ---------------------------------------------------------------------------------------------------------
    async def ping(self) -> None:
        """Returns when the store answers and may be written to; raises Unavailable otherwise."""

    async def close(self) -> None: ...

    # -- assessments --------------------------------------------------------------------------------------------------
    async def create_assessment(
        self, tenant: str, assessment_id: str, name: str, data: bytes, artefact_files: int
    ) -> Assessment:
        """A draft. `data` is the input as opaque bytes (compressed inside the store when large)."""

    async def change_assessment(
        self, tenant: str, assessment_id: str, name: str, data: bytes, artefact_files: int
    ) -> Assessment:
        """Replaces a draft's input. NotFound; Conflict when it is no longer a draft."""

    async def delete_assessment(self, tenant: str, assessment_id: str) -> str | None:
        """Removes it, its tasks' results and what was kept. If a task is active it is asked to cancel (its id is returned)
        and what remains goes when that task ends. NotFound."""

    async def assessment(self, tenant: str, assessment_id: str) -> Assessment:
        """NotFound (also for another tenant's); Gone once it has ended and expired, for as long as its tombstone lasts."""

    async def assessment_input(self, assessment_id: str) -> bytes:
        """The input bytes. NotFound."""

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
        """Newest first. `name` matches a part of the name without case; `created_after` is ISO 8601. A bad cursor is OptionInvalid."""

    # -- accept, watch, cancel ----------------------------------------------------------------------------------------
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
        """One atomic step: task record, queue, event, counters, assessment → in_progress. When it returns, the task is in the
        append-only file's path. NotFound; Conflict when a task of this assessment is active; TooMany over the tenant's queue
        limit; the same key with another assessment or other options is Conflict. An assessment that ended may be started again.
        With `delay_s` or `not_before` in the options it joins the queue then. `kept_from`: another task of the tenant, of whatever assessment,
        whose kept results the new one begins with, as far as they are still there and fit its input; NotFound when it is unknown."""

    async def replay(
        self,
        tenant: str,
        task_id: str,
        new_task_id: str,
        agents: Sequence[str],
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Accepts `new_task_id` with the assessment, options (but for a delay) and kept results of a task that ended as FAILURE
        or REVOKED, or with a partial result. NotFound; Conflict while it runs, when its result is complete, or when another
        task of the assessment is active; Gone when the assessment has expired; TooMany as `accept`."""

    async def task(self, tenant: str | None, task_id: str) -> Task:
        """NotFound (also for another tenant's; tenant None is the engine itself)."""

    async def tasks(
        self, tenant: str, *, state: TaskState | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Task]:
        """Newest first."""

    async def result(self, tenant: str, task_id: str) -> bytes:
        """The committed result. NotFound; Conflict while it has not ended; TaskFailed for FAILURE and REVOKED; Gone after its
        time; ResultLost when the object that holds it is missing before that."""

    async def cancel(self, tenant: str, task_id: str) -> TaskState:
        """Sets the durable flag. A task that nobody runs is REVOKED at once, in the same step. Returns the state after.
        NotFound; Conflict when it has already ended. Cancelling again while it is being cancelled is no error."""

    def events(
        self, tenant: str, task_id: str, after: str | None = None, *, heartbeat_s: float = 15.0
    ) -> AsyncIterator[Event | None]:
        """Events after the id `after` (all that are kept when None), live, until the terminal event (type `end`) has been
        given. None is given when nothing came for `heartbeat_s`. NotFound before the first item. A malformed id is OptionInvalid.
        If `after` is the terminal event's id or newer the iterator ends at once. An event of type `gap` (GAP) comes first when
        some after `after` are not kept any more (`events_kept`): the task itself says what they said."""

    # -- running ------------------------------------------------------------------------------------------------------
    async def claim(self, dispatcher: str, limit: int) -> list[Claim]:
        """Up to `limit` tasks: first those whose lease ran out (their running agents go back to WAITING), then the
        queue. Tenants take turns by their weight (PRIORITY_LEAD between them), within one it goes by age less the handicap of
        the priority (PRIORITY_HANDICAP_MS); a tenant at its `max_running` is passed over. Each gets the next fence and a lease. A task over
        `max_claims` ends as FAILURE (`PoisonTask`) instead, and one with a cancel flag whose lease ran out as REVOKED.
        After a call that was Unavailable the next one of this dispatcher gives what that one was given, if anything."""

    async def renew(self, held: Sequence[tuple[str, int]]) -> list[Renewal]:
        """Extends the leases of (task_id, fence) pairs; one answer for each, in order."""

    async def release(self, task_id: str, fence: int) -> bool:
        """Gives a claimed task back at the front of its queue, with what was kept; does not count as an attempt."""

    async def kept(self, task_id: str) -> dict[str, Kept]:
        """What earlier claims kept, by step; without those whose object is missing: they are reckoned again."""

    async def keep(
        self, task_id: str, fence: int, kept: Kept, *, agent: AgentUpdate | None, seconds: float
    ) -> Commit:
        """Keeps one step's result once and for all, with the agent's DONE, event and counters in the same step. A second keep of
        the same step and inputs_hash changes nothing and is DONE. `agent` is None for steps that are no agents."""

    async def update(self, updates: Sequence[AgentUpdate]) -> list[bool]:
        """Progress and states of agents: each one is taken if its fence is current, the task has not ended, and the agent is
        not already in a final state. Any RETRY agent makes the task's state RETRY, otherwise PROGRESS. One event per task and call."""

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
        """The one terminal commit: state, result, error, event, counters, expiries of every key of the task and its assessment.
        SUCCESS with a cancel flag set gives CANCELLED and changes nothing."""

    async def sweep_objects(self, limit: int = 100) -> int:
        """Removes up to `limit` objects whose time is over: of expired and deleted results, of commits that were stale, of
        writes that were never committed. How many. Any dispatcher may call it, any number of them at once. Unavailable."""

    def signals(self, *, idle_s: float) -> AsyncIterator[Signal]:
        """Wakes dispatchers: work and cancel signals as they come, `idle` when none came for `idle_s`. Signals may be lost when
        the connection is: callers poll on `idle`. The iterator raises Unavailable when the store is away."""

    # -- dispatchers, numbers -----------------------------------------------------------------------------------------
    async def heartbeat(self, info: DispatcherInfo) -> None:
        """Also what makes a dispatcher live: forgotten 60 s after the last call."""

    async def dispatchers(self) -> list[DispatcherInfo]: ...

    async def worker_failed(self, failure: WorkerFailure, *, tell: bool = False) -> Alert | None:
        """Counts failures of worker processes. The alert when this call raised it: `alert_after` of one kind within
        `alert_window_s`, and none shown before; None otherwise. Of callers side by side one gets it. `tell`: an alert that is
        raised is put into the outbox in the same step."""

    async def alerts(self) -> list[Alert]:
        """Those that are shown now, by kind."""

    async def queue_stats(self) -> QueueStats: ...

    async def counters(self) -> Counters: ...

    # -- keys ---------------------------------------------------------------------------------------------------------
    async def put_key(self, key: ApiKey) -> None:
        """The newest key of a tenant says its weight, `max_running` and `max_queued`; when it is revoked, the next one."""

    async def key_by_secret(self, secret_sha256: str) -> ApiKey | None:
        """None for unknown, revoked and expired keys."""

    async def keys(self) -> list[ApiKey]: ...

    async def revoke_key(self, key_id: str) -> bool: ...

    async def take_request(self, key_id: str, per_s: float) -> float:
        """Counts one request of an API key that may make `per_s` a second (as many at once, at least one): 0.0, or the
        seconds to wait if it is over; then it is not counted."""
