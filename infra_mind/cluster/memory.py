"""The memory ceiling of a step's process, in the process itself.

Two walls, because neither is enough alone:

* A thread looks at what the process uses. Over the ceiling it leaves a note and ends the process: the kernel's SIGKILL is the only
  end that reaches a C call. It needs the interpreter to run, which a long C call that allocates may hold.
* `RLIMIT_DATA` stops growth that comes in one leap, inside such a call, as MemoryError. It counts private writable memory that is
  mapped, not what is used, and so stands a little higher. `RLIMIT_AS` would count Ray's shared object store, too.

Used is private memory and swap, and shared memory except Ray's object store: inputs that are read from there belong to the node.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MIB = 1024 * 1024
ERROR_TYPE = "MemoryLimitExceeded"
LOOK_EVERY_S = 0.05
LEAP = 256 * MIB  # how much higher the second wall is: what Ray's own threads may need in that moment
STATUS, SMAPS = Path("/proc/self/status"), Path("/proc/self/smaps")


def sentence(used: int, ceiling: int) -> str:
    """What is said of a step that was ended; sizes in bytes."""
    return f"used {used // MIB} MiB, ceiling {ceiling // MIB} MiB; raise INFRA_MIND_STEP_MEMORY_MB or hand in less"


@dataclass(frozen=True)
class Memory:
    """Of this process, in bytes. `private` with swap; `shared` of every kind; `mapped` is what RLIMIT_DATA counts."""

    private: int
    shared: int
    mapped: int


def memory() -> Memory:
    """From /proc (Linux), some 40 µs."""
    found = {}
    for line in STATUS.read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith(" kB"):
            found[name] = int(rest[:-3]) * 1024
    return Memory(
        found.get("RssAnon", 0) + found.get("VmSwap", 0), found.get("RssShmem", 0), found.get("VmData", 0)
    )


def used(ceiling: int) -> int:
    """Bytes that count. Exact where it matters: shared memory is told apart only when the sum is over the ceiling."""
    now = memory()
    if now.private > ceiling or now.private + now.shared <= ceiling:
        return now.private
    return now.private + now.shared - _object_store()


def _object_store() -> int:
    """Bytes of Ray's object store that this process has touched."""
    total, inside = 0, False
    for line in SMAPS.read_text("utf-8", "replace").splitlines():
        if line[0].islower() or line[0].isdigit():  # the head of a mapping: addresses ... path
            inside = "/plasma" in line
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


class Ceiling:
    """`over` is called once, from another thread, when a step uses too much; it ends the process and does not return.

    One step at a time, as worker processes have it."""

    def __init__(self, over: Callable[[str, int, int], None]) -> None:
        self._over = over
        self._step: tuple[str, int] | None = None
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def under(self, ceiling: int, key: str) -> Iterator[None]:
        """Holds the step `key` below `ceiling` bytes; 0 is no ceiling. MemoryError when it leaps over it."""
        if ceiling <= 0 or not STATUS.exists():
            yield
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._look_on, name="memory-ceiling", daemon=True)
            self._thread.start()
        with _wall(ceiling):
            self._step = key, ceiling
            if not self._some.is_set():
                self._some.set()
            try:
                yield
            finally:
                with self._lock:  # an end that has begun comes to its end: it must not hit the next step
                    self._step = None

    def _look_on(self) -> None:
        while True:
            self._some.wait()
            time.sleep(LOOK_EVERY_S)
            with self._lock:
                if self._step is None:
                    self._some.clear()
                    continue
                key, ceiling = self._step
                if (found := used(ceiling)) > ceiling:
                    self._over(key, found, ceiling)


@contextmanager
def _wall(ceiling: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    now = memory()
    wanted = now.mapped + max(0, ceiling - now.private) + LEAP
    soft = wanted if before[0] == resource.RLIM_INFINITY else min(wanted, before[0])
    resource.setrlimit(resource.RLIMIT_DATA, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def end_this_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@cache
def _ceiling() -> Ceiling:
    from infra_mind.cluster.endings import over_memory

    return Ceiling(over_memory)


@contextmanager
def under_ceiling(ceiling_mb: int, key: str) -> Iterator[None]:
    """For the body of a step: see `Ceiling.under`."""
    with _ceiling().under(ceiling_mb * MIB, key):
        yield
