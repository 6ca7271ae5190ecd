"""Errors as RFC 9457 problem details: the one place where an error becomes an HTTP answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from infra_mind import errors

MEDIA_TYPE = "application/problem+json"
_MOST_FIELDS = 100  # a hostile brief can be wrong in a million places; a person reads the first few

_KINDS: tuple[tuple[type[errors.InfraMindError], int, str, str], ...] = (
    (errors.BriefInvalid, 422, "brief-invalid", "The brief is not valid"),
    (errors.ArtefactRefused, 422, "artefact-refused", "An artefact was refused"),
    (errors.OptionInvalid, 422, "option-invalid", "An option is not valid"),
    (errors.TooLarge, 413, "too-large", "The request is over the size limit"),
    (errors.BadInput, 422, "bad-input", "The input is not valid"),
    (errors.NotAllowed, 401, "not-allowed", "A valid API key is needed"),
    (errors.NotFound, 404, "not-found", "Not found"),
    (errors.Conflict, 409, "conflict", "The state does not allow it"),
    (errors.Gone, 410, "gone", "It has expired"),
    (errors.ResultLost, 500, "result-lost", "The result is lost"),
    (errors.TooMany, 429, "too-many", "A limit is used up"),
    (errors.Unavailable, 503, "unavailable", "Not available now"),
    # 424: the result depends on a task, and that task failed. Neither "too early" (409) nor the server's own fault (500).
    (errors.TaskFailed, 424, "task-failed", "The task ended without a result"),
    (errors.InfraMindError, 500, "internal", "Something went wrong here"),
)

_log = structlog.get_logger(__name__)


class OptionsInvalid(errors.OptionInvalid):
    """Several options of one call are wrong. `problems` lists them all, at least one."""

    def __init__(self, problems: Sequence[errors.FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems[0].path, self.problems[0].problem)


class ProblemField(BaseModel):
    """One wrong field: its dotted path, what is wrong, and what to write instead."""

    path: str
    problem: str
    hint: str = ""


class Problem(BaseModel):
    """Problem details (RFC 9457). `type` is a stable name to switch on; `detail` is a sentence for a person."""

    type: str = Field(examples=["urn:infra-mind:problem:not-found"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="Path of the request")
    errors: list[ProblemField] | None = Field(default=None, description="With 422: every wrong field")
    state: str | None = Field(default=None, description="With 409 and 424: the state that was found")
    error_type: str | None = Field(default=None, description="With 424: type of the task's error")
    retry_after_s: float | None = Field(default=None, description="With 429 and 503: seconds to wait")


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem: this package's, FastAPI's own, unknown routes and what nobody foresaw."""
    app.add_exception_handler(errors.InfraMindError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_request_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unforeseen)


def problem_of(error: errors.InfraMindError, instance: str) -> Problem:
    """The problem details of an error of this package."""
    status, name, title = next((s, n, t) for kind, s, n, t in _KINDS if isinstance(error, kind))
    fields = _fields(error)
    return Problem(
        type=f"urn:infra-mind:problem:{name}",
        title=title,
        status=status,
        detail=_detail(error, fields),
        instance=instance,
        errors=fields[:_MOST_FIELDS] or None,
        state=getattr(error, "state", "") or None,
        error_type=getattr(error, "error_type", "") or None,
        retry_after_s=getattr(error, "retry_after_s", None),
    )


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The HTTP answer of a problem, with `Retry-After` and `WWW-Authenticate` where they belong."""
    all_headers = dict(headers or {})
    if problem.retry_after_s is not None:
        all_headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after_s)))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        all_headers["WWW-Authenticate"] = 'Bearer realm="infra-mind"'
    body = to_json(problem, exclude_none=True)
    return Response(body, problem.status, all_headers, MEDIA_TYPE)


def _fields(error: errors.InfraMindError) -> list[ProblemField]:
    match error:
        case errors.BriefInvalid() | OptionsInvalid():
            return [ProblemField(path=p.path, problem=p.problem, hint=p.hint) for p in error.problems]
        case errors.ArtefactRefused():
            return [ProblemField(path=error.path, problem=error.reason)]
        case errors.OptionInvalid():
            return [ProblemField(path=error.option, problem=error.reason)]
    return []


def _detail(error: errors.InfraMindError, fields: list[ProblemField]) -> str:
    if len(fields) > 3:
        return f"{len(fields)} fields are wrong; the first is {fields[0].path or 'the whole'}: {fields[0].problem}"
    return str(error)


async def _on_error(request: Request, error: Exception) -> Response:
    return answer(problem_of(cast("errors.InfraMindError", error), request.url.path))


async def _on_request_invalid(request: Request, error: Exception) -> Response:
    found = cast("RequestValidationError", error).errors()
    if any(item["loc"][0] == "path" for item in found):  # an id that no id can be
        return await _on_error(request, errors.NotFound("There is nothing with this id"))
    fields = [_request_field(item) for item in found]
    problem = Problem(
        type="urn:infra-mind:problem:option-invalid",
        title="An option is not valid",
        status=422,
        detail="; ".join(f"{field.path}: {field.problem}" for field in fields[:3]),
        instance=request.url.path,
        errors=fields[:_MOST_FIELDS],
    )
    return answer(problem)


def _request_field(item: Mapping[str, Any]) -> ProblemField:
    path = ".".join(str(part) for part in item["loc"][1:])  # the first part says query, path or header
    return ProblemField(path=path, problem=str(item["msg"]))


async def _on_http(request: Request, error: Exception) -> Response:
    http = cast("HTTPException", error)
    title = HTTPStatus(http.status_code).phrase
    problem = Problem(
        type=f"urn:infra-mind:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=http.status_code,
        detail=_http_detail(request, http, title),
        instance=request.url.path,
    )
    return answer(problem, http.headers)


def _http_detail(request: Request, error: HTTPException, title: str) -> str:
    if error.detail and error.detail != title:
        return str(error.detail)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.method} is not possible here; see /openapi.json"
    return "There is no such path; see /openapi.json" if error.status_code == HTTPStatus.NOT_FOUND else title


async def _on_unforeseen(request: Request, error: Exception) -> Response:
    """Says nothing of the cause to the caller: its text could hold anything. The log names the type."""
    _log.error(
        "request failed", method=request.method, path=request.url.path, error_type=type(error).__name__
    )
    return answer(
        Problem(
            type="urn:infra-mind:problem:internal",
            title="Something went wrong here",
            status=500,
            detail="The server met an error that nobody foresaw; its log has the details",
            instance=request.url.path,
        )
    )
