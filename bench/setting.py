"""What every measure is given: how much to do, and the two sides, started when they are first asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.sides import Ours, Seed, Side, idle_cpu_share

SLOTS = 8


@dataclass(frozen=True)
class Counts:
    """How much each measure does; every one is bounded. Seconds where the name ends in `_s`."""

    rounds: int = 5
    busy: int = 16  # workflows that run while starts are measured
    starts: int = 200  # for each round, one client
    starts_many: int = 1_000  # for each round, 16 clients
    workflows: int = 12  # one after the other, for each round and design
    burst: int = 40  # at once, for each round and design
    kills: int = 5
    lost: int = 2
    lost_bound_s: float = 30.0
    killed_bound_s: float = 20.0
    reports: int = 300
    ups: int = 3
    waiting: int = 100_000
    claims: int = 300
    weighed: int = 1_000
    assessments: int = 7
    accepts: int = 2_000  # for each durability, 16 callers; a tenth of it with one
    store_kills: int = 3
    idle_s: float = 5.0


QUICK = Counts(
    rounds=2, busy=8, starts=60, starts_many=200, workflows=4, burst=12, kills=2, lost=1, lost_bound_s=20.0, killed_bound_s=10.0,
    reports=40, ups=1, waiting=2_000, claims=60, weighed=200, assessments=3, accepts=300,
    store_kills=1, idle_s=2.0,
)  # fmt: skip

QUIET_CORES = 0.35
SETTLE_LOOKS = 30


def settle(side: Side) -> None:
    """Returns when a side hardly uses the CPU four looks in a row, or after SETTLE_LOOKS looks of two seconds."""
    quiet = 0
    for _ in range(SETTLE_LOOKS):
        quiet = quiet + 1 if idle_cpu_share(side, 2.0) < QUIET_CORES else 0
        if quiet == 4:
            return


class Bench:
    """Use as a context: what was started ends with it."""

    def __init__(
        self, counts: Counts, directory: Path, *, api_processes: int, settings: Mapping[str, str], say: Callable[[str], None]
    ) -> None:  # fmt: skip
        self.counts, self.directory, self.say = counts, directory, say
        self._api_processes, self.settings = api_processes, settings
        self._stack = ExitStack()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def ours(self) -> Ours:
        """With synthetic steps that are plain functions: each takes a slot, whatever it does there."""
        self._stop("ours_waiting")
        return self._start("ours", "bench.steps:table")

    @cached_property
    def ours_waiting(self) -> Ours:
        """With the same steps as coroutines, as the seed's are: they wait without a slot each. Not beside the other one, whose idle
        processes use some of the CPU."""
        self._stop("ours")
        return self._start("ours_waiting", "bench.steps:waiting_table")

    def _start(self, name: str, agents: str) -> Ours:
        self.say(f"starting Infra Mind with eight synthetic agents ({agents})")
        directory = self.directory / f"{name}.{time.monotonic_ns()}"
        side = Ours(directory, slots=SLOTS, agents=agents, settings=self.settings)
        self._stack.callback(side.stop)
        self.say("waiting until its worker processes are warm and nothing of it is busy")
        settle(side)
        return side

    def _stop(self, name: str) -> None:
        side: Ours | None = self.__dict__.pop(name, None)
        if side:
            side.stop()

    @cached_property
    def seed(self) -> Seed:
        self.say("starting FastAPI, Celery and their store")
        side = Seed(self.directory / "seed", slots=SLOTS, api_processes=self._api_processes)
        self._stack.callback(side.stop)
        return side

    def stop_sides(self) -> None:
        """Ends both, for measures that want the machine for themselves."""
        self._stack.close()
        for name in ("ours", "ours_waiting", "seed"):
            self.__dict__.pop(name, None)
