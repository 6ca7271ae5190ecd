"""Cost of what stands in the artefacts: resources are read as a person reads them, and shown beside the brief's total."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cost import AGENT
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
