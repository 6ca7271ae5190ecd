"""Quantities are exact, and what is none is None, never zero."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.cloud.quantities import compose_bytes, compose_cpus, quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", Fraction(1, 10)), ("1", Fraction(1)), (2, Fraction(2)), (0.1, Fraction(1, 10)), ("0.5", Fraction(1, 2)),
        ("1.", Fraction(1)), (".5", Fraction(1, 2)), ("128Mi", Fraction(128 * 1024**2)), ("1Gi", Fraction(1024**3)),
        ("1.5Gi", Fraction(3 * 1024**3, 2)), ("500M", Fraction(500_000_000)), ("64k", Fraction(64_000)), ("1G", Fraction(10**9)),
        ("1e3", Fraction(1000)), ("12E2", Fraction(1200)), ("1E", Fraction(10**18)), ("5e-1", Fraction(1, 2)), ("250u", Fraction(1, 4000)),
        ("+2", Fraction(2)), ("0", Fraction(0)),
    ],
)  # fmt: skip
def test_kubernetes_quantities(text: Any, value: Fraction) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1K", "1mi", "1 Gi", "1e", "1e999", "NaN", True, None, [], {"$unresolvable": "x"}, float("inf")]
)  # fmt: skip
def test_what_is_no_quantity_is_unknown(text: Any) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("text", "value"), [("512m", 512 * 1024**2), ("1gb", 1024**3), ("2G", 2 * 1024**3), (1024, 1024), ("64b", 64), ("1.5k", 1536)]
)  # fmt: skip
def test_compose_bytes_are_binary(text: Any, value: int) -> None:
    assert compose_bytes(text) == value


@pytest.mark.parametrize("text", ["", "1x", None, True, "-5m", "1Mi"])
def test_what_are_no_compose_bytes_is_unknown(text: Any) -> None:
    assert compose_bytes(text) is None


def test_compose_cpus() -> None:
    assert compose_cpus("0.25") == Fraction(1, 4)
    assert compose_cpus(2) == 2
    assert compose_cpus("100m") is None


@given(st.integers(0, 10**9))
def test_milli_is_a_thousandth(number: int) -> None:
    assert quantity(f"{number}m") == Fraction(number, 1000)


@given(st.text(max_size=30))
def test_no_text_crashes(text: str) -> None:
    for parse in (quantity, compose_bytes, compose_cpus):
        found = parse(text)
        assert found is None or found >= 0
