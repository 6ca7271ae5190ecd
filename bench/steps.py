"""Eight agents side by side for `infra-mind up --agents bench.steps:table`; the brief's goal says what each does."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.work import NAMES, Work, burn, hold
from infra_mind.agents.base import Agent, Inputs, Progress, waiting
from infra_mind.model.fact import Fact
from infra_mind.model.result import AgentResult


def act(work: Work, place: int, progress: Progress) -> None:
    """What the step at `place` (0 to 7) does."""
    if work.do == "wait":
        time.sleep(work.amount)
    elif work.do == "burn":
        burn(int(work.amount))
    elif work.do == "hold" and place == 0:
        hold(Path(work.log), work.amount)
    elif work.do == "tell" and place == 0:
        for done in range(work.times):
            progress(done, work.times, f"{time.time():.6f}")
            time.sleep(work.amount)


def _done(place: int) -> AgentResult:
    return AgentResult(
        facts=(Fact(id=f"{NAMES[place]}.done", value=1, unit="count", formula="given", source="bench"),)
    )


def _agent(place: int) -> Agent:
    def assess(inputs: Inputs, progress: Progress) -> AgentResult:
        act(Work.from_json(inputs.brief.goal or ""), place, progress)
        return _done(place)

    return Agent(NAMES[place], assess, reads=("goal",))


def _waiting(place: int) -> Agent:
    async def assess(inputs: Inputs, progress: Progress) -> AgentResult:
        await asyncio.sleep(Work.from_json(inputs.brief.goal or "").amount)
        return _done(place)

    return waiting(NAMES[place], assess, reads=("goal",))


def waiting_table() -> dict[str, Agent]:
    """The same steps by name, that wait as the seed's do: in an event loop. They can do nothing else."""
    agents = [_waiting(place) for place in range(len(NAMES))]
    return {agent.name: agent for agent in agents}


def table() -> dict[str, Agent]:
    """The steps by name."""
    agents = [_agent(place) for place in range(len(NAMES))]
    return {agent.name: agent for agent in agents}
