"""The strategy agent: failed findings become ranked options, by the brief's priorities, and nothing is made up."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.strategy import AGENT
from infra_mind.agents.strategy.options import DIMENSIONS, SUMS
from infra_mind.agents.strategy.ranking import dominates
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import Fact
from infra_mind.model.finding import Effort, Finding, Impact, Remediation, Severity, Status, make_finding
from infra_mind.model.result import AgentResult, Recommendation


def finding(
    agent: str, rule: str, severity: Severity = Severity.MEDIUM, effort: Effort = Effort.HOURS, *,
    resource: str = "r", status: Status = Status.FAIL, facts: tuple[str, ...] = (), **impact: float,
) -> Finding:  # fmt: skip
    return make_finding(
        rule_id=rule, agent=agent, title=f"{rule} is wrong", status=status, severity=severity, resource=resource,
        facts=facts, remediation=Remediation(text=f"Mend {rule}.", effort=effort), impact=Impact(**impact),
    )  # fmt: skip


def assess(*findings: Finding, facts: tuple[Fact, ...] = (), **brief: Any) -> AgentResult:
    results = {
        agent: AgentResult(findings=tuple(f for f in findings if f.agent == agent), facts=facts)
        for agent in {f.agent for f in findings}
    }
    return AGENT.assess(Inputs(brief=parse_brief({"name": "t", **brief}), results=results), silent)


def ids(result: AgentResult) -> list[str]:
    return [r.id for r in result.recommendations]


def by_id(result: AgentResult) -> dict[str, Recommendation]:
    return {r.id: r for r in result.recommendations}


def test_one_rule_over_many_resources_is_one_option() -> None:
    result = assess(*(finding("security", "s.open", resource=f"bucket{i}") for i in range(5)))
    (only,) = result.recommendations
    assert only.title == "s.open is wrong (5 places)"
    assert len(only.findings) == 5
    assert "bucket0, bucket1, bucket2 and 2 more" in only.text


@pytest.mark.parametrize(
    "status", [Status.PASS, Status.NOT_ASSESSED, Status.UNRESOLVABLE, Status.MANUAL]
)  # fmt: skip
def test_only_what_failed_becomes_an_option(status: Status) -> None:
    assert assess(finding("security", "s.x", status=status)).recommendations == ()


@pytest.mark.parametrize("rule", sorted(SUMS))
def test_what_only_counts_up_others_is_no_work_of_its_own(rule: str) -> None:
    found = assess(finding(rule.partition(".")[0], rule), finding("security", "s.a"))
    assert ids(found) == ["s.a"]


def test_the_priorities_decide_the_order() -> None:
    found = (
        finding("security", "s.hole", Severity.HIGH),
        finding("cost", "c.waste", Severity.HIGH, usd_per_month=900.0),
    )
    assert ids(assess(*found, priorities={"security": 5, "cost": 1})) == ["s.hole", "c.waste"]
    assert ids(assess(*found, priorities={"security": 1, "cost": 5})) == ["c.waste", "s.hole"]


def test_impacts_are_summed_and_an_unknown_one_is_none() -> None:
    result = assess(
        finding("cost", "c.a", resource="x", usd_per_month=10.0),
        finding("cost", "c.a", resource="y", usd_per_month=5.0),
        finding("cost", "c.a", resource="z"),
    )
    impact = by_id(result)["c.a"].impact
    assert impact.usd_per_month == 15.0
    assert impact.kgco2e_per_month is None
    assert "$\N{NO-BREAK SPACE}15.00\N{NO-BREAK SPACE}a month" in by_id(result)["c.a"].text


def test_a_dominated_option_stands_below_and_off_the_front() -> None:
    found = by_id(assess(
        finding("cost", "c.best", Severity.HIGH, Effort.MINUTES, usd_per_month=100.0, kgco2e_per_month=9.0),
        finding("cost", "c.worse", Severity.LOW, Effort.DAYS, usd_per_month=50.0, kgco2e_per_month=1.0),
    ))  # fmt: skip
    assert (found["c.best"].rank, found["c.worse"].rank) == (1, 2)
    assert (found["c.best"].pareto, found["c.worse"].pareto) == (True, False)


def test_alike_options_are_named_as_a_tie() -> None:
    found = by_id(assess(finding("security", "s.a"), finding("security", "s.b")))
    assert (found["s.a"].tie_with, found["s.b"].tie_with) == (("s.b",), ("s.a",))


def test_without_priorities_all_weigh_the_same_and_it_is_said() -> None:
    result = assess(finding("security", "s.a"))
    assert result.assumptions[0].id == "strategy.equal_weights"
    assert {f.value for f in result.facts if f.id.startswith("strategy.weight.")} == {1.0}


def test_a_missing_priority_weighs_the_mean_of_the_others() -> None:
    result = assess(finding("security", "s.a"), priorities={"cost": 1, "security": 4})
    weights = {f.id.rpartition(".")[2]: f for f in result.facts if f.id.startswith("strategy.weight.")}
    assert {d: f.value for d, f in weights.items()} == {"cost": 1, "reliability": 2.5, "security": 4, "sustainability": 2.5, "speed": 2.5}  # fmt: skip
    assert weights["cost"].source == "brief: priorities.cost"
    assert "strategy.weight_of_speed" in {a.id for a in result.assumptions}


def test_priorities_of_nothing_but_zeros_are_equal_weights() -> None:
    zeros = dict.fromkeys(("cost", "reliability", "security", "sustainability", "speed"), 0)
    result = assess(finding("security", "s.a"), priorities=zeros)
    assert "All priorities" in result.assumptions[0].text


def test_the_text_shows_the_facts_that_it_rests_on() -> None:
    fact = Fact(id="cost.x", value=12.5, unit="USD/month", formula="a", source="s")
    result = assess(finding("cost", "c.a", facts=("cost.x", "cost.gone")), facts=(fact,))
    (only,) = result.recommendations
    assert only.text == "Mend c.a. `cost.x` is $\N{NO-BREAK SPACE}12.50\N{NO-BREAK SPACE}a month."
    assert only.facts == ("cost.gone", "cost.x")


IMPACT = st.one_of(st.none(), st.floats(-1e4, 1e4, allow_nan=False).map(lambda x: round(x, 1)))
MADE = st.lists(
    st.tuples(st.sampled_from(["security", "cost", "reliability", "sustainability", "compliance"]), st.sampled_from(list(Severity)),
              st.sampled_from(list(Effort)), IMPACT, IMPACT, IMPACT),
    max_size=7,
)  # fmt: skip


@given(MADE, st.fixed_dictionaries({d: st.integers(0, 5) for d in DIMENSIONS}))
@settings(max_examples=25)
def test_whatever_the_findings_what_is_dominated_never_stands_above(
    made: list[tuple[Any, ...]], weights: dict[str, int]
) -> None:
    fields = ("usd_per_month", "kgco2e_per_month", "downtime_minutes_per_year")
    found = [
        finding(agent, f"{agent}.{n}", severity, effort, **{f: v for f, v in zip(fields, impact, strict=True) if v is not None})
        for n, (agent, severity, effort, *impact) in enumerate(made)
    ]  # fmt: skip
    result = assess(*found, priorities=weights)
    scores = {id_: tuple(row.values()) for id_, row in result.details["scores"].items()}
    place = {r.id: r.rank for r in result.recommendations}
    for one in scores:
        for other in scores:
            if dominates(scores[one], scores[other]):
                assert place[one] < place[other]
                assert not by_id(result)[other].pareto


def test_what_a_change_costs_is_set_against_it_and_said() -> None:
    free = finding("sustainability", "u.free", kgco2e_per_month=100.0)
    dear = finding("sustainability", "u.dear", kgco2e_per_month=100.0, usd_per_month=-500.0)
    total = Fact(
        id="cost.total_usd_per_month",
        value=1000.0,
        unit="USD/month",
        formula="\N{GREEK CAPITAL LETTER SIGMA}",
        source="s",
    )
    result = assess(free, dear, facts=(total,))
    assert ids(result) == ["u.free", "u.dear"]
    assert result.details["scores"]["u.dear"]["cost"] == -0.5
    text = by_id(result)["u.dear"].text.replace("\N{NO-BREAK SPACE}", " ")
    assert "and costs $ 500.00 a month (`strategy.impact.u.dear.usd_per_month`)" in text
    fact = next(f for f in result.facts if f.id == "strategy.impact.u.dear.usd_per_month")
    assert (fact.value, fact.inputs) == (-500.0, {dear.id: -500.0})
    trades = {row["change"]: row["trades"] for row in result.details["trade_offs"]}
    assert trades == {"u.free": False, "u.dear": True}


def test_the_controls_that_fail_stand_beside_the_change_and_tell_it_from_another() -> None:
    plain, bound = finding("security", "s.a"), finding("security", "s.z")
    results = {
        "security": AgentResult(findings=(plain, bound)),
        "compliance": AgentResult(
            details={"evidence": {bound.id: ["gdpr:Art.32(1)(a)", "hipaa:164.312(e)(1)"]}}
        ),
    }
    result = AGENT.assess(Inputs(brief=parse_brief({"name": "t"}), results=results), silent)
    assert ids(result) == ["s.z", "s.a"]
    first = by_id(result)["s.z"]
    assert first.control_ids == ("gdpr:Art.32(1)(a)", "hipaa:164.312(e)(1)")
    assert "2 controls in scope fail by it: gdpr:Art.32(1)(a), hipaa:164.312(e)(1)." in first.text
    assert result.details["apart"]["s.z"]["controls"] == pytest.approx(2 / 3)


def test_two_options_of_one_title_say_what_they_are_about() -> None:
    found = (finding("security", "IM-AZ-NSG-001"), finding("security", "IM-GCP-FW-001"))
    same = [f.model_copy(update={"title": "SSH is open"}) for f in found]
    titles = sorted(r.title for r in assess(*same).recommendations)
    assert titles == ["SSH is open (GCP firewall)", "SSH is open (network security groups)"]


def test_the_delivery_cluster_or_what_is_missing_for_it() -> None:
    delivery = {"lead_time_hours": 72, "change_failure_rate": 0.2}
    facts = {f.id: f for f in assess(organisation={"delivery": delivery}).facts}
    assert (facts["strategy.dora_cluster"].value, facts["strategy.dora_cluster"].inputs["year"]) == (
        "high",
        2024,
    )
    (missing,) = assess().findings
    assert (missing.status, missing.evidence[0].path) == (Status.NOT_ASSESSED, "organisation.delivery")


def test_the_share_of_the_budget_needs_a_total() -> None:
    total = Fact(id="cost.total_usd_per_month", value=500.0, unit="USD/month", formula="Σ", source="s")
    found = {f.id: f.value for f in assess(finding("cost", "c.a"), facts=(total,), budget={"usd_per_month": 2000.0}).facts}  # fmt: skip
    assert found["strategy.budget_used"] == 0.25
    assert "strategy.budget_used" not in {f.id for f in assess(budget={"usd_per_month": 2000.0}).facts}


def test_the_share_of_the_budget_is_a_lower_bound_when_its_total_is_one() -> None:
    total = Fact(id="cost.total_usd_per_month", value=500.0, unit="USD/month", formula="Σ", inputs={"unpriced": 1}, source="s")  # fmt: skip
    given = assess(finding("cost", "c.a"), facts=(total,), budget={"usd_per_month": 2000.0})
    (used,) = [fact for fact in given.facts if fact.id == "strategy.budget_used"]
    assert used.is_lower_bound


def test_progress_never_goes_back_and_ends() -> None:
    seen: list[tuple[int, int]] = []
    results = {"security": AgentResult(findings=(finding("security", "s.a"),))}
    AGENT.assess(
        Inputs(brief=parse_brief({"name": "t"}), results=results), lambda d, t, _="": seen.append((d, t))
    )
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)
    assert seen[-1][0] == seen[-1][1]


SCRIPT = """
from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.strategy import AGENT
from infra_mind.agents.strategy.options import DIMENSIONS
from infra_mind.agents.strategy.ranking import dominates
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Severity, Status, make_finding
from infra_mind.model.result import AgentResult
found = {a: AgentResult(findings=tuple(
    make_finding(rule_id=f"{a}.{i}", agent=a, title="t", status=Status.FAIL, severity=list(Severity)[i % 5], resource=str(i))
    for i in range(7))) for a in ("cost", "security", "reliability")}
print(AGENT.assess(Inputs(brief=parse_brief({"name": "t"}), results=found), silent).model_dump_json())
"""


def test_the_same_results_give_the_same_bytes_in_every_process() -> None:
    def run(hash_seed: str) -> bytes:
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, check=True).stdout

    first = run("1")
    assert b"rank_stability" in first
    assert run("2") == first
