"""Azure prices: the retail price list as a public mirror keeps it (five European regions).

The list mixes Linux with Windows, pay-as-you-go with spot and low priority, machines with dedicated hosts, and old cloud services
with virtual machines. Only pay-as-you-go Linux virtual machines are taken, and what they cost with a savings plan for compute of one
year: the mirror keeps that term alone, as `savingsPlanPrice`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra_mind.knowledge.instances import azure_size


def machines(meters: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """instance → region → USD per hour. Where two meters claim one size, the lower counts; zero and blank are refused."""
    return _lowest((name, region, price) for name, region, price, _ in _linux(meters))


def savings_plans(meters: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """instance → region → USD per hour with a savings plan of one year; one that is not below pay as you go is none."""
    return _lowest((name, region, plan) for name, region, price, plan in _linux(meters) if 0 < plan < price)


def _lowest(points: Iterable[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, region, price in points:
        here = found.setdefault(name, {})
        here[region] = min(price, here.get(region, price))
    return found


def _linux(meters: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, float, float]]:
    """(size, region, pay as you go, savings plan of one year or 0) of each meter of a Linux machine."""
    for meter in meters:
        product, label = str(meter["productName"]), f"{meter['skuName']} {meter['meterName']}"
        if meter["unitOfMeasure"] != "1 Hour" or re.search(
            r"Windows|Dedicated|Basic|Cloud ?Services", product
        ):
            continue
        name = azure_size(str(meter["skuName"]))
        price, region = float(meter["retailPrice"] or 0), str(meter["armRegionName"])
        if name and price > 0 and not re.search(r"Spot|Low Priority|Expired", label):
            yield name, region, price, float(meter.get("savingsPlanPrice") or 0)


# Managed disks by tier: GiB of each (Azure documentation, "Managed disk types").
TIER_GIB = {
    "P": {1: 4, 2: 8, 3: 16, 4: 32, 6: 64, 10: 128, 15: 256, 20: 512, 30: 1024, 40: 2048, 50: 4096, 60: 8192, 70: 16384, 80: 32767},
    "E": {1: 4, 2: 8, 3: 16, 4: 32, 6: 64, 10: 128, 15: 256, 20: 512, 30: 1024, 40: 2048, 50: 4096, 60: 8192, 70: 16384, 80: 32767},
    "S": {4: 32, 6: 64, 10: 128, 15: 256, 20: 512, 30: 1024, 40: 2048, 50: 4096, 60: 8192, 70: 16384, 80: 32767},
}  # fmt: skip
DISKS = {
    "Premium SSD Managed Disks": "P",
    "Standard SSD Managed Disks": "E",
    "Standard HDD Managed Disks": "S",
}


def storage(meters: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, float]]:
    """(sku, unit) → region → USD: disk tiers a month, Premium SSD v2 and hot blobs (LRS, first tier) a GB-month."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for meter in meters:
        product, sku, name = meter["productName"], meter["skuName"], meter["meterName"]
        price, unit, region = (
            float(meter["retailPrice"] or 0),
            meter["unitOfMeasure"],
            meter["armRegionName"],
        )
        key: tuple[str, str] | None = None
        tier = re.fullmatch(r"([PES])(\d+) LRS", sku)
        if tier and DISKS.get(product) == tier[1] and name == f"{sku} Disk" and unit == "1/Month":
            if int(tier[2]) in TIER_GIB[tier[1]]:
                key = (f"disk_{tier[1]}{tier[2]}_lrs", "disk-month")
        elif (
            product == "Azure Premium SSD v2"
            and name == "Premium LRS Provisioned Capacity"
            and unit == "1 GiB/Hour"
        ):
            key, price = ("disk_premium_ssd_v2", "GB-month"), round(price * 730, 6)
        elif (
            product == "General Block Blob v2"
            and name == "Hot LRS Data Stored"
            and unit in {"1 GB/Month", "1 GB"}
        ):
            key = ("blob_hot_lrs", "GB-month")
        if key and price > 0:
            here = found.setdefault(key, {})
            here[region] = max(
                price, here.get(region, price)
            )  # volume discounts are listed under the same meter
    return found
