"""What real folders order most often has a price in many regions of each cloud."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

import pytest

from infra_mind.knowledge import prices, tables

# Service → skus of which each has a price in so many regions.
BREADTH = {
    ("aws", 18): ("s3_standard", "fargate_vcpu", "fargate_memory", "nat_gateway", "load_balancer", "ebs_gp3", "efs_standard"),
    ("aws", 22): ("lambda_requests", "lambda_duration", "sqs_standard", "http_api_requests", "egress_internet"),
    ("aws", 24): ("rds_postgres_db.t4g.medium", "rds_mysql_db.m6g.large", "elasticache_cache.t3.micro", "opensearch_m5.large.search"),
    ("aws", 8): ("aurora_postgres_db.r6g.large", "aurora_mysql_db.r5.large"),
    ("aws", 14): ("ebs_io1_iops",),
    ("azure", 24): (
        "postgresql_B_Standard_B1ms", "postgresql_GP_Standard_D2ds_v4", "postgresql_storage", "mysql_GP_Standard_D2ds_v4", "mysql_storage",
        "redis_Basic_C0", "redis_Standard_C1", "service_bus_standard", "functions_executions", "blob_hot_lrs", "blob_hot_writes",
    ),
    ("azure", 35): ("windows_Standard_D2s_v5", "nat_gateway", "load_balancer"),
    ("gcp", 36): (
        "cloud_sql_vcpu", "cloud_sql_memory", "cloud_sql_storage_ssd", "cloud_sql_storage_hdd", "cloud_sql_db-f1-micro",
        "cloud_sql_plus_vcpu", "cloud_sql_plus_memory", "gcs_standard", "pd_balanced",
    ),
    ("gcp", 20): ("gpu_nvidia-tesla-t4", "nat_gateway"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "regions", "sku"), [(p, n, sku) for (p, n), skus in BREADTH.items() for sku in skus]
)
def test_what_real_folders_order_has_a_price_in_many_regions(provider: str, regions: int, sku: str) -> None:
    priced = [r for r in prices.regions(provider) if prices.service(provider, r, sku)]
    assert len(priced) >= regions


def test_a_price_that_no_list_has_is_marked() -> None:
    reckoned = prices.service("gcp", "us-west2", "cloud_sql_vcpu")
    own = prices.service("gcp", "us-west2", "cloud_sql_memory")
    assert reckoned
    assert own
    assert (reckoned.reckoned, own.reckoned) == (True, False)


@pytest.mark.parametrize(
    ("provider", "region", "sku", "usd"),
    [  # AWS price list of September 2026 (RDS), July 2026 (Fargate), 2024 (S3); Google's catalogue of 2026 (Cloud SQL, whose vCPU is reckoned here)
        ("aws", "ap-southeast-2", "rds_postgres_db.r6g.large", 0.27),
        ("aws", "ap-southeast-2", "rds_mysql_db.r6g.large", 0.255),
        ("aws", "ap-southeast-1", "rds_postgres_db.t4g.medium", 0.102),
        ("aws", "ca-central-1", "rds_mysql_db.t4g.micro", 0.018),
        ("aws", "eu-central-1", "rds_postgres_db.t4g.medium", 0.074),
        ("aws", "af-south-1", "rds_mysql_db.r6g.large", 0.281),
        ("aws", "us-east-1", "aurora_mysql_db.r6g.large", 0.26),
        ("aws", "eu-central-1", "fargate_vcpu", 0.04656),
        ("aws", "eu-central-1", "fargate_memory", 0.00511),
        ("aws", "ap-northeast-1", "fargate_vcpu", 0.05056),
        ("aws", "eu-west-2", "s3_standard", 0.024),
        ("gcp", "northamerica-northeast1", "cloud_sql_vcpu", 0.0454),
        ("gcp", "northamerica-northeast1", "cloud_sql_memory", 0.0077 * 730),
        ("gcp", "northamerica-northeast1", "cloud_sql_storage_ssd", 0.187),
        ("azure", "westeurope", "windows_Standard_D4s_v5", 0.184),
    ],
)
def test_other_public_lists_than_those_of_the_tables_say_the_same(
    provider: str, region: str, sku: str, usd: float
) -> None:
    offer = prices.service(provider, region, sku)
    assert offer is not None
    assert offer.usd_per_unit == pytest.approx(usd, rel=1e-3)


# Unit → least and most that anything which is sold by it may cost; a price for another unit is off by a thousand or a million.
RANGES = {
    "GB-month": (0.001, 60.0), "IOPS-month": (0.004, 0.3), "MBps-month": (0.03, 8.0), "disk-month": (0.2, 8_000.0), "month": (0.04, 1_000.0),
    "hour": (0.0005, 150.0), "GB": (0.005, 5.0), "TB": (4.0, 10.0), "TiB": (20.0, 60.0), "million requests": (0.1, 10.0),
    "million operations": (0.02, 15.0), "million transitions": (20.0, 40.0), "million GB-seconds": (1.5, 30.0),
    "million vCPU-seconds": (15.0, 60.0),
}  # fmt: skip
SERVICES = ("prices_services", "prices_databases", "prices_windows")


def rows(table: str) -> Iterator[prices.ServiceRow]:
    yield from tables.load(table, prices.ServiceRow, lambda r: (r.provider, r.sku, r.as_of, r.source)).rows


@pytest.mark.parametrize("table", SERVICES)
def test_every_price_is_of_the_size_of_its_unit(table: str) -> None:
    odd = [
        (row.sku, region, usd, row.unit)
        for row in rows(table)
        for region, usd in row.usd.items()
        if not RANGES[row.unit][0] <= usd <= RANGES[row.unit][1]
    ]
    assert not odd


@pytest.mark.parametrize(
    ("table", "most"), [("prices_services", 2.5), ("prices_databases", 2.5), ("prices_windows", 4.0)]
)
def test_every_price_is_of_the_size_of_those_in_other_regions(table: str, most: float) -> None:
    """The dearest are HDDs of Azure in Brazil; Windows on machines of Azure's second generation has a price of its own in each region."""
    by_sku: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows(table):
        by_sku[row.provider, row.sku] |= row.usd
    odd = [
        (key, region, usd)
        for key, found in by_sku.items()
        for region, usd in found.items()
        if not 1 / most <= usd / median(found.values()) <= most
    ]
    assert not odd


def test_every_region_of_a_service_is_one_of_its_provider() -> None:
    known = {p: {*prices.regions(p), prices.EVERYWHERE} for p in ("aws", "azure", "gcp")}
    assert not {
        (row.provider, region)
        for table in SERVICES
        for row in rows(table)
        for region in row.usd
        if region not in known[row.provider]
    }
