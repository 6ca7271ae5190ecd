"""What `/openapi.json` says of each route, as keyword arguments of its decorator: answers, problems, bodies, examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from infra_mind.api import examples, wire
from infra_mind.api.submissions import YAML, ZIP
from infra_mind.model.comparison import Comparison, WhatIf
from infra_mind.model.schedule import Schedule
from infra_mind.model.task import Assessment, Task
from infra_mind.model.webhook import WebhookSecret
from infra_mind.model.workers import WorkersStatus

Route = dict[str, Any]
PROBLEMS_KEY = "x-problems"  # read and removed by `openapi.py`, which writes the answers
OPEN_KEY = "x-no-key"
EXAMPLE_KEY = "x-example"  # index into EXAMPLES: FastAPI drops every null from an example that it is given
EXAMPLES: list[tuple[str, str, Any]] = []  # status, media type, example
_EVERYWHERE = (401, 422, 503)


def _route(
    status: int,
    *,
    model: type[BaseModel] | None = None,
    example: Any = None,
    media_type: str = "application/json",
    description: str,
    problems: Sequence[int] = (),
    body: dict[str, Any] | None = None,
    open_to_all: bool = False,
    headers: dict[str, Any] | None = None,
) -> Route:
    answer: dict[str, Any] = {"description": description}
    if headers:
        answer["headers"] = headers
    if model is not None:
        answer["model"] = model
    if example is not None and model is None:
        answer["content"] = {
            media_type: {"schema": {"type": "object" if isinstance(example, dict) else "string"}}
        }
    extra: dict[str, Any] = {
        PROBLEMS_KEY: sorted({*problems, *(() if open_to_all else _EVERYWHERE)}),
        OPEN_KEY: open_to_all,
    }
    if example is not None:
        extra[EXAMPLE_KEY] = len(EXAMPLES)
        EXAMPLES.append((str(status), media_type, example))
    if body is not None:
        extra["requestBody"] = body
    route: Route = {"response_model": None, "responses": {status: answer}, "openapi_extra": extra}
    if media_type != "application/json":
        route["response_class"] = Response  # otherwise FastAPI says that it may also be JSON
    return route


def _location(of: str) -> dict[str, Any]:
    return {"Location": {"description": f"Path of the {of}", "schema": {"type": "string"}}}


def _idempotency(what: str) -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": f"Repeating the call with the same key gives the same {what}. 1 to 255 printable ASCII characters.",
        "schema": {"type": "string", "maxLength": 255},
    }


def _json_body(model: str, example: Any) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


_BRIEF_REF = {"$ref": "#/components/schemas/Brief"}
_FILES = {"type": "string", "contentMediaType": "application/octet-stream"}
_SUBMISSION = {
    "required": True,
    "description": "The brief, with its files inline, as parts of a form, or in a zip",
    "content": {
        "application/json": {"schema": _BRIEF_REF, "example": examples.BRIEF},
        YAML[0]: {"schema": _BRIEF_REF, "example": examples.BRIEF_YAML},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["brief"],
                "properties": {
                    "brief": {
                        "type": "string",
                        "description": "JSON or YAML, as a file or as text",
                    },
                    "artefacts": {
                        "type": "array",
                        "items": _FILES,
                        "description": "Files, each with its relative path as its filename; or one zip",
                    },
                },
            },
            "example": {"brief": examples.BRIEF_YAML, "artefacts": ["main.tf"]},
        },
        ZIP[0]: {
            "schema": {
                **_FILES,
                "description": "brief.yaml, brief.yml or brief.json at the root; the rest are artefacts",
            }
        },
    },
}
_START_BODY = {
    "required": False,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/StartOptions"},
            "example": examples.START,
        }
    },
}

CREATE = _route(
    201,
    model=Assessment,
    example=examples.DRAFT,
    description="The draft",
    problems=(413, 415),
    body=_SUBMISSION,
    headers=_location("assessment"),
)
LIST = _route(200, model=wire.AssessmentPage, example=examples.ASSESSMENTS, description="One page")
GET = _route(200, model=Assessment, example=examples.DRAFT, description="The assessment", problems=(404, 410))
REPLACE = _route(
    200,
    model=Assessment,
    example=examples.DRAFT,
    description="The changed draft",
    problems=(404, 409, 410, 413, 415),
    body=_SUBMISSION,
)
DELETE = _route(204, description="Deleted", problems=(404, 410))
START = _route(
    202,
    model=wire.Started,
    example=examples.STARTED,
    description="Accepted and durable",
    problems=(404, 409, 410, 413, 415, 429),
    body=_START_BODY,
    headers=_location("task"),
)
START["openapi_extra"]["parameters"] = [_idempotency("task")]
REPLAY = _route(
    202,
    model=wire.Started,
    example=examples.STARTED,
    description="Accepted and durable",
    problems=(404, 409, 410, 429),
    headers=_location("task"),
)
REPLAY["openapi_extra"]["parameters"] = [_idempotency("task")]
REPORT = _route(
    200,
    example=examples.ASSESSMENT_RESULT,
    description="The report: a page that needs nothing else, the result as JSON, or one of the exports",
    problems=(404, 409, 410, 424, 500),
)
REPORT["responses"][200]["content"] |= {
    media_type: {"schema": {"type": "string"}, "example": example}
    for media_type, example in examples.REPORTS.items()
}
REPORT["responses"][200]["content"]["application/sarif+json"] = {
    "schema": {"type": "object"},
    "example": examples.SARIF,
}
REPORT["responses"][200]["content"]["application/vnd.cyclonedx+json"] = {
    "schema": {"type": "object"},
    "example": examples.CYCLONEDX,
}
DIFF = _route(
    200,
    model=Comparison,
    example=examples.DIFF,
    description="What differs",
    problems=(404, 409, 410, 424, 500),
)
WHAT_IF = _route(
    202,
    model=WhatIf,
    example=examples.WHAT_IF,
    description="All variants are accepted and durable",
    problems=(404, 409, 410, 413, 415, 429),
    body=_json_body("WhatIfRequest", examples.WHAT_IF_REQUEST),
)
WHAT_IF["openapi_extra"]["parameters"] = [_idempotency("variants")]
TASKS = _route(200, model=wire.TaskPage, example=examples.TASKS, description="One page")
TASK = _route(200, model=Task, example=examples.TASK, description="The task", problems=(404,))
RESULT = _route(
    200,
    model=wire.ResultAnswer,
    example=examples.RESULT,
    description="The result",
    problems=(404, 409, 410, 424, 500),
)
CANCEL = _route(
    202,
    model=wire.Cancelled,
    example=examples.CANCELLED,
    description="Will be cancelled",
    problems=(404, 409),
)
DELIVERIES = _route(
    200, model=wire.Deliveries, example=examples.DELIVERIES, description="The deliveries", problems=(404,)
)
SCHEDULE_CREATE = _route(
    201,
    model=Schedule,
    example=examples.SCHEDULE,
    description="The schedule",
    problems=(409, 413, 415),
    body=_json_body("ScheduleRequest", examples.SCHEDULE_REQUEST),
    headers=_location("schedule"),
)
SCHEDULE_CREATE["openapi_extra"]["parameters"] = [_idempotency("schedule")]
SCHEDULES = _route(
    200, model=wire.Schedules, example={"items": [examples.SCHEDULE]}, description="All schedules"
)
SCHEDULE = _route(200, model=Schedule, example=examples.SCHEDULE, description="The schedule", problems=(404,))
SCHEDULE_CHANGE = _route(
    200,
    model=Schedule,
    example=examples.SCHEDULE,
    description="The schedule as it is now",
    problems=(404, 413, 415),
    body=_json_body("ScheduleChange", {"enabled": True}),
)
SCHEDULE_DELETE = _route(204, description="Deleted", problems=(404,))
WEBHOOK_SECRET = _route(200, model=WebhookSecret, example=examples.WEBHOOK_SECRET, description="The secret")
WEBHOOK_ROTATE = _route(
    200, model=WebhookSecret, example=examples.WEBHOOK_SECRET, description="The new secret"
)
EVENTS = _route(
    200,
    example=examples.EVENTS,
    media_type="text/event-stream",
    description="The stream; ends after the event `end`",
    problems=(404,),
)
EVENTS["responses"][204] = {"description": "The terminal event is already behind `Last-Event-ID`"}
EVENTS["openapi_extra"]["parameters"] = [
    {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "description": "Id of the last event that was seen",
        "schema": {"type": "string", "maxLength": 128},
    }
]
WORKERS = _route(200, model=WorkersStatus, example=examples.WORKERS, description="Workers and queue")
METRICS = _route(200, example=examples.METRICS, media_type="text/plain", description="Prometheus text format")
HEALTH = _route(
    200,
    model=wire.Health,
    example=examples.HEALTH,
    description="It answers",
    problems=(405,),
    open_to_all=True,
)
READY = _route(
    200,
    model=wire.Ready,
    example=examples.READY,
    description="Ready",
    problems=(405, 503),
    open_to_all=True,
)
OPENAPI = _route(
    200,
    example={"openapi": "3.1.0"},
    description="The description",
    problems=(405,),
    open_to_all=True,
)
BRIEF_SCHEMA = _route(
    200,
    example={"title": "Infra Mind brief", "type": "object"},
    media_type="application/schema+json",
    description="JSON Schema 2020-12",
    problems=(405,),
    open_to_all=True,
)
