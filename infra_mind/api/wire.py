"""The shapes of answers, and how values become bytes. Hot answers go from the store's value to bytes in one step, unvalidated:
the models here describe them to readers and to `/openapi.json`, and a test holds the two together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

from infra_mind.model.result import AssessmentResult
from infra_mind.model.schedule import Schedule
from infra_mind.model.task import Assessment, Task, TaskState
from infra_mind.model.webhook import Delivery
from infra_mind.tasks.store import Page

_PIECE = 256 * 1024  # bytes

# Ids go into the store's key names: nothing but these characters may get there. A bad one is answered like an unknown one.
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Cursor = Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items of one page")]


class AssessmentPage(BaseModel):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[Assessment]
    next_cursor: str | None


class TaskPage(BaseModel):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[Task]
    next_cursor: str | None


class Started(BaseModel):
    """The task was accepted and is durable: it will run, also if this server dies now."""

    assessment_id: str
    status: Literal["in_progress"]
    progress_percentage: float
    current_step: str
    task_id: str
    message: str


class Cancelled(BaseModel):
    """The wish to cancel is durable. `state` is REVOKED at once when nothing of it ran yet; otherwise it follows within seconds."""

    task_id: str
    state: TaskState
    cancel_requested: bool
    message: str


class ResultAnswer(BaseModel):
    task_id: str
    state: Literal[TaskState.SUCCESS]
    result: AssessmentResult


class Schedules(BaseModel):
    """Newest first."""

    items: list[Schedule]


class Deliveries(BaseModel):
    items: list[Delivery]


class Health(BaseModel):
    status: Literal["ok"]


class Ready(BaseModel):
    status: Literal["ready"]
    dispatchers: int = Field(description="Dispatchers that were heard of lately")


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(to_json(value), status, headers, "application/json")


def task_json(task: Task) -> bytes:
    """A task as callers see it: `queue_position` stands only where there is one."""
    hidden = {"queue_position"} if task.queue_position is None else None
    return task.model_dump_json(exclude=hidden).encode()


def assessment_page(page: Page[Assessment]) -> Response:
    return json_answer({"items": page.items, "next_cursor": page.next_cursor})


def task_page(page: Page[Task]) -> Response:
    items = b",".join(task_json(task) for task in page.items)
    body = b'{"items":[' + items + b'],"next_cursor":' + to_json(page.next_cursor) + b"}"
    return Response(body, media_type="application/json")


def result_answer(task_id: str, result: bytes) -> Response:
    """The answer around a result that is JSON already: megabytes that need not be parsed to be sent on."""
    return json_in_pieces(b'{"task_id":' + to_json(task_id) + b',"state":"SUCCESS","result":', result, b"}")


def json_in_pieces(*parts: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """A body that is not copied into one; a large one goes out in pieces, and others get their turn in between."""
    size = sum(len(part) for part in parts)
    if size <= _PIECE:
        return Response(b"".join(parts), headers=headers, media_type="application/json")
    return StreamingResponse(
        _pieces(parts),
        headers={**(headers or {}), "Content-Length": str(size)},
        media_type="application/json",
    )


async def _pieces(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        for start in range(0, len(part), _PIECE):
            yield part[start : start + _PIECE]
