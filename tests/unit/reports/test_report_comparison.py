"""A comparison and a sweep in a terminal: what a person wants first, numbers that are never cut, rows that stay whole in a log."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from rich.console import Console

from infra_mind.model.comparison import Comparison, MovedFact, MovedRecommendation, Unsettled
from infra_mind.reports.comparison import print_comparison
from infra_mind.reports.variants import Tried, print_variants
from tests.unit.reports import sample

TOTAL, CARBON = "cost.total_usd_per_month", "sustainability.kgco2e_per_month"


def console(width: int, *, terminal: bool = True) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, force_terminal=terminal, color_system=None), out


def rows(out: io.StringIO) -> list[str]:
    return out.getvalue().replace("\N{NO-BREAK SPACE}", " ").splitlines()


def fact(fact_id: str, before: float | None, after: float | None, unit: str = "USD/month") -> MovedFact:
    both = before is not None and after is not None
    return MovedFact(id=fact_id, before=before, after=after, unit=unit, change=after - before if before is not None and after is not None else None, change_share=0.1 if both else None)  # fmt: skip


def comparison(**parts: Any) -> Comparison:
    empty: Mapping[str, Sequence[Any]] = dict.fromkeys(("new", "fixed", "unchanged", "unsettled", "facts", "recommendations", "data_versions"), ())  # fmt: skip
    return Comparison.model_validate({"before": "asm_1", "after": "asm_2", **empty, **parts})


def rank(name: str, before: int | None, after: int | None) -> MovedRecommendation:
    return MovedRecommendation(id=name, title=f"Mend {name}", rank_before=before, rank_after=after)


def test_what_a_person_wants_first_stands_first() -> None:
    shown, out = console(80)
    facts = tuple(fact(f"adoption.a{n:02}", 1, 2, "count") for n in range(30))
    print_comparison(comparison(facts=(*facts, fact(TOTAL, 1, 2))), shown)
    assert rows(out)[3].startswith("Total cost (a month)")


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_label_is_cut_and_no_number_is(width: int) -> None:
    shown, out = console(width)
    print_comparison(comparison(facts=(fact("mlops.serving.a-very-long-name-of-a-deployment-of-somebody.usd_per_month", 123_456, 7_654_321),)), shown)  # fmt: skip
    (row,) = [line for line in rows(out) if "long-name" in line]
    assert "…" in row
    assert "$ 123 456" in row
    assert "$ 7 654 321" in row


def test_a_unit_that_differs_stands_beside_its_number() -> None:
    shown, out = console(80)
    moved = MovedFact(id="mlops.serving.chat.ttft_s", before=0.5, after=2.0, unit="s", change=1.5)
    other = MovedFact(id="x.y", before=1, after=2, unit="kWh", unit_before="J")
    print_comparison(comparison(facts=(moved, other)), shown)
    assert any("500 ms" in row and "2 s" in row for row in rows(out))
    assert any("1 J" in row and "2 kWh" in row for row in rows(out))


def test_ranks_that_only_made_room_are_counted_and_not_listed() -> None:
    shown, out = console(80)
    moved = (rank("new", None, 2), rank("b", 2, 3), rank("d", 4, 4 + 2), rank("e", 5, 5), rank("gone", 9, None), rank("k", 10, 10))  # fmt: skip
    print_comparison(comparison(recommendations=moved), shown)
    text = "\n".join(rows(out))
    assert "– → 2  Mend new" in text
    assert "9 → –  Mend gone" in text
    assert "4 → 6  Mend d" in text  # one more than the newcomer explains
    assert "5 → 5  Mend e" in text  # it passed d
    assert "Mend b" not in text
    assert "2 others moved up or down to make room" in text


def test_what_is_unsettled_says_why() -> None:
    shown, out = console(100)
    finding = sample.result().agents["security"].findings[0]
    one = Unsettled(finding=finding, failed_in="before", why="the agent security gave nothing there")
    print_comparison(comparison(unsettled=(one,)), shown)
    assert any("the agent security gave nothing there" in row for row in rows(out))


def test_a_row_is_cut_at_the_edge_of_a_terminal_and_whole_in_a_log() -> None:
    finding = sample.result().agents["security"].findings[0].model_copy(update={"title": "word " * 40})
    for terminal in (True, False):
        shown, out = console(60, terminal=terminal)
        print_comparison(comparison(new=(finding,)), shown)
        (row,) = [line for line in rows(out) if "word" in line]
        assert (len(row) <= 60, "…" in row) == (terminal, terminal)


# -- a sweep ----------------------------------------------------------------------------------------------------------
def tried(count: int, after: float, **parts: Any) -> Tried:
    found = comparison(facts=(fact(TOTAL, 45_516.4, after), fact(CARBON, 1_251.2, after / 40, "kgCO2e/month")), **parts)  # fmt: skip
    return Tried({"hosting.nodes.0.count": count}, found, ("cost",))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_number_of_a_sweep_is_cut_or_wrapped(width: int) -> None:
    shown, out = console(width)
    print_variants([tried(n, 10_000.25 * n) for n in range(1, 13)], shown)
    text = rows(out)
    assert max(map(len, text)) <= width
    totals = [row for row in text if row.startswith("Total cost (a mo")]
    assert "…" not in "".join(row.partition("  ")[2] for row in text)
    assert "".join(totals).count("$ 45 516.40") == len(totals)  # each block has the base
    for n in range(1, 13):
        told = f"{10_000.25 * n:,.{0 if n > 9 else 2}f}".replace(",", " ")
        assert any(f"$ {told}" in row for row in totals)


def test_a_variant_in_which_a_figure_did_not_move_has_that_of_the_base() -> None:
    shown, out = console(80)
    same = Tried({"hosting.nodes.0.count": 3}, comparison(), ())
    print_variants([same, tried(4, 60_000)], shown)
    (row,) = [line for line in rows(out) if line.startswith("Total cost")]
    assert row.split("$")[1:] == [" 45 516.40  ", " 45 516.40  ", " 60 000.00"]


def test_a_swept_value_heads_its_column_as_it_is_written_and_a_note_stands_below() -> None:
    shown, out = console(80)
    one = Tried({"budget": None}, comparison(notes=("after: the agent cost failed",)), ())
    two = Tried({"budget": {"usd_per_month": 5}}, comparison(), ())
    print_variants([one, two], shown)
    text = "\n".join(rows(out))
    assert "null" in text
    assert '{"usd_per_month": 5}' in text
    assert "null: after: the agent cost failed" in text
