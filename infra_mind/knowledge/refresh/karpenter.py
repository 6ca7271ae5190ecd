"""Price lists that node autoscalers carry as generated Go maps: EC2 in one region, Azure in all, Compute Engine's spot as JSON.

Facts only are read off them: region, instance, USD per hour and the time of generation that stands in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator

GENERATED = re.compile(r"// generated at (\d{4}-\d{2}-\d{2})T")
AWS_REGION = re.compile(r'^\t"([a-z]{2}(?:-[a-z]+)+-\d)": \{')
AZURE_REGION = re.compile(r'^\tinitialOnDemandPrices\["(\w+)"\]')
POINT = re.compile(r'"([\w.-]+(?: \d)?)":\s*(\d+\.\d+),')


def generated(text: str) -> str:
    """The day on which the list was generated. Raises ValueError when the file does not say."""
    found = GENERATED.search(text)
    if not found:
        raise ValueError("the list does not say when it was generated")
    return found[1]


def ec2(text: str) -> dict[str, dict[str, float]]:
    """instance → region → USD per hour."""
    return _by_instance(_points(text, AWS_REGION))


def azure(text: str) -> dict[str, dict[str, float]]:
    """instance as the list spells it → region → USD per hour."""
    return _by_instance(_points(text, AZURE_REGION))


def _points(text: str, region_line: re.Pattern[str]) -> Iterator[tuple[str, str, float]]:
    region = None
    for line in text.splitlines():
        if found := region_line.match(line):
            region = found[1]
        elif region:
            for name, usd in POINT.findall(line):
                yield name, region, float(usd)


def _by_instance(points: Iterator[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, region, usd in points:
        if usd > 0:
            found.setdefault(name, {})[region] = usd
    return found
