"""Regimes, their dates, their controls, and the topics that join controls to the rules of the agents: dated tables of identifiers.

Standards under copyright stand here by identifier and short title only. A control without topics is one no machine can check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from pydantic import Field

from infra_mind.knowledge.tables import Row, Table, load
from infra_mind.model.brief import Regime as RegimeName

NAMES: tuple[RegimeName, ...] = get_args(RegimeName)
Identifier = Annotated[str, Field(pattern=r"^\S+$", max_length=40)]
Title = Annotated[str, Field(min_length=3, max_length=120)]
Owner = Literal[
    "security", "platform", "engineering", "data_protection", "legal", "management", "people", "facilities",
    "procurement", "ai_product",
]  # fmt: skip


class Regime(Row):
    """`binding`: a law, a contract that one enters, or a choice of one's own."""

    id: RegimeName
    name: Title
    title: Title
    citation: str
    binding: Literal["law", "contract", "choice"]


class RegimeDate(Row):
    """From when something applies. `status` as of the table: `in_force`, `adopted` (law, applies from `date`) or only `proposed`."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+:[a-z0-9.-]+$")]
    regime: RegimeName
    date: Annotated[str, Field(pattern=r"^20\d{2}-\d{2}-\d{2}$")]
    status: Literal["in_force", "adopted", "proposed"]
    what: str
    citation: str

    def status_on(self, day: str) -> str:
        """The status on a day (YYYY-MM-DD, empty for that of the table): what was adopted is in force from its date on."""
        return "in_force" if self.status == "adopted" and self.date <= day else self.status


class Control(Row):
    """One control by its identifier in the standard. `topics` empty: for a person. `date`: id of the `RegimeDate` from which it applies,
    `when`: the tiers of the EU AI Act that it binds, `level`: required or addressable (HIPAA)."""

    id: Identifier
    title: Title
    owner: Owner
    topics: tuple[str, ...] = ()
    level: Literal["required", "addressable"] | None = None
    when: tuple[Literal["all", "high_risk", "transparency", "general_purpose", "systemic_risk"], ...] = ()
    date: str | None = None


class Topic(Row):
    """What rules and controls have in common: findings that carry one of `tags`, or come from one of `rules`; never those of `without`."""

    id: Annotated[str, Field(pattern=r"^[a-z-]+$")]
    title: Title
    tags: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def regimes() -> Table[Regime]:
    return load("regimes", Regime, attrgetter("id"))


def dates() -> Table[RegimeDate]:
    return load("regime_dates", RegimeDate, attrgetter("id"))


def topics() -> Table[Topic]:
    return load("control_topics", Topic, attrgetter("id"))


def controls(regime: RegimeName) -> Table[Control]:
    """The controls of one regime, in the order of its text."""
    return load(f"controls_{regime}", Control, attrgetter("id"))


def dates_of(regime: RegimeName) -> tuple[RegimeDate, ...]:
    """Earliest first."""
    return tuple(
        sorted((d for d in dates().rows if d.regime == regime), key=lambda date: (date.date, date.id))
    )


def topics_of(rule: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Ids of the topics that a rule with these tags belongs to, each once."""
    by_tag = (topic for tag in tags for topic in topics_by_tag().get(tag, ()))
    found = dict.fromkeys((*by_tag, *topics_by_rule().get(rule, ())))
    return tuple(topic for topic in found if rule not in topics().by_key[topic].without)


@cache
def topics_by_tag() -> Mapping[str, tuple[str, ...]]:
    """Tag of a security rule → ids of the topics that take it in."""
    return _inverted((topic.id, topic.tags) for topic in topics().rows)


@cache
def topics_by_rule() -> Mapping[str, tuple[str, ...]]:
    """Rule id → ids of the topics that name it."""
    return _inverted((topic.id, topic.rules) for topic in topics().rows)


def _inverted(pairs: Iterable[tuple[str, tuple[str, ...]]]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for topic, keys in pairs:
        for key in keys:
            found[key] = (*found.get(key, ()), topic)
    return MappingProxyType(found)
