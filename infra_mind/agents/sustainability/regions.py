"""The same load in every region that the brief allows, and the cleanest hours of a day for work that can be moved."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from infra_mind.agents import commitments
from infra_mind.agents.sustainability import energy
from infra_mind.agents.sustainability.models import Served, number_of
from infra_mind.agents.sustainability.sheet import NAME, Sheet, Site
from infra_mind.knowledge import carbon, gpus, instances, prices
from infra_mind.knowledge.carbon import GridRow, HoursRow
from infra_mind.model.brief import Brief, Hosting
from infra_mind.model.fact import FactValue, id_parts
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
from infra_mind.model.numbers import money, number, percent, quantity
from infra_mind.model.result import AgentResult

MUCH = 0.5  # a region with less than half the carbon is worth the question
WINDOW = 8  # hours
CENT = 0.01
LITTLE = 0.02  # a day that varies by less has no better hours
LEAST_KG = 1.0  # a move that saves less is told, and is no weakness


class Running(NamedTuple):
    """What would move and has a price by the hour: nodes (instance, count) and GPUs beside them (GPU, of one replica, count)."""

    provider: str
    nodes: tuple[tuple[str, int], ...]
    gpus: tuple[tuple[str, int, float], ...]

    @property
    def words(self) -> str:
        return " and ".join(w for w, there in (("nodes", self.nodes), ("GPUs", self.gpus)) if there)


def assess_regions(brief: Brief, served: Sequence[Served], mlops: AgentResult | None, sheet: Sheet) -> None:
    """Facts `region.<region>.kgco2e_per_month` for the hosted load, and a finding where an allowed region has far less."""
    site, hosting = sheet.site, brief.hosting
    if site is None or site.grid is None or hosting is None or site.provider.provider == "on_prem":
        return
    hosted = [part for part in sheet.parts if part.it_kwh is not None]
    if not hosted:
        return
    load = fsum(part.it_kwh or 0.0 for part in hosted)
    allowed = _allowed(brief, site.grid, sheet)
    here = _region(site.grid, load, site, sheet)
    found = [(_region(row, load, site, sheet), row) for row in allowed if row.region != site.grid.region]
    best, row = _best(found, here, brief, site.grid)
    _compare(brief, _running(hosting, served, mlops), here, best, row, site, sheet)


def _running(hosting: Hosting, served: Sequence[Served], mlops: AgentResult | None) -> Running:
    provider = str(hosting.provider)
    nodes = [(instances.canonical(provider, node.instance), node.count) for node in hosting.nodes]
    cards = [
        (m.card.id, int(number_of(mlops, f"mlops.serving.{m.part}.gpus_per_replica") or 1), m.gpus - m.on_nodes)
        for m in served if m.gpus > m.on_nodes
    ]  # fmt: skip
    return Running(provider, tuple(nodes), tuple(cards))


def _best(
    found: list[tuple[float, GridRow]], here: float, brief: Brief, now: GridRow
) -> tuple[float, GridRow]:
    """The cleanest region that is known to offer what runs here; the cleanest of all where none of those is much cleaner."""
    ranked = sorted(found, key=lambda f: (f[0], f[1].region))
    offered = (f for f in ranked if f[0] < here * MUCH and not _lacking(brief, now.region, f[1].region))
    return next(offered, ranked[0] if ranked else (here, now))


def _lacking(brief: Brief, now: str, then: str) -> list[str]:
    """Instances and GPUs that have a dated price `now` and none `then`."""
    hosting = brief.hosting
    if hosting is None:
        return []
    provider = str(hosting.provider)
    names = {instances.canonical(provider, node.instance) for node in hosting.nodes}
    lacking = {n for n in names if prices.price(provider, now, n) and not prices.price(provider, then, n)}
    for known in filter(None, (gpus.find(model.gpu) for model in brief.llm_serving if model.gpu)):
        offered = prices.gpu_regions(provider, known.id)
        if prices.region_name(provider, now) in offered and then not in offered:
            lacking.add(known.id)
    return sorted(lacking)


def _allowed(brief: Brief, here: GridRow, sheet: Sheet) -> list[GridRow]:
    """Regions of the provider where the data may be; without a residency those of the same continent, for the sake of the wait."""
    rows = [r for r in carbon.regions(here.provider) if _partition(r.region) == _partition(here.region)]
    residency = brief.compliance.data_residency if brief.compliance else ()
    if not residency:
        sheet.assume("regions.area", f"Only regions in {here.area.replace('_', ' ')} are looked at: from another continent users would wait", here.area, "text", "no residency is given", "compliance.data_residency")  # fmt: skip
        return [row for row in rows if row.area == here.area]
    unknown = [place for place in residency if not carbon.is_known_place(place)]
    if unknown:
        sheet.missing(
            "residency", "compliance.data_residency", f"No region is known to lie in {', '.join(unknown)}: none there was looked at",
            "Name countries by their code (`de`), or `eu`, `eea`, or a continent.", ", ".join(unknown),
        )  # fmt: skip
    return [row for row in rows if carbon.satisfies(row, residency)]


def _partition(region: str) -> str:
    """GovCloud and China are apart: an account of the rest of the world cannot move there."""
    return next((head for head in ("us-gov-", "cn-") if region.startswith(head)), "")


def _region(row: GridRow, it_kwh: float, site: Site, sheet: Sheet) -> float:
    pue = site.provider.pue_in(row.region)
    kg = it_kwh * pue * row.kgco2e_per_kwh
    inputs: dict[str, FactValue] = {"it_kwh": it_kwh, "PUE": pue, "kgco2e_per_kwh": row.kgco2e_per_kwh, "country": row.country}  # fmt: skip
    sheet.fact(
        f"region.{row.region}.kgco2e_per_month", kg, "kgCO2e/month", "it_kwh · PUE · kgco2e_per_kwh: nodes, storage and served models, the same load",
        inputs, row.source, row.as_of,
    )  # fmt: skip
    return kg


def _compare(
    brief: Brief, running: Running, here: float, best: float, row: GridRow, site: Site, sheet: Sheet
) -> None:
    assert site.grid is not None
    now = site.grid.region
    facts = tuple(sorted({f"{NAME}.region.{r}.kgco2e_per_month" for r in (now, row.region)}))
    if best >= here * MUCH or here - best < LEAST_KG:
        little = f"{row.region} would save {quantity(here - best, 'kgCO2e/month').text} against {now}: too little for a move"
        sheet.findings.append(
            make_finding(
                rule_id=f"{NAME}.region", agent=NAME, status=Status.PASS, severity=Severity.INFO, resource="hosting.region", value=now,
                title=f"No region that the brief allows has less than half the carbon of {now}" if best >= here * MUCH else little, facts=facts,
            )
        )  # fmt: skip
        return
    dearer = _dearer(running, now, row.region)
    lacking = _lacking(brief, now, row.region)
    unknown = f"no price of {' and '.join(lacking)} is known there, so it may not offer them" if lacking else "what its prices are is not known here"  # fmt: skip
    said = unknown if dearer is None or lacking else _difference(dearer, running.words)
    sheet.findings.append(
        make_finding(
            rule_id=f"{NAME}.region", agent=NAME, status=Status.FAIL, severity=Severity.MEDIUM, confidence=Confidence.MEDIUM,
            resource="hosting.region", value=[now, row.region],
            title=f"{row.region} has {percent(round(1 - best / here, 3))} less carbon than {now} for the same load, and the brief allows it",
            evidence=(Evidence(artefact="brief", path="hosting.region", observed=f"{now}: {quantity(here, 'kgCO2e/month').text}", expected=f"{row.region}: {quantity(best, 'kgCO2e/month').text}"),),
            facts=facts,
            impact=Impact(kgco2e_per_month=here - best, usd_per_month=None if dearer is None else -dearer * commitments.paid_share(brief.budget)),
            remediation=Remediation(
                text=f"Weigh a move to {row.region}: {said}; the way to the users, what the region offers and the cost of the move are not judged here.",
                effort=Effort.WEEKS,
            ),
        )
    )  # fmt: skip


def _difference(dearer: float, what: str) -> str:
    if abs(dearer) < CENT / 2:
        return f"at list prices its {what} cost the same"
    return f"at list prices its {what} cost {money(abs(dearer))} a month {'more' if dearer > 0 else 'less'}"


def _dearer(running: Running, now: str, then: str) -> float | None:
    """How much more the nodes and the GPUs beside them cost there, USD a month; None where a price is missing."""
    found: list[float] = []
    for name, count in running.nodes:
        old, new = (prices.price(running.provider, region, name) for region in (now, then))
        if old is None or new is None:
            return None
        found.append(count * energy.HOURS * (new.usd_per_hour - old.usd_per_hour))
    for gpu, replica, cards in running.gpus:
        here, there = (_gpu_hour(running.provider, region, gpu, replica) for region in (now, then))
        if here is None or there is None:
            return None
        found.append(cards * energy.HOURS * (there - here))
    total = fsum(found)
    return None if not found else 0.0 if abs(total) < CENT / 2 else total


def _gpu_hour(provider: str, region: str, gpu: str, replica: int) -> float | None:
    """As the cost agent prices a served model: of machines that hold a whole replica, else of any."""
    offer = prices.gpu_hour(provider, region, gpu, replica) or prices.gpu_hour(provider, region, gpu)
    return offer.usd_per_gpu_hour if offer else None


def assess_hours(brief: Brief, mlops: AgentResult | None, sheet: Sheet) -> None:
    """Facts `hours.*`: the cleanest and the dirtiest hours (UTC) of the region's mean day, and what training would save in them."""
    site = sheet.site
    row = carbon.hours(site.provider.provider, site.region) if site and site.region else None
    if site is None or row is None:
        if brief.training and site is not None and site.region:
            sheet.missing("hours", "hosting.region", f"No hourly grid data is published here for {site.region}: the cleanest hours are not known", given=site.region)  # fmt: skip
        return
    starts = window_means(row)
    best, worst = min(starts, key=lambda h: (starts[h], h)), max(starts, key=lambda h: (starts[h], -h))
    mean = fsum(row.gco2e_per_kwh) / 24
    saving = 1 - starts[best] / mean
    inputs: dict[str, FactValue] = {"window_hours": WINDOW, "zone": row.zone, "since": row.since, "until": row.until}  # fmt: skip
    for name, start in (("best", best), ("worst", worst)):
        sheet.fact(
            f"hours.{name}_start_utc", start, "h UTC", f"start of the {WINDOW} hours whose mean is the {'lowest' if name == 'best' else 'highest'}",
            {**inputs, "gco2e_per_kwh": starts[start]}, row.source, row.as_of,
        )  # fmt: skip
    fact = sheet.fact(
        "hours.saving_share", saving, "share", "1 − mean of the best hours / mean of the day",
        {**inputs, "best_gco2e_per_kwh": starts[best], "day_gco2e_per_kwh": mean}, row.source, row.as_of,
    )  # fmt: skip
    sheet.details["grid_by_hour"] = [{"hour_utc": h, "gco2e_per_kwh": g} for h, g in enumerate(row.gco2e_per_kwh)]  # fmt: skip
    if brief.training:
        _movable(site, _patient(brief, mlops), best, saving, fact, sheet)


def _patient(brief: Brief, mlops: AgentResult | None) -> set[str]:
    """The fact ids of the carbon of those runs that may take as many days as the hours of a window make of them."""
    parts = id_parts(job.name for job in brief.training)
    found = set()
    for part, job in zip(parts, brief.training, strict=True):
        days = number_of(mlops, f"mlops.training.{part}.days")
        if job.deadline_days is None or days is None or days * 24 / WINDOW <= job.deadline_days:
            found.add(f"{NAME}.training.{part}.kgco2e")
    return found


def window_means(row: HoursRow) -> dict[int, float]:
    """Start hour → mean of the `WINDOW` hours from it on, round the clock."""
    day = row.gco2e_per_kwh
    return {start: fsum(day[(start + h) % 24] for h in range(WINDOW)) / WINDOW for start in range(24)}


def _movable(site: Site, patient: set[str], best: int, saving: float, fact: str, sheet: Sheet) -> None:
    kg = [f for f in sheet.facts if f.id in patient]
    hurried = not kg and any(f.id.startswith(f"{NAME}.training.") and f.id.endswith(".kgco2e") for f in sheet.facts)  # fmt: skip
    hours = f"{best:02d}:00 to {(best + WINDOW) % 24:02d}:00 UTC"
    saved = fsum(float(f.value) for f in kg) * saving
    trifle = saving >= LITTLE and bool(kg) and saved < LEAST_KG
    if saving < LITTLE or not kg or trifle:
        sheet.findings.append(
            make_finding(
                rule_id=f"{NAME}.hours", agent=NAME, status=Status.PASS, severity=Severity.INFO, resource="training", value=site.region,
                title=f"No run can wait for cleaner hours: {WINDOW} hours a day take {24 // WINDOW} times as many days, and the deadlines do not leave them" if hurried and saving >= LITTLE
                else f"Training from {hours} would emit {percent(round(saving, 3))} less, {number(saved)} kg CO₂e over the runs: too little to wait for" if trifle
                else f"The grid of {site.region} varies little over the day: no hours are much better for training", facts=(fact,),
            )
        )  # fmt: skip
        return
    sheet.findings.append(
        make_finding(
            rule_id=f"{NAME}.hours", agent=NAME, status=Status.FAIL, severity=Severity.LOW, confidence=Confidence.LOW, resource="training",
            value=[site.region, best],
            title=f"Training from {hours} would emit {percent(round(saving, 3))} less: {number(saved)} kg CO₂e over the runs",
            evidence=(Evidence(artefact="brief", path="training", observed="round the clock", expected=hours),),
            facts=(fact, *(f.id for f in kg)),
            remediation=Remediation(
                text=f"Run training that can pause from {hours}; a run then takes three times as many days, so weigh its deadline and what its GPUs cost meanwhile.",
                effort=Effort.DAYS,
            ),
        )
    )  # fmt: skip
