"""Quantities as Kubernetes and compose write them, parsed exactly.

Kubernetes: apimachinery `resource.Quantity` (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/):
a decimal number with a binary suffix (Ki … Ei), a decimal one (n u m k M G T P E) or an exponent (1e3, 1E3). Compose bytes are
binary whatever the letter (https://docs.docker.com/reference/compose-file/extension/#specifying-byte-values)."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

_QUANTITY = re.compile(
    r"\+?(\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?\Z"
)
_BYTES = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s*(?:([bkmgt])b?)?\Z", re.IGNORECASE)
_BINARY = {
    suffix: 1 << (10 * power) for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)
}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_COMPOSE = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def quantity(value: Any) -> Fraction | None:
    """A Kubernetes quantity in its base unit (cores, bytes); None for what is none, negative ones among it."""
    match = _QUANTITY.match(_text(value))
    if match is None:
        return None
    number, binary, decimal, exponent = match.groups()
    if binary:
        return Fraction(number) * _BINARY[binary]
    power = _DECIMAL[decimal] if decimal else int(exponent or 0)
    if not -40 <= power <= 40:
        return None  # nobody requests 10^40 of anything; a power of 999 would only cost time
    return Fraction(number) * Fraction(f"1e{power}")


def compose_bytes(value: Any) -> Fraction | None:
    """A compose byte value (`512m`, `1gb`, 1048576) in bytes; None for what is none."""
    match = _BYTES.match(_text(value))
    return Fraction(match[1]) * _COMPOSE[(match[2] or "b").lower()] if match else None


def compose_cpus(value: Any) -> Fraction | None:
    """A compose number of CPUs (`"0.5"`, 2) in cores; None for what is none."""
    match = re.match(r"(\d{1,9}(?:\.\d{1,30})?)\Z", _text(value))
    return Fraction(match[1]) if match else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    return value.strip() if isinstance(value, str) else repr(value) if isinstance(value, int | float) else ""
