"""Dated list prices: Linux instances per hour, and storage and services per unit, by provider and region.

Several lists are read side by side; for each (provider, instance, region) the newest that has a price counts. There is no
price but from a list: what none of them has is None, and the caller says `unpriced`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from infra_mind.knowledge import tables
from infra_mind.knowledge.instances import PROVIDERS, Provider, canonical, instance, with_gpu
from infra_mind.model.base import Value

Purchase = Literal["on_demand", "spot"]
# From a quarter cent for the smallest shared core to a rack of GPUs; a price outside is an error of the list.
UsdPerHour = Annotated[float, Field(ge=0.0025, le=1000)]
R = TypeVar("R", bound=tables.Row)
LISTS = ("prices_aws", "prices_azure", "prices_azure_2020", "prices_gcp", "prices_curated")
# GCP's disks and Azure's blobs are sold under several names; these are what a brief's `storage.kind` means.
STORAGE_SKU: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("aws", "ssd"): "ebs_gp3",
        ("aws", "hdd"): "ebs_st1",
        ("aws", "object"): "s3_standard",
        ("azure", "ssd"): "disk_premium_ssd_v2",
        ("azure", "hdd"): "disk_S30_lrs",  # 1 TiB; priced by the disk
        ("azure", "object"): "blob_hot_lrs",
        ("gcp", "ssd"): "pd_balanced",
        ("gcp", "hdd"): "pd_standard",
        ("gcp", "object"): "gcs_standard",
    }
)


class PriceRow(tables.Row):
    """An instance's prices by region. `reckoned`: regions whose price follows from the family's, the list's own point being faulty."""

    provider: Provider
    instance: Annotated[str, Field(min_length=2, max_length=60)]
    usd_per_hour: Annotated[dict[str, UsdPerHour], Field(min_length=1)]
    spot_usd_per_hour: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(default_factory=dict)
    reckoned: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _spot_is_below(self) -> PriceRow:
        for region, spot in self.spot_usd_per_hour.items():
            if spot >= self.usd_per_hour.get(region, 0.0):
                raise ValueError(f"spot in {region} is not below on demand")
        if not set(self.reckoned) <= set(self.usd_per_hour):
            raise ValueError("reckoned names a region without a price")
        return self


class ServiceRow(tables.Row):
    """What a unit of a service costs by region (`unit`: GB-month, IOPS-month, disk-month or hour)."""

    provider: Provider
    sku: Annotated[str, Field(min_length=3, max_length=80)]
    unit: Literal["GB-month", "IOPS-month", "disk-month", "hour"]
    usd: Annotated[dict[str, Annotated[float, Field(gt=0.0005, le=5000)]], Field(min_length=1)]


class Offer(Value):
    """One price of one instance."""

    provider: str
    region: str
    instance: str
    purchase: Purchase
    usd_per_hour: float
    source: str
    as_of: str
    reckoned: bool = False


class ServiceOffer(Value):
    """One price of one unit of a service."""

    provider: str
    region: str
    sku: str
    unit: str
    usd_per_unit: float
    source: str
    as_of: str


class GpuOffer(Value):
    """A GPU's hour: the price of `offer.instance` divided by the `gpus` it holds."""

    gpu: str
    gpus: int
    usd_per_gpu_hour: float
    offer: Offer


def price(provider: str, region: str, instance: str, purchase: Purchase = "on_demand") -> Offer | None:
    """The newest list price of the instance in the region; None when no list has it."""
    name, place = canonical(provider, instance), region_name(provider, region)
    for row in _instances().get((provider, name), ()):
        prices = row.usd_per_hour if purchase == "on_demand" else row.spot_usd_per_hour
        if place in prices:
            return Offer(
                provider=provider, region=place, instance=name, purchase=purchase, usd_per_hour=prices[place],
                source=row.source, as_of=row.as_of, reckoned=place in row.reckoned,
            )  # fmt: skip
    return None


def service(provider: str, region: str, sku: str) -> ServiceOffer | None:
    """The newest list price of a unit of the service (`ebs_gp3`, `nat_gateway`, ...) in the region, else None."""
    place = region_name(provider, region)
    for row in _services().get((provider, sku), ()):
        if place in row.usd:
            return ServiceOffer(
                provider=provider, region=place, sku=sku, unit=row.unit, usd_per_unit=row.usd[place],
                source=row.source, as_of=row.as_of,
            )  # fmt: skip
    return None


def gpu_hour(provider: str, region: str, gpu: str, at_least: int = 1) -> GpuOffer | None:
    """The cheapest hour of one GPU of this kind among the region's instances that hold `at_least` of it, else None."""
    offers = []
    for found in with_gpu(provider, gpu):
        offer = price(provider, region, found.instance) if found.gpus >= at_least else None
        if offer:
            offers.append((offer.usd_per_hour / found.gpus, found.gpus, found.instance, offer))
    if not offers:
        return None
    rate, gpus, _, offer = min(offers, key=lambda o: o[:3])
    return GpuOffer(gpu=gpu, gpus=gpus, usd_per_gpu_hour=rate, offer=offer)


def gpu_regions(provider: str, gpu: str) -> tuple[str, ...]:
    """Regions of the provider where an instance with this GPU has a price, sorted."""
    return tuple(
        sorted({r for i in with_gpu(provider, gpu) for row in _instances().get((provider, i.instance), ()) for r in row.usd_per_hour})
    )  # fmt: skip


@cache
def regions(provider: str) -> tuple[str, ...]:
    """Regions that some list prices, sorted."""
    return tuple(sorted({r for (p, _), rows in _instances().items() if p == provider for row in rows for r in row.usd_per_hour}))  # fmt: skip


@lru_cache(maxsize=256)
def offers_in(provider: str, region: str) -> tuple[Offer, ...]:
    """Every instance's on-demand price in the region, by name."""
    place = region_name(provider, region)
    names = sorted(
        n
        for (p, n), rows in _instances().items()
        if p == provider and any(place in r.usd_per_hour for r in rows)
    )
    return tuple(o for n in names if (o := price(provider, place, n)))


def nearest(provider: str, region: str, instance: str, limit: int = 3) -> tuple[str, ...]:
    """Instances with a price in the region (in any, if it is no known one) whose names look most like `instance`."""
    place = region_name(provider, region)
    anywhere = place not in regions(provider)
    names = [
        n
        for (p, n), rows in _instances().items()
        if p == provider and (anywhere or any(place in r.usd_per_hour for r in rows))
    ]
    return tables.nearest(instance, names, limit)


def why_unpriced(provider: str, region: str, name: str, purchase: Purchase = "on_demand") -> str:
    """Why `price` gave None, in words that name what to change."""
    place = region_name(provider, region)
    if provider not in PROVIDERS:
        return f"no price list for provider {provider!r}; there are lists for {', '.join(PROVIDERS)}"
    if place not in regions(provider):
        near = tables.nearest(place, regions(provider))
        return f"no price list for region {region!r} of {provider}" + (
            f"; nearest: {', '.join(near)}" if near else ""
        )
    if purchase == "spot" and price(provider, region, name):
        return f"no dated spot price of {name} in {place}"
    rows = _instances().get((provider, canonical(provider, name)), ())
    if rows or instance(provider, name):
        where = sorted({r for row in rows for r in row.usd_per_hour})
        return f"no dated price of {name} in {place}" + (f"; priced in {', '.join(where)}" if where else "")
    near = nearest(provider, region, name)
    return f"unknown {provider} instance {name!r}" + (f"; nearest priced: {', '.join(near)}" if near else "")


@cache
def newest_as_of() -> str:
    """Date of the newest list of instances."""
    return max(row.as_of for rows in _instances().values() for row in rows)


def why_service_unpriced(provider: str, region: str, sku: str) -> str:
    """Why `service` gave None."""
    where = sorted({r for row in _services().get((provider, sku), ()) for r in row.usd})
    words = f"no dated price of {sku} in {region_name(provider, region)} of {provider}"
    return words + (f"; priced in {', '.join(where)}" if where else "")


def region_name(provider: str, region: str) -> str:
    """The region as the lists spell it: `West Europe` → `westeurope`, `EU-West-1` → `eu-west-1`."""
    bare = region.strip().lower()
    return bare.replace(" ", "").replace("-", "").replace("_", "") if provider == "azure" else bare


@cache
def _instances() -> Mapping[tuple[str, str], tuple[PriceRow, ...]]:
    found: dict[tuple[str, str], list[PriceRow]] = {}
    for name in LISTS:
        for key, row in tables.load(name, PriceRow, _instance_key).by_key.items():
            found.setdefault(key, []).append(row)
    return MappingProxyType({k: _newest_first(rows) for k, rows in found.items()})


@cache
def _services() -> Mapping[tuple[str, str], tuple[ServiceRow, ...]]:
    found: dict[tuple[str, str], list[ServiceRow]] = {}
    for row in tables.load("prices_services", ServiceRow, _service_key).rows:
        found.setdefault((row.provider, row.sku), []).append(row)
    return MappingProxyType({k: _newest_first(rows) for k, rows in found.items()})


def _newest_first(rows: list[R]) -> tuple[R, ...]:
    return tuple(sorted(rows, key=lambda row: row.as_of, reverse=True))


def _instance_key(row: PriceRow) -> tuple[str, str]:
    return row.provider, row.instance


def _service_key(row: ServiceRow) -> tuple[str, str, str, str]:
    return row.provider, row.sku, row.as_of, row.source
