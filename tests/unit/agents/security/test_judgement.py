"""Cases that public examples taught: what must be found, and what must not be called a fault."""

from __future__ import annotations

import pytest

from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

REQUIRED = 'terraform {\n  required_providers {\n    aws = {\n      source  = "hashicorp/aws"\n      version = ">= 6.0"\n    }\n  }\n}\n'
POLICY = (
    'resource "aws_iam_user_policy" "p" {{\n  user   = "u"\n  policy = jsonencode({{Statement = [{{Effect = "Allow", '
    'Action = {action}, Resource = "*"}}]}})\n}}\n'
)  # fmt: skip


def tf(path: str, content: str) -> Artefact:
    return Artefact(path=path, content=content)


def test_a_module_that_is_called_needs_no_upper_bound_and_the_root_that_calls_it_does() -> None:
    call = 'module "net" {\n  source = "../modules/net"\n}\n'
    result = run(tf("live/main.tf", call + REQUIRED), tf("modules/net/versions.tf", REQUIRED))
    found = of(result, "IM-TF-PROVIDER-001")
    assert [f.evidence[0].artefact for f in found] == ["live/main.tf"]


@pytest.mark.parametrize(
    "action", ['["lambda:*"]', '["lambda:UpdateFunctionCode"]', '["glue:UpdateDevEndpoint"]']
)
def test_code_that_runs_with_another_role_widens_rights(action: str) -> None:
    assert of(run(tf("main.tf", POLICY.format(action=action))), "IM-AWS-IAM-003")


def test_an_agent_for_logs_that_is_off_keeps_none() -> None:
    form = 'resource "azurerm_kubernetes_cluster" "c" {{\n  addon_profile {{\n    oms_agent {{\n      enabled = {on}\n    }}\n  }}\n}}\n'
    assert of(run(tf("main.tf", form.format(on="false"))), "IM-AZ-AKS-003")
    assert of(run(tf("main.tf", form.format(on="true"))), "IM-AZ-AKS-003", Status.PASS)


def test_the_evidence_of_an_ipv6_rule_shows_its_own_range() -> None:
    text = (
        'resource "aws_network_acl" "a" {\n  ingress {\n    action          = "allow"\n    protocol        = "-1"\n'
        '    from_port       = 0\n    to_port         = 0\n    ipv6_cidr_block = "::/0"\n  }\n}\n'
    )
    (finding,) = of(run(tf("main.tf", text)), "IM-AWS-NACL-001")
    assert (finding.evidence[0].line_start, finding.evidence[0].observed) == (
        7,
        "SSH (22), RDP (3389) from ::/0",
    )


@pytest.mark.parametrize(
    ("rule", "text", "fails"),
    [
        ("IM-AWS-CACHE-001", 'resource "aws_elasticache_replication_group" "c" {\n  engine = "valkey"\n}\n', False),
        ("IM-AWS-CACHE-001", 'resource "aws_elasticache_replication_group" "c" {\n  engine = "redis"\n}\n', True),
        ("IM-AWS-REDSHIFT-002", 'resource "aws_redshift_cluster" "c" {\n  node_type = "ra3.large"\n}\n', False),
        ("IM-AWS-REDSHIFT-002", 'resource "aws_redshift_cluster" "c" {\n  encrypted = false\n}\n', True),
    ],
)  # fmt: skip
def test_what_is_absent_is_what_the_provider_takes_today(rule: str, text: str, fails: bool) -> None:
    assert bool(of(run(tf("main.tf", text)), rule)) is fails
