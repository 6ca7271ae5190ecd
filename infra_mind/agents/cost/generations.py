"""Instances of which a newer generation of the same series, with as much vCPU and memory, has a lower price in the same region."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from infra_mind.agents.cost.ledger import HOURS, NAME, Ledger
from infra_mind.knowledge import instances, prices
from infra_mind.knowledge.instances import Instance
from infra_mind.knowledge.prices import Offer
from infra_mind.model.fact import id_part
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Finding,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
    worth,
)
from infra_mind.model.numbers import money, number, percent
from infra_mind.model.result import CostLine

# Series and generation stand in the name. Burstable and flexible types are another product and are never proposed.
SERIES = {
    "aws": re.compile(r"(?P<series>[mcr])(?P<generation>\d+)(?!.*flex)[a-z\d-]*\..*"),
    "azure": re.compile(r"Standard_(?P<series>[DEF])\d+[a-z]*_v(?P<generation>\d+)"),
    "gcp": re.compile(r"(?P<series>[nc])(?P<generation>\d)[a-z]*-.*"),
}
# Google's Arm series (its documentation, "Arm VMs on Compute Engine"): the table of its machine types does not say the architecture.
ARM = re.compile(r"(t2a|c4a|n4a)-.*")
SAME_MEMORY = 0.1  # 15 GiB of an older generation became 16


class Newer(NamedTuple):
    """What the same shape costs now and in its newer generation."""

    old: Offer
    new: Offer


def assess_generations(ledger: Ledger) -> None:
    """One finding for each instance of the brief and each address of the artefacts that a newer generation undercuts."""
    lines = [line for line in ledger.lines if line.purchase == "on_demand"]
    hours: dict[tuple[str, str, str, str], float] = {}
    for line in lines:
        hours[_key(line)] = hours.get(_key(line), 0) + line.quantity
    seen: set[tuple[str, str, str, str]] = set()
    for line in lines:
        key = _key(line)
        if line.unit == "hour" and key not in seen:
            seen.add(key)
            found = newer(line.provider, line.region, line.sku)
            if found:
                ledger.findings.append(
                    _finding(line, found, hours[key], _rate(found, ledger), _carries_the_load(ledger))
                )


def _key(line: CostLine) -> tuple[str, str, str, str]:
    return line.artefact.rpartition("/")[0], line.address, line.region, line.sku


def assess_volumes(ledger: Ledger) -> None:
    """gp2 volumes of the artefacts, where gp3 has the lower price per GB; that its base performance is enough is an assumption."""
    for line in [o for o in ledger.lines if o.sku == "ebs_gp2"]:
        offer = prices.service(line.provider, line.region, "ebs_gp3")
        if offer is None or offer.usd_per_unit >= line.usd_per_unit:
            continue
        saved = line.quantity * (line.usd_per_unit - offer.usd_per_unit)
        ledger.findings.append(
            make_finding(
                rule_id="cost.gp2-volume",
                agent=NAME,
                title=f"{line.address}: gp3 costs {percent(round(1 - offer.usd_per_unit / line.usd_per_unit, 4))} less a GB than gp2",
                status=Status.FAIL,
                severity=worth(saved, Severity.LOW),
                confidence=Confidence.MEDIUM,
                resource=line.address,
                value=line.what,
                evidence=(
                    Evidence(
                        artefact=line.artefact,
                        line_start=line.line,
                        line_end=line.line,
                        observed=f"gp2: {money(line.usd_per_unit)} a GB and month ({line.as_of})",
                        expected=f"gp3: {money(offer.usd_per_unit)} a GB and month ({offer.as_of})",
                    ),
                ),
                facts=(
                    ledger.once(
                        f"gp3.{line.region}.saving_share",
                        1 - offer.usd_per_unit / line.usd_per_unit,
                        "share",
                        "1 − usd_per_unit of gp3 / usd_per_unit of gp2",
                        {"gp3_usd_per_unit": offer.usd_per_unit, "gp2_usd_per_unit": line.usd_per_unit},
                        offer.source,
                        offer.as_of,
                    ),
                ),
                assumptions=(_gp3_is_enough(ledger),),
                impact=Impact(usd_per_month=saved),
                remediation=Remediation(
                    text="Change the volume type to gp3; it is done while the volume is in use.",
                    effort=Effort.MINUTES,
                ),
            )
        )


def _gp3_is_enough(ledger: Ledger) -> str:
    return ledger.assume(
        "gp3_base", "gp3's base of 3 000 IOPS and 125 MiB/s is enough for every gp2 volume: gp2 gives 3 IOPS a GiB, more than that above "
        "1 000 GiB, and 250 MiB/s from 334 GiB on; what is provisioned beyond the base is paid and in no saving",
        value=3000, unit="IOPS", source="Amazon EBS documentation, general purpose SSD volumes",
    )  # fmt: skip


def _carries_the_load(ledger: Ledger) -> str:
    return ledger.assume(
        "newer_generation", "A newer generation of the series with the same vCPU and architecture, and up to this share more memory, carries the "
        "same load: its image, drivers and licences run there too, and nothing of it is committed",
        value=SAME_MEMORY, unit="share", source="the providers' descriptions of the series; not measured",
    )  # fmt: skip


@lru_cache(maxsize=4096)
def newer(provider: str, region: str, name: str) -> Newer | None:
    """The cheapest newer generation with the same architecture, vCPU and about the same memory; None if none is cheaper."""
    shape, old = instances.instance(provider, name), prices.price(provider, region, name)
    place = _series(provider, name)
    if shape is None or old is None or place is None or shape.memory_gib is None or shape.gpus:
        return None
    better = []
    for candidate in prices.names_in(provider, region):
        other = _series(provider, candidate)
        if other and other[0] == place[0] and other[1] > place[1]:
            known = instances.instance(provider, candidate)
            offer = prices.price(provider, region, candidate) if known and _replaces(known, shape) else None
            if offer and offer.usd_per_hour < old.usd_per_hour:
                better.append(offer)
    if not better:
        return None
    return Newer(old, min(better, key=lambda o: (o.usd_per_hour, o.instance)))


def _series(provider: str, name: str) -> tuple[str, int] | None:
    pattern = SERIES.get(provider)
    found = pattern.fullmatch(instances.canonical(provider, name)) if pattern else None
    return (found["series"], int(found["generation"])) if found else None


def _replaces(new: Instance, old: Instance) -> bool:
    if new.memory_gib is None or old.memory_gib is None:
        return False
    same = new.vcpu == old.vcpu and _is_arm(new) == _is_arm(old) and not new.gpus
    return same and old.memory_gib <= new.memory_gib <= old.memory_gib * (1 + SAME_MEMORY)


def _is_arm(known: Instance) -> bool:
    return known.architecture == "arm64" or (known.provider == "gcp" and bool(ARM.fullmatch(known.instance)))


def _rate(found: Newer, ledger: Ledger) -> str:
    """The fact of how much less the newer one costs; said once a region."""
    old, new = found
    return ledger.once(
        f"newer_generation.{old.region}.{id_part(old.instance)}.saving_share", 1 - new.usd_per_hour / old.usd_per_hour, "share",
        "1 − usd_per_hour of the newer / usd_per_hour of the older",
        {"older": old.instance, "older_usd_per_hour": old.usd_per_hour, "newer": new.instance, "newer_usd_per_hour": new.usd_per_hour},
        new.source, new.as_of,
    )  # fmt: skip


def _confidence(*offers: Offer) -> Confidence:
    """High where both prices are recent; less where one follows from its family's, or is a year old, and least past its age."""
    if any(prices.is_stale(offer.as_of) for offer in offers):
        return Confidence.LOW
    unsure = any(offer.reckoned or prices.is_old(offer.as_of) for offer in offers)
    return Confidence.MEDIUM if unsure else Confidence.HIGH


def _finding(line: CostLine, found: Newer, hours: float, rate: str, assumed: str) -> Finding:
    old, new = found
    saved = hours * (old.usd_per_hour - new.usd_per_hour)
    share = 1 - new.usd_per_hour / old.usd_per_hour
    return make_finding(
        rule_id="cost.older-generation", agent=NAME, status=Status.FAIL,
        severity=worth(saved, Severity.MEDIUM if share >= 0.1 else Severity.LOW), confidence=_confidence(old, new), resource=line.address or f"hosting.nodes.{line.sku}", value=[old.instance, new.instance],
        title=f"{new.instance} has the vCPU and memory of {old.instance} and costs {percent(round(share, 4))} less in {old.region}",
        evidence=(
            Evidence(
                artefact=line.artefact or "brief", line_start=line.line, line_end=line.line, path="" if line.artefact else "hosting.nodes",
                observed=f"{old.instance}: {money(old.usd_per_hour)} an hour ({old.as_of})", expected=f"{new.instance}: {money(new.usd_per_hour)} an hour ({new.as_of})",
            ),
        ),
        facts=(rate,) if line.artefact else (rate, f"{NAME}.hosting.{line.sku}.usd_per_month"),
        assumptions=(assumed,), impact=Impact(usd_per_month=saved),
        remediation=Remediation(
            text=f"Move to {new.instance} after a test of the workload on it ({number(hours / HOURS)} of them, all month).", effort=Effort.HOURS
        ),
    )  # fmt: skip
