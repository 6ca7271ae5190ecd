"""`infra-mind up` itself is ended while tasks run, and started again: they go on, from what was kept."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.chaos.conftest import SETTINGS
from tests.chaos.test_kills import LONG, assert_ends_well, start, starts, wait_kept
from tests.platform import SYNTHETIC, Platform, platform
from tests.waiting import wait_until

WORDS = ("--slots", "6", "--agents", SYNTHETIC)


def terminate(up: Platform) -> None:
    up.process.send_signal(signal.SIGTERM)
    up.process.wait(60)


def test_tasks_go_on_after_a_restart(tmp_path: Path) -> None:
    home, log, waiting = tmp_path / "home", tmp_path / "starts.log", tmp_path / "other.log"
    log.touch()
    waiting.touch()
    settings = SETTINGS | {"INFRA_MIND_DURABILITY": "strict"}
    with platform(home, *WORDS, settings=settings) as up, up.client() as client:
        running = start(client, log, a=LONG | {"s": 12.0})  # longer than a drain waits
        wait_kept(client, running, "b", "c")
        wait_until("a is at work", lambda: client.task(running).info.agents["a"].progress > 1)
        queued = start(client, waiting, a=LONG)
        terminate(up)
    with platform(home, *WORDS, settings=settings) as up, up.client() as client:
        assert {task.task_id for task in client.tasks()} == {running, queued}
        assert_ends_well(client, queued)
        assert_ends_well(client, running)
    assert starts(log) == {"a": 2, "b": 1, "c": 1, "d": 1, "e": 1}
