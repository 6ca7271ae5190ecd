"""Catalogues of virtual machines: EC2's accelerated types and Azure as CSV (one line a type and zone, with on-demand and spot price), EC2's
accelerated types with reservations as a page's script."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from infra_mind.knowledge.instances import azure_size
from infra_mind.knowledge.refresh import ec2
from infra_mind.knowledge.refresh.ec2 import REGIONS as EC2_REGIONS
from infra_mind.knowledge.refresh.gcp import REGIONS as GOOGLE_REGIONS

Prices = dict[str, dict[str, float]]  # instance → region → USD per hour
# What both Azure lists have is taken here; regions of every continent, the sovereign ones left out.
AZURE_REGIONS = (
    "eastus", "eastus2", "centralus", "northcentralus", "southcentralus", "westcentralus", "westus", "westus2", "westus3",
    "canadacentral", "canadaeast", "brazilsouth", "mexicocentral", "northeurope", "westeurope", "uksouth", "ukwest", "francecentral",
    "germanywestcentral", "switzerlandnorth", "norwayeast", "swedencentral", "polandcentral", "italynorth", "spaincentral",
    "uaenorth", "qatarcentral", "israelcentral", "southafricanorth", "centralindia", "southindia", "southeastasia", "eastasia",
    "japaneast", "japanwest", "koreacentral", "australiaeast", "australiasoutheast", "newzealandnorth", "indonesiacentral",
)  # fmt: skip
FARGATE = re.compile(r'"region": "([\w-]+)".*?"FARGATE": \{\s*"cpu": ([\d.]+),\s*"ram": ([\d.]+)', re.DOTALL)
# GPUs that are added to a machine of any shape; the others come with a machine type, whose price holds them.
ATTACHED = ("nvidia-tesla-t4",)
SAME = 0.001  # two lists say the same when they differ by less


class Shape(NamedTuple):
    """vCPUs and GiB of a size, as the catalogue says."""

    vcpu: float
    memory_gib: float | None


def lines(text: str) -> Iterator[tuple[str, str, float, float]]:
    """(instance, region, on demand, lowest spot of this line); a price that is not given is 0."""
    for row in csv.DictReader(text.splitlines()):
        yield row["InstanceType"], row["Region"], float(row["Price"] or 0), float(row["SpotPrice"] or 0)


def on_demand_and_spot(text: str) -> tuple[Prices, Prices]:
    """The on-demand price and the lowest spot price of the region's zones; a spot price at or above on demand is none."""
    usd: Prices = {}
    spot: Prices = {}
    for name, region, price, cheap in lines(text):
        if price > 0:
            usd.setdefault(name, {})[region] = price
            if 0 < cheap < price:
                here = spot.setdefault(name, {})
                here[region] = min(cheap, here.get(region, cheap))
    return usd, spot


def azure_name(name: str) -> str | None:
    """The size in its canonical spelling; first-generation sizes keep theirs; None for promotions, dedicated hosts and others."""
    if not name.startswith("Standard_") or name.endswith("_Promo"):
        return None
    return azure_size(name) or name


def azure(karpenter: Mapping[str, Mapping[str, float]], catalogue: str) -> tuple[Prices, Prices]:
    """On-demand prices that both lists have, and the catalogue's spot prices below them.

    Where the two differ the lower counts: each now and then took the meter of a Windows machine, which is never below Linux."""
    usd, spot = on_demand_and_spot(catalogue)
    found: Prices = {}
    cheap: Prices = {}
    for raw, points in usd.items():
        name, other = azure_name(raw), karpenter.get(raw, {})
        if name is None:
            continue
        for region in AZURE_REGIONS:
            if region in points and region in other:
                price = min(points[region], other[region])
                found.setdefault(name, {})[region] = price
                if 0 < spot.get(raw, {}).get(region, 0) < price:
                    cheap.setdefault(name, {})[region] = spot[raw][region]
    return found, cheap


def azure_shapes(catalogue: str) -> dict[str, Shape]:
    """vCPUs and memory of each size."""
    found = {}
    for row in csv.DictReader(catalogue.splitlines()):
        name = azure_name(row["InstanceType"])
        if name and float(row["vCPUs"] or 0) > 0:
            found[name] = Shape(
                float(row["vCPUs"]), float(row["MemoryGiB"]) if float(row["MemoryGiB"] or 0) > 0 else None
            )
    return found


def ec2_accelerators(text: str) -> tuple[str, Prices, Prices]:
    """Day, on-demand price and the hourly rate of a standard reservation (one year, nothing upfront), from a page's script: a list of
    types with prices by region. A rate that is not below on demand is none. Raises ValueError without a day."""
    day = re.search(r"^// Last updated: (\d{4}-\d{2}-\d{2})$", text, re.MULTILINE)
    if day is None:
        raise ValueError("the list bears no date")
    usd: Prices = {}
    reserved: Prices = {}
    for row in json.loads(text[text.index("[") : text.rindex("]") + 1]):
        for region, points in row["pricing"].items():
            price, rate = float(points.get("onDemand") or 0), float(points.get("reserved") or 0)
            if region in ec2.REGIONS and price > 0:
                usd.setdefault(row["name"], {})[region] = price
                if 0 < rate < price:
                    reserved.setdefault(row["name"], {})[region] = rate
    return day[1], usd, reserved


def accelerated(text: str) -> tuple[Prices, Prices]:
    """The p and trn families of EC2: those whose price was cut after the general list here was made."""
    usd, spot = on_demand_and_spot(text)
    return (
        {n: p for n, p in sorted(usd.items()) if n.startswith(("p", "trn"))},
        {n: p for n, p in sorted(spot.items()) if n.startswith(("p", "trn"))},
    )


def fargate(text: str) -> dict[tuple[str, str], dict[str, float]]:
    """vCPU and GiB of memory of Fargate by the hour and region, from the data of a calculator; GovCloud is left out."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for region, cpu, memory in FARGATE.findall(text):
        if region in EC2_REGIONS:
            found.setdefault(("fargate_vcpu", "hour"), {})[region] = float(cpu)
            found.setdefault(("fargate_memory", "hour"), {})[region] = float(memory)
    return found


def google_gpus(text: str) -> dict[tuple[str, str], dict[str, float]]:
    """GPUs that are attached to a machine of Google Cloud, by the hour and region; zones of a region have one price."""
    data = json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
    found: dict[tuple[str, str], dict[str, float]] = {}
    for name in ATTACHED:
        for zone, usd in data["accelerators"][name]["prices"].items():
            region = zone.rpartition("-")[0]
            if region in GOOGLE_REGIONS and usd > 0:
                found.setdefault((f"gpu_{name}", "hour"), {})[region] = float(usd)
    return found


def egress(by_region: Mapping[str, Mapping[str, float]]) -> dict[tuple[str, str], dict[str, float]]:
    """Traffic from EC2 to the internet, first tier, from Coroot's list: region → GB from which a tier counts → USD per GB."""
    prices = {
        r: round(tiers["0"], 4) for r, tiers in by_region.items() if r in EC2_REGIONS and tiers.get("0")
    }
    return {("egress_internet", "GB"): prices}
