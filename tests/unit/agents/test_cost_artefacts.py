"""Cost of what stands in the artefacts: resources are read as a person reads them, and shown beside the brief's total."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cost import AGENT
from infra_mind.agents.cost.kubernetes import quantity_gib
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.brief import parse_brief
from infra_mind.model.inventory import Artefact
from infra_mind.model.result import AgentResult, CostLine

AWS = 'provider "aws" {\n  region = "us-east-1"\n}\n'


def cost(files: dict[str, str] | str, **brief: Any) -> AgentResult:
    given = {"main.tf": files} if isinstance(files, str) else files
    inventory = build_inventory([Artefact(path=p, content=textwrap.dedent(t)) for p, t in given.items()])
    return AGENT.assess(Inputs(brief=parse_brief({"name": "test", **brief}), inventory=inventory), silent)


def lines(result: AgentResult) -> dict[str, CostLine]:
    return {f"{line.address}:{line.sku}": line for line in result.cost_lines}


def only(result: AgentResult) -> CostLine:
    assert len(result.cost_lines) == 1, result.unpriced
    return result.cost_lines[0]


def reasons(result: AgentResult) -> str:
    return " | ".join(f"{u.what}: {u.reason}" for u in result.unpriced)


def test_an_instance_has_address_file_and_line() -> None:
    line = only(cost(AWS + 'resource "aws_instance" "web" {\n  instance_type = "m5.xlarge"\n}\n'))
    assert (line.address, line.artefact, line.line) == ("aws_instance.web", "main.tf", 4)
    assert line.usd_per_month == pytest.approx(730 * 0.192)
    assert line.origin == "artefact"


def test_artefacts_stand_beside_the_total_of_the_brief() -> None:
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "m5.xlarge", "count": 3}]}
    result = cost(
        AWS + 'resource "aws_instance" "web" {\n  instance_type = "m5.xlarge"\n}\n', hosting=hosting
    )
    facts = {f.id: f.value for f in result.facts}
    assert facts["cost.total_usd_per_month"] == pytest.approx(420.48)
    assert facts["cost.artefacts_usd_per_month"] == pytest.approx(140.16)


def test_artefacts_alone_make_no_total_of_the_brief() -> None:
    result = cost(AWS + 'resource "aws_instance" "web" {\n  instance_type = "m5.xlarge"\n}\n')
    assert "cost.total_usd_per_month" not in {f.id for f in result.facts}


def test_commitments_of_the_brief_do_not_change_artefact_prices() -> None:
    budget = {"commitment_discount": 0.5, "commitment_coverage": 1.0}
    line = only(
        cost(AWS + 'resource "aws_instance" "web" {\n  instance_type = "m5.xlarge"\n}\n', budget=budget)
    )
    assert (line.purchase, line.usd_per_unit) == ("on_demand", 0.192)


def test_every_copy_of_a_counted_resource_is_priced() -> None:
    result = cost(AWS + 'resource "aws_instance" "web" {\n  count = 3\n  instance_type = "m5.xlarge"\n}\n')
    assert sum(line.usd_per_month for line in result.cost_lines) == pytest.approx(420.48)


def test_count_zero_costs_nothing_and_is_not_unpriced() -> None:
    result = cost(AWS + 'resource "aws_instance" "web" {\n  count = 0\n  instance_type = "m5.xlarge"\n}\n')
    assert not result.cost_lines
    assert not result.unpriced


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('count = length(data.aws_availability_zones.here.names)\n  instance_type = "m5.large"', "how many"),
        ("instance_type = var.size", "var.size"),
        ('instance_type = "m5.huge"', "m5.huge"),
        ("ami = 1", "instance_type is not given"),
        ('instance_type = "m5.large"\n  tenancy = "dedicated"', "dedicated"),
    ],
)
def test_what_cannot_be_known_is_unpriced_with_its_reason(body: str, word: str) -> None:
    result = cost(AWS + f'variable "size" {{}}\nresource "aws_instance" "web" {{\n  {body}\n}}\n')
    assert not result.cost_lines
    assert word in reasons(result)


def test_region_comes_from_alias_zone_then_provider_then_brief() -> None:
    files = """
        provider "aws" {
          region = "us-east-1"
        }
        provider "aws" {
          alias  = "west"
          region = "us-west-2"
        }
        resource "aws_instance" "a" {
          provider      = aws.west
          instance_type = "m5.large"
        }
        resource "aws_instance" "b" {
          availability_zone = "eu-central-1b"
          instance_type     = "m5.large"
        }
        resource "aws_instance" "c" {
          instance_type = "m5.large"
        }
    """
    found = {line.address: line.region for line in cost(files).cost_lines}
    assert found == {
        "aws_instance.a": "us-west-2",
        "aws_instance.b": "eu-central-1",
        "aws_instance.c": "us-east-1",
    }


def test_without_any_region_it_is_unpriced_unless_the_brief_names_one() -> None:
    text = 'resource "aws_instance" "web" {\n  instance_type = "m5.large"\n}\n'
    assert "region" in reasons(cost(text))
    assert only(cost(text, hosting={"provider": "aws", "region": "eu-west-1"})).region == "eu-west-1"
    assert "region" in reasons(cost(text, hosting={"provider": "gcp", "region": "europe-west1"}))


def test_folders_with_their_own_provider_keep_their_regions() -> None:
    files = {
        f"{name}/main.tf": f'provider "aws" {{\n  region = "{region}"\n}}\nresource "aws_instance" "{name}" {{\n  instance_type = "m5.large"\n}}\n'
        for name, region in (("one", "us-east-1"), ("two", "eu-west-1"))
    }
    assert {line.address: line.region for line in cost(files).cost_lines} == {
        "aws_instance.one": "us-east-1",
        "aws_instance.two": "eu-west-1",
    }


def test_a_scaling_group_takes_the_type_of_its_launch_template() -> None:
    line = only(
        cost(
            AWS
            + """
resource "aws_launch_template" "lt" {
  instance_type = "c5.xlarge"
}
resource "aws_autoscaling_group" "asg" {
  min_size         = 1
  max_size         = 9
  desired_capacity = 4
  launch_template {
    id = aws_launch_template.lt.id
  }
}
"""
        )
    )
    assert line.usd_per_month == pytest.approx(4 * 730 * 0.17)


def test_an_eks_node_group_at_its_desired_size_and_the_control_plane() -> None:
    found = lines(
        cost(
            AWS
            + """
resource "aws_eks_cluster" "main" {
  name = "main"
}
resource "aws_eks_node_group" "workers" {
  cluster_name   = aws_eks_cluster.main.name
  instance_types = ["m5.xlarge"]
  scaling_config {
    desired_size = 3
    min_size     = 1
    max_size     = 10
  }
}
"""
        )
    )
    assert found["aws_eks_node_group.workers:m5.xlarge"].usd_per_month == pytest.approx(420.48)
    assert found["aws_eks_cluster.main:eks_cluster"].usd_per_month == pytest.approx(73)


def test_a_standby_database_costs_twice_and_its_storage_too() -> None:
    body = 'engine = "postgres"\n  instance_class = "db.m5.large"\n  allocated_storage = 100\n  multi_az = {}'
    single, double = (
        cost(AWS + f'resource "aws_db_instance" "db" {{\n  {body.format(flag)}\n}}\n')
        for flag in ("false", "true")
    )
    assert sum(line.usd_per_month for line in single.cost_lines) == pytest.approx(730 * 0.178 + 100 * 0.115)
    assert sum(line.usd_per_month for line in double.cost_lines) == pytest.approx(
        2 * (730 * 0.178 + 100 * 0.115)
    )


def test_volumes_load_balancers_and_nat_gateways() -> None:
    found = lines(
        cost(
            AWS
            + """
resource "aws_ebs_volume" "data" {
  availability_zone = "us-east-1a"
  size              = 500
  type              = "gp3"
}
resource "aws_lb" "front" {
  load_balancer_type = "application"
}
resource "aws_nat_gateway" "out" {
  subnet_id = "subnet-1"
}
"""
        )
    )
    assert found["aws_ebs_volume.data:ebs_gp3"].usd_per_month == pytest.approx(40)
    assert found["aws_lb.front:load_balancer"].usd_per_month == pytest.approx(730 * 0.0225)
    assert found["aws_nat_gateway.out:nat_gateway"].usd_per_month == pytest.approx(730 * 0.045)


def test_gp2_volumes_are_a_saving_with_its_amount() -> None:
    result = cost(
        AWS + 'resource "aws_ebs_volume" "data" {\n  availability_zone = "us-east-1a"\n  size = 100\n}\n'
    )
    found = next(f for f in result.findings if f.rule_id == "cost.gp2-volume")
    assert found.impact
    assert found.impact.usd_per_month == pytest.approx(2.0)
    assert found.evidence[0].artefact == "main.tf"


AZURE_GROUP = 'resource "azurerm_resource_group" "rg" {\n  name = "rg"\n  location = "West Europe"\n}\n'


def test_an_azure_machine_stands_where_its_group_stands() -> None:
    line = only(
        cost(
            AZURE_GROUP
            + """
resource "azurerm_linux_virtual_machine" "vm" {
  size                = "Standard_D4s_v5"
  location            = azurerm_resource_group.rg.location
  resource_group_name = azurerm_resource_group.rg.name
}
"""
        )
    )
    assert line.region == "westeurope"
    assert line.usd_per_month == pytest.approx(730 * 0.23)


def test_an_aks_cluster_has_its_default_pool() -> None:
    found = lines(
        cost(
            """
            resource "azurerm_kubernetes_cluster" "aks" {
              location = "westeurope"
              sku_tier = "Standard"
              default_node_pool {
                name       = "default"
                vm_size    = "Standard_D4s_v5"
                node_count = 3
              }
            }
            """
        )
    )
    assert found["azurerm_kubernetes_cluster.aks:Standard_D4s_v5"].usd_per_month == pytest.approx(
        3 * 730 * 0.23
    )
    assert found["azurerm_kubernetes_cluster.aks:aks_uptime_sla"].usd_per_month == pytest.approx(73)


def test_a_managed_disk_pays_for_the_tier_that_holds_it() -> None:
    text = 'resource "azurerm_managed_disk" "d" {{\n  location = "westeurope"\n  storage_account_type = "Premium_LRS"\n  disk_size_gb = {}\n}}\n'
    assert only(cost(text.format(128))).sku == "disk_P10_lrs"
    assert only(cost(text.format(129))).sku == "disk_P15_lrs"


def test_windows_machines_are_unpriced() -> None:
    text = 'resource "azurerm_windows_virtual_machine" "w" {\n  size = "Standard_D4s_v5"\n  location = "westeurope"\n}\n'
    assert "Windows" in reasons(cost(text))


def test_a_google_machine_by_zone_with_its_boot_disk() -> None:
    found = lines(
        cost(
            """
            resource "google_compute_instance" "vm" {
              machine_type = "e2-standard-4"
              zone         = "us-central1-a"
              boot_disk {
                initialize_params {
                  size = 100
                  type = "pd-ssd"
                }
              }
            }
            """
        )
    )
    assert found["google_compute_instance.vm:e2-standard-4"].usd_per_month == pytest.approx(730 * 0.134023)
    assert found["google_compute_instance.vm:pd_ssd"].usd_per_month == pytest.approx(17)


@pytest.mark.parametrize(("location", "zones"), [("us-central1", 3), ("us-central1-a", 1)])
def test_a_regional_node_pool_counts_its_zones(location: str, zones: int) -> None:
    line = only(
        cost(
            f"""
            resource "google_container_node_pool" "pool" {{
              location   = "{location}"
              node_count = 2
              node_config {{
                machine_type = "e2-standard-4"
              }}
            }}
            """
        )
    )
    assert line.quantity == pytest.approx(2 * zones * 730)


@pytest.mark.parametrize(
    ("kind", "word"), [("aws_s3_bucket", "billed by use"), ("aws_emr_cluster", "no dated price list")]
)
def test_what_is_billed_by_use_or_has_no_list_is_unpriced(kind: str, word: str) -> None:
    assert word in reasons(cost(AWS + f'resource "{kind}" "x" {{\n  name = "x"\n}}\n'))


def test_kinds_that_this_agent_does_not_know_are_counted() -> None:
    result = cost(AWS + 'resource "aws_iam_role" "r" {\n  name = "r"\n}\n')
    assert result.details["kinds_without_price_model"] == {"aws_iam_role": 1}
    assert not result.unpriced


def test_kubernetes_load_balancers_and_claims_are_unpriced() -> None:
    result = cost(
        {
            "k.yaml": """
                apiVersion: v1
                kind: Service
                metadata: {name: web}
                spec: {type: LoadBalancer, ports: [{port: 80}]}
                ---
                apiVersion: v1
                kind: PersistentVolumeClaim
                metadata: {name: data}
                spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}
            """
        }
    )
    assert len(result.unpriced) == 2
    assert "20Gi" in reasons(result)


def test_hostile_values_are_unpriced_and_never_an_error() -> None:
    text = """
        provider "aws" {
          region = "us-east-1"
        }
        resource "aws_eks_node_group" "g" {
          instance_types = [{ a = 1 }]
          scaling_config {
            desired_size = "many"
          }
        }
        resource "aws_ebs_volume" "v" {
          size = -5
          type = ["gp3"]
        }
        resource "aws_db_instance" "d" {
          engine         = { x = 1 }
          instance_class = "db.t3.micro"
          multi_az       = "perhaps"
        }
        resource "aws_instance" "i" {
          instance_type     = "m5.large"
          root_block_device = "none"
        }
    """
    result = cost(text)
    assert all(line.usd_per_month >= 0 for line in result.cost_lines)
    assert result.unpriced


def test_what_a_newer_generation_saves_is_a_fact_said_once() -> None:
    result = cost(
        AWS + "".join(
            f'resource "aws_instance" "i{n}" {{\n  ami = "a"\n  instance_type = "m4.large"\n}}\n'
            f'resource "aws_ebs_volume" "v{n}" {{\n  availability_zone = "us-east-1a"\n  size = 100\n}}\n' for n in range(3)
        )
    )  # fmt: skip
    facts = {fact.id: fact.value for fact in result.facts}
    assert len(facts) == len(result.facts)
    for rule in ("cost.older-generation", "cost.gp2-volume"):
        found = [f for f in result.findings if f.rule_id == rule]
        assert len(found) == 3
        assert all(set(f.facts) <= set(facts) and f.facts for f in found)


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


def test_a_price_of_2021_is_said_to_be_old() -> None:
    text = 'resource "aws_db_instance" "x" {\n  engine = "mysql"\n  instance_class = "db.t3.micro"\n}\n'
    result = cost(text, hosting={"provider": "aws", "region": "us-west-2"})
    assert any("2021-08-03" in a.text and "old_price" in a.id for a in result.assumptions)
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
