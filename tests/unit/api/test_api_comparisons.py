"""Diff and what-if over HTTP."""

from __future__ import annotations

import httpx

from infra_mind.model.comparison import Comparison
from infra_mind.model.result import AssessmentResult
from tests.unit.api.steps import Engine, draft, problem, started
from tests.unit.reports import sample


async def ended(http: httpx.AsyncClient, engine: Engine, result: AssessmentResult) -> str:
    """An assessment that ended with this result."""
    assessment_id, _ = await started(http)
    await engine.succeed(await engine.claim(), result.to_json())
    return assessment_id


async def test_the_diff_of_two_assessments(http: httpx.AsyncClient, engine: Engine) -> None:
    before = await ended(http, engine, sample.result())
    after = await ended(http, engine, sample.result("partial"))
    answer = await http.get(f"/assessments/{before}/diff/{after}")
    assert answer.status_code == 200
    found = Comparison.model_validate_json(answer.content)
    assert len(found.unchanged) == 3
    assert {fact.id for fact in found.facts} == {
        "compliance.gdpr.controls", "compliance.gdpr.passed", "compliance.eu_ai_act.systemic_risk_presumed",
    }  # fmt: skip


async def test_both_must_be_the_callers_and_must_have_ended(
    http: httpx.AsyncClient, rival: httpx.AsyncClient, engine: Engine
) -> None:
    mine = await ended(http, engine, sample.result())
    theirs = await ended(rival, engine, sample.result())
    for path in (
        f"/assessments/{mine}/diff/{theirs}",
        f"/assessments/{theirs}/diff/{mine}",
        f"/assessments/{mine}/diff/asm_none",
    ):
        problem(await http.get(path), 404)
    unstarted = await draft(http)
    assert unstarted in problem(await http.get(f"/assessments/{mine}/diff/{unstarted}"), 409)["detail"]
    running, _ = await started(http)
    problem(await http.get(f"/assessments/{running}/diff/{mine}"), 409)
