"""What an agent is: a name, what it needs, and a pure function from inputs to an `AgentResult`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra_mind.model.brief import Brief
from infra_mind.model.inventory import Artefact, Inventory
from infra_mind.model.result import AgentResult
from infra_mind.model.scan import Scan


class Progress(Protocol):
    """Called by an agent as its work goes on. May raise `Stopped` when the run was asked to stop."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """`done` of `total` known units of work are done; `note` is a few words for a person."""


class Stopped(Exception):  # noqa: N818 - it is no error: somebody asked
    """The run was asked to stop; agents let it pass."""


class PermanentError(Exception):
    """An agent cannot do this with this input, however often it is tried: no retry."""


@dataclass(frozen=True)
class Inputs:
    """All an agent may look at. `results` holds the agents that it `needs` (a failed optional one is absent).

    `inventory` and `artefacts` are empty unless the agent's `reads` has "artefacts"; `day` is the day (UTC, YYYY-MM-DD) on which the
    task was accepted if `reads` has "day", else empty: an agent has no clock, and a result may depend on a day only in the open. `scan` is what Checkov said if `reads` has
    "checkov" and the machine that runs the step has it."""

    brief: Brief
    inventory: Inventory = field(default_factory=Inventory)
    artefacts: Mapping[str, Artefact] = field(default_factory=dict)
    results: Mapping[str, AgentResult] = field(default_factory=dict)
    day: str = ""
    scan: Scan | None = None


def silent(done: int, total: int, note: str = "") -> None:
    """A `Progress` for callers that do not look."""


Waiting = Callable[[Inputs, Progress], Coroutine[Any, Any, AgentResult]]


@dataclass(frozen=True)
class Later:
    """What an agent adds to its result afterwards, because no other agent waits for it: a step of its own, `<agent>.<name>`, beside theirs.

    `work` gives plain values for JSON; it finds the agent's own result among `results`. `put` gives that result with what came of it, None
    when the step failed. `reads` as in `Agent`; the version is the agent's."""

    name: str
    work: Callable[[Inputs, Progress], dict[str, Any]]
    put: Callable[[AgentResult, Mapping[str, Any] | None], AgentResult]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Agent:
    """`reads`: top-level fields of the brief, "artefacts", "day" and "checkov"; together with the results of `needs` they decide whether a kept
    result is still valid. `after` are agents that are waited for and used when they are there, but whose failure does not stop
    this one. `version` goes up whenever the same input may give another result. `awaits`: see `waiting`; `later`: see `Later`."""

    name: str
    assess: Callable[[Inputs, Progress], AgentResult]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    version: int = 1
    title: str = ""
    awaits: Waiting | None = None
    later: Later | None = None

    @property
    def later_step(self) -> str:
        """Its step's name, empty for none."""
        return f"{self.name}.{self.later.name}" if self.later else ""


def waiting(name: str, assess: Waiting, **more: Any) -> Agent:
    """An agent that awaits what others do (a model's API, another service) instead of reckoning; `more` as for `Agent`.

    Many of these run in one process, without a slot each. One that reckons, or blocks, holds up the others there."""

    def alone(inputs: Inputs, progress: Progress) -> AgentResult:
        return asyncio.run(assess(inputs, progress))

    return Agent(name, alone, awaits=assess, **more)
