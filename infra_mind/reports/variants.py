"""The variants of a sweep beside their base, as a person reads them in a terminal: a row for each figure, a column for each variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra_mind.model.comparison import Comparison, MovedFact, shown
from infra_mind.reports.comparison import LONGEST_LABEL, after_of, before_of, labelled
from infra_mind.reports.text import one_line
from infra_mind.summary import by_interest

MOST_FACTS = 20
GAP = 2
SHORTEST_LABEL = 16  # cells
_VALUE = 24  # of a swept value, in the head of its column


@dataclass(frozen=True)
class Tried:
    """A variant that has ended: what was swept where, what differs from the base, agents that ran."""

    values: Mapping[str, Any]
    found: Comparison
    ran: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    label: str
    base: str
    cells: tuple[str, ...]


def print_variants(variants: Sequence[Tried], console: Console) -> None:
    """As many columns side by side as the terminal is wide; further variants below, each time with the base."""
    rows = [*_facts(variants), *_counts(variants)]
    heads = [", ".join(_cut(shown(value)) for value in one.values.values()) for one in variants]
    rows = _narrowed(rows, heads, console.width)
    console.print(Text(one_line(f"Swept: {', '.join(variants[0].values)}"), style="bold"))
    for block in _blocks(rows, heads, console.width):
        console.print()
        console.print(_table(rows, heads, block))
    left = len(_moved(variants)) - MOST_FACTS
    if left > 0:
        console.print(Text(f"{left} more figures moved: --json has them", style="dim"))
    for head, one in zip(heads, variants, strict=True):
        for note in one.found.notes:
            console.print(Text(one_line(f"{head}: {note}"), style="yellow"), soft_wrap=True)


def _facts(variants: Sequence[Tried]) -> Iterator[_Row]:
    for fact_id in _moved(variants)[:MOST_FACTS]:
        moved = [next((m for m in one.found.facts if m.id == fact_id), None) for one in variants]
        first = next(m for m in moved if m is not None)
        base = before_of(first)
        cells = [base if m is None else after_of(m) for m in moved]
        label, (was, *are) = labelled(fact_id, (base, *cells))
        yield _Row(label, was, tuple(are))


def _moved(variants: Sequence[Tried]) -> list[str]:
    """Figures that moved in any variant, those that a person wants first."""
    return by_interest({m.id for one in variants for m in one.found.facts if not _is_text(m)})


def _is_text(moved: MovedFact) -> bool:
    return isinstance(moved.before if moved.after is None else moved.after, str)


def _counts(variants: Sequence[Tried]) -> Iterator[_Row]:
    for what in ("new", "fixed", "unsettled"):
        counts = [len(getattr(one.found, what)) for one in variants]
        if what != "unsettled" or any(counts):
            yield _Row(f"Findings {what}", "", tuple(map(str, counts)))
    yield _Row("Agents that ran", "", tuple(str(len(one.ran)) for one in variants))


def _cut(text: str, most: int = _VALUE) -> str:
    text = one_line(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _narrowed(rows: Sequence[_Row], heads: Sequence[str], width: int) -> list[_Row]:
    """Labels cut so that the base and the widest variant have room beside them."""
    cells = [*heads, *(cell for row in rows for cell in row.cells)]
    numbers = max(cell_len(row.base) for row in rows) + max(map(cell_len, cells)) + 2 * GAP
    most = max(SHORTEST_LABEL, min(LONGEST_LABEL, width - numbers))
    return [replace(row, label=_cut(row.label, most)) for row in rows]


def _blocks(rows: Sequence[_Row], heads: Sequence[str], width: int) -> Iterator[range]:
    """Ranges of variants that fit side by side; one stands alone where it must."""
    fixed = max(cell_len(row.label) for row in rows) + GAP + max(4, *(cell_len(row.base) for row in rows))
    first, used = 0, fixed
    for n, head in enumerate(heads):
        needs = GAP + max(cell_len(head), *(cell_len(row.cells[n]) for row in rows))
        if n > first and used + needs > width:
            yield range(first, n)
            first, used = n, fixed
        used += needs
    yield range(first, len(heads))


def _table(rows: Sequence[_Row], heads: Sequence[str], block: range) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    table.add_column("base", justify="right", no_wrap=True)
    for n in block:
        table.add_column(Text(heads[n]), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(Text(row.label), Text(row.base), *(Text(row.cells[n]) for n in block))
    return table
