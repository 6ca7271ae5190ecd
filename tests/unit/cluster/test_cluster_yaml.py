"""`cluster.yaml` against Ray's own schema, without any cloud."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    return loaded


def test_rays_own_schema_accepts_it(config: dict[str, Any]) -> None:
    validate_config(prepare_config(copy.deepcopy(config)))


def test_rays_own_schema_would_refuse_a_field_that_it_does_not_know(config: dict[str, Any]) -> None:
    config["idle_timeout"] = 5
    with pytest.raises(Exception, match="idle_timeout"):
        validate_config(prepare_config(config))


def test_the_head_takes_no_agents(config: dict[str, Any]) -> None:
    head = config["available_node_types"][config["head_node_type"]]
    assert head["resources"]["CPU"] == 0
    assert "slot" not in head["resources"]
    assert "--num-cpus=0" in config["head_start_ray_commands"][-1]


def test_workers_come_from_none_and_go_when_idle(config: dict[str, Any]) -> None:
    worker = config["available_node_types"]["worker"]
    assert worker["min_workers"] == 0
    assert 0 < worker["max_workers"] <= config["max_workers"]
    assert config["idle_timeout_minutes"] > 0


def test_a_worker_announces_the_slots_that_its_ray_starts_with(config: dict[str, Any]) -> None:
    slots = config["available_node_types"]["worker"]["resources"]["slot"]
    assert f'"slot": {slots}' in config["worker_start_ray_commands"][-1]


def test_the_dashboard_listens_on_loopback_and_asks_for_a_token(config: dict[str, Any]) -> None:
    command = config["head_start_ray_commands"][-1]
    assert "--dashboard-host=127.0.0.1" in command
    assert "RAY_AUTH_MODE=token" in command
    assert all("RAY_AUTH_MODE=token" in c for c in config["worker_start_ray_commands"] if "ray start" in c)


def test_a_step_that_uses_up_the_memory_of_a_node_is_not_started_for_ever(config: dict[str, Any]) -> None:
    """Without the variable Ray has no end of retries for it."""
    starts = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    assert all("RAY_task_oom_retries=2" in command for command in starts if "ray start" in command)


@pytest.mark.parametrize("kind", ["head", "worker"])
def test_a_connection_to_a_node_that_went_without_a_word_ends_soon(config: dict[str, Any], kind: str) -> None:
    """On both ends: a server refuses signs of life that come more often than its own setting says."""
    command = config[f"{kind}_start_ray_commands"][-1]
    told = dict(re.findall(r"RAY_grpc_client_(keepalive_\w+)_ms=(\d+)", command))
    assert int(told["keepalive_time"]) + int(told["keepalive_timeout"]) <= 20_000


def test_disks_are_encrypted_and_instance_metadata_needs_a_session(config: dict[str, Any]) -> None:
    for kind in config["available_node_types"].values():
        node = kind["node_config"]
        assert all(d["Ebs"]["Encrypted"] for d in node["BlockDeviceMappings"])
        assert node["MetadataOptions"]["HttpTokens"] == "required"


def test_the_serve_config_names_arguments_that_the_application_takes() -> None:
    from serve_app import Arguments

    config = yaml.safe_load((ROOT / "deploy" / "serve.yaml").read_text())
    (application,) = config["applications"]
    Arguments.model_validate(application["args"])
    assert application["import_path"] == "serve_app:app"
    assert config["http_options"]["host"] == "127.0.0.1"
