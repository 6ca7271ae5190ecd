"""Bills outside the one region of the reference outputs, fees, and what is billed by use with the price of its unit."""

from __future__ import annotations

import pytest

from infra_mind.agents.cost.by_use import BY_USE, DYNAMODB, LABELS
from infra_mind.knowledge import prices
from tests.unit.agents.test_cost_artefacts import AWS, cost, reasons
from tests.unit.agents.test_cost_bills import monthly

TASK = 'resource "aws_ecs_task_definition" "t" {\n  family = "t"\n  cpu = 512\n  memory = 1024\n}\n'
SERVICE = 'resource "aws_ecs_service" "s" {{\n  name = "s"\n  {launch}\n  desired_count = 2\n  task_definition = aws_ecs_task_definition.t.arn\n}}\n'


def in_aws(region: str, kind: str, body: str) -> str:
    return f'provider "aws" {{\n  region = "{region}"\n}}\nresource "{kind}" "x" {{\n{body}\n}}\n'


@pytest.mark.parametrize(
    ("region", "kind", "body", "usd"),
    [
        ("ap-southeast-2", "aws_db_instance", 'engine = "postgres"\ninstance_class = "db.r6g.large"\nmulti_az = true', 0.54 * 730),
        ("us-east-2", "aws_dynamodb_table", "read_capacity = 30\nwrite_capacity = 20", 2.85 + 9.49),
        ("us-east-1", "aws_cloudwatch_dashboard", 'dashboard_name = "d"', 3.00),
        ("eu-west-1", "aws_cloudwatch_dashboard", 'dashboard_name = "d"', 3.00),
        ("us-east-1", "aws_ssm_parameter", 'type = "String"\ntier = "Advanced"', 0.05),
        ("us-east-1", "aws_ssm_parameter", 'type = "String"', 0.0),
        ("us-east-1", "aws_acmpca_certificate_authority", 'type = "ROOT"', 400.00),
        ("us-east-1", "aws_acmpca_certificate_authority", 'usage_mode = "SHORT_LIVED_CERTIFICATE"', 50.00),
        ("us-east-1", "aws_globalaccelerator_accelerator", 'name = "x"', 18.25),
        ("us-east-1", "aws_networkfirewall_firewall", 'subnet_mapping {\n  subnet_id = "a"\n}', 288.35),
        ("us-east-1", "aws_fsx_windows_file_system", 'deployment_type = "MULTI_AZ_1"\nstorage_capacity = 300\nthroughput_capacity = 1024', 4608.00 + 69.00),
        ("us-east-1", "aws_fsx_windows_file_system", 'deployment_type = "MULTI_AZ_1"\nstorage_type = "HDD"\nstorage_capacity = 300\nthroughput_capacity = 1024', 4608.00 + 7.50),
    ],
)  # fmt: skip
def test_aws_resources_cost_what_the_reference_says(region: str, kind: str, body: str, usd: float) -> None:
    result = cost(in_aws(region, kind, body))
    assert monthly(result) == pytest.approx(usd, abs=0.01), reasons(result)
    assert not result.unpriced


@pytest.mark.parametrize(
    "launch",
    ['launch_type = "FARGATE"', 'capacity_provider_strategy {\n    capacity_provider = "FARGATE"\n  }'],
)
def test_fargate_costs_vcpu_and_memory_of_its_tasks_in_its_region(launch: str) -> None:
    result = cost(
        in_aws("eu-central-1", "aws_sqs_queue", "").partition("resource")[0]
        + TASK
        + SERVICE.format(launch=launch)
    )
    assert monthly(result) == pytest.approx(2 * 730 * (0.5 * 0.04656 + 1 * 0.00511))
    assert any("2021-01-14" in a.text and "old_price" in a.id for a in result.assumptions)


@pytest.mark.parametrize(
    ("region", "kind", "body", "usd"),
    [
        ("uksouth", "azurerm_postgresql_flexible_server", 'sku_name = "GP_Standard_D2ds_v4"\nstorage_mb = 32768', 730 * 2 * 0.103 + 32 * 0.133),
        ("japaneast", "azurerm_mysql_flexible_server", 'sku_name = "B_Standard_B1ms"\nstorage {\n  size_gb = 20\n}', 730 * 0.026 + 20 * 0.138),
        ("westeurope", "azurerm_redis_cache", 'sku_name = "Standard"\nfamily = "C"\ncapacity = 1', 730 * 2 * 0.069),
        ("westeurope", "azurerm_servicebus_namespace", 'sku = "Standard"', 9.81),
        ("eastus", "azurerm_eventhub_namespace", 'sku = "Standard"\ncapacity = 20', 438.00),
        ("eastus", "azurerm_eventhub_namespace", 'sku = "Premium"\ncapacity = 8', 5997.68),
        ("eastus", "azurerm_service_plan", 'os_type = "Linux"\nsku_name = "P1v3"\nworker_count = 3', 3 * 730 * 0.155),
        ("eastus", "azurerm_service_plan", 'os_type = "Windows"\nsku_name = "P1v3"', 730 * 0.315),
        ("eastus", "azurerm_app_service_plan", 'kind = "Linux"\nsku {\n  size = "B2"\n}', 24.82),
        ("eastus", "azurerm_container_registry", 'sku = "Premium"', 50.00),
        ("westeurope", "azurerm_machine_learning_compute_instance", 'virtual_machine_size = "Standard_D4s_v5"', 730 * 0.23),
    ],
)  # fmt: skip
def test_azure_resources_cost_what_the_lists_say(region: str, kind: str, body: str, usd: float) -> None:
    result = cost(f'resource "{kind}" "x" {{\n  location = "{region}"\n{body}\n}}\n')
    assert monthly(result) == pytest.approx(usd, abs=0.01), reasons(result)
    assert not result.unpriced


SQL = 'database_version = "{engine}"\nsettings {{\n  tier = "{tier}"\n}}'


@pytest.mark.parametrize(
    ("region", "kind", "body", "usd"),
    [
        ("asia-northeast1", "google_sql_database_instance", SQL.format(engine="POSTGRES_15", tier="db-custom-2-7680"), 2 * 0.0537 * 730 + 7.5 * 6.643 + 2.21),
        ("europe-west1", "google_sql_database_instance", SQL.format(engine="MYSQL_8_0", tier="db-f1-micro"), 7.67 + 1.70),
        ("us-central1", "google_sql_database_instance", SQL.format(engine="POSTGRES_16", tier="db-perf-optimized-N-2"), 2 * 0.0537 * 730 + 16 * 6.643 + 1.70),
        ("us-central1", "google_kms_crypto_key", 'name = "x"', 0.06),
        ("us-central1", "google_secret_manager_secret_version", 'secret = "x"', 0.06),
        ("us-central1", "google_dns_managed_zone", 'name = "x"', 0.20),
    ],
)  # fmt: skip
def test_google_resources_cost_what_the_lists_say(region: str, kind: str, body: str, usd: float) -> None:
    result = cost(f'provider "google" {{\n  region = "{region}"\n}}\nresource "{kind}" "x" {{\n{body}\n}}\n')
    assert monthly(result) == pytest.approx(usd, abs=0.01), reasons(result)
    assert not result.unpriced


def test_a_reckoned_price_is_an_assumption_of_the_bill() -> None:
    text = SQL.format(engine="POSTGRES_15", tier="db-custom-2-7680")
    bill = (
        'provider "google" {{\n  region = "{}"\n}}\nresource "google_sql_database_instance" "x" {{\n{}\n}}\n'
    )
    reckoned = cost(bill.format("us-west2", text))
    assert any("cloud_sql_vcpu in us-west2 follows" in a.text for a in reckoned.assumptions)
    own = cost(bill.format("asia-northeast1", text))
    assert not any("follows" in a.text for a in own.assumptions)


def test_licences_of_sql_server_are_unpriced_beside_the_machine() -> None:
    text = SQL.format(engine="SQLSERVER_2019_STANDARD", tier="db-custom-2-7680")
    result = cost(
        f'provider "google" {{\n  region = "us-central1"\n}}\nresource "google_sql_database_instance" "x" {{\n{text}\n}}\n'
    )
    assert len(result.cost_lines) == 3
    assert (
        reasons(result) == "google_sql_database_instance.x: licences: no dated price of SQL Server licences"
    )


def test_what_is_billed_by_use_has_the_price_of_a_unit_with_its_source_and_date() -> None:
    result = cost(in_aws("eu-west-2", "aws_lambda_function", 'function_name = "f"'))
    (unpriced,) = result.unpriced
    assert unpriced.reason.startswith("billed by use")
    assert "in eu-west-2: lambda_requests 0.2 USD/million requests (2026-09-06)" in unpriced.reason
    rows = result.details["usage_prices"]
    assert [row["sku"] for row in rows] == ["lambda_requests", "lambda_duration"]
    assert rows[0]["source"].startswith("mooncitizen/togen")
    assert not rows[0]["old"]


def test_a_unit_price_of_another_region_names_that_region() -> None:
    result = cost(in_aws("eu-west-1", "aws_ecr_repository", 'name = "r"'))
    assert "list price in us-east-1: ecr_storage 0.1 USD/GB-month (2024-07-01)" in reasons(result)
    assert all(row["old"] for row in result.details["usage_prices"])


@pytest.mark.parametrize(
    ("region", "kind", "sku", "of"),
    [
        ("us-west-2", "aws_rds_cluster", "aurora_storage", "us-east-1"),
        ("eu-central-1", "aws_rds_cluster", "aurora_storage", "us-east-1"),
        ("eu-central-1", "aws_s3_bucket", "s3_writes", "eu-west-2"),
        ("ap-south-1", "aws_neptune_cluster", "neptune_storage", "eu-west-2"),
    ],
)
def test_a_unit_price_of_another_region_is_that_of_the_same_part_of_the_world(
    region: str, kind: str, sku: str, of: str
) -> None:
    rows = cost(in_aws(region, kind, "")).details["usage_prices"]
    assert [row["region"] for row in rows if row["sku"] == sku] == [of]


def test_a_region_is_shown_as_the_lists_spell_it() -> None:
    text = 'resource "azurerm_storage_account" "s" {\n  location = "East US"\n}\n'
    rows = cost(text).details["usage_prices"]
    assert {(row["used_in"], row["region"]) for row in rows} == {("eastus", "eastus")}


def test_unit_prices_are_kept_once_for_each_kind_and_region() -> None:
    queues = "".join(f'resource "aws_sqs_queue" "{name}" {{\n  name = "{name}"\n}}\n' for name in "abc")
    result = cost(AWS + queues)
    assert len(result.unpriced) == 3
    assert len(result.details["usage_prices"]) == 2


def test_every_unit_has_words_and_a_price_somewhere() -> None:
    skus = {(kind.partition("_")[0], sku) for kind, found in BY_USE.items() for sku in found}
    skus |= {("aws", sku) for sku in DYNAMODB} | {("azurerm", "service_bus_basic_operations")}
    assert {sku for _, sku in skus} == set(LABELS)
    clouds = {"aws": ("aws", "us-east-1"), "azurerm": ("azure", "eastus"), "google": ("gcp", "us-central1")}
    unpriced = {sku for prefix, sku in skus if prices.service_elsewhere(*clouds[prefix], sku) is None}
    assert not unpriced


@pytest.mark.parametrize("zones", ["", 'deployment_type = "SINGLE_AZ_2"'])
def test_a_file_system_in_one_zone_does_not_cost_what_one_in_two_does(zones: str) -> None:
    """The reference output that the prices are from is of `MULTI_AZ_1`."""
    body = f"storage_capacity = 300\nthroughput_capacity = 1024\n{zones}"
    result = cost(in_aws("us-east-1", "aws_fsx_windows_file_system", body))
    assert not result.cost_lines
    assert "no dated price of a file system in one zone" in reasons(result)


def test_a_consumption_plan_is_billed_by_use() -> None:
    plan = 'resource "azurerm_service_plan" "p" {\n  location = "uksouth"\n  os_type = "Linux"\n  sku_name = "Y1"\n}\n'
    assert "functions_executions 0.2 USD/million requests" in reasons(cost(plan))


def test_a_cluster_that_scales_from_nothing_is_billed_by_the_hour() -> None:
    text = 'resource "azurerm_machine_learning_compute_cluster" "c" {{\n  location = "westeurope"\n  vm_size = "Standard_D4s_v5"\n  scale_settings {{\n    min_node_count = {least}\n  }}\n}}\n'
    assert "scales from nothing" in reasons(cost(text.format(least=0)))
    assert monthly(cost(text.format(least=2))) == pytest.approx(2 * 730 * 0.23)


WINDOWS = 'resource "azurerm_windows_virtual_machine" "w" {{\n  size = "Standard_D4s_v5"\n  location = "{region}"\n  {more}\n}}\n'


@pytest.mark.parametrize(
    ("region", "more", "usd"),
    [
        ("westeurope", "", 0.23 + 0.184),
        ("eastus", "", 0.192 + 0.184),
        ("westeurope", 'license_type = "Windows_Server"', 0.23),
    ],
)
def test_a_windows_machine_pays_for_windows_unless_it_brings_the_licence(
    region: str, more: str, usd: float
) -> None:
    result = cost(WINDOWS.format(region=region, more=more))
    assert sum(line.usd_per_month for line in result.cost_lines) == pytest.approx(730 * usd)
    assert not result.unpriced
    assert any(a.id == "cost.windows" for a in result.assumptions) == (not more)


def test_windows_at_spot_is_unpriced() -> None:
    assert "Windows at spot" in reasons(cost(WINDOWS.format(region="westeurope", more='priority = "Spot"')))


def test_a_module_with_a_provider_of_its_own_stands_in_that_region() -> None:
    machine = 'resource "aws_instance" "w" {\n  instance_type = "m5.large"\n}\n'
    files = {
        "main.tf": 'provider "aws" {\n  region = "us-east-1"\n}\nmodule "m" {\n  source = "./m"\n}\n'
        + machine,
        "m/main.tf": 'provider "aws" {\n  region = "eu-west-1"\n}\n' + machine,
    }
    assert {line.address: line.region for line in cost(files).cost_lines} == {
        "aws_instance.w": "us-east-1",
        "module.m.aws_instance.w": "eu-west-1",
    }
