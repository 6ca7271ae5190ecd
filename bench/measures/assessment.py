"""A real assessment with the real agents against what its own steps need at least."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from bench.numbers import Budget, Measured, Row, median
from bench.processes import ROOT
from bench.profile import cpu_by_process
from bench.setting import Bench
from bench.sides import Ours
from infra_mind.assessment import Assessor, assessor
from infra_mind.client import Client, read_submission
from infra_mind.model.task import Task
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


@dataclass(frozen=True)
class Run:
    """One assessment: seconds from the start request to the end in the store, of each agent as the task tells them, and of the
    processor in all processes of the platform meanwhile."""

    wall: float
    agents: dict[str, float]
    cpu: float


async def clinic(bench: Bench) -> Measured:
    """(j) examples/clinic on the idle machine: wall against max(longest chain of agents, CPU seconds / cores)."""
    bench.stop_sides()
    out = Measured()
    steps = alone(assessor(), ALONE)
    for name, spent in steps.items():
        out.samples[f"{name} alone: wall, cpu s"] = [spent.wall, spent.cpu]
    bench.say("starting Infra Mind with its own agents")
    side = Ours(bench.directory / "clinic", slots=SLOTS, agents=None, settings=bench.settings)
    try:
        with side.client() as client:
            runs = [_run(client, BRIEF, side.members) for _ in range(WARM_UP + bench.counts.assessments)]
    finally:
        side.stop()
    del runs[:WARM_UP]
    plan, cores = assessor().plan, os.cpu_count() or 1
    wall = median([run.wall for run in runs])
    chain = median([longest_chain(plan, run.agents) for run in runs])
    cpu = sum(run.cpu for run in runs) / len(runs)
    chain_alone = longest_chain(plan, {name: spent.wall for name, spent in steps.items()})
    cpu_alone = sum(spent.cpu for spent in steps.values())
    out.samples["wall s"] = [run.wall for run in runs]
    out.samples["longest chain of agents s"] = [longest_chain(plan, run.agents) for run in runs]
    out.samples["cpu s"] = [run.cpu for run in runs]
    what = "examples/clinic start → done, p50"
    out.rows += [
        Row("j", what, "s", wall, "its floor", max(chain, cpu / cores), budget=Budget(1.3)),
        Row("j", what, "s", wall, "its steps alone", max(chain_alone, cpu_alone / cores)),
    ]
    out.notes.append(
        f"Its floor: the larger of the longest chain of agents as the tasks tell it ({chain:.3f} s, p50) and the CPU seconds of all processes of the platform over cores "
        f"({cpu:.3f} / {cores} = {cpu / cores:.3f} s, mean; the engine's own work is part of it). {WARM_UP} assessments before were not counted."
    )
    out.notes.append(
        f"Its steps alone: what an engine that costs nothing could reach, the larger of the longest chain ({chain_alone:.3f} s) and CPU seconds over cores ({cpu_alone:.3f} / {cores} = "
        f"{cpu_alone / cores:.3f} s) of the {len(steps)} steps run one by one in one warm process, each at its fastest of {ALONE} times."
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
    """Of steps that wait for one another, the chain that takes longest; a step that has no seconds takes none."""
    ends: dict[str, float] = {}
    for step in plan.steps:
        begins = max((ends[name] for name in (*step.needs, *step.after)), default=0.0)
        ends[step.name] = begins + seconds.get(step.name, 0.0)
    return max(ends.values())


def assess_once(client: Client, brief: Path) -> float:
    """Seconds from the start request to the end in the store."""
    return _ended(client, brief)[0]


def _run(client: Client, brief: Path, members: Callable[[], Sequence[psutil.Process]]) -> Run:
    before = cpu_by_process(members())
    wall, task = _ended(client, brief)
    after = cpu_by_process(members())
    cpu = sum(spent - before.get(pid, (role, 0.0))[1] for pid, (role, spent) in after.items())
    agents = {name: _between(one.started_at, one.ended_at) for name, one in task.info.agents.items()}
    return Run(wall, agents, cpu)


def _ended(client: Client, brief: Path) -> tuple[float, Task]:
    """RuntimeError when it does not end well."""
    created = client.create(brief)
    begin = time.time()
    task = client.wait(client.start(created.assessment_id))
    if task.state != "SUCCESS" or task.ended_at is None:
        raise RuntimeError(f"the example ended as {task.state}: {task.error}")
    return _at(task.ended_at) - begin, task


def _between(begin: str | None, end: str | None) -> float:
    return _at(end) - _at(begin) if begin and end else 0.0


def _at(time_of_day: str) -> float:
    return datetime.fromisoformat(time_of_day).timestamp()
