"""Makes the carbon tables anew from what was downloaded: `python -m infra_mind.knowledge.refresh.carbon FOLDER`.

FOLDER holds the unpacked repositories `cloud-carbon-footprint` and `ccf-coefficients` of github.com/cloud-carbon-footprint and the
unpacked wheels `greenpick` and `ecologits`. Numbers are carried over, no sentence and no code. The dates are those of the commits and
releases that were read; raise them here when newer ones are taken. `carbon_providers.json` has four rows and is written by hand."""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Iterable, Iterator
from math import fsum
from pathlib import Path
from statistics import fmean
from typing import Any

from infra_mind.knowledge.instances import azure_size

Row = dict[str, Any]
COEFFICIENTS = "cloud-carbon-footprint/ccf-coefficients, output and data folders, commit b0032d9 of 2026-04-24 (Apache-2.0)"
FOOTPRINT = "cloud-carbon-footprint/cloud-carbon-footprint, packages/*/src/domain constants, commit b7a049c of 2024-03-25 (Apache-2.0)"
GREENPICK = "greenpick 0.4.1 (MIT), data/typical.json of 2026-10-26: EIA-930, ENTSO-E A75, Hydro-Québec, IESO over twelve months"
ECOLOGITS = "ecologits 0.11.3 (MPL-2.0), data/electricity_mixes.json: kgCO2e per kWh, whole life cycle"
# A whole row of the published output that no server can have: twice the watts of any neighbour at half the memory.
OUTLIERS = ("EPYC 5th Gen",)
MACHINE = re.compile(
    r"[a-z]\w*[a-z0-9-]*\.[a-z0-9-]+"
)  # no cache.m5.large, no db.m5.large, no m5.large.elasticsearch
# What the instance list calls a processor and the lists of processors do not.
GRAVITON = {"Graviton": "Graviton2", "Graviton2": "Graviton2"}
LISTS = {
    "amd-epyc-gen1": "EPYC 1st Gen", "amd-epyc-gen2": "EPYC 2nd Gen", "intel-broadwell": "Broadwell", "intel-cascadelake": "Cascade Lake",
    "intel-coffeelake": "Coffee Lake", "intel-haswell": "Haswell", "intel-icelake": "Ice Lake", "intel-ivybridge": "Ivy Bridge",
    "intel-sandybridge": "Sandy Bridge", "intel-skylake": "Skylake",
}  # fmt: skip
AREAS = {
    "europe": "at be bg ch cy cz de dk ee es fi fr gb gr hr hu ie is it lt lu lv mt nl no pl pt ro se si sk ua",
    "north_america": "us ca mx", "south_america": "br cl ar co pe", "oceania": "au nz", "africa": "za ke ng eg ma",
    "middle_east": "ae bh qa sa il tr", "asia": "hk in jp kr sg id cn tw my th vn ph",
}  # fmt: skip
ISO3 = {
    "AUT": "at Austria", "BEL": "be Belgium", "BGR": "bg Bulgaria", "CHE": "ch Switzerland", "CYP": "cy Cyprus", "CZE": "cz Czechia",
    "DEU": "de Germany", "DNK": "dk Denmark", "EST": "ee Estonia", "ESP": "es Spain", "FIN": "fi Finland", "FRA": "fr France",
    "GBR": "gb United Kingdom", "GRC": "gr Greece", "HRV": "hr Croatia", "HUN": "hu Hungary", "IRL": "ie Ireland", "ISL": "is Iceland",
    "ITA": "it Italy", "LTU": "lt Lithuania", "LUX": "lu Luxembourg", "LVA": "lv Latvia", "MLT": "mt Malta", "NLD": "nl Netherlands",
    "NOR": "no Norway", "POL": "pl Poland", "PRT": "pt Portugal", "ROU": "ro Romania", "SWE": "se Sweden", "SVN": "si Slovenia",
    "SVK": "sk Slovakia", "UKR": "ua Ukraine", "USA": "us United States", "CAN": "ca Canada", "MEX": "mx Mexico", "BRA": "br Brazil",
    "CHL": "cl Chile", "ARG": "ar Argentina", "COL": "co Colombia", "PER": "pe Peru", "AUS": "au Australia", "NZL": "nz New Zealand",
    "ZAF": "za South Africa", "KEN": "ke Kenya", "NGA": "ng Nigeria", "EGY": "eg Egypt", "MAR": "ma Morocco",
    "ARE": "ae United Arab Emirates", "BHR": "bh Bahrain", "QAT": "qa Qatar", "SAU": "sa Saudi Arabia", "ISR": "il Israel",
    "TUR": "tr Turkey", "HKG": "hk Hong Kong", "IND": "in India", "JPN": "jp Japan", "KOR": "kr South Korea", "SGP": "sg Singapore",
    "IDN": "id Indonesia", "CHN": "cn China", "TWN": "tw Taiwan", "MYS": "my Malaysia", "THA": "th Thailand", "VNM": "vn Vietnam",
    "PHL": "ph Philippines",
}  # fmt: skip
COUNTRIES = {
    "aws": {
        "us": "us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1", "za": "af-south-1", "hk": "ap-east-1", "in": "ap-south-1",
        "jp": "ap-northeast-1 ap-northeast-3", "kr": "ap-northeast-2", "sg": "ap-southeast-1", "au": "ap-southeast-2", "id": "ap-southeast-3",
        "ca": "ca-central-1", "cn": "cn-north-1 cn-northwest-1", "de": "eu-central-1", "ie": "eu-west-1", "gb": "eu-west-2", "it": "eu-south-1",
        "fr": "eu-west-3", "se": "eu-north-1", "bh": "me-south-1", "ae": "me-central-1", "br": "sa-east-1",
    },
    "gcp": {
        "us": "us-central1 us-east1 us-east4 us-east5 us-west1 us-west2 us-west3 us-west4 us-south1", "tw": "asia-east1", "hk": "asia-east2",
        "jp": "asia-northeast1 asia-northeast2", "kr": "asia-northeast3", "in": "asia-south1 asia-south2", "sg": "asia-southeast1",
        "id": "asia-southeast2", "au": "australia-southeast1 australia-southeast2", "pl": "europe-central2", "fi": "europe-north1",
        "es": "europe-southwest1", "be": "europe-west1", "gb": "europe-west2", "de": "europe-west3", "nl": "europe-west4", "ch": "europe-west6",
        "it": "europe-west8", "fr": "europe-west9", "ca": "northamerica-northeast1 northamerica-northeast2", "br": "southamerica-east1",
        "cl": "southamerica-west1",
    },
    "azure": {
        "za": "southafricanorth southafricawest", "au": "australiacentral australiacentral2 australiaeast australiasoutheast", "hk": "eastasia",
        "sg": "southeastasia", "jp": "japaneast japanwest", "kr": "koreacentral koreasouth",
        "in": "centralindia jioindiacentral jioindiawest southindia westindia", "ie": "northeurope", "nl": "westeurope",
        "fr": "francecentral francesouth", "se": "swedencentral", "ch": "switzerlandnorth switzerlandwest", "gb": "uksouth ukwest",
        "de": "germanynorth germanywestcentral", "no": "norwayeast norwaywest", "ae": "uaecentral uaenorth", "ca": "canadacentral canadaeast",
        "us": "centralus eastus eastus2 northcentralus southcentralus westcentralus westus westus2 westus3", "br": "brazilsouth brazilsoutheast",
    },
}  # fmt: skip


def main(folder: Path, out: Path) -> None:
    """Writes the four tables that come of the downloads into `out`."""
    coefficients = folder / "ccf-coefficients"
    processors = list(_processors(coefficients))
    known = {row["processor"] for row in processors}
    _write(
        out, "carbon_processors", "Watts per vCPU at idle and at full load by processor family", COEFFICIENTS, "2026-04-24", processors,
        "EPYC 5th Gen is left out: its row is twice its neighbours' watts, an error of the list. The Graviton rows are the list's own guess "
        "(those of EPYC 2nd Gen).",
    )  # fmt: skip
    _write(
        out, "carbon_instances", "Processors, whole machine and its embodied carbon by instance", COEFFICIENTS, "2026-04-24",
        sorted(_instances(coefficients, known), key=lambda r: (r["provider"], r["instance"])),
        "Platform: the largest instance of the series. Embodied: mean over the processors that the instance may run on.",
    )  # fmt: skip
    _write(
        out, "carbon_grid", "Grid carbon by region of the three clouds and by country", FOOTPRINT, "2026-10", list(_grid(folder)),
        "Clouds: annual averages of 2020 to 2022 as the source has them (EPA eGRID2020 by NERC region, EEA, carbonfootprint.com, Google). "
        "Countries, for own hardware: whole life cycle, a wider boundary than the clouds' rows; the two are never compared.",
    )  # fmt: skip
    _write(
        out, "carbon_hours", "Mean grid carbon by hour of the day (UTC), a year's mean", GREENPICK, "2026-10-26", list(_hours(folder)),
        "Σ over months of the hour's mean, weighted by the month's hours. Whole life cycle: used for the shape of the day, not for its height.",
    )  # fmt: skip


def _processors(folder: Path) -> Iterator[Row]:
    for row in _csv(folder / "output/coefficients-aws-use.csv"):
        if row["Architecture"] not in OUTLIERS:
            yield {
                "processor": row["Architecture"], "min_watts": round(float(row["Min Watts"]), 4), "max_watts": round(float(row["Max Watts"]), 4),
                "gb_per_chip": round(float(row["GB/Chip"]), 2),
            }  # fmt: skip


def _instances(folder: Path, known: set[str]) -> Iterator[Row]:
    yield from _aws(folder, known)
    for provider in ("azure", "gcp"):
        yield from _by_microarchitecture(folder, provider, known)


def _aws(folder: Path, known: set[str]) -> Iterator[Row]:
    embodied = {r["type"]: float(r["total"]) for r in _csv(folder / "output/coefficients-aws-embodied.csv")}
    chips = {r["CPU Name"]: int(r["Platform Number of CPU Socket(s)"]) for r in _csv(folder / "data/aws-instances-cpus.csv")}  # fmt: skip
    names = {
        model.strip(): family
        for name, family in LISTS.items()
        for model in (folder / f"data/{name}.csv").read_text().splitlines()
    }
    for row in _csv(folder / "data/aws-instances.csv"):
        name, cpu = row["Instance type"], row["Platform CPU Name"]
        model = cpu.replace("Xeon Platinum", "").replace("Xeon", "").strip()
        family = GRAVITON.get(cpu) or names.get(model) or names.get(cpu)
        if name in embodied and MACHINE.fullmatch(name):
            yield {
                "provider": "aws", "instance": name, "processors": [family] if family in known else [],
                "platform_vcpu": int(row["Platform Total Number of vCPU"]), "platform_memory_gb": float(row["Platform Memory (in GB)"].replace(",", ".")),
                "chips": chips[cpu], "embodied_kgco2e": embodied[name],
            }  # fmt: skip


def _by_microarchitecture(folder: Path, provider: str, known: set[str]) -> Iterator[Row]:
    place = "Virtual Machine" if provider == "azure" else "Machine type"
    sockets = {r["Microarchitecture"]: int(r["CPU Sockets"]) for r in _csv(folder / f"data/{provider}-instances-cpus.csv")}  # fmt: skip
    totals: dict[str, list[float]] = {}
    for row in _csv(folder / f"output/coefficients-{provider}-embodied.csv"):
        totals.setdefault(row["type"], []).append(float(row["total"]))
    seen: dict[str, list[dict[str, str]]] = {}
    for row in _csv(folder / f"data/{provider}-instances.csv"):
        seen.setdefault(row[place], []).append(row)
    done: set[str] = set()
    for name, rows in seen.items():
        spelt = azure_size(name) if provider == "azure" else name
        if spelt and spelt not in done and name in totals:
            done.add(spelt)
            families = [r["Microarchitecture"] for r in rows]
            yield {
                "provider": provider, "instance": spelt, "processors": sorted({f for f in families if f in known}),
                "platform_vcpu": max(int(float(r["Platform vCPUs (highest vCPU possible)"])) for r in rows),
                "platform_memory_gb": max(float(r["Platform Memory"]) for r in rows),
                "chips": max(sockets.get(f, 1) for f in families), "embodied_kgco2e": round(fmean(totals[name]), 2),
            }  # fmt: skip


def _grid(folder: Path) -> Iterator[Row]:
    base = folder / "cloud-carbon-footprint/packages"
    nerc = _numbers(base / "core/src/FootprintEstimationConstants.ts", r"^\s+([A-Z]{3,4}): ([\d.]+),")
    aws = _factors(base / "aws/src/domain/AwsFootprintEstimationConstants.ts", "AWS", nerc)
    gcp = _factors(base / "gcp/src/domain/GcpFootprintEstimationConstants.ts", "GCP", nerc)
    azure = _factors(base / "azure/src/domain/AzureFootprintEstimationConstants.ts", "AZURE", nerc)
    spelt = re.findall(r"(\w+): \{\s*name: '(\w+)'", (base / "azure/src/lib/AzureRegions.ts").read_text())
    by_name = {
        "aws": {k.lower().replace("_", "-"): v for k, v in aws.items()},
        "gcp": {k.lower().replace("_", "-"): v for k, v in gcp.items()},
        "azure": {name.lower(): azure[key] for key, name in spelt if key in azure},
    }
    for provider, countries in COUNTRIES.items():
        for country, regions in countries.items():
            for region in regions.split():
                if region in by_name[provider]:
                    yield _place(
                        provider, region, country, round(by_name[provider][region] * 1000, 6), "2024-03-25"
                    )
    mixes = json.loads((folder / "ecologits/data/electricity_mixes.json").read_text())["electricity_mixes"]
    for mix in mixes:
        if mix["name"] in ISO3:
            country, _, name = ISO3[mix["name"]].partition(" ")
            yield {
                **_place("on_prem", country, country, mix["gwp"], "2026-10"), "names": [mix["name"].lower(), name], "source": ECOLOGITS,
            }  # fmt: skip


def _place(provider: str, region: str, country: str, factor: float, as_of: str) -> Row:
    area = next(area for area, members in AREAS.items() if country in members.split())
    return {"provider": provider, "region": region, "country": country, "area": area, "kgco2e_per_kwh": factor, "as_of": as_of}  # fmt: skip


def _factors(path: Path, provider: str, nerc: dict[str, float]) -> dict[str, float]:
    """Metric tons per kWh by the source's own key; the last value of a key is the grid's, an earlier one net of certificates."""
    pattern = (
        rf"\[{provider}_REGIONS\.(\w+?)(?:\.name)?\]:\s+(?:US_NERC_REGIONS_EMISSIONS_FACTORS\.)?([\w.]+)"
    )
    found = re.findall(pattern, path.read_text())
    return {
        key: nerc[value] if value in nerc else float(value)
        for key, value in found
        if value in nerc or value[0] == "0"
    }


def _hours(folder: Path) -> Iterator[Row]:
    regions = json.loads((folder / "greenpick/data/typical.json").read_text())["regions"]
    for provider, found in regions.items():
        for region, entry in found.items():
            months = entry["months"].values()
            total = sum(m["hours"] for m in months)
            mean = [
                round(fsum(m["hourly_utc"][h] * m["hours"] for m in months) / total, 1) for h in range(24)
            ]
            yield {
                "provider": provider, "region": region, "zone": entry["zone"], "of": entry["source"], "since": entry["from"][:10], "until": entry["to"][:10],
                "gco2e_per_kwh": mean,
            }  # fmt: skip


def _numbers(path: Path, pattern: str) -> dict[str, float]:
    return {key: float(value) for key, value in re.findall(pattern, path.read_text(), re.MULTILINE)}


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write(
    out: Path, name: str, title: str, source: str, as_of: str, rows: Iterable[Row], notes: str
) -> None:
    head = json.dumps({"title": title, "source": source, "as_of": as_of, "notes": notes, "max_age_days": 1095}, ensure_ascii=False)  # fmt: skip
    body = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (out / f"{name}.json").write_text(f'{head[:-1]}, "rows": [\n{body}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        "python -m infra_mind.knowledge.refresh.carbon",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    main(parser.parse_args().folder, Path(__file__).parents[1] / "data")
