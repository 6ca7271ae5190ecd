"""Nodes and storage of the brief's `hosting`."""

from __future__ import annotations

import math

from infra_mind.agents import defaults
from infra_mind.agents.cost.ledger import HOURS, NAME, Ledger, Place
from infra_mind.knowledge import prices
from infra_mind.knowledge.prices import Purchase
from infra_mind.model.brief import Hosting, Storage
from infra_mind.model.fact import id_part
from infra_mind.model.finding import not_assessed

OTHER_PURCHASES: tuple[Purchase, ...] = ("spot", "committed_1y", "committed_3y")
NODES, STORAGE = Place(kind="hosting.nodes"), Place(kind="hosting.storage")
GB_PER_TB = 1000.0
GB_PER_TIB_DISK = 1024.0  # Azure's S30 disk is sold by the piece


def assess_hosting(hosting: Hosting | None, ledger: Ledger) -> None:
    """Facts `cost.hosting.<instance>.usd_per_month` and `cost.storage.<kind>.usd_per_month` at list price, and their lines."""
    if hosting is None or not (hosting.nodes or hosting.storage):
        missing = "hosting" if hosting is None else "hosting.nodes"
        ledger.findings.append(
            not_assessed(
                agent=NAME,
                rule_id="cost.hosting",
                missing=missing,
                title="No nodes or storage are given, so hosting was not priced",
                hint="Give hosting.provider, hosting.region and hosting.nodes.",
            )
        )
        return
    reason = _no_place(hosting, ledger)
    if reason:
        for node in hosting.nodes:
            ledger.miss(f"{node.count} × {node.instance}", reason, NODES)
        for item in hosting.storage:
            ledger.miss(f"{item.tb:g} TB {item.kind} storage", reason, STORAGE)
        return
    _nodes(hosting, ledger)
    for index, item in enumerate(hosting.storage):
        if _storage(hosting, item, ledger):
            ledger.say(defaults.used(NAME, item, f"hosting.storage.{index}", "replicas"))
    _storage_facts(ledger)
    if not hosting.storage:
        ledger.assume("no_storage", "No storage is described, so none is paid", value=0, unit="TB", source="the brief's hosting", field="hosting.storage")  # fmt: skip


def _no_place(hosting: Hosting, ledger: Ledger) -> str:
    """Why nothing can be priced at all; empty when provider and region are there."""
    if hosting.provider == "on_prem":
        return "own hardware has no list price"
    absent = [f for f in ("provider", "region") if getattr(hosting, f) is None]
    for name in absent:
        ledger.findings.append(
            not_assessed(
                agent=NAME,
                rule_id=f"cost.hosting.{name}",
                missing=f"hosting.{name}",
                title=f"Without hosting.{name} no price can be looked up",
            )
        )
    return f"{' and '.join(f'hosting.{f}' for f in absent)} not given" if absent else ""


def _nodes(hosting: Hosting, ledger: Ledger) -> None:
    provider, region = str(hosting.provider), str(hosting.region)
    counts: dict[str, int] = {}
    for node in hosting.nodes:
        offer = prices.price(provider, region, node.instance)
        if offer is None:
            ledger.miss(
                f"{node.count} × {node.instance}",
                prices.why_unpriced(provider, region, node.instance),
                NODES,
            )
            continue
        ledger.compute(f"{node.count} × {offer.instance}", offer, node.count)
        counts[offer.instance] = counts.get(offer.instance, 0) + node.count
    for name, count in sorted(counts.items()):
        offer = prices.price(provider, region, name)
        if offer:
            ledger.fact(
                f"hosting.{id_part(name)}.usd_per_month", count * HOURS * offer.usd_per_hour, "USD/month",
                "count × hours × usd_per_hour",
                {"count": count, "hours": HOURS, "usd_per_hour": offer.usd_per_hour, "region": offer.region},
                offer.source, offer.as_of,
            )  # fmt: skip
        _other_purchases(provider, region, name, count, ledger)


def _other_purchases(provider: str, region: str, name: str, count: int, ledger: Ledger) -> None:
    """The same nodes at spot and committed for one and three years, where a list has the price; in no total."""
    for purchase in OTHER_PURCHASES:
        offer = prices.price(provider, region, name, purchase)
        if offer:
            ledger.fact(
                f"hosting.{id_part(name)}.usd_per_month_{purchase}", count * HOURS * offer.usd_per_hour, "USD/month",
                "count × hours × usd_per_hour",
                {"count": count, "hours": HOURS, "usd_per_hour": offer.usd_per_hour, "region": offer.region},
                offer.source, offer.as_of,
            )  # fmt: skip


def _storage(hosting: Hosting, item: Storage, ledger: Ledger) -> bool:
    """Books the storage; False when it has no dated price."""
    provider, region = str(hosting.provider), str(hosting.region)
    sku = prices.STORAGE_SKU.get((provider, item.kind))
    offer = prices.service(provider, region, sku) if sku else None
    what = f"{item.tb:g} TB {item.kind} storage × {item.replicas}"
    if offer is None:
        ledger.miss(what, prices.why_service_unpriced(provider, region, sku or item.kind), STORAGE)
        return False
    gigabytes = item.tb * GB_PER_TB * item.replicas
    per_disk = offer.unit == "disk-month"
    ledger.service(what, offer, math.ceil(gigabytes / GB_PER_TIB_DISK) if per_disk else gigabytes)
    ledger.assume(
        f"storage.{item.kind}", f"{item.kind} storage is priced as {sku}: capacity only, without requests, IOPS or traffic",
        source=offer.source, field="hosting.storage",
    )  # fmt: skip
    return True


def _storage_facts(ledger: Ledger) -> None:
    kinds = {
        sku: kind
        for (_, kind), sku in prices.STORAGE_SKU.items()
        if any(line.sku == sku for line in ledger.lines)
    }
    for sku, kind in sorted(kinds.items(), key=lambda item: item[1]):
        lines = [line for line in ledger.of("brief") if line.sku == sku]
        ledger.fact(
            f"storage.{kind}.usd_per_month", math.fsum(line.usd_per_month for line in lines), "USD/month",
            "units × usd_per_unit",
            {"units": math.fsum(line.quantity for line in lines), "unit": lines[0].unit, "usd_per_unit": lines[0].usd_per_unit, "sku": sku},
            lines[0].source, lines[0].as_of,
        )  # fmt: skip
