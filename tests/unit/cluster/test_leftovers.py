"""The folders of Ray's sessions: held while their `up` lives, and removed with what ran out of them by the next one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra_mind.cluster.leftovers import LOCK, PREFIX, remove_leftovers, session_folder
from tests.waiting import wait_until

HOLD = "from infra_mind.cluster.leftovers import session_folder\nwith session_folder() as f:\n  print(f, flush=True)\n  input()\n"
WAIT = "import sys, time\nopen(sys.argv[1]).close() if len(sys.argv) > 1 else None\ntime.sleep(600)\n"
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(program: str, *words: str, **more: object) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(  # type: ignore[call-overload]
            [sys.executable, "-c", program, *words], stdin=pipe, stdout=pipe, text=True, **more
        )
        started.append(process)
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def left(start: Start) -> Path:
    """The folder of an owner that was killed."""
    owner = start(HOLD)
    assert owner.stdout is not None
    folder = Path(owner.stdout.readline().strip())
    owner.kill()
    owner.wait()
    assert folder.is_dir()
    return folder


def said(process: subprocess.Popen[str]) -> bytes:
    """Its command line, which the kernel knows a moment after it has begun the program."""
    return Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_a_folder_is_there_as_long_as_it_is_used(below: Path) -> None:
    with session_folder() as folder:
        assert folder.parent == below
        assert folder.name.startswith(PREFIX)
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "session").mkdir()
        assert list(below.iterdir()) == [folder]
    assert list(below.iterdir()) == []


def test_a_folder_in_use_stays(start: Start) -> None:
    owner = start(HOLD)
    assert owner.stdout is not None
    theirs = Path(owner.stdout.readline().strip())
    with session_folder() as ours:
        assert remove_leftovers() == 0
        assert ours.is_dir()
    assert theirs.is_dir()


def test_the_folder_of_an_owner_that_was_killed_is_removed(left: Path) -> None:
    (left / "session" / "logs").mkdir(parents=True)
    (left / "session_latest").symlink_to(left / "session")
    assert remove_leftovers() == 1
    assert not left.exists()
    assert remove_leftovers() == 0


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the kernel does not say what a process has open"
)
@pytest.mark.parametrize("how", ["in its arguments", "as an open file"])
def test_what_ray_still_runs_out_of_it_is_ended(left: Path, start: Start, how: str) -> None:
    if how == "in its arguments":
        agent = start(WAIT, "/dev/null", "python/ray/agent.py", f"--session-dir={left}/session")
    else:
        with (left / "agent.log").open("w") as log:
            agent = start(WAIT, "/dev/null", "ray::DashboardAgent", stderr=log)
    wait_until("it runs", lambda: said(agent))
    assert remove_leftovers() == 1
    assert agent.wait(10) == -9


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is ended")
def test_what_is_not_rays_or_runs_elsewhere_is_left_alone(left: Path, below: Path, start: Start) -> None:
    with (left / "seen.log").open("w") as log:
        others = [
            start(WAIT, "/dev/null", f"{left}/session/logs/raylet.out"),  # a person who reads the log
            start(WAIT, "/dev/null", stderr=log),
            start(WAIT, "/dev/null", "ray::DashboardAgent"),
            start(WAIT, "/dev/null", "python/ray/agent.py", f"--session-dir={below}/{PREFIX}other/session"),
            start(WAIT, "/dev/null", "python/ray/agent.py", f"--session-dir={left}2/session"),
        ]
    wait_until("they run", lambda: all(map(said, others)))
    assert remove_leftovers() == 1
    assert [one.poll() for one in others] == [None] * len(others)


def test_what_nobody_here_made_stays(below: Path, left: Path) -> None:
    bare, other = below / f"{PREFIX}bare", below / "something"
    bare.mkdir()
    other.mkdir()
    (other / LOCK).touch()
    (below / f"{PREFIX}link").symlink_to(other)
    (below / f"{PREFIX}file").touch()
    (below / f"{PREFIX}lock-is-a-link").mkdir()
    (below / f"{PREFIX}lock-is-a-link" / LOCK).symlink_to(other / LOCK)
    before = {path for path in below.iterdir() if path != left}
    assert remove_leftovers() == 1
    assert set(below.iterdir()) == before
    assert (other / LOCK).exists()
