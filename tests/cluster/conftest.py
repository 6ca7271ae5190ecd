"""Ray clusters as other people start them: processes of their own, own ports, own temp directory; ended by their ids."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from infra_mind.cluster.environment import free_port, refusal
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# `ray start` refuses a second node on 127.0.0.1; this is what it would do.
JOIN = """
import sys
from ray._private.node import Node
from ray._private.parameter import RayParams
address, slots = sys.argv[1], float(sys.argv[2])
params = RayParams(
    min_worker_port=0, max_worker_port=0, dashboard_port=None, dashboard_agent_listen_port=0, num_cpus=slots,
    object_store_memory=100_000_000, resources={"slot": slots}, redis_address=address, gcs_address=address,
    node_ip_address="127.0.0.1",
)
node = Node(params, head=False, shutdown_at_exit=False, spawn_reaper=False)
print("raylet", node.all_processes["raylet"][0].process.pid)
"""
SOON = {  # a node that is gone is known to be gone after a few seconds, not after half a minute
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass
class RayCluster:
    """`address` is that of the GCS, `dashboard` the jobs API's; `environment` is for commands against it."""

    address: str
    dashboard: str
    environment: dict[str, str]
    directory: Path

    def run(self, *words: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / words[0]), *words[1:]]
        return subprocess.run(
            command,
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def join(self, slots: int) -> psutil.Process:
        """Another node; gives its raylet, whose children are its workers."""
        joined = self.run("python", "-c", JOIN, self.address, str(slots))
        assert joined.returncode == 0, joined.stdout + joined.stderr
        return psutil.Process(int(joined.stdout.split("raylet ")[1].split()[0]))


@contextmanager
def ray_cluster(
    home: Path, *words: str, settings: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[RayCluster]:
    """`ray start --head` with these words added; `port` is that of the GCS. Serve listens where it does by default, on 8000."""
    wait_until("the port of Serve is free", lambda: refusal("127.0.0.1", 8000) is None)
    directory = Path(tempfile.mkdtemp(prefix="imt-"))  # short: sockets in it must stay under 108 bytes
    port, dashboard_port = port or free_port(), free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "INFRA_MIND_"))}
    environment |= {
        "INFRA_MIND_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{BIN}{os.pathsep}{environment.get('PATH', '')}",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "1",
        "RAY_ADDRESS": f"127.0.0.1:{port}",
        **(settings or {}),
    }
    start = [
        str(BIN / "ray"), "start", "--head", f"--port={port}", "--node-ip-address=127.0.0.1", f"--temp-dir={directory}",
        f"--dashboard-port={dashboard_port}", "--dashboard-host=127.0.0.1",
        f"--dashboard-agent-listen-port={free_port()}", f"--ray-client-server-port={free_port()}", "--object-store-memory=100000000",
        "--disable-usage-stats", *words,
    ]  # fmt: skip
    before = {p.pid for p in psutil.process_iter()}
    started = subprocess.run(
        start, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield RayCluster(f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard_port}", environment, directory)
    finally:
        _end(directory, before)
        shutil.rmtree(directory, ignore_errors=True)


def _end(directory: Path, before: set[int]) -> None:
    """Ends the processes that name this cluster's directory, and what they started; no other Ray is touched."""
    ours = [p for p in psutil.process_iter() if p.pid not in before and _names(p, directory)]
    family = {p.pid: p for one in ours for p in (one, *_children(one))}
    for process in family.values():
        _send(process, signal.SIGTERM)
    _, left = psutil.wait_procs(list(family.values()), timeout=10)
    for process in left:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=10)


def _names(process: psutil.Process, directory: Path) -> bool:
    try:
        return str(directory) in " ".join(process.cmdline()) or str(directory) in json.dumps(
            process.environ()
        )
    except psutil.Error:
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


__all__ = ["RayCluster", "ray_cluster", "wait_until"]
