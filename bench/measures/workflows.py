"""Whole workflows of eight parallel steps: one at a time, and many at once. Ends are the times that each side's store has written."""

from __future__ import annotations

import os
import time

from bench.http import connections
from bench.measures.accept import CLIENTS, start_all
from bench.numbers import Budget, Measured, Row, median
from bench.setting import SLOTS, Bench
from bench.sides import Side, Target, cpu_s, cpu_since
from bench.work import BURN, STEPS, WAIT, WAIT_S, Work, burn_s

WARM_UP = 3
OURS_MORE = (
    "Infra Mind's workflow has two steps more, an inventory (beside the others) and the synthesis (after them): part of its number, not taken off. "
    "It also keeps every step's result, which Celery's gathering task does not."
)


def _targets(bench: Bench) -> list[Target]:
    return [*bench.ours.targets, *bench.seed.targets]


def _sides(bench: Bench) -> list[tuple[Side, Target]]:
    sides: tuple[Side, ...] = (bench.ours, bench.seed)
    return [(side, target) for side in sides for target in side.targets]


async def one_at_a_time(bench: Bench) -> Measured:
    """(c) Start → done of one workflow on a quiet engine, less what the steps themselves need."""
    out = Measured(notes=[OURS_MORE])
    alone = burn_s()
    need = {"wait": WAIT_S, "burn": max(alone, STEPS * alone / min(SLOTS, os.cpu_count() or 1))}
    out.samples["burning step alone ms"] = [alone * 1000]
    for work in (WAIT, BURN):
        for target in _targets(bench):
            await target.run(work, WARM_UP)
        for _ in range(bench.counts.rounds):
            for target in _targets(bench):
                seconds = await target.run(work, bench.counts.workflows)
                out.samples.setdefault(_name(target, work), []).extend(s * 1000 for s in seconds)
        ours, *others = [median(out.samples[_name(t, work)]) - need[work.do] * 1000 for t in _targets(bench)]
        for target, theirs in zip(bench.seed.targets, others, strict=True):
            out.rows.append(
                Row("c", f"{STEPS} parallel steps that {_verb(work)}: overhead p50", "ms", ours, target.name, theirs,
                    budget=Budget(0.5))
            )  # fmt: skip
    for target in bench.seed.targets:
        done = [median(out.samples[_name(t, BURN)]) for t in (bench.ours.targets[0], target)]
        out.rows.append(
            Row(
                "c",
                f"{STEPS} parallel steps that reckon: start → done, p50",
                "ms",
                done[0],
                target.name,
                done[1],
            )
        )
    out.notes.append(
        f"Overhead: start → done less {WAIT_S * 1000:g} ms of waiting, or less {need['burn'] * 1000:.0f} ms of reckoning "
        f"({STEPS} steps of {alone * 1000:.0f} ms of CPU, measured alone in this run, on {os.cpu_count()} cores)."
    )
    return out


async def many_at_once(bench: Bench) -> Measured:
    """(d) Workflows a second when many are started at once."""
    out, count = Measured(), bench.counts.burst
    for work in (WAIT, BURN):
        for _ in range(max(1, bench.counts.rounds - 2)):
            for side, target in _sides(bench):
                some, used = count if work is WAIT else max(4, count // 2), cpu_s(side)
                out.samples.setdefault(_name(target, work), []).append(await _burst(target, work, some))
                out.samples.setdefault(_cpu(target, work), []).append(cpu_since(side, used) * 1000 / some)
        ours, *others = [median(out.samples[_name(t, work)]) for t in _targets(bench)]
        for target, theirs in zip(bench.seed.targets, others, strict=True):
            out.rows.append(
                Row("d", f"workflows of {STEPS} steps that {_verb(work)}, many at once", "1/s", ours, target.name, theirs,
                    budget=Budget(1.5, sense="at least"))
            )  # fmt: skip
        mine, *theirs_cpu = [median(out.samples[_cpu(t, work)]) for t in _targets(bench)]
        for target, cpu in zip(bench.seed.targets, theirs_cpu, strict=True):
            out.rows.append(
                Row(
                    "d",
                    f"CPU time of a workflow of {STEPS} steps that {_verb(work)}",
                    "ms",
                    mine,
                    target.name,
                    cpu,
                )
            )
    out.notes.append(
        f"{count} workflows at once ({max(4, count // 2)} of those that reckon), {SLOTS} slots on each side. Celery's gathering task takes one slot for all "
        f"{STEPS} steps: steps that only wait wait together in one process, so {SLOTS} slots hold {SLOTS * STEPS} of them; a chord and Infra Mind hold {SLOTS}."
    )
    return out


async def _burst(target: Target, work: Work, count: int) -> float:
    requests = await target.drafts(work, count)
    begin = time.time()
    task_ids = await start_all(target, requests, min(CLIENTS, count))
    async with connections(target.port, 1) as (connection,):
        ends = [await target.ended_at(connection, task_id, every_s=0.05) for task_id in task_ids]
    return count / (max(ends) - begin)


def _name(target: Target, work: Work) -> str:
    return f"{target.name}, {work.do}"


def _cpu(target: Target, work: Work) -> str:
    return f"{target.name}, {work.do}, CPU ms a workflow"


def _verb(work: Work) -> str:
    return "wait" if work.do == "wait" else "reckon"
