"""Bills of resources against published reference values, and of what Kubernetes orders."""

from __future__ import annotations

import textwrap

import pytest

from infra_mind.agents.cost.kubernetes import quantity_gib
from infra_mind.model.result import AgentResult
from tests.unit.agents.test_cost_artefacts import AWS, cost, only, reasons


def monthly(result: AgentResult) -> float:
    return sum(line.usd_per_month for line in result.cost_lines)


@pytest.mark.parametrize(
    ("kind", "body", "usd"),
    [  # USD a month as Infracost's reference outputs have them (commit 95ba4f4, testdata/<kind>_test/<kind>_test.golden)
        ("aws_rds_cluster_instance", 'engine = "aurora-mysql"\ninstance_class = "db.t3.large"', 119.72),
        ("aws_rds_cluster_instance", 'engine = "aurora-postgresql"\ninstance_class = "db.t3.medium"', 59.86),
        ("aws_neptune_cluster_instance", 'instance_class = "db.r4.large"', 297.84),
        ("aws_docdb_cluster_instance", 'instance_class = "db.t3.medium"', 56.94),
        ("aws_vpc_endpoint", 'vpc_endpoint_type = "Interface"\nsubnet_ids = ["a", "b"]', 14.60),
        ("aws_kms_key", 'description = "x"', 1.00),
        ("aws_secretsmanager_secret", 'name = "x"', 0.40),
        ("aws_route53_zone", 'name = "x.test"', 0.50),
        ("aws_mq_broker", 'host_instance_type = "mq.m5.large"\ndeployment_mode = "ACTIVE_STANDBY_MULTI_AZ"', 420.48),
        ("aws_mq_broker", 'host_instance_type = "mq.m5.xlarge"\ndeployment_mode = "CLUSTER_MULTI_AZ"', 1261.44),
        ("aws_redshift_cluster", 'node_type = "dc2.large"\nnumber_of_nodes = 4', 730.00),
        ("aws_kinesis_stream", "shard_count = 4", 43.80),
        ("aws_kinesis_stream", 'stream_mode_details {\n  stream_mode = "ON_DEMAND"\n}', 29.20),
        ("aws_vpn_connection", 'type = "ipsec.1"', 36.50),
        ("aws_lb", 'load_balancer_type = "network"', 16.43),
        ("aws_nat_gateway", 'subnet_id = "a"', 32.85),
        ("aws_eip", "vpc = true", 3.65),
    ],
)  # fmt: skip
def test_aws_resources_cost_what_the_reference_says(kind: str, body: str, usd: float) -> None:
    result = cost(AWS + f'resource "{kind}" "x" {{\n{body}\n}}\n')
    assert monthly(result) == pytest.approx(usd, abs=0.006), reasons(result)
    assert not result.unpriced


@pytest.mark.parametrize(
    ("kind", "body", "usd"),
    [  # as above, all in eastus
        ("azurerm_app_service_plan", 'sku {\n  tier = "Standard"\n  size = "S1"\n}', 73.00),
        ("azurerm_redis_cache", 'sku_name = "Premium"\nfamily = "P"\ncapacity = 1', 404.42),
        ("azurerm_redis_cache", 'sku_name = "Premium"\nfamily = "P"\ncapacity = 1\nshard_count = 3', 1213.26),
        ("azurerm_redis_cache", 'sku_name = "Basic"\nfamily = "C"\ncapacity = 4', 153.30),
        ("azurerm_postgresql_server", 'sku_name = "GP_Gen5_4"\nstorage_mb = 4096000', 255.79 + 460.00),
        ("azurerm_mssql_database", 'sku_name = "GP_Gen5_4"\nmax_size_gb = 5', 444.47 + 291.90 + 0.58),
        ("azurerm_mssql_database", 'sku_name = "BC_Gen5_8"\nmax_size_gb = 10', 1777.90 + 2190.00 + 2.50),
        ("azurerm_mssql_database", 'sku_name = "S1"', 29.43),
        ("azurerm_application_gateway", 'sku {\n  name = "WAF_v2"\n}', 262.80),
        ("azurerm_virtual_network_gateway", 'sku = "VpnGw1"', 138.70),
        ("azurerm_firewall", 'sku_tier = "Premium"', 1277.50),
        ("azurerm_public_ip", 'allocation_method = "Static"', 3.65),
        ("azurerm_managed_disk", 'storage_account_type = "StandardSSD_LRS"\ndisk_size_gb = 1000', 76.80),
    ],
)  # fmt: skip
def test_azure_resources_cost_what_the_reference_says(kind: str, body: str, usd: float) -> None:
    result = cost(f'resource "{kind}" "x" {{\n  location = "eastus"\n{body}\n}}\n')
    assert monthly(result) == pytest.approx(usd, abs=0.03), reasons(result)
    assert not result.unpriced


@pytest.mark.parametrize(
    ("kind", "body", "usd"),
    [  # as above, all in us-central1
        ("google_sql_database_instance", 'database_version = "MYSQL_8_0"\nsettings {\n  tier = "db-f1-micro"\n}', 7.67 + 1.70),
        ("google_sql_database_instance", 'database_version = "POSTGRES_15"\nsettings {\n  tier = "db-custom-96-368640"\n}', 2894.30 + 1839.60 + 1.70),
        ("google_sql_database_instance", 'database_version = "POSTGRES_15"\nsettings {\n  tier = "db-custom-96-368640"\n  availability_type = "REGIONAL"\n}', 5788.61 + 3679.20 + 3.40),
        ("google_redis_instance", "memory_size_gb = 1", 35.77),
        ("google_redis_instance", 'memory_size_gb = 105\ntier = "STANDARD_HA"', 2299.50),
        ("google_compute_vpn_tunnel", 'name = "x"', 36.50),
        ("google_compute_address", 'name = "x"', 3.65),
    ],
)  # fmt: skip
def test_google_resources_cost_what_the_reference_says(kind: str, body: str, usd: float) -> None:
    text = f'provider "google" {{\n  region = "us-central1"\n}}\nresource "{kind}" "x" {{\n{body}\n}}\n'
    result = cost(text)
    assert monthly(result) == pytest.approx(usd, abs=0.02), reasons(result)
    assert not result.unpriced


def test_a_gateway_endpoint_and_a_free_plan_cost_nothing_and_are_not_unpriced() -> None:
    text = 'resource "aws_vpc_endpoint" "s3" {\n  service_name = "s3"\n}\nresource "azurerm_service_plan" "x" {\n  location = "eastus"\n  sku_name = "F1"\n}\n'
    result = cost(AWS + text)
    assert not result.cost_lines
    assert not result.unpriced


def test_a_fargate_service_is_priced_by_its_task() -> None:
    text = """
        resource "aws_ecs_task_definition" "t" {
          family = "t"
          cpu    = 1024
          memory = 2048
        }
        resource "aws_ecs_service" "s" {
          launch_type     = "FARGATE"
          desired_count   = 2
          task_definition = aws_ecs_task_definition.t.arn
        }
    """
    # Infracost's ecs_service_test: 2 vCPU 59.10, 4 GB 12.98
    assert monthly(cost(AWS + textwrap.dedent(text))) == pytest.approx(59.10 + 12.98, abs=0.01)


def test_a_flat_fee_is_the_same_in_a_region_that_the_list_lacks_and_that_is_said() -> None:
    text = 'provider "aws" {\n  region = "eu-west-1"\n}\nresource "aws_eks_cluster" "x" {\n  name = "x"\n}\n'
    result = cost(text)
    assert only(result).region == "eu-west-1"
    assert only(result).usd_per_month == pytest.approx(73.0)
    assert any("us-east-1" in a.text for a in result.assumptions)


def test_a_price_of_more_than_two_years_is_said_to_be_old() -> None:
    text = 'resource "aws_db_instance" "x" {\n  engine = "mysql"\n  instance_class = "db.t3.micro"\n}\n'
    result = cost(text, hosting={"provider": "aws", "region": "us-west-2"})
    assert any("2024-08-09" in a.text and "old_price" in a.id for a in result.assumptions)
    assert not any("old_price" in a.id for a in cost(AWS + 'resource "aws_eip" "x" {\n  vpc = true\n}\n').assumptions)  # fmt: skip


def test_forwarding_rules_of_a_region_are_paid_once() -> None:
    text = 'provider "google" {\n  region = "us-central1"\n}\n' + "".join(
        f'resource "google_compute_forwarding_rule" "{n}" {{\n  name = "{n}"\n}}\n' for n in "abc"
    )
    assert monthly(cost(text)) == pytest.approx(730 * 0.025)


def test_a_remote_module_is_unpriced_and_named() -> None:
    result = cost('module "eks" {\n  source = "terraform-aws-modules/eks/aws"\n}\n')
    assert "a remote module in main.tf" in reasons(result)


CLAIM = """
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: data}
    spec:
      CLASS
      resources: {requests: {storage: 100Gi}}
"""
OWN_CLASS = """
    ---
    apiVersion: storage.k8s.io/v1
    kind: StorageClass
    metadata: {name: fast}
    provisioner: PROVISIONER
    parameters: {type: KIND}
"""


def manifest(text: str, provider: str, region: str) -> AgentResult:
    return cost({"all.yaml": text}, hosting={"provider": provider, "region": region})


@pytest.mark.parametrize(
    ("provider", "region", "storage_class", "usd"),
    [  # price per GB and month (or disk and month) of the provider's list × 100 GiB
        ("aws", "eu-west-1", "storageClassName: gp3", 100 * 0.088),
        ("aws", "eu-west-1", "storageClassName: gp2", 100 * 0.11),
        ("aws", "eu-central-1", "storageClassName: gp3-encrypted", 100 * 0.0952),
        ("aws", "us-east-1", "accessModes: [ReadWriteOnce]", 100 * 0.10),
        ("gcp", "us-central1", "storageClassName: standard-rwo", 100 * 0.10),
        ("gcp", "us-central1", "storageClassName: premium-rwo", 100 * 0.17),
        ("azure", "eastus", "storageClassName: managed-csi-premium", 19.71),
    ],
)
def test_a_claim_costs_what_its_storage_class_costs(
    provider: str, region: str, storage_class: str, usd: float
) -> None:
    result = manifest(CLAIM.replace("CLASS", storage_class), provider, region)
    assert monthly(result) == pytest.approx(usd), reasons(result)


def test_a_class_among_the_files_says_what_its_volumes_are() -> None:
    own = OWN_CLASS.replace("PROVISIONER", "ebs.csi.aws.com").replace("KIND", "st1")
    text = textwrap.dedent(CLAIM.replace("CLASS", "storageClassName: fast")) + textwrap.dedent(own)
    assert only(manifest(text, "aws", "us-west-2")).sku == "ebs_st1"


def test_a_stateful_set_has_a_volume_for_each_pod() -> None:
    text = """
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: db}
        spec:
          replicas: 3
          volumeClaimTemplates:
            - metadata: {name: data}
              spec:
                storageClassName: gp3
                resources: {requests: {storage: 200Gi}}
    """
    line = only(manifest(text, "aws", "eu-west-1"))
    assert line.quantity == 600
    assert line.usd_per_month == pytest.approx(600 * 0.088)


@pytest.mark.parametrize(
    ("storage_class", "word"),
    [
        ("storageClassName: ceph", "neither among the files"),
        ('storageClassName: ""', "exists already"),
        ("volumeName: pv-7", "exists already"),
    ],
)
def test_a_claim_that_cannot_be_priced_says_why(storage_class: str, word: str) -> None:
    result = manifest(CLAIM.replace("CLASS", storage_class), "aws", "eu-west-1")
    assert not result.cost_lines
    assert word in reasons(result)


def test_without_hosting_a_claim_is_unpriced_and_the_field_is_named() -> None:
    result = cost({"all.yaml": CLAIM.replace("CLASS", "storageClassName: gp3")})
    assert "hosting.provider" in reasons(result)


SERVICE = """
    apiVersion: v1
    kind: Service
    metadata:
      name: web
      annotations: {NOTES}
    spec: {type: LoadBalancer}
"""


@pytest.mark.parametrize(
    ("provider", "region", "notes", "skus"),
    [
        ("aws", "eu-west-1", "", {"load_balancer_classic"}),
        ("aws", "eu-west-1", "service.beta.kubernetes.io/aws-load-balancer-type: nlb", {"load_balancer"}),
        ("azure", "uksouth", "", {"load_balancer", "public_ipv4"}),
        ("azure", "uksouth", 'service.beta.kubernetes.io/azure-load-balancer-internal: "true"', {"load_balancer"}),
        ("gcp", "europe-west1", "", {"forwarding_rule"}),
    ],
)  # fmt: skip
def test_a_service_orders_the_load_balancer_of_its_cloud(
    provider: str, region: str, notes: str, skus: set[str]
) -> None:
    result = manifest(SERVICE.replace("NOTES", notes), provider, region)
    assert {line.sku for line in result.cost_lines} == skus, reasons(result)


@pytest.mark.parametrize(
    ("text", "gib"),
    [("10Gi", 10), ("1Ti", 1024), ("512Mi", 0.5), ("1G", 1e9 / 2**30), ("x", None), (None, None)],
)
def test_quantities_of_kubernetes(text: str | None, gib: float | None) -> None:
    assert quantity_gib(text) == (None if gib is None else pytest.approx(gib))


@pytest.mark.parametrize(
    ("machine", "gpu", "priced", "unpriced"),
    [
        ("g2-standard-8", "nvidia-l4", ["g2-standard-8"], 0),
        ("n1-standard-4", "nvidia-tesla-t4", ["gpu_nvidia-tesla-t4", "n1-standard-4"], 0),
        ("n1-standard-4", "nvidia-tesla-p4", ["n1-standard-4"], 1),
    ],
)
def test_gpus_that_a_machine_type_holds_are_in_its_price(
    machine: str, gpu: str, priced: list[str], unpriced: int
) -> None:
    pool = (
        'provider "google" {{\n  region = "us-central1"\n}}\nresource "google_container_node_pool" "p" {{\n  location = "us-central1-a"\n  node_count = 1\n'
        '  node_config {{\n    machine_type = "{machine}"\n    guest_accelerator {{\n      type  = "{gpu}"\n      count = 1\n    }}\n  }}\n}}\n'
    )
    result = cost(pool.format(machine=machine, gpu=gpu))
    assert sorted(line.sku for line in result.cost_lines) == priced
    assert len(result.unpriced) == unpriced
