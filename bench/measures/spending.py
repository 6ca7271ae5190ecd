"""Where the CPU time of this side goes, process by process: the profile beside the measures of workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bench.numbers import Measured
from bench.profile import cpu_by_process, profile
from bench.setting import Bench
from bench.work import BURN, STEPS, WAIT

SHOWN = 0.3
WARM_UP = 8


async def spending(bench: Bench) -> Measured:
    """(p) The same workflows by process of Infra Mind, and the same while nothing is to do."""
    out, side, count = Measured(), bench.ours, bench.counts.burst
    seconds = 4 * bench.counts.idle_s
    before = cpu_by_process(side.members())
    await asyncio.sleep(seconds)
    idle: dict[str, float] = {}
    for pid, (role, spent) in cpu_by_process(side.members()).items():
        idle[role] = idle.get(role, 0.0) + (spent - before.get(pid, (role, 0.0))[1]) * 1000 / seconds
    _tell(out, "while nothing is to do, ms a second", idle)
    for work, words in (
        (WAIT, f"of a workflow of {STEPS} steps that block a slot each while they wait, ms"),
        (BURN, f"of a workflow of {STEPS} steps that reckon, ms, the steps' own among the workers'"),
    ):
        await profile(side, work, WARM_UP)
        found = await profile(side, work, count)
        _tell(out, words, found.cpu_ms)
    return out


def _tell(out: Measured, words: str, by_role: Mapping[str, float]) -> None:
    falling = sorted(by_role.items(), key=lambda item: -item[1])
    for role, ms in falling:
        out.samples[f"CPU {words}: {role}"] = [ms]
    shown = ", ".join(f"{role} {ms:.1f}" for role, ms in falling if ms >= SHOWN)
    out.notes.append(f"CPU {words}: {shown}; all {sum(by_role.values()):.1f}.")
