"""What becomes one piece of work, and what tells two of one severity apart."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.security import REGISTRY
from infra_mind.agents.strategy import AGENT
from infra_mind.agents.strategy.circumstances import Circumstances, Weight, weigh
from infra_mind.agents.strategy.remedies import THINGS, kind_of, remedy_of
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import Fact
from infra_mind.model.finding import (
    Effort,
    Evidence,
    Finding,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
)
from infra_mind.model.result import AgentResult, Recommendation


def finding(
    rule: str, severity: Severity, resource: str = "r", agent: str = "security", **impact: float
) -> Finding:
    return make_finding(
        rule_id=rule, agent=agent, title=f"{rule} is wrong", status=Status.FAIL, severity=severity, resource=resource,
        evidence=(Evidence(artefact="main.tf"),), remediation=Remediation(text=f"Mend {rule}.", effort=Effort.HOURS),
        impact=Impact(**impact),
    )  # fmt: skip


def recommended(
    *findings: Finding, details: dict[str, Any] | None = None, facts: tuple[Fact, ...] = (), **brief: Any
) -> list[Recommendation]:
    agents = {f.agent for f in findings}
    results = {
        agent: AgentResult(
            findings=tuple(f for f in findings if f.agent == agent), facts=facts, details=details or {}
        )
        for agent in agents
    }
    result = AGENT.assess(Inputs(brief=parse_brief({"name": "t", **brief}), results=results), silent)
    return list(result.recommendations)


def test_rules_on_one_kind_of_thing_are_one_piece_of_work() -> None:
    (only,) = recommended(
        finding("IM-AWS-SG-001", Severity.HIGH, "b"), finding("IM-AWS-SG-002", Severity.CRITICAL, "a")
    )
    assert only.id == "IM-AWS-SG.urgent"
    assert only.title == "IM-AWS-SG-002 is wrong, and 1 more rule on security groups (2 places)"
    assert only.text.startswith(
        "Mend IM-AWS-SG-002. The same work mends: IM-AWS-SG-001 is wrong (`IM-AWS-SG-001`, 1×)."
    )
    assert len(only.findings) == 2


def test_hardening_does_not_hold_up_what_is_urgent() -> None:
    found = recommended(
        finding("IM-K8S-POD-001", Severity.CRITICAL), finding("IM-K8S-POD-002", Severity.HIGH),
        finding("IM-K8S-POD-009", Severity.LOW), finding("IM-K8S-POD-010", Severity.LOW),
    )  # fmt: skip
    assert [r.id for r in found] == ["IM-K8S-POD.urgent", "IM-K8S-POD.hardening"]


def test_a_rule_alone_in_its_work_gives_it_its_name() -> None:
    assert [r.id for r in recommended(finding("IM-AWS-SG-002", Severity.CRITICAL))] == ["IM-AWS-SG-002"]


def test_no_two_pieces_of_work_have_one_name() -> None:
    found = recommended(
        finding("IM-AWS-SG-002", Severity.HIGH, "a"), finding("IM-AWS-SG-002", Severity.LOW, "b")
    )
    assert sorted(r.id for r in found) == ["IM-AWS-SG.hardening", "IM-AWS-SG.urgent"]


def test_every_failed_finding_stands_in_exactly_one_recommendation() -> None:
    findings = [finding(rule, r.severity, f"x{n}") for rule, r in sorted(REGISTRY.items()) for n in range(2)]
    named = [i for r in recommended(*findings) for i in r.findings]
    assert sorted(named) == sorted(f.id for f in findings)


def test_every_kind_of_rule_has_words() -> None:
    assert {kind_of(rule) for rule in REGISTRY} == set(THINGS)


def test_other_rules_stand_alone() -> None:
    assert remedy_of("cost.over-budget", Severity.HIGH) == "cost.over-budget"


def test_what_the_internet_reaches_comes_before_what_it_does_not() -> None:
    exposure = [{"rule": "s.open", "artefact": "main.tf", "address": "db"}]
    found = recommended(
        finding("s.a", Severity.HIGH, "other"), finding("s.b", Severity.HIGH, "db"), finding("s.open", Severity.HIGH, "sg"),
        details={"exposure": exposure},
    )  # fmt: skip
    assert [r.id for r in found] == ["s.open", "s.b", "s.a"]
    assert len({r.utility for r in found}) == 3


def test_more_resources_weigh_more_and_never_as_much_as_the_next_severity() -> None:
    many = [finding("s.many", Severity.HIGH, f"r{n}") for n in range(400)]
    found = recommended(*many, finding("s.one", Severity.HIGH), finding("s.worse", Severity.CRITICAL))
    assert [r.id for r in found] == ["s.worse", "s.many", "s.one"]


@pytest.mark.parametrize(
    ("classes", "first"), [(["health"], "s.z-leak"), (["public"], "s.a-log"), ([], "s.a-log")]
)
def test_sensitive_data_lifts_the_rules_by_which_it_gets_out(classes: list[str], first: str) -> None:
    rules = [{"id": "s.z-leak", "family": "encryption"}, {"id": "s.a-log", "family": "logging and audit"}]
    found = recommended(
        finding("s.z-leak", Severity.HIGH), finding("s.a-log", Severity.HIGH), details={"rules": rules},
        compliance={"data_classes": classes},
    )  # fmt: skip
    assert found[0].id == first


def test_a_saving_counts_by_its_share_of_the_total() -> None:
    total = Fact(id="cost.total_usd_per_month", value=10_000.0, unit="USD/month", formula="Σ", source="s")
    saves = finding("c.small", Severity.INFO, agent="cost", usd_per_month=100.0)
    (among_much,) = recommended(saves, facts=(total,), priorities={"cost": 5})
    (alone,) = recommended(saves, priorities={"cost": 5})
    assert alone.utility - among_much.utility == pytest.approx(0.79 * 0.99 * 0.2)


@pytest.mark.parametrize("critical", ["capacity", "security"])
def test_a_critical_finding_that_nobody_reckoned_comes_before_a_high_one_that_wins_back_all(
    critical: str,
) -> None:
    down = Fact(id="reliability.downtime_minutes_per_year", value=526.0, unit="minutes/year", formula="f", source="s")  # fmt: skip
    found = recommended(
        finding("r.target", Severity.HIGH, agent="reliability", downtime_minutes_per_year=526.0),
        finding("x.worst", Severity.CRITICAL, agent=critical), facts=(down,),
    )  # fmt: skip
    assert [r.id for r in found] == ["x.worst", "r.target"]


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (Circumstances(), Weight()),
        (Circumstances(opening=frozenset({"s.a"})), Weight(reach=1.0)),
        (Circumstances(reachable=frozenset({("f", "r")})), Weight(reach=0.5)),
        (Circumstances(leaking=frozenset({"s.a"}), sensitive=True), Weight(data=1.0)),
        (Circumstances(leaking=frozenset({"s.a"})), Weight()),
    ],
)
def test_the_weight_of_a_finding(here: Circumstances, expected: Weight) -> None:
    assert weigh(["s.a"], [("f", "r")], security=True, here=here) == expected


def test_a_full_weight_is_one_step() -> None:
    assert Weight(1.0, 1.0, 1.0, 1.0).step == pytest.approx(1.0)
