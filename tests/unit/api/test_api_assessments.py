"""Handing in, changing, listing and deleting assessments over HTTP."""

from __future__ import annotations

import httpx
import pytest

from infra_mind.model.submission import Submission
from infra_mind.tasks.memory import MemoryStore
from tests.unit.api.steps import BRIEF, draft, fields, problem, started


async def test_a_brief_becomes_a_draft(http: httpx.AsyncClient) -> None:
    answer = await http.post("/assessments", json=BRIEF)
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/assessments/{body['assessment_id']}"
    assert (body["status"], body["name"], body["artefact_files"]) == ("draft", "Clinic assistant", 0)
    assert body["created_at"]


async def test_what_is_kept_can_be_read_by_the_engine(http: httpx.AsyncClient, store: MemoryStore) -> None:
    files = [{"path": "b/main.tf", "content": "# ü\n"}, {"path": "a.tf", "content": ""}]
    assessment_id = await draft(http, artefacts=files)
    kept = Submission.from_bytes(await store.assessment_input(assessment_id))
    assert kept.brief.name == "Clinic assistant"
    assert kept.brief.artefacts is None
    assert [(a.path, a.content) for a in kept.artefacts] == [("a.tf", ""), ("b/main.tf", "# ü\n")]


async def test_names_of_artefacts_that_were_not_sent_are_kept_for_the_engine(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    assessment_id = await draft(http, artefacts="./infrastructure")
    kept = Submission.from_bytes(await store.assessment_input(assessment_id))
    assert (kept.brief.artefacts, kept.artefacts) == ("./infrastructure", ())


async def test_an_inline_file_that_its_sender_could_not_read_is_kept_with_the_reason(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    assessment_id = await draft(http, artefacts=["x.tf", {"path": "logo.tf", "problem": "a binary file"}])
    kept = Submission.from_bytes(await store.assessment_input(assessment_id))
    assert kept.brief.artefacts == ("x.tf",)
    assert [(a.path, a.content, a.problem) for a in kept.artefacts] == [("logo.tf", None, "a binary file")]


async def test_one_assessment_can_be_read(http: httpx.AsyncClient) -> None:
    assessment_id = await draft(http)
    answer = await http.get(f"/assessments/{assessment_id}")
    assert answer.status_code == 200
    assert answer.json()["status"] == "draft"
    assert answer.json()["task_id"] is None


async def test_a_started_one_names_its_task(http: httpx.AsyncClient) -> None:
    assessment_id, task_id = await started(http)
    body = (await http.get(f"/assessments/{assessment_id}")).json()
    assert (body["status"], body["task_id"]) == ("in_progress", task_id)


async def test_a_draft_can_be_replaced(http: httpx.AsyncClient, store: MemoryStore) -> None:
    assessment_id = await draft(http)
    answer = await http.put(
        f"/assessments/{assessment_id}",
        json={"name": "Second", "artefacts": [{"path": "a.tf", "content": ""}]},
    )
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["artefact_files"]) == ("Second", 1)
    assert Submission.from_bytes(await store.assessment_input(assessment_id)).brief.hosting is None


async def test_a_started_one_cannot_be_replaced(http: httpx.AsyncClient) -> None:
    assessment_id, _ = await started(http)
    problem(await http.put(f"/assessments/{assessment_id}", json=BRIEF), 409)


async def test_a_deleted_one_is_gone(http: httpx.AsyncClient) -> None:
    assessment_id = await draft(http)
    answer = await http.delete(f"/assessments/{assessment_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await http.get(f"/assessments/{assessment_id}"), 404)


async def test_deleting_asks_a_running_task_to_stop(http: httpx.AsyncClient, store: MemoryStore) -> None:
    assessment_id, task_id = await started(http)
    await store.claim("d", 1)
    assert (await http.delete(f"/assessments/{assessment_id}")).status_code == 204
    assert (await store.task(None, task_id)).cancel_requested


async def test_another_tenants_assessment_is_not_there(
    http: httpx.AsyncClient, rival: httpx.AsyncClient
) -> None:
    assessment_id = await draft(http)
    path = f"/assessments/{assessment_id}"
    problem(await rival.get(path), 404)
    problem(await rival.put(path, json=BRIEF), 404)
    problem(await rival.post(f"{path}/start"), 404)
    problem(await rival.get(f"{path}/report"), 404)
    problem(await rival.delete(path), 404)
    assert (await http.get(path)).status_code == 200


@pytest.mark.parametrize("bad", ["a:b", "x" * 65, "a.b", "{a}", "ü"])
async def test_an_id_that_cannot_be_one_is_not_found(http: httpx.AsyncClient, bad: str) -> None:
    problem(await http.get(f"/assessments/{bad}"), 404)


async def test_the_list_is_newest_first_in_pages(http: httpx.AsyncClient) -> None:
    made = [await draft(http, name=f"n{i}") for i in range(5)]
    first = (await http.get("/assessments", params={"limit": 3})).json()
    second = (await http.get("/assessments", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [item["assessment_id"] for item in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


async def test_the_list_is_filtered(http: httpx.AsyncClient, rival: httpx.AsyncClient) -> None:
    await draft(rival, name="Clinic of another")
    await draft(http, name="Bank")
    clinic, _ = await started(http)

    async def ids(**params: str) -> list[str]:
        answer = await http.get("/assessments", params=params)
        return [item["assessment_id"] for item in answer.json()["items"]]

    assert await ids(status="in_progress") == [clinic]
    assert await ids(name="CLIN") == [clinic]
    assert len(await ids(created_after="2001-01-01T00:00:00Z")) == 2
    assert await ids(created_after="2999-01-01T01:00:00+01:00") == []
    assert len(await ids(created_after="0001-01-01T00:00:00+14:00")) == 2
    assert await ids(created_after="9999-12-31T23:59:59-14:00") == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"status": "done"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"cursor": "nonsense"}, "cursor"),
    ],
)
async def test_a_bad_filter_is_named(http: httpx.AsyncClient, params: dict[str, str], field: str) -> None:
    assert list(fields(await http.get("/assessments", params=params))) == [field]


async def test_every_wrong_field_of_a_brief_is_named_with_a_hint(http: httpx.AsyncClient) -> None:
    brief = {"name": "x", "hosting": {"provder": "aws", "nodes": [{"instance": "m5", "count": "3"}]}}
    found = fields(await http.post("/assessments", json=brief))
    assert "did you mean `provider`?" in found["hosting.provder"]
    assert "hosting.nodes.0.count" in found


async def test_a_brief_wrong_in_a_thousand_places_is_answered_in_short(http: httpx.AsyncClient) -> None:
    answer = await http.post("/assessments", json={"name": "x", **{f"field_{i}": 1 for i in range(1000)}})
    assert len(problem(answer, 422)["errors"]) == 100
    assert "1000" in answer.json()["detail"]
    assert len(answer.content) < 100_000
