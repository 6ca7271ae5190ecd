"""What the server's answers mean to the client: typed errors for problems (RFC 9457), and the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from infra_mind.errors import (
    ArtefactRefused,
    BadInput,
    BriefInvalid,
    Conflict,
    FieldProblem,
    Gone,
    InfraMindError,
    NotAllowed,
    NotFound,
    OptionInvalid,
    ResultLost,
    TaskFailed,
    TooLarge,
    TooMany,
    Unavailable,
)
from infra_mind.model.task import Event


def events_of(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a stream of server-sent ones; comments are heartbeats."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
        elif "data" in fields:
            yield Event(
                id=fields.get("id", ""), type=fields.get("event", "message"), data=json.loads(fields["data"])
            )
            fields = {}


def problem_of(response: httpx.Response) -> InfraMindError | None:
    """The typed error of an answer; None for a good one."""
    status = response.status_code
    if status < 400:
        return None
    body = _json(response)
    detail = str(body.get("detail") or body.get("title") or f"the server answered {status}")
    retry_after_s = _retry_after_s(response.headers.get("Retry-After", ""))
    if status == 422 and body.get("errors"):
        return _refusal(str(body.get("type", "")), body["errors"])
    if status == 429:
        return TooMany(detail, retry_after_s)
    if status in (502, 503, 504) or (status in (404, 500) and not body):
        # without a body of ours it is the proxy that speaks: it has just started and knows no replica yet
        return Unavailable(detail, retry_after_s)
    if status == 424:
        return TaskFailed(detail, str(body.get("state", "FAILURE")), str(body.get("error_type", "")))
    if str(body.get("type", "")).endswith(":result-lost"):
        return ResultLost(detail)
    kinds: dict[int, type[InfraMindError]] = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict, 410: Gone, 413: TooLarge, 422: BadInput, 400: BadInput, 415: BadInput}  # fmt: skip
    return kinds.get(status, InfraMindError)(detail)


def _refusal(kind: str, errors: list[dict[str, Any]]) -> BadInput:
    items = [
        FieldProblem(str(e.get("path", "")), str(e.get("problem", "")), str(e.get("hint", "")))
        for e in errors
    ]
    if kind.endswith(":option-invalid"):
        return OptionInvalid(items[0].path, "; ".join([items[0].problem, *map(str, items[1:])]))
    if kind.endswith(":artefact-refused"):
        return ArtefactRefused(items[0].path, items[0].problem)
    return BriefInvalid(items)


def _retry_after_s(header: str) -> float:
    """Seconds; a date (RFC 9110 allows it) or anything else counts as one second."""
    return float(header) if header.isascii() and header.isdigit() else 1.0


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
