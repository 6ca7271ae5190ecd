"""Other ways to buy the same GPUs: from the research agent's offers, beside the total."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cost import AGENT
from infra_mind.agents.research import AGENT as RESEARCH
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import Fact
from infra_mind.model.finding import Status
from infra_mind.model.result import AgentResult

GCP: dict[str, Any] = {"provider": "gcp", "region": "us-central1"}
CHAT: dict[str, Any] = {"name": "chat", "model": "meta-llama/Llama-3.1-70B-Instruct", "gpu": "h100_sxm"}
TUNE: dict[str, Any] = {"name": "tune", "parameters": 8e9, "gpu": "h100_sxm", "gpus": 8}
SIZED = AgentResult(
    facts=tuple(
        Fact(id=f"mlops.{name}", value=value, unit="count", formula="given", source="mlops")
        for name, value in {"serving.chat.gpus": 8, "training.tune.gpu_hours": 100.0}.items()
    )
)


def cost(research: bool = True, **brief: Any) -> AgentResult:
    inputs = Inputs(brief=parse_brief({"name": "test", "hosting": GCP, "llm_serving": [CHAT], "training": [TUNE], **brief}))  # fmt: skip
    results = {"mlops": SIZED, **({"research": RESEARCH.assess(inputs, silent)} if research else {})}
    return AGENT.assess(Inputs(brief=inputs.brief, results=results), silent)


def number(result: AgentResult, id: str) -> float:
    value = {f.id: f.value for f in result.facts}[id]
    assert not isinstance(value, str)
    return float(value)


def test_committed_gpus_cost_less_the_longer() -> None:
    result = cost()
    full, one, three = (number(result, f"cost.serving.chat.{w}usd_per_month") for w in ("", "committed_1y_", "committed_3y_"))  # fmt: skip
    assert three < one < full
    (found,) = [f for f in result.findings if f.rule_id == "cost.commit-gpus"]
    assert found.impact is not None
    assert found.impact.usd_per_month == pytest.approx(full - one)


@pytest.mark.parametrize(
    ("hosting", "gpu"),
    [({"provider": "aws", "region": "eu-west-1"}, "a100_sxm_40gb"), ({"provider": "azure", "region": "westeurope"}, "a100_sxm")],
)  # fmt: skip
def test_a_year_of_gpus_is_priced_at_each_provider_that_publishes_it(
    hosting: dict[str, str], gpu: str
) -> None:
    result = cost(hosting=hosting, llm_serving=[{**CHAT, "gpu": gpu}], training=[])
    full, year = (number(result, f"cost.serving.chat.{w}usd_per_month") for w in ("", "committed_1y_"))
    assert 0.5 * full < year < 0.9 * full


def test_training_at_spot() -> None:
    result = cost()
    fact = next(f for f in result.facts if f.id == "cost.training.tune.usd_at_spot")
    assert fact.value == pytest.approx(
        100 * float(fact.inputs["research.gpu.h100_sxm.spot_usd_per_gpu_hour"])
    )
    assert float(fact.value) < number(result, "cost.training.tune.usd")


def test_the_total_is_the_same_with_and_without_research() -> None:
    assert number(cost(), "cost.total_usd_per_month") == number(cost(research=False), "cost.total_usd_per_month")  # fmt: skip
    assert cost().cost_lines == cost(research=False).cost_lines


def test_who_commits_already_is_not_told_to() -> None:
    budget = {"commitment_coverage": 0.5, "commitment_discount": 0.2}
    assert [f for f in cost(budget=budget).findings if f.rule_id == "cost.commit-gpus"] == []


@pytest.mark.parametrize(("months", "status"), [(6, Status.PASS), (12, Status.FAIL)])
def test_a_year_of_gpus_is_not_advised_where_the_plan_is_shorter(months: int, status: Status) -> None:
    result = cost(organisation={"timeline_months": months})
    (found,) = [f for f in result.findings if f.rule_id == "cost.commit-gpus"]
    assert found.status is status
    assert ("the brief plans for 6 months" in found.title) is (status is Status.PASS)
    assert number(result, "cost.serving.chat.committed_1y_usd_per_month") > 0


def test_gpus_of_the_nodes_are_not_saved_twice() -> None:
    nodes = {**GCP, "nodes": [{"instance": "a3-highgpu-8g", "count": 1}]}
    assert [f for f in cost(hosting=nodes).findings if f.rule_id == "cost.commit-gpus"] == []
