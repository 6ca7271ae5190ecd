"""The OpenAPI document: what FastAPI knows of the routes, with problems, keys and the brief's schema put in."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from infra_mind.api import docs, examples
from infra_mind.api.comparisons import WhatIfRequest
from infra_mind.api.problems import MEDIA_TYPE, Problem
from infra_mind.api.schedules import ScheduleChange, ScheduleRequest
from infra_mind.model.brief import Brief
from infra_mind.model.task import StartOptions

_REF = "#/components/schemas/{model}"
_DESCRIPTION = """\
Hand in a brief, start its assessment, watch the agents work, take the result.

All errors are problem details (RFC 9457): `type` is a name to switch on, `errors` lists wrong fields. On 429 and 503 come back
after `Retry-After` seconds, with the same `Idempotency-Key`. `/healthz`, `/readyz`, `/metrics`, `/openapi.json` and
`/schema/brief.json` stand at the root as well as under `/api/v1`."""


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document. The same routes give the same document."""
    made = get_openapi(
        title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes, tags=_TAGS
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, Brief, StartOptions, ScheduleRequest, ScheduleChange, WhatIfRequest):
        _add_schema(schemas, model)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    made["components"]["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "im_<key id>_<secret>",
            "description": "An API key, made with `infra-mind keys create`",
        }
    }
    made["security"] = [{"key": []}]
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _finish(path, operation)
    return made


_TAGS = [
    {"name": "assessments", "description": "Briefs with their artefacts, drafts until started"},
    {"name": "tasks", "description": "One run of an assessment through the agents"},
    {"name": "schedules", "description": "Assessments that start by themselves"},
    {
        "name": "webhooks",
        "description": "The end of a task, told to a URL of yours, signed as Standard Webhooks says",
    },
    {"name": "operations", "description": "For those who run the service"},
]


def _add_schema(schemas: dict[str, Any], model: type[Any]) -> None:
    schema = model.model_json_schema(ref_template=_REF)
    for name, inner in schema.pop("$defs", {}).items():
        schemas.setdefault(name, inner)
    schemas[model.__name__] = schema


def _finish(path: str, operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)  # FastAPI's own shape of it, which is never sent
    for status in operation.pop(docs.PROBLEMS_KEY, ()):
        operation["responses"][str(status)] = {
            "description": examples.problem(status, path)["title"],
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": examples.problem(status, path),
                }
            },
        }
    index = operation.pop(docs.EXAMPLE_KEY, None)
    if index is not None:
        status, media_type, example = docs.EXAMPLES[index]
        operation["responses"][status]["content"][media_type]["example"] = example
    if operation.pop(docs.OPEN_KEY, False):
        operation["security"] = []
