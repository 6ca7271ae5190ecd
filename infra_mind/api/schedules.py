"""Schedules: recurring assessments. A request is checked whole, and every wrong field is named, before anything is kept."""

from __future__ import annotations

import secrets
import time
from hashlib import sha256
from typing import Any, TypeVar

import anyio.to_thread
from fastapi import APIRouter
from pydantic import Field, ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from infra_mind.api import docs
from infra_mind.api.context import Context, Tenant, context_of
from infra_mind.api.problems import OptionsInvalid
from infra_mind.api.start import idempotency_key, options_of
from infra_mind.api.submissions import nearest, parse_options, read_body, submission_of
from infra_mind.api.wire import Id, json_answer
from infra_mind.errors import BriefInvalid, Conflict, FieldProblem, NotFound, OptionInvalid
from infra_mind.model.base import Value
from infra_mind.model.task import StartOptions
from infra_mind.tasks.schedules.cron import CronInvalid, Rule
from infra_mind.tasks.schedules.records import NewSchedule, shown_options

router = APIRouter(prefix="/schedules", tags=["schedules"])
T = TypeVar("T", bound=Value)
OWN_TIME = ("delay_s", "not_before")  # options of one start that make no sense here: the schedule says when


class ScheduleRequest(Value):
    """A new schedule: what to assess, when, and how to start it."""

    name: str = Field(min_length=1, max_length=200)
    cron: str = Field(
        max_length=100, description="Five fields: minute, hour, day of month, month, day of week"
    )
    timezone: str = Field(
        default="UTC", max_length=64, description="Of the IANA database, such as Europe/Berlin"
    )
    assessment_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Its brief and artefacts are copied now; what becomes of it later does not matter",
    )
    brief: dict[str, Any] | None = Field(
        default=None, description="In its place: a brief with its artefacts inline"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="As for a start")
    coalesce: bool = Field(default=True, description="Start once for all due times that were missed")
    enabled: bool = True


class ScheduleChange(Value):
    enabled: bool


@router.post("", status_code=201, summary="Assess again and again", **docs.SCHEDULE_CREATE)
async def create(request: Request, tenant: Tenant) -> Response:
    """Needs either `assessment_id` or `brief`. With an `Idempotency-Key` the call may be repeated safely."""
    context = context_of(request)
    key = idempotency_key(request.headers.get("idempotency-key"))
    body = await read_body(request, context.limits.max_body)
    asked = await _in_thread_if_large(body, context)
    template = await _template(asked, tenant, context)
    rule, options = _rule(asked.cron, asked.timezone), _options(asked, context)
    made = await context.store.create_schedule(
        NewSchedule(
            schedule_id=_schedule_id(tenant, key),
            tenant=tenant,
            name=asked.name,
            cron=rule.cron,
            timezone=rule.timezone,
            coalesce=asked.coalesce,
            options=options,
            assessment_name=template[0],
            artefact_files=template[1],
            data=template[2],
            due=rule.after(_now()) if asked.enabled else None,
        )
    )
    asked_for = (asked.name, rule.cron, rule.timezone, asked.coalesce, shown_options(options))
    if (made.name, made.cron, made.timezone, made.coalesce, made.options) != asked_for:
        raise Conflict("This idempotency key was used for another schedule: use a new one.")
    return json_answer(made, 201, {"Location": f"/api/v1/schedules/{made.schedule_id}"})


@router.get("", summary="List the caller's schedules", **docs.SCHEDULES)
async def list_all(request: Request, tenant: Tenant) -> Response:
    """All of them, newest first."""
    return json_answer({"items": await context_of(request).store.schedules(tenant)})


@router.get("/{schedule_id}", summary="One schedule", **docs.SCHEDULE)
async def get(request: Request, tenant: Tenant, schedule_id: Id) -> Response:
    """When it is due next, and what became of the last time."""
    return json_answer(await context_of(request).store.schedule(tenant, schedule_id))


@router.patch("/{schedule_id}", summary="Pause or resume a schedule", **docs.SCHEDULE_CHANGE)
async def change(request: Request, tenant: Tenant, schedule_id: Id) -> Response:
    """What was due during a pause is not made up for."""
    context = context_of(request)
    data = parse_options(await read_body(request, context.settings.max_options_body), max_depth=4)
    asked = _checked(ScheduleChange, data)
    found = await context.store.schedule(tenant, schedule_id)
    if asked.enabled and found.enabled:
        return json_answer(found)
    due = _rule(found.cron, found.timezone).after(_now()) if asked.enabled else None
    return json_answer(await context.store.enable_schedule(tenant, schedule_id, due))


@router.delete("/{schedule_id}", status_code=204, summary="Delete a schedule", **docs.SCHEDULE_DELETE)
async def delete(request: Request, tenant: Tenant, schedule_id: Id) -> Response:
    """What it has started goes on."""
    await context_of(request).store.delete_schedule(tenant, schedule_id)
    return Response(status_code=204)


async def _in_thread_if_large(body: bytes, context: Context) -> ScheduleRequest:
    if len(body) <= context.settings.thread_above:
        return _request(body, context)
    return await anyio.to_thread.run_sync(_request, body, context, limiter=context.parsers)


def _request(body: bytes, context: Context) -> ScheduleRequest:
    data = parse_options(body, max_depth=context.limits.max_depth + 1)
    return _checked(ScheduleRequest, data)


def _checked(kind: type[T], data: Any) -> T:
    if not isinstance(data, dict):
        raise OptionInvalid("", f"the body must be a JSON object with {', '.join(kind.model_fields)}")
    unknown = [name for name in data if name not in kind.model_fields]
    problems = [
        FieldProblem(name[:80], "unknown field", nearest(name[:80], kind.model_fields))
        for name in unknown[:20]
    ]
    known = {name: value for name, value in data.items() if name in kind.model_fields}
    try:
        checked = kind.model_validate_json(to_json(known), strict=True)
    except ValidationError as error:
        problems += [
            FieldProblem(".".join(map(str, item["loc"])), item["msg"])
            for item in error.errors(include_url=False, include_input=False)
        ]
    if problems:
        raise OptionsInvalid(problems)
    return checked


async def _template(asked: ScheduleRequest, tenant: str, context: Context) -> tuple[str, int, bytes]:
    """(name, number of files, submission) that every firing assesses."""
    if (asked.assessment_id is None) == (asked.brief is None):
        raise OptionInvalid("assessment_id", "give either assessment_id or brief, and not both")
    if asked.assessment_id is None:
        return await anyio.to_thread.run_sync(_inline, asked.brief, context, limiter=context.parsers)
    try:
        found = await context.store.assessment(tenant, asked.assessment_id)
        data = await context.store.assessment_input(asked.assessment_id)
    except NotFound:
        raise OptionInvalid("assessment_id", "there is no such assessment (any more)") from None
    return found.name, found.artefact_files, data


def _inline(brief: Any, context: Context) -> tuple[str, int, bytes]:
    try:
        submission = submission_of(brief, context.limits)
    except BriefInvalid as error:
        raise BriefInvalid(
            [FieldProblem(_below("brief", one.path), one.problem, one.hint) for one in error.problems]
        ) from None
    return submission.brief.name, len(submission.artefacts), submission.to_bytes()


def _rule(cron: str, timezone: str) -> Rule:
    try:
        return Rule.of(cron, timezone)
    except CronInvalid as error:
        raise OptionInvalid(error.field, str(error)) from None


def _options(asked: ScheduleRequest, context: Context) -> StartOptions:
    for name in OWN_TIME:
        if name in asked.options:
            raise OptionInvalid(f"options.{name}", "is for one start; here the schedule says when")
    try:
        return options_of(asked.options, context.settings.webhook_addresses)
    except OptionsInvalid as error:
        raise OptionsInvalid(
            [FieldProblem(_below("options", one.path), one.problem, one.hint) for one in error.problems]
        ) from None
    except OptionInvalid as error:
        raise OptionInvalid(_below("options", error.option), error.reason) from None


def _below(root: str, path: str) -> str:
    return f"{root}.{path}" if path else root


def _schedule_id(tenant: str, key: str | None) -> str:
    """The same for the same key of the same tenant, so that a create that is sent again is the same create."""
    if key is None:
        return f"sch_{secrets.token_hex(12)}"
    digest = sha256(f"{tenant}\n{key}".encode()).hexdigest()
    return f"sch_{digest[:24]}"


def _now() -> int:
    return int(time.time() * 1000)
