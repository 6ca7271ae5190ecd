"""Numbers as people read them: grouped, rounded to what is meant, with their unit; never `nan`."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

SPACE = "\N{NO-BREAK SPACE}"
UNKNOWN = "unknown"

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PER = {
    "month": "a month",
    "year": "a year",
    "h": "an hour",
    "30 days": "in 30 days",
    "hour": "an hour",
    "Mtok": "per million tokens",
    "million tokens": "per million tokens",
}
_WORDS = {
    "count": "",
    "text": "",
    "bool": "",
    "kgCO2e": "kg CO₂e",
    "gCO2e": "g CO₂e",
    "minutes": "min",
    "minute": "min",
    "hours": "h",
    "hour": "h",
}
_SCALE = re.compile(r"[a-z]+ (\d+ to \d+)$")
_LARGEST = 1e305  # beyond it a step of the formatting would overflow
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


class Quantity(NamedTuple):
    """`number` with what stands before it (`$ 420.48`), `unit` with what follows (`a month`)."""

    number: str
    unit: str

    @property
    def text(self) -> str:
        return f"{self.number}{SPACE}{self.unit}" if self.unit else self.number


def quantity(value: float | int | bool | str | None, unit: str = "") -> Quantity:
    """`value` in `unit` (the units of `Fact.unit`) for a person to read.

    Bytes go to decimal multiples, shares to per cent with as many nines as they have, seconds under one to ms.
    None and what is not finite is `unknown`."""
    if isinstance(value, bool):
        return Quantity("yes" if value else "no", "")
    if isinstance(value, str):
        return Quantity(value, _unit(unit))
    if value is None or not _finite(value):
        return Quantity(UNKNOWN, "")
    head, _, tail = unit.partition("/")
    if head == "USD":
        return Quantity(money(value), _per(tail))
    if unit == "share":
        return Quantity(percent(value), "")
    if head in ("bytes", "B"):
        return _scaled(value, tail)
    if unit in ("s", "seconds"):
        return _seconds(value)
    return Quantity(number(value), _unit(unit))


def number(value: float | int) -> str:
    """`1 234.5`: grouped by thousands; fewer decimals the larger it is; powers of ten beyond 10¹⁵ and below 10⁻⁴."""
    if not _finite(value):
        return UNKNOWN
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        return _power(float(value))
    if float(value).is_integer():
        return _grouped(f"{value:,.0f}")
    if size < 1:
        return _grouped(f"{value:,.{3 - math.floor(math.log10(size))}f}".rstrip("0"))
    return _grouped(f"{value:,.{1 if size >= 1000 else 2}f}".rstrip("0").rstrip("."))


def counted(count: float, thing: str) -> str:
    """`1 server`, `1 200 servers`."""
    return f"{number(count)} {thing}{'' if count == 1 else 's'}"


def bounded(shown: str, is_lower_bound: bool) -> str:
    """`at least $ 5.00` where more belongs to it than is known."""
    return f"at least {shown}" if is_lower_bound else shown


def money(value: float) -> str:
    """US dollars: cents, four significant digits below one dollar, none from 100 000 dollars."""
    if not _finite(value):
        return UNKNOWN
    size = abs(value)
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    if size >= 1e15:
        return f"{sign}${SPACE}{number(size)}"
    if 0 < size < 1:
        amount = number(size)
        decimals = len(amount.partition(".")[2])
        return f"{sign}${SPACE}{amount}{'0' * (2 - decimals) if decimals == 1 else ''}"
    return f"{sign}${SPACE}{_grouped(f'{size:,.{0 if size >= 100_000 else 2}f}')}"


def percents(one: float, other: float) -> tuple[str, str]:
    """Both in per cent, with as many decimals as it takes to tell them apart: `99.9899 %` and `99.99 %`."""
    for decimals in range(2, 13):
        told = percent(one, decimals), percent(other, decimals)
        if told[0] != told[1]:
            return told
    return percent(one), percent(other)


def percent(share: float, decimals: int = 2) -> str:
    """`99.97 %`: two decimals (or as many as are asked for), more where they are needed to keep two digits of what is missing to 100 %."""
    if not _finite(share):
        return UNKNOWN
    if abs(share) >= 1e13:
        return f"{number(share * 100)}{SPACE}%"
    missing = abs(1 - share)
    if 0 < missing < 0.001:
        decimals = max(decimals, _told(missing * 100, 1 - math.floor(math.log10(missing * 100))))
    elif 0 < abs(share) < 0.001:
        decimals = max(decimals, min(12, 1 - math.floor(math.log10(abs(share) * 100))))
    text = f"{share * 100:,.{decimals}f}"
    return _grouped(text.rstrip("0").rstrip(".")) + f"{SPACE}%"


def _told(missing: float, decimals: int) -> int:
    """As many decimals as it takes that what is missing is not rounded to another number: 0.0103 is not 0.01."""
    while decimals < 12 and abs(round(missing, decimals) - missing) > 0.02 * missing:
        decimals += 1
    return min(decimals, 12)


def _finite(value: float | int) -> bool:
    return abs(value) < _LARGEST  # false for nan too


def _grouped(text: str) -> str:
    return text.replace(",", SPACE).replace("-", "\N{MINUS SIGN}")


def _power(value: float) -> str:
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".").replace("-", "\N{MINUS SIGN}")
    return f"{mantissa}{SPACE}×{SPACE}10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _scaled(value: float | int, per: str) -> Quantity:
    step = min(len(_BYTES) - 1, int(math.log10(abs(value)) // 3)) if abs(value) >= 1 else 0
    small = value / 1000**step
    text = number(round(small, 1)) if step else number(value)
    return Quantity(text, f"{_BYTES[step]}{' ' + _per(per) if per else ''}")


def _seconds(value: float | int) -> Quantity:
    if 0 < abs(value) < 1:
        return Quantity(number(float(f"{value * 1000:.4g}")), "ms")
    return Quantity(number(value), "s")


def _per(tail: str) -> str:
    return _PER.get(tail, f"per {tail}") if tail else ""


def _unit(unit: str) -> str:
    if unit == "1/s":
        return "per second"
    if scale := _SCALE.match(unit):
        return f"on a scale of {scale.group(1)}"
    head, slash, tail = unit.partition("/")
    shown = _WORDS.get(head, head)
    return f"{shown} {_per(tail)}".strip() if slash else shown
