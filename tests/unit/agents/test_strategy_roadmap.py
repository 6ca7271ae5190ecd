"""The roadmap: by rank, by how many people there are, and nothing before what it needs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.strategy import AGENT
from infra_mind.agents.strategy.options import DAYS_OF_EFFORT, options
from infra_mind.agents.strategy.roadmap import NEEDS, Team, person_days, plan, team_of
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Effort, Finding, Remediation, Severity, Status, make_finding
from infra_mind.model.result import AgentResult


def finding(rule: str, effort: Effort = Effort.HOURS, severity: Severity = Severity.MEDIUM, resource: str = "r") -> Finding:  # fmt: skip
    return make_finding(
        rule_id=rule, agent=rule.partition(".")[0] if "." in rule else "security", title=f"{rule} is wrong", status=Status.FAIL,
        severity=severity, resource=resource, remediation=Remediation(text=f"Mend {rule}.", effort=effort),
    )  # fmt: skip


def assess(*findings: Finding, **brief: Any) -> AgentResult:
    results = {
        a: AgentResult(findings=tuple(f for f in findings if f.agent == a))
        for a in {f.agent for f in findings}
    }
    return AGENT.assess(Inputs(brief=parse_brief({"name": "t", **brief}), results=results), silent)


def phases(result: AgentResult) -> dict[str, str]:
    return {r.id: r.phase for r in result.recommendations}


def team(**team: int) -> dict[str, Any]:
    return {"organisation": {"team": team}}


def test_more_people_are_done_sooner() -> None:
    # One person has 30 · 5/7 · 0.2 = 4.2857 person-days in 30 days: one of 3 fits, two of them take until day 42, three until day 63.
    found = [finding(f"cost.{n}", Effort.DAYS) for n in "abc"]
    assert sorted(phases(assess(*found, **team(devops=1))).values()) == ["30", "60", "90"]
    assert set(phases(assess(*found, **team(devops=3))).values()) == {"30"}


def test_what_ends_after_day_90_is_counted() -> None:
    result = assess(finding("cost.a", Effort.WEEKS), finding("cost.b", Effort.WEEKS), **team(devops=1))
    facts = {f.id: f for f in result.facts}
    assert facts["strategy.roadmap.person_days"].value == 20.0
    assert facts["strategy.roadmap.capacity_person_days_per_30_days"].value == pytest.approx(30 / 7)
    assert facts["strategy.roadmap.beyond_90_days"].value == 1
    assert [row["fits_in_90_days"] for row in result.details["roadmap"]] == [True, False]


@pytest.mark.parametrize(
    ("brief", "people", "source"),
    [
        (team(devops=2, engineers=14), 2.0, "brief: organisation.team.devops"),
        (team(devops=0, engineers=14), 14.0, "brief: organisation.team.engineers"),
        ({}, 1.0, "assumption"),
    ],
)
def test_who_does_it(brief: dict[str, Any], people: float, source: str) -> None:
    found = team_of(parse_brief({"name": "t", **brief}))
    assert (found.people, found.source, found.assumed) == (people, source, source == "assumption")


def test_without_a_team_one_person_is_assumed_and_it_is_said() -> None:
    assert "strategy.team" in {a.id for a in assess(finding("cost.a")).assumptions}
    assert "strategy.team" not in {a.id for a in assess(finding("cost.a"), **team(devops=1)).assumptions}


def test_nothing_is_done_before_what_it_needs_whatever_the_rank() -> None:
    spare, requests = (
        finding("cloud.spare-nodes", severity=Severity.CRITICAL),
        finding("cloud.requests", severity=Severity.LOW),
    )
    result = assess(spare, requests)
    first, second = result.recommendations
    assert (first.id, first.after, second.after) == ("cloud.spare-nodes", ("cloud.requests",), ())
    when = {row["change"]: row["done_by_day"] for row in result.details["roadmap"]}
    assert when["cloud.requests"] < when["cloud.spare-nodes"]
    assert (
        "First `cloud.requests`: how much is needed is only known once every container states its requests."
        in first.text
    )


def test_a_rule_in_more_places_is_one_effort_and_each_rule_of_a_work_counts() -> None:
    found = [
        finding("IM-AWS-S3-005", resource="a"),
        finding("IM-AWS-S3-005", resource="b"),
        finding("IM-AWS-S3-006"),
    ]
    (option,) = options({"security": AgentResult(findings=tuple(found))})
    assert person_days(option) == 2 * DAYS_OF_EFFORT[Effort.HOURS]


RULES = [
    *sorted({name for need in NEEDS for name in (need.before, *need.after) if "." in name}), "IM-K8S-POD-001", "IM-K8S-NS-001",
]  # fmt: skip


@given(st.permutations(RULES), st.sampled_from([1.0, 2.0, 30.0]))
def test_in_any_order_every_option_is_planned_once_after_its_needs(rules: list[str], people: float) -> None:
    found = options({"x": AgentResult(findings=tuple(finding(r) for r in rules))})
    planned = plan(sorted(found, key=lambda o: rules.index(o.rules[0])), Team(people, "s"))
    assert set(planned) == {o.id for o in found}
    assert all(planned[id_].done_by_day < p.done_by_day for p in planned.values() for id_, _ in p.after)


def test_every_need_names_rules_that_exist() -> None:
    from infra_mind.agents import table
    from infra_mind.agents.strategy.remedies import THINGS

    agents = {name.partition(".")[0] for need in NEEDS for name in (need.before, *need.after) if "." in name}
    assert agents <= set(table())
    assert {n for need in NEEDS for n in (need.before, *need.after) if "." not in n} <= set(THINGS)


def test_many_people_do_not_shorten_one_piece() -> None:
    """Ten person-days take two weeks, however many there are; others do the rest meanwhile."""
    found = [finding("cost.a", Effort.WEEKS, Severity.HIGH), finding("cost.b", Effort.DAYS)]
    when = {
        row["change"]: row["done_by_day"] for row in assess(*found, **team(devops=1000)).details["roadmap"]
    }
    assert when == {"cost.a": 14.0, "cost.b": pytest.approx(4.3, abs=0.1)}


def test_what_waits_begins_when_what_it_needs_is_done() -> None:
    found = [finding("cloud.requests", Effort.WEEKS), finding("cloud.spare-nodes", Effort.WEEKS)]
    when = {
        row["change"]: row["done_by_day"] for row in assess(*found, **team(devops=1000)).details["roadmap"]
    }
    assert when == {"cloud.requests": 14.0, "cloud.spare-nodes": 28.0}


@pytest.mark.parametrize(("months", "late"), [(0.5, 2), (1.0, 1), (3.0, 0)])
def test_what_ends_after_the_timeline_is_counted(months: float, late: int) -> None:
    """Two pieces of three person-days are done on day 21 and day 42; a month has 30.4 days."""
    brief = {"organisation": {"team": {"devops": 1}, "timeline_months": months}}
    facts = {f.id: f for f in assess(*(finding(f"cost.{n}", Effort.DAYS) for n in "ab"), **brief).facts}
    assert facts["strategy.roadmap.beyond_timeline"].value == late


def test_without_a_timeline_nothing_ends_after_it() -> None:
    assert "strategy.roadmap.beyond_timeline" not in {f.id for f in assess(finding("cost.a")).facts}
