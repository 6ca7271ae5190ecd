"""The application factory. Who calls it decides which store, which agents and who knows the workers; here they become HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from infra_mind.api import assessments, comparisons, openapi, operations, problems, schedules, tasks, webhooks
from infra_mind.api.context import ApiSettings, Context
from infra_mind.api.headers import SecurityHeaders
from infra_mind.model.workers import WorkersStatus
from infra_mind.settings import IntakeLimits
from infra_mind.tasks.store import TaskStore

PREFIX = "/api/v1"
_DEFAULTS = ApiSettings()


def create_app(
    store: TaskStore | Callable[[], TaskStore],
    *,
    agents: Sequence[str],
    limits: IntakeLimits,
    settings: ApiSettings = _DEFAULTS,
    workers: Callable[[], Awaitable[WorkersStatus]],
) -> FastAPI:
    """The HTTP application.

    `store`: one that is open, or a function that makes it; then it is made in the serving event loop at its first use and
    closed at shutdown. `agents`: names that a started task runs. `workers`: who works now, asked for each call of
    `/workers/status`; it may leave `queue` out."""
    context = Context(store, tuple(agents), limits, settings, workers)
    app = FastAPI(
        title="Infra Mind",
        version=_version(),
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # ours has caching and stands in two places
        redirect_slashes=False,  # a redirected POST loses its body with some clients
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
    )
    app.state.context = context
    app.openapi = lambda: _cached(app)  # type: ignore[method-assign] # FastAPI's documented way to extend it
    problems.install(app)
    app.add_middleware(SecurityHeaders)
    for router in (
        assessments.router,
        comparisons.router,
        tasks.router,
        schedules.router,
        webhooks.router,
        operations.workers_router,
        operations.router,
    ):
        app.include_router(router, prefix=PREFIX)
    app.include_router(operations.router, include_in_schema=False)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.context.close()


def _operation_id(route: APIRoute) -> str:
    """`assessments_start`: the names that generated clients give their methods."""
    return "_".join([*map(str, route.tags[-1:]), route.name])


def _cached(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = openapi.document(app)
    return app.openapi_schema


def _version() -> str:
    try:
        return version("infra-mind")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
