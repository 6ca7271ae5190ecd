"""Whole workflows of eight parallel steps: one at a time, and many at once. Ends are the times that each side's store has written."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from bench.http import connections
from bench.measures.accept import CLIENTS, start_all
from bench.numbers import Budget, Measured, Row, median
from bench.setting import SLOTS, Bench
from bench.sides import Ours, Side, Target, cpu_s, cpu_since
from bench.work import BURN, STEPS, WAIT, WAIT_S, Work, burn_s

WARM_UP = 3
OURS_MORE = (
    "Infra Mind's workflow has one step more, the synthesis after the others, in a slot: part of its number, not taken off. "
    "It also keeps every step's result, which Celery's gathering task does not."
)


@dataclass(frozen=True)
class Case:
    """What is measured against the seed: our side, the work, the words for it, and whether the budgets are about it."""

    ours: Ours
    work: Work
    verb: str
    budget: bool = True


def _reckoning(bench: Bench) -> list[Case]:
    return [
        Case(bench.ours, BURN, "reckon"),
        Case(bench.ours, WAIT, "block a slot each while they wait", budget=False),
    ]


def _waiting(bench: Bench) -> list[Case]:
    return [Case(bench.ours_waiting, WAIT, "wait")]


def _targets(bench: Bench, case: Case) -> list[Target]:
    return [*case.ours.targets, *bench.seed.targets]


def _sides(bench: Bench, case: Case) -> list[tuple[Side, Target]]:
    sides: tuple[Side, ...] = (case.ours, bench.seed)
    return [(side, target) for side in sides for target in side.targets]


async def one_at_a_time(bench: Bench) -> Measured:
    """(c) Start → done of one workflow on a quiet engine, less what the steps themselves need; steps with a slot each."""
    return await _one_at_a_time(bench, _reckoning(bench))


async def one_at_a_time_waiting(bench: Bench) -> Measured:
    """(cw) The same for steps that wait, as coroutines."""
    return await _one_at_a_time(bench, _waiting(bench))


async def many_at_once(bench: Bench) -> Measured:
    """(d) Workflows a second when many are started at once; steps with a slot each."""
    return await _many_at_once(bench, _reckoning(bench))


async def many_at_once_waiting(bench: Bench) -> Measured:
    """(dw) The same for steps that wait, as coroutines."""
    return await _many_at_once(bench, _waiting(bench))


async def _one_at_a_time(bench: Bench, cases: list[Case]) -> Measured:
    out = Measured(notes=[OURS_MORE])
    alone = burn_s()
    need = {"wait": WAIT_S, "burn": max(alone, STEPS * alone / min(SLOTS, os.cpu_count() or 1))}
    out.samples["burning step alone ms"] = [alone * 1000]
    for case in cases:
        targets, work = _targets(bench, case), case.work
        for target in targets:
            await target.run(work, WARM_UP)
        for _ in range(bench.counts.rounds):
            for target in targets:
                seconds = await target.run(work, bench.counts.workflows)
                out.samples.setdefault(_name(target, case), []).extend(s * 1000 for s in seconds)
        mine, *others = [median(out.samples[_name(target, case)]) for target in targets]
        less = need[work.do] * 1000
        for target, theirs in zip(bench.seed.targets, others, strict=True):
            what = f"{STEPS} parallel steps that {case.verb}"
            budget = Budget(0.5) if case.budget else None
            out.rows.append(
                Row(
                    "c", f"{what}: overhead p50", "ms", mine - less, target.name, theirs - less, budget=budget
                )
            )
            out.rows.append(Row("c", f"{what}: start → done, p50", "ms", mine, target.name, theirs))
    out.notes.append(
        f"Overhead: start → done less {WAIT_S * 1000:g} ms of waiting, or less {need['burn'] * 1000:.0f} ms of reckoning "
        f"({STEPS} steps of {alone * 1000:.0f} ms of CPU, measured alone in this run, on {os.cpu_count()} cores)."
    )
    return out


async def _many_at_once(bench: Bench, cases: list[Case]) -> Measured:
    out, count = Measured(), bench.counts.burst
    for case in cases:
        some = count if case.work is WAIT else max(4, count // 2)
        for _ in range(max(1, bench.counts.rounds - 2)):
            for side, target in _sides(bench, case):
                used = cpu_s(side)
                out.samples.setdefault(_name(target, case), []).append(await _burst(target, case.work, some))
                out.samples.setdefault(_cpu(target, case), []).append(cpu_since(side, used) * 1000 / some)
        for name, unit, words, budget in (
            (_name, "1/s", "workflows of {}, many at once", Budget(1.5, sense="at least")),
            (_cpu, "ms", "CPU time of a workflow of {}", None),
        ):
            ours, *others = [median(out.samples[name(target, case)]) for target in _targets(bench, case)]
            what = words.format(f"{STEPS} steps that {case.verb}")
            for target, theirs in zip(bench.seed.targets, others, strict=True):
                held = budget if case.budget else None
                out.rows.append(Row("d", what, unit, ours, target.name, theirs, budget=held))
    out.notes.append(
        f"{count} workflows at once ({max(4, count // 2)} of those that reckon), {SLOTS} slots on each side. Celery's gathering task takes one slot for all {STEPS} steps: "
        f"steps that wait wait together in one process, so {SLOTS} slots hold {SLOTS * STEPS} of them; a chord holds {SLOTS}. Infra Mind holds {SLOTS} of steps that are plain "
        "functions; those that are coroutines need no slot."
    )
    if any(case.work is BURN for case in cases):
        _limit(bench, cases, out)
    return out


def _limit(bench: Bench, cases: list[Case], out: Measured) -> None:
    """What the steps need themselves, on both sides alike: what is left to be compared, and what no engine can go beyond."""
    alone, cores = burn_s(), os.cpu_count() or 1
    steps_ms, most = STEPS * alone * 1000, cores / (STEPS * alone)
    case = next(case for case in cases if case.work is BURN)
    ours, *others = [median(out.samples[_cpu(target, case)]) - steps_ms for target in _targets(bench, case)]
    what = f"CPU time of a workflow beyond its {STEPS} steps' own, that {case.verb}"
    for target, theirs in zip(bench.seed.targets, others, strict=True):
        out.rows.append(Row("d", what, "ms", ours, target.name, theirs))
    rates = [(target.name, median(out.samples[_name(target, case)])) for target in bench.seed.targets]
    room = ", ".join(f"{most / rate:.2f} × {name}" for name, rate in rates)
    out.samples["most workflows a second that reckon"] = [most]
    out.notes.append(
        f"{STEPS} steps of {alone * 1000:.1f} ms of CPU on {cores} cores: no engine that costs nothing at all could end more than {most:.1f} workflows a second "
        f"that reckon, which is {room} in this run."
    )


async def _burst(target: Target, work: Work, count: int) -> float:
    requests = await target.drafts(work, count)
    begin = time.time()
    task_ids = await start_all(target, requests, min(CLIENTS, count))
    async with connections(target.port, 1) as (connection,):
        ends = [await target.ended_at(connection, task_id, every_s=0.05) for task_id in task_ids]
    return count / (max(ends) - begin)


def _name(target: Target, case: Case) -> str:
    return f"{target.name}, {case.verb}"


def _cpu(target: Target, case: Case) -> str:
    return f"{target.name}, {case.verb}, CPU ms a workflow"
