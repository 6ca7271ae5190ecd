"""Many files: they are read in portions, side by side, and the result is that of one process."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from bench.folders import write
from infra_mind.client import Client, read_submission
from infra_mind.inprocess import assess_here
from infra_mind.model.result import AssessmentResult
from infra_mind.model.task import Event, TaskState
from tests.e2e.steps import comparable
from tests.platform import Platform
from tests.waiting import wait_until

FILES = 1_000


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("many"), FILES)


@pytest.fixture(scope="module")
def expected(brief: Path) -> bytes:
    return _comparable(assess_here(read_submission(brief)))


def _comparable(result: AssessmentResult) -> bytes:
    return comparable(json.loads(result.to_json()))


def _portions(events: list[Event]) -> list[str]:
    """The portions in the order in which they were done, each as often as it was."""
    steps = [event.data.get("current_step") or "" for event in events if event.type == "progress"]
    return [step for step in steps if step.startswith("inventory.")]


def test_many_files_give_what_one_process_gives(client: Client, brief: Path, expected: bytes) -> None:
    task_id = client.start(client.create(brief).assessment_id)
    portions = _portions(list(client.events(task_id)))
    assert len(portions) == len(set(portions)) > 3
    assert _comparable(client.result(task_id)) == expected


def test_a_killed_process_costs_the_portion_that_it_read(
    engine: Platform, client: Client, brief: Path, expected: bytes
) -> None:
    task_id = client.start(client.create(brief).assessment_id)
    _kill_one(engine)
    portions = _portions(list(client.events(task_id)))
    task = client.task(task_id)
    assert (task.state, task.attempt) == (TaskState.SUCCESS, 1)
    assert len(portions) == len(set(portions)) > 3
    assert _comparable(client.result(task_id)) == expected


def _kill_one(engine: Platform) -> None:
    def killed() -> bool:
        for process in engine.processes("ray::inventory."):
            try:
                process.kill()
            except psutil.Error:  # it is done with that one
                continue
            return True
        return False

    wait_until("a portion is read", killed, every_s=0.005)


def test_a_cancel_stops_the_portions(engine: Platform, client: Client, brief: Path) -> None:
    task_id = client.start(client.create(brief).assessment_id)
    wait_until("a portion is read", lambda: engine.processes("ray::inventory."), every_s=0.005)
    client.cancel(task_id)
    assert client.wait(task_id).state is TaskState.REVOKED
    wait_until("nothing of it runs", lambda: not engine.processes("ray::inventory."))
