"""Assessments side by side: two that are there, or one and what would become of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from infra_mind.api import docs
from infra_mind.api.accepting import to_its_end
from infra_mind.api.assessments import latest_result
from infra_mind.api.context import Context, Tenant, context_of
from infra_mind.api.negotiation import packed
from infra_mind.api.problems import OptionsInvalid
from infra_mind.api.start import idempotency_key, options_of
from infra_mind.api.submissions import nearest, parse_options, read_body
from infra_mind.api.wire import Id, json_answer, json_in_pieces
from infra_mind.diff import compare
from infra_mind.errors import Conflict, FieldProblem, InfraMindError, NotFound, OptionInvalid, Unavailable
from infra_mind.model.base import Value
from infra_mind.model.comparison import StartedVariant, WhatIf
from infra_mind.model.result import AssessmentResult
from infra_mind.model.submission import Submission
from infra_mind.model.task import StartOptions, Task, TaskState
from infra_mind.tasks.store import TaskStore
from infra_mind.what_if import MOST_VARIANTS, Variant, variants

router = APIRouter(prefix="/assessments", tags=["assessments"])


# What Pydantic says of the request's own shape, in the words of the documentation.
_WRONG = {
    "list_type": "is a list of values, such as [1, 2]",
    "too_short": "give at least one value",
    "dict_type": "is an object, such as {}",
}


class WhatIfRequest(Value):
    """What to change of the brief; at least one of `brief`, `set` and `sweep`. Artefacts stay those of the base."""

    brief: dict[str, Any] | None = Field(
        default=None,
        description="A JSON merge patch (RFC 7396): null removes a field, a list takes the place of the whole list",
    )
    set: dict[str, Any] | None = Field(
        default=None,
        description="Values by path, such as llm_serving.0.gpu or llm_serving.chat.gpu, for what lies inside of a list",
    )
    sweep: dict[str, Annotated[list[Any], Field(min_length=1)]] | None = Field(
        default=None,
        description=f"Lists of values by path: one variant for each combination, at most {MOST_VARIANTS}",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="As for a start")


@router.get("/{assessment_id}/diff/{other}", summary="What differs in another assessment", **docs.DIFF)
async def diff(request: Request, tenant: Tenant, assessment_id: Id, other: Id) -> Response:
    """The latest result of `other` against the one of `assessment_id`: findings by fingerprint (new, fixed, unchanged, and unsettled
    where one side could not judge), facts, ranks and data versions that moved. 409 while one of them runs."""
    store = context_of(request).store
    before = await latest_result(store, tenant, assessment_id)
    after = await latest_result(store, tenant, other)
    encodings = request.headers.get("accept-encoding", "")
    body, headers = await anyio.to_thread.run_sync(_compared, before, after, encodings)
    return json_in_pieces(body, headers=headers)


def _compared(before: bytes, after: bytes, encodings: str) -> tuple[bytes, dict[str, str]]:
    """Megabytes of JSON are read, compared and packed: work for a thread."""
    found = compare(*(AssessmentResult.model_validate_json(data) for data in (before, after)))
    return packed(found.to_json(), encodings)


@router.post(
    "/{assessment_id}/what-if", status_code=202, summary="Assess it again with another brief", **docs.WHAT_IF
)
async def what_if(request: Request, tenant: Tenant, assessment_id: Id) -> Response:
    """Starts one new assessment for each variant; each runs only the agents that the change reaches, and `diff` compares it with the
    base once it has ended. All of them are accepted or none. 409 while the base runs or where it has no result. With an
    `Idempotency-Key` the call may be repeated safely."""
    context = context_of(request)
    key = idempotency_key(request.headers.get("idempotency-key"))
    asked = _request(await read_body(request, context.limits.max_body), context)
    options = options_of(asked.options, context.settings.webhook_addresses)
    base = await _ended(context.store, tenant, assessment_id)
    data = await context.store.assessment_input(assessment_id)
    made = await anyio.to_thread.run_sync(_variants, data, asked, limiter=context.parsers)
    begun = await _start_all(context, tenant, base, made, options, key)
    return json_answer(
        WhatIf(base_assessment_id=assessment_id, base_task_id=base.task_id, variants=tuple(begun)), 202
    )


def _request(body: bytes, context: Context) -> WhatIfRequest:
    data = parse_options(body, max_depth=context.limits.max_depth + 2)
    if not isinstance(data, dict):
        raise OptionInvalid(
            "", f"the body must be a JSON object with {', '.join(WhatIfRequest.model_fields)}"
        )
    fields = WhatIfRequest.model_fields
    problems = [
        FieldProblem(name[:80], "unknown field", nearest(name[:80], fields))
        for name in data
        if name not in fields
    ][:20]
    try:
        asked = WhatIfRequest.model_validate({name: value for name, value in data.items() if name in fields})
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        raise OptionsInvalid(
            [
                *problems,
                *(FieldProblem(".".join(map(str, i["loc"])), _WRONG.get(i["type"], i["msg"])) for i in items),
            ]
        ) from None
    if problems:
        raise OptionsInvalid(problems)
    if not (asked.brief or asked.set or asked.sweep):
        raise OptionInvalid("brief", "nothing would change; give brief, set or sweep")
    return asked


async def _ended(store: TaskStore, tenant: str, assessment_id: str) -> Task:
    """The latest task, which must have a result. Conflict otherwise."""
    assessment = await store.assessment(tenant, assessment_id)
    if assessment.task_id is None:
        raise Conflict(
            f"{assessment_id} was never started; a what-if needs its result", state=assessment.status
        )
    task = await store.task(tenant, assessment.task_id)
    if task.state is not TaskState.SUCCESS:
        why = "ended without a result" if task.state.ended else "has not ended yet"
        raise Conflict(f"{assessment_id} {why}; a what-if begins with its result", state=task.state)
    return task


def _variants(data: bytes, asked: WhatIfRequest) -> list[tuple[Variant, bytes]]:
    made = variants(Submission.from_bytes(data), asked.brief, asked.set, asked.sweep)
    return [(one, one.submission.to_bytes()) for one in made]


async def _start_all(
    context: Context,
    tenant: str,
    base: Task,
    made: Sequence[tuple[Variant, bytes]],
    options: StartOptions,
    key: str | None,
) -> list[StartedVariant]:
    """Creates and starts every variant, or takes back those it has started and raises. What an earlier call with the same key has
    started is not taken back: that one was answered."""
    begun: list[StartedVariant] = []
    own: list[str] = []
    base_id = base.info.assessment_id
    for n, (variant, data) in enumerate(made):
        mark = _mark(tenant, base_id, key, n)
        started = StartedVariant(
            assessment_id=f"asm_{mark}", task_id=f"tsk_{mark}", name=variant.name, values=variant.values, changed=variant.changed,
            diff=f"/api/v1/assessments/{base_id}/diff/asm_{mark}",
        )  # fmt: skip
        begun.append(started)
        try:
            if await _create(context, tenant, started, data, len(variant.submission.artefacts), repeated=key is not None):  # fmt: skip
                own.append(started.assessment_id)
            await _start(context, tenant, base, started, options, repeated=started.assessment_id not in own)
        except InfraMindError:
            for assessment_id in own:
                await _take_back(context.store, tenant, assessment_id)
            raise
    return begun


async def _create(
    context: Context, tenant: str, started: StartedVariant, data: bytes, files: int, *, repeated: bool
) -> bool:
    """False when an earlier call with this key has started it: `accept` knows its task."""
    try:
        await context.store.create_assessment(tenant, started.assessment_id, started.name, data, files)
    except Conflict:
        if not repeated:
            raise
    else:
        return True
    if await context.store.assessment_input(started.assessment_id) != data:
        raise Conflict("This idempotency key was used for other variants: use a new one.")
    return False


async def _start(
    context: Context, tenant: str, base: Task, started: StartedVariant, options: StartOptions, *, repeated: bool
) -> None:  # fmt: skip
    commit = context.store.accept(
        tenant, started.assessment_id, started.task_id, options, context.agents, kept_from=base.task_id
    )
    try:
        await to_its_end(commit)
    except NotFound:
        if not repeated:
            raise
        raise Unavailable("What an earlier call with this key had started is still being taken back.", retry_after_s=2.0) from None  # fmt: skip


async def _take_back(store: TaskStore, tenant: str, assessment_id: str) -> None:
    """Best effort: what cannot be deleted now expires by itself."""
    try:
        await store.delete_assessment(tenant, assessment_id)
    except InfraMindError:
        return


def _mark(tenant: str, base_id: str, key: str | None, n: int) -> str:
    """The same for the same key, base and place, so that a call that is sent again is the same call."""
    if key is None:
        return secrets.token_hex(12)
    return sha256(f"{tenant}\n{base_id}\n{key}\n{n}".encode()).hexdigest()[:24]
