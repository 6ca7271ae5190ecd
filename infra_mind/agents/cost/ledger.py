"""The ledger: what is priced, what is not, and every fact and finding that comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from infra_mind.knowledge.prices import Offer, Purchase, ServiceOffer, is_old
from infra_mind.model.brief import Budget
from infra_mind.model.fact import Assumption, Fact, FactValue, id_part
from infra_mind.model.finding import Finding
from infra_mind.model.result import CostLine, Unpriced

NAME = "cost"
HOURS = 730.0  # a month, as the price lists of all three clouds reckon it


class Place(NamedTuple):
    """Where a thing stands in the artefacts, and of what kind it is; empty for the brief."""

    address: str = ""
    artefact: str = ""
    line: int | None = None
    kind: str = ""


BRIEF = Place()


@dataclass(frozen=True)
class Commitment:
    """Discount, coverage and utilisation of what is committed for one or three years (FinOps terms).

    Coverage is the share of compute at list price that commitments cover; utilisation the share of what is committed that is
    used. What is paid for the covered share is therefore coverage · (1 − discount) / utilisation."""

    discount: float = 0.0
    coverage: float = 0.0
    utilisation: float = 1.0

    @classmethod
    def of(cls, budget: Budget | None) -> Commitment:
        """The brief's commitment; none at all where it says that a covered share is used at utilisation 0, which cannot be."""
        if budget is None or contradicts(budget):
            return cls()
        return cls(budget.commitment_discount, budget.commitment_coverage, budget.commitment_utilisation)

    @property
    def rate(self) -> float:
        """Paid per USD of list price on the covered share."""
        return (1.0 - self.discount) / self.utilisation if self.coverage else 1.0

    @property
    def saving_rate(self) -> float:
        """Effective saving rate, 1 − paid / list price; below zero when utilisation is under 1 − discount."""
        return self.coverage * (1.0 - self.rate)


def contradicts(budget: Budget) -> bool:
    """True when a share of the compute is said to be covered by commitments of which nothing is used."""
    return budget.commitment_coverage > 0 and budget.commitment_utilisation == 0


@dataclass
class Ledger:
    """Grows while the agent works; `lines` are paid prices, commitment applied."""

    commitment: Commitment = field(default_factory=Commitment)
    lines: list[CostLine] = field(default_factory=list)
    unpriced: list[Unpriced] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    assumptions: dict[str, Assumption] = field(default_factory=dict)
    compute_list_price: list[float] = field(
        default_factory=list
    )  # of the brief, USD/month, before commitments
    details: dict[str, Any] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def compute(
        self, what: str, offer: Offer, instances: float, place: Place = BRIEF, sku: str = ""
    ) -> float:
        """Books instances for a month; returns their list price in USD/month.

        The brief's on-demand compute is split into its committed and its on-demand share; artefacts are shown at list price."""
        self._all_month()
        self.assume(
            "linux", "Instances run Linux under shared tenancy, without licences",
            source="the price lists' own basis",
        )  # fmt: skip
        usd = instances * HOURS * offer.usd_per_hour
        name, hours = sku or offer.instance, instances * HOURS
        covered = self.commitment.coverage if place is BRIEF and offer.purchase == "on_demand" else 0.0
        if place is BRIEF and offer.purchase == "on_demand":
            self.compute_list_price.append(usd)
        if offer.reckoned:
            self.assume(
                f"reckoned.{id_part(offer.instance)}.{offer.region}",
                f"The price of {offer.instance} in {offer.region} follows from its family's: the list's own point is faulty",
                value=offer.usd_per_hour, unit="USD/h", source=offer.source,
            )  # fmt: skip
        if covered < 1.0:
            self._line(
                what, name, hours * (1.0 - covered), "hour", offer.usd_per_hour, offer, place, offer.purchase
            )
        if covered > 0.0:
            paid = offer.usd_per_hour * self.commitment.rate
            self._line(f"{what}, committed", name, hours * covered, "hour", paid, offer, place, "committed")
        return usd

    def service(self, what: str, offer: ServiceOffer, units: float, place: Place = BRIEF) -> float:
        """Books units of a service for a month (an hourly one for 730 hours); returns USD/month."""
        if offer.unit == "hour":
            self._all_month()
        quantity = units * HOURS if offer.unit == "hour" else units
        self._line(what, offer.sku, quantity, offer.unit, offer.usd_per_unit, offer, place, "on_demand")
        return quantity * offer.usd_per_unit

    def tokens(
        self, what: str, model: str, provider: str, millions: float, usd: float, source: str, as_of: str
    ) -> float:
        """Books millions of tokens of a rented model; returns USD/month."""
        self.lines.append(
            CostLine(
                what=what,
                provider=provider,
                sku=model,
                quantity=millions,
                unit="million tokens",
                usd_per_unit=usd,
                usd_per_month=millions * usd,
                source=source,
                as_of=as_of,
                old=is_old(as_of),
                origin="brief",
            )
        )
        return millions * usd

    def miss(self, what: str, reason: str, place: Place) -> None:
        """Books a thing that has no dated price; `place` has its kind, also for a thing of the brief."""
        self.unpriced.append(
            Unpriced(
                what=what,
                kind=place.kind,
                address=place.address,
                artefact=place.artefact,
                line=place.line,
                reason=reason,
            )
        )

    def fact(
        self, id: str, value: FactValue, unit: str, formula: str, inputs: Mapping[str, FactValue],
        source: str, as_of: str | None = None,
    ) -> str:  # fmt: skip
        """Adds the fact `cost.<id>` and returns its id."""
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

    def once(
        self, id: str, value: FactValue, unit: str, formula: str, inputs: Mapping[str, FactValue],
        source: str, as_of: str | None = None,
    ) -> str:  # fmt: skip
        """The id of the fact `cost.<id>`, which is added if it is not there yet."""
        if id not in self._said:
            self._said.add(id)
            self.fact(id, value, unit, formula, inputs, source, as_of)
        return f"{NAME}.{id}"

    def assume(
        self,
        id: str,
        text: str,
        value: FactValue | None = None,
        unit: str = "",
        source: str = "",
        field: str | None = None,
    ) -> str:
        """Says aloud what nobody gave; the same assumption is said once. Returns its id, for the findings that rest on it."""
        key = f"{NAME}.{id}"
        self.assumptions.setdefault(
            key, Assumption(id=key, text=text, value=value, unit=unit, source=source, field=field)
        )
        return key

    def say(self, assumptions: Iterable[Assumption]) -> None:
        """Adds assumptions that are already written down; each is said once."""
        for assumption in assumptions:
            self.assumptions.setdefault(assumption.id, assumption)

    def _all_month(self) -> None:
        self.assume(
            "hours", "What is paid by the hour runs every hour of the month, at the load that the brief gives",
            value=HOURS, unit="hours/month", source="a month as the price lists reckon it",
        )  # fmt: skip

    def of(self, origin: Literal["brief", "artefact"]) -> list[CostLine]:
        """Lines of one origin."""
        return [line for line in self.lines if line.origin == origin]

    def _line(
        self, what: str, sku: str, quantity: float, unit: str, usd: float, offer: Offer | ServiceOffer, place: Place,
        purchase: Purchase | Literal["committed"],
    ) -> None:  # fmt: skip
        self.lines.append(
            CostLine(
                what=what,
                address=place.address,
                artefact=place.artefact,
                line=place.line,
                provider=offer.provider,
                region=offer.region,
                sku=sku,
                quantity=quantity,
                unit=unit,
                usd_per_unit=usd,
                usd_per_month=quantity * usd,
                purchase="committed" if purchase in ("committed_1y", "committed_3y") else purchase,
                source=offer.source,
                as_of=offer.as_of,
                old=is_old(offer.as_of),
                origin="brief" if place is BRIEF else "artefact",
            )
        )
