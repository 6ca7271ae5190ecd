from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra_mind.agents import NAMES
from infra_mind.client import read_submission
from infra_mind.errors import OptionInvalid, TaskFailed
from infra_mind.inprocess import assess_here
from infra_mind.model.submission import Submission
from infra_mind.model.task import Event, StartOptions
from tests.synthetic import table
from tests.unit.artefacts.plans import change, plan

SYNTHETIC = "tests.synthetic:table"


def submission(**agents: dict[str, object]) -> Submission:
    return read_submission({"name": "here", "goal": json.dumps(agents)})


def test_all_agents_run_and_progress_never_goes_back() -> None:
    seen: list[Event] = []
    result = assess_here(
        submission(a={"do": "steps", "s": 0.05, "n": 5}), on_progress=seen.append, agents=SYNTHETIC
    )
    assert result.status == "completed"
    assert set(result.agents) == set(table())
    assert {name: agent.facts[0].value for name, agent in result.agents.items()} == {
        "a": 0,
        "b": 0,
        "c": 0,
        "d": 2,
        "e": 4,
    }
    assert seen[-1].data["state"] == "SUCCESS"
    whole = [event.data["progress"] for event in seen]
    assert whole == sorted(whole)
    assert whole[-1] == 100


def test_a_failed_agent_makes_it_partial_and_says_why() -> None:
    result = assess_here(submission(c={"do": "fail"}), agents=SYNTHETIC)
    assert result.status == "partial"
    assert [(f.agent, f.error_type, f.message) for f in result.failures if f.agent == "c"] == [
        ("c", "PermanentError", "as told")
    ]
    assert {"a", "b", "d"} <= set(result.agents)


def test_an_agent_that_others_need_sinks_it() -> None:
    with pytest.raises(TaskFailed, match="as told") as failed:
        assess_here(submission(a={"do": "fail"}), agents=SYNTHETIC)
    assert failed.value.state == "FAILURE"


@pytest.mark.parametrize("soft", [10.0, 10.5])
def test_limits_that_the_api_refuses_are_refused_here(soft: float) -> None:
    with pytest.raises(OptionInvalid, match=r"^soft_limit_s: .* is not below hard_limit_s \(10 s\)"):
        assess_here(submission(), options=StartOptions(soft_limit_s=soft, hard_limit_s=10), agents=SYNTHETIC)


def assumed(submission: Submission) -> set[str]:
    result = assess_here(submission)
    return {a.field or "" for agent in result.agents.values() for a in agent.assumptions}


def test_a_default_is_known_as_one_after_the_trip() -> None:
    nodes = [{"instance": "m5.xlarge", "count": 1}, {"instance": "m5.large"}]
    told = assumed(read_submission({"name": "x", "hosting": {"provider": "aws", "region": "us-east-1", "nodes": nodes}}))  # fmt: skip
    assert {"hosting.nodes.1.count", "budget.commitment_coverage"} <= told
    assert "hosting.nodes.0.count" not in told


def test_the_same_input_gives_the_same_bytes() -> None:
    brief = Path(__file__).parents[2] / "examples" / "minimal" / "brief.yaml"
    first, second = (assess_here(read_submission(brief)) for _ in range(2))
    assert set(first.agents) == set(NAMES)
    run = {"assessment_id", "provenance"}
    assert first.model_dump_json(exclude=run) == second.model_dump_json(exclude=run)
    assert first.assessment_id != second.assessment_id


def test_a_folder_with_a_plan_is_assessed_by_it(tmp_path: Path) -> None:
    entry = change("aws_db_instance.d", {"publicly_accessible": True})
    (tmp_path / "tfplan.json").write_text(plan(entry).content or "")
    result = assess_here(read_submission({"name": "x"}, tmp_path))
    (found,) = [f for f in result.agents["security"].findings if f.rule_id == "IM-AWS-RDS-001"]
    assert (found.evidence[0].artefact, found.evidence[0].path) == (
        "tfplan.json",
        "aws_db_instance.d.publicly_accessible",
    )
