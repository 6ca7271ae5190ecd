"""Google Cloud prices from a public calculator's price file (`pricing.yml`), and machine types from its list of machine types.

An accelerator-optimised type's price holds its GPUs; so does the list's. A bare N1 has none: GPUs attached to it are not priced."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from typing import Any

REGIONS = (
    "us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4",
    "northamerica-northeast1", "northamerica-northeast2", "northamerica-south1", "southamerica-east1", "southamerica-west1",
    "europe-central2", "europe-north1", "europe-southwest1", "europe-west1", "europe-west2", "europe-west3", "europe-west4",
    "europe-west6", "europe-west8", "europe-west9", "me-west1", "me-central1", "africa-south1", "asia-east1", "asia-east2",
    "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2",
    "australia-southeast1", "australia-southeast2",
)  # fmt: skip
DISKS = {"balanced": "pd_balanced", "ssd": "pd_ssd", "hdd": "pd_standard", "extreme": "pd_extreme"}
GPU = (
    (re.compile(r"a2-highgpu-(\d+)g"), "A100", 40.0, "a100_sxm_40gb"),
    (re.compile(r"a2-megagpu-(\d+)g"), "A100", 40.0, "a100_sxm_40gb"),
    (re.compile(r"a2-ultragpu-(\d+)g"), "A100", 80.0, "a100_sxm"),
    (re.compile(r"a3-(?:high|mega|edge)gpu-(\d+)g(?:-nolssd)?"), "H100", 80.0, "h100_sxm"),
    (re.compile(r"a3-ultragpu-(\d+)g(?:-nolssd)?"), "H200", 141.0, "h200_sxm"),
    (re.compile(r"a4-highgpu-(\d+)g(?:-nolssd)?"), "B200", 180.0, "b200_sxm"),
)
# g2-standard-N: GPUs do not stand in the name (Compute Engine documentation, "G2 machine types").
L4 = {4: 1, 8: 1, 12: 1, 16: 1, 24: 2, 32: 1, 48: 4, 96: 8}


# What the list calls the price of each way to buy, and by how much it is divided to make an hour of it.
PURCHASES = {
    "on_demand": ("hour", 1.0),
    "spot": ("hour_spot", 1.0),
    "committed_1y": ("month_1y", 730.0),
    "committed_3y": ("month_3y", 730.0),
}


def offered(machinetypes_by_region: str) -> frozenset[tuple[str, str]]:
    """(instance, region) of what Compute Engine offers: its price list has prices in regions that lack the machine."""
    lines = csv.DictReader(machinetypes_by_region.splitlines(), delimiter=";")
    return frozenset((line["NAME"], line["ZONE"]) for line in lines)


def machines(
    pricing: Mapping[str, Any], where: frozenset[tuple[str, str]], purchase: str = "on_demand"
) -> dict[str, dict[str, float]]:
    """instance → region → USD per hour, without sustained-use discount; what is not below on demand is no discount and left out."""
    field, hours = PURCHASES[purchase]
    found: dict[str, dict[str, float]] = {}
    for name, entry in pricing["compute"]["instance"].items():
        if "metal" in name or name.endswith("-lssd") or "highlssd" in name or "standardlssd" in name:
            continue
        prices = {
            r: round(float(p[field]) / hours, 6)
            for r, p in (entry.get("cost") or {}).items()
            if r in REGIONS
            and (name, r) in where
            and p.get(field)
            and (purchase == "on_demand" or float(p[field]) / hours < float(p.get("hour") or 0))
        }
        if prices:
            found[name] = prices
    return found


def services(pricing: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, float]]:
    """(sku, unit) → region → USD: disks and buckets a GB-month, NAT, addresses and VPN tunnels an hour, traffic to the internet a GB."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    network = pricing["compute"]["network"]
    found[("nat_gateway", "hour")] = _hourly(network["nat"]["gateway"])
    found[("nat_data", "GB")] = _monthly(network["nat"]["data"])
    found[("public_ipv4", "hour")] = _hourly(network["ip"]["vm"])
    found[("public_ipv4_unused", "hour")] = _hourly(network["ip"]["unused"])
    found[("vpn_tunnel", "hour")] = _hourly(network["vpn"]["tunnel"])
    found[("egress_internet", "GB")] = _monthly(
        {"cost": network["traffic"]["egress"]["internet"]["cost"]["0-1"]}
    )
    found[("snapshot", "GB-month")] = _monthly(pricing["compute"]["storage"]["snapshot"])
    for kind in ("nearline", "coldline"):
        found[(f"gcs_{kind}", "GB-month")] = _monthly(pricing["storage"]["bucket"][kind])
    for disk, sku in DISKS.items():
        found[(sku, "GB-month")] = _monthly(pricing["compute"]["storage"][disk])
    found[("gcs_standard", "GB-month")] = _monthly(pricing["storage"]["bucket"]["standard"])
    return {k: v for k, v in found.items() if v}


def specs(machinetypes: str) -> list[dict[str, Any]]:
    """Rows for the table of instances from the list of machine types (semicolons, one type a line)."""
    rows = []
    for line in csv.DictReader(machinetypes.splitlines(), delimiter=";"):
        name = line["NAME"]
        row: dict[str, Any] = {
            "provider": "gcp",
            "instance": name,
            "vcpu": float(line["CPUS"]),
            "memory_gib": float(line["MEMORY_GB"]),
        }
        rows.append({**row, **_gpus(name)})
    return rows


def _gpus(name: str) -> dict[str, Any]:
    for pattern, model, memory, gpu in GPU:
        if found := pattern.fullmatch(name):
            return {"gpus": int(found[1]), "gpu_model": model, "gpu_memory_gib": memory, "gpu": gpu}
    if (found := re.fullmatch(r"g2-standard-(\d+)", name)) and int(found[1]) in L4:
        return {"gpus": L4[int(found[1])], "gpu_model": "L4", "gpu_memory_gib": 24.0, "gpu": "l4"}
    return {}


def _hourly(entry: Mapping[str, Any]) -> dict[str, float]:
    return {
        r: round(float(p["hour"]), 6)
        for r, p in (entry.get("cost") or {}).items()
        if r in REGIONS and p.get("hour")
    }


def _monthly(entry: Mapping[str, Any]) -> dict[str, float]:
    return {
        r: round(float(p["month"]), 6)
        for r, p in (entry.get("cost") or {}).items()
        if r in REGIONS and p.get("month")
    }
