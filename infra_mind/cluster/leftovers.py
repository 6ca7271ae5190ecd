"""The folder in which Ray keeps its sockets and logs while `up` runs, and what an `up` that was killed has left of it.

A folder is held by a lock on a file in it as long as its `up` lives; the kernel lets go of the lock with the process. So whoever starts
next knows whose owner is gone: what still runs out of such a folder is ended, by process id, and the folder is removed."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "infra-mind-"
LOCK = "up.lock"
_END_S = 5.0
_RAY = ("ray::", "/ray/")  # titles that Ray gives its processes, and where its programs lie


@contextmanager
def session_folder() -> Iterator[Path]:
    """A folder below the system's temporary one, held by this process and removed at the end."""
    made = Path(
        tempfile.mkdtemp(prefix=f".{PREFIX}")
    )  # under this name nobody looks for it, until it is held
    lock = os.open(made / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder = made.rename(made.with_name(made.name.removeprefix(".")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def remove_leftovers() -> int:
    """Removes the folders of this user whose `up` is gone, after what still ran out of them; how many there were."""
    removed = 0
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        with suppress(OSError):  # somebody else removes it just now
            removed += _remove(folder)
    return removed


def _remove(folder: Path) -> bool:
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return False
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False  # nothing that `session_folder` made
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        _end_processes(folder)
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)


def _end_processes(folder: Path) -> None:
    """Only where the kernel says what a process has open, and lets it be held by more than its number."""
    if sys.platform != "linux":
        return
    for pid in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]:
        if pid != os.getpid() and _runs_in(pid, folder):
            with suppress(OSError):
                _end(pid, folder)


def _end(pid: int, folder: Path) -> None:
    if sys.platform != "linux":
        return
    held = os.pidfd_open(pid)
    try:
        if _runs_in(pid, folder):  # asked again: now the number cannot come to mean another process
            signal.pidfd_send_signal(held, signal.SIGKILL)
            select.select([held], [], [], _END_S)
    finally:
        os.close(held)


def _runs_in(pid: int, folder: Path) -> bool:
    """Whether it is one of Ray's processes, of this user, that was started with the folder or holds a file in it."""
    about = Path("/proc") / str(pid)
    try:
        if about.stat().st_uid != os.geteuid():
            return False
        words = (about / "cmdline").read_bytes().decode(errors="replace")
        if not any(mark in words for mark in _RAY):
            return False
        return f"{folder}/" in words or any(_is_below(file, folder) for file in (about / "fd").iterdir())
    except OSError:
        return False


def _is_below(file: Path, folder: Path) -> bool:
    with suppress(OSError):
        return file.readlink().is_relative_to(folder)
    return False
