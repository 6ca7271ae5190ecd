"""Prices one resource of the artefacts: reads its attributes, says why when one of them is not there, books its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra_mind.agents.cost import by_use
from infra_mind.agents.cost.ledger import Ledger, Place
from infra_mind.agents.cost.places import reference
from infra_mind.knowledge import prices
from infra_mind.knowledge.prices import Purchase
from infra_mind.model.fact import id_part
from infra_mind.model.inventory import UNRESOLVABLE_KEY, Resource, is_unresolvable
from infra_mind.model.numbers import number

REGIONAL_ZONES = (
    3  # a regional cluster or group of Google Cloud spreads over three zones unless it names its own
)


@dataclass
class Pricer:
    """One resource with its region; `blocks` finds other resources by their address without index."""

    resource: Resource
    region: str
    blocks: Mapping[str, Resource]
    ledger: Ledger

    @property
    def provider(self) -> str:
        return str(self.resource.provider)

    def number(self, path: str, default: float | None = None) -> float | None:
        """The number at the path; `default` where nothing stands; None and booked as unpriced where it cannot be known."""
        value = self.resource.get(path)
        if value is None and default is not None:
            self.default(path, default)
            return default
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                value = None
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return float(value)
        self.miss(self.why(path))
        return None

    def word(self, path: str, default: str | None = None) -> str | None:
        """The text at the path, as `number`."""
        value = self.resource.get(path)
        if value is None and default is not None:
            self.default(path, default)
            return default
        if isinstance(value, str) and value:
            return value
        self.miss(self.why(path))
        return None

    def default(self, path: str, value: float | str) -> None:
        """Says that the value was used where the files say nothing, or nothing that is known before apply time."""
        kind = self.resource.kind
        self.ledger.assume(
            f"default.{kind}.{path}", f"Where {kind} does not say {path}: {value if isinstance(value, str) else number(value)}", value=value,
            source="the default that the Terraform provider documents, else the least that can run",
        )  # fmt: skip

    def scaled(self) -> None:
        """Says that a group which grows and shrinks is priced at one size."""
        self.ledger.assume(
            "scaling", "Groups and pools that scale are priced at the size that is wanted, or the least where none is, all month",
            source="the files: what a scaler adds follows from the load",
        )  # fmt: skip

    def has(self, path: str) -> bool:
        """True where something stands at the path, known or not."""
        return self.resource.get(path) not in (None, [], "")

    def blocks_at(self, path: str) -> int:
        """How many blocks stand at the path; those that apply time makes are one."""
        value = self.resource.get(path)
        return len(value) if isinstance(value, list) else 1 if is_unresolvable(value) else 0

    def flag(self, path: str) -> bool | None:
        """The truth at the path; False where nothing stands; None where only apply time knows."""
        value = self.resource.get(path)
        if is_unresolvable(value):
            return None
        return value in (True, "true")

    def why(self, path: str) -> str:
        """Why the value at the path cannot be used."""
        value = self.resource.get(path)
        if is_unresolvable(value):
            return f"{path} is only known at apply time ({value[UNRESOLVABLE_KEY]})"
        return f"{path} is not given" if value is None else f"{path} has no usable value"

    def at(self, path: str) -> Pricer | None:
        """A pricer for the resource that the value at the path points to, with this one's region; None if it is not here."""
        named = reference(self.resource.get(path)) or next(
            iter(self.resource.references.get(path.partition(".")[0], ())), ""
        )
        target = self.blocks.get(named)
        return Pricer(target, self.region, self.blocks, self.ledger) if target else None

    def machines(self, name: str, count: float, purchase: Purchase = "on_demand") -> None:
        """Books `count` instances of this type for each of the resource."""
        total = count * self.copies
        if total == 0:
            return
        offer = prices.price(self.provider, self.region, name, purchase)
        if offer is None:
            self.miss(prices.why_unpriced(self.provider, self.region, name, purchase), f"{total:g} × {name}")
        else:
            self.ledger.compute(f"{total:g} × {offer.instance}", offer, total, self.place)

    def units(self, sku: str, units: float, what: str, flat: bool = False) -> None:
        """Books `units` of a service for each of the resource; a `flat` fee is the same wherever the lists do not say otherwise."""
        total = units * self.copies
        offer = prices.service(self.provider, self.region, sku)
        if offer is None and flat and (known := prices.service_elsewhere(self.provider, self.region, sku)):
            offer, where = known
            self.ledger.assume(
                f"flat.{id_part(sku)}", f"The fee of {what} is that of {where}: the provider states one for all regions",
                value=offer.usd_per_unit, unit=f"USD/{offer.unit}", source=offer.source,
            )  # fmt: skip
        if offer and offer.reckoned:
            self.ledger.assume(
                f"reckoned.{id_part(sku)}.{offer.region}", f"The price of {sku} in {offer.region} follows from the region's other prices of that service",
                value=offer.usd_per_unit, unit=f"USD/{offer.unit}", source=offer.source,
            )  # fmt: skip
        if offer is None:
            self.miss(prices.why_service_unpriced(self.provider, self.region, sku), what)
        elif total > 0:
            self.ledger.service(what, offer, total, self.place)

    def shared(self, sku: str, what: str, why: str) -> None:
        """Books once what several resources of a region pay once."""
        if any(line.sku == sku and line.region == self.region for line in self.ledger.lines):
            self.ledger.assume(
                f"shared.{id_part(sku)}.{self.region}", why, source="the provider's price list"
            )
        else:
            self.units(sku, 1 / max(self.copies, 1), what)

    def miss(self, reason: str, what: str = "") -> None:
        """Books the resource, or a part of it, as unpriced."""
        name = f"{self.resource.address}: {what}" if what else self.resource.address
        self.ledger.miss(name, reason, self.place)

    def by_use(self, skus: Iterable[str]) -> None:
        """Books the resource as billed by use, with the prices of these units."""
        self.miss(by_use.reason(self.resource.kind, self.provider, self.region, skus, self.ledger))

    @property
    def copies(self) -> int:
        """How many of the resource there are; those of unknown number never come this far."""
        return self.resource.count if self.resource.count is not None else 0

    @property
    def place(self) -> Place:
        return Place(
            self.resource.address, self.resource.artefact, self.resource.line_start, self.resource.kind
        )


Handler = Callable[[Pricer], None]


def first_word(value: Any) -> str | None:
    """The first text of a list, or the text itself."""
    head = value[0] if isinstance(value, list) and value else value
    return head if isinstance(head, str) and head else None
