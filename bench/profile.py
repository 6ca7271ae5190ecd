"""`python -m bench.profile`: where the CPU time of a workflow goes, process by process, and what the store is asked.

Wall times say little on a machine that others use too; CPU time and counts of calls can be compared between two commits."""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis
from rich.console import Console
from rich.table import Table

from bench.http import connections
from bench.measures.accept import CLIENTS, start_all
from bench.setting import SLOTS, settle
from bench.sides import Ours
from bench.work import BURN, WAIT, Work

# The first that stands in a process's title gives its role; worker processes bear the name of the step that they run.
ROLES = (
    ("valkey-server", "store"),
    ("haproxy", "HAProxy"),
    ("HAProxyManager", "HAProxy manager"),
    ("gcs_server", "GCS"),
    ("raylet/raylet", "raylet"),
    ("ServeReplica:infra-mind:api", "API"),
    ("ServeReplica:infra-mind:dispatcher", "dispatcher"),
    ("ServeController", "Serve controller"),
    ("ProgressActor", "progress actor"),
    ("WaitRunner", "wait runner"),
    ("ray::DashboardAgent", "dashboard agent"),
    ("infra_mind.cli", "up"),
    ("ray::", "worker"),
)
OTHER = "other"
SHOWN_MS = 0.05
LOOK_S = 0.25


@dataclass(frozen=True)
class Profile:
    """Of one workflow: CPU milliseconds by role, and the store's commands with their count and server time in µs."""

    cpu_ms: dict[str, float]
    processes: dict[str, int]
    commands: dict[str, tuple[float, float]]


def role(title: str) -> str:
    return next((name for words, name in ROLES if words in title), OTHER)


def cpu_by_process(members: Sequence[psutil.Process]) -> dict[int, tuple[str, float]]:
    """Process → its role and the CPU seconds that it has used."""
    spent = {}
    for process in members:
        try:
            times = process.cpu_times()
            spent[process.pid] = (role(" ".join(process.cmdline())), times.user + times.system)
        except psutil.Error:
            continue
    return spent


async def profile(side: Ours, work: Work, count: int) -> Profile:
    """`count` workflows, started over 16 connections, from their start until the last has ended."""
    target, store = side.targets[0], redis.Redis.from_url(side.endpoint.store_url)
    requests = await target.drafts(work, count)
    store.config_resetstat()
    before = cpu_by_process(side.members())
    tasks = await start_all(target, requests, min(CLIENTS, count))
    seen: dict[int, tuple[str, float]] = {}
    async with connections(target.port, 1) as (connection,):
        for task in tasks:
            await target.ended_at(connection, task, every_s=LOOK_S)
            seen |= cpu_by_process(side.members())
    spent: defaultdict[str, float] = defaultdict(float)
    processes: Counter[str] = Counter()
    for pid, (name, seconds) in seen.items():
        more = (seconds - before.get(pid, (name, 0.0))[1]) * 1000 / count
        spent[name] += more
        processes[name] += 1
    stats: dict[str, Any] = store.info("commandstats")
    commands = {
        re.sub("^cmdstat_", "", name): (one["calls"] / count, one["usec_per_call"])
        for name, one in stats.items()
    }
    return Profile(dict(spent), dict(processes), commands)


def show(console: Console, title: str, found: Profile) -> None:
    table = Table(title=title)
    for name in ("process", "CPU ms a workflow", "processes"):
        table.add_column(name, justify="left" if name == "process" else "right")
    for name, ms in sorted(found.cpu_ms.items(), key=lambda item: -item[1]):
        if ms >= SHOWN_MS:
            table.add_row(name, f"{ms:.1f}", str(found.processes[name]))
    table.add_row("all", f"{sum(found.cpu_ms.values()):.1f}", "")
    console.print(table)
    calls = sorted(found.commands.items(), key=lambda item: -item[1][0] * item[1][1])
    console.print(
        "store, calls a workflow × µs each: "
        + ", ".join(f"{name} {n:.1f} × {us:.0f}" for name, (n, us) in calls[:14])
    )


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m bench.profile", description=__doc__)
    parser.add_argument("--workflows", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--agents", default="bench.steps:table", help="bench.steps:waiting_table for steps that await"
    )
    parser.add_argument("--work", choices=("wait", "burn"), action="append")
    chosen = parser.parse_args(sys.argv[1:] if words is None else words)
    console, directory = Console(width=150), Path(tempfile.mkdtemp(prefix="im-profile-"))
    side = Ours(directory / "ours", slots=SLOTS, agents=chosen.agents)
    try:
        console.print(f"ready after {side.ready_s:.2f} s")
        settle(side)
        for work in (WAIT, BURN):
            if work.do in (chosen.work or ("wait", "burn")):
                asyncio.run(profile(side, work, 8))
                for number in range(chosen.rounds):
                    found = asyncio.run(profile(side, work, chosen.workflows))
                    show(
                        console,
                        f"{chosen.workflows} workflows of 8 steps that {work.do}, round {number + 1}",
                        found,
                    )
    finally:
        side.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
