"""AI readiness: rubrics, what is unknown, build or rent, the risk tier, and a roadmap that follows from the gaps."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents import ai_act
from infra_mind.agents.adoption import AGENT, PHASES
from infra_mind.agents.adoption.criteria import CRITERIA, DIMENSIONS, GAP
from infra_mind.agents.adoption.roadmap import WEEKS, stages
from infra_mind.agents.base import Inputs, silent
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import Fact, FactValue
from infra_mind.model.finding import Finding, Severity, Status
from infra_mind.model.result import AgentResult

BEST: dict[str, Any] = {
    "organisation": {
        "team": {"data": 4, "devops": 3, "cloud_skill": 5, "kubernetes_skill": 5, "ml_skill": 5},
        "delivery": {"deploys_per_month": 100, "lead_time_hours": 2, "change_failure_rate": 0.05, "recovery_hours": 0.5},
        "timeline_months": 12,
    },
    "compliance": {
        "regimes": ["gdpr"], "data_classes": ["personal"], "data_residency": ["eu"],
        "ai_use": {"purpose": "answers", "annex_iii": False, "interacts_with_people": True},
    },
}  # fmt: skip
WORST: dict[str, Any] = {
    "organisation": {
        "team": {"data": 0, "devops": 0, "cloud_skill": 1, "kubernetes_skill": 1, "ml_skill": 1},
        "delivery": {"deploys_per_month": 0, "lead_time_hours": 9000, "change_failure_rate": 0.4, "recovery_hours": 9000},
        "timeline_months": 1,
    },
    "compliance": BEST["compliance"],
}  # fmt: skip
CHAT: dict[str, Any] = {"name": "chat", "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "l4"}


def facts(**values: FactValue) -> AgentResult:
    return AgentResult(facts=tuple(Fact(id=k, value=v, unit="x", formula="given", source="test") for k, v in values.items()))  # fmt: skip


LAWS = AgentResult(
    facts=facts(**{"compliance.gdpr.assessed": 4, "compliance.gdpr.passed": 3}).facts,
    details={"regimes": [{"regime": "gdpr", "named": True, "in_scope": True}, {"regime": "hipaa", "named": False, "in_scope": False}]},
)  # fmt: skip
ALL = {"mlops": facts(**{"mlops.maturity.level": 2}), "compliance": LAWS}
NONE = {"mlops": facts(**{"mlops.maturity.level": 0}), "compliance": LAWS}


def assess(results: dict[str, AgentResult] | None = None, **brief: Any) -> AgentResult:
    return AGENT.assess(Inputs(brief=parse_brief({"name": "test", **brief}), results=results or {}), silent)


def value(result: AgentResult, id: str) -> FactValue:
    return {f.id: f.value for f in result.facts}[f"adoption.{id}"]


def number(result: AgentResult, id: str) -> float:
    found = value(result, id)
    assert not isinstance(found, str)
    return float(found)


def ids(result: AgentResult) -> set[str]:
    return {f.id.removeprefix("adoption.") for f in result.facts}


def findings(result: AgentResult, rule: str) -> list[Finding]:
    return [f for f in result.findings if f.rule_id == f"adoption.{rule}"]


def missing(result: AgentResult) -> set[str]:
    return {f.evidence[0].path for f in result.findings if f.status is Status.NOT_ASSESSED}


# -- scores ----------------------------------------------------------------------------------------------------------------
def test_the_best_answers() -> None:
    result = assess(ALL, **BEST)
    assert {d: number(result, f"{d}.readiness") for d in DIMENSIONS} == {"governance": 0.9375, "data": 1, "skills": 1, "delivery": 1}  # fmt: skip
    assert value(result, "phase") == "transformational"
    assert number(result, "gaps") == 0
    assert result.details["roadmap"] == []


def test_the_worst_answers() -> None:
    result = assess(NONE, **WORST)
    assert number(result, "skills.readiness") == number(result, "delivery.readiness") == 0
    assert value(result, "phase") == "tactical"
    assert number(result, "readiness") == 0


@pytest.mark.parametrize(("skill", "score"), [(1, 0.0), (2, 0.25), (3, 0.5), (4, 0.75), (5, 1.0)])
def test_a_skill_of_one_to_five(skill: int, score: float) -> None:
    result = assess(organisation={"team": {"ml_skill": skill}})
    assert number(result, "skills.ml") == score
    assert bool(findings(result, "skills.ml")) == (score < GAP)


@pytest.mark.parametrize(
    ("metric", "value_", "name", "score"),
    [
        ("lead_time_hours", 72, "lead_time", 2 / 3),  # DORA 2024: high is between one day and one week
        ("change_failure_rate", 0.05, "failures", 1),
        ("change_failure_rate", 0.20, "failures", 2 / 3),
        ("change_failure_rate", 0.10, "failures", 1 / 3),
        ("deploys_per_month", 0.5, "deploys", 0),
        ("recovery_hours", 0.5, "recovery", 1),
        ("recovery_hours", 6, "recovery", 1 / 3),  # high and medium share a bound: the lower counts
    ],
)
def test_delivery_by_doras_levels(metric: str, value_: float, name: str, score: float) -> None:
    result = assess(organisation={"delivery": {metric: value_}})
    assert number(result, f"delivery.{name}") == pytest.approx(score)


def test_laws_that_nobody_named() -> None:
    rows = [{"regime": r, "named": r == "gdpr", "in_scope": True} for r in ("gdpr", "hipaa", "nis2")]
    result = assess({**ALL, "compliance": LAWS.model_copy(update={"details": {"regimes": rows}})}, **BEST)
    assert number(result, "governance.regimes") == pytest.approx(1 / 3)
    assert findings(result, "governance.regimes")


def test_controls_over_all_regimes() -> None:
    both = facts(**{"compliance.a.assessed": 4, "compliance.a.passed": 1, "compliance.b.assessed": 6, "compliance.b.passed": 2})  # fmt: skip
    assert number(assess({"compliance": both}), "governance.controls") == pytest.approx(0.3)


@pytest.mark.parametrize(("in_scope", "field"), [(True, "artefacts"), (False, "compliance.regimes")])
def test_controls_that_nobody_judged_name_what_they_lack(in_scope: bool, field: str) -> None:
    laws = AgentResult(details={"regimes": [{"regime": "gdpr", "named": in_scope, "in_scope": in_scope}]})
    gaps = {f.rule_id: f for f in assess({"compliance": laws}).findings if f.status is Status.NOT_ASSESSED}
    assert gaps["adoption.governance.controls"].evidence[0].path == field


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_dimension_is_the_mean_of_its_questions(dimension: str) -> None:
    result = assess(ALL, **WORST)
    own = [number(result, f"{dimension}.{c.name}") for c in CRITERIA if c.dimension == dimension]
    assert number(result, f"{dimension}.readiness") == pytest.approx(math.fsum(own) / len(own))


def test_the_weakest_dimension_decides() -> None:
    brief = {**BEST, "organisation": {**BEST["organisation"], "team": WORST["organisation"]["team"]}}
    result = assess(ALL, **brief)
    assert number(result, "readiness") == 0
    assert value(result, "weakest") == "skills"


# -- unknown -----------------------------------------------------------------------------------------------------------------
def test_nothing_answered_is_no_score() -> None:
    result = assess()
    assert not {i for i in ids(result) if i.endswith("readiness") or i in ("phase", "weakest")}
    assert {number(result, f"{d}.answered") for d in DIMENSIONS} == {0}
    assert {"organisation.team.ml_skill", "organisation.delivery.recovery_hours", "compliance.data_classes", "compliance.ai_use"} <= missing(result)  # fmt: skip


def test_an_unanswered_question_does_not_lower_the_score() -> None:
    one = assess(organisation={"team": {"ml_skill": 4}})
    assert number(one, "skills.readiness") == 0.75
    assert number(one, "skills.answered") == 0.25
    assert "readiness" not in ids(one)


# -- risk tier ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "use",
    [
        {"annex_iii": True},
        {"annex_iii": False, "interacts_with_people": True},
        {"annex_iii": False, "interacts_with_people": False},
        {"annex_iii": False},
        {},
    ],
)
def test_the_tier_is_that_of_the_compliance_agent(use: dict[str, bool]) -> None:
    brief = parse_brief({"name": "x", "compliance": {"ai_use": use}})
    assert brief.compliance is not None
    expected = ai_act.classify(brief.compliance.ai_use)
    result = assess(compliance={"ai_use": use})
    if expected.tier is None:
        assert "risk_tier" not in ids(result)
        assert set(expected.missing) <= missing(result)
    else:
        assert value(result, "risk_tier") == expected.tier.value


@pytest.mark.parametrize(("passed", "status"), [(4, Status.PASS), (0, Status.FAIL)])
def test_a_high_risk_needs_governance(passed: int, status: Status) -> None:
    laws = LAWS.model_copy(update={"facts": facts(**{"compliance.gdpr.assessed": 4, "compliance.gdpr.passed": passed}).facts})  # fmt: skip
    rows = {"regimes": [{"regime": r, "named": passed > 0, "in_scope": True} for r in ("gdpr", "nis2")]}
    use = {**BEST["compliance"]["ai_use"], "annex_iii": True}
    brief = {**BEST, "compliance": {**BEST["compliance"], "ai_use": use}}
    result = assess({**ALL, "compliance": laws.model_copy(update={"details": rows})}, **brief)
    (found,) = findings(result, "risk")
    assert found.status is status
    gaps = findings(result, "governance.controls")
    assert [f.severity for f in gaps] == ([] if passed else [Severity.HIGH])


# -- build or rent -----------------------------------------------------------------------------------------------------------
def priced(host: float, **rents: float) -> AgentResult:
    return facts(**{"cost.serving.chat.usd_per_month": host, **{f"cost.rent_or_host.chat.{k}.rent_usd_per_month": v for k, v in rents.items()}})  # fmt: skip


@pytest.mark.parametrize(
    ("host", "rents", "choice"),
    [(100.0, {"a": 50.0}, "rent"), (100.0, {"a": 150.0}, "build"), (100.0, {"a": 150.0, "b": 90.0}, "rent"), (100.0, {"a": 100.0}, "build")],
)  # fmt: skip
def test_the_cheaper_one(host: float, rents: dict[str, float], choice: str) -> None:
    rented = [{"name": name, "model": "gpt-5"} for name in rents]
    result = assess({"cost": priced(host, **rents)}, llm_serving=[CHAT], llm_api=rented)
    assert value(result, "build_or_rent.chat.choice") == choice


def test_without_a_price_it_is_open() -> None:
    result = assess({"cost": facts(**{"cost.serving.chat.usd_per_month": 5.0})}, llm_serving=[CHAT])
    assert "build_or_rent.chat.choice" not in ids(result)
    assert "llm_api" in missing(result)


@pytest.mark.parametrize(("skill", "status"), [(2, Status.FAIL), (3, Status.PASS)])
def test_to_build_takes_a_team_that_can_validate(skill: int, status: Status) -> None:
    rented = [{"name": "a", "model": "gpt-5"}]
    result = assess({"cost": priced(100.0, a=150.0)}, llm_serving=[CHAT], llm_api=rented, organisation={"team": {"ml_skill": skill}})  # fmt: skip
    (found,) = findings(result, "build-needs-skills")
    assert found.status is status


# -- roadmap -----------------------------------------------------------------------------------------------------------------
def test_stages_follow_from_the_gaps_in_their_order() -> None:
    result = assess(NONE, **WORST)
    rows = result.details["roadmap"]
    assert [row["name"] for row in rows] == ["data", "people", "production"]  # governance has no gap
    assert [row["from_week"] for row in rows] == [0, 8, 16]
    assert number(result, "gaps") == sum(len(row["what"]) for row in rows)


@given(st.sets(st.sampled_from(CRITERIA)))
def test_every_gap_is_in_one_stage_and_no_stage_overlaps(gaps: set[Any]) -> None:
    ordered = [c for c in CRITERIA if c in gaps]
    found = stages(ordered)
    assert [g for stage in found for g in stage.gaps] == ordered
    assert [stage.start_week for stage in found[1:]] == [stage.end_week for stage in found[:-1]]
    assert all(stage.weeks == max(WEEKS[g.effort] for g in stage.gaps) for stage in found)


@pytest.mark.parametrize(("months", "status"), [(1, Status.FAIL), (12, Status.PASS)])
def test_the_timeline(months: int, status: Status) -> None:
    brief = {**WORST, "organisation": {**WORST["organisation"], "timeline_months": months}}
    (found,) = findings(assess(NONE, **brief), "timeline")
    assert found.status is status


# -- properties --------------------------------------------------------------------------------------------------------------
skills = st.integers(1, 5)


@given(low=skills, high=skills, people=st.integers(0, 9))
def test_more_skill_and_more_people_are_never_less_ready(low: int, high: int, people: int) -> None:
    def ready(skill: int, count: int) -> float:
        team = {"ml_skill": skill, "cloud_skill": skill, "devops": count}
        return number(assess(organisation={"team": team}), "skills.readiness")

    assert ready(min(low, high), people) <= ready(max(low, high), people)
    assert ready(low, people) <= ready(low, people + 1)


def test_every_score_is_a_share_with_its_rubric_and_source() -> None:
    result = assess(ALL, **WORST)
    for criterion in CRITERIA:
        fact = next(f for f in result.facts if f.id == f"adoption.{criterion.dimension}.{criterion.name}")
        assert 0 <= float(fact.value) <= 1
        assert fact.formula == criterion.rubric
        assert fact.source == criterion.source
        assert fact.inputs
    assert [least for _, least in PHASES] == sorted(least for _, least in PHASES)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert assess(ALL, **WORST).to_json() == assess(ALL, **WORST).to_json()
