"""Cloud SQL by region, from an extract of a public pricing API: region → engine → what the provider's catalogue calls it → USD.

The extract lacks one thing here and another there. The engines share the prices of vCPUs, memory and storage, and a regional
instance costs what two zonal ones cost, so each tells of the others; a standard machine is its vCPUs and 3.75 GB each. All
prices of a region stand in one proportion to those of the cheapest regions: where two points or more of a region agree on it,
what the extract lacks follows from it, and is said to be reckoned."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from infra_mind.knowledge.refresh.gcp import REGIONS

Prices = dict[tuple[str, str], dict[str, float]]  # (sku, unit) → region → USD
LINE = re.compile(r"(Zonal|Regional) - (.*?) in ")
STANDARD = re.compile(r"(\d+) vCPU \+ ([\d.]+)GB RAM")
GB_PER_VCPU = 3.75
PLUS_STORAGE = (
    "Enterprise Plus Standard Storage"  # costs what the other edition's does, wherever the extract has both
)
HOURS = 730.0
AGREE = (
    0.01  # points of a region that differ by less in their proportion are of one proportion; they are rounded
)
SKUS = {
    "vCPU": ("cloud_sql_vcpu", "hour"),
    "RAM": ("cloud_sql_memory", "GB-month"),
    "Standard storage": ("cloud_sql_storage_ssd", "GB-month"),
    "Low cost storage": ("cloud_sql_storage_hdd", "GB-month"),
    "Micro instance": ("cloud_sql_db-f1-micro", "hour"),
    "Small instance": ("cloud_sql_db-g1-small", "hour"),
    "Enterprise Plus N vCPU": ("cloud_sql_plus_vcpu", "hour"),
    "Enterprise Plus N RAM": ("cloud_sql_plus_memory", "GB-month"),
}


def read(text: str) -> tuple[Prices, Prices]:
    """Own and reckoned prices from the source of the extract, one assignment of a literal."""
    extract = ast.literal_eval(text.partition("=")[2].strip())
    regions = {region: _region(engines) for region, engines in extract.items() if region in REGIONS}
    least = {name: min(p[name] for p, _ in regions.values() if name in p) for name in SKUS}
    own: Prices = defaultdict(dict)
    reckoned: Prices = defaultdict(dict)
    for region, (points, machines) in regions.items():
        _complete(points, machines)
        for name, usd in points.items():
            own[SKUS[name]][region] = _rounded(name, usd)
        if factor := _factor(points, machines, least):
            for name in least.keys() - points.keys():
                if region not in own[SKUS[name]]:
                    reckoned[SKUS[name]][region] = _rounded(name, factor * least[name])
    return dict(own), dict(reckoned)


Points = dict[str, float]  # a name of `SKUS` → USD by the hour, of storage by the month


def _region(engines: Mapping[str, Mapping[str, Any]]) -> tuple[Points, list[tuple[float, float]]]:
    """Zonal prices of one region, and vCPUs and price of its standard machines; a zonal point goes before half of a regional one, which is rounded."""
    points: Points = {}
    machines: list[tuple[float, float]] = []
    for line, price in sorted((k, v) for prices in engines.values() for k, v in prices.items()):
        named, usd = LINE.match(line), float(price)
        if not named or usd <= 0:
            continue
        zonal = usd if named[1] == "Zonal" else usd / 2
        if machine := STANDARD.fullmatch(named[2]):
            if float(machine[2]) == GB_PER_VCPU * float(machine[1]):
                machines.append((float(machine[1]), zonal))
        elif named[1] == "Zonal" or named[2] not in points:
            points[named[2]] = zonal
    if PLUS_STORAGE in points:
        points.setdefault("Standard storage", points[PLUS_STORAGE])
    return {name: usd for name, usd in points.items() if name in SKUS}, machines


def _complete(points: Points, machines: list[tuple[float, float]]) -> None:
    """What a vCPU costs follows from a standard machine and its memory, and the other way round; the largest machine is least rounded."""
    if not machines or ("vCPU" in points) == ("RAM" in points):
        return
    vcpus, usd = max(machines)
    if "RAM" in points:
        points["vCPU"] = round(usd / vcpus - GB_PER_VCPU * points["RAM"], 5)
    else:
        points["RAM"] = round((usd / vcpus - points["vCPU"]) / GB_PER_VCPU, 5)


def _factor(points: Points, machines: list[tuple[float, float]], least: Points) -> float | None:
    """How much dearer than the cheapest a region is; None where fewer than two points say so, or they do not agree."""
    factors = [usd / least[name] for name, usd in points.items()]
    factors += [usd / vcpus / (least["vCPU"] + GB_PER_VCPU * least["RAM"]) for vcpus, usd in machines]
    agree = len(factors) > 1 and max(factors) / min(factors) - 1 < AGREE
    return sum(factors) / len(factors) if agree else None


def _rounded(name: str, usd: float) -> float:
    return round(usd * HOURS, 4) if name.endswith("RAM") else round(usd, 5)
