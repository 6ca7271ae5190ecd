"""What the API says while a task certainly runs: an agent waits for a file that only the test makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.steps import draft, ended, problem, start
from tests.platform import SYNTHETIC, Platform, platform
from tests.waiting import wait_until

RUNNING = ("STARTED", "PROGRESS")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Nothing is ended by force before the test is long over: what does not listen runs until it is told."""
    with platform(
        tmp_path_factory.mktemp("running") / "home", "--slots", "4", "--agents", SYNTHETIC,
        settings={"INFRA_MIND_CANCEL_GRACE_S": "300"},
    ) as started:  # fmt: skip
        yield started


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """The file that the agent waits for; at the latest it is there after the test."""
    path = tmp_path / "go"
    yield path
    path.touch()


def held(http: httpx.Client, gate: Path, *, deaf: bool = False) -> str:
    """A task whose agent `a` runs until the gate is there; `deaf` to the wish to stop."""
    task_id = start(http, brief(http, gate, deaf=deaf))
    wait_until(
        "the agent runs",
        lambda: http.get(f"/tasks/{task_id}").json()["info"]["agents"]["a"]["state"] == "RUNNING",
    )
    return task_id


def brief(http: httpx.Client, gate: Path, *, deaf: bool = False) -> str:
    goal = {"a": {"do": "wait", "for": str(gate), "deaf": deaf}}
    return draft(http, {"name": "held", "goal": json.dumps(goal)})


def test_a_result_that_is_asked_for_too_early(http: httpx.Client, gate: Path) -> None:
    task_id = held(http, gate)
    assessment_id = http.get(f"/tasks/{task_id}").json()["info"]["assessment_id"]
    assert problem(http.get(f"/tasks/{task_id}/result"), 409)["state"] in RUNNING
    problem(http.get(f"/assessments/{assessment_id}/report"), 409)
    gate.touch()
    assert ended(http, task_id)["state"] == "SUCCESS"
    body = http.get(f"/tasks/{task_id}/result").json()
    assert (body["task_id"], body["state"]) == (task_id, "SUCCESS")
    assert body["result"]["provenance"]["task_id"] == task_id


def test_a_result_that_the_command_line_asks_for_too_early(
    engine: Platform, http: httpx.Client, gate: Path
) -> None:
    ran = engine.run("result", held(http, gate))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "has not ended yet" in ran.stderr


def test_cancel_stops_what_listens(http: httpx.Client, gate: Path) -> None:
    task_id = held(http, gate)
    assert http.delete(f"/tasks/{task_id}").status_code == 202
    assert ended(http, task_id)["state"] == "REVOKED"
    assert not gate.exists()
    assert problem(http.get(f"/tasks/{task_id}/result"), 424)["state"] == "REVOKED"


def test_cancelling_twice_while_it_still_runs_and_once_more_after_its_end(
    http: httpx.Client, gate: Path
) -> None:
    task_id = held(http, gate, deaf=True)
    first, second = (http.delete(f"/tasks/{task_id}") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json()["state"] in RUNNING
    assert http.get(f"/tasks/{task_id}").json()["cancel_requested"] is True
    gate.touch()
    assert ended(http, task_id)["state"] == "REVOKED"
    assert problem(http.delete(f"/tasks/{task_id}"), 409)["state"] == "REVOKED"


def test_the_command_line_cancels_and_cancels_twice(engine: Platform, http: httpx.Client, gate: Path) -> None:
    task_id = held(http, gate)
    first = engine.run("cancel", task_id, "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["task_id"] == task_id
    assert ended(http, task_id)["state"] == "REVOKED"
    again = engine.run("cancel", task_id)
    assert (again.returncode, again.stdout) == (2, "")
    assert "already ended as REVOKED" in again.stderr


def test_a_running_assessment_is_not_started_twice(http: httpx.Client, gate: Path) -> None:
    assessment_id = brief(http, gate)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: http.post(f"/assessments/{assessment_id}/start"), range(2)))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    problem(http.put(f"/assessments/{assessment_id}", json={"name": "x"}), 409)
    (accepted,) = [answer for answer in answers if answer.status_code == 202]
    gate.touch()
    assert ended(http, accepted.json()["task_id"])["state"] == "SUCCESS"
