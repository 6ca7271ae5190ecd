"""What a step does, the same code on both sides: it waits, or it reckons a fixed amount, or it is there to be killed."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

NAMES = ("ada", "bell", "curie", "dirac", "euler", "fermi", "gauss", "hopper")
STEPS = len(NAMES)
WAIT_S = 0.05
BURN_UNITS = 600_000  # about 50 ms of one core of 2020 to 2025

Kind = Literal["wait", "burn", "hold", "tell"]


@dataclass(frozen=True)
class Work:
    """`wait`: seconds; `burn`: units of arithmetic; `hold`: the first step writes its process into `log` and, the first time,
    waits `amount` seconds; `tell`: the first step reports `times` times, `amount` seconds apart, each with the time of day."""

    do: Kind
    amount: float
    log: str = ""
    times: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Work:
        return cls(**json.loads(text))


WAIT = Work("wait", WAIT_S)
BURN = Work("burn", BURN_UNITS)


def burn(units: int) -> int:
    """A fixed amount of integer arithmetic in this thread."""
    total = 0
    for i in range(units):
        total = (total * 31 + i) % 1_000_003
    return total


def hold(log: Path, seconds: float) -> None:
    """Adds `<pid> <time of day>` to the log; waits if nobody was here before."""
    with log.open("a") as file:
        file.write(f"{os.getpid()} {time.time():.6f}\n")
    if len(starts(log)) == 1:
        time.sleep(seconds)


def starts(log: Path) -> list[tuple[int, float]]:
    """Process and time of day (seconds) of each start of the held step."""
    if not log.exists():
        return []
    lines = [line.split() for line in log.read_text().splitlines()]
    return [(int(pid), float(at)) for pid, at in lines]


def burn_s(times: int = 5) -> float:
    """CPU seconds that one burning step takes on this machine: the fewest of `times`, in this process."""
    spent = []
    for _ in range(times):
        begin = time.process_time()
        burn(BURN_UNITS)
        spent.append(time.process_time() - begin)
    return min(spent)
