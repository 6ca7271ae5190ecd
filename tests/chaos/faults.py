"""What is killed: every process by its id, with SIGKILL."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from tests.chaos.load import Witness, open_starts
from tests.platform import Platform


@dataclass(frozen=True)
class Fault:
    """`strike` gives what it hit, or None when there is nothing to hit now. `heal` undoes it where nobody else does."""

    name: str
    strike: Callable[[random.Random], str | None]
    heal: Callable[[], None] = lambda: None


def kill(processes: Sequence[psutil.Process], chance: random.Random) -> str | None:
    """SIGKILL for one of them."""
    alive = sorted((p for p in processes if p.is_running()), key=lambda p: p.pid)
    if not alive:
        return None
    victim = chance.choice(alive)
    try:
        victim.kill()
    except psutil.NoSuchProcess:
        return None
    return f"process {victim.pid}"


def of_title(platform: Platform, name: str, title: str) -> Fault:
    return Fault(name, lambda chance: kill(platform.processes(title), chance))


def agent_worker(witness: Witness) -> Fault:
    """A process in which an agent is at work, as the agents' own log says."""

    def strike(chance: random.Random) -> str | None:
        return kill([psutil.Process(one.pid) for one in open_starts(witness.starts())], chance)

    return Fault("agent worker", strike)


def on_one_machine(platform: Platform, witness: Witness) -> list[Fault]:
    return [
        agent_worker(witness),
        of_title(platform, "dispatcher", "ServeReplica:infra-mind:dispatcher"),
        of_title(platform, "progress actor", "ProgressActor"),
        of_title(platform, "API replica", "ServeReplica:infra-mind:api"),
        of_title(platform, "controller", "ServeController"),
        of_title(platform, "proxy", "bin/haproxy"),
        of_title(platform, "store", "valkey-server"),
    ]
