"""Google Cloud prices from a public calculator's price file (`pricing.yml`), and machine types from its list of machine types.

An accelerator-optimised type's price holds its GPUs; so does the list's. A bare N1 has none: GPUs attached to it are not priced."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from typing import Any

REGIONS = (
    "us-central1", "us-east1", "us-east4", "us-west1", "us-west2", "us-west4", "northamerica-northeast1", "southamerica-east1",
    "europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west9", "europe-north1", "asia-east1",
    "asia-northeast1", "asia-northeast3", "asia-south1", "asia-southeast1", "australia-southeast1",
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


def machines(pricing: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """instance → region → USD per hour on demand, without sustained-use discount."""
    found: dict[str, dict[str, float]] = {}
    for name, entry in pricing["compute"]["instance"].items():
        if "metal" in name or name.endswith("-lssd") or "highlssd" in name or "standardlssd" in name:
            continue
        prices = {
            r: round(float(p["hour"]), 6)
            for r, p in (entry.get("cost") or {}).items()
            if r in REGIONS and p.get("hour")
        }
        if prices:
            found[name] = prices
    return found


def services(pricing: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, float]]:
    """(sku, unit) → region → USD: persistent disks and standard buckets a GB-month, the NAT gateway an hour at its cap."""
    found: dict[tuple[str, str], dict[str, float]] = {}
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


def _monthly(entry: Mapping[str, Any]) -> dict[str, float]:
    return {
        r: round(float(p["month"]), 6)
        for r, p in (entry.get("cost") or {}).items()
        if r in REGIONS and p.get("month")
    }
