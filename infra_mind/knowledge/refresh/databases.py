"""Managed databases, caches and search nodes of AWS by region, from the data files of the ec2instances.info family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra_mind.knowledge.refresh.ec2 import REGIONS

# The engine as the list names it → the sku's. RDS without a licence of its own; a single zone.
RDS = {
    "MySQL": "rds_mysql", "PostgreSQL": "rds_postgres", "MariaDB": "rds_mariadb",
    "Aurora MySQL": "aurora_mysql", "Aurora PostgreSQL": "aurora_postgres",
}  # fmt: skip
CACHES = {"Redis": "elasticache", "Valkey": "elasticache_valkey", "Memcached": "elasticache_memcached"}
Found = dict[tuple[str, str], dict[str, float]]  # (sku, unit) → region → USD


def rds(items: Iterable[Mapping[str, Any]]) -> Found:
    """Instances by the hour, engine by engine."""
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
    return found


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
