"""Managed databases, caches and search nodes of AWS by region, from the data files of the ec2instances.info family and of Coroot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from infra_mind.knowledge.refresh.ec2 import REGIONS

# The engine as the list names it → the sku's. RDS without a licence of its own; a single zone.
RDS = {
    "MySQL": "rds_mysql", "PostgreSQL": "rds_postgres", "MariaDB": "rds_mariadb",
    "Aurora MySQL": "aurora_mysql", "Aurora PostgreSQL": "aurora_postgres",
}  # fmt: skip
CACHES = {"Redis": "elasticache", "Valkey": "elasticache_valkey", "Memcached": "elasticache_memcached"}
MANAGED = {"mysql": "rds_mysql", "postgres": "rds_postgres"}
AURORA = {"aurora-mysql": "aurora_mysql", "aurora-postgresql": "aurora_postgres"}
IO_OPTIMISED = 1.3  # an instance of Aurora I/O-Optimized costs that much of one of Aurora Standard
SLIP = 3.0
SIZES = {"micro": 0.125, "small": 0.25, "medium": 0.5, "large": 1.0, "xlarge": 2.0}
Found = dict[tuple[str, str], dict[str, float]]  # (sku, unit) → region → USD


def rds(items: Iterable[Mapping[str, Any]]) -> Found:
    """Instances by the hour, engine by engine, without what the list gives to the wrong engine (MariaDB in Osaka)."""
    found: Found = {}
    for item in items:
        for region, engines in item["pricing"].items():
            for engine, sku in RDS.items():
                _add(
                    found,
                    f"{sku}_{item['instance_type']}",
                    region,
                    engines.get(engine, {}).get("ondemand"),
                )
    return without_slips(found)


def without_slips(found: Found) -> Found:
    """Without points that cost, by size, `SLIP` times what the others of their family do in the region: sizes of a family cost by their size."""
    families: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (sku, _), by_region in found.items():
        if size := _size(sku):
            for region, usd in by_region.items():
                families[sku.rpartition(".")[0], region].append(usd / size)
    usual = {key: median(by_size) for key, by_size in families.items()}
    return {
        (sku, unit): {
            region: usd
            for region, usd in by_region.items()
            if not (size := _size(sku)) or usd / size <= SLIP * usual[sku.rpartition(".")[0], region]
        }
        for (sku, unit), by_region in found.items()
    }


def managed(engines_by_region: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Found:
    """RDS and Aurora from Coroot's list: region → engine → class → single zone, on demand.

    For a class of Aurora the list has the price of either storage mode, and does not say which. Where a family shows both in a region
    (one 1.3 times the other, per size), the lower is Aurora Standard's; other points are left out. Both engines cost the same."""
    found: Found = {}
    for region, engines in engines_by_region.items():
        for engine, sku in MANAGED.items():
            for name, price in engines.get(engine, {}).items():
                _add(found, f"{sku}_{name}", region, price["single_az"]["on_demand"])
        for name, usd in _aurora_standard(engines).items():
            for sku in AURORA.values():
                _add(found, f"{sku}_{name}", region, usd)
    return found


def _aurora_standard(engines: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    families: dict[str, list[tuple[float, str, float]]] = defaultdict(list)
    for engine in AURORA:
        for name, price in engines.get(engine, {}).items():
            usd, size = price["single_az"]["on_demand"], _size(name)
            if usd and size:
                families[name.split(".")[1]].append((usd / size, name, usd))
    found: dict[str, float] = {}
    for points in families.values():
        least = min(points)[0]
        if any(abs(per_size / least / IO_OPTIMISED - 1) < 0.02 for per_size, _, _ in points):
            found |= {name: usd for per_size, name, usd in points if per_size / least < 1.02}
    return found


def _size(name: str) -> float | None:
    """How many `large` a class is worth; None for what has no size."""
    size = name.rpartition(".")[2]
    number = size.removesuffix("xlarge")
    return 2.0 * float(number) if number.isdigit() else SIZES.get(size)


def caches(items: Iterable[Mapping[str, Any]]) -> Found:
    """Cache nodes by the hour, engine by engine."""
    found: Found = {}
    for item in items:
        for region, engines in item["pricing"].items():
            for engine, sku in CACHES.items():
                _add(
                    found,
                    f"{sku}_{item['instance_type']}",
                    region,
                    engines.get(engine, {}).get("ondemand"),
                )
    return found


def search(items: Iterable[Mapping[str, Any]]) -> Found:
    """OpenSearch instances by the hour."""
    found: Found = {}
    for item in items:
        for region, terms in item["pricing"].items():
            _add(found, f"opensearch_{item['instance_type']}", region, terms.get("ondemand"))
    return found


def _add(found: Found, sku: str, region: str, usd: Any) -> None:
    if region in REGIONS and isinstance(usd, int | float) and usd > 0:
        found.setdefault((sku, "hour"), {})[region] = float(usd)
