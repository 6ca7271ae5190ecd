"""A real assessment with the real agents against what its own steps need at least."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.numbers import Budget, Measured, Row, median
from bench.processes import ROOT
from bench.setting import Bench
from bench.sides import Ours
from infra_mind.assessment import Assessor, assessor
from infra_mind.client import Client, read_submission
from infra_mind.tasks.plan import Plan

BRIEF = ROOT / "examples" / "clinic" / "brief.yaml"
SLOTS = 8
WARM_UP = 2
ALONE = 3


@dataclass(frozen=True)
class Spent:
    """Seconds of one step, alone in a process: by the wall, and of the processor."""

    wall: float
    cpu: float


async def clinic(bench: Bench) -> Measured:
    """(j) examples/clinic on the idle machine: wall against max(longest chain of agents, CPU seconds / cores)."""
    bench.stop_sides()
    out = Measured()
    steps = alone(assessor(), ALONE)
    plan, cores = assessor().plan, os.cpu_count() or 1
    chain = longest_chain(plan, {name: spent.wall for name, spent in steps.items()})
    cpu = sum(spent.cpu for spent in steps.values())
    floor = max(chain, cpu / cores)
    for name, spent in steps.items():
        out.samples[f"{name} alone: wall, cpu s"] = [spent.wall, spent.cpu]
    bench.say("starting Infra Mind with its own agents")
    side = Ours(bench.directory / "clinic", slots=SLOTS, agents=None, settings=bench.settings)
    try:
        with side.client() as client:
            walls = [assess_once(client, BRIEF) for _ in range(WARM_UP + bench.counts.assessments)][WARM_UP:]
    finally:
        side.stop()
    out.samples["wall s"] = walls
    out.rows.append(
        Row(
            "j",
            "examples/clinic start → done, p50",
            "s",
            median(walls),
            "its floor",
            floor,
            budget=Budget(1.3),
        )
    )
    out.notes.append(
        f"Floor: the larger of the longest chain ({chain:.3f} s) and CPU seconds over cores ({cpu:.3f} / {cores} = {cpu / cores:.3f} s), of the {len(steps)} steps run one by one "
        f"in one warm process in this run. {WARM_UP} assessments before were not counted."
    )
    return out


def alone(assess: Assessor, times: int) -> dict[str, Spent]:
    """Each step of the example, one after the other in this process; the fastest of `times` runs after one to warm up."""
    data = read_submission(BRIEF).to_bytes()
    best: dict[str, Spent] = {}
    for run in range(times + 1):
        results: dict[str, bytes] = {}
        for step in assess.plan.steps:
            wanted = {name: results[name] for name in (*step.needs, *step.after)}
            wall, cpu = time.perf_counter(), time.process_time()
            results[step.name] = assess.run(step.name, data, wanted)
            spent = Spent(time.perf_counter() - wall, time.process_time() - cpu)
            before = best.get(step.name)
            if run and (before is None or spent.wall < before.wall):
                best[step.name] = spent
    return best


def longest_chain(plan: Plan, seconds: Mapping[str, float]) -> float:
    """Of steps that wait for one another, the chain that takes longest."""
    ends: dict[str, float] = {}
    for step in plan.steps:
        begins = max((ends[name] for name in (*step.needs, *step.after)), default=0.0)
        ends[step.name] = begins + seconds[step.name]
    return max(ends.values())


def assess_once(client: Client, brief: Path) -> float:
    """Seconds from the start request to the end in the store."""
    created = client.create(brief)
    begin = time.time()
    task = client.wait(client.start(created.assessment_id))
    if task.state != "SUCCESS" or task.ended_at is None:
        raise RuntimeError(f"the example ended as {task.state}: {task.error}")
    return datetime.fromisoformat(task.ended_at).timestamp() - begin
