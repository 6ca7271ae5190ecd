"""The application on a Ray cluster that somebody else started: `serve deploy`, `serve run`, `ray job submit`, the dashboard."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from infra_mind.client import Client
from infra_mind.cluster.environment import free_port
from infra_mind.errors import NotAllowed, Unavailable
from tests.cluster.conftest import ROOT, RayCluster, ray_cluster
from tests.platform import SYNTHETIC
from tests.stores import start_valkey
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    home = tmp_path_factory.mktemp("serve") / "home"
    with ray_cluster(home, "--num-cpus=4", '--resources={"slot": 4}') as started:
        yield started


@pytest.fixture(scope="module")
def url(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Deployed as `deploy/serve.yaml` says, on a free port and with synthetic agents."""
    port = free_port()
    _deploy(cluster, tmp_path_factory.mktemp("config"), port)
    found = f"http://127.0.0.1:{port}"
    wait_until("the application is ready", lambda: _ready(found), timeout_s=120)
    return found


def _deploy(cluster: RayCluster, folder: Path, port: int, **args: Any) -> None:
    config = yaml.safe_load((ROOT / "deploy" / "serve.yaml").read_text())
    config["http_options"]["port"] = port
    config["applications"][0]["args"] |= {"agents": SYNTHETIC, **args}
    file = folder / "serve.yaml"
    file.write_text(yaml.safe_dump(config))
    deployed = cluster.run("serve", "deploy", str(file), "--address", cluster.dashboard)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _client(cluster: RayCluster, url: str) -> Client:
    return Client(url, (Path(cluster.environment["INFRA_MIND_HOME"]) / "api.key").read_text().strip())


def test_what_serve_deploy_starts_assesses(cluster: RayCluster, url: str) -> None:
    with _client(cluster, url) as client:
        result = client.assess({"name": "deployed"})
    assert sorted(result.agents) == ["a", "b", "c", "d", "e"]


def test_the_dashboard_shows_agents_by_name_and_assessment(cluster: RayCluster, url: str) -> None:
    with _client(cluster, url) as client:
        created = client.create({"name": "seen", "goal": json.dumps({"a": {"do": "sleep", "s": 1.0}})})
        client.wait(client.start(created.assessment_id))
    wanted = {f"{agent} {created.assessment_id}" for agent in "abcde"}

    def shown() -> bool:
        answer = httpx.get(
            f"{cluster.dashboard}/api/v0/tasks?detail=1&limit=1000", timeout=10, trust_env=False
        )
        return wanted <= {task["name"] for task in answer.json()["data"]["result"]["result"]}

    wait_until("the dashboard lists the agents", shown)


def test_a_new_version_takes_over_what_runs_without_waiting_for_a_lease(
    cluster: RayCluster, url: str, tmp_path: Path
) -> None:
    """A lease that ran out would count as an attempt; one that was handed over does not."""
    log = tmp_path / "starts.log"
    log.touch()
    goal = {"log": str(log), "a": {"do": "wait", "for": str(tmp_path / "go")}}
    with _client(cluster, url) as client:
        tasks = [
            client.start(client.create({"name": f"long {i}", "goal": json.dumps(goal)}).assessment_id)
            for i in range(2)
        ]

        def kept() -> bool:
            agents = [client.task(task_id).info.agents for task_id in tasks]
            return all(one["b"].state == one["c"].state == "DONE" for one in agents)

        wait_until("what can be done is kept", kept)
        before = {worker.name for worker in client.workers().workers if worker.pool == "dispatcher"}
        _deploy(cluster, tmp_path, int(url.rpartition(":")[2]), durability="strict")

        def handed_over() -> bool:
            workers = [one for one in client.workers().workers if one.pool == "dispatcher"]
            live = {one.name for one in workers if one.status == "alive"}
            return not live & before and sum(one.active_tasks for one in workers) == 2

        wait_until("the new dispatchers run them", handed_over, timeout_s=90)
        (tmp_path / "go").touch()
        ended = [client.wait(task_id) for task_id in tasks]
    assert [(task.state, task.attempt) for task in ended] == [("SUCCESS", 1)] * 2
    starts = Counter(line.split()[0] for line in log.read_text().splitlines())
    assert (starts["b"], starts["c"], starts["d"]) == (2, 2, 2)
    assert starts["a"] >= 4  # handed over at least once each; at first perhaps to one that went next


def test_a_submitted_job_assesses_a_folder_of_briefs(cluster: RayCluster, url: str, tmp_path: Path) -> None:
    briefs, out = tmp_path / "briefs", tmp_path / "out"
    briefs.mkdir()
    for name in ("one", "two"):
        (briefs / f"{name}.yaml").write_text(f"name: {name}\n")
    submit = [
        "ray",
        "job",
        "submit",
        "--address",
        cluster.dashboard,
        "--",
        "python",
        "-m",
        "infra_mind.batch",
    ]

    def submitted() -> subprocess.CompletedProcess[str] | None:
        """None while Ray's own job agent is still starting."""
        job = cluster.run(*submit, str(briefs), "--out", str(out))
        return None if "No available agent" in job.stderr + job.stdout else job

    job = wait_until("Ray takes jobs", submitted, every_s=1.0)
    assert job.returncode == 0, job.stdout + job.stderr
    assert sorted(path.name for path in out.iterdir()) == ["one.html", "one.json", "two.html", "two.json"]
    assert json.loads((out / "one.json").read_text())["status"] == "completed"


def test_a_store_that_a_file_names_is_used_and_its_password_is_nowhere_to_be_seen(
    cluster: RayCluster, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "store_url"
    with start_valkey(tmp_path / "store") as store:
        file.write_text(f"{store.url}\n")
        _deploy(cluster, tmp_path, int(url.rpartition(":")[2]), store_url_file=str(file))
        told = replace(cluster, environment=cluster.environment | {"INFRA_MIND_STORE_URL_FILE": str(file)})
        made = told.run("python", "-m", "infra_mind.cli", "keys", "create")
        assert made.returncode == 0, made.stderr
        with Client(url, made.stdout.strip()) as client:
            wait_until("the new store's key is known", lambda: _known(client), timeout_s=90)
            assert client.assess({"name": "elsewhere"}).status == "completed"
        shown = "".join(
            cluster.run("serve", what, "--address", cluster.dashboard).stdout for what in ("config", "status")
        )
        assert str(file) in shown
        assert str(urlsplit(store.url).password) not in shown


def _known(client: Client) -> bool:
    try:
        return list(client.tasks()) == []
    except (NotAllowed, Unavailable):
        return False


def test_serve_run_starts_it_with_arguments(cluster: RayCluster, url: str) -> None:
    stopped = cluster.run("serve", "shutdown", "--yes", "--address", cluster.dashboard)
    assert stopped.returncode == 0, stopped.stderr
    wait_until("the first application is gone", lambda: not _ready(url))
    started = cluster.run(
        "serve", "run", "--non-blocking", "serve_app:app", f"agents={SYNTHETIC}", "api_replicas=1"
    )
    assert started.returncode == 0, started.stdout + started.stderr
    with _client(cluster, "http://127.0.0.1:8000") as client:
        assert client.assess({"name": "run"}).status == "completed"


def test_a_wrong_argument_is_named(cluster: RayCluster) -> None:
    failed = cluster.run("serve", "run", "--non-blocking", "serve_app:app", "replicas=1")
    assert failed.returncode != 0
    assert "replicas" in failed.stderr
