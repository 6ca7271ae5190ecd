"""How the price tables are made: only pay-as-you-go Linux is taken, and nothing without a date."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.knowledge.refresh import azure, gcp, services, specs


def meter(**changed: Any) -> dict[str, Any]:
    return {
        "armRegionName": "westeurope", "meterName": "D4s v5", "productName": "Virtual Machines Dsv5 Series", "retailPrice": 0.23,
        "skuName": "Standard_D4s_v5", "unitOfMeasure": "1 Hour", **changed,
    }  # fmt: skip


def test_an_azure_meter_of_linux_on_demand_is_taken() -> None:
    assert azure.machines([meter()]) == {"Standard_D4s_v5": {"westeurope": 0.23}}


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


def test_a_2020_price_off_its_series_is_left_out() -> None:
    found = azure.machines_2020(
        {
            "standardd2sv3": {"eastus": 0.096},
            "standardd4sv3": {"eastus": 0.192},
            "standardd8sv3": {"eastus": 0.9},
        }
    )
    assert set(found) == {"Standard_D2s_v3", "Standard_D4s_v3"}


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
