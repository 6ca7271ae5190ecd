"""What a person reads in a terminal after an assessment: one screen, plain text when it is not a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra_mind.model.numbers import money, number
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.charts import charts
from infra_mind.reports.facts import FactBook
from infra_mind.reports.labels import agent_title
from infra_mind.reports.view import View

MOST_FACTS = 8
MOST_RECOMMENDATIONS = 5
MOST_COSTS = 4
MOST_MISSING = 4
MOST_WIDE = 120  # columns: on a wide terminal the end of a row is not far from its begin

# Escape sequences and line breaks from artefacts would let a file rewrite the screen.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STYLES = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "blue",
    "info": "dim",
}


def print_summary(result: AssessmentResult, console: Console) -> None:
    """Headline, findings by severity, key figures, what to do first, where the money goes, carbon and readiness, compliance, and what was
    not assessed."""
    view = View(result, "full", FactBook(result))
    _headline(view, console)
    _facts(view, console)
    _recommendations(view, console)
    _costs(view, console)
    _outlook(view, console)
    _compliance(view, console)
    _gaps(view, console)


def _headline(view: View, console: Console) -> None:
    summary = view.result.summary
    console.print(_text(summary.name, "bold"))
    _paragraph(summary.headline, console)
    counts = [
        Text(f"{number(n)} {name}", style=_STYLES.get(name, "") if n else "dim")
        for name, n in view.severities
    ]
    console.print(Text("Findings  ").append(Text("  ").join(counts)))
    checks = ", ".join(f"{number(bar.amount)} {bar.label}" for bar in view.checks)
    if checks:
        _paragraph(f"Checks    {checks}", console, "dim")
    for failure in view.result.failures:
        said = f"{agent_title(failure.agent)} failed: {failure.error_type}: {failure.message}"
        console.print(_text(said, "red"), overflow="ellipsis", no_wrap=True)


def _facts(view: View, console: Console) -> None:
    shown = view.key_facts[:MOST_FACTS]
    if shown:
        console.print()
        console.print(_grid((fact.label, _text(fact.shown.text, "bold")) for fact in shown))


def _recommendations(view: View, console: Console) -> None:
    shown = view.recommendations[:MOST_RECOMMENDATIONS]
    if not shown:
        return
    console.print(Text("\nWhat to do first", style="bold"))
    # without a width a long title takes the room of all others
    table = Table(
        box=None,
        show_header=False,
        padding=(0, 2),
        collapse_padding=True,
        pad_edge=False,
        width=min(console.width, MOST_WIDE),
    )
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True)
    for r in shown:
        severity = Text(r.severity.value, style=_STYLES[r.severity.value])
        table.add_row(
            str(r.rank),
            severity,
            _text(r.title),
            Text(f"{r.effort.value}, {r.when.removeprefix('within ')}", style="dim"),
        )
    console.print(table)


def _costs(view: View, console: Console) -> None:
    priced = next((group for group in view.costs if group.origin == "brief"), None)
    lines = priced.bars if priced else ()
    if not view.costs and not view.lacking:
        return
    console.print(Text("\nWhere the money goes, a month", style="bold"))
    console.print(_grid((line.label, _text(money(line.amount), "")) for line in lines[:MOST_COSTS]))
    rest = len(lines) - MOST_COSTS
    notes = [f"{rest} more in the report"] if rest > 0 else []
    notes += _dates([line.as_of for line in priced.lines]) if priced else []
    notes += [priced.aged] if priced and priced.aged else []
    notes += [
        f"the files order {group.total} a month, in no total" for group in view.costs if group.origin == "artefact"
    ]  # fmt: skip
    notes += [f"in no total: {view.lacking}"] if view.lacking else []
    if notes:
        _paragraph("; ".join(notes), console, "dim")


def _dates(as_of: Sequence[str]) -> list[str]:
    oldest, newest = min(as_of), max(as_of)
    return [f"list prices of {oldest}" + (f" to {newest}" if newest != oldest else "")]


def _outlook(view: View, console: Console) -> None:
    """A line each for the largest share of the carbon, the cleanest allowed region, and how ready the organisation is."""
    rows = [*_carbon(view), *_readiness(view)]
    if rows:
        console.print(Text("\nCarbon and readiness", style="bold"))
        console.print(_grid(rows))


def _carbon(view: View) -> Iterable[tuple[str, Text]]:
    for chart in charts("sustainability", view.book.of("sustainability")):
        line = chart.lines[-1] if "region" in chart.title else chart.lines[0]
        what = "Cleanest allowed region" if "region" in chart.title else "Most carbon"
        yield f"{what}: {line.label}", _text(line.shown.text)


def _readiness(view: View) -> Iterable[tuple[str, Text]]:
    ready, weakest, phase = (view.book.get(f"adoption.{name}") for name in ("readiness", "weakest", "phase"))
    if ready and weakest and phase:
        yield f"AI readiness ({phase.fact.value}), weakest in {weakest.fact.value}", _text(ready.shown.text)


def _compliance(view: View, console: Console) -> None:
    """One line for each regime in scope: how much could be judged, and how that went."""
    found = view.compliance
    if found is None or not found.in_scope:
        return
    console.print(Text("\nCompliance, controls", style="bold"))
    table = Table.grid(padding=(0, 2))
    for row in found.in_scope:
        said = f"{row.assessed} of {row.controls} assessed: {row.passed} pass, {row.failed} fail; {row.manual} for people"
        table.add_row(_text(row.name), _text(said), _text("" if row.named else "not in the brief", "yellow"))
    console.print(table)


def _gaps(view: View, console: Console) -> None:
    coverage = view.result.coverage
    read = f"{number(coverage.files_read)} of {number(coverage.files)} files read"
    console.print(
        Text(f"\nMissing, unknown or unreadable: {len(coverage.not_assessed)}; {read}", style="bold")
    )
    for item in coverage.not_assessed[:MOST_MISSING]:
        console.print(Text("  ").append_text(_text(item)), overflow="ellipsis", no_wrap=True)
    rest = len(coverage.not_assessed) - MOST_MISSING
    if rest > 0:
        console.print(Text(f"  {rest} more in the report", style="dim"))


def _paragraph(text: str, console: Console, style: str = "") -> None:
    """Wrapped between words. Rich would also break `$ 3 883.49` at the no-break spaces that hold it together."""
    clean = str(_text(text))
    for line in textwrap.wrap(clean, console.width, break_on_hyphens=False, break_long_words=False):
        console.print(Text(line, style=style))


def _grid(rows: Iterable[tuple[str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=50)
    table.add_column(justify="right", no_wrap=True, overflow="ellipsis")
    for label, value in rows:
        table.add_row(_text(label), value)
    return table


def _text(text: str, style: str = "") -> Text:
    """Never markup: `[bold]` in a name is text, and a control character is shown as U+FFFD."""
    return Text(_CONTROL.sub("\ufffd", text), style=style)
