"""What people see of the numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.machine import this_machine
from bench.numbers import Budget, Measured, Row
from bench.report import number, page, picture

ROWS = [
    Row("a", "start <busy>", "ms", 1.0, "Celery", 4.0, budget=Budget(0.5)),
    Row("b", "rate", "1/s", 10.0, "Celery", 10.0, budget=Budget(2.0, sense="at least")),
    Row("k", "lost", "s", 3.0, "Celery", None, "> 30", Budget(20.0, "value")),
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.04567, "0.0457"),
        (1.2345, "1.23"),
        (12.345, "12.3"),
        (123.45, "123"),
        (12345.0, "12,345"),
        (0.0, "0"),
        (-0.5, "-0.500"),
        (None, "—"),
    ],
)
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_page_says_which_budgets_are_missed_and_keeps_what_has_no_number() -> None:
    text = page(
        this_machine(),
        {"a": Measured(ROWS, {}, ["how"])},
        quick=True,
        api_processes=2,
        broken={"j": "no example"},
    )
    assert "2 of 3 budgets met; missed: rate (b)." in text
    assert "> 30" in text
    assert "A short run" in text
    assert "- (a) how" in text
    assert "it broke in this run: (j) no example" in text


def test_the_picture_is_valid_and_has_a_bar_for_each_ratio() -> None:
    tree = ElementTree.fromstring(picture(ROWS))
    fills = [rect.get("fill") for rect in tree.iter("{http://www.w3.org/2000/svg}rect")]
    assert fills == ["#ffffff", "#2f7d4f", "#b3452c"]
