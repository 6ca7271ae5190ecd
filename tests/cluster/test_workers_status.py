"""`/workers/status` against what runs: steps on two nodes, a node that dies, a dispatcher that is killed, what waits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra_mind.client import Client
from infra_mind.model.task import Priority, TaskState
from infra_mind.model.workers import Worker, WorkersStatus
from tests.cluster.conftest import SOON, RayCluster, ray_cluster
from tests.platform import SYNTHETIC
from tests.waiting import wait_until

SLOTS = {"big": 4, "small": 2}
SETTINGS = {"INFRA_MIND_LEASE_S": "2", "INFRA_MIND_SURPLUS": "1", "INFRA_MIND_RETRY_BASE_S": "0.1"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """A head without slots, and two nodes of different size."""
    home = tmp_path_factory.mktemp("status") / "home"
    with ray_cluster(home, "--num-cpus=0", settings={**SETTINGS, **SOON}) as head:
        for slots in SLOTS.values():
            head.join(slots)
        yield head


@pytest.fixture(scope="module")
def client(cluster: RayCluster) -> Iterator[Client]:
    words = ("serve_app:app", f"agents={SYNTHETIC}", "slot_resource=slot", "api_replicas=1")
    started = cluster.run("serve", "run", "--non-blocking", *words)
    assert started.returncode == 0, started.stdout + started.stderr
    key = (Path(cluster.environment["INFRA_MIND_HOME"]) / "api.key").read_text().strip()
    with Client("http://127.0.0.1:8000", key) as made:
        yield made


def of_agents(status: WorkersStatus) -> list[Worker]:
    return sorted(
        (one for one in status.workers if one.pool == "agents"), key=lambda one: -one.max_concurrency
    )


def raylet_of(pid: int) -> int:
    """The process that started this worker: one for each node."""
    return psutil.Process(pid).ppid()


def running(log: Path) -> list[int]:
    pids = [int(line.split()[1]) for line in log.read_text().splitlines() if line.split()[0] in "abc"]
    return [pid for pid in pids if psutil.pid_exists(pid)]


def test_an_idle_cluster_shows_its_nodes_and_dispatchers(client: Client) -> None:
    status = wait_until("two dispatchers are known", lambda: _with_dispatchers(client, 2))
    assert [(one.status, one.max_concurrency, one.active_tasks) for one in of_agents(status)] == [
        ("alive", 4, 0),
        ("alive", 2, 0),
    ]
    assert [one.resources["slot"] for one in of_agents(status)] == [4.0, 2.0]
    assert len({one.name for one in status.workers}) == status.total_workers == 4
    dispatchers = [one for one in status.workers if one.pool == "dispatcher"]
    assert [(one.status, one.max_concurrency, one.active_tasks) for one in dispatchers] == [
        ("alive", 6, 0)
    ] * 2
    assert status.queue is not None
    assert (sum(status.queue.depth.values()), status.queue.oldest_age_s) == (0, None)
    assert status.autoscaler == {"nodes_alive": 3, "slots": 6, "pending_nodes": {}, "waiting_steps": 0}
    assert status.alerts == ()


def _with_dispatchers(client: Client, count: int) -> WorkersStatus | None:
    status = client.workers()
    alive = [one for one in status.workers if one.pool == "dispatcher" and one.status == "alive"]
    return status if len(alive) == count else None


def test_a_running_step_shows_on_its_node_and_what_waits_by_priority(client: Client, tmp_path: Path) -> None:
    log = tmp_path / "starts.log"
    log.touch()
    goal = json.dumps({"log": str(log), **{name: {"do": "sleep", "s": 60.0} for name in "abc"}})
    tasks = [
        client.start(client.create({"name": f"{i}", "goal": goal}).assessment_id, priority=priority)
        for i, priority in enumerate([Priority.HIGH] * 2 + [Priority.LOW] * 4)
    ]
    wait_until("every slot is taken", lambda: len(running(log)) == 6)
    by_node = Counter(raylet_of(pid) for pid in running(log))

    def shown() -> WorkersStatus | None:
        status = client.workers()
        return status if sum(one.active_tasks for one in of_agents(status)) == 6 else None

    status = wait_until("the status shows them", shown)
    assert sorted(one.active_tasks for one in of_agents(status)) == sorted(by_node.values()) == [2, 4]
    known = [client.task(task_id) for task_id in tasks]
    started = [task for task in known if task.state is not TaskState.PENDING]
    assert sum(one.active_tasks for one in status.workers if one.pool == "dispatcher") == len(started)
    waiting = Counter(task.priority for task in known if task.state is TaskState.PENDING)
    assert status.queue is not None
    assert {p: n for p, n in status.queue.depth.items() if n} == dict(waiting)
    assert waiting[Priority.LOW] > 0
    assert (status.queue.oldest_age_s or 0) > 0
    for task_id in tasks:
        client.cancel(task_id)
    wait_until("nothing is shown as running", lambda: _idle(client))


def _idle(client: Client) -> bool:
    status = client.workers()
    return sum(one.active_tasks for one in status.workers) == 0


def test_a_killed_dispatcher_is_shown_dead_and_another_alive(client: Client) -> None:
    before = {one.name for one in client.workers().workers if one.pool == "dispatcher"}
    victim = sorted(before)[0]
    psutil.Process(int(victim.rpartition("@")[2])).kill()

    def replaced() -> WorkersStatus | None:
        status = client.workers()
        of = {one.name: one for one in status.workers if one.pool == "dispatcher"}
        dead = victim not in of or of[victim].status == "dead"
        alive = [name for name, one in of.items() if one.status == "alive"]
        return status if dead and len(alive) == 2 else None

    status = wait_until("it is dead and replaced", replaced, timeout_s=90)
    assert [one.active_tasks for one in status.workers if one.name == victim] in ([0], [])


def test_a_dead_node_is_shown_dead_and_its_steps_run_elsewhere(client: Client, tmp_path: Path) -> None:
    log = tmp_path / "starts.log"
    log.touch()
    goal = json.dumps({"log": str(log), **{name: {"do": "sleep", "s": 6.0} for name in "abc"}})
    tasks = [client.start(client.create({"name": f"{i}", "goal": goal}).assessment_id) for i in range(2)]
    wait_until("every slot is taken", lambda: len(running(log)) == 6)
    by_node = Counter(raylet_of(pid) for pid in running(log))
    small = min(by_node, key=lambda pid: by_node[pid])
    psutil.Process(small).kill()

    def dead() -> WorkersStatus | None:
        status = client.workers()
        return status if [one.status for one in of_agents(status)] == ["alive", "dead"] else None

    status = wait_until("the node is shown dead", dead, timeout_s=90)
    assert [one.max_concurrency for one in of_agents(status)] == [4, 2]
    assert of_agents(status)[1].active_tasks == 0
    assert (status.autoscaler["nodes_alive"], status.autoscaler["slots"]) == (2, 4)
    for task_id in tasks:
        assert client.wait(task_id).state is TaskState.SUCCESS
