"""Six organisations, each assessed whole as `--local` does it: what an expert of the field would not let pass must not be said."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from infra_mind.client import read_submission
from infra_mind.inprocess import assess_here
from infra_mind.model.finding import Finding, Status
from infra_mind.model.result import AssessmentResult

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: cart, image: postgres, env: [{name: POSTGRES_PASSWORD, value: hunter2hunter2}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {type: LoadBalancer, selector: {app: cart}, ports: [{port: 80}]}
"""
BRIEFS: dict[str, dict[str, Any]] = {
    "a startup on GCP": {
        "organisation": {"size": "startup", "growth": {"users_now": 500, "users_in_12_months": 20000}},
        "budget": {"usd_per_month": 5000}, "priorities": {"cost": 5, "speed": 5},
        "hosting": {"provider": "gcp", "region": "europe-west4", "nodes": [{"instance": "e2-standard-4", "count": 2}, {"instance": "n2-standard-8"}], "storage": [{"kind": "ssd", "tb": 0.5}]},
        "availability": {"target": 0.995, "components": [{"name": "web", "availability": 0.999}]},
        "services": [{"name": "web", "arrivals_per_s": 12, "service_time_s": 0.2, "servers": 4, "wait_within_s": 0.2, "wait_percentile": 0.95}],
        "llm_serving": [{"name": "bot", "model": "mistralai/Mistral-7B-Instruct-v0.3", "gpu": "l4", "requests_per_s": 1, "input_tokens": 800, "output_tokens": 150, "ttft_s": 2}],
    },
    "own machines only": {
        "organisation": {"industry": "manufacturing"}, "budget": {"usd_per_month": 20000},
        "hosting": {"provider": "on_prem", "nodes": [{"instance": "Dell R750xa", "count": 4, "utilisation": 0.6, "zones": 2}], "storage": [{"kind": "hdd", "tb": 100, "replicas": 2}]},
        "availability": {"target": 0.9999, "components": [{"name": "line", "availability": 0.999, "replicas": 2}, {"name": "power", "availability": 0.9999}]},
        "llm_serving": [{"name": "manual", "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "a10g", "requests_per_s": 0.5, "input_tokens": 2000, "output_tokens": 300}],
    },
    "models by the token only": {
        "budget": {"usd_per_month": 3000},
        "llm_api": [{"name": "chat", "model": "gpt-5", "input_tokens_per_month": 8.0e8, "output_tokens_per_month": 1.0e8}],
    },
    "a huge training": {
        "hosting": {"provider": "aws", "region": "us-east-1"}, "budget": {"usd_per_month": 50e6},
        "training": [{"name": "base", "parameters": 4.05e11, "tokens": 1.56e13, "gpu": "h100_sxm", "gpus": 16384, "mfu": 0.4, "deadline_days": 60, "checkpoint_minutes": 3, "mtbf_hours": 3}],
    },
    "a shop with manifests only": {
        "organisation": {"industry": "retail"}, "compliance": {"data_classes": ["payment"]},
        "artefacts": [{"path": "shop.yaml", "content": MANIFEST}],
    },
    "nothing but a name": {},
}  # fmt: skip


@cache
def assessed(who: str) -> AssessmentResult:
    return assess_here(read_submission({"name": "Acceptance", **BRIEFS[who]}))


def findings(who: str) -> dict[str, Finding]:
    return {f.rule_id: f for agent in assessed(who).agents.values() for f in agent.findings}


def fact(who: str, id_: str) -> float:
    found = assessed(who).fact(id_)
    assert found is not None
    return float(found.value)


@pytest.mark.parametrize("who", BRIEFS)
def test_every_agent_ends_and_the_total_is_the_sum_of_its_lines(who: str) -> None:
    result = assessed(who)
    assert result.status == "completed"
    total = result.fact("cost.total_usd_per_month")
    lines = [line.usd_per_month for line in result.agents["cost"].cost_lines if line.origin == "brief"]
    assert total is None if not lines else total is not None and total.value == pytest.approx(sum(lines))


@pytest.mark.parametrize("who", BRIEFS)
def test_nothing_that_the_brief_gives_is_said_to_be_missing(who: str) -> None:
    given = BRIEFS[who]
    for agent in assessed(who).agents.values():
        for unpriced in agent.unpriced:
            assert not ("hosting.provider" in unpriced.reason and "provider" in given.get("hosting", {}))
        for finding in agent.findings:
            if finding.status is Status.NOT_ASSESSED and finding.evidence[0].observed == "absent":
                assert not given.get(finding.evidence[0].path), finding.title


def test_a_move_to_arm_is_not_offered_as_a_newer_generation() -> None:
    older = findings("a startup on GCP").get("cost.older-generation")
    assert older is None or not any(arm in older.title for arm in ("n4a", "c4a", "t2a"))


def test_growth_of_forty_times_is_planned_for() -> None:
    assert fact("a startup on GCP", "capacity.web.offered_load_in_12_months") == pytest.approx(12 * 0.2 * 40)
    assert findings("a startup on GCP")["capacity.growth"].status is Status.FAIL


def test_a_narrow_miss_shows_two_different_numbers() -> None:
    result = assessed("own machines only")
    headline = result.summary.headline.replace("\N{NO-BREAK SPACE}", " ")
    assert headline.startswith("Misses the availability target of 99.99 % with 99.9899 %")
    evidence = findings("own machines only")["reliability.target"].evidence[0]
    assert evidence.observed.split(" available")[0] != evidence.expected.split(":")[0]


def test_own_machines_have_no_list_price_and_no_catalogue() -> None:
    cost = assessed("own machines only").agents["cost"]
    assert {u.reason for u in cost.unpriced} == {"own hardware has no list price"}
    assert findings("own machines only")["cost.total"].evidence[0].path == "prices of 3 things"
    size = findings("own machines only")["cloud.node-capacity"]
    assert size.evidence[0].observed == "Dell R750xa"
    assert size.remediation is not None
    assert "catalogue" not in size.remediation.text


def test_nodes_in_two_zones_are_not_told_to_spread_over_two_zones() -> None:
    loss = findings("own machines only")["cloud.zone-loss"]
    assert loss.remediation is not None
    assert "at least 2 zones" not in loss.remediation.text
    assert "50" in loss.remediation.text  # of two zones one carries all at half use


def test_rented_models_alone_have_a_total() -> None:
    # 800 Mtok in at $1.25, 100 Mtok out at $10 (OpenAI's list price of gpt-5)
    assert fact("models by the token only", "cost.total_usd_per_month") == pytest.approx(
        800 * 1.25 + 100 * 10
    )
    assert "Within the budget" in assessed("models by the token only").summary.headline


def test_what_a_training_costs_once_is_said_though_there_is_no_monthly_total() -> None:
    result = assessed("a huge training")
    assert "cost.training.base.usd" in result.summary.key_facts
    total = findings("a huge training")["cost.total"]
    assert "no monthly total" in total.title
    assert "training is paid once" in total.title
    # 6·N·D / (GPUs · 989.5e12 · MFU), days; NVIDIA's dense bf16 rate of an H100 SXM
    flops = 6 * 4.05e11 * 1.56e13
    assert fact("a huge training", "mlops.training.base.days") == pytest.approx(
        flops / (16384 * 989.5e12 * 0.4) / 86_400, rel=0.01
    )


def test_the_password_of_a_manifest_is_found_and_never_shown() -> None:
    result = assessed("a shop with manifests only")
    assert any(f.rule_id == "IM-K8S-SECRET-002" for f in result.agents["security"].findings)
    assert "hunter2hunter2" not in result.model_dump_json()


def test_a_name_alone_is_neither_clean_nor_broken() -> None:
    result = assessed("nothing but a name")
    assert sum(result.summary.findings.values()) == 0
    assert result.recommendations == ()
    assert result.summary.headline.startswith("Nothing could be judged")
