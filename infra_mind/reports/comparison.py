"""A comparison of two results as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra_mind.model.comparison import Comparison, MovedFact
from infra_mind.model.fact import FactValue
from infra_mind.model.finding import Finding
from infra_mind.model.numbers import percent, quantity
from infra_mind.reports.labels import fact_label
from infra_mind.reports.text import clean, one_line

MOST_FACTS = 20
MOST_FINDINGS = 20
NOTHING = "–"
Variant = tuple[
    Mapping[str, Any], Comparison, tuple[str, ...]
]  # what was swept where, what differs, agents that ran


def print_comparison(found: Comparison, console: Console) -> None:
    """Findings that came and went, then facts and ranks that moved; what could not be compared last."""
    said = f"{len(found.new)} new, {len(found.fixed)} fixed, {len(found.unchanged)} unchanged"
    console.print(_text(f"Findings: {said}, {len(found.unsettled)} unsettled", "bold"))
    _findings("new", found.new, "red", console)
    _findings("fixed", found.fixed, "green", console)
    _findings("unsettled", (one.finding for one in found.unsettled), "yellow", console)
    if found.facts:
        console.print(_text(f"\nFacts that moved: {len(found.facts)}", "bold"))
        console.print(_facts(found.facts[:MOST_FACTS]))
        _rest(len(found.facts) - MOST_FACTS, console)
    if found.recommendations:
        console.print(_text(f"\nRecommendations that moved: {len(found.recommendations)}", "bold"))
        for moved in found.recommendations[:MOST_FINDINGS]:
            ranks = f"{moved.rank_before or NOTHING} → {moved.rank_after or NOTHING}"
            console.print(_text(f"  {ranks}  {moved.title}"))
        _rest(len(found.recommendations) - MOST_FINDINGS, console)
    for table in found.data_versions:
        console.print(
            _text(f"data of {table.name} differ: {_version(table.before)} → {_version(table.after)}", "dim")
        )
    for note in found.notes:
        console.print(_text(note, "yellow"))
    if found.is_empty:
        console.print(_text("Nothing else differs.", "dim"))


def print_variants(variants: Sequence[Variant], console: Console) -> None:
    """One column for each variant: what it changes, the facts that moved in any of them, and the findings."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    table.add_column("base", justify="right")
    for values, _, _ in variants:
        table.add_column(_text(", ".join(f"{v}" for v in values.values())), justify="right")
    for fact_id in _moved_facts(variants):
        moved = [next((m for m in found.facts if m.id == fact_id), None) for _, found, _ in variants]
        first = next(m for m in moved if m is not None)
        cells = [_shown(first.before, first) if m is None else _shown(m.after, m) for m in moved]
        table.add_row(
            _text(fact_label(fact_id)), *(_text(cell) for cell in (_shown(first.before, first), *cells))
        )
    for what in ("new", "fixed"):
        table.add_row(f"findings {what}", "", *(str(len(getattr(found, what))) for _, found, _ in variants))
    table.add_row("agents that ran", "", *(str(len(ran)) for _, _, ran in variants))
    console.print(_text(f"Swept: {', '.join(variants[0][0])}", "bold"))
    console.print(table)


def _moved_facts(variants: Sequence[Variant]) -> list[str]:
    """Numbers that moved in any variant: totals first (their ids are short), then by id."""
    ids = {m.id for _, found, _ in variants for m in found.facts if not isinstance(m.after or m.before, str)}
    return sorted(ids, key=lambda fact_id: (fact_id.count("."), fact_id))[:MOST_FACTS]


def _shown(value: FactValue | None, moved: MovedFact) -> str:
    return NOTHING if value is None else quantity(value, moved.unit).text


def finding_line(finding: Finding) -> str:
    """Severity, rule, title and place in one line."""
    seen = finding.evidence[0] if finding.evidence else None
    line = f":{seen.line_start}" if seen and seen.line_start is not None else ""
    where = f"  {seen.artefact}{line}" if seen else ""
    return one_line(
        f"{finding.severity.value:<9}{finding.rule_id}  {finding.title}  {finding.resource}{where}"
    )


def fact_row(moved: MovedFact) -> tuple[str, str, str, str]:
    """Label, before, after, change."""
    before, after = (
        NOTHING if v is None else quantity(v, moved.unit).text for v in (moved.before, moved.after)
    )
    if moved.change is None:
        return fact_label(moved.id), before, after, ""
    sign = "+" if moved.change >= 0 else "−"
    share = f" ({sign}{percent(abs(moved.change_share))})" if moved.change_share is not None else ""
    return fact_label(moved.id), before, after, f"{sign}{quantity(abs(moved.change), moved.unit).text}{share}"


def _facts(moved: Iterable[MovedFact]) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)  # a long label gives way to the numbers
    for _ in ("before", "after", "change"):
        table.add_column(justify="right", no_wrap=True)
    for one in moved:
        table.add_row(*(_text(cell) for cell in fact_row(one)))
    return table


def _findings(what: str, findings: Iterable[Finding], style: str, console: Console) -> None:
    every = list(findings)
    for finding in every[:MOST_FINDINGS]:
        console.print(_text(f"  {what:<10}{finding_line(finding)}", style), no_wrap=True, overflow="ellipsis")
    _rest(len(every) - MOST_FINDINGS, console)


def _rest(left: int, console: Console) -> None:
    if left > 0:
        console.print(_text(f"  {left} more with --json", "dim"))


def _version(about: dict[str, str] | None) -> str:
    return about.get("as_of", "unknown") if about else NOTHING


def _text(text: str, style: str = "") -> Text:
    head = "\n" if text.startswith("\n") else ""
    indent = text.lstrip("\n")
    spaces = " " * (len(indent) - len(indent.lstrip(" ")))
    return Text(head + spaces + str(clean(" ".join(indent.strip().splitlines()))), style=style)
