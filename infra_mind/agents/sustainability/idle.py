"""What idles on the nodes, and how many of them would do."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from infra_mind.agents import commitments
from infra_mind.agents.sustainability import energy
from infra_mind.agents.sustainability.hosting import Group
from infra_mind.agents.sustainability.sheet import NAME, Sheet, Site
from infra_mind.knowledge import gpus, instances, prices
from infra_mind.model.brief import Budget, Hosting
from infra_mind.model.fact import id_part
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
)
from infra_mind.model.numbers import counted, number, percent

PATH = "hosting.nodes"
LEAST = 2  # one node alone is a single point of failure


def assess_idle(
    hosting: Hosting, groups: Sequence[tuple[Group, int]], budget: Budget | None, site: Site, sheet: Sheet
) -> None:
    """Facts `hosting.<instance>.idle_kwh_per_month`, and how many nodes would do at the mean utilisation of large providers: one in each
    zone at the least, two of them, as many as hold the GPUs that the served models take, and as many as carry the work with a zone lost."""
    for group, taken in groups:
        low, _ = group.watts(site)
        idle = energy.kwh(low * (1 - group.utilisation), group.units, energy.HOURS, site.pue)
        fact = sheet.fact(
            f"hosting.{id_part(group.name)}.idle_kwh_per_month", idle, "kWh/month", "min_watts · (1 − utilisation) · count · vcpu · hours · PUE / 1000",
            {"min_watts": low, "utilisation": group.utilisation, "count": group.count, "vcpu": group.vcpu, "hours": energy.HOURS, "PUE": site.pue},
            energy.CCF, energy.AS_OF,
        )  # fmt: skip
        given = [n for n in hosting.nodes if instances.canonical(str(hosting.provider), n.instance) == group.name]  # fmt: skip
        if all(n.utilisation is not None for n in given):
            zones = max((n.zones or 1 for n in given), default=1)
            load = ceil(group.count * group.utilisation / energy.UTILISATION - 1e-9)
            holding = ceil(taken / group.known.gpus) if taken and group.known else 0
            enough = _with_a_zone_lost(max(zones, load, holding, min(LEAST, group.count)), zones, group)
            if enough >= group.count:
                _none(group, fact, sheet)
            else:
                _spare(hosting, group, budget, site, enough, fact, sheet)


def _with_a_zone_lost(count: int, zones: int, group: Group) -> int:
    """The fewest nodes from `count` on that carry all the work when the largest zone is lost; of one zone nothing would be left."""
    work = group.count * group.utilisation
    while zones > 1 and count < group.count and work > count - ceil(count / zones):
        count += 1
    return count


def _seen(group: Group) -> str:
    return f"{counted(group.count, 'node')} at {percent(group.utilisation)}"


def _none(group: Group, fact: str, sheet: Sheet) -> None:
    sheet.findings.append(
        make_finding(
            rule_id=f"{NAME}.idle", agent=NAME, status=Status.PASS, severity=Severity.INFO, resource=f"{PATH}.{group.name}", value=_seen(group),
            title=f"{group.name}: no node would be spare at {percent(energy.UTILISATION)} utilisation", facts=(fact,),
        )
    )  # fmt: skip


def _spare(
    hosting: Hosting, group: Group, budget: Budget | None, site: Site, enough: int, fact: str, sheet: Sheet
) -> None:
    spare, seen, covered = group.count - enough, _seen(group), commitments.covered(budget)
    kwh = _spare_kwh(group, site, spare, sheet)
    offer = prices.price(str(hosting.provider), str(hosting.region), group.name) if hosting.region else None
    # Committed nodes are paid on: what is saved is paid on demand.
    unbound = min(spare, group.count * (1 - covered))
    bound = f" {commitments.PAID_ON}" if covered else ""
    sheet.findings.append(
        make_finding(
            rule_id=f"{NAME}.idle", agent=NAME, status=Status.FAIL, severity=Severity.LOW, confidence=Confidence.MEDIUM,
            resource=f"{PATH}.{group.name}", value=seen,
            title=f"{group.name}: {counted(spare, 'node')} of {number(group.count)} would be spare at {percent(energy.UTILISATION)} utilisation, "
            f"idling for {number(kwh)} kWh a month",
            evidence=(Evidence(artefact="brief", path=PATH, observed=seen, expected=f"{counted(enough, 'node')} at up to {percent(energy.UTILISATION)}"),),
            facts=(fact, f"{NAME}.hosting.{id_part(group.name)}.spare_kwh_per_month"),
            impact=Impact(usd_per_month=unbound * energy.HOURS * offer.usd_per_hour if offer else None, kgco2e_per_month=site.kg(kwh)),
            remediation=Remediation(text=f"Run {group.name} with {counted(enough, 'node')}, or let an autoscaler do it, where peaks and the loss of a zone allow it.{bound}", effort=Effort.DAYS),
            references=("https://www.cloudcarbonfootprint.org/docs/methodology",),
        )
    )  # fmt: skip


def _spare_kwh(group: Group, site: Site, spare: int, sheet: Sheet) -> float:
    """What the spare nodes draw without work: the work moves, so its watts stay. Idle vCPUs, memory and idle GPUs."""
    low, _ = group.watts(site)
    memory = group.extra_memory_gb(site) * energy.MEMORY_KWH_PER_GB_H * 1000
    known = group.known
    card = gpus.find(known.gpu) if known and known.gpu else None
    cards = energy.gpu_watts(card.board_watts, 0.0) * known.gpus if known and card and card.board_watts else 0.0  # fmt: skip
    kwh = energy.kwh(low * group.vcpu + memory + cards, spare, energy.HOURS, site.pue)
    sheet.fact(
        f"hosting.{id_part(group.name)}.spare_kwh_per_month", kwh, "kWh/month", "(min_watts · vcpu + memory_watts + idle_gpu_watts) · spare · hours · PUE / 1000",
        {"min_watts": low, "vcpu": group.vcpu, "memory_watts": memory, "idle_gpu_watts": cards, "spare": spare, "hours": energy.HOURS, "PUE": site.pue},
        energy.CCF, energy.AS_OF,
    )  # fmt: skip
    return kwh
