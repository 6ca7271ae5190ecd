"""Bars for an agent's facts, where a picture says more than a table: carbon by part and region, readiness, what a GPU hour costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infra_mind.model.numbers import Quantity
from infra_mind.reports.facts import FactView

MOST_LINES = 12
_WAYS = {
    "cheapest_spot": "spot",
    "cheapest_committed_3y": "committed for three years",
    "cheapest_committed_1y": "committed for one year",
    "cheapest_on_demand": "on demand",
    "highest_on_demand": "dearest on demand",
}
_PARTS = {"hosting": "nodes", "storage": "storage", "serving": "serving", "api": "rented"}


@dataclass(frozen=True)
class Line:
    """A bar `share` (0 to 1) of the longest wide; the number leads to the fact."""

    label: str
    view: FactView
    share: float

    @property
    def shown(self) -> Quantity:
        return self.view.shown


@dataclass(frozen=True)
class Chart:
    title: str
    lines: tuple[Line, ...]


def charts(agent: str, facts: Iterable[FactView]) -> tuple[Chart, ...]:
    """Charts of one agent's facts; none for an agent that has no use for them."""
    by_id = {view.fact.id: view for view in facts}
    make = {"sustainability": _carbon, "adoption": _readiness, "research": _prices}.get(agent)
    found = make(by_id) if make else []
    return tuple(chart for chart in found if len(chart.lines) > 1)


def _carbon(facts: dict[str, FactView]) -> list[Chart]:
    end = ".kgco2e_per_month"
    parts, regions = [], []
    for key, view in facts.items():
        kind, _, name = key.removeprefix("sustainability.").removesuffix(end).partition(".")
        if key.endswith(end) and kind in _PARTS:
            parts.append((f"{_PARTS[kind]}: {name}", view))
        elif key.endswith(end) and kind == "region":
            regions.append((name, view))
    return [
        _chart("Operational carbon a month, by part", parts),
        _chart("The same load in each allowed region, a month", regions),
    ]


def _readiness(facts: dict[str, FactView]) -> list[Chart]:
    ends = ".readiness"
    lines = [(key.split(".")[1], view) for key, view in facts.items() if key.endswith(ends) and key.count(".") == 2]  # fmt: skip
    return [_chart("Readiness by dimension", lines, whole=1.0)]


def _prices(facts: dict[str, FactView]) -> list[Chart]:
    names = sorted({key.split(".")[2] for key in facts if key.startswith("research.gpu.")})
    found = []
    for name in names:
        lines = [
            (f"{words}, {view.fact.inputs.get('region', '')}", view)
            for way, words in _WAYS.items()
            if (view := facts.get(f"research.gpu.{name}.{way}_usd_per_gpu_hour"))
        ]
        found.append(_chart(f"A GPU hour of {name}, over all regions that are listed", lines))
    return found


def _chart(title: str, lines: list[tuple[str, FactView]], whole: float | None = None) -> Chart:
    known = [(label, view, _number(view)) for label, view in lines]
    ordered = sorted(known, key=lambda line: (-line[2], line[0]))[:MOST_LINES]
    longest = whole or max((amount for _, _, amount in ordered), default=0.0)
    return Chart(
        title,
        tuple(Line(label, view, min(1.0, amount / longest) if longest > 0 else 0.0) for label, view, amount in ordered),
    )  # fmt: skip


def _number(view: FactView) -> float:
    value = view.fact.value
    return 0.0 if isinstance(value, str | bool) else max(0.0, float(value))
