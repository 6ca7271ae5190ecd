"""Live bars in the terminal, one for each agent, from the events of a task."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from infra_mind.model.task import AgentState, Event

_COLOUR = {
    AgentState.WAITING: "dim", AgentState.RUNNING: "cyan", AgentState.RETRY: "yellow", AgentState.DONE: "green",
    AgentState.FAILED: "red", AgentState.SKIPPED: "dim", AgentState.REVOKED: "dim",
}  # fmt: skip


class Bars:
    """A context that shows bars on a terminal, and one plain line for each change of an agent's state elsewhere."""

    def __init__(self, console: Console, agents: tuple[str, ...] = ()) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description:<16}"), BarColumn(bar_width=36), TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[state]:<8}"), TimeElapsedColumn(), TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console, transient=False,
        )  # fmt: skip
        self._ids: dict[str, TaskID] = {}
        self._states: dict[str, str] = {}
        for name in agents:
            self._row(name)

    def __enter__(self) -> Bars:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Takes a snapshot or a change."""
        agents: dict[str, Any] = event.data.get("agents") or event.data.get("info", {}).get("agents") or {}
        for name, agent in agents.items():
            self._show(name, agent)

    def _row(self, name: str) -> TaskID:
        if name not in self._ids:
            self._ids[name] = self._bars.add_task(name, total=100, start=False, state="WAITING", note="")
        return self._ids[name]

    def _show(self, name: str, agent: dict[str, Any]) -> None:
        row, state = self._row(name), AgentState(agent["state"])
        note = str(agent.get("reason") or agent.get("note") or "")[:60]
        if state is not AgentState.WAITING:
            self._bars.start_task(row)
        ended = state in (AgentState.DONE, AgentState.FAILED, AgentState.SKIPPED, AgentState.REVOKED)
        self._bars.update(
            row, completed=float(agent.get("progress", 0)), state=f"[{_COLOUR[state]}]{state}[/]", note=note
        )
        if ended:
            self._bars.stop_task(row)
        if not self._console.is_terminal and self._states.get(name) != state:
            self._console.print(
                f"{name}: {state}" + (f" ({note})" if note else ""), highlight=False, markup=False
            )
        self._states[name] = state
