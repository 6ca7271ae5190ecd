"""The summary in a terminal: one screen, no markup from outside, plain when it is not a terminal."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

from infra_mind.model.numbers import money
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.terminal import print_summary
from tests.unit.reports import sample


def printed(result: AssessmentResult, *, terminal: bool = False, width: int = 80) -> str:
    out = io.StringIO()
    print_summary(
        result,
        Console(
            file=out, force_terminal=terminal, width=width, color_system="standard" if terminal else None
        ),
    )
    return out.getvalue().replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    "shown",
    [
        "Clinic assistant",
        "1 critical",
        "1 not assessed",
        "$ 58 420.48 a month",
        "99.94 %",
        "Close the bucket with patient letters",
        "assistant on 8 × H100",
        "list prices of 2026-09-12 to 2026-10-01",
        "in no total: 1 of 5 lines has no dated price: 1 remote_module",
        "29 of 31 files read",
        "terraform/aws/waf.tf: merge markers in line 6",
    ],
)
def test_says_what_a_person_wants_first(shown: str) -> None:
    assert shown in " ".join(printed(sample.result()).split())


def test_what_the_files_order_is_said_beside_the_total() -> None:
    result = sample.result()
    cost = result.agents["cost"]
    ordered = tuple(line.model_copy(update={"origin": "artefact"}) for line in cost.cost_lines)
    alone = result.model_copy(
        update={"agents": {**result.agents, "cost": cost.model_copy(update={"cost_lines": ordered})}}
    )
    total = money(math.fsum(line.usd_per_month for line in ordered)).replace("\N{NO-BREAK SPACE}", " ")
    assert f"the files order at least {total} a month, in no total" in " ".join(printed(alone).split())


def test_a_total_that_lacks_a_line_reads_as_a_lower_bound() -> None:
    text = " ".join(printed(sample.lacking()).split())
    assert "Total cost at least $ 58 420.48 a month" in text
    assert "in no total: 2 of 6 lines have no dated price: 1 llm_api, 1 remote_module" in text


def test_old_prices_are_counted() -> None:
    text = " ".join(printed(sample.aged()).split())
    assert "1 of 3 lines has a price more than a year older than the newest list" in text


def test_a_failed_agent_is_named_with_its_reason() -> None:
    assert "Compliance failed: MemoryError: out of memory" in printed(sample.result("partial"))


def test_is_plain_text_when_it_is_not_a_terminal() -> None:
    assert "\x1b" not in printed(sample.result())
    assert "\x1b[" in printed(sample.result(), terminal=True)


def test_fits_one_screen_however_much_there_is() -> None:
    result = sample.result()
    many = tuple(
        r.model_copy(update={"rank": n, "title": "t" * 300})
        for n in range(40)
        for r in result.recommendations
    )
    coverage = result.coverage.model_copy(update={"not_assessed": tuple("x" * 500 for _ in range(200))})
    summary = result.summary.model_copy(
        update={"key_facts": tuple(f.id for a in result.agents.values() for f in a.facts)}
    )
    big = result.model_copy(update={"recommendations": many, "coverage": coverage, "summary": summary})
    assert len(printed(big).splitlines()) <= 40
    assert "196 more in the report" in printed(big)


@pytest.mark.parametrize("bad", ["\x1b]0;x\x07", "\x1b[2J", "\r", "\n\n\n", "\u202e"])
def test_text_from_outside_cannot_steer_the_terminal(bad: str) -> None:
    result = sample.result()
    summary = result.summary.model_copy(update={"name": f"a{bad}b [bold red]c[/] [/nothing]"})
    text = printed(result.model_copy(update={"summary": summary}))
    assert "[bold red]c[/] [/nothing]" in text
    assert bad not in text.splitlines()[0]
    assert text.splitlines()[0].startswith("a\ufffd")


def test_an_empty_result_says_that_nothing_was_assessed() -> None:
    assert "Nothing could be assessed" in printed(sample.empty())
    assert "0 of 0 files read" in printed(sample.empty())


@pytest.mark.parametrize("width", [20, 40, 200])
def test_any_width_will_do(width: int) -> None:
    assert all(len(line) <= width for line in printed(sample.result("partial"), width=width).splitlines())


def test_a_long_title_leaves_severity_and_effort_their_room() -> None:
    result = sample.result()
    first = result.recommendations[0].model_copy(update={"title": "t" * 300})
    lines = printed(result.model_copy(update={"recommendations": (first,)})).splitlines()
    (line,) = [line for line in lines if "ttt" in line]
    assert line.split()[:2] == [str(first.rank), first.severity.value]
    assert line.rstrip().endswith(f"{first.effort.value}, {first.when.removeprefix('within ')}")


@pytest.mark.parametrize("width", range(20, 90, 7))
def test_a_number_is_never_broken_between_its_groups(width: int) -> None:
    result = sample.result()
    space = "\N{NO-BREAK SPACE}"
    headline = " and ".join(f"${space}{n}{space}883.49{space}a{space}month" for n in range(12))
    summary = result.summary.model_copy(update={"headline": headline})
    text = printed(result.model_copy(update={"summary": summary}), width=width)
    assert [n for n in range(12) if f"$ {n} 883.49 a month" not in text] == []
