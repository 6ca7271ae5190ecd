"""How the price tables are made: only pay-as-you-go Linux is taken, and nothing without a date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra_mind.knowledge import prices, refresh
from infra_mind.knowledge.refresh import __main__ as refreshing
from infra_mind.knowledge.refresh import (
    additions,
    azure,
    catalogs,
    cloud_sql,
    databases,
    gcp,
    karpenter,
    services,
    specs,
)


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


def test_a_size_that_costs_many_times_what_its_family_does_is_left_out() -> None:
    """The list of 2021 has MariaDB on `db.m5.8xlarge` in Osaka at 27.88 USD, seven times the price of its family."""
    prices = {"2xlarge": 0.993, "4xlarge": 1.986, "8xlarge": 27.879}
    items = [
        {"instance_type": f"db.m5.{size}", "pricing": {"ap-northeast-3": {"MariaDB": {"ondemand": usd}}}}
        for size, usd in prices.items()
    ]
    assert [sku for (sku, _), usd in databases.rds(items).items() if usd] == [
        "rds_mariadb_db.m5.2xlarge",
        "rds_mariadb_db.m5.4xlarge",
    ]


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


def single(usd: float) -> dict[str, Any]:
    return {"single_az": {"on_demand": usd}, "multi_az": {"on_demand": 2 * usd}}


def test_managed_databases_are_those_of_a_single_zone() -> None:
    found = databases.managed({"eu-west-1": {"mysql": {"db.t4g.micro": single(0.018)}, "oracle": {"db.t3.micro": single(1)}}, "us-gov-west-1": {"mysql": {"db.t3.micro": single(1)}}})  # fmt: skip
    assert found == {("rds_mysql_db.t4g.micro", "hour"): {"eu-west-1": 0.018}}


def test_of_two_storage_modes_of_aurora_the_cheaper_is_taken_where_a_family_shows_both() -> None:
    engines = {
        "aurora-mysql": {"db.r6g.large": single(0.26), "db.r6g.xlarge": single(0.676), "db.x2g.large": single(0.377)},
        "aurora-postgresql": {"db.r6g.2xlarge": single(1.04), "db.serverless": single(0.12)},
    }  # fmt: skip
    found = databases.managed({"us-east-1": engines})
    assert found == {
        (f"aurora_{engine}_db.r6g.{size}", "hour"): {"us-east-1": usd}
        for engine in ("mysql", "postgres")
        for size, usd in (("large", 0.26), ("2xlarge", 1.04))
    }


CLOUD_SQL = """cuds_pricing = {
    "us-central1": {"MySQL": {"Zonal - vCPU in Americas": "0.0413", "Zonal - RAM in Americas": "0.007", "Zonal - Micro instance in Americas": "0.0105",
        "Regional - Standard storage in Americas": "0.34", "Zonal - Low cost storage in Americas": "0.09", "Zonal - Small instance in Americas": "0.035"},
        "PostgreSQL": {"Zonal - Enterprise Plus N vCPU in Iowa": "0.0537", "Regional - Enterprise Plus N RAM in Iowa": "0.0182"}},
    "europe-west2": {"MySQL": {"Regional - RAM in London": "0.0168", "Zonal - 8 vCPU + 30GB RAM in London": "0.6484",
        "Read Replica (free) - vCPU in London": "0.000"}},
    "europe-west3": {"MySQL": {"Zonal - Micro instance in Frankfurt": "0.0126"}},
    "us-east7": {"MySQL": {"Zonal - RAM in Nowhere": "0.007"}},
}"""


def test_what_an_extract_of_cloud_sql_lacks_follows_where_two_points_agree() -> None:
    own, reckoned = cloud_sql.read(CLOUD_SQL)
    assert own["cloud_sql_memory", "GB-month"] == {"us-central1": 5.11, "europe-west2": 6.132}
    assert own["cloud_sql_vcpu", "hour"] == {"us-central1": 0.0413, "europe-west2": 0.04955}
    assert own["cloud_sql_storage_ssd", "GB-month"] == {"us-central1": 0.17}
    assert reckoned["cloud_sql_storage_ssd", "GB-month"]["europe-west2"] == pytest.approx(0.204, rel=1e-3)
    assert all(
        "europe-west3" not in points for points in reckoned.values()
    )  # one point says nothing of another


def test_points_of_a_region_that_disagree_make_no_other() -> None:
    _, reckoned = cloud_sql.read(CLOUD_SQL.replace('"0.6484"', '"0.7484"'))
    assert all("europe-west2" not in points for points in reckoned.values())


@pytest.mark.parametrize(
    ("linux", "windows", "expected"),
    [
        ({"westeurope": 0.23, "northeurope": 0.21}, {"westeurope": 0.414, "northeurope": 0.394}, {"global": 0.184}),
        ({"westeurope": 0.23, "northeurope": 0.21}, {"westeurope": 0.414, "northeurope": 0.41}, {"westeurope": 0.184, "northeurope": 0.2}),
        ({"westeurope": 0.23}, {"westeurope": 0.414}, {"westeurope": 0.184}),
    ],
)  # fmt: skip
def test_windows_costs_one_price_everywhere_where_regions_agree(
    linux: dict[str, float], windows: dict[str, float], expected: dict[str, float]
) -> None:
    meters = [meter(armRegionName=r, retailPrice=usd) for r, usd in linux.items()]
    meters += [
        meter(armRegionName=r, retailPrice=usd, productName="Virtual Machines Dsv5 Series Windows")
        for r, usd in windows.items()
    ]
    assert azure.windows(meters) == {("windows_Standard_D4s_v5", "hour"): expected}


def test_fargate_of_a_calculator_leaves_other_partitions_and_spot_out() -> None:
    text = """[{ "region": "eu-west-1", "prices": { "FARGATE": {
        "cpu": 0.04048, "ram": 0.004445 }, "FARGATE_SPOT": { "cpu": 0.0125, "ram": 0.0013 } } },
        { "region": "us-gov-east-1", "prices": { "FARGATE": { "cpu": 0.0486, "ram": 0.0053 } } }]"""
    assert catalogs.fargate(text) == {
        ("fargate_vcpu", "hour"): {"eu-west-1": 0.04048},
        ("fargate_memory", "hour"): {"eu-west-1": 0.004445},
    }


def test_gpus_to_attach_are_those_that_come_with_no_machine_type() -> None:
    text = 'exports.data={"accelerators":{"nvidia-tesla-t4":{"count":1,"prices":{"us-west1-a":0.35,"nowhere1-a":1}},"nvidia-l4":{"count":1,"prices":{"us-west1-a":0.56}}}};'
    assert catalogs.google_gpus(text) == {("gpu_nvidia-tesla-t4", "hour"): {"us-west1": 0.35}}


def test_points_that_follow_from_others_are_marked_in_the_table() -> None:
    own, follows = services.gathered(
        [
            ("gcp", {("x_y", "hour"): {"us-west1": 1.0}}, "a list (of prices)", "2024-03-21"),
            ("gcp", {("x_y", "hour"): {"us-west2": 1.2}}, f"a list (of prices{services.RECKONED}", "2024-03-21"),
        ]
    )  # fmt: skip
    assert "reckoned" not in own
    assert follows["reckoned"] is True


def test_of_a_seed_s_tiers_the_first_that_costs_and_has_a_date_is_taken() -> None:
    seed = {"vendor": "aws", "region": "us-east-1", "usage_metric": "CloudWatch-Log-Ingestion"}
    tiers = [
        {**seed, "price_usd": 0.25, "start_usage_amount": 10_000, "effective_date": "2026-09-23"},
        {**seed, "price_usd": 0.5, "start_usage_amount": 5, "effective_date": "2026-09-23"},
        {**seed, "price_usd": 0, "start_usage_amount": 0, "effective_date": "2026-09-23"},
        {**seed, "price_usd": 0.4, "start_usage_amount": 1},
        {**seed, "usage_metric": "Bedrock", "price_usd": 1, "effective_date": "2026-09-23"},
    ]
    ((provider, prices_of, _, as_of),) = additions.seeded(tiers)
    assert (provider, as_of) == ("aws", "2026-09-23")
    assert prices_of == {("log_ingestion", "GB"): {"us-east-1": 0.5}}


def test_what_was_read_by_hand_is_in_the_packaged_table_unless_a_newer_list_has_it() -> None:
    seen = 0
    for provider, listed, source, as_of in additions.read_by_hand():
        for (sku, _), points in listed.items():
            for region, usd in points.items():
                found = prices.service(provider, "us-east-1" if region == "global" else region, sku)
                assert found
                assert (found.as_of, found.source, found.usd_per_unit) == (
                    as_of,
                    source,
                    usd,
                ) or found.as_of >= as_of
                seen += found.source == source
    assert seen > 900


def test_missing_sources_are_named_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, out = tmp_path / "in", tmp_path / "out"
    sources.mkdir()
    out.mkdir()
    (sources / "aws-fargate.js").touch()
    with pytest.raises(SystemExit) as ended:
        refreshing.command([str(sources), str(out)])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "moto-*.whl" in said
    assert "aws-fargate.js" not in said
    assert not any(out.iterdir())


def test_the_instructions_name_every_source() -> None:
    told = refresh.__doc__ or ""
    for name in refreshing.INPUTS:
        assert name.partition("-*.whl")[0].replace("_", "-") in told.replace("_", "-"), name
