"""Dated list prices: Linux instances per hour, and storage and services per unit, by provider and region.

Several lists are read side by side; for each (provider, instance, region) the newest that has a price counts. There is no
price but from a list: what none of them has is None, and the caller says `unpriced`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from infra_mind.knowledge import tables
from infra_mind.knowledge.instances import PROVIDERS, Provider, canonical, instance, with_gpu
from infra_mind.model.base import Value

Purchase = Literal["on_demand", "spot", "committed_1y", "committed_3y"]
# From a twentieth of a cent for the smallest shared core at spot to a rack of GPUs; a price outside is an error of the list.
UsdPerHour = Annotated[float, Field(ge=0.0005, le=1000)]
Unit = Literal[
    "GB-month", "IOPS-month", "MBps-month", "disk-month", "month", "hour", "GB", "TB", "TiB", "million requests", "million operations",
    "million transitions", "million GB-seconds", "million vCPU-seconds",
]  # fmt: skip
R = TypeVar("R", bound=tables.Row)
# The lists of each way to buy, by provider: what is looked up is read, and nothing else.
LISTS: Mapping[tuple[str, Purchase], tuple[str, ...]] = MappingProxyType(
    {
        ("aws", "on_demand"): (
            "prices_aws",
            "prices_aws_us_east_1",
            "prices_aws_gpu",
            "prices_aws_accelerated",
            "prices_curated",
        ),
        ("aws", "committed_1y"): ("prices_aws_committed_1y",),
        ("aws", "spot"): ("prices_aws_gpu_spot", "prices_curated_spot"),
        ("azure", "on_demand"): ("prices_azure", "prices_azure_world", "prices_curated"),
        ("azure", "committed_1y"): ("prices_azure_committed_1y",),
        ("azure", "spot"): ("prices_azure_spot", "prices_curated_spot"),
        ("gcp", "on_demand"): ("prices_gcp", "prices_curated"),
        ("gcp", "spot"): ("prices_gcp_spot", "prices_curated_spot"),
        ("gcp", "committed_1y"): ("prices_gcp_committed_1y",),
        ("gcp", "committed_3y"): ("prices_gcp_committed_3y",),
    }
)
OLD_AFTER_DAYS = 365  # a line with such a price is marked
MAX_AGE_DAYS = 730  # past two years a price is an assumption, and what rests on it has low confidence
EVERYWHERE = "global"  # the region of a price that is the same in all of them
FIRST_REGION: Mapping[str, str] = MappingProxyType(
    {"aws": "us-east-1", "azure": "eastus", "gcp": "us-central1"}
)
# Tables of services by how their skus begin; what is not here stands in the first alone.
SERVICES = ("prices_services",)
TABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("rds_", "aurora_", "elasticache_", "opensearch_"), ("prices_services", "prices_databases")
        ),
        "windows_": ("prices_windows",),
    }
)
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
    reckoned: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _reckoned_is_priced(self) -> PriceRow:
        if not set(self.reckoned) <= set(self.usd_per_hour):
            raise ValueError("reckoned names a region without a price")
        return self


class ServiceRow(tables.Row):
    """What a unit of a service costs by region; the region `global` stands for all of the provider's.

    `reckoned`: no list has the points; they follow from other prices of the same service and region."""

    provider: Provider
    sku: Annotated[str, Field(min_length=3, max_length=80)]
    unit: Unit
    usd: Annotated[dict[str, Annotated[float, Field(gt=0.0005, le=10_000)]], Field(min_length=1)]
    reckoned: bool = False


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
    reckoned: bool = False


class GpuOffer(Value):
    """A GPU's hour: the price of `offer.instance` divided by the `gpus` it holds."""

    gpu: str
    gpus: int
    usd_per_gpu_hour: float
    offer: Offer


def price(provider: str, region: str, instance: str, purchase: Purchase = "on_demand") -> Offer | None:
    """The newest list price of the instance in the region; None when no list has it.

    A spot or committed price that is not below the on-demand price is an error of the list and not given."""
    name, place = canonical(provider, instance), region_name(provider, region)
    for row in _rows(provider, purchase, name):
        if place in row.usd_per_hour:
            offer = Offer(
                provider=provider, region=place, instance=name, purchase=purchase, usd_per_hour=row.usd_per_hour[place],
                source=row.source, as_of=row.as_of, reckoned=place in row.reckoned,
            )  # fmt: skip
            return offer if purchase == "on_demand" or _is_discount(offer) else None
    return None


def _is_discount(offer: Offer) -> bool:
    full = price(offer.provider, offer.region, offer.instance)
    return full is not None and offer.usd_per_hour < full.usd_per_hour


def service(provider: str, region: str, sku: str) -> ServiceOffer | None:
    """The newest list price of a unit of the service (`ebs_gp3`, `nat_gateway`, ...) in the region, else None."""
    place = region_name(provider, region)
    rows = _rows_of(provider, sku)
    for row in rows:
        key = place if place in row.usd else EVERYWHERE
        if key in row.usd and (key == place or place in regions(provider)):
            return ServiceOffer(
                provider=provider, region=place, sku=sku, unit=row.unit, usd_per_unit=row.usd[key],
                source=row.source, as_of=row.as_of, reckoned=row.reckoned,
            )  # fmt: skip
    return None


@lru_cache(maxsize=4_096)
def service_elsewhere(provider: str, region: str, sku: str) -> tuple[ServiceOffer, str] | None:
    """The service's price in another region, and which: for a fee that the provider states without a region, and to show what a unit costs.

    Of the same part of the world if there is one, else of the provider's first region, else the newest."""
    place = region_name(provider, region)
    if place not in regions(provider):
        return None
    part = place.partition("-")[0]
    offers = [
        offer
        for r in sorted({r for row in _rows_of(provider, sku) for r in row.usd})
        if (offer := service(provider, r, sku))
    ]
    found = max(
        offers,
        key=lambda o: (o.region.partition("-")[0] == part, o.region == FIRST_REGION[provider], o.as_of),
        default=None,
    )
    return (found.model_copy(update={"region": place}), found.region) if found else None


def gpu_hour(
    provider: str, region: str, gpu: str, at_least: int = 1, purchase: Purchase = "on_demand"
) -> GpuOffer | None:
    """The cheapest hour of one GPU of this kind among the region's instances that hold `at_least` of it, else None."""
    offers = []
    for found in with_gpu(provider, gpu):
        offer = price(provider, region, found.instance, purchase) if found.gpus >= at_least else None
        if offer:
            offers.append((offer.usd_per_hour / found.gpus, found.gpus, found.instance, offer))
    if not offers:
        return None
    rate, gpus, _, offer = min(offers, key=lambda o: o[:3])
    return GpuOffer(gpu=gpu, gpus=gpus, usd_per_gpu_hour=rate, offer=offer)


def gpu_regions(provider: str, gpu: str) -> tuple[str, ...]:
    """Regions of the provider where an instance with this GPU has a price, sorted."""
    names = [i.instance for i in with_gpu(provider, gpu)]
    return tuple(
        sorted({r for n in names for row in _rows(provider, "on_demand", n) for r in row.usd_per_hour})
    )


@cache
def regions(provider: str) -> tuple[str, ...]:
    """Regions that some list prices, sorted."""
    return tuple(sorted({r for names in _places(provider).values() for r in names}))


@lru_cache(maxsize=256)
def names_in(provider: str, region: str) -> tuple[str, ...]:
    """Every instance with an on-demand price in the region, by name."""
    place = region_name(provider, region)
    return tuple(sorted(n for n, places in _places(provider).items() if place in places))


def nearest(provider: str, region: str, instance: str, limit: int = 3) -> tuple[str, ...]:
    """Instances with a price in the region (in any, if it is no known one) whose names look most like `instance`."""
    place = region_name(provider, region)
    known = place in regions(provider)
    return tables.nearest(instance, names_in(provider, place) if known else _places(provider), limit)


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
    if purchase != "on_demand" and price(provider, region, name):
        return f"no dated {purchase} price of {name} in {place}"
    rows = _rows(provider, "on_demand", canonical(provider, name))
    if rows or instance(provider, name):
        where = sorted({r for row in rows for r in row.usd_per_hour})
        return f"no dated price of {name} in {place}" + (f"; priced in {', '.join(where)}" if where else "")
    near = nearest(provider, region, name)
    return f"unknown {provider} instance {name!r}" + (f"; nearest priced: {', '.join(near)}" if near else "")


@cache
def newest_as_of() -> str:
    """Date of the newest list of instances. Reads no rows."""
    named = {name for names in LISTS.values() for name in names}
    return max(head["as_of"] for name, head in tables.versions().items() if name in named)


def is_old(as_of: str) -> bool:
    """True of a price that is more than `OLD_AFTER_DAYS` older than the newest list. There is no clock here: lists age by each other."""
    return _age_days(as_of) > OLD_AFTER_DAYS


def is_stale(as_of: str) -> bool:
    """True of a price that is more than `MAX_AGE_DAYS` older than the newest list."""
    return _age_days(as_of) > MAX_AGE_DAYS


def _age_days(as_of: str) -> int:
    return (_day(newest_as_of()) - _day(as_of)).days


def _day(as_of: str) -> date:
    return date.fromisoformat((as_of + "-01-01")[:10] if len(as_of) == 4 else (as_of + "-01")[:10])


def why_service_unpriced(provider: str, region: str, sku: str) -> str:
    """Why `service` gave None."""
    where = sorted({r for row in _rows_of(provider, sku) for r in row.usd})
    words = f"no dated price of {sku} in {region_name(provider, region)} of {provider}"
    return words + (f"; priced in {', '.join(where)}" if where else "")


def region_name(provider: str, region: str) -> str:
    """The region as the lists spell it: `West Europe` → `westeurope`, `EU-West-1` → `eu-west-1`."""
    bare = region.strip().lower()
    return bare.replace(" ", "").replace("-", "").replace("_", "") if provider == "azure" else bare


Found = tuple[tables.Index[PriceRow], int]  # a table and the number of a row in it


@cache
def _index(provider: str, purchase: Purchase) -> Mapping[str, tuple[Found, ...]]:
    found: dict[str, list[Found]] = {}
    for name in LISTS.get((provider, purchase), ()):
        table = tables.index(name, PriceRow)
        providers, names = table.values("provider"), table.values("instance")
        for number in range(len(table)):
            if providers[number] == provider:
                found.setdefault(names[number], []).append((table, number))
    return MappingProxyType({name: tuple(rows) for name, rows in found.items()})


@lru_cache(maxsize=4096)
def _rows(provider: str, purchase: Purchase, instance: str) -> tuple[PriceRow, ...]:
    """The instance's rows in all lists of the purchase, newest first."""
    return _newest_first([table.row(n) for table, n in _index(provider, purchase).get(instance, ())])


@cache
def _places(provider: str) -> Mapping[str, frozenset[str]]:
    """instance → regions with an on-demand price."""
    index = _index(provider, "on_demand")
    return MappingProxyType(
        {
            name: frozenset(r for table, n in rows for r in table.raw(n)["usd_per_hour"])
            for name, rows in index.items()
        }
    )


def _rows_of(provider: str, sku: str) -> tuple[ServiceRow, ...]:
    """The service's rows in all tables, newest first."""
    names = next((names for start, names in TABLES.items() if sku.startswith(start)), SERVICES)
    return _services(names).get((provider, sku), ())


@cache
def _services(names: tuple[str, ...]) -> Mapping[tuple[str, str], tuple[ServiceRow, ...]]:
    found: dict[tuple[str, str], list[ServiceRow]] = {}
    for name in names:
        for row in tables.load(name, ServiceRow, _service_key).rows:
            found.setdefault((row.provider, row.sku), []).append(row)
    return MappingProxyType({k: _newest_first(rows) for k, rows in found.items()})


def _newest_first(rows: list[R]) -> tuple[R, ...]:
    return tuple(sorted(rows, key=lambda row: row.as_of, reverse=True))


def _instance_key(row: PriceRow) -> tuple[str, str]:
    return row.provider, row.instance


def _service_key(row: ServiceRow) -> tuple[str, str, str, str]:
    return row.provider, row.sku, row.as_of, row.source
