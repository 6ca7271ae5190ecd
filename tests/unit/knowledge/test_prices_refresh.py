"""How the price tables are made: only pay-as-you-go Linux is taken, and nothing without a date."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.knowledge.refresh import azure, catalogs, databases, gcp, karpenter, services, specs


def meter(**changed: Any) -> dict[str, Any]:
    return {
        "armRegionName": "westeurope", "meterName": "D4s v5", "productName": "Virtual Machines Dsv5 Series", "retailPrice": 0.23,
        "skuName": "Standard_D4s_v5", "unitOfMeasure": "1 Hour", **changed,
    }  # fmt: skip


def test_an_azure_meter_of_linux_on_demand_is_taken() -> None:
    assert azure.machines([meter()]) == {"Standard_D4s_v5": {"westeurope": 0.23}}


def test_an_azure_meter_has_its_savings_plan_of_a_year() -> None:
    taken = [meter(savingsPlanPrice=0.15), meter(armRegionName="northeurope", savingsPlanPrice=0.16)]
    assert azure.savings_plans(taken) == {"Standard_D4s_v5": {"westeurope": 0.15, "northeurope": 0.16}}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"savingsPlanPrice": None},
        {"savingsPlanPrice": 0.0},
        {"savingsPlanPrice": 0.23},
        {"savingsPlanPrice": 0.15, "productName": "Virtual Machines Dsv5 Series Windows"},
        {"savingsPlanPrice": 0.15, "skuName": "Standard_D4s_v5 Spot"},
    ],
)
def test_a_meter_without_a_lower_plan_for_linux_has_none(changed: dict[str, Any]) -> None:
    assert azure.savings_plans([meter(**changed)]) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"productName": "Virtual Machines Dsv5 Series Windows"},
        {"skuName": "Standard_D4s_v5 Spot"},
        {"meterName": "D4s v5 Low Priority"},
        {"productName": "Dsv5 Series Cloud Services"},
        {"productName": "Dsv5 Series Dedicated Host"},
        {"retailPrice": 0.0},
        {"retailPrice": None},
        {"unitOfMeasure": "1 Month"},
        {"skuName": "Dsv5 Type1"},
    ],
)
def test_other_azure_meters_are_not(changed: dict[str, Any]) -> None:
    assert azure.machines([meter(**changed)]) == {}


GO = """// generated at 2026-07-20T13:44:30Z for us-east-1
var InitialOnDemandPricesAWS = map[string]map[ec2types.InstanceType]float64{
\t"us-east-1": {
\t\t// m5 family
\t\t"m5.large": 0.096000, "m5.xlarge": 0.192000, "m5.zero": 0.000000,
"""
CATALOGUE = """InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,Generation
Standard_D4s_v5,,,4,16,,0.192,0.06,eastus,V2
Standard_D4s_v5,,,4,16,,0.222,0.30,uksouth,V2
Standard_D2s_v5,,,2,8,,0.096,,eastus,V2
Standard_F2,,,2,4,,0.099,0.01,eastus,V1
Standard_D2_v2_Promo,,,2,7,,0.05,,eastus,V1
"""


def test_a_generated_go_map_gives_day_and_points() -> None:
    assert karpenter.generated(GO) == "2026-07-20"
    assert karpenter.ec2(GO) == {"m5.large": {"us-east-1": 0.096}, "m5.xlarge": {"us-east-1": 0.192}}


def test_a_list_without_its_day_is_refused() -> None:
    with pytest.raises(ValueError, match="generated"):
        karpenter.generated("var x = 1")


ACCELERATORS = """// Auto-generated
// Last updated: 2026-01-21
const all = [
  {"name": "g5.xlarge", "pricing": {
    "eu-west-1": {"onDemand": 1.123, "reserved": 0.708, "spot": 0.4}, "us-east-1": {"onDemand": 1.006, "reserved": 1.006},
    "us-east-1-atl-1": {"onDemand": 1.3}, "us-gov-west-1": {"onDemand": 1.2}, "eu-west-2": {"reserved": 0.7}}},
  {"name": "u-p6e-gb200x36", "pricing": {}}
];
"""


def test_accelerators_of_a_page_are_those_of_our_regions_with_a_reservation_below_on_demand() -> None:
    day, usd, reserved = catalogs.ec2_accelerators(ACCELERATORS)
    assert day == "2026-01-21"
    assert usd == {"g5.xlarge": {"eu-west-1": 1.123, "us-east-1": 1.006}}
    assert reserved == {"g5.xlarge": {"eu-west-1": 0.708}}
    with pytest.raises(ValueError, match="no date"):
        catalogs.ec2_accelerators(ACCELERATORS.replace("// Last updated", "// Made"))


def test_azure_takes_what_both_lists_have_and_the_lower_of_two() -> None:
    other = {
        "Standard_D4s_v5": {"eastus": 0.376, "uksouth": 0.222},
        "Standard_F2": {"eastus": 0.099},
        "Standard_D2_v2_Promo": {"eastus": 0.05},
    }
    usd, spot = catalogs.azure(other, CATALOGUE)
    assert usd == {"Standard_D4s_v5": {"eastus": 0.192, "uksouth": 0.222}, "Standard_F2": {"eastus": 0.099}}
    assert spot == {"Standard_D4s_v5": {"eastus": 0.06}, "Standard_F2": {"eastus": 0.01}}


def test_the_lowest_spot_of_the_zones_below_on_demand_is_taken() -> None:
    text = "InstanceType,Price,SpotPrice,Region\np5.48xlarge,55.04,21.1,us-east-1\np5.48xlarge,55.04,17.6,us-east-1\np5.48xlarge,55.04,55.04,us-west-2\nm5.large,0.096,0.03,us-east-1\n"
    usd, spot = catalogs.accelerated(text)
    assert usd == {"p5.48xlarge": {"us-east-1": 55.04, "us-west-2": 55.04}}
    assert spot == {"p5.48xlarge": {"us-east-1": 17.6}}


def test_google_prices_are_those_of_regions_that_offer_the_machine() -> None:
    cost = {"hour": 3.6, "hour_spot": 1.9, "month_1y": 1460.0}
    pricing = {
        "compute": {"instance": {"a2-highgpu-1g": {"cost": {"us-central1": cost, "europe-west9": cost}}}}
    }
    where = gcp.offered("NAME;CPUS;ZONE\na2-highgpu-1g;12;us-central1\n")
    assert gcp.machines(pricing, where) == {"a2-highgpu-1g": {"us-central1": 3.6}}
    assert gcp.machines(pricing, where, "spot") == {"a2-highgpu-1g": {"us-central1": 1.9}}
    assert gcp.machines(pricing, where, "committed_1y") == {"a2-highgpu-1g": {"us-central1": 2.0}}


def test_databases_are_taken_engine_by_engine() -> None:
    item = {
        "instance_type": "db.m5.large",
        "pricing": {
            "eu-west-1": {
                "MySQL": {"ondemand": 0.19},
                "PostgreSQL": {"ondemand": 0.197},
                "14": {"ondemand": 9},
            },
            "mars-1": {"MySQL": {"ondemand": 1.0}},
        },
    }
    assert databases.rds([item]) == {
        ("rds_mysql_db.m5.large", "hour"): {"eu-west-1": 0.19},
        ("rds_postgres_db.m5.large", "hour"): {"eu-west-1": 0.197},
    }


def test_sizes_without_vcpus_in_their_name_get_the_catalogues() -> None:
    rows = {r["instance"]: r for r in specs.azure(["Standard_F2"], catalogs.azure_shapes(CATALOGUE))}
    assert (rows["Standard_F2"]["vcpu"], rows["Standard_F2"]["memory_gib"]) == (2, 4)


def test_google_accelerator_types_have_their_gpus() -> None:
    header = "NAME;CPUS;SHARED_CPU;MEMORY_GB;DEPRECATED;ZONE\n"
    rows = gcp.specs(header + "a3-highgpu-8g;208;False;1872.00;;\nn2-standard-4;4;False;16.00;;\n")
    assert (rows[0]["gpu"], rows[0]["gpus"]) == ("h100_sxm", 8)
    assert "gpu" not in rows[1]


def test_azure_names_say_the_vcpus() -> None:
    rows = {
        r["instance"]: r for r in specs.azure(["Standard_E32-16s_v5", "Standard_DS3_v2", "Standard_D8pls_v5"])
    }
    assert rows["Standard_E32-16s_v5"]["vcpu"] == 16
    assert (rows["Standard_DS3_v2"]["vcpu"], rows["Standard_DS3_v2"]["memory_gib"]) == (4, 14)
    assert (rows["Standard_D8pls_v5"]["architecture"], rows["Standard_D8pls_v5"]["memory_gib"]) == (
        "arm64",
        16,
    )


def test_a_seed_price_without_a_date_is_no_price() -> None:
    curated = {p: {"region": "r", "storage": []} for p in ("aws", "azure", "gcp")} | {"as_of": "2026-01-01"}
    buckets = {p: {"region": "r", "tiers": []} for p in ("aws", "azure")} | {"as_of": "2026-01-01"}
    seed = {"region": "us-east-1", "price_usd": 9.0, "usage_metric": "RDS-Instance-Hour-db.x9.large"}

    def skus(dated: dict[str, Any]) -> set[str]:
        return {row["sku"] for row in services.rows(curated, buckets, [{**seed, **dated}], [])}

    assert "rds_mysql_db.x9.large" not in skus({})
    assert "rds_mysql_db.x9.large" in skus({"effective_date": "2026-02-02"})
