"""Worker processes: a memory ceiling that ends them with a reason, recycling, and a status that is true."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra_mind.client import Client
from infra_mind.model.task import AgentState, TaskState
from infra_mind.model.workers import Alert
from tests.chaos.test_kills import start, starts
from tests.platform import SYNTHETIC, Platform, platform
from tests.unit.small_server import SmallServer, Told, small_server
from tests.waiting import wait_until

CEILING_MB = 400
RECYCLE_AFTER = 3
SETTINGS = {
    "INFRA_MIND_STEP_MEMORY_MB": str(CEILING_MB),
    "INFRA_MIND_RECYCLE_AFTER": str(RECYCLE_AFTER),
    "INFRA_MIND_ALERT_AFTER": "3",
    "INFRA_MIND_RETRY_BASE_S": "0.1",
}


@pytest.fixture(scope="module")
def operator() -> Iterator[SmallServer]:
    """Where alerts are told to."""
    with small_server() as server:
        server.tell(Told(204))
        yield server


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, operator: SmallServer) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("small") / "home"
    told = {"INFRA_MIND_ALERT_WEBHOOK_URL": operator.url, "INFRA_MIND_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1/32"}
    with platform(home, "--slots", "4", "--agents", SYNTHETIC, settings=SETTINGS | told) as started:
        yield started


@pytest.fixture
def client(small: Platform) -> Iterator[Client]:
    with small.client() as made:
        yield made


@pytest.mark.parametrize("how", ["list", "leap", "ctypes", "mmap"])
def test_an_agent_over_the_ceiling_fails_with_the_sizes_and_is_not_tried_again(
    client: Client, log: Path, how: str
) -> None:
    task_id = start(client, log, c={"do": "grow", "mb": 2_000, "how": how})
    task = client.wait(task_id)
    agent = task.info.agents["c"]
    assert (task.state, agent.state, agent.attempt) == (TaskState.SUCCESS, AgentState.FAILED, 1)
    assert agent.reason.startswith("MemoryLimitExceeded: ")
    assert f"ceiling {CEILING_MB} MiB" in agent.reason
    assert starts(log)["c"] == 1
    assert client.result(task_id).status == "partial"


def test_an_agent_below_the_ceiling_ends_well(client: Client, log: Path) -> None:
    task_id = start(client, log, c={"do": "grow", "mb": 64, "how": "ctypes"})
    client.wait(task_id)
    assert client.result(task_id).status == "completed"


def test_a_crash_loop_is_counted_over_crashes(client: Client, log: Path) -> None:
    """Three processes in all, however retries of crashes and of errors would add up."""
    crash: dict[str, Any] = {"do": "crash", "times": 100}
    task_id = start(client, log, c=crash)
    task = client.wait(task_id)
    agent = task.info.agents["c"]
    assert (agent.state, agent.attempt) == (AgentState.FAILED, 3)
    assert agent.reason.startswith("WorkerCrashed: ")
    assert starts(log)["c"] == 3


def test_a_crash_counts_with_the_errors_that_come_after_it(client: Client, log: Path) -> None:
    """Three starts in all: one that crashed, and two that failed."""
    task_id = start(client, log, c={"do": "crash", "times": 1, "then": {"do": "flaky", "times": 100}})
    agent = client.wait(task_id).info.agents["c"]
    assert (agent.state, agent.attempt) == (AgentState.FAILED, 3)
    assert agent.reason.startswith("FlakyError: ")
    assert starts(log)["c"] == 3


def test_lost_processes_raise_an_alert_that_is_told_and_in_the_status_and_the_metrics(
    small: Platform, client: Client, log: Path, operator: SmallServer
) -> None:
    client.wait(start(client, log, c={"do": "crash", "times": 100}))

    def alert() -> Alert | None:
        return next((one for one in client.workers().alerts if one.kind == "WorkerCrashed"), None)

    shown = wait_until("the alert is shown", alert)
    assert shown.count >= 3
    assert shown.step == "c"

    def heard() -> list[dict[str, Any]]:
        bodies = [json.loads(asked.body) for asked in operator.asked]
        return [one["data"] for one in bodies if one["data"]["kind"] == "WorkerCrashed"]

    (one,) = wait_until("it is told to the operator", heard)
    assert (one["count"], one["since"]) == (3, shown.since)
    answer = httpx.get(
        f"{small.endpoint.url}/metrics",
        headers={"Authorization": f"Bearer {small.home.api_key()}"},
        trust_env=False,
    )
    assert 'infra_mind_alerts{kind="WorkerCrashed"} 1.0' in answer.text
    assert 'infra_mind_alerts{kind="OutOfMemory"} 0.0' in answer.text


def test_a_process_is_replaced_after_so_many_steps(client: Client, log: Path) -> None:
    for _ in range(4):
        client.wait(start(client, log))
    runs = Counter(line.split()[1] for line in log.read_text().splitlines())
    assert sum(runs.values()) == 20
    assert max(runs.values()) <= RECYCLE_AFTER
