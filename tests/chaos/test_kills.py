"""What is killed while an assessment runs comes back or is not needed: it ends with the right result, and nothing is done twice."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from infra_mind.client import Client
from infra_mind.model.task import Event, TaskState
from tests.platform import Platform
from tests.waiting import wait_until

LONG = {"do": "steps", "s": 4.0, "n": 40}


def start(client: Client, log: Path, *, options: dict[str, Any] | None = None, **agents: Any) -> str:
    brief = {"name": "chaos", "goal": json.dumps({"log": str(log), **agents})}
    return client.start(client.create(brief).assessment_id, **(options or {}))


def starts(log: Path) -> Counter[str]:
    return Counter(line.split()[0] for line in log.read_text().splitlines())


def pid_of(log: Path, agent: str) -> int:
    return wait_until(f"{agent} starts", lambda: _pids(log, agent))[-1]


def _pids(log: Path, agent: str) -> list[int]:
    return [int(line.split()[1]) for line in log.read_text().splitlines() if line.split()[0] == agent]


def wait_kept(client: Client, task_id: str, *agents: str) -> None:
    wait_until(
        f"{agents} are done",
        lambda: all(client.task(task_id).info.agents[name].state == "DONE" for name in agents),
    )


def assert_ends_well(client: Client, task_id: str) -> list[Event]:
    events = list(client.events(task_id))
    task = client.task(task_id)
    assert task.state is TaskState.SUCCESS, task.error
    result = client.result(task_id)
    assert result.status == "completed"
    assert {name: agent.facts[0].value for name, agent in result.agents.items()} == {
        "a": 0,
        "b": 0,
        "c": 0,
        "d": 2,
        "e": 4,
    }
    return events


def test_a_killed_agent_process_runs_again_and_the_others_do_not(client: Client, log: Path) -> None:
    task_id = start(client, log, a=LONG)
    wait_kept(client, task_id, "b", "c")
    psutil.Process(pid_of(log, "a")).kill()
    assert_ends_well(client, task_id)
    assert starts(log) == {"a": 2, "b": 1, "c": 1, "d": 1, "e": 1}


def test_a_killed_dispatcher_is_replaced_by_the_other_one_with_what_was_kept(
    engine: Platform, client: Client, log: Path
) -> None:
    task_id = start(client, log, a=LONG)
    wait_kept(client, task_id, "b", "c")
    wait_until("it runs for a while", lambda: client.task(task_id).info.agents["a"].progress > 20)
    busy = [w for w in client.workers().workers if w.pool == "dispatcher" and w.active_tasks]
    psutil.Process(int(busy[0].name.rpartition("@")[2])).kill()
    assert_ends_well(client, task_id)
    assert starts(log) == {"a": 2, "b": 1, "c": 1, "d": 1, "e": 1}
    assert client.task(task_id).attempt == 2


def test_a_killed_progress_actor_comes_back_and_progress_goes_on(
    engine: Platform, client: Client, log: Path
) -> None:
    task_id = start(client, log, a=LONG)
    pid_of(log, "a")
    wait_until("a shows progress", lambda: client.task(task_id).info.agents["a"].progress > 5)
    (actor,) = engine.processes("ProgressActor")
    before = client.task(task_id).info.agents["a"].progress
    actor.kill()
    wait_until("progress goes on", lambda: client.task(task_id).info.agents["a"].progress > before + 10)
    assert_ends_well(client, task_id)
    assert starts(log) == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}


def test_a_killed_api_replica_loses_no_event(engine: Platform, client: Client, log: Path) -> None:
    task_id = start(client, log, a=LONG)
    pid_of(log, "a")
    seen: list[Event] = []
    for event in client.events(task_id):
        seen.append(event)
        if len(seen) == 5:
            for replica in engine.processes("ServeReplica:infra-mind:api"):
                replica.kill()
    assert seen[-1].data["state"] == "SUCCESS"
    progress = [e.data["agents"]["a"]["progress"] for e in seen if "a" in e.data.get("agents", {})]
    assert progress == sorted(progress)
    assert len(progress) > 5
    assert_ends_well(client, task_id)


def test_a_killed_store_comes_back_from_its_file(
    engine: Platform, client: Client, log: Path, tmp_path: Path
) -> None:
    task_id = start(client, log, a=LONG)
    waiting = start(client, tmp_path / "other.log")
    wait_kept(client, task_id, "b", "c")
    wait_until("the append-only file is on disk", lambda: client.task(waiting).state is TaskState.SUCCESS)
    (store,) = engine.processes("valkey-server")
    store.send_signal(signal.SIGKILL)
    assert_ends_well(client, task_id)
    assert starts(log) == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}
    assert client.result(waiting).status == "completed"
