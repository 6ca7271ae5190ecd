"""`infra-mind up` as a person starts it: real store, real Ray, real Serve, in processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from infra_mind.client import Client
from infra_mind.home import Endpoint, Home
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
SYNTHETIC = "tests.synthetic:table"


@dataclass
class Platform:
    process: subprocess.Popen[bytes]
    home: Home
    endpoint: Endpoint
    environment: dict[str, str]

    def client(self) -> Client:
        return Client(self.endpoint.url, self.home.api_key())

    def processes(self, title: str) -> list[psutil.Process]:
        """Processes of this platform whose title or command line has these words."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if title in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def run(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """The command line against this platform."""
        command = [sys.executable, "-m", "infra_mind.cli", *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=120, **more
        )


@contextmanager
def platform(home: Path, *words: str, settings: Mapping[str, str] | None = None) -> Iterator[Platform]:
    """Starts it on a free port; ends it as Ctrl-C does and checks that no process is left."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "INFRA_MIND_"))}
    environment |= {"INFRA_MIND_HOME": str(home), "PYTHONPATH": str(ROOT), **(settings or {})}
    log = (home.parent / f"{home.name}.log").open("wb")
    command = [sys.executable, "-m", "infra_mind.cli", "up", "--port", "0", "--no-dashboard", *words]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
    try:
        endpoint = wait_until(
            "the platform gets ready", lambda: _ready(process, home, Path(log.name)), timeout_s=120
        )
        yield Platform(process, Home(home), endpoint, environment | {"INFRA_MIND_URL": endpoint.url})
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        finally:
            log.close()
            _, left = psutil.wait_procs(family, timeout=20)
            for one in left:
                one.kill()
    assert not left, f"left behind: {left}"


def _ready(process: subprocess.Popen[bytes], home: Path, log: Path) -> Endpoint | None:
    assert process.poll() is None, (
        f"`infra-mind up` ended with {process.returncode}:\n{log.read_text()[-4000:]}"
    )
    return Home(home).endpoint()
