"""Disks of machines that are ordered by the group: each machine has its own, and none is left out in silence."""

from __future__ import annotations

import pytest

from infra_mind.model.finding import Severity
from tests.unit.agents.test_cost_artefacts import AWS, cost, reasons

TEMPLATE = (
    'resource "aws_launch_template" "t" {\n  instance_type = "m5.large"\n  block_device_mappings {\n    ebs {\n      volume_size = 200\n'
    '      volume_type = "gp3"\n    }\n  }\n}\n'
)
AKS = 'resource "azurerm_kubernetes_cluster" "a" {{\n  location = "eastus"\n  default_node_pool {{\n    vm_size = "Standard_D4s_v5"\n    node_count = 3\n    {more}\n  }}\n}}\n'
POOL = (
    'resource "google_container_node_pool" "p" {\n  location = "us-central1"\n  node_count = 2\n  node_config {\n    machine_type = "n2-standard-4"\n'
    "    disk_size_gb = 100\n  }\n}\n"
)


def disks(text: str) -> dict[str, float]:
    return {line.sku.split()[0]: line.quantity for line in cost(text).cost_lines if "hour" not in line.unit}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('resource "aws_eks_node_group" "g" {\n  disk_size = 100\n  scaling_config {\n    desired_size = 3\n  }\n}\n', {"ebs_gp2": 300}),
        (TEMPLATE + 'resource "aws_eks_node_group" "g" {\n  launch_template {\n    id = aws_launch_template.t.id\n  }\n  scaling_config {\n    desired_size = 3\n  }\n}\n', {"ebs_gp3": 600}),
        (TEMPLATE + 'resource "aws_autoscaling_group" "g" {\n  desired_capacity = 2\n  launch_template {\n    id = aws_launch_template.t.id\n  }\n}\n', {"ebs_gp3": 400}),
        ('resource "aws_launch_configuration" "t" {\n  instance_type = "m5.large"\n  root_block_device {\n    volume_size = 50\n  }\n}\n'
         'resource "aws_autoscaling_group" "g" {\n  min_size = 4\n  launch_configuration = aws_launch_configuration.t.name\n}\n', {"ebs_gp2": 200}),
        ('resource "aws_eks_node_group" "g" {\n  scaling_config {\n    desired_size = 3\n  }\n}\n', {}),
    ],
)  # fmt: skip
def test_each_machine_of_a_group_has_its_disk(text: str, expected: dict[str, float]) -> None:
    assert disks(AWS + text) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("os_disk_size_gb = 128", {"disk_P10_lrs": 3}),
        ('os_disk_size_gb = 128\n    os_disk_type = "Ephemeral"', {}),
        ("", {}),
    ],
)
def test_a_disk_of_a_node_of_azure_is_a_managed_one_unless_it_is_the_machine_s_own(
    more: str, expected: dict[str, float]
) -> None:
    assert disks(AKS.format(more=more)) == expected


def test_nodes_of_a_regional_pool_of_google_have_a_disk_in_each_zone() -> None:
    assert disks('provider "google" {\n  region = "us-central1"\n}\n' + POOL) == {"pd_balanced": 600}


@pytest.mark.parametrize(
    ("mode", "word"),
    [
        ("", "provisioned capacity"),
        ('billing_mode = "PROVISIONED"', "provisioned capacity"),
        ('billing_mode = "PAY_PER_REQUEST"', "billed by use"),
    ],
)
def test_a_table_says_why_it_has_no_price(mode: str, word: str) -> None:
    result = cost(AWS + f'resource "aws_dynamodb_table" "t" {{\n  read_capacity = 5\n  {mode}\n}}\n')
    assert word in reasons(result)
    assert len(result.unpriced) == 1


@pytest.mark.parametrize("kind", ["aws_lambda_provisioned_concurrency_config", "azurerm_search_service"])
def test_what_costs_money_and_is_in_no_list_is_named(kind: str) -> None:
    assert "no dated price list" in reasons(cost(AWS + f'resource "{kind}" "x" {{\n  name = "x"\n}}\n'))


@pytest.mark.parametrize(("gib", "severity"), [(49, Severity.INFO), (50, Severity.LOW)])
def test_a_saving_of_less_than_a_dollar_a_month_is_told_and_is_no_weakness(
    gib: int, severity: Severity
) -> None:
    result = cost(
        AWS + f'resource "aws_ebs_volume" "data" {{\n  availability_zone = "us-east-1a"\n  size = {gib}\n}}\n'
    )
    (found,) = [f for f in result.findings if f.rule_id == "cost.gp2-volume"]
    assert found.severity is severity
