"""Diff and what-if over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from infra_mind.errors import Unavailable
from infra_mind.model.comparison import Comparison, WhatIf
from infra_mind.model.result import AssessmentResult
from infra_mind.model.submission import Submission
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.store import Accepted
from tests.unit.api.steps import Engine, MakeKey, client_of, draft, fields, problem, started
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


# -- what-if ----------------------------------------------------------------------------------------------------------


async def kept_base(http: httpx.AsyncClient, engine: Engine) -> tuple[str, str]:
    """(assessment, task) of one that kept security's result and ended with a result."""
    assessment_id, task_id = await started(http)
    claim = await engine.claim()
    await engine.keep(claim, "security")
    await engine.succeed(claim, sample.result().to_json())
    return assessment_id, task_id


async def test_a_what_if_starts_a_variant_with_what_the_base_kept(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    base, base_task = await kept_base(http, engine)
    answer = await http.post(f"/assessments/{base}/what-if", json={"brief": {"budget": {"usd_per_month": 5}}, "options": {"priority": "high"}})  # fmt: skip
    assert answer.status_code == 202
    found = WhatIf.model_validate_json(answer.content)
    (variant,) = found.variants
    assert (found.base_assessment_id, found.base_task_id) == (base, base_task)
    assert (variant.changed, variant.name) == (
        ("budget",),
        "Clinic assistant, what if budget.usd_per_month=5",
    )
    assert variant.diff == f"/api/v1/assessments/{base}/diff/{variant.assessment_id}"
    task = (await http.get(f"/tasks/{variant.task_id}")).json()
    assert (task["state"], task["priority"], task["info"]["assessment_id"]) == ("PENDING", "high", variant.assessment_id)  # fmt: skip
    assert set(await store.kept(variant.task_id)) == {"security"}
    brief = Submission.from_bytes(await store.assessment_input(variant.assessment_id)).brief
    assert brief.budget is not None
    assert brief.budget.usd_per_month == 5
    await engine.succeed(await engine.claim(), sample.result().to_json())
    assert (await http.get(variant.diff.removeprefix("/api/v1"))).status_code == 200


async def test_a_sweep_starts_one_for_each_value(http: httpx.AsyncClient, engine: Engine) -> None:
    base, _ = await kept_base(http, engine)
    asked = {"set": {"goal": "Elsewhere"}, "sweep": {"hosting.region": ["us-east-1", "us-west-2"]}}
    found = (await http.post(f"/assessments/{base}/what-if", json=asked)).json()
    assert [v["values"] for v in found["variants"]] == [{"hosting.region": "us-east-1"}, {"hosting.region": "us-west-2"}]  # fmt: skip
    assert len((await http.get("/tasks", params={"state": "PENDING"})).json()["items"]) == 2


async def test_the_same_key_starts_the_same_variants(http: httpx.AsyncClient, engine: Engine) -> None:
    base, _ = await kept_base(http, engine)
    asked = {"sweep": {"hosting.region": ["us-east-1", "us-west-2"]}}
    answers = [
        (await http.post(f"/assessments/{base}/what-if", json=asked, headers={"Idempotency-Key": key})).json()
        for key in ("k1", "k1", "k2")
    ]
    assert answers[0] == answers[1]
    assert answers[0] != answers[2]
    assert len((await http.get("/tasks", params={"state": "PENDING"})).json()["items"]) == 4


async def test_the_same_key_for_other_variants_is_a_conflict(http: httpx.AsyncClient, engine: Engine) -> None:
    base, _ = await kept_base(http, engine)
    headers = {"Idempotency-Key": "k"}
    for region, status in (("us-east-1", 202), ("us-west-2", 409)):
        asked = {"set": {"hosting.region": region}}
        assert (
            await http.post(f"/assessments/{base}/what-if", json=asked, headers=headers)
        ).status_code == status


async def test_what_an_earlier_call_has_started_is_not_taken_back(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call was answered; the store goes away while it is repeated."""
    base, _ = await kept_base(http, engine)
    ask = {
        "json": {"sweep": {"hosting.region": ["us-east-1", "us-west-2"]}},
        "headers": {"Idempotency-Key": "k"},
    }
    first = await http.post(f"/assessments/{base}/what-if", **ask)  # type: ignore[arg-type]
    accept, calls = store.accept, 0

    async def away_the_second_time(*args: Any, **more: Any) -> Accepted:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Unavailable("away")
        return await accept(*args, **more)

    monkeypatch.setattr(store, "accept", away_the_second_time)
    problem(await http.post(f"/assessments/{base}/what-if", **ask), 503)  # type: ignore[arg-type]
    again = await http.post(f"/assessments/{base}/what-if", **ask)  # type: ignore[arg-type]
    assert again.json() == first.json()
    assert len((await http.get("/tasks", params={"state": "PENDING"})).json()["items"]) == 2


async def test_what_is_being_taken_back_is_not_answered_as_started(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    base, _ = await kept_base(http, engine)
    ask = {"json": {"set": {"hosting.region": "us-east-1"}}, "headers": {"Idempotency-Key": "k"}}
    first = await http.post(f"/assessments/{base}/what-if", **ask)  # type: ignore[arg-type]
    await engine.claim()
    await store.delete_assessment("acme", first.json()["variants"][0]["assessment_id"])
    problem(await http.post(f"/assessments/{base}/what-if", **ask), 503)  # type: ignore[arg-type]


async def test_all_variants_are_accepted_or_none(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore, make_key: MakeKey, app: FastAPI
) -> None:
    async with client_of(app, await make_key("small", max_queued=1)) as small:
        base, _ = await kept_base(small, engine)
        asked = {"sweep": {"hosting.region": ["us-east-1", "us-west-2"]}}
        problem(await small.post(f"/assessments/{base}/what-if", json=asked), 429)
        assert (await small.get("/tasks", params={"state": "PENDING"})).json()["items"] == []
        assert len((await small.get("/assessments")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "brief", "nothing would change"), ({"bref": {}}, "bref", "did you mean `brief`"), ({"sweep": {"hosting.region": []}}, "sweep.hosting.region", "at least one"),
        ({"sweep": {"llm_serving.0.gpu": ["h100_sxm"]}}, "sweep", "the brief has no 'llm_serving'"), ({"brief": {"hosting": {"provder": "x"}}}, "hosting.provder", "provider"),
        ({"set": {"hosting.region.x": 1}}, "set", "single value"), ({"brief": {"goal": "x"}, "options": {"priority": "now"}}, "priority", "critical"),
        ({"brief": {"artefacts": "x"}}, "artefacts", "keeps the artefacts"), ({"sweep": {"hosting.region": ["r"] * 33}}, "sweep", "at most 32"),
    ],
)  # fmt: skip
async def test_a_wrong_what_if_names_its_field(
    http: httpx.AsyncClient, engine: Engine, body: dict[str, Any], field: str, says: str
) -> None:
    base, _ = await kept_base(http, engine)
    answer = await http.post(f"/assessments/{base}/what-if", json=body)
    assert says in fields(answer)[field]
    assert (await http.get("/tasks", params={"state": "PENDING"})).json()["items"] == []


async def test_the_base_must_be_the_callers_and_have_a_result(
    http: httpx.AsyncClient, rival: httpx.AsyncClient, engine: Engine
) -> None:
    asked = {"brief": {"goal": "x"}}
    base, _ = await kept_base(http, engine)
    problem(await rival.post(f"/assessments/{base}/what-if", json=asked), 404)
    problem(await http.post(f"/assessments/{await draft(http)}/what-if", json=asked), 409)
    running, task_id = await started(http)
    assert (
        "has not ended yet"
        in problem(await http.post(f"/assessments/{running}/what-if", json=asked), 409)["detail"]
    )
    await http.delete(f"/tasks/{task_id}")
    assert (
        "without a result"
        in problem(await http.post(f"/assessments/{running}/what-if", json=asked), 409)["detail"]
    )


@pytest.mark.parametrize(
    ("body", "path", "says"),
    [
        (b"{", "", "the body is not JSON"), (b"[1]", "", "the body must be a JSON object"),
        (b'{"sweep": {"budget.usd_per_month": 5}}', "sweep.budget.usd_per_month", "is a list of values"),
        (b'{"sweep": {"budget.usd_per_month": []}}', "sweep.budget.usd_per_month", "give at least one value"),
    ],
)  # fmt: skip
async def test_a_body_that_is_no_what_if_is_not_called_a_brief(
    http: httpx.AsyncClient, engine: Engine, body: bytes, path: str, says: str
) -> None:
    base, _ = await kept_base(http, engine)
    found = problem(await http.post(f"/assessments/{base}/what-if", content=body), 422)
    assert found["type"] == "urn:infra-mind:problem:option-invalid"
    assert (found["errors"][0]["path"], says in found["errors"][0]["problem"]) == (path, True)
    assert not found["detail"].startswith(":")
