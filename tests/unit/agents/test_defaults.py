"""Nothing is used in silence: for every default of the brief's model there is a brief that uses it, and the result says so."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from infra_mind.agents.defaults import DEFAULTS
from infra_mind.assessment import INVENTORY, assessor
from infra_mind.model.base import Value
from infra_mind.model.brief import Brief, parse_brief
from infra_mind.model.inventory import Artefact
from infra_mind.model.result import AgentResult
from infra_mind.model.submission import Submission

HOSTING = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "m5.xlarge", "count": 1, "utilisation": 0.5, "zones": 1}], "storage": [{"kind": "object", "tb": 4, "replicas": 1}]}  # fmt: skip
# Everything that has a default is written out with the value that it would have: nothing is left to assume.
STATED: dict[str, Any] = {
    "name": "all stated",
    "hosting": HOSTING,
    "budget": {"usd_per_month": 1e6, "commitment_discount": 0.0, "commitment_coverage": 0.5, "commitment_utilisation": 1.0},
    "compliance": {"data_classes": ["internal"]},
    "availability": {"components": [{"name": "api", "availability": 0.99, "replicas": 2, "needed": 1}]},
    "services": [{"name": "api", "arrivals_per_s": 1, "service_time_s": 0.1, "servers": 2, "wait_within_s": 0.1, "wait_percentile": 0.9, "arrivals_sigma": 0.1, "service_sigma": 0.1}],
    "llm_serving": [{"name": "chat", "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "l4", "requests_per_s": 1, "input_tokens": 100, "output_tokens": 100, "weight_dtype": "bf16", "kv_dtype": "bf16", "ttft_s": 5, "tpot_s": 1}],
}  # fmt: skip
FILES = (Artefact(path="main.tf", content='resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n'),)
# Field of the model → where STATED has it.
PLACES = {
    "Node.count": "hosting.nodes.0.count",
    "Storage.replicas": "hosting.storage.0.replicas",
    "Component.replicas": "availability.components.0.replicas",
    "Component.needed": "availability.components.0.needed",
    "Budget.commitment_discount": "budget.commitment_discount",
    "Budget.commitment_coverage": "budget.commitment_coverage",
    "Budget.commitment_utilisation": "budget.commitment_utilisation",
    "Compliance.data_classes": "compliance.data_classes",
    "Serving.weight_dtype": "llm_serving.0.weight_dtype",
    "Serving.kv_dtype": "llm_serving.0.kv_dtype",
    "Serving.ttft_s": "llm_serving.0.ttft_s",
    "Serving.tpot_s": "llm_serving.0.tpot_s",
    "Service.arrivals_sigma": "services.0.arrivals_sigma",
    "Service.service_sigma": "services.0.service_sigma",
}


def models(annotation: Any) -> Iterator[type[Value]]:
    """The models inside an annotation, and those inside them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation  # type: ignore[misc]
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    elif get_origin(annotation) in (tuple, list, Annotated, Union, UnionType):
        for inner in get_args(annotation):
            yield from models(inner)


def with_a_value() -> set[str]:
    """`Node.count` and so on: every field of the brief whose default is a value, not merely nothing."""
    return {
        f"{model.__name__}.{name}"
        for model in set(models(Brief))
        for name, field in model.model_fields.items()
        if not field.is_required() and field.default not in (None, ())
    }


def without(data: dict[str, Any], path: str) -> dict[str, Any]:
    left = copy.deepcopy(data)
    here: Any = left
    *parents, last = path.split(".")
    for part in parents:
        here = here[int(part) if part.isdigit() else part]
    del here[last]
    return left


def assumed(brief: dict[str, Any]) -> list[str]:
    """Fields that the result of all agents names in its assumptions as defaults of the brief, each as often as it is said."""
    return list(_assumed(json.dumps(brief)))


@cache
def _assumed(brief: str) -> tuple[str, ...]:
    data, steps = Submission.of(parse_brief(json.loads(brief)), FILES).to_bytes(), assessor()
    done = {INVENTORY: steps.run(INVENTORY, data, {})}
    found = []
    for name in steps.table:
        done[name] = steps.run(name, data, done)
        result = AgentResult.model_validate_json(done[name])
        found += [a.field for a in result.assumptions if a.field and ".default." in a.id]
    return tuple(found)


def test_every_default_of_the_model_is_explained_and_has_its_case_here() -> None:
    explained = {f"{model.__name__}.{name}" for model, name in DEFAULTS}
    assert with_a_value() <= explained, (
        "say in DEFAULTS what the default means, and let the agent that uses it say so"
    )
    assert explained == set(PLACES)  # fmt: skip


def test_what_is_stated_is_no_assumption_though_it_is_the_default() -> None:
    assert assumed(STATED) == []


@pytest.mark.parametrize("path", PLACES.values())
def test_a_default_that_is_used_is_said_once(path: str) -> None:
    assert assumed(without(STATED, path)) == [path]


def test_no_budget_is_no_commitment() -> None:
    assert assumed(without(STATED, "budget")) == ["budget.commitment_coverage"]


def test_what_is_not_used_is_not_said() -> None:
    assert assumed({"name": "x", "budget": {"usd_per_month": 1}, "llm_serving": [{"name": "m", "model": "acme/unknown"}]}) == [
        "compliance.data_classes"
    ]  # fmt: skip


def test_the_value_and_the_reason_stand_with_it() -> None:
    (found,) = [
        a
        for a in assess_one("cloud", without(STATED, "hosting.nodes.0.count")).assumptions
        if a.field == "hosting.nodes.0.count"
    ]
    assert (found.id, found.value) == ("cloud.default.hosting.nodes.0.count", 1)
    assert "/schema/brief.json" in found.source


def assess_one(name: str, brief: dict[str, Any]) -> AgentResult:
    data, steps = Submission.of(parse_brief(brief), FILES).to_bytes(), assessor()
    return AgentResult.model_validate_json(
        steps.run(name, data, {INVENTORY: steps.run(INVENTORY, data, {})})
    )  # fmt: skip
