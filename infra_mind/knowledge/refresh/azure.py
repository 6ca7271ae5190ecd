"""Azure prices: the retail price list as a public mirror keeps it (five European regions).

The list mixes Linux with Windows, pay-as-you-go with spot and low priority, machines with dedicated hosts, and old cloud services
with virtual machines. Only pay-as-you-go Linux virtual machines are taken, and what they cost with a savings plan for compute of one
year: the mirror keeps that term alone, as `savingsPlanPrice`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import median
from typing import Any

from infra_mind.knowledge.instances import azure_size
from infra_mind.knowledge.prices import EVERYWHERE

LEAST_LICENCE = 0.0005  # USD per hour; the list has sizes whose Windows costs as much as their Linux
AGREE = 1.02  # surcharges of two regions whose quotient is less are the same
ROUNDING = 0.0015  # USD per hour: prices are rounded to a tenth of a cent


def machines(meters: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """instance → region → USD per hour. Where two meters claim one size, the lower counts; zero and blank are refused."""
    return _lowest((name, region, price) for name, region, price, _ in _metered(meters))


def savings_plans(meters: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """instance → region → USD per hour with a savings plan of one year; one that is not below pay as you go is none."""
    return _lowest((name, region, plan) for name, region, price, plan in _metered(meters) if 0 < plan < price)


def windows(meters: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, float]]:
    """(sku, unit) → region → USD per hour that Windows costs on top of Linux; one price for all regions where those of the list agree.

    Of 1 282 sizes in several regions, 1 213 have one surcharge, most of them 0.046 USD a vCPU."""
    meters = list(meters)
    linux = _lowest((n, r, usd) for n, r, usd, _ in _metered(meters, size=_size_or_f))
    with_windows = _lowest((n, r, usd) for n, r, usd, _ in _metered(meters, windows=True, size=_size_or_f))
    found: dict[tuple[str, str], dict[str, float]] = {}
    for name, prices in with_windows.items():
        more = {r: round(usd - linux[name][r], 4) for r, usd in prices.items() if r in linux.get(name, {})}
        least, most = min(more.values(), default=0.0), max(more.values(), default=0.0)
        if least > LEAST_LICENCE:
            one = len(more) > 1 and (most - least < ROUNDING or most / least < AGREE)
            found[(f"windows_{name}", "hour")] = (
                {EVERYWHERE: round(median(more.values()), 4)} if one else more
            )
    return found


def _size_or_f(name: str) -> str | None:
    """A size, the first generation of F among them, whose names nothing else in the list has."""
    return f"Standard_{name}" if re.fullmatch(r"F\d+s?", name) else azure_size(name)


def _lowest(points: Iterable[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, region, price in points:
        here = found.setdefault(name, {})
        here[region] = min(price, here.get(region, price))
    return found


def _metered(
    meters: Iterable[Mapping[str, Any]], windows: bool = False, size: Callable[[str], str | None] = azure_size
) -> Iterator[tuple[str, str, float, float]]:
    """(size, region, pay as you go, savings plan of one year or 0) of each meter of a machine with Linux, or with Windows."""
    for meter in meters:
        product, label = str(meter["productName"]), f"{meter['skuName']} {meter['meterName']}"
        if meter["unitOfMeasure"] != "1 Hour" or re.search(r"Dedicated|Basic|Cloud ?Services", product):
            continue
        if ("Windows" in product) != windows:
            continue
        name = size(str(meter["skuName"]))
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
