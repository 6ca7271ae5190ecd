from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from infra_mind.bars import Bars
from infra_mind.model.task import AgentState, Event


def change(**agents: dict[str, Any]) -> Event:
    return Event(id="1-1", type="progress", data={"task_id": "t", "state": "PROGRESS", "agents": agents})


def snapshot(**agents: dict[str, Any]) -> Event:
    return Event(
        id="", type="snapshot", data={"task_id": "t", "state": "PROGRESS", "info": {"agents": agents}}
    )


def agent(state: str, progress: float = 0.0, **more: str) -> dict[str, Any]:
    return {"state": state, "progress": progress, **more}


def shown(*events: Event, terminal: bool = False) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, color_system=None)
    with Bars(console) as bars:
        for event in events:
            bars(event)
    return text.getvalue()


def test_a_pipe_gets_one_line_for_each_change_of_a_state() -> None:
    told = shown(
        snapshot(cost=agent("WAITING"), cloud=agent("RUNNING", 10.0)),
        change(cloud=agent("RUNNING", 60.0)),
        change(cloud=agent("DONE", 100.0), cost=agent("RUNNING", 0.0, note="prices")),
        change(cost=agent("FAILED", 10.0, reason="PriceError: [no] price")),
    )
    assert told.splitlines() == [
        "cost: WAITING", "cloud: RUNNING", "cloud: DONE", "cost: RUNNING (prices)", "cost: FAILED (PriceError: [no] price)",
    ]  # fmt: skip


def test_a_terminal_gets_one_bar_for_each_agent() -> None:
    told = shown(
        snapshot(cost=agent("WAITING"), cloud=agent("DONE", 100.0)),
        change(cost=agent("RUNNING", 42.0, note="[bold] a")),
        terminal=True,
    )
    lines = re.split(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]", told)
    last = [line for line in lines if line.startswith(("cost ", "cloud "))][-2:]
    assert [line.split()[0] for line in last] == ["cost", "cloud"]
    assert "42 %" in last[0]
    assert "[bold] a" in last[0]
    assert "100 %" in last[1]


@pytest.mark.parametrize("state", list(AgentState))
def test_every_state_of_an_agent_can_be_shown(state: AgentState) -> None:
    assert shown(change(a=agent(state))) == f"a: {state}\n"
    assert state in shown(change(a=agent(state)), terminal=True)


def test_an_event_without_agents_shows_nothing() -> None:
    assert shown(Event(id="1-1", type="state", data={"task_id": "t", "state": "STARTED"})) == ""


def test_a_long_line_of_a_pipe_is_whole() -> None:
    told = shown(change(a=agent("FAILED", reason="x" * 500)))
    assert told.count("\n") == 1
