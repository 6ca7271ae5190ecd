"""Contrast of the report's colours, by WCAG 2.2 (relative luminance), in both colour schemes."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

CSS = (files("infra_mind.reports") / "templates" / "report.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_is_21_to_1() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(scheme: dict[str, str]) -> None:
    for text in ("text", "soft", "link", "accent"):
        for ground in ("page", "panel"):
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
    for severity in ("critical", "high", "medium", "low", "info"):
        assert contrast("#ffffff", scheme[severity]) >= 4.5, severity
    assert contrast(scheme["add-text"], scheme["add"]) >= 4.5
    assert contrast(scheme["del-text"], scheme["del"]) >= 4.5
