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

from infra_mind.cluster.environment import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


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


@contextmanager
def ray_cluster(
    home: Path, *words: str, settings: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[RayCluster]:
    """`ray start --head` with these words added; `port` is that of the GCS."""
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
        f"--dashboard-agent-listen-port={free_port()}", "--object-store-memory=100000000",
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
