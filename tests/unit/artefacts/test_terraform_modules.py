from __future__ import annotations

import json
from typing import Any

import pytest

from infra_mind.model.inventory import Inventory, Lines, is_unresolvable, unresolvable
from tests.unit.artefacts.texts import inventory, only_unread, resource


def addresses(found: Inventory) -> list[str]:
    return [r.address for r in found.resources]


def test_a_resource_has_its_place_and_the_lines_of_its_parts() -> None:
    found = inventory(
        {
            "net/main.tf": """\
            # a comment
            resource "aws_security_group" "open" {
              name = "open" # trailing

              ingress {
                from_port   = 22
                cidr_blocks = [
                  "0.0.0.0/0",
                ]
              }
              ingress {
                from_port = 80
              }
              tags = {
                Name = "x"
              }
            }
            """
        }
    )
    group = resource(found, "aws_security_group.open")
    assert (group.kind, group.name, group.provider, group.artefact) == (
        "aws_security_group",
        "open",
        "aws",
        "net/main.tf",
    )
    assert (group.line_start, group.line_end, group.count) == (2, 17, 1)
    assert group.values["ingress"] == [{"from_port": 22, "cidr_blocks": ["0.0.0.0/0"]}, {"from_port": 80}]
    assert group.lines_of("name") == Lines(start=3, end=3)
    assert group.lines_of("ingress.0") == Lines(start=5, end=10)
    assert group.lines_of("ingress.0.cidr_blocks") == Lines(start=7, end=9)
    assert group.lines_of("ingress.0.cidr_blocks.0") == Lines(start=8, end=8)
    assert group.lines_of("ingress.1.from_port") == Lines(start=12, end=12)
    assert group.lines_of("tags.Name") == Lines(start=15, end=15)


def test_lines_after_a_heredoc_stay_true() -> None:
    text = 'resource "t" "r" {\n  a = <<EOT\n1\n\n\n2\nEOT\n  b = 1\n}\n'
    assert resource(inventory({"main.tf": text}), "t.r").lines_of("b") == Lines(start=8, end=8)
    assert resource(inventory({"main.tf": text}), "t.r").lines_of("a") == Lines(start=2, end=7)


def test_windows_line_ends() -> None:
    text = 'resource "t" "r" {\r\n  a = <<EOT\r\nx\r\nEOT\r\n  b = 1\r\n}\r\n'
    found = resource(inventory({"main.tf": text}), "t.r")
    assert (found.values["b"], found.lines_of("b").start) == (1, 5)


def test_data_sources_providers_and_the_terraform_block() -> None:
    found = inventory(
        {
            "main.tf": """\
            terraform {
              backend "s3" {
                bucket = "b"
              }
            }
            provider "aws" {
              region = "eu-west-1"
            }
            provider "aws" {
              alias = "us"
            }
            data "aws_ami" "x" {
              owners = ["self"]
            }
            """
        }
    )
    assert addresses(found) == ["data.aws_ami.x", "provider.aws", "provider.aws.us", "terraform"]
    assert resource(found, "data.aws_ami.x").kind == "data.aws_ami"
    assert resource(found, "provider.aws.us").kind == "provider.aws"
    assert resource(found, "provider.aws").provider == "aws"
    assert resource(found, "terraform").values == {"backend": [{"s3": {"bucket": "b"}}]}
    assert resource(found, "terraform").lines_of("backend.0.s3.bucket") == Lines(start=3, end=3)


VARIABLES = 'variable "size" { default = "small" }\nresource "t" "r" { size = var.size }\n'


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ({}, "small"),
        ({"terraform.tfvars": 'size = "medium"'}, "medium"),
        ({"terraform.tfvars": 'size = "medium"', "z.auto.tfvars": 'size = "large"'}, "large"),
        ({"b.auto.tfvars": 'size = "b"', "a.auto.tfvars": 'size = "a"'}, "b"),
        ({"terraform.tfvars.json": '{"size": "${x}"}'}, "${x}"),
        ({"other/terraform.tfvars": 'size = "no"'}, "small"),
    ],
)
def test_variables(files: dict[str, str], value: str) -> None:
    assert resource(inventory({"main.tf": VARIABLES, **files}), "t.r").values["size"] == value


def test_a_variable_file_that_terraform_does_not_load_is_named() -> None:
    found = inventory({"main.tf": VARIABLES, "prod.tfvars": 'size = "large"'})
    assert resource(found, "t.r").values["size"] == "small"
    assert (only_unread(found).artefact, only_unread(found).kind) == ("prod.tfvars", "unsupported")


def test_locals_in_any_order_and_across_files() -> None:
    files = {
        "a.tf": 'locals { full = "${local.part}-x" }\nresource "t" "r" { v = local.full }',
        "b.tf": 'locals { part = "p" }',
    }
    assert resource(inventory(files), "t.r").values["v"] == "p-x"


def test_a_sensitive_variable_without_default() -> None:
    text = 'variable "p" { sensitive = true }\nresource "t" "r" { v = var.p }'
    assert resource(inventory({"main.tf": text}), "t.r").values["v"] == unresolvable("var.p")


def repeated(meta: str) -> Inventory:
    return inventory(
        {
            "main.tf": f'variable "n" {{}}\nresource "t" "r" {{\n  {meta}\n  i = try(count.index, each.value, 0)\n}}\n'
        }
    )


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ("count = 0", []),
        ("count = 1", ["t.r[0]"]),
        ("count = 3", ["t.r[0]", "t.r[1]", "t.r[2]"]),
        ("count = true ? 1 : 0", ["t.r[0]"]),
        ('for_each = toset(["b", "a"])', ['t.r["a"]', 't.r["b"]']),
        ("for_each = {x = 1}", ['t.r["x"]']),
        ("for_each = {}", []),
        ("count = 12", [f"t.r[{i}]" for i in range(12)]),
    ],
)
def test_repeated_resources(meta: str, expected: list[str]) -> None:
    found = repeated(meta)
    assert addresses(found) == expected
    assert {r.block for r in found.resources} <= {"t.r"}


@pytest.mark.parametrize(
    ("meta", "count"),
    [
        ("count = 100000000", 100000000),
        ("count = 101", 101),
        ("count = var.n", None),
        ("for_each = var.n", None),
        ("for_each = toset([for i in range(150) : tostring(i)])", 150),
        ("count = length(var.n)", None),
    ],
)
def test_repeated_too_often_or_unknown(meta: str, count: int | None) -> None:
    [only] = repeated(meta).resources
    assert (only.address, only.count) == ("t.r", count)
    assert is_unresolvable(only.values["i"]) or count is None


def test_each_and_count_have_their_values() -> None:
    assert [r.values["i"] for r in repeated("for_each = {x = 5, y = 6}").resources] == [5, 6]
    assert [r.values["i"] for r in repeated("count = 2").resources] == [0, 1]


def dynamic(for_each: str, more: str = "") -> Any:
    text = f"""\
    variable "n" {{}}
    resource "t" "r" {{
      dynamic "rule" {{
        for_each = {for_each}
        {more}
        content {{
          port = {"it" if more else "rule"}.value
        }}
      }}
    }}
    """
    return resource(inventory({"main.tf": text}), "t.r").values.get("rule")


def test_a_dynamic_block() -> None:
    assert dynamic("[80, 443]") == [{"port": 80}, {"port": 443}]


def test_a_dynamic_block_with_its_own_iterator() -> None:
    assert dynamic("{a = 1}", "iterator = it") == [{"port": 1}]


def test_a_dynamic_block_over_nothing() -> None:
    assert dynamic("[]") is None


def test_a_dynamic_block_that_is_not_known() -> None:
    assert dynamic("var.n") == [unresolvable("var.n")]


MODULE = """\
variable "name" {}
variable "size" { default = 1 }
resource "t" "r" {
  name = var.name
  size = var.size
  peer = t.other.id
}
output "shout" { value = upper(var.name) }
output "id" { value = t.r.id }
"""


def test_a_module_on_disk_gets_its_arguments() -> None:
    main = 'locals { n = "web" }\nmodule "m" {\n  source = "./mod"\n  name = local.n\n}\nresource "t" "top" { v = module.m.shout\n w = module.m.id }\n'
    found = inventory({"main.tf": main, "mod/main.tf": MODULE})
    inner = resource(found, "module.m.t.r")
    assert inner.values == {"name": "web", "size": 1, "peer": unresolvable("module.m.t.other.id")}
    assert (inner.artefact, inner.line_start, inner.block) == ("mod/main.tf", 3, "module.m.t.r")
    assert resource(found, "t.top").values == {"v": "WEB", "w": unresolvable("module.m.t.r.id")}
    assert len(found.resources) == 2


def test_modules_in_modules_and_above() -> None:
    found = inventory(
        {
            "env/prod/main.tf": 'module "a" {\n source = "../../mods/a"\n}\n',
            "mods/a/main.tf": 'module "b" {\n source = "../b"\n name = "x"\n}\noutput "o" { value = module.b.shout }\n',
            "mods/b/main.tf": MODULE,
        }
    )
    assert addresses(found) == ["module.a.module.b.t.r"]


def test_a_module_with_count_and_for_each() -> None:
    main = """\
    module "c" {
      source = "./mod"
      count  = 2
      name   = "n${count.index}"
    }
    module "e" {
      source   = "./mod"
      for_each = { a = 1 }
      name     = each.key
    }
    resource "t" "top" {
      one  = module.c[1].shout
      all  = module.c[*].shout
      each = module.e["a"].shout
      loop = [for k, m in module.e : m.shout]
    }
    """
    found = inventory({"main.tf": main, "mod/main.tf": MODULE})
    assert addresses(found) == ["module.c[0].t.r", "module.c[1].t.r", 'module.e["a"].t.r', "t.top"]
    assert resource(found, "module.c[1].t.r").block == "module.c.t.r"
    assert resource(found, "t.top").values == {"one": "N1", "all": ["N0", "N1"], "each": "A", "loop": ["A"]}


def test_a_module_whose_count_is_not_known() -> None:
    main = 'variable "n" {}\nmodule "m" {\n source = "./mod"\n count = var.n\n name = "x"\n}\n'
    assert resource(inventory({"main.tf": main, "mod/main.tf": MODULE}), "module.m.t.r").count is None


def test_one_module_may_feed_another_both_ways() -> None:
    main = 'module "a" {\n source = "./mod"\n name = "x"\n size = module.b.shout\n}\nmodule "b" {\n source = "./mod"\n name = module.a.shout\n}\n'
    assert resource(inventory({"main.tf": main, "mod/main.tf": MODULE}), "module.a.t.r").values["size"] == "X"


@pytest.mark.parametrize(
    "source", ["terraform-aws-modules/vpc/aws", "git::https://example.com/vpc.git?ref=v1", "github.com/a/b"]
)
def test_a_remote_module_is_named_with_its_source(source: str) -> None:
    text = f'module "vpc" {{\n  source = "{source}"\n}}\nresource "t" "r" {{ v = module.vpc.id }}\n'
    found = inventory({"main.tf": text})
    unread = only_unread(found)
    assert (unread.kind, unread.line, source in unread.reason) == ("remote_module", 1, True)
    assert resource(found, "t.r").values["v"] == unresolvable("module.vpc.id")
    assert found.files_read == 1


def test_a_password_in_a_source_is_not_shown() -> None:
    text = 'module "m" { source = "git::https://user:hunter2@example.com/m.git" }'
    assert "hunter2" not in only_unread(inventory({"main.tf": text})).reason


def test_a_module_that_was_not_handed_in() -> None:
    assert only_unread(inventory({"main.tf": 'module "m" { source = "./none" }'})).kind == "not_sent"


def test_a_module_above_everything_handed_in() -> None:
    assert only_unread(inventory({"main.tf": 'module "m" { source = "../../x" }'})).kind == "not_sent"


def test_modules_in_a_circle_are_named_and_still_read() -> None:
    files = {
        "a/main.tf": 'module "b" { source = "../b" }\nresource "t" "a" {}',
        "b/main.tf": 'module "a" { source = "../a" }\nresource "t" "b" {}',
    }
    found = inventory(files)
    assert addresses(found) == ["module.b.t.b", "t.a"]
    assert "calls itself" in only_unread(found).reason


def test_a_module_that_calls_itself() -> None:
    assert "calls itself" in only_unread(inventory({"main.tf": 'module "m" { source = "./" }'})).reason


def test_modules_that_multiply_are_stopped() -> None:
    files = {f"m{i}/main.tf": f'module "n" {{\n source = "../m{i + 1}"\n count = 100\n}}\n' for i in range(6)}
    found = inventory({**files, "m6/main.tf": 'resource "t" "r" {}'})
    assert {u.kind for u in found.unread} == {"limit"}


POLICY = """\
data "aws_iam_policy_document" "p" {
  statement {
    sid       = "All"
    actions   = ["*"]
    resources = ["${aws_s3_bucket.b.arn}/*", "arn:aws:s3:::x"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["true"]
    }
  }
  statement {
    effect    = "Deny"
    actions   = ["s3:Get*", "s3:Put*"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "p" {
  policy = data.aws_iam_policy_document.p.json
}
"""


def test_a_policy_document_is_the_policy_that_aws_gets() -> None:
    policy = json.loads(resource(inventory({"main.tf": POLICY}), "aws_iam_policy.p").values["policy"])
    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Sid": "All",
                "Action": "*",
                "Resource": [unresolvable("aws_s3_bucket.b.arn"), "arn:aws:s3:::x"],
                "Principal": {"AWS": "*"},
                "Condition": {"Bool": {"aws:SecureTransport": "true"}},
            },
            {"Effect": "Deny", "Action": ["s3:Get*", "s3:Put*"], "Resource": "*"},
        ],
    }


def test_policy_documents_build_on_each_other() -> None:
    more = """\
    data "aws_iam_policy_document" "q" {
      source_policy_documents = [data.aws_iam_policy_document.p.json]
      statement {
        sid       = "All"
        actions   = ["s3:List*"]
        resources = ["*"]
      }
    }
    resource "aws_iam_policy" "q" { policy = data.aws_iam_policy_document.q.json }
    """
    policy = json.loads(
        resource(
            inventory({"main.tf": POLICY + "\n".join(x.strip() for x in more.splitlines())}),
            "aws_iam_policy.q",
        ).values["policy"]
    )
    assert [s["Action"] for s in policy["Statement"]] == ["s3:List*", ["s3:Get*", "s3:Put*"]]


def test_files_that_were_handed_in() -> None:
    main = """\
    resource "t" "r" {
      plain    = file("${path.module}/run.sh")
      bare     = file("run.sh")
      rendered = templatefile("run.tftpl", { name = "x", ports = [1, 2] })
    }
    """
    files = {
        "app/main.tf": main,
        "app/run.sh": "echo ${HOME}\n",
        "app/run.tftpl": "hi ${name}%{ for p in ports } ${p}%{ endfor }\n",
    }
    found = inventory(files)
    echo = "echo ${HOME}\n"
    assert resource(found, "t.r").values == {"plain": echo, "bare": echo, "rendered": "hi x 1 2\n"}
    assert not found.unread


def test_a_file_that_was_not_handed_in_is_named() -> None:
    found = inventory({"main.tf": 'resource "t" "r" { x = file("none.sh") }'})
    assert (only_unread(found).artefact, only_unread(found).kind) == ("none.sh", "not_sent")
    assert is_unresolvable(resource(found, "t.r").values["x"])


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "${path.module}/../x"])
def test_no_file_of_this_machine_is_read(path: str) -> None:
    assert is_unresolvable(
        resource(inventory({"main.tf": f'resource "t" "r" {{ x = file("{path}") }}'}), "t.r").values["x"]
    )


def test_the_json_form() -> None:
    text = """\
    {
      "variable": {"env": {"default": "prod"}},
      "resource": {
        "aws_s3_bucket": {
          "b": {
            "bucket": "data-${var.env}",
            "tags": {"A": "${upper(var.env)}"},
            "versioning": {"enabled": true},
            "grant": [{"id": 1}, {"id": 2}]
          }
        }
      }
    }
    """
    bucket = resource(inventory({"main.tf.json": text}), "aws_s3_bucket.b")
    assert bucket.values == {
        "bucket": "data-prod",
        "tags": {"A": "PROD"},
        "versioning": [{"enabled": True}],
        "grant": [{"id": 1}, {"id": 2}],
    }
    assert bucket.lines_of("bucket") == Lines(start=6, end=6)


def test_references_in_meta_arguments_stay_names() -> None:
    text = 'resource "t" "r" {\n depends_on = [aws_vpc.a]\n provider = aws.us\n lifecycle {\n  ignore_changes = [tags, "x"]\n }\n}\n'
    assert resource(inventory({"main.tf": text}), "t.r").values == {
        "depends_on": ["aws_vpc.a"],
        "provider": "aws.us",
        "lifecycle": [{"ignore_changes": ["tags", "x"]}],
    }


def test_each_folder_is_a_root_of_its_own() -> None:
    files = {
        f"{f}/main.tf": f'locals {{ n = "{f}" }}\nresource "t" "r" {{ v = local.n }}' for f in ("a", "b")
    }
    assert [r.values["v"] for r in inventory(files).resources] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('resource "t" "r" {\n  a = 1\n  b = = 2\n}\n', 3),
        ('resource "t" "r" {\n  a = 1\n', 3),
        ("a = 1\n}\n", 2),
        ('x = "open\n\ny = 1\n', 1),
        ("x = <<EOT\nnever\n", 1),
        ("x = 1\n/* never", 2),
        ("\n\nx = " + "[" * 100, 3),
        ('resource "t" "r" {\n a = 1\n a = 2\n}\n', 3),
        ("x = <<EOT\n${ + }\nEOT\n", 1),
    ],
)
def test_broken_hcl_names_its_line_and_hides_nothing_else(text: str, line: int) -> None:
    found = inventory({"bad.tf": text, "good.tf": 'resource "t" "r" {}'})
    assert addresses(found) == ["t.r"]
    assert (only_unread(found).artefact, only_unread(found).line) == ("bad.tf", line)
    assert (found.files, found.files_read) == (2, 1)
