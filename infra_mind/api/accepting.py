"""What every accepted task is answered, and how its commit is brought to its end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any

from starlette.responses import Response

from infra_mind.api.wire import json_answer
from infra_mind.tasks.store import Accepted

_commits: set[asyncio.Task[Accepted]] = set()  # the loop alone would forget a commit whose client has gone


async def to_its_end(commit: Coroutine[Any, Any, Accepted]) -> Accepted:
    """Runs the commit to its end also when the client goes away half way: it gets either all of a task or none."""
    task = asyncio.ensure_future(commit)
    _commits.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


def started(assessment_id: str, accepted: Accepted, *, waits_for: str = "queued_for_processing") -> Response:
    """202 with the task's address."""
    body = {
        "assessment_id": assessment_id,
        "status": "in_progress",
        "progress_percentage": 0.0,
        "current_step": waits_for,
        "task_id": accepted.task_id,
        "message": "Assessment started" if accepted.created else "This start was accepted before",
    }
    return json_answer(body, 202, {"Location": f"/api/v1/tasks/{accepted.task_id}"})


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def _forget(task: asyncio.Task[Accepted]) -> None:
    _commits.discard(task)
    if not task.cancelled():
        task.exception()  # its client may have gone: then nobody else looks at it
