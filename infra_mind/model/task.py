"""A task: one run of an assessment through the engine, its states and their legal transitions."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field, model_validator

from infra_mind.model.base import Value
from infra_mind.model.webhook import WebhookUrl


class TaskState(StrEnum):
    """As clients of the seed know them."""

    PENDING = "PENDING"  # accepted, waits in the queue
    STARTED = "STARTED"  # claimed by a dispatcher
    PROGRESS = "PROGRESS"  # at least one agent has begun
    RETRY = "RETRY"  # a retry waits for its time
    SUCCESS = "SUCCESS"  # result committed (completed or partial)
    FAILURE = "FAILURE"  # ended without a result
    REVOKED = "REVOKED"  # cancelled; nothing of it runs

    @property
    def ended(self) -> bool:
        return self in ENDED


ENDED = frozenset({TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED})
TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.PENDING: frozenset({TaskState.STARTED, TaskState.REVOKED, TaskState.FAILURE}),
    TaskState.STARTED: frozenset(
        {TaskState.STARTED, TaskState.PROGRESS, TaskState.RETRY, TaskState.PENDING, *ENDED}
    ),
    TaskState.PROGRESS: frozenset(
        {TaskState.STARTED, TaskState.PROGRESS, TaskState.RETRY, TaskState.PENDING, *ENDED}
    ),
    TaskState.RETRY: frozenset(
        {TaskState.STARTED, TaskState.PROGRESS, TaskState.RETRY, TaskState.PENDING, *ENDED}
    ),
    TaskState.SUCCESS: frozenset(),
    TaskState.FAILURE: frozenset(),
    TaskState.REVOKED: frozenset(),
}


class Priority(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


# Within a tenant a task of lower priority counts as younger by this much: it waits longer, yet ends (ageing).
PRIORITY_HANDICAP_MS = {
    Priority.CRITICAL: 0,
    Priority.HIGH: 60_000,
    Priority.MEDIUM: 300_000,
    Priority.LOW: 900_000,
}

# Between tenants, whose tasks take turns, the turn of a task of lower priority comes later by so many millionths of a turn: a
# critical one goes before what waits longer, but nobody gets more than four tasks ahead of the others by it.
PRIORITY_LEAD = {
    Priority.CRITICAL: 0,
    Priority.HIGH: 1_000_000,
    Priority.MEDIUM: 2_000_000,
    Priority.LOW: 4_000_000,
}


class AgentState(StrEnum):
    WAITING = "WAITING"  # what it needs is not there yet, or no slot is free
    RUNNING = "RUNNING"
    RETRY = "RETRY"
    DONE = "DONE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"  # something it needs failed
    REVOKED = "REVOKED"


class AgentProgress(Value):
    """`progress` 0 to 100: work done over work known; never goes back except on RETRY. Times in ISO 8601 UTC."""

    state: AgentState
    progress: float = 0.0
    attempt: int = 0
    started_at: str | None = None
    ended_at: str | None = None
    retry_at: str | None = Field(default=None, description="While RETRY: when the next attempt comes")
    note: str = ""
    reason: str = ""


class TaskInfo(Value):
    assessment_id: str
    current_step: str
    progress: float = Field(description="0 to 100, mean over the agents")
    message: str
    agents: dict[str, AgentProgress]
    updated_at: str


class TaskError(Value):
    type: str
    message: str
    attempt: int = 0


class Task(Value):
    """A task as a caller sees it (`GET /tasks/{id}`)."""

    task_id: str
    state: TaskState
    info: TaskInfo
    attempt: int = Field(description="How often it was claimed")
    priority: Priority
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    expires_at: str | None = None
    queue_position: int | None = Field(
        default=None,
        description="1 is next, if nobody comes or goes; only while it waits in the queue, and not behind hundreds of tenants",
    )
    not_before: str | None = Field(default=None, description="When a delayed task joins the queue")
    replay_of: str | None = Field(default=None, description="The ended task whose kept results it began with")
    cancel_requested: bool = False
    error: TaskError | None = None
    name: str = ""


class Event(Value):
    """One change of a task: `id` is what `Last-Event-ID` takes; `data` the JSON that the stream sends.

    `type`: state, agent, progress, end. `data`: {task_id, state, progress, current_step, message, at, agents: {only those that changed}}."""

    id: str
    type: str
    data: dict[str, Any]


class AssessmentStatus(StrEnum):
    DRAFT = "draft"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Assessment(Value):
    assessment_id: str
    name: str
    status: AssessmentStatus
    created_at: str
    updated_at: str
    task_id: str | None = None
    artefact_files: int = 0


class ApiKey(Value):
    """An API key as it is kept: the secret only as SHA-256."""

    key_id: str
    tenant: str
    secret_sha256: str = Field(repr=False)
    label: str = ""
    created_at: str
    expires_at: str | None = None
    weight: float = Field(
        default=1.0, ge=0.01, le=100, description="Share of the claims beside another tenant's"
    )
    max_running: int | None = Field(default=None, ge=1)
    max_queued: int | None = Field(default=None, ge=1)
    requests_per_s: float | None = Field(default=None, gt=0)


class StartOptions(Value):
    """`delay_s` or `not_before` (ISO 8601, UTC when it names no zone), not both: the task joins the queue then. Soft limits ask
    what runs to stop, hard ones end its processes: of the whole task, or of each single run of an agent."""

    priority: Priority = Priority.MEDIUM
    delay_s: float | None = Field(default=None, ge=0, le=31 * 86_400)
    not_before: str | None = Field(default=None, max_length=64)
    soft_limit_s: float | None = Field(default=None, gt=0, le=86_400)
    hard_limit_s: float | None = Field(default=None, gt=0, le=86_400)
    agent_soft_limit_s: float | None = Field(default=None, gt=0, le=86_400)
    agent_hard_limit_s: float | None = Field(default=None, gt=0, le=86_400)
    webhook_url: WebhookUrl | None = Field(
        default=None, repr=False, description="Told of the end, signed as Standard Webhooks says"
    )

    @model_validator(mode="after")
    def _one_time(self) -> StartOptions:
        if self.delay_s is not None and self.not_before is not None:
            raise ValueError("delay_s and not_before both say when it starts: give one of them")
        return self

    @property
    def limits_problem(self) -> tuple[str, str] | None:
        """Which limit does not go with the other and why; None when they do. What is asked to stop must have time to do so."""
        for prefix in ("", "agent_"):
            soft, hard = getattr(self, f"{prefix}soft_limit_s"), getattr(self, f"{prefix}hard_limit_s")
            if soft is not None and hard is not None and soft >= hard:
                why = f"{soft:g} s is not below {prefix}hard_limit_s ({hard:g} s): agents are asked to stop before they are ended"
                return f"{prefix}soft_limit_s", why
        return None
