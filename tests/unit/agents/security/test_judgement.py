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


ACL = (
    'resource "aws_network_acl" "a" {{\n  ingress {{\n    rule_no    = 100\n    action     = "allow"\n    protocol   = "-1"\n'
    '    from_port  = 0\n    to_port    = 0\n    cidr_block = "0.0.0.0/0"\n  }}\n  ingress {{\n    rule_no    = {number}\n'
    '    action     = "deny"\n    protocol   = "{protocol}"\n    from_port  = {port}\n    to_port    = {port}\n'
    '    cidr_block = "{cidr}"\n  }}\n}}\n'
)


@pytest.mark.parametrize(
    ("denied", "observed"),
    [
        ({}, "RDP (3389) from 0.0.0.0/0"),
        ({"port": 3389}, "SSH (22) from 0.0.0.0/0"),
        (
            {"number": 200},
            "SSH (22), RDP (3389) from 0.0.0.0/0",
        ),  # too late: the first rule that matches decides
        ({"protocol": "udp"}, "SSH (22), RDP (3389) from 0.0.0.0/0"),
        ({"cidr": "10.0.0.0/8"}, "SSH (22), RDP (3389) from 0.0.0.0/0"),
        ({"number": "var.n"}, "SSH (22), RDP (3389) from 0.0.0.0/0"),
        ({"protocol": "-1"}, None),  # everything is denied before
    ],
)
def test_what_an_acl_denies_before_it_allows_stays_denied(
    denied: dict[str, object], observed: str | None
) -> None:
    text = ACL.format(**{"number": 90, "protocol": "tcp", "port": 22, "cidr": "0.0.0.0/0", **denied})
    found = of(run(tf("main.tf", text)), "IM-AWS-NACL-001")
    assert [f.evidence[0].observed for f in found] == ([observed] if observed else [])


APART = (
    'resource "aws_network_acl" "a" {{\n  vpc_id = "vpc-1"\n{inline}}}\n'
    'resource "aws_network_acl" "b" {{\n  vpc_id = "vpc-1"\n}}\n'
    'resource "aws_network_acl_rule" "allow" {{\n  network_acl_id = aws_network_acl.a.id\n  rule_number = 100\n  rule_action = "allow"\n'
    '  protocol = "-1"\n  from_port = 0\n  to_port = 0\n  cidr_block = "0.0.0.0/0"\n}}\n'
    'resource "aws_network_acl_rule" "deny" {{\n  count = {count}\n  network_acl_id = {acl}\n  egress = {egress}\n  rule_number = {number}\n'
    '  rule_action = "deny"\n  protocol = "{protocol}"\n  from_port = {port}\n  to_port = {port}\n  cidr_block = "{cidr}"\n}}\n'
)
INLINE = (
    '  ingress {\n    rule_no = 100\n    action = "allow"\n    protocol = "tcp"\n    from_port = 22\n    to_port = 22\n'
    '    cidr_block = "0.0.0.0/0"\n  }\n'
)


@pytest.mark.parametrize(
    ("denied", "observed"),
    [
        ({}, ["RDP (3389) from 0.0.0.0/0"]),
        ({"number": 200}, ["SSH (22), RDP (3389) from 0.0.0.0/0"]),
        ({"acl": "aws_network_acl.b.id"}, ["SSH (22), RDP (3389) from 0.0.0.0/0"]),
        ({"egress": "true"}, ["SSH (22), RDP (3389) from 0.0.0.0/0"]),
        ({"egress": "var.e"}, ["SSH (22), RDP (3389) from 0.0.0.0/0"]),
        ({"count": "var.c"}, ["SSH (22), RDP (3389) from 0.0.0.0/0"]),
        ({"protocol": "udp"}, ["SSH (22), RDP (3389) from 0.0.0.0/0"]),
        ({"protocol": "-1"}, []),
        ({"inline": INLINE}, ["RDP (3389) from 0.0.0.0/0"]),  # what is denied apart is not open inline either
        ({"inline": INLINE, "port": 3389}, ["SSH (22) from 0.0.0.0/0", "SSH (22) from 0.0.0.0/0"]),
    ],
)
def test_a_deny_in_a_resource_of_its_own_counts_for_its_acl(
    denied: dict[str, object], observed: list[str]
) -> None:
    given = {"inline": "", "count": 1, "acl": "aws_network_acl.a.id", "egress": "false", "number": 90, "protocol": "tcp",
             "port": 22, "cidr": "0.0.0.0/0", **denied}  # fmt: skip
    found = of(run(tf("main.tf", APART.format(**given))), "IM-AWS-NACL-001")
    assert [f.evidence[0].observed for f in found] == observed


def test_a_deny_for_one_of_several_acls_is_not_taken_for_anothers() -> None:
    text = APART.replace(
        "network_acl_id = aws_network_acl.a.id", 'network_acl_id = aws_network_acl.a["x"].id'
    )
    many = text.replace('"a" {{\n', '"a" {{\n  for_each = toset(["x", "y"])\n')
    given = {"inline": "", "count": 1, "acl": 'aws_network_acl.a["y"].id', "egress": "false", "number": 90, "protocol": "-1",
             "port": 0, "cidr": "0.0.0.0/0"}  # fmt: skip
    found = of(run(tf("main.tf", many.format(**given))), "IM-AWS-NACL-001")
    assert [f.evidence[0].observed for f in found] == ["SSH (22), RDP (3389) from 0.0.0.0/0"]


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


_DOCUMENT = 'data "aws_iam_policy_document" "d" {{\n  statement {{\n    actions   = ["{action}"]\n    resources = ["*"]\n{more}\n  }}\n}}\n'
_ROOT = '"arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"'
_WHO = '    principals {{\n      type        = "{type}"\n      identifiers = {names}\n    }}'
_KEY = 'resource "aws_kms_key" "k" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
_OF_IDENTITIES = ("IM-AWS-IAM-001", "IM-AWS-IAM-002", "IM-AWS-IAM-003")


@pytest.mark.parametrize(
    ("kind", "names"),
    [("AWS", f"[{_ROOT}]"), ("Service", '["logs.${data.aws_region.current.name}.amazonaws.com"]'), ("Service", '["logs.amazonaws.com"]')],
)  # fmt: skip
def test_the_policy_of_a_key_is_no_policy_of_an_identity_whoever_its_principal_is(
    kind: str, names: str
) -> None:
    text = _DOCUMENT.format(action="kms:*", more=_WHO.format(type=kind, names=names)) + _KEY
    result = run(tf("main.tf", text))
    for rule in (*_OF_IDENTITIES, "IM-AWS-IAM-005"):
        assert not of(result, rule), rule
        assert not of(result, rule, Status.UNRESOLVABLE), rule
        assert of(result, rule, Status.PASS), rule


def test_actions_that_are_known_decide_whatever_the_resource_is() -> None:
    text = (
        'variable "bucket" {}\n'
        + _DOCUMENT.format(action="s3:GetObject", more="").replace('["*"]', '["${var.bucket}/*"]')
    )  # fmt: skip
    result = run(tf("main.tf", text))
    assert all(of(result, rule, Status.PASS) for rule in _OF_IDENTITIES)


_TRUST = 'variable "who" {}\nresource "aws_iam_role" "r" {\n  assume_role_policy = jsonencode({Statement = [%s]})\n}\n'


@pytest.mark.parametrize(
    "statement",
    [
        '{Effect = "Allow", Action = "sts:AssumeRole", Principal = {AWS = var.who}}',
        '{Effect = "Allow", Action = "sts:AssumeRole", Principal = var.who}',
        '{Effect = var.who, Action = "sts:AssumeRole", Principal = "*"}',
        "var.who",
    ],
)
def test_a_trust_that_a_variable_may_open_to_everyone_is_not_called_closed(statement: str) -> None:
    result = run(tf("main.tf", _TRUST % statement))
    assert of(result, "IM-AWS-IAM-004", Status.UNRESOLVABLE)
    assert not of(result, "IM-AWS-IAM-004", Status.PASS)


_GITHUB = '{Effect = "Allow", Action = "sts:AssumeRoleWithWebIdentity", Principal = {Federated = "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"}%s}'
_CLAIM = "token.actions.githubusercontent.com:"


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("", Status.FAIL),
        (f', Condition = {{StringEquals = {{"{_CLAIM}aud" = "sts.amazonaws.com"}}}}', Status.FAIL),
        (f', Condition = {{StringLike = {{"{_CLAIM}sub" = ["repo:acme/app:*", "repo:*"]}}}}', Status.FAIL),
        (f', Condition = {{StringNotEquals = {{"{_CLAIM}sub" = "repo:acme/app:x"}}}}', Status.FAIL),
        (f', Condition = {{StringLike = {{"{_CLAIM}sub" = "repo:acme/*"}}}}', Status.PASS),
        (f', Condition = {{StringEquals = {{"{_CLAIM}repository" = "acme/app"}}}}', Status.PASS),
        (f', Condition = {{StringEquals = {{"{_CLAIM}sub" = var.who}}}}', Status.UNRESOLVABLE),
        (", Condition = var.who", Status.UNRESOLVABLE),
    ],
)
def test_a_role_for_github_asks_for_the_repository(condition: str, status: Status) -> None:
    result = run(tf("main.tf", _TRUST % (_GITHUB % condition)))
    for other in (Status.FAIL, Status.PASS, Status.UNRESOLVABLE):
        assert bool(of(result, "IM-AWS-IAM-009", other)) is (other is status), other


def test_the_same_trust_as_a_document() -> None:
    text = """
data "aws_iam_policy_document" "t" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:%s"
      values   = ["repo:acme/app:environment:production"]
    }
  }
}
resource "aws_iam_role" "r" {
  assume_role_policy = data.aws_iam_policy_document.t.json
}
"""
    assert of(run(tf("main.tf", text % "aud")), "IM-AWS-IAM-009")
    assert of(run(tf("main.tf", text % "sub")), "IM-AWS-IAM-009", Status.PASS)


def test_everyone_but_the_named_is_everyone() -> None:
    text = (
        _TRUST
        % '{Effect = "Allow", Action = "sts:AssumeRole", NotPrincipal = {AWS = "arn:aws:iam::123456789012:root"}}'
    )
    (finding,) = of(run(tf("main.tf", text)), "IM-AWS-IAM-004")
    assert finding.evidence[0].observed == "everyone but the principals in NotPrincipal"


_PUT_TOGETHER = 'data "aws_iam_policy_document" "d" {\n  source_policy_documents = [%s]\n}\n' + _KEY


def test_a_policy_put_together_from_documents_is_followed_to_them() -> None:
    part = _DOCUMENT.format(
        action="kms:Decrypt", more=_WHO.format(type="AWS", names='["*", aws_iam_role.r.arn]')
    ).replace('"d"', '"part"')
    text = _PUT_TOGETHER % "data.aws_iam_policy_document.part.json" + part
    (finding,) = of(run(tf("main.tf", text)), "IM-AWS-IAM-005")
    assert finding.evidence[0].observed == 'Principal "*" may kms:Decrypt'


def test_a_policy_put_together_from_what_is_not_known_is_not_called_closed() -> None:
    result = run(tf("main.tf", 'variable "more" {}\n' + _PUT_TOGETHER % "var.more"))
    assert of(result, "IM-AWS-IAM-005", Status.UNRESOLVABLE)
    assert not of(result, "IM-AWS-IAM-005", Status.PASS)


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ("aws_iam_policy.own.arn", Status.PASS),
        ("data.aws_iam_policy.some.arn", Status.UNRESOLVABLE),
        ('"arn:aws:iam::aws:policy/AdministratorAccess"', Status.FAIL),
    ],
)
def test_a_policy_of_ones_own_is_none_of_the_managed_ones(policy: str, status: Status) -> None:
    text = (
        f'resource "aws_iam_role_policy_attachment" "a" {{\n  role       = "r"\n  policy_arn = {policy}\n}}\n'
    )
    result = run(tf("main.tf", text))
    assert [s for s in Status if of(result, "IM-AWS-IAM-006", s)] == [status]


_BLOCK = 'variable "block" {\n  default = false\n}\nresource "aws_s3_account_public_access_block" "b" {\n  block_public_acls       = %s\n' + (
    "  block_public_policy     = true\n  ignore_public_acls      = true\n  restrict_public_buckets = true\n}\n"
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "call", "status"),
    [
        ("modules/s3/main.tf", "var.block", "", Status.UNRESOLVABLE),
        ("modules/s3/main.tf", "false", "", Status.FAIL),
        ("modules/s3/main.tf", "var.block", 'module "m" {\n  source = "./modules/s3"\n}\n', Status.FAIL),
        ("main.tf", "var.block", "", Status.FAIL),
    ],
)
def test_the_default_of_a_module_that_nothing_calls_is_no_fault_yet(
    path: str, value: str, call: str, status: Status
) -> None:
    result = run(tf(path, _BLOCK % value), *([tf("root.tf", call)] if call else []))
    (finding,) = [f for s in (Status.FAIL, Status.UNRESOLVABLE) for f in of(result, "IM-AWS-S3-003", s)]
    assert finding.status is status
    assert ("the default of var.block" in (finding.evidence[0].observed or "")) is (
        status is Status.UNRESOLVABLE
    )


def test_a_port_without_one_of_the_host_gets_one_that_docker_picks() -> None:
    text = "services:\n  cache:\n    image: redis:7\n    ports: [6379]\n"
    (finding,) = of(run(Artefact(path="compose.yaml", content=text)), "IM-COMPOSE-NET-001")
    assert finding.evidence[0].observed == "Redis (6379) on 0.0.0.0/0 on a port that Docker picks"


def test_an_open_group_shows_the_range_that_opens_it() -> None:
    text = (
        'resource "aws_security_group" "g" {\n  ingress {\n    protocol         = "-1"\n    from_port        = 0\n'
        '    to_port          = 0\n    ipv6_cidr_blocks = ["2001:db8::/32", "::/0"]\n  }\n}\n'
    )
    (finding,) = of(run(tf("main.tf", text)), "IM-AWS-SG-001")
    assert finding.evidence[0].observed == "all ports from ::/0"


@pytest.mark.parametrize(
    ("instruction", "rule", "seen"),
    [
        ("COPY --from=nginx /a /a", "IM-DOCKER-FROM-001", "nginx"),
        ("COPY --link --from=nginx:latest /a /a", "IM-DOCKER-FROM-001", "nginx:latest"),
        ("RUN --mount=type=bind,from=ghcr.io/astral-sh/uv,target=/uv true", "IM-DOCKER-FROM-001", "ghcr.io/astral-sh/uv"),
        ("COPY --from=nginx:1.27 /a /a", "IM-DOCKER-FROM-002", "nginx:1.27"),
    ],
)  # fmt: skip
def test_an_image_that_files_are_taken_from_is_to_be_pinned_like_a_base(
    instruction: str, rule: str, seen: str
) -> None:
    base = f"FROM debian@sha256:{'0' * 64} AS build\nCOPY --from=build /a /b\n"
    (finding,) = of(run(tf("Dockerfile", f"{base}{instruction}\n")), rule)
    assert (finding.evidence[0].line_start, finding.evidence[0].observed) == (3, seen)
    pinned = instruction.replace(seen, f"{seen.partition(':')[0]}@sha256:{'1' * 64}")
    assert not of(run(tf("Dockerfile", f"{base}{pinned}\n")), rule)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("IM-AZ-NSG-001", 'resource "azurerm_network_security_rule" "r" {\n  direction = "Inbound"\n  access = "Allow"\n  protocol = "ICMP"\n  source_address_prefix = "*"\n  destination_port_range = "22"\n}\n'),
        ("IM-GCP-FW-001", 'resource "google_compute_firewall" "f" {\n  source_ranges = ["0.0.0.0/0"]\n  allow {\n    protocol = "udp"\n    ports = ["3389"]\n  }\n}\n'),
    ],
)  # fmt: skip
def test_a_protocol_that_has_no_such_port_opens_none(rule: str, text: str) -> None:
    assert of(run(Artefact(path="main.tf", content=text)), rule) == []


def test_a_key_that_is_rotated_once_in_a_year_is_rotated_too_seldom() -> None:
    text = 'resource "google_kms_crypto_key" "k" {\n  rotation_period = "31536000s"\n}\n'
    assert of(run(Artefact(path="main.tf", content=text)), "IM-GCP-KMS-001")


def test_a_raw_key_of_a_disk_is_a_secret() -> None:
    text = 'resource "google_compute_disk" "d" {\n  disk_encryption_key {\n    raw_key = "b2ggbm8gdGhpcyBpcyBiYWQ="\n  }\n}\n'
    assert of(run(Artefact(path="main.tf", content=text)), "IM-TF-SECRET-004")
