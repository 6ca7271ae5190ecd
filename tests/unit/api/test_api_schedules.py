"""Schedules over HTTP."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import httpx
import pytest

from infra_mind.model.submission import Submission
from infra_mind.tasks.memory import MemoryStore
from tests.unit.api.steps import BRIEF, draft, fields, problem

WHEN = {"name": "Every Monday", "cron": "0 6 * * 1", "timezone": "Europe/Berlin"}


async def made(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await http.post("/schedules", json={**WHEN, "brief": BRIEF, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/schedules/{found['schedule_id']}"
    return found


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def test_a_schedule_of_a_brief(http: httpx.AsyncClient, store: MemoryStore) -> None:
    files = [{"path": "main.tf", "content": 'resource "aws_s3_bucket" "x" {}\n'}]
    options = {"priority": "low", "soft_limit_s": 60}
    schedule = await made(http, brief={**BRIEF, "artefacts": files}, options=options)
    assert (schedule["name"], schedule["cron"], schedule["timezone"]) == tuple(WHEN.values())
    assert (schedule["enabled"], schedule["coalesce"], schedule["options"]) == (True, True, options)
    due = datetime.fromisoformat(schedule["next_due_at"])
    assert (due.weekday(), due.hour in (4, 5), due.minute) == (
        0,
        True,
        0,
    )  # 06:00 in Berlin, summer or winter
    assert 0 < due.timestamp() - time.time() <= 7 * 86_400 + 3_600
    kept = Submission.from_bytes(store._state.schedules[schedule["schedule_id"]].new.data)
    assert (kept.brief.name, [file.path for file in kept.artefacts]) == ("Clinic assistant", ["main.tf"])


async def test_a_schedule_of_an_assessment_outlives_it(http: httpx.AsyncClient, store: MemoryStore) -> None:
    assessment_id = await draft(http)
    answer = await http.post("/schedules", json={**WHEN, "assessment_id": assessment_id})
    assert answer.status_code == 201, answer.text
    assert (await http.delete(f"/assessments/{assessment_id}")).status_code == 204
    kept = Submission.from_bytes(store._state.schedules[answer.json()["schedule_id"]].new.data)
    assert kept.brief.name == BRIEF["name"]


async def test_get_list_and_delete(http: httpx.AsyncClient) -> None:
    first, second = await made(http, name="first"), await made(http, name="second")
    assert (await http.get("/schedules")).json() == {"items": [second, first]}
    assert (await http.get(f"/schedules/{first['schedule_id']}")).json() == first
    assert (await http.delete(f"/schedules/{first['schedule_id']}")).status_code == 204
    problem(await http.get(f"/schedules/{first['schedule_id']}"), 404)
    problem(await http.delete(f"/schedules/{first['schedule_id']}"), 404)
    assert (await http.get("/schedules")).json() == {"items": [second]}


async def test_pause_and_resume(http: httpx.AsyncClient) -> None:
    schedule = await made(http)
    path = f"/schedules/{schedule['schedule_id']}"
    paused = (await http.patch(path, json={"enabled": False})).json()
    assert (paused["enabled"], paused["next_due_at"]) == (False, None)
    assert (await http.patch(path, json={"enabled": True})).json() == schedule
    assert (await http.patch(path, json={"enabled": True})).json() == schedule
    assert list(fields(await http.patch(path, json={"enabled": "yes"}))) == ["enabled"]
    assert list(fields(await http.patch(path, json={"enabled": True, "cron": "* * * * *"}))) == ["cron"]
    problem(await http.patch("/schedules/sch_none", json={"enabled": True}), 404)


async def test_one_may_be_made_paused(http: httpx.AsyncClient) -> None:
    assert (await made(http, enabled=False))["next_due_at"] is None


async def test_the_same_idempotency_key_is_the_same_schedule(
    http: httpx.AsyncClient, rival: httpx.AsyncClient
) -> None:
    body, key = {**WHEN, "brief": BRIEF}, {"Idempotency-Key": "once"}
    first, again = [(await http.post("/schedules", json=body, headers=key)).json() for _ in range(2)]
    other = (await rival.post("/schedules", json=body, headers=key)).json()
    assert first == again
    assert other["schedule_id"] != first["schedule_id"]
    assert len((await http.get("/schedules")).json()["items"]) == 1


@pytest.mark.parametrize("change", [{"cron": "1 1 * * *"}, {"name": "x"}, {"options": {"priority": "low"}}])
async def test_an_idempotency_key_of_another_schedule_is_a_conflict(
    http: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    body, key = {**WHEN, "brief": BRIEF}, {"Idempotency-Key": "once"}
    await http.post("/schedules", json=body, headers=key)
    problem(await http.post("/schedules", json={**body, **change}, headers=key), 409)


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"cron": "61 * * * *"}, "cron", "minute"),
        ({"cron": "* * * * * *"}, "cron", "five fields"),
        ({"cron": "0 0 30 2 *"}, "cron", "day-of-month"),
        ({"cron": None}, "cron", "string"),
        ({"timezone": "Europe/Nowhere"}, "timezone", "IANA"),
        ({"timezone": "../../etc/passwd"}, "timezone", "IANA"),
        ({"name": ""}, "name", "at least 1"),
        ({"name": "x" * 201}, "name", "at most 200"),
        ({"corn": "* * * * *"}, "corn", "did you mean `cron`?"),
        ({"enabled": 1}, "enabled", "boolean"),
        ({"brief": None}, "assessment_id", "either"),
        ({"assessment_id": "asm_1"}, "assessment_id", "either"),
        ({"brief": None, "assessment_id": "asm_none"}, "assessment_id", "no such assessment"),
        ({"brief": None, "assessment_id": "a/../b"}, "assessment_id", "pattern"),
        ({"brief": {**BRIEF, "hosting": {"provder": "aws"}}}, "brief.hosting.provder", "provider"),
        ({"options": {"priority": "urgent"}}, "options.priority", "critical"),
        ({"options": {"soft_limit_s": 20, "hard_limit_s": 10}}, "options.soft_limit_s", "not below"),
        ({"options": {"webhook_url": "https://10.0.0.1/"}}, "options.webhook_url", "not public"),
        ({"options": {"delay_s": 5}}, "options.delay_s", "the schedule says when"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(
    http: httpx.AsyncClient, change: dict[str, Any], field: str, says: str
) -> None:
    found = fields(await http.post("/schedules", json={**WHEN, "brief": BRIEF, **change}))
    assert field in found
    assert says in found[field]
    assert (await http.get("/schedules")).json() == {"items": []}


@pytest.mark.parametrize("body", [b"[]", b"{", b"", b"null", b'{"name": "a", "name": "b"}'])
async def test_a_body_that_is_none_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    problem(await http.post("/schedules", content=body), 422)


async def test_another_tenants_schedule_is_not_there(
    http: httpx.AsyncClient, rival: httpx.AsyncClient
) -> None:
    path = f"/schedules/{(await made(http))['schedule_id']}"
    assessment_id = await draft(http)
    for answer in (
        await rival.get(path),
        await rival.delete(path),
        await rival.patch(path, json={"enabled": False}),
    ):
        problem(answer, 404)
    assert (await rival.get("/schedules")).json() == {"items": []}
    stolen = await rival.post("/schedules", json={**WHEN, "assessment_id": assessment_id})
    assert "no such assessment" in fields(stolen)["assessment_id"]


async def test_too_many_are_a_conflict_that_waiting_does_not_mend(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    for number in range(store.limits.max_schedules_per_tenant):
        await made(http, name=str(number))
    answer = await http.post("/schedules", json={**WHEN, "brief": BRIEF})
    assert "delete one" in problem(answer, 409)["detail"]


async def test_a_webhooks_path_is_not_shown(http: httpx.AsyncClient) -> None:
    await made(http, options={"webhook_url": "https://hooks.example.com/s3cr3t"})
    assert "s3cr3t" not in (await http.get("/schedules")).text


async def test_a_key_is_needed(anyone: httpx.AsyncClient) -> None:
    problem(await anyone.get("/api/v1/schedules"), 401)
    problem(await anyone.post("/api/v1/schedules", json={**WHEN, "brief": BRIEF}), 401)
