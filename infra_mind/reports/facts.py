"""Facts as a report shows them: each with an anchor, a label, its number for people and the way it was reckoned."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from infra_mind.model.fact import Fact, FactValue
from infra_mind.model.numbers import UNKNOWN, Quantity, bounded, quantity
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.labels import below, fact_label, fact_name
from infra_mind.summary import by_interest


@dataclass(frozen=True)
class Input:
    """One input of a formula; `anchor` where the input is itself a fact of the result."""

    name: str
    text: str
    anchor: str | None


@dataclass(frozen=True)
class FactView:
    fact: Fact
    agent: str
    anchor: str
    shown: Quantity
    inputs: tuple[Input, ...]

    @property
    def label(self) -> str:
        return fact_label(self.fact.id)

    @property
    def name(self) -> str:
        return fact_name(self.fact.id)

    @property
    def exact(self) -> str:
        """The value as it is, where the shown one is rounded."""
        value = self.fact.value
        if isinstance(value, bool | str) or self.shown.number == UNKNOWN:
            return ""
        return f"{value:.6e} {self.fact.unit}" if abs(value) >= 1e15 else f"{value!r} {self.fact.unit}"


@dataclass(frozen=True)
class Pivot:
    """A table of facts: `rows` of (heading, cells), a cell None where there is no such fact."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[FactView | None, ...]], ...]


class FactBook:
    """All facts of a result by id. Ids are unique by contract; should one stand twice, the first is the one linked to."""

    def __init__(self, result: AssessmentResult) -> None:
        found = [(agent, fact) for agent, given in result.agents.items() for fact in given.facts]
        anchors = _anchors([fact.id for _, fact in found])
        by_id: dict[str, str] = {}
        for (_, fact), anchor in zip(found, anchors, strict=True):
            by_id.setdefault(fact.id, anchor)
        self.views = tuple(
            FactView(fact, agent, anchor, _shown(fact), _inputs(fact, by_id))
            for (agent, fact), anchor in zip(found, anchors, strict=True)
        )
        self._by_id: dict[str, FactView] = {}
        for view in self.views:
            self._by_id.setdefault(view.fact.id, view)

    def get(self, fact_id: str) -> FactView | None:
        return self._by_id.get(fact_id)

    def of(self, agent: str) -> tuple[FactView, ...]:
        return tuple(view for view in self.views if view.agent == agent)


def pivots(views: Iterable[FactView]) -> tuple[Pivot, ...]:
    """Facts of one agent as tables: `capacity.<name>.servers` gives one with a column or row for each name.

    The longer side becomes the rows, so that a table stays narrow."""
    groups: dict[str, dict[tuple[str, str], FactView]] = {}
    for view in views:
        what, rest = below(view.fact.id)
        if what:
            groups.setdefault(what, {})[(rest, what)] = view
            continue
        parts = view.fact.id.split(".")[1:]
        head = parts[0] if len(parts) > 2 else ""
        item = ".".join(parts[1:-1]) if len(parts) > 2 else ".".join(parts[:-1])
        kind = "one" if len(parts) == 1 else head or "each"
        groups.setdefault(kind, {})[(item, parts[-1])] = view
    if "one" in groups:
        by_id = {view.fact.id: (place, view) for place, view in groups["one"].items()}
        groups["one"] = dict(by_id[fact_id] for fact_id in by_interest(by_id))
    ordered = sorted(groups.items(), key=lambda group: group[0] != "one")
    return tuple(_pivot(kind, cells) for kind, cells in ordered)


def _pivot(kind: str, cells: dict[tuple[str, str], FactView]) -> Pivot:
    items = tuple(dict.fromkeys(item for item, _ in cells))
    ends = tuple(dict.fromkeys(end for _, end in cells))
    title = {"one": "", "each": "Each"}.get(kind, fact_name(kind))
    if kind == "each" and len(items) == 1:
        title = fact_name(items[0])
    names = {end: view.name for (_, end), view in cells.items()}
    if len(items) > len(ends):
        body = tuple((item, tuple(cells.get((item, end)) for end in ends)) for item in items)
        return Pivot(title, tuple("Value" if names[end] == title else names[end] for end in ends), body)
    body = tuple((names[end], tuple(cells.get((item, end)) for item in items)) for end in ends)
    single = len(items) == 1 and title.lower() == fact_name(items[0]).lower()
    return Pivot(title, tuple("Value" if single else item or "Value" for item in items), body)


def _shown(fact: Fact) -> Quantity:
    shown = quantity(fact.value, fact.unit)
    if shown.number == UNKNOWN:
        return shown
    return shown._replace(number=bounded(shown.number, fact.is_lower_bound))


def _inputs(fact: Fact, anchors: dict[str, str]) -> tuple[Input, ...]:
    return tuple(Input(name, _input_text(value), anchors.get(name)) for name, value in fact.inputs.items())


def _input_text(value: FactValue) -> str:
    """Inputs to ten digits: a reader who reckons again must come to the same number."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.10g}"
    return quantity(value).text


def _anchors(ids: list[str]) -> list[str]:
    """HTML ids: letters, digits, `.`, `_` and `-` of the fact's id; numbered where two would be the same."""
    anchors: dict[str, None] = {}
    for fact_id in ids:
        slug = "fact-" + re.sub(r"[^A-Za-z0-9._-]", "-", fact_id)
        anchor, again = slug, 1
        while anchor in anchors:
            again += 1
            anchor = f"{slug}--{again}"
        anchors[anchor] = None
    return list(anchors)
