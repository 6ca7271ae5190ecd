"""Assessments: hand in, change, list, start, report, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from starlette.requests import Request
from starlette.responses import Response

from infra_mind.api import docs
from infra_mind.api.accepting import new_id, started, to_its_end
from infra_mind.api.context import Tenant, context_of
from infra_mind.api.report import Kind, format_wanted, report_answer
from infra_mind.api.start import idempotency_key, start_options
from infra_mind.api.submissions import read_body, read_submission
from infra_mind.api.wire import Cursor, Id, Limit, assessment_page, json_answer
from infra_mind.errors import Conflict
from infra_mind.model.task import AssessmentStatus
from infra_mind.reports.formats import FORMATS
from infra_mind.tasks.store import TaskStore

router = APIRouter(prefix="/assessments", tags=["assessments"])


# The busiest route stands first: routes are matched in their order.
@router.post("/{assessment_id}/start", status_code=202, summary="Start an assessment", **docs.START)
async def start(request: Request, tenant: Tenant, assessment_id: Id) -> Response:
    """Answers as soon as the task is durable. With an `Idempotency-Key` the call may be repeated safely: the same key gives
    the same task. The body is optional."""
    context = context_of(request)
    key = idempotency_key(request.headers.get("idempotency-key"))
    options = start_options(
        await read_body(request, context.settings.max_options_body), context.settings.webhook_addresses
    )
    accepted = await to_its_end(
        context.store.accept(tenant, assessment_id, new_id("tsk"), options, context.agents, key)
    )
    return started(assessment_id, accepted)


@router.post("", status_code=201, summary="Hand in a brief and its artefacts as a draft", **docs.CREATE)
async def create(request: Request, tenant: Tenant) -> Response:
    """Nothing runs yet. The brief comes as JSON or YAML, its files inline (`artefacts: [{path, content}]`), as parts of a
    multipart form, or all in one zip with `brief.yaml` at its root."""
    context = context_of(request)
    submission = await read_submission(request, context)
    made = await context.store.create_assessment(
        tenant,
        new_id("asm"),
        submission.brief.name,
        submission.to_bytes(),
        len(submission.artefacts),
    )
    return json_answer(made, 201, {"Location": f"/api/v1/assessments/{made.assessment_id}"})


@router.get("", summary="List the caller's assessments", **docs.LIST)
async def list_all(
    request: Request,
    tenant: Tenant,
    status: AssessmentStatus | None = None,
    name: Annotated[str | None, Query(max_length=200, description="Part of the name, case ignored")] = None,
    created_after: Annotated[AwareDatetime | None, Query(description="ISO 8601 with a time zone")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first."""
    page = await context_of(request).store.assessments(
        tenant,
        cursor=cursor,
        limit=limit,
        status=status,
        name=name,
        created_after=created_after.isoformat() if created_after else None,
    )
    return assessment_page(page)


@router.get("/{assessment_id}", summary="One assessment", **docs.GET)
async def get(request: Request, tenant: Tenant, assessment_id: Id) -> Response:
    """Its status, and the id of its latest task once it was started. 410 when it has ended and its results have expired."""
    return json_answer(await context_of(request).store.assessment(tenant, assessment_id))


@router.put("/{assessment_id}", summary="Replace a draft's brief and artefacts", **docs.REPLACE)
async def replace(request: Request, tenant: Tenant, assessment_id: Id) -> Response:
    """The body is as for handing in; all of the former input is replaced. 409 once it was started."""
    context = context_of(request)
    submission = await read_submission(request, context)
    changed = await context.store.change_assessment(
        tenant,
        assessment_id,
        submission.brief.name,
        submission.to_bytes(),
        len(submission.artefacts),
    )
    return json_answer(changed)


@router.delete(
    "/{assessment_id}", status_code=204, summary="Delete an assessment and all that was kept", **docs.DELETE
)
async def delete(request: Request, tenant: Tenant, assessment_id: Id) -> Response:
    """A task of it that runs is cancelled first; what remains goes as soon as that has ended."""
    await context_of(request).store.delete_assessment(tenant, assessment_id)
    return Response(status_code=204)


@router.get("/{assessment_id}/report", summary="The report of an ended assessment", **docs.REPORT)
async def report(
    request: Request,
    tenant: Tenant,
    assessment_id: Id,
    format: Annotated[
        str | None, Query(description=f"One of {', '.join(FORMATS)}; else as Accept says, else html")
    ] = None,
    kind: Annotated[
        Kind, Query(description="Who reads it; counts for html, pdf and md: the others hold everything")
    ] = "full",
) -> Response:
    """The report of its latest task. 409 while that runs, 410 once the result has expired."""
    wanted = format_wanted(format, request.headers.get("accept", ""))
    context = context_of(request)
    result = await latest_result(context.store, tenant, assessment_id)
    encodings = request.headers.get("accept-encoding", "")
    return await report_answer(result, wanted, kind, context.parsers, encodings)


async def latest_result(store: TaskStore, tenant: str, assessment_id: str) -> bytes:
    """The result of the latest task. Conflict before its end, and what `TaskStore.result` raises."""
    assessment = await store.assessment(tenant, assessment_id)
    if assessment.task_id is None:
        raise Conflict(
            f"{assessment_id} was never started, so there is no report; start it first",
            state=assessment.status,
        )
    return await store.result(tenant, assessment.task_id)
