"""What is billed by use: the price of each unit, so that whoever knows the quantities can reckon with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra_mind.model.numbers import number
from infra_mind.reports.blocks import Block, Heading, Paragraph, Table

TITLE = "Billed by use"
EXPLAINED = (
    "How much goes through these is in no file, so none of it is in a total, and none of it is free. A month costs the quantity times the"
    " price of a unit, for each line; the provider's bill or its metrics show the quantities. Prices are those of the first paid tier."
)
NO_TOTAL = "These cost money too and are in no total; of what is billed by use, no file says how much"
COLUMNS = ("Kind", "Resources", "What is counted", "Price of a unit", "Region", "List of")
NUMERIC = frozenset({1})


@dataclass(frozen=True)
class UsagePrice:
    """One unit of one kind of resource in one region; `where` says so if the price is that of another region."""

    kind: str
    resources: int
    counts: str
    usd: float
    unit: str
    where: str
    as_of: str
    source: str
    old: bool

    @property
    def price(self) -> str:
        return f"{number(self.usd)} USD per {self.unit}"

    @property
    def cells(self) -> tuple[str, ...]:
        as_of = f"{self.as_of} (old)" if self.old else self.as_of
        return self.kind, number(self.resources), self.counts, self.price, self.where, as_of


def usage_prices(details: Mapping[str, Any]) -> tuple[UsagePrice, ...]:
    """The rows that the cost agent kept in its `details`, by kind and region."""
    return tuple(map(_price, details.get("usage_prices", ())))


def _price(row: Mapping[str, Any]) -> UsagePrice:
    region, used_in = row["region"], row.get("used_in") or row["region"]
    return UsagePrice(
        kind=row["kind"],
        resources=row.get("resources", 1),
        counts=row.get("counts", row["sku"]),
        usd=row["usd_per_unit"],
        unit=row["unit"],
        where=used_in if region in (used_in, "global") else f"{used_in}; price of {region}",
        as_of=row["as_of"],
        source=row["source"],
        old=row["old"],
    )


def usage_blocks(prices: tuple[UsagePrice, ...]) -> Iterator[Block]:
    """The same as a heading, a sentence and a table; nothing without prices."""
    if prices:
        yield Heading(3, TITLE)
        yield Paragraph(EXPLAINED)
        yield Table(COLUMNS, tuple(price.cells for price in prices), NUMERIC)
