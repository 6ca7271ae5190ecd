"""Rent or host: a model is given up once, and own GPUs cost what is paid for them."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.adoption import AGENT as ADOPTION
from infra_mind.agents.base import Inputs, silent
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Finding
from infra_mind.model.result import AgentResult
from tests.unit.agents.test_cost import cost, number, sized

LIST_PRICE = 10_044.8  # two GPUs of a p5.48xlarge in us-east-1


def renting(rented: list[str], load: float = 1.0, **budget: float) -> AgentResult:
    """One own model on two GPUs beside models to rent: 500 tokens in, 200 out."""
    return cost(
        sized(**{"serving.own.gpus": 2, "serving.own.gpus_per_replica": 2}),
        **described(rented, load, **budget),
    )


def described(rented: list[str], load: float, **budget: float) -> dict[str, Any]:
    own = {"name": "own", "model": "meta-llama/Llama-3.3-70B-Instruct", "gpu": "h100_sxm", "requests_per_s": load, "input_tokens": 500, "output_tokens": 200}  # fmt: skip
    return {
        "hosting": {"provider": "aws", "region": "us-east-1"},
        "llm_serving": [own],
        "llm_api": [{"name": name, "model": name, "input_tokens_per_month": 1e6} for name in rented],
        "budget": budget,
    }


def advice(result: AgentResult) -> list[Finding]:
    return [f for f in result.findings if f.rule_id == "cost.rent-is-cheaper"]


def test_a_model_is_given_up_once_for_the_cheapest_there_is_to_rent() -> None:
    result = renting(["gpt-5", "gpt-5-mini", "claude-haiku-4-5"])
    (found,) = advice(result)
    assert found.impact
    assert found.impact.usd_per_month == pytest.approx(LIST_PRICE - 1_379.70)
    assert "gpt-5-mini" in found.title


def test_every_rented_model_is_compared_all_the_same() -> None:
    result = renting(["gpt-5", "gpt-5-mini"])
    rents = [f.value for f in result.facts if f.id.endswith(".rent_usd_per_month")]
    assert sorted(map(float, rents)) == pytest.approx([1_379.7, 6_898.5])


def test_own_gpus_that_are_committed_cost_what_is_paid() -> None:
    """At 70 % off they cost 3 013 dollars and renting 6 898: the list price of 10 045 is nobody's."""
    result = renting(["gpt-5"], commitment_discount=0.7, commitment_coverage=1.0)
    assert not advice(result)
    paid = 0.3 * LIST_PRICE
    even = number(result, "cost.rent_or_host.own.gpt-5.break_even_requests_per_s")
    assert even == pytest.approx(paid / (6_898.5 / 1.0))


def test_who_gives_up_committed_gpus_is_told_that_they_are_paid_on() -> None:
    (found,) = advice(renting(["gpt-5"], load=0.1, commitment_discount=0.5, commitment_coverage=1.0))
    assert found.impact
    assert found.impact.usd_per_month == pytest.approx(0.5 * LIST_PRICE - 689.85)
    assert found.remediation
    assert "What is committed is paid until its term ends." in found.remediation.text


def test_build_or_rent_is_decided_by_what_is_paid() -> None:
    brief = parse_brief({"name": "x", **described(["gpt-5"], 1.0, commitment_discount=0.7, commitment_coverage=1.0)})  # fmt: skip
    priced = renting(["gpt-5"], commitment_discount=0.7, commitment_coverage=1.0)
    adopted = ADOPTION.assess(Inputs(brief=brief, results={"cost": priced}), silent)
    assert {f.id: f.value for f in adopted.facts}["adoption.build_or_rent.own.choice"] == "build"


@pytest.mark.parametrize(("tokens", "usd_in", "usd_out"), [(200_000, 3.0, 15.0), (300_000, 6.0, 22.5)])
def test_requests_longer_than_a_tier_pay_the_higher_one(tokens: int, usd_in: float, usd_out: float) -> None:
    brief = described(["claude-sonnet-4-5"], 1.0)
    brief["llm_serving"][0]["input_tokens"] = tokens
    result = cost(sized(**{"serving.own.gpus": 2, "serving.own.gpus_per_replica": 2}), **brief)
    rent = number(result, "cost.rent_or_host.own.claude-sonnet-4-5.rent_usd_per_month")
    assert rent == pytest.approx((tokens * usd_in + 200 * usd_out) / 1e6 * 730 * 3600)
