"""Hosts of their own on one machine: network namespaces on a bridge, all of it within a namespace of this run.

None of them has a name in the system, and none is seen from outside: a namespace lasts as long as the processes in it, and
all processes of a run end with its first one (a PID namespace). So nothing is left, whatever ends the run, and two runs cannot meet."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.platform import ROOT
from tests.waiting import wait_until

APART = ("unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")
INIT = '"$@"; exit $?'  # the first process of a PID namespace takes in orphans: a shell buries them
NET, STRIDE = "10.77.0", 8
PROBE = f"ip link set lo up && ip link add hub type bridge && ip link add one type veth peer name two && ip addr add {NET}.1/24 dev one"


def apart(command: Sequence[str]) -> list[str]:
    """This command in a network and among processes of its own."""
    return [*APART, "sh", "-c", INIT, "sh", *command]


def refusal() -> str | None:
    """Why there can be no such hosts here; None when there can."""
    if os.uname().sysname != "Linux":
        return "network namespaces are Linux's"
    try:
        tried = subprocess.run(apart(["sh", "-c", PROBE]), capture_output=True, text=True, timeout=30)
    except OSError as error:
        return f"network namespaces need `unshare` of util-linux: {error}"
    if tried.returncode:
        return f"network namespaces need root with CAP_SYS_ADMIN and CAP_NET_ADMIN, and `ip` of iproute2: {tried.stderr.strip()}"
    return None


class Network:
    """One bridge; this process has an address on it, and so can call every host."""

    def __init__(self) -> None:
        self.address = f"{NET}.1"
        _ip("link set lo up")
        _ip("link add hub type bridge")
        _ip("link set hub up")
        _ip(f"addr add {self.address}/24 dev hub")

    def host(self, name: str, number: int) -> Host:
        return Host(name, number)


class Host:
    """A namespace with one cable to the bridge. What runs on it is what runs in the namespace.

    `back_s`: for how long it has been there, as whoever makes it go and come back says."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self._numbers = name, itertools.count(number, STRIDE)
        self._back_at, self.is_on = -math.inf, threading.Event()
        self.power_on()

    def power_on(self) -> None:
        """After `power_off`: another machine in its place, at another address."""
        self.address = f"{NET}.{next(self._numbers)}"
        self._power = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        _until_apart(self._power.pid)
        _ip(f"link add {self.name} type veth peer name eth0 netns {self._power.pid}")
        _ip(f"link set {self.name} master hub up")
        for words in ("link set lo up", f"addr add {self.address}/24 dev eth0", "link set eth0 up"):
            subprocess.run([*self.within, "ip", *words.split()], check=True)
        self.is_on.set()

    @property
    def within(self) -> list[str]:
        return ["nsenter", "--net", "--target", str(self._power.pid)]

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        words = [*self.within, *command]
        done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(
        self, command: Sequence[str], *, environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        with log.open("ab") as file:
            return subprocess.Popen(
                [*self.within, *command],
                env=environment,
                stdout=file,
                stderr=file,
                cwd=ROOT,
                start_new_session=True,
            )

    def processes(self) -> list[psutil.Process]:
        """All that runs on it."""
        here = _net(self._power.pid)
        return [one for one in psutil.process_iter() if one.pid != self._power.pid and _net(one.pid) == here]

    def runs(self, pid: int) -> bool:
        return _net(pid) == _net(self._power.pid)

    def kill(self) -> int:
        """SIGKILL for everything on it, at once; how many that were."""
        killed = self.processes()
        for one in killed:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        return len(killed)

    @property
    def back_s(self) -> float:
        return max(0.0, time.monotonic() - self._back_at)

    def is_away(self) -> None:
        self._back_at = math.inf

    def is_back(self) -> None:
        self._back_at = time.monotonic()

    def power_off(self) -> int:
        """Everything on it is gone with its connections, and nobody is told: no last packet leaves it."""
        self.is_on.clear()
        _ip(f"link set {self.name} down")
        killed = self.kill()
        self._power.kill()
        self._power.wait()
        _ip(f"link del {self.name}")
        return killed

    def unplug(self) -> None:
        """The cable is out: nothing arrives any more, and nobody is told."""
        self.is_away()
        _ip(f"link set {self.name} down")

    def plug(self) -> None:
        _ip(f"link set {self.name} up")
        self.is_back()


def _net(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return None


def _until_apart(pid: int) -> None:
    wait_until("the host has a network of its own", lambda: _net(pid) not in {None, _net(os.getpid())})


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)
