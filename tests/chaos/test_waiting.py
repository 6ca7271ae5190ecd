"""Steps that await share a process: they need no slot each, and what is done to one of them is not done to the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra_mind.client import Client
from infra_mind.model.task import TaskState
from tests.chaos.settings import SETTINGS
from tests.chaos.test_kills import _pids, pid_of, start, starts
from tests.platform import Platform, platform
from tests.waiting import wait_until

SLOTS = 2
LONG = {"do": "sleep", "s": 120}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("waiting") / "home"
    words = ("--slots", str(SLOTS), "--agents", "tests.synthetic:waiting_table")
    with platform(home, *words, settings=SETTINGS | {"INFRA_MIND_DISPATCHERS": "1"}) as started:
        yield started


def assert_ends_well(client: Client, task_id: str) -> None:
    client.wait(task_id)
    assert client.task(task_id).state is TaskState.SUCCESS
    result = client.result(task_id)
    assert result.status == "completed"
    seen = {name: agent.facts[0].value for name, agent in result.agents.items()}
    assert seen == {"a": 0, "b": 0, "c": 0, "d": 1, "e": 4}


def test_more_steps_wait_at_once_than_there_are_slots_in_one_process(client: Client, log: Path) -> None:
    task_id = start(client, log, a=LONG, b=LONG, c=LONG)
    pids = {pid_of(log, name) for name in ("a", "b", "c")}
    assert len(pids) == 1
    wait_until(
        "all three are shown as running",
        lambda: (
            [a.state for n, a in client.task(task_id).info.agents.items() if n in "abc"] == ["RUNNING"] * 3
        ),
    )
    client.cancel(task_id)
    wait_until("it says so", lambda: client.task(task_id).state is TaskState.REVOKED)
    assert psutil.pid_exists(pids.pop())


def test_progress_of_a_step_that_awaits_is_told(client: Client, log: Path) -> None:
    task_id = start(client, log, a={"do": "steps", "s": 1.0, "n": 10})
    told = [
        event.data["agents"]["a"]["note"]
        for event in client.events(task_id)
        if event.data.get("agents", {}).get("a", {}).get("state") == "RUNNING"
    ]
    assert len(told) > 3
    assert_ends_well(client, task_id)


def test_when_their_process_is_killed_they_run_again_and_end_well(client: Client, log: Path) -> None:
    task_id = start(client, log, a={"do": "steps", "s": 2.0, "n": 20}, b={"do": "steps", "s": 2.0, "n": 20})
    psutil.Process(pid_of(log, "a")).kill()
    assert_ends_well(client, task_id)
    assert starts(log) == {"a": 2, "b": 2, "c": 1, "d": 1, "e": 1}
    assert client.task(task_id).info.agents["a"].attempt == 2


def test_one_that_crashes_its_process_again_and_again_fails_alone(
    client: Client, log: Path, tmp_path: Path
) -> None:
    other_log = tmp_path / "other.log"
    other_log.touch()
    other = start(client, other_log, a={"do": "steps", "s": 2.0, "n": 20})
    pid_of(other_log, "a")
    task_id = start(client, log, b={"do": "crash", "times": 99})
    client.wait(task_id)
    assert_ends_well(client, other)
    failed = client.task(task_id).info.agents["b"]
    assert (failed.state, failed.reason.partition(":")[0]) == ("FAILED", "WorkerCrashed")
    assert failed.attempt == starts(log)["b"]
    assert client.result(task_id).status == "partial"


def test_one_that_holds_up_the_others_is_ended_when_it_is_cancelled(
    client: Client, log: Path, tmp_path: Path
) -> None:
    other_log = tmp_path / "other.log"
    other_log.touch()
    other = start(client, other_log, a={"do": "steps", "s": 1.0, "n": 10})
    pid_of(other_log, "a")
    task_id = start(client, log, a={"do": "hog", "s": 120})
    hog = pid_of(log, "a")
    client.cancel(task_id)
    wait_until("its process has ended", lambda: not psutil.pid_exists(hog), timeout_s=5)
    wait_until("it says so", lambda: client.task(task_id).state is TaskState.REVOKED)
    assert_ends_well(client, other)
    assert len(_pids(other_log, "a")) == 2
