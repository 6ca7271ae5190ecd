"""`infra-mind up` itself is ended while tasks run, in order or not, and started again: they go on, from what was kept."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.chaos.settings import SETTINGS
from tests.chaos.test_kills import LONG, assert_ends_well, start, starts, wait_kept
from tests.platform import SYNTHETIC, Platform, platform
from tests.waiting import wait_until

LATE = ("DashboardAgent", "RuntimeEnvAgent")
WORDS = ("--slots", "6", "--agents", SYNTHETIC)


def terminate(up: Platform) -> None:
    up.process.send_signal(signal.SIGTERM)
    up.process.wait(60)


def kill(up: Platform) -> None:
    """SIGKILL for `up` alone: what it started ends by itself, Ray's two agents a minute later, when they give its head up."""
    family = psutil.Process(up.process.pid).children(recursive=True)
    late = [one for title in LATE for one in up.processes(title)]
    up.process.kill()
    up.process.wait(60)
    try:
        wait_until(
            "all that it started has ended", lambda: not any(lives(one) for one in family if one not in late)
        )
    finally:
        for process in filter(lives, family):
            process.kill()


def lives(process: psutil.Process) -> bool:
    """Not: ended, and not yet waited for by whoever inherited it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("end", [terminate, kill], ids=["SIGTERM", "SIGKILL"])
def test_tasks_go_on_after_a_restart(tmp_path: Path, end: Callable[[Platform], None]) -> None:
    home, log, waiting = tmp_path / "home", tmp_path / "starts.log", tmp_path / "other.log"
    log.touch()
    waiting.touch()
    with platform(home, *WORDS, settings=SETTINGS) as up, up.client() as client:
        running = start(client, log, a=LONG | {"s": 12.0})  # longer than a drain waits
        wait_kept(client, running, "b", "c")
        wait_until("a is at work", lambda: client.task(running).info.agents["a"].progress > 1)
        queued = start(client, waiting, a=LONG)
        end(up)
    port = up.endpoint.url.rpartition(":")[2]
    with platform(home, *WORDS, "--port", port, settings=SETTINGS) as up, up.client() as client:
        assert {task.task_id for task in client.tasks()} == {running, queued}
        assert_ends_well(client, queued)
        assert_ends_well(client, running)
    assert starts(log) == {"a": 2, "b": 1, "c": 1, "d": 1, "e": 1}
