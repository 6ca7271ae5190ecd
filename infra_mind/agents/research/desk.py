"""The desk: facts, findings and assumptions of the market, and how old each number is.

Ages are reckoned against the newest data that this release carries, never against the clock: the same release gives the same result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from infra_mind.knowledge import llm_api, prices, tables
from infra_mind.knowledge.prices import Purchase
from infra_mind.model.fact import Assumption, Fact, FactValue
from infra_mind.model.finding import Confidence, Finding, not_assessed
from infra_mind.model.result import AgentResult

NAME = "research"
PURCHASES: tuple[Purchase, ...] = ("on_demand", "spot", "committed_1y", "committed_3y")
MAX_AGE_DAYS = 365  # where a list does not state its own
HOURS = 730.0


@dataclass(frozen=True)
class PriceList:
    """One dated list: its age against the newest data, and the age from which it counts as stale."""

    name: str
    source: str
    as_of: str
    max_age_days: int

    @property
    def age_days(self) -> int:
        return age_days(self.as_of)

    @property
    def stale(self) -> bool:
        return self.age_days > self.max_age_days


def day(as_of: str) -> date:
    """The first day of a year, a month or the day itself."""
    return date.fromisoformat(as_of + "-01-01"[len(as_of) - 4 :])


@cache
def newest() -> str:
    """Date of the newest data that prices anything."""
    return max(prices.newest_as_of(), llm_api.as_of(), key=lambda as_of: (day(as_of), as_of))


def age_days(as_of: str) -> int:
    """Days from a date to the newest data; never below zero."""
    return max(0, (day(newest()) - day(as_of)).days)


@cache
def price_lists(provider: str, purchase: Purchase) -> tuple[PriceList, ...]:
    """The lists of a provider's way to buy, as their heads describe them."""
    found = []
    for name in prices.LISTS.get((provider, purchase), ()):
        head = tables.index(name, prices.PriceRow).head
        found.append(PriceList(name, head.source, head.as_of, head.max_age_days or MAX_AGE_DAYS))
    return tuple(found)


def max_age(provider: str, purchase: Purchase, source: str) -> int:
    """Of the list with this source; of a row with a source of its own the strictest of the provider's lists."""
    lists = price_lists(provider, purchase)
    own = [one.max_age_days for one in lists if one.source == source]
    return min(own or [one.max_age_days for one in lists] or [MAX_AGE_DAYS])


def sound(usd: float | None, full: float | None = None) -> bool:
    """May a price be shown? Blank, zero, negative and not finite may not; nor a spot or committed one that is not below `full`."""
    return usd is not None and 0 < usd < float("inf") and (full is None or usd < full)


@dataclass
class Desk:
    """Grows while the agent works. `used` are the lists that some offer came from, `refused` what was not fit to be shown."""

    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    assumptions: dict[str, Assumption] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    used: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    offers: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)

    def fact(
        self, id: str, value: FactValue, unit: str, formula: str, inputs: Mapping[str, FactValue], source: str,
        as_of: str | None = None,
    ) -> str:  # fmt: skip
        """Adds the fact `research.<id>` and returns its id."""
        found = Fact(
            id=f"{NAME}.{id}",
            value=value,
            unit=unit,
            formula=formula,
            inputs=dict(inputs),
            source=source,
            as_of=as_of,
        )
        self.facts.append(found)
        return found.id

    def age(self, id: str, as_of: str, source: str) -> str:
        """Adds the age of what an item's facts rest on, by its oldest source."""
        return self.fact(
            f"{id}.age_days", age_days(as_of), "days", "newest − as_of; newest is the newest data of this release",
            {"newest": newest(), "as_of": as_of}, source, as_of,
        )  # fmt: skip

    def saw(self, source: str, as_of: str, limit: int) -> None:
        """Notes where an offer came from."""
        self.offers += 1
        self.used[source, as_of] = (as_of, limit)

    def assume(
        self,
        id: str,
        text: str,
        value: FactValue | None = None,
        unit: str = "",
        source: str = "",
        field: str | None = None,
    ) -> None:
        key = f"{NAME}.{id}"
        self.assumptions.setdefault(
            key, Assumption(id=key, text=text, value=value, unit=unit, source=source, field=field)
        )

    def missing(self, rule: str, path: str, title: str, hint: str = "", given: str = "") -> None:
        self.findings.append(
            not_assessed(
                agent=NAME, rule_id=f"{NAME}.{rule}", missing=path, title=title, hint=hint, given=given
            )
        )

    def result(self) -> AgentResult:
        return AgentResult(
            facts=tuple(sorted(self.facts, key=lambda f: f.id)),
            findings=tuple(self.findings),
            assumptions=tuple(sorted(self.assumptions.values(), key=lambda a: a.id)),
            details=self.details,
        )


def confidence(as_of: str, limit: int, fresh: Confidence = Confidence.HIGH) -> Confidence:
    """`fresh` while the data is within its age, one step lower past it, two from twice its age."""
    order = list(Confidence)
    steps = min(2, age_days(as_of) // (limit + 1))
    return order[min(len(order) - 1, order.index(fresh) + steps)]
