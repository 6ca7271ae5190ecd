"""What an agent adds to its result afterwards: in a step of its own, which no other agent waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra_mind.agents.base import Agent, Inputs, Later, PermanentError, Progress
from infra_mind.agents.security import AGENT as SECURITY
from infra_mind.agents.security.proofs import put
from infra_mind.assessment import assessor
from infra_mind.client import read_submission
from infra_mind.inprocess import assess_here
from infra_mind.model.result import AgentResult


def _assess(_inputs: Inputs, _progress: Progress) -> AgentResult:
    return AgentResult(details={"own": 1})


def _work(inputs: Inputs, _progress: Progress) -> dict[str, Any]:
    if inputs.brief.goal == "fail":
        raise PermanentError("as told")
    return {"seen": inputs.results["one"].details["own"]}


def _put(result: AgentResult, added: Mapping[str, Any] | None) -> AgentResult:
    return result.model_copy(update={"details": {**result.details, "added": added and dict(added)}})


def table() -> dict[str, Agent]:
    return {"one": Agent("one", _assess, later=Later("more", _work, _put))}


HERE = f"{__name__}:table"


def test_what_comes_later_is_in_the_result() -> None:
    result = assess_here(read_submission({"name": "here"}), agents=HERE)
    assert result.status == "completed"
    assert result.agents["one"].details == {"own": 1, "added": {"seen": 1}}


def test_a_failed_step_costs_what_it_would_have_added_and_says_so() -> None:
    result = assess_here(read_submission({"name": "here", "goal": "fail"}), agents=HERE)
    assert result.status == "partial"
    assert [(f.agent, f.message) for f in result.failures] == [("one.more", "as told")]
    assert result.agents["one"].details == {"own": 1, "added": None}
    said = "one.more failed (PermanentError): one lacks its more, its findings are whole."
    assert said in result.summary.sentences


def test_no_agent_waits_for_patches() -> None:
    plan = assessor().plan
    waiting = [s.name for s in plan.steps if SECURITY.later_step in (*s.needs, *s.after)]
    assert waiting == [plan.last.name]
    assert SECURITY.later_step not in plan.agents


def test_findings_without_patches_say_why() -> None:
    note = put(AgentResult(), None).details["patches"]["note"]
    assert "failed" in note
