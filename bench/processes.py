"""Processes that this run starts: each with its children, ended by their ids and by nothing broader."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")


class Family:
    """A process and all that it starts, in a session of its own: Ctrl-C comes to this program alone, which ends them in order."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], log: Path, ends_with: signal.Signals
    ) -> None:
        self._log, self._ends_with = log, ends_with
        own = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "INFRA_MIND_"))}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, env={**own, "PYTHONPATH": str(ROOT), **environment}, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    def check(self) -> None:
        """RuntimeError with its last words when it has ended by itself."""
        if self.process.poll() is not None:
            words = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.returncode}:\n{words}")

    def members(self) -> list[psutil.Process]:
        """The process and its descendants that live."""
        try:
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self, timeout_s: float = 45.0) -> None:
        """Asks it to end, waits, then kills whatever is left of it. Twice is no error."""
        members = self.members()
        if self.process.poll() is None:
            self.process.send_signal(self._ends_with)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                members += self.members()
        end_all(members)
        self.process.wait(10)

    def kill(self) -> None:
        """Everything of it at once, as a machine that is lost."""
        for member in self.members():
            kill(member)
        self.process.wait(10)


def end_all(processes: Sequence[psutil.Process], grace_s: float = 10.0) -> None:
    """Waits for them, then kills what still lives (psutil knows a reused id by its start time)."""
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for process in alive:
        kill(process)
    psutil.wait_procs(alive, timeout=grace_s)


def kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def wait_until(what: str, check: Callable[[], T | None], *, timeout_s: float, every_s: float = 0.02) -> T:
    """What `check` gives once it is truthy; TimeoutError that says what was waited for."""
    end = time.monotonic() + timeout_s
    while not (found := check()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout_s:g} s in vain until {what}")
        time.sleep(every_s)
    return found
