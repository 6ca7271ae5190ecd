"""`infra-mind up` itself is ended while tasks run, in order or not, and started again: they go on, from what was kept."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
import pytest

from tests.chaos.settings import SETTINGS
from tests.chaos.test_kills import LONG, assert_ends_well, start, starts, wait_kept
from tests.platform import SYNTHETIC, Platform, platform
from tests.waiting import wait_until

LATE = ("DashboardAgent", "RuntimeEnvAgent")
WORDS = ("--slots", "6", "--agents", SYNTHETIC)


def terminate(up: Platform) -> Iterable[psutil.Process]:
    up.process.send_signal(signal.SIGTERM)
    up.process.wait(60)
    return ()


def kill(up: Platform) -> Iterable[psutil.Process]:
    """SIGKILL for `up` alone: what it started ends by itself but for Ray's two agents, which are given back."""
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
            if process not in late:
                process.kill()
    assert len(late) == len(LATE)
    return late


def session_folder(up: Platform) -> Path:
    """Where Ray keeps the sockets of this platform."""
    (raylet,) = up.processes("raylet/raylet")
    found = re.search(r"=(/\S+?/infra-mind-[^/]+)/", " ".join(raylet.cmdline()))
    assert found is not None
    return Path(found[1])


def lives(process: psutil.Process) -> bool:
    """Not: ended, and not yet waited for by whoever inherited it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("end", [terminate, kill], ids=["SIGTERM", "SIGKILL"])
def test_tasks_go_on_after_a_restart_and_nothing_of_the_first_start_is_left(
    tmp_path: Path, end: Callable[[Platform], Iterable[psutil.Process]]
) -> None:
    home, log, waiting = tmp_path / "home", tmp_path / "starts.log", tmp_path / "other.log"
    log.touch()
    waiting.touch()
    with platform(home, *WORDS, settings=SETTINGS) as up, up.client() as client:
        running = start(client, log, a=LONG | {"s": 12.0})  # longer than a drain waits
        wait_kept(client, running, "b", "c")
        wait_until("a is at work", lambda: client.task(running).info.agents["a"].progress > 1)
        queued = start(client, waiting, a=LONG)
        folder = session_folder(up)
        assert folder.is_dir()
        late = end(up)
    port = up.endpoint.url.rpartition(":")[2]
    with platform(home, *WORDS, "--port", port, settings=SETTINGS) as up, up.client() as client:
        assert not folder.exists()
        assert not any(map(lives, late))
        assert {task.task_id for task in client.tasks()} == {running, queued}
        assert_ends_well(client, queued)
        assert_ends_well(client, running)
    assert starts(log) == {"a": 2, "b": 1, "c": 1, "d": 1, "e": 1}
