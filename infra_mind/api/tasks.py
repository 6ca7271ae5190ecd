"""Tasks: watch, take the result, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from infra_mind.api import docs
from infra_mind.api.accepting import new_id, started, to_its_end
from infra_mind.api.context import Tenant, context_of
from infra_mind.api.events import event_stream
from infra_mind.api.start import idempotency_key
from infra_mind.api.wire import Cursor, Id, Limit, json_answer, result_answer, task_json, task_page
from infra_mind.model.task import TaskState

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("", summary="List the caller's tasks", **docs.TASKS)
async def list_all(
    request: Request,
    tenant: Tenant,
    state: TaskState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first."""
    page = await context_of(request).store.tasks(tenant, state=state, cursor=cursor, limit=limit)
    return task_page(page)


@router.get("/{task_id}", summary="One task with the progress of its agents", **docs.TASK)
async def get(request: Request, tenant: Tenant, task_id: Id) -> Response:
    """`queue_position` is there only while it waits in the queue (1 is next)."""
    task = await context_of(request).store.task(tenant, task_id)
    return Response(task_json(task), media_type="application/json")


@router.get("/{task_id}/result", summary="The result of a task", **docs.RESULT)
async def result(request: Request, tenant: Tenant, task_id: Id) -> Response:
    """409 while it runs, 410 once expired, 424 with the error when it failed or was cancelled; 500 (`result-lost`) when what was
    committed is missing from the object storage before its time."""
    data = await context_of(request).store.result(tenant, task_id)
    return result_answer(task_id, data)


@router.get("/{task_id}/webhooks", summary="Whom the end of a task was told to", **docs.DELIVERIES)
async def webhooks(request: Request, tenant: Tenant, task_id: Id) -> Response:
    """Each delivery with its attempts, oldest first; empty when none was asked for, before the end, and once expired."""
    items = await context_of(request).store.deliveries(tenant, task_id)
    return json_answer({"items": items})


@router.delete("/{task_id}", status_code=202, summary="Cancel a task", **docs.CANCEL)
async def cancel(request: Request, tenant: Tenant, task_id: Id) -> Response:
    """Nothing of it runs a few seconds later. 409 when it has already ended."""
    state = await context_of(request).store.cancel(tenant, task_id)
    body = {
        "task_id": task_id,
        "state": state,
        "cancel_requested": True,
        "message": "Cancelled" if state.ended else "Cancelling; it ends as REVOKED within seconds",
    }
    return json_answer(body, 202)


@router.post(
    "/{task_id}/replay", status_code=202, summary="Run a failed or cancelled task again", **docs.REPLAY
)
async def replay(request: Request, tenant: Tenant, task_id: Id) -> Response:
    """A new task that begins with the agents' results that are done; a partial result can be completed so. 409 while it runs
    and when its result is complete, 410 when the assessment has expired."""
    context = context_of(request)
    key = idempotency_key(request.headers.get("idempotency-key"))
    accepted = await to_its_end(context.store.replay(tenant, task_id, new_id("tsk"), context.agents, key))
    task = await context.store.task(tenant, accepted.task_id)
    return started(task.info.assessment_id, accepted)


@router.get("/{task_id}/events", summary="Every change of a task, as server-sent events", **docs.EVENTS)
async def events(
    request: Request,
    tenant: Tenant,
    task_id: Id,
    last_event_id: Annotated[
        str | None, Query(max_length=128, description="For clients that cannot send the Last-Event-ID header")
    ] = None,
) -> Response:
    """Without `Last-Event-ID` the stream begins with one `snapshot` event, the whole task as `GET /tasks/{task_id}` gives it
    (without an id); then every later change follows as it happens. With it, the changes after that event follow and nothing
    else; if some of these are not kept any more, it begins with a snapshot too. Either way nothing is missed and progress is not seen going back. The stream ends after the event `end`; resuming
    after that one gives 204, which tells an EventSource not to come back. Lines that begin with a colon are heartbeats.
    If the store goes away the stream ends with an event `unavailable`: come back with the last id."""
    context = context_of(request)
    after = request.headers.get("last-event-id") or last_event_id
    return await event_stream(context.store, tenant, task_id, after, context.settings.heartbeat_s)
