"""Forms in which public modules and rule sets write their resources: found where they are faulty, left alone where they are not."""

from __future__ import annotations

import pytest

from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

ACCOUNT = 'resource "azurerm_storage_account" "a" {{\n  name = "shopdata"\n  {more}\n}}\n'
RULES = 'resource "azurerm_storage_account_network_rules" "r" {{\n  storage_account_id = azurerm_storage_account.a.id\n  default_action = "{action}"\n}}\n'
CLUSTER = 'resource "google_container_cluster" "c" {{\n  name = "shop"\n{more}\n}}\n'
AUTHORISED = (
    '  dynamic "master_authorized_networks_config" {{\n    for_each = (\n      {condition}\n    ) ? [1] : []\n    content {{\n      cidr_blocks {{\n'
    '        cidr_block = "10.0.0.0/8"\n      }}\n    }}\n  }}\n'
)
NAMES = 'variable "networks" {\n  default = []\n}\nlocals {\n  known = length(var.networks) > 0\n  never = false\n}\n'


def tf(content: str, path: str = "main.tf") -> Artefact:
    return Artefact(path=path, content=content)


def test_blobs_of_an_account_that_the_internet_does_not_reach_are_not_public() -> None:
    assert of(run(tf(ACCOUNT.format(more=""))), "IM-AZ-STORAGE-001")
    assert not of(run(tf(ACCOUNT.format(more="public_network_access_enabled = false"))), "IM-AZ-STORAGE-001")


@pytest.mark.parametrize(("action", "fails"), [("Allow", True), ("Deny", False)])
def test_network_rules_of_their_own_are_read_for_what_they_do(action: str, fails: bool) -> None:
    found = of(run(tf(ACCOUNT.format(more="") + RULES.format(action=action))), "IM-AZ-STORAGE-005")
    assert [f.resource for f in found] == (["azurerm_storage_account_network_rules.r"] if fails else [])


@pytest.mark.parametrize("lock", ["object_lock_enabled = true", "object_lock_configuration {\n  }"])
def test_a_bucket_with_object_lock_keeps_versions(lock: str) -> None:
    result = run(tf(f'resource "aws_s3_bucket" "b" {{\n  {lock}\n}}\n'))
    assert of(result, "IM-AWS-S3-005", Status.PASS)


def test_ports_that_are_written_as_numbers_and_lists_that_are_null_are_read() -> None:
    text = (
        'resource "azurerm_network_security_rule" "ssh" {\n  access = "Allow"\n  direction = "Inbound"\n  protocol = "Tcp"\n'
        '  destination_port_range = 22\n  destination_port_ranges = null\n  source_address_prefix = "*"\n  source_address_prefixes = null\n}\n'
    )
    (finding,) = of(run(tf(text)), "IM-AZ-NSG-001")
    assert finding.evidence[0].observed == "SSH (22) from 0.0.0.0/0"


def test_a_launch_template_gives_public_addresses_by_its_network_cards() -> None:
    text = 'resource "aws_launch_template" "t" {\n  network_interfaces {\n    associate_public_ip_address = "%s"\n  }\n}\n'
    (finding,) = of(run(tf(text % "true")), "IM-AWS-EC2-001")
    assert finding.evidence[0].line_start == 3
    assert of(run(tf(text % "false")), "IM-AWS-EC2-001", Status.PASS)


def test_a_slot_of_a_web_application_is_one() -> None:
    assert of(
        run(tf('resource "azurerm_linux_function_app_slot" "s" {\n  name = "next"\n}\n')), "IM-AZ-APP-001"
    )


def test_an_api_that_has_no_address_is_not_open() -> None:
    more = "  control_plane_endpoints_config {\n    ip_endpoints_config {\n      enabled = false\n    }\n  }"
    assert of(run(tf(CLUSTER.format(more=more))), "IM-GCP-GKE-001", Status.PASS)


@pytest.mark.parametrize("condition", ["length(var.networks) > 0", "local.known"])
def test_a_block_that_the_caller_of_a_module_decides_on_is_left_open(condition: str) -> None:
    text = NAMES + CLUSTER.format(more=AUTHORISED.format(condition=condition))
    result = run(tf(text, "modules/cluster/main.tf"))
    assert not of(result, "IM-GCP-GKE-001")
    assert of(result, "IM-GCP-GKE-001", Status.UNRESOLVABLE)


def test_a_block_that_nobody_can_switch_on_is_a_fault_in_a_module_too() -> None:
    text = NAMES + CLUSTER.format(more=AUTHORISED.format(condition="local.never"))
    assert of(run(tf(text, "modules/cluster/main.tf")), "IM-GCP-GKE-001")
    assert of(run(tf(CLUSTER.format(more=""), "modules/cluster/main.tf")), "IM-GCP-GKE-001")


def test_a_volume_is_encrypted_where_the_account_encrypts_by_default() -> None:
    volume = 'resource "aws_ebs_volume" "v" {\n  size = 1\n  %s\n}\n'
    default = 'resource "aws_ebs_encryption_by_default" "d" {\n  enabled = %s\n}\n'
    assert not of(run(tf(volume % "" + default % "true")), "IM-AWS-EBS-001")
    assert of(run(tf(volume % "" + default % "false")), "IM-AWS-EBS-001")
    assert of(run(tf(volume % "encrypted = false" + default % "true")), "IM-AWS-EBS-001")


@pytest.mark.parametrize(
    "more",
    ['customer_master_key_spec = "RSA_2048"\n  key_usage = "SIGN_VERIFY"', 'custom_key_store_id = "cks-1"'],
)
def test_a_key_that_kms_cannot_rotate_is_not_asked_to(more: str) -> None:
    key = 'resource "aws_kms_key" "k" {\n  %s\n}\n'
    assert of(run(tf(key % more)), "IM-AWS-KMS-001", Status.PASS)
    assert of(run(tf(key % "")), "IM-AWS-KMS-001")


@pytest.mark.parametrize(
    "project",
    [
        'resource "google_compute_project_metadata" "p" {\n  metadata = { enable-oslogin = "TRUE" }\n}\n',
        'resource "google_compute_project_metadata_item" "p" {\n  key = "enable-oslogin"\n  value = "TRUE"\n}\n',
    ],
)
def test_a_machine_takes_on_the_metadata_of_its_project(project: str) -> None:
    machine = 'resource "google_compute_instance" "m" {\n  %s\n}\n'
    assert not of(run(tf(project + machine % "")), "IM-GCP-VM-004")
    assert of(run(tf(project + machine % 'metadata = { enable-oslogin = "FALSE" }')), "IM-GCP-VM-004")
    assert of(run(tf(machine % "")), "IM-GCP-VM-004")


@pytest.mark.parametrize("block", ["set", "set_sensitive"])
def test_a_password_among_the_values_of_a_chart_is_found(block: str) -> None:
    chart = 'resource "helm_release" "g" {\n  chart = "grafana"\n  %s {\n    name  = "grafana.adminPassword"\n    value = "%s"\n  }\n}\n'
    (finding,) = of(run(tf(chart % (block, "hunter22"))), "IM-TF-SECRET-003")
    assert finding.evidence[0].line_start == 5
    assert not of(run(tf(chart % (block, "${var.password}"))), "IM-TF-SECRET-003")


def test_a_single_zone_is_weighed_once_and_by_the_agent_of_reliability() -> None:
    (finding,) = of(run(tf('resource "aws_db_instance" "d" {\n  multi_az = false\n}\n')), "IM-AWS-RDS-005")
    assert finding.severity == "info"
    replica = 'resource "aws_db_instance" "r" {\n  replicate_source_db = "main"\n}\n'
    assert not of(run(tf(replica)), "IM-AWS-RDS-005")
