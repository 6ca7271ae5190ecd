"""What a second node costs is set against what it brings."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cost import AGENT as COST
from infra_mind.agents.reliability import AGENT as RELIABILITY
from infra_mind.agents.strategy import AGENT
from infra_mind.model.brief import parse_brief
from infra_mind.model.result import AgentResult


def strategy(*nodes: dict[str, Any], region: str = "us-east-1") -> AgentResult:
    hosting = {"provider": "aws", "region": region, "nodes": list(nodes)}
    brief = parse_brief({"name": "t", "hosting": hosting, "priorities": {"cost": 5}})
    results = {a.name: a.assess(Inputs(brief=brief), silent) for a in (COST, RELIABILITY)}
    return AGENT.assess(Inputs(brief=brief, results=results), silent)


def test_a_second_node_costs_what_the_first_does() -> None:
    result = strategy({"instance": "m5.xlarge", "count": 1})
    (asked,) = (r for r in result.recommendations if r.id == "reliability.one-node")
    assert asked.impact.usd_per_month == pytest.approx(-140.16)
    assert "it costs $" in asked.text
    facts = {f.id: f.value for f in result.facts}
    assert facts["strategy.impact.reliability.one-node.usd_per_month"] == pytest.approx(-140.16)
    assert "cost.hosting.m5.xlarge.usd_per_month" in asked.facts
    row = next(r for r in result.details["trade_offs"] if r["change"] == "reliability.one-node")
    assert row["usd_per_month"] == pytest.approx(-140.16)


def test_groups_of_the_same_instance_are_each_charged_one_node() -> None:
    result = strategy({"instance": "m5.xlarge", "count": 1}, {"instance": "M5.xlarge", "count": 1})
    (asked,) = (r for r in result.recommendations if r.id == "reliability.one-node")
    assert asked.impact.usd_per_month == pytest.approx(-280.32)


@pytest.mark.parametrize(
    "nodes", [[{"instance": "m5.xlarge", "count": 2}], [{"instance": "nonesuch.large", "count": 1}]]
)
def test_without_a_price_or_a_single_node_nothing_is_charged(nodes: list[dict[str, Any]]) -> None:
    impacts = {r.id: r.impact.usd_per_month for r in strategy(*nodes).recommendations}
    assert impacts.get("reliability.one-node") is None
    assert all((usd or 0) >= 0 for usd in impacts.values())
