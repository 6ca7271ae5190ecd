"""What the server's answers mean: byte strings → records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import structlog

from infra_mind.model.task import (
    Assessment,
    AssessmentStatus,
    Event,
    Priority,
    StartOptions,
    TaskError,
    TaskState,
)
from infra_mind.tasks.records import QUEUED_STEP, WORDS, AgentRecord, TaskRecord, event, iso
from infra_mind.tasks.store import Claim, Counters

log = structlog.get_logger(__name__)
T = TypeVar("T")
_AGENT = "agent:"


def readable(rows: Iterable[Any], read: Callable[[Any], T]) -> list[T]:
    """What `read` makes of each row, its id first. One that it cannot read, such as another release's, is left out and holds up no
    other: whoever can read it gets it when its lease ends, or it is given up for good after as many tries as any other."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except ValueError as error:
            log.error(
                "a record that cannot be read",
                id=row[0].decode("utf-8", "replace"),
                error=type(error).__name__,
            )
    return found


def fields(flat: Sequence[bytes]) -> dict[str, str]:
    """A hash as it comes: name, value, name, value, ..."""
    texts = [part.decode() for part in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def task(task_id: str, flat: Sequence[bytes]) -> TaskRecord:
    found = fields(flat)
    return TaskRecord(
        task_id=task_id,
        tenant=found["tenant"],
        assessment_id=found["assessment"],
        name=found["name"],
        priority=Priority(found["priority"]),
        created=int(found["created"]),
        listed=int(found["listed"]),
        score=int(found["score"]),
        options=StartOptions.model_validate_json(found["options"]),
        agents=tuple(json.loads(found["agents"])),
        state=TaskState(found["state"]),
        attempt=int(found["attempt"]),
        fence=int(found["fence"]),
        cancel="cancel" in found,
        step=found.get("step", QUEUED_STEP),
        message=found.get("message", WORDS["queued"]),
        progress=float(found.get("progress", 0.0)),
        started=_number(found, "started"),
        updated=_number(found, "updated"),
        ended=_number(found, "ended"),
        expires=_number(found, "expires"),
        error=_error(found),
        dispatcher=found.get("dispatcher", ""),
        end_event=found.get("end_event", ""),
        not_before=_number(found, "not_before"),
        replay_of=found.get("replay_of"),
        status=found.get("status", ""),
        progresses={
            name.removeprefix(_AGENT): AgentRecord.read(json.loads(value))
            for name, value in found.items()
            if name.startswith(_AGENT)
        },
    )


def _number(found: dict[str, str], name: str) -> int | None:
    return int(found[name]) if name in found else None


def _error(found: dict[str, str]) -> TaskError | None:
    if "error_type" not in found:
        return None
    return TaskError(
        type=found["error_type"], message=found["error_message"], attempt=int(found["error_attempt"])
    )


def assessment(assessment_id: str, flat: Sequence[bytes]) -> Assessment:
    found = fields(flat)
    return Assessment(
        assessment_id=assessment_id,
        name=found["name"],
        status=AssessmentStatus(found["status"]),
        created_at=iso(int(found["created"])),
        updated_at=iso(int(found["updated"])),
        task_id=found.get("task"),
        artefact_files=int(found["files"]),
    )


def claim(row: Sequence[bytes]) -> Claim:
    task_id, assessment_id, tenant, fence, attempt, priority, created, options, agents, cancel = (
        part.decode() for part in row
    )
    return Claim(
        task_id=task_id,
        assessment_id=assessment_id,
        tenant=tenant,
        fence=int(fence),
        attempt=int(attempt),
        priority=Priority(priority),
        created_at=iso(int(created)),
        options=StartOptions.model_validate_json(options),
        agents=tuple(json.loads(agents)),
        cancel_requested=cancel == "1",
    )


def stream_event(task_id: str, entry: tuple[bytes, dict[bytes, bytes]]) -> Event:
    entry_id, found = entry
    data: dict[str, Any] = json.loads(found[b"data"])
    return event(
        entry_id.decode(),
        found[b"type"].decode(),
        task_id,
        int(found[b"at"]),
        TaskState(data["state"]),
        float(data["progress"]),
        data["current_step"],
        data["message"],
        {name: AgentRecord.read(agent) for name, agent in data["agents"].items()},
    )


def counters(found: dict[bytes, bytes]) -> Counters:
    ended: dict[TaskState, int] = {}
    seconds: dict[str, float] = {}
    runs: dict[tuple[str, str], int] = {}
    webhooks: dict[str, int] = {}
    failed: dict[str, int] = {}
    schedules: dict[str, int] = {}
    for raw, count in sorted(found.items()):
        kind, _, rest = raw.decode().partition(":")
        if kind == "ended":
            ended[TaskState(rest)] = int(count)
        elif kind == "us":
            seconds[rest] = int(count) / 1_000_000
        elif kind == "run":
            name, _, state = rest.partition("\n")
            runs[name, state] = int(count)
        elif kind == "webhook":
            webhooks[rest] = int(count)
        elif kind == "failed":
            failed[rest] = int(count)
        elif kind == "schedule":
            schedules[rest] = int(count)
    accepted = int(found.get(b"accepted", 0))
    return Counters(accepted, ended, seconds, runs, webhooks, failed, schedules)
