"""All agents together on briefs of every kind: what they give is whole, finite, told apart, and can be shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra_mind.assessment import INVENTORY, SYNTHESIS, assessor
from infra_mind.model.brief import parse_brief
from infra_mind.model.result import AssessmentResult
from infra_mind.model.submission import Submission
from infra_mind.reports.html import render

AWS = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "m4.xlarge", "count": 3, "utilisation": 0.5}]}  # fmt: skip
CHAT = {"model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "l4", "requests_per_s": 2, "input_tokens": 500, "output_tokens": 100}  # fmt: skip
BRIEFS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "empty lists": {"services": [], "hosting": {"nodes": [], "storage": []}, "availability": {"components": []}},
    "own hardware": {
        "hosting": {"provider": "on_prem", "region": "dc1", "nodes": [{"instance": "R750", "count": 4, "utilisation": 0.3, "zones": 2}]},
        "llm_serving": [{"name": "chat", **CHAT}], "budget": {"usd_per_month": 1000},
    },
    "azure": {
        "hosting": {"provider": "azure", "region": "West Europe", "nodes": [{"instance": "D4s v5", "count": 2}], "storage": [{"kind": "hdd", "tb": 2.5}]},
        "llm_serving": [{"name": "chat", **CHAT, "gpu": "h100_sxm"}],
    },
    "gcp, losing on commitments": {
        "hosting": {"provider": "gcp", "region": "europe-west4", "nodes": [{"instance": "n2-standard-4", "count": 2, "utilisation": 0.95, "zones": 2}]},
        "budget": {"usd_per_month": 30, "commitment_discount": 0.3, "commitment_coverage": 0.5, "commitment_utilisation": 0.5},
    },
    "unknown names": {
        "hosting": {"provider": "aws", "region": "mars-1", "nodes": [{"instance": "m5.xlarg"}]},
        "llm_serving": [{"name": "a", "model": "acme/x"}, {"name": "b", **CHAT, "gpu": "tpu_v99"}],
        "llm_api": [{"name": "c", "model": "none", "input_tokens_per_month": 1}],
    },
    "training alone": {
        "training": [
            {"name": "pre", "parameters": 70e9, "tokens": 15e12, "gpu": "h100_sxm", "gpus": 2048, "deadline_days": 30},
            {"name": "no fit", "parameters": 70e9, "gpu": "a100_sxm", "gpus": 1}, {"name": "bare", "parameters": 1.0},
        ],
    },
    "overload": {
        "services": [
            {"name": "one", "arrivals_per_s": 10, "service_time_s": 0.1, "servers": 1, "wait_within_s": 0.1, "wait_percentile": 0.9},
            {"name": "far", "arrivals_per_s": 1e7, "service_time_s": 10, "servers": 1},
        ],
    },
    "wants all": {
        "budget": {"usd_per_month": 1}, "hosting": AWS, "priorities": {"cost": 0},
        "availability": {"target": 0.9999999, "rto_minutes": 0, "rpo_minutes": 0, "components": [
            {"name": "db", "availability": 0.9, "replicas": 3, "needed": 3}, {"name": "db", "availability": 0.99}]},
        "llm_serving": [{"name": "m", **CHAT, "tpot_s": 1e-6}, {"name": "big", **CHAT, "model": "meta-llama/Llama-3.1-405B-Instruct"}],
        "llm_api": [{"name": "api", "model": "gpt-5-nano", "input_tokens_per_month": 1e9, "output_tokens_per_month": 1e8}],
    },
    "upper limits": {
        "services": [{"name": "s", "arrivals_per_s": 1e7, "service_time_s": 0.009, "servers": 100_000, "wait_within_s": 1e9, "wait_percentile": 0.999999}],
        "llm_serving": [{"name": "m", **CHAT, "requests_per_s": 1e6, "input_tokens": 1e7, "output_tokens": 1e7, "gpu": "b200_sxm"}],
        "training": [{"name": "t", "parameters": 1e15, "tokens": 1e18, "gpu": "a100_sxm", "gpus": 1_000_000, "mfu": 1, "deadline_days": 1e-9, "checkpoint_minutes": 1e9, "mtbf_hours": 1e-6}],
        "availability": {"target": 0.9999999999999999, "components": [{"name": "x", "availability": 0.9999999999, "replicas": 1000, "needed": 999}]},
        "llm_api": [{"name": "x", "model": "gpt-5", "input_tokens_per_month": 1e300}], "budget": {"usd_per_month": 1e300}, "hosting": AWS,
        "organisation": {"growth": {"users_now": 1, "users_in_12_months": 10_000_000_000}},
    },
    "lower limits": {
        "services": [{"name": "s", "arrivals_per_s": 1e-300, "service_time_s": 1e-300, "servers": 1, "wait_within_s": 0, "wait_percentile": 1e-9}],
        "llm_serving": [{"name": "m", **CHAT, "requests_per_s": 1e-9, "input_tokens": 1e-9, "output_tokens": 1e-9, "ttft_s": 1e-300}],
        "training": [{"name": "t", "parameters": 1e-300, "tokens": 1e-300, "gpu": "a100_sxm", "gpus": 1, "mfu": 1e-12, "checkpoint_minutes": 1e-300, "mtbf_hours": 1e-300}],
        "availability": {"target": 1e-9, "components": [{"name": "x", "availability": 0.0}]},
        "budget": {"usd_per_month": 0, "commitment_coverage": 1, "commitment_utilisation": 0}, "hosting": AWS,
    },
    "names alike": {
        "goal": "Ärzte fragen 日本語", "hosting": AWS,
        "services": [{"name": n, "arrivals_per_s": 1, "service_time_s": 0.1, "servers": 2} for n in ("my api", "my_api", "my.api")],
        "llm_serving": [{"name": "my api", **CHAT}, {"name": "my_api", **CHAT, "requests_per_s": 50}], "training": [{"name": "my api", "parameters": 7e9}],
        "llm_api": [{"name": n, "model": "gpt-5", "input_tokens_per_month": 1e6} for n in ("my api", "my_api")],
        "availability": {"target": 0.99, "components": [{"name": "my api", "availability": 0.999}, {"name": "my_api", "availability": 0.998}]},
    },
}  # fmt: skip
_SILLY = re.compile(r"\b(nan|inf|None)\b|\b1 (things|GPUs|servers|nodes|zones|checks)\b|\d\.\d{9}")


@pytest.fixture(params=sorted(BRIEFS))
def result(request: pytest.FixtureRequest) -> AssessmentResult:
    brief = parse_brief({"name": request.param, **BRIEFS[request.param]})
    data, steps = Submission.of(brief).to_bytes(), assessor()
    done = {INVENTORY: steps.run(INVENTORY, data, {})}
    for name in steps.table:
        done[name] = steps.run(name, data, done)
    return AssessmentResult.model_validate(json.loads(steps.run(SYNTHESIS, data, done)))


def test_every_value_is_finite(result: AssessmentResult) -> None:
    values = [
        value
        for agent in result.agents.values()
        for fact in agent.facts
        for value in (fact.value, *fact.inputs.values())
    ]
    assert all(math.isfinite(value) for value in values if isinstance(value, float))
    assert not re.search(r"\bNaN\b|Infinity", result.model_dump_json())


def test_ids_are_told_apart_and_lead_somewhere(result: AssessmentResult) -> None:
    facts = [fact.id for agent in result.agents.values() for fact in agent.facts]
    findings = [finding for agent in result.agents.values() for finding in agent.findings]
    assert len(set(facts)) == len(facts)
    assert len({finding.id for finding in findings}) == len(findings)
    assert {id_ for finding in findings for id_ in finding.facts} <= set(facts)
    assert {id_ for r in result.recommendations for id_ in r.findings} <= {finding.id for finding in findings}


def test_sentences_read_like_sentences(result: AssessmentResult) -> None:
    assert [text for text in sentences(result) if _SILLY.search(text)] == []
    assert result.summary.name not in result.summary.headline


def test_the_report_can_be_shown(result: AssessmentResult) -> None:
    assert result.summary.headline[:20] in render(result)


def sentences(result: AssessmentResult) -> Iterator[str]:
    yield result.summary.headline
    yield from result.summary.sentences
    for agent in result.agents.values():
        for finding in agent.findings:
            yield finding.title
            yield from (e.observed for e in finding.evidence)
            yield finding.remediation.text if finding.remediation else ""
    yield from (r.text for r in result.recommendations)
