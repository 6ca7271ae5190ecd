"""The sheet: every part with its energy and carbon, and the facts, findings and assumptions that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import fsum, isfinite
from typing import Any

from infra_mind.agents.sustainability import energy
from infra_mind.knowledge import carbon
from infra_mind.knowledge.carbon import GridRow, ProviderRow
from infra_mind.model.brief import Hosting
from infra_mind.model.fact import Assumption, Fact, FactValue
from infra_mind.model.finding import Finding, not_assessed
from infra_mind.model.result import AgentResult

NAME = "sustainability"


@dataclass(frozen=True)
class Part:
    """One thing that runs all month. `it_kwh` is before the PUE; None where it runs in somebody else's data centre."""

    name: str
    kwh: float
    kgco2e: float | None
    it_kwh: float | None = None
    embodied_kgco2e: float | None = None


@dataclass(frozen=True)
class Site:
    """Where the brief's own things run: averages of the provider, PUE, and the grid where the region is known."""

    provider: ProviderRow
    region: str
    grid: GridRow | None

    @property
    def pue(self) -> float:
        return self.provider.pue_in(self.region)

    def kg(self, kwh: float) -> float | None:
        return kwh * self.grid.kgco2e_per_kwh if self.grid else None


@dataclass
class Sheet:
    """Grows while the agent works."""

    site: Site | None
    parts: list[Part] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    assumptions: dict[str, Assumption] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def fact(
        self, id: str, value: FactValue, unit: str, formula: str, inputs: Mapping[str, FactValue], source: str,
        as_of: str | None = None,
    ) -> str:  # fmt: skip
        """Adds the fact `sustainability.<id>` and returns its id."""
        found = Fact(
            id=f"{NAME}.{id}", value=value, unit=unit, formula=formula, inputs=dict(inputs), source=source, as_of=as_of
        )  # fmt: skip
        self.facts.append(found)
        return found.id

    def carbon_fact(self, id: str, kwh: float, unit: str = "kgCO2e/month") -> None:
        """Adds the grams of a part by the grid of the site, where there is one."""
        grid = self.site.grid if self.site else None
        if grid:
            self.fact(
                id, kwh * grid.kgco2e_per_kwh, unit, "kwh · kgco2e_per_kwh",
                {"kwh": kwh, "kgco2e_per_kwh": grid.kgco2e_per_kwh, "region": grid.region}, grid.source, grid.as_of,
            )  # fmt: skip

    def assume(
        self, id: str, text: str, value: FactValue | None = None, unit: str = "", source: str = "", field: str | None = None
    ) -> str:  # fmt: skip
        """Says aloud what nobody gave; the same assumption is said once."""
        key = f"{NAME}.{id}"
        self.assumptions.setdefault(
            key, Assumption(id=key, text=text, value=value, unit=unit, source=source, field=field)
        )
        return key

    def missing(self, rule: str, path: str, title: str, hint: str = "", given: str = "") -> None:
        """What the brief would have to give; `given` is what it gives and no table knows."""
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


def embodied_of_gpus(id: str, gpu_hours: float, unit: str, sheet: Sheet) -> float:
    """Adds the making of GPUs, each with its share of the server around it, over so many hours; returns its kgCO2e."""
    kg = energy.embodied(energy.EMBODIED_PER_GPU, gpu_hours, 1.0, energy.GPU_LIFESPAN_H)
    sheet.fact(
        id, kg, unit, "gpu_hours / life_hours · kgco2e_per_gpu, its share of the server counted",
        {"gpu_hours": gpu_hours, "life_hours": energy.GPU_LIFESPAN_H, "kgco2e_per_gpu": energy.EMBODIED_PER_GPU},
        energy.ECOLOGITS, energy.ECOLOGITS_AS_OF,
    )  # fmt: skip
    return kg


def site_of(hosting: Hosting | None, sheet: Sheet) -> Site | None:
    """Provider and grid of the brief's hosting, and what is not known of them as findings."""
    if hosting is None or hosting.provider is None:
        sheet.missing(
            "provider", "hosting.provider", "Without hosting.provider neither watts nor PUE are known"
        )
        return None
    row = carbon.provider(hosting.provider)
    if hosting.region is None:
        sheet.missing("region", "hosting.region", "Without hosting.region the energy has no grid, so no carbon was reckoned")  # fmt: skip
        return Site(row, "", None)
    grid = carbon.grid(hosting.provider, hosting.region)
    if grid is None:
        near = ", ".join(carbon.nearest_regions(hosting.provider, hosting.region))
        hint = f"Use a region with a dated grid factor; nearest: {near}." if near else ""
        if hosting.provider == "on_prem":
            hint = "Name the country of the site, by its code or in English (`de`, `Germany`)."
        sheet.missing(
            "region", "hosting.region", f"No dated grid factor for {hosting.region}: the energy is reckoned, its carbon is not", hint,
            hosting.region,
        )  # fmt: skip
    return Site(row, grid.region if grid else hosting.region.lower(), grid)


_LEAVE_OUT = frozenset(
    f"{NAME}.{rule}" for rule in ("instance", "gpu", "serving", "api")
)  # what draws power and is in no sum


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return fsum(known) if known else None


def totals(sheet: Sheet) -> None:
    """Facts `kwh_per_month`, `kgco2e_per_month`, `embodied_kgco2e_per_month` and the share of each part."""
    if not sheet.parts:
        return
    open_ = sum(1 for f in sheet.findings if f.status == "not_assessed")
    kwh = fsum(part.kwh for part in sheet.parts)
    inputs: dict[str, FactValue] = {part.name: part.kwh for part in sheet.parts}
    said: dict[str, FactValue] = {"parts": len(sheet.parts), "not_assessed": open_}
    dark = sum(1 for f in sheet.findings if f.rule_id in _LEAVE_OUT)
    sheet.fact("kwh_per_month", kwh, "kWh/month", "Σ kWh of the parts; training is once and in no month", inputs, energy.CCF, energy.AS_OF)  # fmt: skip
    operational = total(part.kgco2e for part in sheet.parts)
    if operational is not None:
        unknown = sum(part.kgco2e is None for part in sheet.parts)
        sheet.fact(
            "kgco2e_per_month", operational, "kgCO2e/month", "Σ kWh · kgCO2e per kWh of the parts whose grid is known",
            {**said, "parts_without_a_grid": unknown, "left_out": unknown + dark}, energy.CCF, energy.AS_OF,
        )  # fmt: skip
    making = total(part.embodied_kgco2e for part in sheet.parts)
    if making is not None:
        unknown = sum(part.embodied_kgco2e is None for part in sheet.parts)
        sheet.fact(
            "embodied_kgco2e_per_month", making, "kgCO2e/month", "Σ machine · hours / life · share of the machine",
            {**said, "parts_without_a_figure": unknown}, f"{energy.CCF}; {energy.ECOLOGITS}", energy.AS_OF,
        )  # fmt: skip
    for part in sheet.parts if kwh > 0 and isfinite(kwh) else ():
        sheet.fact(f"{part.name}.energy_share", part.kwh / kwh, "share", "kWh of the part / kWh of all", {"kwh": part.kwh, "all": kwh}, energy.CCF)  # fmt: skip
