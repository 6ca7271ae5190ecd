"""The reliability agent on briefs: facts, the finding against the target, checkpoints, questions, what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.reliability import AGENT
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Finding, Status
from infra_mind.model.result import AgentResult


def assess(**brief: Any) -> AgentResult:
    return AGENT.assess(Inputs(brief=parse_brief({"name": "t", **brief})), silent)


def values(result: AgentResult) -> dict[str, Any]:
    return {fact.id: fact.value for fact in result.facts}


def one(result: AgentResult, rule_id: str) -> Finding:
    (found,) = [f for f in result.findings if f.rule_id == rule_id]
    return found


def path(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"components": list(components), **more}


def test_three_components_of_four_nines() -> None:
    three = [{"name": n, "availability": 0.9999} for n in "abc"]
    found = values(assess(availability=path(*three)))
    assert found["reliability.availability"] == pytest.approx(0.99970003, abs=5e-9)
    assert found["reliability.downtime_minutes_per_year"] == pytest.approx(157.66, abs=5e-3)


def test_the_error_budget_of_three_nines() -> None:
    found = values(assess(availability={"target": 0.999}))
    assert found["reliability.error_budget_minutes_per_30_days"] == 43.2


def test_a_missed_target_names_the_worst_component_and_the_replicas_that_mend_it() -> None:
    result = assess(
        availability=path(
            {"name": "web", "availability": 0.9999},
            {"name": "my db", "availability": 0.995},
            target=0.9995,
        )
    )
    finding = one(result, "reliability.target")
    assert finding.status is Status.FAIL
    assert "most of it my_db" in finding.evidence[0].observed
    assert values(result)["reliability.component.my_db.replicas_for_target"] == 2
    assert finding.remediation is not None
    assert "my_db from 1 to 2 replicas" in finding.remediation.text
    assert finding.impact is not None
    saved = (0.005 - 0.005**2) * (1 - 0.0001) * 525_600
    assert finding.impact.downtime_minutes_per_year == pytest.approx(saved, rel=1e-6)
    assert set(finding.facts) <= set(values(result))


def test_a_met_target_passes() -> None:
    result = assess(availability=path({"name": "x", "availability": 0.999, "replicas": 2}, target=0.999999))
    assert one(result, "reliability.target").status is Status.PASS


def test_independence_is_said_and_a_common_cause_is_tabled() -> None:
    result = assess(availability=path({"name": "x", "availability": 0.999, "replicas": 2, "needed": 1}))
    assert [a.id for a in result.assumptions] == ["reliability.independence"]
    minutes = [row["downtime_minutes_per_year"] for row in result.details["common_cause"]]
    assert minutes == sorted(minutes)
    assert minutes[0] == pytest.approx(0.5256)


def test_two_components_of_one_name_keep_facts_of_their_own() -> None:
    found = values(
        assess(availability=path({"name": "db", "availability": 0.99}, {"name": "db", "availability": 0.98}))
    )
    assert found["reliability.component.db.downtime_minutes_per_year"] == pytest.approx(5256)
    assert found["reliability.component.db_2.downtime_minutes_per_year"] == pytest.approx(10512)


@pytest.mark.parametrize(
    ("rule_id", "field"),
    [("reliability.target", "availability.target"), ("reliability.path", "availability.components"),
     ("reliability.rto", "availability.rto_minutes"), ("reliability.rpo", "availability.rpo_minutes"),
     ("reliability.single-points", "artefacts")],
)  # fmt: skip
def test_what_is_missing_is_named(rule_id: str, field: str) -> None:
    result = assess()
    assert one(result, rule_id).status is Status.NOT_ASSESSED
    assert one(result, rule_id).evidence[0].path == field
    assert result.facts == ()


def test_recovery_targets_are_questions_for_a_person() -> None:
    finding = one(assess(availability={"rto_minutes": 45}), "reliability.rto")
    assert finding.status is Status.MANUAL
    assert "45 minutes" in finding.title


def test_checkpoints_of_a_training_job() -> None:
    job = {"name": "tune", "parameters": 1e9, "checkpoint_minutes": 5, "mtbf_hours": 40}
    found = values(assess(training=[job]))
    assert found["reliability.training.tune.checkpoint_interval_minutes"] == pytest.approx(154.919, abs=1e-3)
    assert found["reliability.training.tune.waste"] == pytest.approx(0.06455, abs=1e-5)


@pytest.mark.parametrize("missing", ["checkpoint_minutes", "mtbf_hours"])
def test_a_job_without_its_numbers_is_not_assessed(missing: str) -> None:
    job = {"name": "tune", "parameters": 1e9, "checkpoint_minutes": 5, "mtbf_hours": 40}
    result = assess(training=[{k: v for k, v in job.items() if k != missing}])
    finding = one(result, "reliability.checkpoint")
    assert (finding.status, finding.evidence[0].path) == (Status.NOT_ASSESSED, f"training.0.{missing}")
    assert result.facts == ()


def test_a_job_that_never_gets_on_has_no_made_up_waste() -> None:
    job = {"name": "tune", "parameters": 1e9, "checkpoint_minutes": 30, "mtbf_hours": 1}
    result = assess(training=[job])
    assert one(result, "reliability.checkpoint").status is Status.FAIL
    assert result.facts == ()


@pytest.mark.parametrize(("count", "status"), [(1, Status.FAIL), (2, Status.PASS)])
def test_a_group_of_one_node_is_a_single_point(count: int, status: Status) -> None:
    result = assess(hosting={"nodes": [{"instance": "m5.xlarge", "count": count}]})
    assert one(result, "reliability.one-node").status is status


def test_what_the_brief_does_not_count_is_no_single_point_by_default() -> None:
    result = assess(hosting={"nodes": [{"instance": "m5.xlarge"}], "storage": [{"kind": "ssd", "tb": 4}]})
    for rule, path in (("one-node", "hosting.nodes.0.count"), ("one-copy", "hosting.storage.0.replicas")):
        finding = one(result, f"reliability.{rule}")
        assert (finding.status, finding.evidence[0].path) == (Status.NOT_ASSESSED, path)


def test_every_fact_has_formula_inputs_and_source() -> None:
    result = assess(
        availability=path({"name": "x", "availability": 0.9}, target=0.99),
        training=[{"name": "t", "parameters": 1e9, "checkpoint_minutes": 5, "mtbf_hours": 40}],
    )
    assert len(result.facts) >= 6
    assert all(fact.formula and fact.inputs and fact.source for fact in result.facts)


@pytest.mark.parametrize(
    ("availability", "said"),
    [(0.0, "x must be replaced, it is never available"), (1e-9, "lower it, or take better components")],
)
def test_a_target_beyond_all_replicas_says_why(availability: float, said: str) -> None:
    component = {"name": "x", "availability": availability}
    brief = parse_brief({"name": "t", "availability": {"target": 0.999999, "components": [component]}})
    (missed,) = [
        f for f in AGENT.assess(Inputs(brief=brief), silent).findings if f.rule_id == "reliability.target"
    ]
    assert missed.remediation is not None
    assert said in missed.remediation.text
