"""Eight agents side by side for `infra-mind up --agents bench.steps:table`; the brief's goal says what each does."""

from __future__ import annotations

import time
from pathlib import Path

from bench.work import NAMES, Work, burn, hold
from infra_mind.agents.base import Agent, Inputs, Progress
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


def _agent(place: int) -> Agent:
    def assess(inputs: Inputs, progress: Progress) -> AgentResult:
        act(Work.from_json(inputs.brief.goal or ""), place, progress)
        done = Fact(id=f"{NAMES[place]}.done", value=1, unit="count", formula="given", source="bench")
        return AgentResult(facts=(done,))

    return Agent(NAMES[place], assess, reads=("goal",))


def table() -> dict[str, Agent]:
    """The steps by name."""
    agents = [_agent(place) for place in range(len(NAMES))]
    return {agent.name: agent for agent in agents}
