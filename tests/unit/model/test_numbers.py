"""Numbers for people: the expected text first, then the value it comes from."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.model.numbers import SPACE, counted, money, number, percent, percents, quantity


@pytest.mark.parametrize(
    ("expected", "value", "unit"),
    [
        ("$ 420.48 a month", 420.48, "USD/month"),
        ("$ 60 000.00 a month", 60_000.0, "USD/month"),
        ("$ 1 234 568 a month", 1_234_567.8, "USD/month"),
        ("−$ 210.24 a month", -210.24, "USD/month"),
        ("$ 0.50 per million tokens", 0.5, "USD/Mtok"),
        ("$ 0.0125 per million tokens", 0.0125, "USD/Mtok"),
        ("$ 0.00", 0.0, "USD"),
        ("141.1 GB", 141_107_412_992, "bytes"),
        ("327.7 kB", 327_680, "bytes"),
        ("0 B", 0, "bytes"),
        ("70 553 706 496", 70_553_706_496, "count"),
        ("6.3 × 10²⁴ FLOPs", 6.3e24, "FLOPs"),
        ("5 × 10⁻⁷ h", 5e-7, "hours"),
        ("1 234.5", 1234.5, ""),
        ("157.66 min a year", 157.661, "minutes/year"),
        ("43.2 min in 30 days", 43.2, "minutes/30 days"),
        ("2.66 kg CO₂e a month", 2.663, "kgCO2e/month"),
        ("8.18 s", 8.18, "s"),
        ("31.2 ms", 0.0312, "s"),
        ("10 per second", 10, "1/s"),
        ("1 on a scale of 0 to 2", 1, "level 0 to 2"),
        ("yes", True, "bool"),
        ("memory", "memory", "text"),
        ("unknown", math.nan, "USD/month"),
        ("unknown", math.inf, "s"),
        ("unknown", None, "count"),
    ],
)
def test_quantity(expected: str, value: float | str | None, unit: str) -> None:
    assert quantity(value, unit).text.replace(SPACE, " ") == expected


@pytest.mark.parametrize(
    ("expected", "share"),
    [
        ("99.97 %", 0.99970003),
        ("99.9999 %", 0.999999),
        ("99.9897 %", 0.99989675),  # 99.99 % is another number
        ("99.99 %", 0.9999),
        ("100 %", 1.0),
        ("20 %", 0.2),
        ("23.87 %", 0.2387),
        ("0 %", 0.0),
        ("0.001 %", 1e-5),
    ],
)
def test_a_share_keeps_the_digits_that_matter(expected: str, share: float) -> None:
    assert percent(share).replace(SPACE, " ") == expected


@given(
    st.one_of(st.floats(), st.integers()),
    st.sampled_from(["USD/month", "bytes", "share", "s", "count", "1/s", "x/y", ""]),
)
def test_any_number_can_be_shown_and_is_never_nan(value: float, unit: str) -> None:
    text = quantity(value, unit).text
    assert text
    assert "nan" not in text.lower()
    assert "inf" not in text.lower()


@given(st.floats(min_value=-1e14, max_value=1e14))
def test_what_is_shown_is_near_to_what_is_meant(value: float) -> None:
    if 0 < abs(value) < 1e-4:
        return
    shown = float(number(value).replace(SPACE, "").replace("\N{MINUS SIGN}", "-"))
    assert shown == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_not_finite_is_unknown(value: float) -> None:
    assert number(value) == money(value) == percent(value) == "unknown"


@pytest.mark.parametrize(("expected", "count"), [("1 server", 1), ("0 servers", 0), ("1 200 servers", 1200)])
def test_things_are_counted_in_their_number(expected: str, count: int) -> None:
    assert counted(count, "server").replace(SPACE, " ") == expected


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (0.9998990001, 0.9999, ("99.9899 %", "99.99 %")),
        (0.995, 0.9985005, ("99.5 %", "99.85 %")),
        (0.5, 0.5, ("50 %", "50 %")),
        (0.3, 0.1 + 0.2, ("30 %", "30 %")),
    ],
)
def test_two_shares_are_told_apart(one: float, other: float, told: tuple[str, str]) -> None:
    assert tuple(text.replace(SPACE, " ") for text in percents(one, other)) == told
