"""Worker processes that fail again and again: what counts as such a failure, and what is said when there are too many.

The store counts (`TaskStore.worker_failed`), so that the failures of all nodes and dispatchers come together and exactly one caller
learns that an alert was raised. It is logged, and told by the outbox of webhooks where the operator has a receiver for it."""

from __future__ import annotations

from dataclasses import dataclass

CRASHED = "WorkerCrashed"
KINDS = frozenset({CRASHED, "OutOfMemory", "MemoryLimitExceeded", "NodeDiedError"})


@dataclass(frozen=True)
class WorkerFailure:
    """`times`: how many processes were lost at that. `message` without anything that was handed in."""

    kind: str
    step: str
    message: str
    times: int = 1


def failures_of(step: str, attempts: int, error_type: str = "", message: str = "") -> list[WorkerFailure]:
    """Worker failures in one call of a step that took `attempts` starts: every start but the last one ended with its process,
    the last one as `error_type` says ('' for well)."""
    found = []
    last = error_type in KINDS
    crashes = attempts if error_type == CRASHED else attempts - 1
    if crashes > 0:
        why = message if error_type == CRASHED else "its process died and another one took over"
        found.append(WorkerFailure(CRASHED, step, why, crashes))
    if last and error_type != CRASHED:
        found.append(WorkerFailure(error_type, step, message))
    return found
