"""What a change costs, what is too little to be asked for, and what has to wait."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cost import AGENT as COST
from infra_mind.agents.reliability import AGENT as RELIABILITY
from infra_mind.agents.research import AGENT as RESEARCH
from infra_mind.agents.strategy import AGENT
from infra_mind.agents.sustainability import AGENT as SUSTAINABILITY
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import Fact
from infra_mind.model.finding import (
    Effort,
    Finding,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
)
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


def test_a_commitment_waits_for_the_machines_that_it_binds_to() -> None:
    hosting = {
        "provider": "gcp",
        "region": "europe-west4",
        "nodes": [{"instance": "n2-standard-16", "count": 5, "utilisation": 0.15, "zones": 3}],
    }
    brief = parse_brief({"name": "t", "hosting": hosting})
    results = {a.name: a.assess(Inputs(brief=brief), silent) for a in (COST, RESEARCH, SUSTAINABILITY)}
    result = AGENT.assess(Inputs(brief=brief, results=results), silent)
    (commitment,) = (r for r in result.recommendations if r.id == "research.commitment")
    assert set(commitment.after) == {"cost.older-generation", "sustainability.idle"}
    days = {r.id: r.done_by_day or 0 for r in result.recommendations}
    assert days["research.commitment"] > max(days[needed] for needed in commitment.after)
    assert "a commitment binds to what runs when it is made" in commitment.text


def saving(usd: float, kg: float | None = None, paid: float | None = None) -> AgentResult:
    finding = make_finding(
        rule_id="cost.trifle", agent="cost", title="a cheaper disk", status=Status.FAIL, severity=Severity.LOW,
        impact=Impact(usd_per_month=usd, kgco2e_per_month=kg),
    )  # fmt: skip
    total = [] if paid is None else [Fact(id="cost.total_usd_per_month", value=paid, unit="USD/month", formula="given", source="cost")]  # fmt: skip
    cost = AgentResult(findings=(finding,), facts=tuple(total))
    return AGENT.assess(Inputs(brief=parse_brief({"name": "t"}), results={"cost": cost}), silent)


@pytest.mark.parametrize(("usd", "paid", "asked"), [(5.4, 10_064.3, False), (10.1, 10_064.3, True), (5.4, 500.0, True)])  # fmt: skip
def test_a_thousandth_of_what_is_paid_is_no_recommendation(usd: float, paid: float, asked: bool) -> None:
    """By being soon done it would stand above what saves the most of the bill and takes weeks."""
    assert bool(saving(usd, paid=paid).recommendations) is asked


@pytest.mark.parametrize(
    ("usd", "kg", "asked"),
    [(0.02, None, False), (0.0, None, False), (1.0, None, True), (0.02, 5.0, True), (-0.5, None, True)],
)
def test_what_saves_less_than_a_dollar_and_nothing_else_is_no_recommendation(
    usd: float, kg: float | None, asked: bool
) -> None:
    assert bool(saving(usd, kg).recommendations) is asked


def test_a_critical_finding_of_some_hours_comes_before_a_high_one_of_minutes() -> None:
    def fault(rule: str, severity: Severity, effort: Effort) -> Finding:
        return make_finding(
            rule_id=rule, agent="security", title=rule, status=Status.FAIL, severity=severity, remediation=Remediation(text="Mend it.", effort=effort)
        )  # fmt: skip

    found = (
        fault("IM-A-001", Severity.HIGH, Effort.MINUTES),
        fault("IM-B-001", Severity.CRITICAL, Effort.HOURS),
    )
    result = AGENT.assess(
        Inputs(brief=parse_brief({"name": "t"}), results={"security": AgentResult(findings=found)}), silent
    )
    assert [r.severity for r in result.recommendations] == [Severity.CRITICAL, Severity.HIGH]
