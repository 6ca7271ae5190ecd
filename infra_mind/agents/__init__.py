"""The agents. To add one: write `infra_mind/agents/<name>.py` with an `AGENT`, and add its line here."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from infra_mind.agents.base import Agent

NAMES: tuple[str, ...] = (
    "cloud",
    "security",
    "reliability",
    "mlops",
    "capacity",
    "research",
    "compliance",
    "cost",
    "sustainability",
    "adoption",
    "strategy",
)


@cache
def table() -> dict[str, Agent]:
    """All agents by name, in the order of `NAMES`; `needs` and `after` that are not in the table are left out."""
    return {name: _load(name) for name in NAMES}


def _load(name: str) -> Agent:
    agent: Agent = import_module(f"infra_mind.agents.{name}").AGENT
    return agent
