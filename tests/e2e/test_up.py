"""`infra-mind up` and what is on the machine already: a port, a home, another Ray."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from infra_mind.cluster.environment import free_port
from tests.e2e.steps import sound
from tests.e2e.test_privacy import family, only_here
from tests.platform import ROOT, Platform, platform


def up(
    environment: Mapping[str, str], *words: str
) -> tuple[subprocess.CompletedProcess[str], list[psutil.Process]]:
    """An `up` that must fail, and the processes that it leaves."""
    before = {p.pid for p in psutil.process_iter()}
    command = [sys.executable, "-m", "infra_mind.cli", "up", "--no-dashboard", *words]
    ran = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    home = environment["INFRA_MIND_HOME"]
    left = [p for p in psutil.process_iter() if p.pid not in before and home in _words(p)]
    return ran, left


def _words(process: psutil.Process) -> str:
    try:
        return " ".join([*process.cmdline(), process.environ().get("INFRA_MIND_HOME", "")])
    except psutil.Error:
        return ""


def own(engine: Platform, home: Path) -> dict[str, str]:
    return {**engine.environment, "INFRA_MIND_HOME": str(home)}


def test_a_taken_port_names_the_option_and_leaves_nothing(engine: Platform, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran, left = up(own(engine, tmp_path / "home"), "--port", str(port))
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"--port: 127.0.0.1:{port} is taken")
    assert left == []
    assert not (tmp_path / "home" / "endpoint.json").exists()


def test_a_home_in_use_names_who_uses_it(engine: Platform) -> None:
    ran, left = up(engine.environment, "--port", "0")
    assert ran.returncode == 2
    assert str(engine.process.pid) in ran.stderr
    assert "INFRA_MIND_HOME" in ran.stderr
    assert left == []
    assert engine.home.endpoint() == engine.endpoint


@pytest.mark.parametrize(
    "agents",
    ["nonsense", "no_such_module:table", "infra_mind.agents:no_such_table", "tests.synthetic:FlakyError"],
)
def test_a_table_of_agents_that_is_none(engine: Platform, tmp_path: Path, agents: str) -> None:
    ran, left = up(own(engine, tmp_path / "home"), "--port", "0", "--agents", agents)
    assert ran.returncode == 2
    assert ran.stderr.startswith("--agents: ")
    assert left == []


def test_an_address_that_is_not_of_this_machine(engine: Platform, tmp_path: Path) -> None:
    ran, left = up(own(engine, tmp_path / "home"), "--host", "192.0.2.1", "--port", "8700")
    assert ran.returncode == 2
    assert ran.stderr.startswith("--host: ")
    assert left == []


def test_another_ray_on_this_machine_is_left_alone(engine: Platform, tmp_path: Path) -> None:
    """Also one that RAY_ADDRESS names: `up` neither joins it nor ends it. The second one has the dashboard."""
    neighbours = {
        process.pid: process.create_time() for process in family(engine) if "IDLE" not in _words(process)
    }
    assert engine.endpoint.ray_address
    port = free_port()
    with platform(
        tmp_path / "home",
        "--slots",
        "1",
        "--dashboard",
        "--dashboard-port",
        str(port),
        settings={"RAY_ADDRESS": engine.endpoint.ray_address},
    ) as second:
        assert second.endpoint.ray_address != engine.endpoint.ray_address
        assert second.endpoint.dashboard_url == f"http://127.0.0.1:{port}"
        sound(second)
        only_here(second)
        with engine.client() as client:
            (agents,) = [w for w in client.workers().workers if w.pool == "agents"]
            assert agents.max_concurrency == 4
    gone = [
        pid
        for pid, since in neighbours.items()
        if not psutil.pid_exists(pid) or psutil.Process(pid).create_time() != since
    ]
    workers = {p.pid for p in family(engine)}
    assert [pid for pid in gone if pid in workers] == []
    assert engine.process.pid not in gone
    sound(engine)
