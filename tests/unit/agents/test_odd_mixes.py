"""Odd mixes of a brief through all agents: no advice brings more than there is, and nothing that is given is called absent."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra_mind.assessment import INVENTORY, SYNTHESIS, assessor
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Severity, Status
from infra_mind.model.numbers import money
from infra_mind.model.result import AssessmentResult
from infra_mind.model.submission import Submission

OTHERS = frozenset({"security", "compliance"})  # they have tests of their own
LLAMA = {"model": "meta-llama/Llama-3.3-70B-Instruct", "gpu": "h100_sxm", "requests_per_s": 1, "input_tokens": 500, "output_tokens": 200}  # fmt: skip
EAST = {"provider": "aws", "region": "us-east-1"}
BRIEFS: dict[str, dict[str, Any]] = {
    "one own model and three to rent": {
        "hosting": EAST, "llm_serving": [{"name": "own", **LLAMA}],
        "llm_api": [{"name": m, "model": m, "input_tokens_per_month": 1e6, "output_tokens_per_month": 1e6} for m in ("gpt-5-mini", "gpt-5", "claude-haiku-4-5")],
    },
    "GPU nodes that serve at little CPU": {
        "hosting": {**EAST, "nodes": [{"instance": "p5.48xlarge", "count": 4, "utilisation": 0.1, "zones": 2}]},
        "llm_serving": [{"name": "own", **LLAMA, "requests_per_s": 50, "ttft_s": 1, "tpot_s": 0.04}],
        "training": [{"name": "tune", "parameters": 8e9, "tokens": 1e9, "gpu": "h100_sxm", "gpus": 8, "deadline_days": 10}],
    },
    "idle nodes that are committed": {
        "budget": {"usd_per_month": 1e5, "commitment_discount": 0.9, "commitment_coverage": 1.0},
        "hosting": {**EAST, "nodes": [{"instance": "m5.xlarge", "count": 100, "utilisation": 0.05, "zones": 2}]},
    },
    "one user": {
        "hosting": {**EAST, "nodes": [{"instance": "t3.micro", "count": 1, "utilisation": 0.01}]}, "budget": {"usd_per_month": 1},
        "availability": {"target": 0.5, "rto_minutes": 1, "rpo_minutes": 1, "components": [{"name": "all", "availability": 0.9}]},
        "organisation": {"timeline_months": 1, "growth": {"users_now": 0, "users_in_12_months": 1_000_000}, "team": {"engineers": 1, "devops": 0, "data": 0, "cloud_skill": 1, "ml_skill": 1}},
        "services": [{"name": "tiny", "arrivals_per_s": 1e-5, "service_time_s": 0.01, "servers": 1}],
        "llm_serving": [{"name": "chat", **LLAMA, "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "t4", "requests_per_s": 1e-4}],
        "llm_api": [{"name": "api", "model": "gpt-5", "input_tokens_per_month": 1, "output_tokens_per_month": 0}],
    },
    "names that no table has": {
        "hosting": {"provider": "aws", "region": "mars-1"}, "compliance": {"data_residency": ["atlantis"]},
        "llm_serving": [{"name": "a", "model": "acme/secret-13b", "gpu": "h100"}, {"name": "b", **LLAMA, "gpu": "tpu_v99"}],
        "training": [{"name": "t", "parameters": 7e9, "gpu": "h100"}],
        "llm_api": [{"name": "c", "model": "acme-7", "input_tokens_per_month": 1e6, "output_tokens_per_month": 1e6}],
        "budget": {"commitment_coverage": 0.5, "commitment_utilisation": 0.0},
    },
    "own hardware and a rented model": {
        "hosting": {"provider": "on_prem", "region": "France", "nodes": [{"instance": "R750", "count": 10, "utilisation": 1.0}]},
        "llm_serving": [{"name": "own", **LLAMA, "gpu": "mi300x"}],
        "llm_api": [{"name": "gpt", "model": "gpt-4o", "input_tokens_per_month": 1e8, "output_tokens_per_month": 1e7}, {"name": "half", "model": "gpt-4o", "input_tokens_per_month": 1e6}],
    },
    "a region and nothing in it": {"hosting": EAST},
}  # fmt: skip


@pytest.fixture(params=sorted(BRIEFS), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def result(name: str) -> AssessmentResult:
    return whole(BRIEFS[name])


def whole(brief: dict[str, Any]) -> AssessmentResult:
    data, steps = Submission.of(parse_brief({"name": "odd", **brief})).to_bytes(), assessor()
    done = {INVENTORY: steps.run(INVENTORY, data, {})}
    for agent in steps.table:
        done[agent] = steps.run(agent, data, done)
    return AssessmentResult.model_validate(json.loads(steps.run(SYNTHESIS, data, done)))


@pytest.mark.parametrize(
    ("field", "total"),
    [
        ("usd_per_month", "cost.total_usd_per_month"),
        ("kgco2e_per_month", "sustainability.kgco2e_per_month"),
        ("downtime_minutes_per_year", "reliability.downtime_minutes_per_year"),
    ],
)
def test_no_advice_saves_more_than_there_is(result: AssessmentResult, field: str, total: str) -> None:
    there = values(result).get(total, math.inf)
    too_much = [r.id for r in result.recommendations if (getattr(r.impact, field) or 0) > there * (1 + 1e-9)]
    assert too_much == []


def test_what_is_given_is_not_called_absent(name: str, result: AssessmentResult) -> None:
    brief = BRIEFS[name]
    said = [
        (finding.rule_id, seen.path)
        for agent, given in result.agents.items()
        for finding in given.findings
        for seen in finding.evidence
        if agent not in OTHERS
        and finding.status is Status.NOT_ASSESSED
        and seen.observed == "absent"
        and holds(brief, seen.path)
    ]
    assert said == []


def test_the_making_of_the_parts_adds_up_and_none_is_zero(result: AssessmentResult) -> None:
    made = {i: v for i, v in values(result).items() if i.endswith(".embodied_kgco2e_per_month")}
    assert all(made.values())
    parts = [v for i, v in made.items() if i.count(".") > 1]
    total = values(result).get("sustainability.embodied_kgco2e_per_month", 0.0)
    assert math.fsum(parts) == pytest.approx(total)


def test_one_is_singular(result: AssessmentResult) -> None:
    wrong = re.compile(
        r"(?<![\d.,\u00a0])1[ \u00a0]((minutes|replicas|nodes|GPUs|days|weeks|ids)\b|replica of [^;]* serve the)"
    )
    assert [text for text in sentences(result) if wrong.search(text)] == []


def values(result: AssessmentResult) -> dict[str, float]:
    facts = (fact for agent in result.agents.values() for fact in agent.facts)
    return {f.id: float(f.value) for f in facts if not isinstance(f.value, str | bool)}


def holds(brief: Any, path: str) -> bool:
    """Whether the brief has a value at the dotted path."""
    for part in path.split("."):
        if isinstance(brief, list):
            brief = brief[int(part)] if part.isdigit() and int(part) < len(brief) else None
        else:
            brief = brief.get(part) if isinstance(brief, dict) else None
    return brief not in (None, [], {})


def sentences(result: AssessmentResult) -> Iterator[str]:
    yield from (result.summary.headline, *result.summary.sentences)
    for agent in result.agents.values():
        yield from (assumption.text for assumption in agent.assumptions)
        for finding in agent.findings:
            yield finding.title
            yield from (e.observed for e in finding.evidence)
            yield finding.remediation.text if finding.remediation else ""
    yield from (r.text for r in result.recommendations)


@pytest.mark.parametrize(
    ("given", "absent"),
    [
        ({"llm_serving": [{"name": "own", **LLAMA}]}, "training"),
        ({"training": [{"name": "tune", "parameters": 7e9}]}, "llm_serving"),
        ({"services": [{"name": "api", "arrivals_per_s": 1, "service_time_s": 1}]}, "organisation.growth"),
    ],
)
def test_a_section_that_is_absent_is_named(given: dict[str, Any], absent: str) -> None:
    assert absent in whole({"hosting": EAST, **given}).coverage.not_assessed


def test_that_no_storage_is_described_is_an_assumption_of_the_totals() -> None:
    said = {f"{agent}.no_storage" for agent in ("cost", "sustainability")}
    nodes = {**EAST, "nodes": [{"instance": "m5.xlarge", "count": 2, "utilisation": 0.5}]}
    told = {a.id for r in whole({"hosting": nodes}).agents.values() for a in r.assumptions}
    assert said <= told
    kept = {**nodes, "storage": [{"kind": "ssd", "tb": 1}]}
    assert not said & {a.id for r in whole({"hosting": kept}).agents.values() for a in r.assumptions}


def test_without_an_answer_no_number_of_gaps_is_given() -> None:
    assert "adoption.gaps" not in values(whole({}))
    assert values(whole({"organisation": {"team": {"ml_skill": 1}}}))["adoption.gaps"] == 1


def test_that_a_model_of_ones_own_is_taken_as_dense_is_said() -> None:
    shape = {"parameters": 13e9, "layers": 40, "hidden": 5120, "heads": 40, "kv_heads": 40, "head_dim": 128}
    own = {**LLAMA, "name": "own", "model": "acme/13b", **shape}
    said = {a.id: a for a in whole({"llm_serving": [own]}).agents["mlops"].assumptions}
    assert said["mlops.serving.own.dense"].field == "llm_serving.0.model"


def test_a_rented_model_that_is_asked_nothing_leaves_nothing_out() -> None:
    unknown = {"name": "idle", "model": "acme-7", "input_tokens_per_month": 0, "output_tokens_per_month": 0}
    used = {"name": "used", "model": "gpt-5", "input_tokens_per_month": 1e6, "output_tokens_per_month": 1e6}
    facts = {f.id: f for f in whole({"llm_api": [unknown, used]}).agents["sustainability"].facts}
    assert facts["sustainability.kgco2e_per_month"].inputs["left_out"] == 0


def test_a_name_that_begins_with_another_and_a_dot_is_another_model() -> None:
    """`own` is cheaper to host than to rent at its load, `own.v2` is not at its own."""
    loads = {"own": 10, "own.v2": 0.01}
    brief = {
        "hosting": EAST, "llm_serving": [{**LLAMA, "name": name, "requests_per_s": load} for name, load in loads.items()],
        "llm_api": [{"name": "gpt-5", "model": "gpt-5", "input_tokens_per_month": 1e6, "output_tokens_per_month": 1e6}],
    }  # fmt: skip
    facts = {f.id: f.value for f in whole(brief).agents["adoption"].facts}
    assert facts["adoption.build_or_rent.own.choice"] == "build"
    assert facts["adoption.build_or_rent.own.v2.choice"] == "rent"


def test_what_training_costs_once_is_not_counted_again_at_spot() -> None:
    job = {"name": "tune", "parameters": 8e9, "tokens": 1e10, "gpu": "h100_sxm", "gpus": 8, "mfu": 0.4}
    result = whole({"hosting": EAST, "training": [job]})
    assert "cost.training.tune.usd_at_spot" in values(result)
    (said,) = [f.title for f in result.agents["cost"].findings if f.rule_id == "cost.total"]
    assert said.endswith(f"training is paid once: {money(values(result)['cost.training.tune.usd'])}")


def test_advice_that_saves_less_than_a_dollar_is_no_weakness_whoever_gives_it() -> None:
    rented = [{"name": "api", "model": "claude-sonnet-4-5", "input_tokens_per_month": 1, "output_tokens_per_month": 1}]  # fmt: skip
    node = {"instance": "e2-micro", "count": 1, "utilisation": 0.5}
    tiny = whole({"hosting": {"provider": "gcp", "region": "us-central1", "nodes": [node]}, "llm_api": rented})  # fmt: skip
    saving = [f for f in tiny.agents["research"].findings if f.impact and 0 < (f.impact.usd_per_month or 0) < 1]  # fmt: skip
    assert {f.rule_id for f in saving} >= {"research.newer-model"}
    assert {f.severity for f in saving} == {Severity.INFO}


def test_a_commitment_without_a_discount_is_not_said_to_save_at_some_utilisation() -> None:
    nodes = {**EAST, "nodes": [{"instance": "m5.xlarge", "count": 2, "utilisation": 0.5}]}
    result = whole({"hosting": nodes, "budget": {"commitment_coverage": 0.5, "commitment_utilisation": 0.5}})
    (found,) = [f for f in result.agents["cost"].findings if f.rule_id == "cost.unused-commitment"]
    assert found.evidence[0].expected == "a discount above 0: without one no utilisation saves anything"
