"""For those who run the service: health, readiness, metrics, workers, and the descriptions of the interface."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from infra_mind.api import docs
from infra_mind.api.context import Context, Tenant, context_of
from infra_mind.api.metrics import exposition
from infra_mind.api.wire import json_answer
from infra_mind.errors import Unavailable
from infra_mind.model.brief import brief_schema
from infra_mind.model.workers import QueueStatus, WorkersStatus
from infra_mind.tasks.store import QueueStats

router = APIRouter(tags=["operations"])
workers_router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="Whether this process answers", **docs.HEALTH)
async def healthz() -> Response:
    """Asks nothing else: a process that answers must not be ended because the store is away. No key needed."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/readyz", summary="Whether work can be accepted and would be done", **docs.READY)
async def readyz(request: Request) -> Response:
    """The store answers and at least one dispatcher is alive. No key needed."""
    context = context_of(request)
    await context.store.ping()
    live = await _live_dispatchers(context)
    if not live:
        raise Unavailable("No dispatcher is alive: tasks would be accepted and wait", retry_after_s=5.0)
    return json_answer({"status": "ready", "dispatchers": live})


for _path, _look in (("/healthz", healthz), ("/readyz", readyz)):
    router.head(_path, include_in_schema=False)(_look)  # monitors ask so


@router.get("/metrics", summary="Numbers for Prometheus", **docs.METRICS)
async def metrics(request: Request, _: Tenant) -> Response:
    """Counters since the store began, and gauges of now, in the Prometheus text format. They are of all tenants together."""
    store = context_of(request).store
    text = exposition(
        await store.counters(),
        await store.queue_stats(),
        await _live_dispatchers(context_of(request)),
        await store.alerts(),
    )
    return Response(text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


@router.get("/openapi.json", summary="This interface in OpenAPI 3.1", **docs.OPENAPI)
async def openapi(request: Request) -> Response:
    """No key needed: it holds nothing that the published documentation does not."""
    return Response(_openapi_of(request), media_type="application/json")


@router.get("/schema/brief.json", summary="JSON Schema of the brief", **docs.BRIEF_SCHEMA)
async def schema_of_brief() -> Response:
    """For editors and validators. No key needed."""
    return Response(_brief_schema(), media_type="application/schema+json")


@workers_router.get("/tasks/workers/status", include_in_schema=False)
@workers_router.get("/workers/status", summary="Who works, and what waits", **docs.WORKERS)
async def workers_status(request: Request, _: Tenant) -> Response:
    """Also under `/tasks/workers/status`."""
    context = context_of(request)
    status = await context.workers()
    status = status.model_copy(update={"alerts": tuple(await context.store.alerts())})
    if status.queue is None:
        queue = _queue_status(await context.store.queue_stats())
        status = status.model_copy(update={"queue": queue})
    return json_answer(_counted(status))


def _counted(status: WorkersStatus) -> WorkersStatus:
    total = status.total_workers or len(status.workers)
    return status.model_copy(update={"total_workers": total})


def _queue_status(stats: QueueStats) -> QueueStatus:
    ages = [age for age in stats.oldest_age_s.values() if age is not None]
    return QueueStatus(depth=stats.depth, oldest_age_s=max(ages, default=None))


async def _live_dispatchers(context: Context) -> int:
    known = await context.store.dispatchers()
    return sum(1 for one in known if one.last_seen_s <= context.settings.dispatcher_live_s)


def _openapi_of(request: Request) -> bytes:
    made: bytes | None = getattr(request.app.state, "openapi_json", None)
    if made is None:
        made = request.app.state.openapi_json = to_json(request.app.openapi())
    return made


@cache
def _brief_schema() -> bytes:
    return to_json(brief_schema(), indent=2)
