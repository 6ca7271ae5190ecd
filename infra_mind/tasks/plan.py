"""The plan of a task: its steps, what each waits for, and what decides whether a kept result is still valid."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property


@dataclass(frozen=True)
class Step:
    """`needs` must have ended well; `after` must have ended, well or not, and is used when it is there.

    `reads` names the parts of the input that its result depends on. A step that is no `agent` does not show as one. One that is `divided`
    has a step before it for each portion that the input has of a part that it reads: see `Plan.divided`.
    One that `waits` hardly uses a CPU: it awaits what others do, and needs no slot of its own."""

    name: str
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    version: int = 1
    agent: bool = True
    waits: bool = False
    divided: bool = False


WAITING_PER_SLOT = (
    16  # how many steps that wait count as one that reckons, when a dispatcher decides what it has room for
)


def slots_of(steps: Iterable[Step]) -> int:
    """What these steps count for when they run at once; at least one."""
    weight = sum(1.0 / WAITING_PER_SLOT if step.waits else 1.0 for step in steps)
    return max(1, math.ceil(weight))


class PlanError(ValueError):
    """The steps do not make a graph without cycles, or a name is unknown or stands twice."""


@dataclass(frozen=True)
class Plan:
    """Steps in a legal order; the last one gives the result of the whole task. `release` names the code that runs them: what another
    release kept is not gone on from."""

    steps: tuple[Step, ...]
    release: str = ""

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for step in self.steps:
            for other in (*step.needs, *step.after):
                if other not in seen:
                    raise PlanError(f"{step.name} waits for {other}, which does not stand before it")
            if step.name in seen:
                raise PlanError(f"{step.name} stands twice")
            seen.add(step.name)
        if not self.steps:
            raise PlanError("a plan needs at least one step")

    @cached_property
    def by_name(self) -> dict[str, Step]:
        return {step.name: step for step in self.steps}

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @cached_property
    def agents(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps if step.agent)

    @cached_property
    def width(self) -> int:
        """How many slots the steps take that can start at once, at the beginning."""
        return slots_of(step for step in self.steps if not step.needs and not step.after)

    @cached_property
    def needed(self) -> frozenset[str]:
        """Steps whose failure fails the task: another one cannot do without them."""
        return frozenset(name for step in self.steps for name in step.needs) | {self.last.name}

    def divided(self, parts: Mapping[str, str]) -> Plan:
        """The plan for an input with these parts. A part `files.1-9` is a portion of `files`: a divided step `read` that reads `files` then
        needs a step `read.1-9`, which reads it."""
        steps: list[Step] = []
        for step in self.steps:
            portions = (
                [p for name in step.reads for p in parts if p.startswith(f"{name}.")] if step.divided else []
            )
            before = [
                Step(
                    f"{step.name}.{p.partition('.')[2]}",
                    step.needs,
                    step.after,
                    (p,),
                    step.version,
                    agent=False,
                )
                for p in portions
            ]
            steps += [
                *before,
                replace(step, needs=(*step.needs, *(b.name for b in before))) if before else step,
            ]
        return replace(self, steps=tuple(steps)) if len(steps) > len(self.steps) else self

    def ready(self, done: Collection[str], failed: Collection[str], started: Collection[str]) -> list[Step]:
        """Steps that may start now."""
        ended = set(done) | set(failed)
        return [
            step
            for step in self.steps
            if step.name not in started
            and step.name not in ended
            and all(n in done for n in step.needs)
            and all(a in ended for a in step.after)
        ]

    def blocked(self, failed: Collection[str]) -> set[str]:
        """Steps that can never start because something they need failed, directly or further up."""
        lost: set[str] = set()
        for step in self.steps:
            if step.name not in failed and any(n in failed or n in lost for n in step.needs):
                lost.add(step.name)
        return lost

    def inputs_of(self, step: Step, results: Mapping[str, str]) -> dict[str, str]:
        """Hashes of the results this step gets, by step name: all of `needs`, and of `after` those that are there."""
        return {name: results[name] for name in (*step.needs, *step.after) if name in results}

    def inputs_hash(self, step: Step, parts: Mapping[str, str], results: Mapping[str, str]) -> str:
        """What a result of this step was reckoned from. `parts`: hash by part of the input; `results`: hash by step."""
        lines = [f"{step.name} {step.version} {self.release}"]
        lines += [f"part {name} {parts.get(name, 'absent')}" for name in sorted(step.reads)]
        lines += [f"result {name} {mark}" for name, mark in sorted(self.inputs_of(step, results).items())]
        return digest("\n".join(lines).encode())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps in an order in which everything stands after what it waits for; ties keep the given order."""
    left, placed, out = list(steps), set[str](), list[Step]()
    while left:
        for step in left:
            if placed.issuperset((*step.needs, *step.after)):
                break
        else:
            raise PlanError(
                f"these wait for each other or for an unknown step: {', '.join(s.name for s in left)}"
            )
        left.remove(step)
        placed.add(step.name)
        out.append(step)
    return tuple(out)
