"""Offers of the brief's instances and GPUs: here and everywhere, on demand, spot and committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from infra_mind.agents import commitments
from infra_mind.agents.research.desk import (
    HOURS,
    NAME,
    PURCHASES,
    Desk,
    confidence,
    max_age,
    sound,
)
from infra_mind.knowledge import gpus, instances, places, prices
from infra_mind.knowledge.instances import PROVIDERS
from infra_mind.knowledge.prices import Offer, Purchase
from infra_mind.model.brief import Brief, Hosting
from infra_mind.model.fact import FactValue, id_part
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
    worth,
)
from infra_mind.model.numbers import money, percent

MOST_OFFERS = 12  # of one thing in the table of offers
WORDS = {"on_demand": "on demand", "spot": "spot", "committed_1y": "committed for one year", "committed_3y": "committed for three years"}  # fmt: skip


class Priced(NamedTuple):
    """An offer and what its unit (an instance, one of its GPUs) costs an hour."""

    usd: float
    offer: Offer
    purchase: Purchase


def assess_instances(brief: Brief, desk: Desk) -> None:
    """Facts `instance.<instance>.*` for every instance of the nodes."""
    hosting = brief.hosting
    if hosting is None or not hosting.nodes:
        return
    if hosting.provider is None:
        desk.missing("instance", "hosting.provider", "Without hosting.provider no offer of an instance can be looked up")  # fmt: skip
        return
    if hosting.provider == "on_prem":
        return
    seen: set[str] = set()
    for index, node in enumerate(hosting.nodes):
        name = instances.canonical(hosting.provider, node.instance)
        if name not in seen:
            seen.add(name)
            _instance(hosting, index, name, brief, desk)


def _instance(hosting: Hosting, index: int, name: str, brief: Brief, desk: Desk) -> None:
    provider = str(hosting.provider)
    found = [
        p
        for purchase in PURCHASES
        for region in prices.regions(provider)
        if (p := _of(provider, region, name, purchase))
    ]
    fit = _fit(found, desk)
    if not fit:
        desk.missing("instance", f"hosting.nodes.{index}.instance", f"No dated offer of {name}", prices.why_unpriced(provider, str(hosting.region or ""), name), given=name)  # fmt: skip
        return
    prefix, here = f"instance.{id_part(name)}", prices.region_name(provider, hosting.region or "")
    _facts(prefix, fit, here, provider, "usd_per_hour", "USD/h", desk)
    _committed(hosting, name, fit, here, brief, desk)


def assess_gpus(brief: Brief, desk: Desk) -> None:
    """Facts `gpu.<gpu>.*` for every GPU that serving or training names, over all providers."""
    named = [(f"llm_serving.{i}.gpu", s.gpu) for i, s in enumerate(brief.llm_serving)]
    named += [(f"training.{i}.gpu", t.gpu) for i, t in enumerate(brief.training)]
    seen: set[str] = set()
    for path, name in named:
        known = gpus.find(name) if name else None
        if known is None:
            near = ", ".join(gpus.nearest_names(name)) if name else ""
            desk.missing("gpu", path, f"No offers were looked up: {f'{name} is not in the table of accelerators' if name else 'no GPU is named'}", f"Use a known id; nearest: {near}." if near else "", name or "")  # fmt: skip
        elif known.id not in seen:
            seen.add(known.id)
            _gpu(known.id, path, brief, desk)


def _gpu(gpu: str, path: str, brief: Brief, desk: Desk) -> None:
    fit = _fit(_of_gpu(gpu), desk)
    if not fit:
        desk.missing("gpu", path, f"No dated offer of {gpu} at {', '.join(PROVIDERS)}", given=gpu)
        return
    hosting = brief.hosting
    provider = hosting.provider if hosting and hosting.provider in PROVIDERS else None
    here = prices.region_name(provider, hosting.region) if provider and hosting and hosting.region else ""
    _facts(f"gpu.{gpu}", fit, here, provider, "usd_per_gpu_hour", "USD/GPU hour", desk)
    _spot(gpu, fit, provider, brief, desk)


@lru_cache(maxsize=256)
def _of_gpu(gpu: str) -> tuple[Priced, ...]:
    """Every offer of a GPU: an instance's price divided by its GPUs."""
    found = []
    for provider in PROVIDERS:
        for machine in instances.with_gpu(provider, gpu):
            for region in prices.gpu_regions(provider, gpu):
                for purchase in PURCHASES:
                    offer = prices.price(provider, region, machine.instance, purchase)
                    if offer:
                        found.append(Priced(offer.usd_per_hour / machine.gpus, offer, purchase))
    return tuple(found)


def _of(provider: str, region: str, name: str, purchase: Purchase) -> Priced | None:
    offer = prices.price(provider, region, name, purchase)
    return Priced(offer.usd_per_hour, offer, purchase) if offer else None


def _fit(found: Iterable[Priced], desk: Desk) -> list[Priced]:
    """The offers that may be shown. The lists are checked as they are read; this holds for whatever gives an offer."""
    found = list(found)
    full = {(p.offer.provider, p.offer.region, p.offer.instance): p.usd for p in found if p.purchase == "on_demand"}  # fmt: skip
    fit = []
    for one in found:
        offer = one.offer
        above = None if one.purchase == "on_demand" else full.get((offer.provider, offer.region, offer.instance))  # fmt: skip
        if sound(one.usd, above):
            fit.append(one)
            desk.saw(offer.source, offer.as_of, _limit(one))
        else:
            desk.refused.append({"what": offer.instance, "region": offer.region, "purchase": one.purchase, "usd": one.usd})  # fmt: skip
    return fit


def _limit(one: Priced) -> int:
    return max_age(one.offer.provider, one.purchase, one.offer.source)


def _facts(
    prefix: str, fit: Sequence[Priced], here: str, provider: str | None, unit_name: str, unit: str, desk: Desk
) -> None:
    """What it costs here, and the range over everything that is listed."""
    for purchase in PURCHASES:
        offers = [p for p in fit if p.purchase == purchase]
        local = [p for p in offers if p.offer.provider == provider and p.offer.region == here]
        if local:
            best = min(local, key=_order)
            _price(f"{prefix}.{purchase}_{unit_name}", best, unit, "the lowest list price in the brief's region", {"offers": len(local)}, desk)  # fmt: skip
        if offers:
            best = min(offers, key=_order)
            _price(f"{prefix}.cheapest_{purchase}_{unit_name}", best, unit, "the lowest list price of all regions that are listed", {"offers": len(offers), "regions": len({(p.offer.provider, p.offer.region) for p in offers})}, desk)  # fmt: skip
    full = [p for p in fit if p.purchase == "on_demand"]
    if full:
        _price(f"{prefix}.highest_on_demand_{unit_name}", max(full, key=_order), unit, "the highest list price of all regions that are listed", {"offers": len(full)}, desk)  # fmt: skip
    oldest = min((p for p in fit), key=lambda p: p.offer.as_of)
    desk.fact(f"{prefix}.offers", len(fit), "count", "dated list prices of all regions and ways to buy", {"providers": len({p.offer.provider for p in fit})}, oldest.offer.source, oldest.offer.as_of)  # fmt: skip
    desk.age(prefix, oldest.offer.as_of, oldest.offer.source)
    desk.details.setdefault("offers", []).extend(_row(prefix, p) for p in sorted(fit, key=_order)[:MOST_OFFERS])  # fmt: skip


def _order(one: Priced) -> tuple[float, str, str, str]:
    return (one.usd, one.offer.provider, one.offer.region, one.offer.instance)


def _price(id: str, one: Priced, unit: str, formula: str, inputs: dict[str, FactValue], desk: Desk) -> str:
    offer = one.offer
    return desk.fact(
        id, one.usd, unit, formula,
        {"provider": offer.provider, "region": offer.region, "instance": offer.instance, "purchase": one.purchase, **inputs}, offer.source, offer.as_of,
    )  # fmt: skip


def _row(prefix: str, one: Priced) -> dict[str, FactValue]:
    offer = one.offer
    return {
        "what": prefix.partition(".")[2], "provider": offer.provider, "region": offer.region, "instance": offer.instance,
        "purchase": one.purchase, "usd_per_hour": one.usd, "as_of": offer.as_of, "source": offer.source,
    }  # fmt: skip


def _committed(
    hosting: Hosting, name: str, fit: Sequence[Priced], here: str, brief: Brief, desk: Desk
) -> None:
    """What a year's commitment would save on nodes that run all month; not where the brief already commits, nor for less than a year."""
    budget = brief.budget
    full = [p for p in fit if p.purchase == "on_demand" and p.offer.region == here]
    year = [p for p in fit if p.purchase == "committed_1y" and p.offer.region == here]
    if not full or not year or (budget is not None and budget.commitment_coverage > 0):
        return
    provider = str(hosting.provider)
    count = sum(n.count for n in hosting.nodes if instances.canonical(provider, n.instance) == name)
    old, new = full[0], year[0]
    saved = count * HOURS * (old.usd - new.usd)
    if commitments.outlasts(brief, commitments.YEAR):
        desk.findings.append(
            commitments.not_advised(brief, commitments.YEAR, name, rule_id=f"{NAME}.commitment", agent=NAME, resource=f"hosting.nodes.{name}")
        )  # fmt: skip
        return
    desk.findings.append(
        make_finding(
            rule_id=f"{NAME}.commitment", agent=NAME, status=Status.FAIL, severity=worth(saved, Severity.LOW),
            confidence=confidence(new.offer.as_of, _limit(new), Confidence.MEDIUM), resource=f"hosting.nodes.{name}", value=[old.usd, new.usd],
            title=f"{name} costs {percent(round(1 - new.usd / old.usd, 3))} less when it is committed for a year: {money(saved)} a month",
            evidence=(Evidence(artefact="brief", path="hosting.nodes", observed=f"{money(old.usd)} an hour on demand ({old.offer.as_of})", expected=f"{money(new.usd)} an hour committed ({new.offer.as_of})"),),
            facts=(f"{NAME}.instance.{id_part(name)}.committed_1y_usd_per_hour", f"{NAME}.instance.{id_part(name)}.on_demand_usd_per_hour"),
            impact=Impact(usd_per_month=saved),
            remediation=Remediation(text="Commit to the part of the nodes that certainly runs for a year; what is not used is paid all the same.", effort=Effort.HOURS),
        )
    )  # fmt: skip


def _may_go(offer: Offer, brief: Brief) -> bool:
    """May the brief's data go to the offer's region? Yes where it names no residency; never where a place is not known."""
    residency = brief.compliance.data_residency if brief.compliance else ()
    here = places.find(offer.region)
    wanted = [place for text in residency if (place := places.find(text))]
    return not residency or (here is not None and any(place.holds(here) for place in wanted))


def _spot(gpu: str, fit: Sequence[Priced], provider: str | None, brief: Brief, desk: Desk) -> None:
    """Training that writes checkpoints can run on spot capacity."""
    jobs = [t for t in brief.training if t.gpu and (k := gpus.find(t.gpu)) and k.id == gpu]
    if not jobs or provider is None:
        return
    spot = [
        p for p in fit if p.purchase == "spot" and p.offer.provider == provider and _may_go(p.offer, brief)
    ]
    if not spot:
        return
    best = min(spot, key=_order)
    same = [p for p in fit if p.purchase == "on_demand" and (p.offer.provider, p.offer.region, p.offer.instance) == (best.offer.provider, best.offer.region, best.offer.instance)]  # fmt: skip
    if not same:
        return
    share = 1 - best.usd / same[0].usd
    names = ", ".join(job.name for job in jobs)
    checkpoints = all(job.checkpoint_minutes is not None for job in jobs)
    fact = desk.fact(
        f"gpu.{gpu}.spot_saving_share", share, "share", "1 − spot / on demand of the same instance in the same region",
        {"spot": best.usd, "on_demand": same[0].usd, "region": best.offer.region, "instance": best.offer.instance}, best.offer.source, best.offer.as_of,
    )  # fmt: skip
    desk.findings.append(
        make_finding(
            rule_id=f"{NAME}.spot", agent=NAME, status=Status.FAIL, severity=Severity.LOW,
            confidence=confidence(best.offer.as_of, _limit(best), Confidence.MEDIUM), resource="training", value=[gpu, best.offer.region],
            title=f"Spot capacity of {gpu} was {percent(round(share, 3))} cheaper in {best.offer.region} ({best.offer.as_of}): {names} could use it",
            evidence=(Evidence(artefact="brief", path="training", observed=f"{money(same[0].usd)} a GPU hour on demand", expected=f"{money(best.usd)} a GPU hour at spot"),),
            facts=(fact,),
            remediation=Remediation(
                text="Run it on spot capacity with checkpoints: it can be taken away at any time, and its price moves from day to day."
                + ("" if checkpoints else " Give checkpoint_minutes, so that the reliability agent can say how often."),
                effort=Effort.DAYS,
            ),
        )
    )  # fmt: skip
