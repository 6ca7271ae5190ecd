"""A comparison of two results as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra_mind.model.comparison import Comparison, MovedFact, MovedRecommendation
from infra_mind.model.fact import FactValue
from infra_mind.model.finding import Finding
from infra_mind.model.numbers import Quantity, counted, percent, quantity
from infra_mind.reports.labels import fact_label
from infra_mind.reports.text import clean, one_line
from infra_mind.summary import by_interest

MOST_FACTS = 20
MOST_FINDINGS = 20
LONGEST_LABEL = 40  # cells: the numbers beside it are never cut
NOTHING = "–"


def print_comparison(found: Comparison, console: Console) -> None:
    """Findings that came and went, then facts and ranks that moved; what could not be compared last."""
    said = f"{len(found.new)} new, {len(found.fixed)} fixed, {len(found.unchanged)} unchanged"
    console.print(_text(f"Findings: {said}, {len(found.unsettled)} unsettled", "bold"))
    _findings("new", found.new, "red", console)
    _findings("fixed", found.fixed, "green", console)
    for one in found.unsettled[:MOST_FINDINGS]:
        _line(f"  {'unsettled':<10}{finding_line(one.finding)}", "yellow", console)
        _line(f"  {'':<10}{one.why}", "dim", console)
    _rest(len(found.unsettled) - MOST_FINDINGS, console)
    if found.facts:
        by_id = {moved.id: moved for moved in found.facts}
        console.print(_text(f"\nFacts that moved: {len(found.facts)}", "bold"))
        console.print(_facts([by_id[fact_id] for fact_id in by_interest(by_id)][:MOST_FACTS]))
        _rest(len(found.facts) - MOST_FACTS, console)
    if found.recommendations:
        _recommendations(found.recommendations, console)
    for table in found.data_versions:
        console.print(
            _text(f"data of {table.name} differ: {_version(table.before)} → {_version(table.after)}", "dim")
        )
    for note in found.notes:
        console.print(_text(note, "yellow"))
    if found.is_empty:
        console.print(_text("Nothing else differs.", "dim"))


def finding_line(finding: Finding) -> str:
    """Severity, rule, title and place in one line."""
    seen = finding.evidence[0] if finding.evidence else None
    line = f":{seen.line_start}" if seen and seen.line_start is not None else ""
    where = f"  {seen.artefact}{line}" if seen else ""
    said = one_line(f"{finding.rule_id}  {finding.title}  {finding.resource}{where}")
    return f"{finding.severity.value:<9}{said}"


def fact_row(moved: MovedFact) -> tuple[str, str, str, str]:
    """Label, before, after, change."""
    label, (before, after) = labelled(moved.id, (before_of(moved), after_of(moved)))
    if moved.change is None:
        return label, before, after, ""
    sign = "+" if moved.change >= 0 else "−"
    by = (
        quantity(abs(moved.change), moved.unit).number
        if moved.change_share is None
        else percent(abs(moved.change_share))
    )
    return label, before, after, f"{sign}{by}"


def labelled(fact_id: str, values: Sequence[Quantity]) -> tuple[str, tuple[str, ...]]:
    """The label of a fact and its values; a unit that all of them have stands in the label alone."""
    units = {value.unit for value in values if value.number != NOTHING}
    if len(units) == 1 and (unit := units.pop()):
        label = fact_label(fact_id)
        label = label if unit in label.split() else f"{label} ({unit})"
        return label, tuple(value.number for value in values)
    return fact_label(fact_id), tuple(value.text for value in values)


def before_of(moved: MovedFact) -> Quantity:
    return _quantity(moved.before, moved.unit_before or moved.unit)


def after_of(moved: MovedFact) -> Quantity:
    return _quantity(moved.after, moved.unit)


def _quantity(value: FactValue | None, unit: str) -> Quantity:
    return Quantity(NOTHING, "") if value is None else quantity(value, unit)


def _facts(moved: Iterable[MovedFact]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=LONGEST_LABEL)
    for _ in ("before", "after", "change"):
        table.add_column(justify="right", no_wrap=True)
    for one in moved:
        table.add_row(*(_text(cell) for cell in fact_row(one)))
    return table


def _recommendations(moved: Sequence[MovedRecommendation], console: Console) -> None:
    """Those that came, went or passed another one; a rank that moved only because others came or went is no news."""
    console.print(_text(f"\nRecommendations that moved: {len(moved)}", "bold"))
    told = [one for one in moved if not _made_room(one, moved)]
    for one in told[:MOST_FINDINGS]:
        _line(f"  {one.rank_before or NOTHING} → {one.rank_after or NOTHING}  {one.title}", "", console)
    _rest(len(told) - MOST_FINDINGS, console)
    if others := len(moved) - len(told):
        these = "this" if others == 1 else "these"
        console.print(_text(f"  {counted(others, 'other')} moved up or down to make room; {these} kept their order", "dim"))  # fmt: skip


def _made_room(one: MovedRecommendation, moved: Sequence[MovedRecommendation]) -> bool:
    """Whether the ranks that came above it and went from above it are all that moved it."""
    if one.rank_before is None or one.rank_after is None:
        return False
    came = sum(m.rank_before is None and (m.rank_after or 0) < one.rank_after for m in moved)
    went = sum(m.rank_after is None and (m.rank_before or 0) < one.rank_before for m in moved)
    return one.rank_after - one.rank_before == came - went


def _findings(what: str, findings: Iterable[Finding], style: str, console: Console) -> None:
    every = list(findings)
    for finding in every[:MOST_FINDINGS]:
        _line(f"  {what:<10}{finding_line(finding)}", style, console)
    _rest(len(every) - MOST_FINDINGS, console)


def _line(text: str, style: str, console: Console) -> None:
    """A row of a list: on a terminal cut at its edge, whole where it goes into a file or a log."""
    if console.is_terminal:
        console.print(_text(text, style), no_wrap=True, overflow="ellipsis")
    else:
        console.print(_text(text, style), soft_wrap=True)


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
