"""Start now, look later: `--no-wait`, then `watch`, `status`, `result`, `list`, `workers`, `report`, `cancel`; and keys."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from infra_mind.agents import NAMES
from infra_mind.model.numbers import money
from infra_mind.reports.html import render
from tests.e2e.steps import BRIEF, MINIMAL, Tried, client_of, comparable, problem
from tests.platform import Platform
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def started(engine: Platform) -> dict[str, str]:
    """A start without waiting."""
    ran = engine.run("assess", str(MINIMAL), "--no-wait", "--json")
    assert ran.returncode == 0, ran.stderr
    ids: dict[str, str] = json.loads(ran.stdout)
    return ids


def test_watch_goes_on_to_the_end(engine: Platform, started: dict[str, str]) -> None:
    ran = engine.run("watch", started["task_id"], "--json")
    assert ran.returncode == 0, ran.stderr
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert events[0]["type"] == "snapshot"
    assert events[-1]["data"]["state"] == "SUCCESS"


def test_status_after_the_end(engine: Platform, started: dict[str, str]) -> None:
    engine.run("watch", started["task_id"])
    task = json.loads(engine.run("status", started["task_id"], "--json").stdout)
    assert task["state"] == "SUCCESS"
    assert task["attempt"] == 1
    assert {name: agent["state"] for name, agent in task["info"]["agents"].items()} == dict.fromkeys(
        NAMES, "DONE"
    )
    assert task["info"]["progress"] == 100


def test_result_is_the_one_of_the_task(engine: Platform, started: dict[str, str]) -> None:
    engine.run("watch", started["task_id"])
    result = json.loads(engine.run("result", started["task_id"], "--json").stdout)
    assert result["assessment_id"] == started["assessment_id"]
    assert result["provenance"]["task_id"] == started["task_id"]
    waited = json.loads(engine.run("assess", str(MINIMAL), "--json").stdout)
    assert comparable(result) == comparable(waited)


def test_list_has_it_and_rows_are_whole(engine: Platform, started: dict[str, str]) -> None:
    rows = engine.run("list").stdout.splitlines()
    row = next(row for row in rows if row.startswith(started["task_id"]))
    assert row.endswith("One small service")
    listed = json.loads(engine.run("list", "--json", "--limit", "1").stdout)
    assert len(listed) == 1


def test_list_by_state(engine: Platform, started: dict[str, str]) -> None:
    engine.run("watch", started["task_id"])
    done = json.loads(engine.run("list", "--json", "--state", "SUCCESS").stdout)
    assert started["task_id"] in {task["task_id"] for task in done}
    assert json.loads(engine.run("list", "--json", "--state", "FAILURE").stdout) == []
    wrong = engine.run("list", "--state", "DONE")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("state: ")


def test_report_of_a_kind_is_a_page(
    engine: Platform, clinic: Tried, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = tmp_path_factory.mktemp("reports") / "cost.html"
    ran = engine.run("report", clinic.result["assessment_id"], "--kind", "cost", "--out", str(page))
    assert ran.returncode == 0, ran.stderr
    text = page.read_text(encoding="utf-8")
    assert text.lower().startswith("<!doctype html>")
    cost = clinic.result["agents"]["cost"]["facts"]
    total = next(fact["value"] for fact in cost if fact["id"] == "cost.total_usd_per_month")
    assert money(total) in text


def test_report_over_http_is_the_one_of_the_command_line(
    http: httpx.Client, client_result: Any, clinic: Tried
) -> None:
    answer = http.get(f"/assessments/{clinic.result['assessment_id']}/report", params={"format": "html"})
    assert answer.status_code == 200
    assert answer.text == render(client_result) == clinic.report.read_text(encoding="utf-8")


@pytest.fixture
def client_result(clinic: Tried) -> Any:
    from infra_mind.model.result import AssessmentResult

    return AssessmentResult.model_validate_json(clinic.ran.stdout)


def test_workers_tells_slots_and_dispatchers(engine: Platform) -> None:
    found = json.loads(engine.run("workers", "--json").stdout)
    pools = sorted(worker["pool"] for worker in found["workers"])
    assert pools == ["agents", "dispatcher", "dispatcher"]
    assert found["total_workers"] == 3
    (agents,) = [worker for worker in found["workers"] if worker["pool"] == "agents"]
    assert agents["max_concurrency"] == 4
    assert found["queue"]["depth"] == {"critical": 0, "high": 0, "medium": 0, "low": 0}


@pytest.mark.parametrize("command", ["status", "watch", "result", "cancel", "report"])
def test_an_unknown_id_is_bad_input(engine: Platform, command: str) -> None:
    ran = engine.run(command, "tsk_00000000000000000000")
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1


def test_a_key_of_another_tenant_sees_nothing_of_ours(rival: httpx.Client, clinic: Tried) -> None:
    result = clinic.result
    assessment_id, task_id = result["assessment_id"], result["provenance"]["task_id"]
    for path in (
        f"/assessments/{assessment_id}",
        f"/assessments/{assessment_id}/report",
        f"/tasks/{task_id}",
        f"/tasks/{task_id}/result",
        f"/tasks/{task_id}/events",
    ):
        problem(rival.get(path), 404)
    problem(rival.delete(f"/tasks/{task_id}"), 404)
    problem(rival.delete(f"/assessments/{assessment_id}"), 404)
    problem(rival.put(f"/assessments/{assessment_id}", json=BRIEF), 404)
    problem(rival.post(f"/assessments/{assessment_id}/start"), 404)
    assert rival.get("/tasks").json()["items"] == []
    assert rival.get("/assessments").json()["items"] == []


def test_a_key_is_shown_once_listed_without_its_secret_and_refused_after_its_end(engine: Platform) -> None:
    made = json.loads(
        engine.run(
            "keys", "create", "--tenant", "guest", "--label", "for a day", "--expires-days", "1", "--json"
        ).stdout
    )
    assert "secret_sha256" not in made
    listed = engine.run("keys", "list", "--json")
    (shown,) = [key for key in json.loads(listed.stdout) if key["key_id"] == made["key_id"]]
    assert (shown["tenant"], shown["label"]) == ("guest", "for a day")
    assert shown["expires_at"]
    assert made["key"] not in listed.stdout
    assert made["key"].rpartition("_")[2] not in listed.stdout
    with client_of(engine, made["key"]) as guest:
        assert guest.get("/tasks").status_code == 200
        assert engine.run("keys", "revoke", made["key_id"]).returncode == 0
        # each replica trusts a key that it found for five seconds
        wait_until(
            "every replica refuses it",
            lambda: all(guest.get("/tasks").status_code == 401 for _ in range(20)),
            timeout_s=10,
        )
        assert "revoked" in problem(guest.get("/tasks"), 401)["detail"]
    ran = replace(engine, environment=engine.environment | {"INFRA_MIND_API_KEY": made["key"]}).run("list")
    assert ran.returncode == 3
    assert "keys create" in ran.stderr


def test_revoking_a_key_that_is_not_there(engine: Platform) -> None:
    ran = engine.run("keys", "revoke", "nobody")
    assert ran.returncode == 2
    assert "keys list" in ran.stderr


@pytest.mark.parametrize(
    ("option", "value"), [("--expires-days", "0"), ("--weight", "-1"), ("--tenant", " ")]
)
def test_a_key_with_wrong_options(engine: Platform, option: str, value: str) -> None:
    ran = engine.run("keys", "create", option, value)
    assert ran.returncode == 2
    assert ran.stderr.startswith(option)
