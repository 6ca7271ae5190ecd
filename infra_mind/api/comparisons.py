"""Two assessments side by side."""

from __future__ import annotations

import anyio.to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from infra_mind.api import docs
from infra_mind.api.assessments import latest_result
from infra_mind.api.context import Tenant, context_of
from infra_mind.api.wire import Id, json_in_pieces
from infra_mind.diff import compare
from infra_mind.model.result import AssessmentResult

router = APIRouter(prefix="/assessments", tags=["assessments"])


@router.get("/{assessment_id}/diff/{other}", summary="What differs in another assessment", **docs.DIFF)
async def diff(request: Request, tenant: Tenant, assessment_id: Id, other: Id) -> Response:
    """The latest result of `other` against the one of `assessment_id`: findings by fingerprint (new, fixed, unchanged, and unsettled
    where one side could not judge), facts, ranks and data versions that moved. 409 while one of them runs."""
    store = context_of(request).store
    before = await latest_result(store, tenant, assessment_id)
    after = await latest_result(store, tenant, other)
    return json_in_pieces(await anyio.to_thread.run_sync(_compared, before, after))


def _compared(before: bytes, after: bytes) -> bytes:
    """Megabytes of JSON are read and compared: work for a thread."""
    return compare(*(AssessmentResult.model_validate_json(data) for data in (before, after))).to_json()
