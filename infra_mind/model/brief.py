"""The brief: what a person hands in to be assessed. Field names and units are a contract; everything but `name` is optional."""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from infra_mind.errors import BriefInvalid, FieldProblem
from infra_mind.model.base import NonNegative, Positive, Share, Value

Skill = Annotated[int, Field(ge=1, le=5, description="1 beginner … 5 expert")]
Weight = Annotated[float, Field(ge=0, le=5)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]
Text = Annotated[str, Field(max_length=4000)]
Region = Annotated[str, Field(min_length=2, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]*$")]
Count = Annotated[int, Field(ge=0, le=1_000_000)]

Dtype = Literal["fp32", "bf16", "fp16", "fp8", "int8", "int4"]
Regime = Literal[
    "gdpr", "hipaa", "pci_dss", "soc2", "iso27001", "nist_800_53", "ccpa", "eu_ai_act", "nis2", "dora"
]
DataClass = Literal["public", "internal", "personal", "health", "payment", "credentials"]


class Team(Value):
    engineers: Count | None = None
    devops: Count | None = None
    data: Count | None = None
    cloud_skill: Skill | None = None
    kubernetes_skill: Skill | None = None
    ml_skill: Skill | None = None


class Delivery(Value):
    deploys_per_month: NonNegative | None = None
    lead_time_hours: NonNegative | None = None
    change_failure_rate: Share | None = None
    recovery_hours: NonNegative | None = None


class Growth(Value):
    users_now: Annotated[int, Field(ge=0, le=10_000_000_000)] | None = None
    users_in_12_months: Annotated[int, Field(ge=0, le=10_000_000_000)] | None = None


class Organisation(Value):
    industry: (
        Literal[
            "technology",
            "healthcare",
            "finance",
            "education",
            "retail",
            "manufacturing",
            "government",
            "non_profit",
            "other",
        ]
        | None
    ) = None
    size: Literal["startup", "small", "medium", "large", "enterprise"] | None = None
    regions: tuple[Region, ...] = ()
    team: Team | None = None
    delivery: Delivery | None = None
    growth: Growth | None = None
    timeline_months: Annotated[float, Field(gt=0, le=240)] | None = None


class Budget(Value):
    usd_per_month: NonNegative | None = None
    commitment_discount: Share = 0.0
    commitment_coverage: Share = 0.0
    commitment_utilisation: Share = 1.0


class Priorities(Value):
    """Weights from 0 (does not matter) to 5 (matters most)."""

    cost: Weight | None = None
    reliability: Weight | None = None
    security: Weight | None = None
    sustainability: Weight | None = None
    speed: Weight | None = None


class AiUse(Value):
    purpose: Text | None = None
    interacts_with_people: bool | None = None
    annex_iii: bool | None = None


class Compliance(Value):
    regimes: tuple[Regime, ...] = ()
    data_classes: tuple[DataClass, ...] = ()
    data_residency: tuple[Annotated[str, Field(min_length=2, max_length=40)], ...] = ()
    ai_use: AiUse | None = None


class Node(Value):
    instance: Annotated[str, Field(min_length=1, max_length=80)]
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    utilisation: Share | None = Field(default=None, description="Mean CPU utilisation, 0 to 1")
    zones: Annotated[int, Field(ge=1, le=20)] | None = None


class Storage(Value):
    kind: Literal["ssd", "hdd", "object"]
    tb: Positive
    replicas: Annotated[int, Field(ge=1, le=20)] = 1


class Hosting(Value):
    provider: Literal["aws", "azure", "gcp", "on_prem"] | None = None
    region: Region | None = None
    nodes: tuple[Node, ...] = ()
    storage: tuple[Storage, ...] = ()


class Component(Value):
    """One part of the request's path, in series with the others; `replicas` of it in parallel, `needed` of them."""

    name: Name
    availability: Share
    replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    needed: Annotated[int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _needed_fits(self) -> Component:
        if self.needed > self.replicas:
            raise ValueError(f"needed ({self.needed}) cannot be more than replicas ({self.replicas})")
        return self


class Availability(Value):
    target: Annotated[float, Field(gt=0, lt=1)] | None = None
    rto_minutes: NonNegative | None = None
    rpo_minutes: NonNegative | None = None
    components: tuple[Component, ...] = ()


class Service(Value):
    """A request and response workload. Sigmas are of the logarithm (lognormal); absent means a point estimate."""

    name: Name
    arrivals_per_s: Annotated[float, Field(gt=0, le=1e7)]
    service_time_s: Annotated[float, Field(gt=0, le=86_400)]
    servers: Annotated[int, Field(ge=1, le=100_000)] | None = None
    wait_within_s: NonNegative | None = None
    wait_percentile: Annotated[float, Field(gt=0, lt=1)] | None = None
    arrivals_sigma: Annotated[float, Field(gt=0, le=2)] | None = None
    service_sigma: Annotated[float, Field(gt=0, le=2)] | None = None


class Serving(Value):
    """A model served on own GPUs. A model that is not in the table needs the six shape fields."""

    name: Name
    model: Annotated[str, Field(min_length=1, max_length=200)]
    weight_dtype: Dtype = "bf16"
    kv_dtype: Dtype = "bf16"
    gpu: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    requests_per_s: Annotated[float, Field(gt=0, le=1e6)] | None = None
    input_tokens: Annotated[float, Field(gt=0, le=1e7)] | None = None
    output_tokens: Annotated[float, Field(gt=0, le=1e7)] | None = None
    ttft_s: Positive | None = Field(default=None, description="Time to first token wanted, seconds")
    tpot_s: Positive | None = Field(default=None, description="Time per output token wanted, seconds")
    parameters: Annotated[float, Field(gt=0, le=1e15)] | None = None
    layers: Annotated[int, Field(ge=1, le=2000)] | None = None
    hidden: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    heads: Annotated[int, Field(ge=1, le=10_000)] | None = None
    kv_heads: Annotated[int, Field(ge=1, le=10_000)] | None = None
    head_dim: Annotated[int, Field(ge=1, le=10_000)] | None = None


class Training(Value):
    name: Name
    parameters: Annotated[float, Field(gt=0, le=1e15)]
    tokens: Annotated[float, Field(gt=0, le=1e18)] | None = None
    gpu: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    gpus: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    mfu: Annotated[float, Field(gt=0, le=1, description="Model FLOPs utilisation")] | None = None
    deadline_days: Positive | None = None
    checkpoint_minutes: Positive | None = Field(
        default=None, description="Time that writing one checkpoint costs"
    )
    mtbf_hours: Positive | None = Field(
        default=None, description="Mean time between failures of the whole job"
    )


class LlmApi(Value):
    """A model rented by the token."""

    name: Name
    model: Annotated[str, Field(min_length=1, max_length=200)]
    input_tokens_per_month: NonNegative | None = None
    output_tokens_per_month: NonNegative | None = None


class InlineArtefact(Value):
    """A file sent along; `path` relative, with forward slashes. A file that is no text is named with its `problem` instead."""

    path: Annotated[str, Field(min_length=1, max_length=1024)]
    content: str | None = None
    problem: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _content_or_problem(self) -> InlineArtefact:
        if (self.content is None) == (self.problem is None):
            raise ValueError("give `content`, the text of the file (or `problem` where it has none)")
        return self


class Brief(Value):
    model_config = ConfigDict(title="Infra Mind brief")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    goal: Text | None = None
    organisation: Organisation | None = None
    budget: Budget | None = None
    priorities: Priorities | None = None
    compliance: Compliance | None = None
    hosting: Hosting | None = None
    availability: Availability | None = None
    services: Annotated[tuple[Service, ...], Field(max_length=500)] = ()
    llm_serving: Annotated[tuple[Serving, ...], Field(max_length=200)] = ()
    training: Annotated[tuple[Training, ...], Field(max_length=200)] = ()
    llm_api: Annotated[tuple[LlmApi, ...], Field(max_length=500)] = ()
    artefacts: str | tuple[str | InlineArtefact, ...] | None = Field(
        default=None,
        description="A folder or a list of files (Terraform and its plans as JSON, Kubernetes, compose, Dockerfiles), read by the client and sent along; over HTTP a list of {path, content}",
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Brief:
        for field in ("services", "llm_serving", "training", "llm_api"):
            seen: set[str] = set()
            for item in getattr(self, field):
                if item.name in seen:
                    raise ValueError(
                        f"{field}: the name {item.name!r} stands twice; facts are named after it, so it must be unique"
                    )
                seen.add(item.name)
        return self


def parse_brief(data: object) -> Brief:
    """The brief from JSON-like data (dict, list, str, int, float, bool, None).

    Strict: "10" is not a number, 1 is not a bool. Raises BriefInvalid that lists every wrong field with its dotted path,
    what was found, and for an unknown field the nearest known name."""
    if not isinstance(data, Mapping):
        found = "nothing" if data is None else f"a {type(data).__name__}"
        raise BriefInvalid(
            [
                FieldProblem(
                    "", f"expected fields such as `name: ...`, found {found}", "see /schema/brief.json"
                )
            ]
        )
    try:
        text = json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BriefInvalid(
            [FieldProblem("", f"not JSON data: {error}", "use strings, finite numbers, lists and maps only")]
        ) from None
    try:
        return _validated(text)
    except ValidationError as error:
        raise BriefInvalid(_problems(error)) from None


def _validated(text: str) -> Brief:
    """A field that is written and left empty (`services:`) counts as not given."""
    try:
        return Brief.model_validate_json(text, strict=True)
    except ValidationError as error:
        empty = [
            e["loc"]
            for e in error.errors(include_url=False)
            if e["input"] is None and e["type"] != "extra_forbidden"
        ]
        if not empty:
            raise
        data = json.loads(text)
        for loc in empty:
            _drop(data, [part for part in loc if not _is_union_tag(part)])
        return Brief.model_validate_json(json.dumps(data), strict=True)


def _drop(data: Any, path: list[int | str]) -> None:
    for part in path[:-1]:
        data = data[part]
    if isinstance(data, dict) and path:
        data.pop(path[-1], None)


def brief_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the brief."""
    schema = Brief.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


MAX_HINTS = 100  # more help nobody, and the nearest name is not cheap to find


def _problems(error: ValidationError) -> list[FieldProblem]:
    problems: dict[str, FieldProblem] = {}
    for item in error.errors(include_url=False):
        if item["type"] == "string_type" and "str" in item["loc"] and isinstance(item["input"], dict | list):
            continue  # the other branch of a union says what is wrong with it
        loc = tuple(part for part in item["loc"] if not _is_union_tag(part))
        path = ".".join(str(part) for part in loc)
        if item["type"] == "extra_forbidden":
            found = FieldProblem(path, "unknown field", _nearest(loc) if len(problems) < MAX_HINTS else "")
        elif item["type"] == "missing":
            found = FieldProblem(path, "is required")
        else:
            shown = repr(item["input"])
            shown = shown if len(shown) <= 60 else shown[:57] + "..."
            message = item["msg"].removeprefix("Value error, ")
            found = FieldProblem(
                path,
                message[:1].lower() + message[1:] if message else "invalid",
                f"found {shown}" if loc else "",
            )
        problems.setdefault(path + found.problem, found)
    return list(problems.values())


def _is_union_tag(part: object) -> bool:
    return isinstance(part, str) and (
        part.startswith(("tuple[", "str", "union", "function-")) or part in {"InlineArtefact"}
    )


def _nearest(loc: tuple[int | str, ...]) -> str:
    model: Any = Brief
    for part in loc[:-1]:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = _model_inside(field.annotation) if field else None
    if model is None:
        return ""
    names = list(model.model_fields)
    near = difflib.get_close_matches(str(loc[-1]), names, n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(names)}"


def _model_inside(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, Annotated, Union, types.UnionType):
        for inner in get_args(annotation):
            found = _model_inside(inner)
            if found is not None:
                return found
    return None
