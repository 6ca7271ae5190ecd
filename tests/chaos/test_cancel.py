"""Cancel means: five seconds later no process of it is alive, whatever it was doing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from infra_mind.client import Client
from infra_mind.errors import Conflict
from infra_mind.model.task import TaskState
from tests.chaos.test_kills import pid_of, start, starts
from tests.platform import Platform
from tests.waiting import wait_until

BUSY = [
    pytest.param({"do": "burn", "s": 120}, id="burns the CPU"),
    pytest.param({"do": "block", "s": 120}, id="blocks inside C"),
    pytest.param({"do": "sleep", "s": 120}, id="sleeps"),
    pytest.param({"do": "child", "s": 120}, id="waits for a process of its own"),
]


def gone(pid: int, agent_step: str = "run_step") -> bool:
    """True when the process has ended, or does something else by now (a worker process is used again after a soft stop)."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or "IDLE" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("what", BUSY)
def test_nothing_of_a_cancelled_task_runs_on(client: Client, log: Path, what: dict[str, Any]) -> None:
    task_id = start(client, log, a=what)
    pids = [pid_of(log, "a")]
    if what["do"] == "child":
        pids.append(pid_of(log, "child"))
    client.cancel(task_id)
    wait_until("no process of it is alive", lambda: all(gone(pid) for pid in pids), timeout_s=5)
    wait_until("it says so", lambda: client.task(task_id).state is TaskState.REVOKED)
    assert starts(log)["a"] == 1
    assert starts(log)["d"] == 0


def test_a_cancel_while_its_dispatcher_dies_is_kept(engine: Platform, client: Client, log: Path) -> None:
    task_id = start(client, log, a={"do": "burn", "s": 120})
    pid = pid_of(log, "a")
    busy = wait_until(
        "it is known who runs it",
        lambda: [w for w in client.workers().workers if w.pool == "dispatcher" and w.active_tasks],
    )
    dispatcher = psutil.Process(int(busy[0].name.rpartition("@")[2]))
    dispatcher.suspend()  # it does not hear of it
    client.cancel(task_id)
    dispatcher.kill()
    wait_until("no process of it is alive", lambda: gone(pid), timeout_s=5)
    wait_until("it says so", lambda: client.task(task_id).state is TaskState.REVOKED, timeout_s=30)
    assert starts(log)["a"] == 1


def test_cancelling_what_has_ended_is_a_conflict(client: Client, log: Path) -> None:
    task_id = start(client, log)
    client.wait(task_id)
    with pytest.raises(Conflict):
        client.cancel(task_id)
