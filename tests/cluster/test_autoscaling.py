"""More load brings more nodes: Ray's own autoscaler, with its fake provider that starts real worker nodes on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID

from infra_mind.client import Client
from infra_mind.cluster.environment import free_port
from infra_mind.model.task import TaskState
from tests.cluster.conftest import ROOT, RayCluster, ray_cluster
from tests.platform import SYNTHETIC
from tests.waiting import wait_until

SLOTS = 3
MAX_WORKERS = 2


def _config(gcs_port: int) -> dict[str, Any]:
    """Our `cluster.yaml`, with the provider and what belongs to machines replaced."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    config["provider"] = {
        "type": "external",
        "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "gcs_address": f"127.0.0.1:{gcs_port}",
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
        "launch_multiple": True,
        "head_node_id": FAKE_HEAD_NODE_ID,
    }
    head, worker = config["available_node_types"]["head"], config["available_node_types"]["worker"]
    config["available_node_types"] = {
        "ray.head.default": {**head, "node_config": {}},  # the fake provider knows the head by this name
        "worker": {
            **worker,
            "node_config": {},
            "resources": {"CPU": SLOTS, "slot": SLOTS},
            "max_workers": MAX_WORKERS,
        },
    }
    config |= {"head_node_type": "ray.head.default", "max_workers": MAX_WORKERS, "idle_timeout_minutes": 0.1}
    config |= {"file_mounts": {}, "setup_commands": [], "head_setup_commands": [], "auth": {}}
    config |= {"head_start_ray_commands": [], "worker_start_ray_commands": []}
    return config


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    folder, port = tmp_path_factory.mktemp("autoscaling"), free_port()
    file = folder / "autoscaling.yaml"
    file.write_text(yaml.safe_dump(_config(port)))
    settings = {
        "RAY_FAKE_CLUSTER": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
        "RAY_SERVE_DEFAULT_HTTP_HOST": "127.0.0.1",
    }
    words = ("--num-cpus=0", f"--autoscaling-config={file}")
    with ray_cluster(folder / "home", *words, settings=settings, port=port) as started:
        yield started


@pytest.fixture(scope="module")
def client(cluster: RayCluster) -> Iterator[Client]:
    words = ("serve_app:app", f"agents={SYNTHETIC}", "slot_resource=slot", "api_replicas=1")
    started = cluster.run("serve", "run", "--non-blocking", *words)
    assert started.returncode == 0, started.stdout + started.stderr
    key = (Path(cluster.environment["INFRA_MIND_HOME"]) / "api.key").read_text().strip()
    with Client("http://127.0.0.1:8000", key) as made:
        yield made


def _worker_nodes(cluster: RayCluster) -> int:
    answer = httpx.get(f"{cluster.dashboard}/api/v0/nodes?detail=1", timeout=10, trust_env=False)
    nodes = answer.json()["data"]["result"]["result"]
    return sum(1 for node in nodes if node["state"] == "ALIVE" and node["resources_total"].get("slot"))


def test_nodes_come_for_waiting_assessments_and_go_when_nothing_waits(
    cluster: RayCluster, client: Client
) -> None:
    assert _worker_nodes(cluster) == 0
    goal = json.dumps({name: {"do": "sleep", "s": 3.0} for name in "abc"})
    tasks = [client.start(client.create({"name": f"load {i}", "goal": goal}).assessment_id) for i in range(6)]

    wait_until("nodes are added for the demand", lambda: _worker_nodes(cluster) == MAX_WORKERS, timeout_s=120)
    for task_id in tasks:
        assert client.wait(task_id).state is TaskState.SUCCESS
    wait_until("idle nodes go", lambda: _worker_nodes(cluster) == 0, timeout_s=120, every_s=1.0)


def test_after_scaling_to_none_the_next_assessment_brings_a_node_again(
    cluster: RayCluster, client: Client
) -> None:
    assert _worker_nodes(cluster) == 0
    assert client.assess({"name": "again"}).status == "completed"
