"""What both stores share: the record of a task, its views, the wording of its steps, times and cursors."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra_mind.errors import Conflict, Gone, OptionInvalid, TaskFailed
from infra_mind.model.task import (
    AgentProgress,
    AgentState,
    ApiKey,
    Event,
    Priority,
    StartOptions,
    Task,
    TaskError,
    TaskInfo,
    TaskState,
)

FINAL_AGENT_STATES = frozenset({AgentState.DONE, AgentState.FAILED, AgentState.SKIPPED, AgentState.REVOKED})
RUNNING_STATES = frozenset({TaskState.STARTED, TaskState.PROGRESS, TaskState.RETRY})
PROGRESS_BEFORE_END = 99.0  # 100 belongs to SUCCESS alone: the result is not committed before
DISPATCHER_TTL_S = 60.0
TURN = 1_000_000  # what a claim of a tenant of weight 1 moves its turn on by
IDLE_TENANT_TTL_S = (
    3_600.0  # a tenant of which nothing waits or runs is forgotten: its turn is behind the clock by then
)
LOOKS_FOR_A_PLACE = 400  # records that counting one place in the queue may cost; beyond, no place is told
WOKEN_AT_ONCE = 200  # delayed tasks that one claim lets into the queue
_EVENT_DIGITS = 19  # of 2**63
DELETED_EVENTS_TTL_S = 60.0  # open streams of a deleted task still see its end

QUEUED_STEP = "queued_for_processing"
DELAYED_STEP = "delayed"
STEP_AT_END = {TaskState.SUCCESS: "completed", TaskState.FAILURE: "failed", TaskState.REVOKED: "cancelled"}
STATUS_AT_END = dict(STEP_AT_END)
WORDS = {
    "queued_step": QUEUED_STEP,
    "queued": "Waits in the queue",
    "delayed_step": DELAYED_STEP,
    "delayed": "Waits for its time",
    "started": "Taken up by a dispatcher",
    "cancelling": "Asked to stop",
    "cancelled": "Cancelled",
    "completed": "The result is there",
    "poison": "Claimed too often without an end: the run was lost each time, see the logs of the dispatchers",
}
OTHER_CALL = "This idempotency key was used for a start with other options, or another replay: use a new one."
GAP = "gap"  # type of the event that tells of events that are not kept any more
NOTE_LIMIT = 500
MESSAGE_LIMIT = 4_000


def clip(text: str, limit: int = NOTE_LIMIT) -> str:
    """`text` as valid UTF-8 of at most `limit` characters: notes and messages must not make a task large."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def percent(value: float) -> float:
    """`value` within 0 to 100 and with two decimals, so that both stores hold the same number."""
    if not value > 0:  # NaN too
        return 0.0
    return math.floor(min(100.0, value) * 100 + 0.5) / 100


def iso(ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601 UTC with milliseconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def ms_of(text: str, option: str) -> int:
    """ISO 8601 (UTC when it names no zone) as milliseconds since 1970; OptionInvalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OptionInvalid(option, f"{text!r} is not a time in ISO 8601") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return math.floor(moment.timestamp() * 1000)


@dataclass
class AgentRecord:
    """One agent of a task; times in ms."""

    state: AgentState = AgentState.WAITING
    progress: float = 0.0
    attempt: int = 0
    note: str = ""
    reason: str = ""
    started: int | None = None
    ended: int | None = None
    retry: int | None = None

    def view(self) -> AgentProgress:
        return AgentProgress(
            state=self.state,
            progress=self.progress,
            attempt=self.attempt,
            started_at=None if self.started is None else iso(self.started),
            ended_at=None if self.ended is None else iso(self.ended),
            retry_at=None if self.retry is None else iso(self.retry),
            note=self.note,
            reason=self.reason,
        )

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> AgentRecord:
        """From the JSON object that the scripts write."""
        started, ended, retry = data.get("started"), data.get("ended"), data.get("retry")
        return cls(
            state=AgentState(data["state"]),
            progress=float(data["progress"]),
            attempt=int(data["attempt"]),
            note=data["note"],
            reason=data["reason"],
            started=None if started is None else int(started),
            ended=None if ended is None else int(ended),
            retry=None if retry is None else int(retry),
        )


@dataclass
class TaskRecord:
    """A task as it is stored; times in ms, `score` and `listed` in microseconds."""

    task_id: str
    tenant: str
    assessment_id: str
    name: str
    priority: Priority
    created: int
    listed: int
    score: int
    options: StartOptions
    agents: tuple[str, ...]
    state: TaskState = TaskState.PENDING
    attempt: int = 0
    fence: int = 0
    cancel: bool = False
    step: str = QUEUED_STEP
    message: str = WORDS["queued"]
    progress: float = 0.0
    started: int | None = None
    updated: int | None = None
    ended: int | None = None
    expires: int | None = None
    error: TaskError | None = None
    dispatcher: str = ""
    end_event: str = ""
    finished_by: int | None = None
    not_before: int | None = None
    replay_of: str | None = None
    status: str = ""
    objects: dict[str, str] = field(default_factory=dict)  # kind -> name (see stowage.py)
    progresses: dict[str, AgentRecord] = field(default_factory=dict)

    def agent(self, name: str) -> AgentRecord:
        return self.progresses.get(name) or AgentRecord()

    def held_under(self, fence: int) -> bool:
        return self.state in RUNNING_STATES and self.fence == fence

    def mean_progress(self) -> float:
        """Mean over the agents with two decimals; below 100 until SUCCESS."""
        if not self.agents:
            return 0.0
        mean = sum(self.agent(name).progress for name in self.agents) / len(self.agents)
        return min(math.floor(mean * 100 + 0.5) / 100, PROGRESS_BEFORE_END)

    def view(self, queue_position: int | None) -> Task:
        """As a caller sees it."""
        return Task(
            task_id=self.task_id,
            state=self.state,
            info=TaskInfo(
                assessment_id=self.assessment_id,
                current_step=self.step,
                progress=self.progress,
                message=self.message,
                agents={name: self.agent(name).view() for name in self.agents},
                updated_at=iso(self.created if self.updated is None else self.updated),
            ),
            attempt=self.attempt,
            priority=self.priority,
            created_at=iso(self.created),
            started_at=None if self.started is None else iso(self.started),
            ended_at=None if self.ended is None else iso(self.ended),
            expires_at=None if self.expires is None else iso(self.expires),
            queue_position=queue_position,
            cancel_requested=self.cancel,
            error=self.error,
            name=self.name,
            not_before=None if self.not_before is None else iso(self.not_before),
            replay_of=self.replay_of,
        )

    def first_event(self) -> Event:
        """PENDING, derived from `created`: a waiting task needs no event stream."""
        step, message = (QUEUED_STEP, "queued") if self.not_before is None else (DELAYED_STEP, "delayed")
        return event(
            f"{self.created}-0", "state", self.task_id, self.created, TaskState.PENDING, 0.0,
            step, WORDS[message], {},
        )  # fmt: skip

    def told_by(self, position: tuple[int, int]) -> bool:
        """Whether nothing comes after the event at `position`."""
        return self.state.ended and position >= event_id(self.end_event)

    def last_event(self) -> Event:
        """The terminal event, from the record: for a task whose stream has expired."""
        at = self.created if self.ended is None else self.ended
        return event(
            self.end_event, "end", self.task_id, at, self.state, self.progress, self.step, self.message, {}
        )


def event(
    event_id: str,
    kind: str,
    task_id: str,
    at: int,
    state: TaskState,
    progress: float,
    step: str,
    message: str,
    agents: Mapping[str, AgentRecord],
) -> Event:
    """`agents`: only those that changed."""
    return Event(
        id=event_id,
        type=kind,
        data={
            "task_id": task_id,
            "state": state.value,
            "progress": progress,
            "current_step": step,
            "message": message,
            "at": iso(at),
            "agents": {name: agents[name].view().model_dump(mode="json") for name in sorted(agents)},
        },
    )


def gap_event(task_id: str, position: tuple[int, int]) -> Event:
    """Stands where events are missing that are not kept any more."""
    return Event(id=f"{position[0]}-{position[1]}", type=GAP, data={"task_id": task_id})


def event_id(text: str, option: str = "after") -> tuple[int, int]:
    """`<ms>-<n>` as numbers that compare; OptionInvalid."""
    ms, dash, number = text.partition("-")
    if max(len(ms), len(number)) > _EVENT_DIGITS:
        raise OptionInvalid(option, f"{text[:80]!r} is not an event id")
    if not (ms.isascii() and ms.isdigit()) or (dash and not (number.isascii() and number.isdigit())):
        raise OptionInvalid(option, f"{text!r} is not an event id")
    pair = int(ms), int(number or 0)
    if max(pair) >= 2**63:
        raise OptionInvalid(option, f"{text!r} is not an event id")
    return pair


def write_cursor(score: int, member: str) -> str:
    """Opaque to callers: where the next page begins."""
    return base64.urlsafe_b64encode(f"{score}:{member}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[int, str]:
    """(score, member); OptionInvalid."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        score, colon, member = raw.partition(":")
        if (
            colon
            and score.isascii()
            and score.isdigit()
            and member
            and write_cursor(int(score), member) == cursor
        ):
            return int(score), member
    except ValueError:
        pass
    raise OptionInvalid("cursor", "it is not one that this server has given")


def page_limit(limit: int) -> int:
    """OptionInvalid unless 1 to 1000."""
    if not 1 <= limit <= 1000:
        raise OptionInvalid("limit", "it must be 1 to 1000")
    return limit


def distinct(agents: Sequence[str]) -> tuple[str, ...]:
    """The agents of a task in their order, each once."""
    return tuple(dict.fromkeys(agents))


def check_has_result(record: TaskRecord) -> None:
    """Conflict while it has not ended; TaskFailed for FAILURE and REVOKED."""
    if not record.state.ended:
        raise Conflict(f"Task {record.task_id} has not ended yet: it is {record.state}.", record.state)
    if record.state is not TaskState.SUCCESS:
        kind = record.error.type if record.error else ""
        why = record.error.message if record.error else record.message
        raise TaskFailed(f"Task {record.task_id} ended as {record.state}: {why}", record.state, kind)


def check_replay(task: TaskRecord) -> None:
    """Conflict for a task that has not ended, and for one whose result is complete."""
    if not task.state.ended:
        raise Conflict(f"Task {task.task_id} has not ended yet: it is {task.state}.", task.state)
    if task.state is TaskState.SUCCESS and task.status != "partial":
        raise Conflict(f"Task {task.task_id} has a complete result: start the assessment again.", task.state)


def due_of(options: StartOptions, now: int) -> int | None:
    """When the task joins the queue, ms; None for at once. OptionInvalid for a time that is none."""
    if options.delay_s is not None:
        return now + round(options.delay_s * 1000)
    return None if options.not_before is None else ms_of(options.not_before, "not_before")


def assessment_gone(task_id: str) -> Gone:
    return Gone(f"The assessment of task {task_id} has expired: hand it in again.")


def gone(task_id: str) -> Gone:
    return Gone(f"The result of task {task_id} has expired: start the assessment again.")


def gone_assessment(assessment_id: str) -> Gone:
    return Gone(f"Assessment {assessment_id} has ended and expired: hand it in again.")


def end_words(state: TaskState, assessment_status: str, error: TaskError | None) -> tuple[str, str]:
    """(status of the assessment, message of the task) at its end."""
    default = WORDS["completed"] if state is TaskState.SUCCESS else WORDS["cancelled"]
    if state is TaskState.FAILURE:
        default = "Failed"
    message = default if error is None else clip(error.message, MESSAGE_LIMIT)
    return assessment_status or STATUS_AT_END[state], message


def clip_error(error: TaskError) -> TaskError:
    return TaskError(type=clip(error.type), message=clip(error.message, MESSAGE_LIMIT), attempt=error.attempt)


def burst(per_s: float) -> int:
    """How many requests may come at once under a rate."""
    return max(1, math.ceil(per_s))


def key_expired(key: ApiKey, now_ms: int) -> bool:
    return key.expires_at is not None and ms_of(key.expires_at, "expires_at") <= now_ms


def key_order(key: ApiKey) -> tuple[str, str]:
    return key.created_at, key.key_id
