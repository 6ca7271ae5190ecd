"""Watching a task, taking its result and its report, cancelling it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
import pytest

from infra_mind.api.app import create_app
from infra_mind.model.api_key import new_key
from infra_mind.model.task import Task
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.objects import Objects
from infra_mind.tasks.store import StoreLimits
from tests.unit.api.steps import (
    AGENTS,
    LIMITS,
    NOW,
    RESULT,
    Engine,
    client_of,
    draft,
    fields,
    problem,
    started,
    workers,
)


async def test_a_waiting_task(http: httpx.AsyncClient) -> None:
    assessment_id, task_id = await started(http)
    body = (await http.get(f"/tasks/{task_id}")).json()
    assert (body["task_id"], body["state"], body["queue_position"]) == (task_id, "PENDING", 1)
    assert body["info"]["assessment_id"] == assessment_id
    assert body["info"]["current_step"] == "queued_for_processing"
    assert set(body["info"]["agents"]) == {"security", "cost"}
    assert Task.model_validate(body).attempt == 0


async def test_a_running_task_shows_each_agents_progress(http: httpx.AsyncClient, engine: Engine) -> None:
    _, task_id = await started(http)
    claim = await engine.claim()
    await engine.progress(claim, "security", 40.0)
    body = (await http.get(f"/tasks/{task_id}")).json()
    agent = body["info"]["agents"]["security"]
    assert (body["state"], body["attempt"]) == ("PROGRESS", 1)
    assert "queue_position" not in body
    assert (agent["state"], agent["progress"], agent["attempt"]) == ("RUNNING", 40.0, 1)
    assert agent["started_at"]
    assert agent["ended_at"] is None


async def test_the_result_comes_as_it_was_committed(http: httpx.AsyncClient, engine: Engine) -> None:
    assessment_id, task_id = await started(http)
    await engine.succeed(await engine.claim(), json.dumps(RESULT).encode())
    answer = await http.get(f"/tasks/{task_id}/result")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"task_id": task_id, "state": "SUCCESS", "result": RESULT}
    report = await http.get(f"/assessments/{assessment_id}/report", params={"format": "json"})
    assert report.json() == RESULT


async def test_a_result_that_is_not_there_yet_is_a_conflict(http: httpx.AsyncClient, engine: Engine) -> None:
    assessment_id, task_id = await started(http)
    assert problem(await http.get(f"/tasks/{task_id}/result"), 409)["state"] == "PENDING"
    await engine.claim()
    problem(await http.get(f"/tasks/{task_id}/result"), 409)
    problem(await http.get(f"/assessments/{assessment_id}/report"), 409)


async def test_an_expired_result_is_gone() -> None:
    now_s = 1_768_469_400.0
    store = MemoryStore(StoreLimits(result_ttl_s=60.0), clock=lambda: now_s)
    plain, kept = new_key("acme", "", NOW)
    await store.put_key(kept)
    async with client_of(create_app(store, agents=AGENTS, limits=LIMITS, workers=workers), plain) as http:
        assessment_id, task_id = await started(http)
        engine = Engine(store)
        await engine.succeed(await engine.claim(), b"{}")
        assert (await http.get(f"/tasks/{task_id}/result")).status_code == 200
        now_s += 61.0
        problem(await http.get(f"/tasks/{task_id}/result"), 410)
        for path in (f"/assessments/{assessment_id}", f"/assessments/{assessment_id}/report"):
            problem(await http.get(path), 410)
        now_s += 7 * 86_400.0
        problem(await http.get(f"/assessments/{assessment_id}"), 404)


async def test_a_result_whose_object_is_missing_is_a_500_that_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "objects"
    store = MemoryStore(StoreLimits(objects_above=100), objects=Objects(folder.as_uri()))
    plain, kept = new_key("acme", "", NOW)
    await store.put_key(kept)
    async with client_of(create_app(store, agents=AGENTS, limits=LIMITS, workers=workers), plain) as http:
        assessment_id, task_id = await started(http)
        engine = Engine(store)
        await engine.succeed(await engine.claim(), json.dumps(RESULT).encode())
        assert (await http.get(f"/tasks/{task_id}/result")).json()["result"] == RESULT
        (only,) = folder.iterdir()
        only.unlink()
        for path in (f"/tasks/{task_id}/result", f"/assessments/{assessment_id}/report"):
            found = problem(await http.get(path), 500)
            assert found["type"] == "urn:infra-mind:problem:result-lost"
            assert "missing from the object storage" in found["detail"]


@pytest.mark.parametrize("size", [10, 300_000, 5_000_000])
async def test_a_result_of_any_size_comes_whole(http: httpx.AsyncClient, engine: Engine, size: int) -> None:
    assessment_id, task_id = await started(http)
    text = json.dumps({**RESULT, "provenance": {"note": "ä" * size}}, ensure_ascii=False).encode()
    await engine.succeed(await engine.claim(), text)
    answer = await http.get(f"/tasks/{task_id}/result")
    expected = b'{"task_id":"' + task_id.encode() + b'","state":"SUCCESS","result":' + text + b"}"
    assert answer.content == expected
    assert int(answer.headers["content-length"]) == len(expected)
    report = await http.get(f"/assessments/{assessment_id}/report", params={"format": "json"})
    assert report.content == text


async def test_a_failed_task_answers_its_error(http: httpx.AsyncClient, engine: Engine) -> None:
    assessment_id, task_id = await started(http)
    await engine.fail(await engine.claim())
    for path in (f"/tasks/{task_id}/result", f"/assessments/{assessment_id}/report"):
        found = problem(await http.get(path), 424)
        assert found["type"] == "urn:infra-mind:problem:task-failed"
        assert (found["state"], found["error_type"]) == ("FAILURE", "TooFewAgents")
        assert "security and cost failed" in found["detail"]


async def test_cancelling_a_waiting_task_ends_it_at_once(http: httpx.AsyncClient) -> None:
    _, task_id = await started(http)
    answer = await http.delete(f"/tasks/{task_id}")
    assert answer.status_code == 202
    assert (answer.json()["task_id"], answer.json()["state"]) == (task_id, "REVOKED")
    assert problem(await http.get(f"/tasks/{task_id}/result"), 424)["state"] == "REVOKED"


async def test_cancelling_a_running_task_is_a_wish(http: httpx.AsyncClient, engine: Engine) -> None:
    _, task_id = await started(http)
    await engine.claim()
    for _ in range(2):
        answer = await http.delete(f"/tasks/{task_id}")
        assert answer.status_code == 202
        assert answer.json()["cancel_requested"] is True
        assert answer.json()["state"] == "STARTED"
    assert (await http.get(f"/tasks/{task_id}")).json()["cancel_requested"] is True


async def test_cancelling_an_ended_task_is_a_conflict(http: httpx.AsyncClient, engine: Engine) -> None:
    _, task_id = await started(http)
    await engine.succeed(await engine.claim(), b"{}")
    assert problem(await http.delete(f"/tasks/{task_id}"), 409)["state"] == "SUCCESS"


async def test_tasks_are_listed_by_state_and_in_pages(
    http: httpx.AsyncClient, rival: httpx.AsyncClient, engine: Engine
) -> None:
    made = [(await started(http))[1] for _ in range(3)]
    first = (await http.get("/tasks", params={"limit": 2})).json()
    second = (await http.get("/tasks", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [t["task_id"] for t in first["items"] + second["items"]] == made[::-1]
    await engine.claim()
    running = (await http.get("/tasks", params={"state": "STARTED"})).json()["items"]
    assert [t["task_id"] for t in running] == made[:1]
    assert (await rival.get("/tasks")).json() == {"items": [], "next_cursor": None}
    assert list(fields(await http.get("/tasks", params={"state": "DONE"}))) == ["state"]


async def test_another_tenants_task_is_not_there(http: httpx.AsyncClient, rival: httpx.AsyncClient) -> None:
    _, task_id = await started(http)
    problem(await rival.get(f"/tasks/{task_id}"), 404)
    problem(await rival.get(f"/tasks/{task_id}/result"), 404)
    problem(await rival.get(f"/tasks/{task_id}/events"), 404)
    problem(await rival.get(f"/tasks/{task_id}/events", headers={"Last-Event-ID": "1-1"}), 404)
    problem(await rival.delete(f"/tasks/{task_id}"), 404)
    assert (await http.get(f"/tasks/{task_id}")).json()["state"] == "PENDING"


@pytest.mark.parametrize("kind", ["full", "executive", "technical", "cost", "compliance"])
async def test_the_html_report_is_confined(http: httpx.AsyncClient, engine: Engine, kind: str) -> None:
    assessment_id, _ = await started(http)
    await engine.succeed(await engine.claim(), json.dumps(RESULT).encode())
    answer = await http.get(f"/assessments/{assessment_id}/report", params={"kind": kind})
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "'unsafe-inline'" not in policy
    assert "sha256-" in policy  # its own style, so that it is not shown bare
    assert "<script>alert(1)" not in answer.text


@pytest.mark.parametrize(
    ("params", "field", "says"),
    [
        ({"format": "docx"}, "format", "html, pdf, md, json, sarif, csv, junit, focus and cyclonedx"),
        ({"kind": "secret"}, "kind", "executive"),
    ],
)
async def test_a_report_that_does_not_exist_is_named(
    http: httpx.AsyncClient, params: dict[str, str], field: str, says: str
) -> None:
    answer = await http.get(f"/assessments/{await draft(http)}/report", params=params)
    assert says in fields(answer)[field]


@pytest.mark.parametrize(
    ("format", "media_type", "begins"),
    [
        ("pdf", "application/pdf", b"%PDF-"), ("md", "text/markdown; charset=utf-8", b"# Clinic"), ("sarif", "application/sarif+json", b"{"),
        ("csv", "text/csv; charset=utf-8", b"fingerprint,"), ("junit", "application/xml", b"<?xml"), ("focus", "text/csv; charset=utf-8", b"BilledCost,"),
        ("cyclonedx", "application/vnd.cyclonedx+json", b"{"),
    ],
)  # fmt: skip
async def test_every_export_is_a_file_of_its_type(
    http: httpx.AsyncClient, engine: Engine, format: str, media_type: str, begins: bytes
) -> None:
    assessment_id, _ = await started(http)
    await engine.succeed(await engine.claim(), json.dumps(RESULT).encode())
    answer = await http.get(f"/assessments/{assessment_id}/report", params={"format": format})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["content-disposition"].startswith('attachment; filename="report.')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content.startswith(begins)


async def test_a_format_that_is_not_installed_is_named(
    http: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assessment_id, _ = await started(http)
    await engine.succeed(await engine.claim(), json.dumps(RESULT).encode())
    monkeypatch.setitem(sys.modules, "typst", None)
    answer = await http.get(f"/assessments/{assessment_id}/report", params={"format": "pdf"})
    assert "infra-mind[pdf]" in fields(answer)["format"]


async def test_a_draft_has_no_report(http: httpx.AsyncClient) -> None:
    found = problem(await http.get(f"/assessments/{await draft(http)}/report"), 409)
    assert found["state"] == "draft"


# -- replay and rate ------------------------------------------------------------------------------------------------------


async def test_a_cancelled_task_is_replayed_as_a_new_one(http: httpx.AsyncClient, store: MemoryStore) -> None:
    assessment_id, task_id = await started(http)
    await http.delete(f"/tasks/{task_id}")
    answer = await http.post(f"/tasks/{task_id}/replay")
    new = answer.json()["task_id"]
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/tasks/{new}"
    assert (answer.json()["assessment_id"], new == task_id) == (assessment_id, False)
    assert (await http.get(f"/tasks/{new}")).json()["replay_of"] == task_id


async def test_what_waits_is_not_replayed(http: httpx.AsyncClient) -> None:
    _, task_id = await started(http)
    answer = await http.post(f"/tasks/{task_id}/replay")
    assert (answer.status_code, "not ended" in answer.json()["detail"]) == (409, True)
    assert (await http.post("/tasks/tsk_unknown/replay")).status_code == 404
