"""Carbon: watts by provider and processor, whole machines and their embodied carbon, grid by region, grid by hour of the day.

Published tables have errors: one well-known list of grid factors has two rows written without their decimal point ("000077"), a
million times too high. `KgPerKwh` refuses them, and with them the whole table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra_mind.knowledge import places, tables
from infra_mind.knowledge.instances import canonical
from infra_mind.knowledge.prices import region_name

Provider = Literal["aws", "azure", "gcp", "on_prem"]
# The dirtiest grid on record is below 1.4 kg per kWh, the cleanest region of a cloud above 0.005.
KgPerKwh = Annotated[float, Field(ge=0.004, le=1.4)]
Pue = Annotated[float, Field(ge=1.0, le=2.5)]


class ProviderRow(tables.Row):
    """`min_watts` at idle and `max_watts` at full load, of a vCPU or of a whole server (`per`); `copies` kept of a stored byte."""

    provider: Provider
    per: Literal["vcpu", "server"]
    min_watts: Annotated[float, Field(ge=0.1, le=500)]
    max_watts: Annotated[float, Field(ge=0.5, le=2000)]
    gb_per_chip: Annotated[float, Field(ge=4, le=512)] | None = None
    pue: Pue
    pue_by_region: dict[str, Pue] = Field(default_factory=dict)
    copies: dict[Literal["ssd", "hdd", "object"], Annotated[int, Field(ge=1, le=10)]]

    @model_validator(mode="after")
    def _idle_is_less(self) -> ProviderRow:
        if self.min_watts >= self.max_watts:
            raise ValueError("idle watts are not below full-load watts")
        return self

    def pue_in(self, region: str) -> float:
        """PUE of the region where it is published, else the provider's average."""
        return self.pue_by_region.get(region, self.pue)


class ProcessorRow(tables.Row):
    """Watts per vCPU, and the memory (GB per chip) that the measured servers had and whose power is in those watts."""

    processor: Annotated[str, Field(min_length=3)]
    min_watts: Annotated[float, Field(ge=0.1, le=3)]
    max_watts: Annotated[float, Field(ge=1, le=9)]
    gb_per_chip: Annotated[float, Field(ge=4, le=512)]

    @model_validator(mode="after")
    def _idle_is_less(self) -> ProcessorRow:
        if self.min_watts >= self.max_watts:
            raise ValueError("idle watts are not below full-load watts")
        return self


class MachineRow(tables.Row):
    """The whole machine that an instance is a part of; `embodied_kgco2e` of that machine, GPUs in it counted."""

    provider: Provider
    instance: Annotated[str, Field(min_length=2, max_length=60)]
    processors: tuple[str, ...]
    platform_vcpu: Annotated[int, Field(ge=1, le=2000)]
    platform_memory_gb: Annotated[float, Field(gt=0, le=40_000)]
    chips: Annotated[int, Field(ge=1, le=16)]
    embodied_kgco2e: Annotated[float, Field(ge=900, le=50_000)]


class GridRow(tables.Row):
    """Carbon of a kWh in a region of a cloud; `on_prem` rows are countries, `names` what else they are called."""

    provider: Provider
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,40}$")]
    country: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    area: Literal["europe", "north_america", "south_america", "oceania", "africa", "middle_east", "asia"]
    kgco2e_per_kwh: KgPerKwh
    names: tuple[str, ...] = ()


class HoursRow(tables.Row):
    """Mean gCO2e per kWh of each hour of the day (UTC) over the year from `since` to `until`; `zone` is the grid's own."""

    provider: Provider
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,40}$")]
    zone: str
    of: str
    since: tables.AsOf
    until: tables.AsOf
    gco2e_per_kwh: Annotated[
        tuple[Annotated[float, Field(ge=5, le=1400)], ...], Field(min_length=24, max_length=24)
    ]


def provider(name: str) -> ProviderRow:
    """The averages of a provider. KeyError for one that the brief does not know."""
    return tables.load("carbon_providers", ProviderRow, _provider_key).by_key[name]


def processors(names: tuple[str, ...]) -> tuple[ProcessorRow, ...]:
    """Rows of these processor families, those that are in the table."""
    known = tables.load("carbon_processors", ProcessorRow, _processor_key).by_key
    return tuple(known[name] for name in names if name in known)


def machine(provider: str, instance: str) -> MachineRow | None:
    """The machine behind an instance, None when it is not in the table."""
    known = tables.load("carbon_instances", MachineRow, _machine_key).by_key
    return known.get((provider, canonical(provider, instance)))


def grid(provider: str, region: str) -> GridRow | None:
    """The grid of a region; for own hardware of a country by its code or name. None when no table has it."""
    if provider == "on_prem":
        place = places.find(region)
        name = place.country if place and place.country else region.strip()
        return _countries().get(name.lower())
    return _grid().get((provider, region_name(provider, region)))


def regions(provider: str) -> tuple[GridRow, ...]:
    """Every region of the provider with a grid factor, by name."""
    return tuple(row for (p, _), row in sorted(_grid().items()) if p == provider)


def nearest_regions(provider: str, region: str) -> tuple[str, ...]:
    """Names in the table that look most like `region`."""
    return tables.nearest(region, [row.region for row in regions(provider)])


def satisfies(row: GridRow, residency: tuple[str, ...]) -> bool:
    """May data that must stay in one of `residency` (countries, `eu`, `eea`, regions, continents) be kept in this region?"""
    return any(_lies_in(row, place) for place in residency)


def is_known_place(text: str) -> bool:
    """Is it known where that is?"""
    return places.find(text) is not None or _area(text) in {row.area for row in _grid().values()}


def hours(provider: str, region: str) -> HoursRow | None:
    """The day of a region's grid, None where no hourly data is published."""
    known = tables.load("carbon_hours", HoursRow, _hours_key).by_key
    return known.get((provider, region_name(provider, region)))


def _lies_in(row: GridRow, text: str) -> bool:
    wanted = places.find(text)
    if wanted is None:
        return _area(text) == row.area
    return wanted.holds(places.find(row.region) or places.Place(country=row.country.upper()))


def _area(text: str) -> str:
    return "_".join(text.lower().replace("_", " ").split())


@cache
def _grid() -> Mapping[tuple[str, str], GridRow]:
    return MappingProxyType(dict(tables.load("carbon_grid", GridRow, _grid_key).by_key))


@cache
def _countries() -> Mapping[str, GridRow]:
    rows = [row for (p, _), row in _grid().items() if p == "on_prem"]
    return MappingProxyType({name.lower(): row for row in rows for name in (row.region, *row.names)})


def _provider_key(row: ProviderRow) -> str:
    return row.provider


def _processor_key(row: ProcessorRow) -> str:
    return row.processor


def _machine_key(row: MachineRow) -> tuple[str, str]:
    return row.provider, row.instance


def _grid_key(row: GridRow) -> tuple[str, str]:
    return row.provider, row.region


def _hours_key(row: HoursRow) -> tuple[str, str]:
    return row.provider, row.region
