"""A plan beside the files that it was made of: each resource counts once, the plan gives the values, the files say where they stand."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.inventory import Artefact, Inventory, Lines, unresolvable
from tests.unit.artefacts.plans import block, change, is_, plan, refers
from tests.unit.artefacts.texts import only_unread, resource

SIZE = 'variable "size" {}\n\nresource "aws_instance" "web" {\n  instance_type = var.size\n}\n'
WEB = change("aws_instance.web", {"instance_type": "m5.large"})
BLOCKS = [block("aws_instance.web", {"instance_type": refers("var.size")})]


def tf(content: str, path: str = "main.tf") -> Artefact:
    return Artefact(path=path, content=content)


def addresses(found: Inventory) -> list[tuple[str, str]]:
    return [(r.address, r.artefact) for r in found.resources]


def test_the_plan_gives_the_values_and_the_file_the_lines() -> None:
    (found,) = build_inventory([tf(SIZE), plan(WEB, blocks=BLOCKS)]).resources
    assert (found.artefact, found.plan, found.is_in_plan) == ("main.tf", "tfplan.json", False)
    assert (found.line_start, found.line_end) == (3, 5)
    assert found.values == {"instance_type": "m5.large"}
    assert found.lines_of("instance_type") == Lines(start=4, end=4)


def test_instances_of_a_count_that_only_the_plan_knows_stand_at_the_one_block() -> None:
    text = 'variable "n" {}\nresource "aws_instance" "web" {\n  count = var.n\n}\n'
    entries = [change(f"aws_instance.web[{n}]", {"a": n}) for n in range(3)]
    blocks = [block("aws_instance.web", count_expression=refers("var.n"))]
    found = build_inventory([tf(text), plan(*entries, blocks=blocks)]).resources
    assert [(r.address, r.line_start, r.count) for r in found] == [
        (f"aws_instance.web[{n}]", 2, 1) for n in range(3)
    ]


def test_blocks_that_the_plan_orders_in_its_own_way_keep_their_lines() -> None:
    text = """resource "aws_security_group" "g" {
  ingress {
    from_port = 443
    protocol  = "tcp"
  }
  ingress {
    from_port = 22
    protocol  = "tcp"
  }
}
"""
    after = {"ingress": [{"from_port": 22, "protocol": "tcp"}, {"from_port": 443, "protocol": "tcp"}]}
    blocks = [block("aws_security_group.g", {"ingress": is_([])})]
    (found,) = build_inventory(
        [tf(text), plan(change("aws_security_group.g", after), blocks=blocks)]
    ).resources
    assert found.lines_of("ingress.0.from_port") == Lines(start=7, end=7)
    assert found.lines_of("ingress.1.from_port") == Lines(start=3, end=3)
    assert found.lines_of("ingress.1") == Lines(start=2, end=5)


def test_blocks_of_a_dynamic_that_the_files_do_not_know_stand_at_it() -> None:
    text = 'variable "ports" {}\nresource "aws_security_group" "g" {\n  dynamic "ingress" {\n    for_each = var.ports\n    content {\n      from_port = ingress.value\n    }\n  }\n}\n'
    after = {"ingress": [{"from_port": 22}, {"from_port": 443}]}
    (found,) = build_inventory(
        [tf(text), plan(change("aws_security_group.g", after), blocks=[block("aws_security_group.g")])]
    ).resources
    assert [found.lines_of(f"ingress.{n}.from_port").start for n in range(2)] == [3, 3]


def test_a_block_whose_number_neither_knows_is_not_taken_for_empty() -> None:
    text = 'resource "aws_x" "g" {\n  dynamic "rule" {\n    for_each = aws_y.b.list\n    content {}\n  }\n}\n'
    (found,) = build_inventory(
        [
            tf(text),
            plan(change("aws_x.g", {}, unknown={"rule": True, "arn": True}), blocks=[block("aws_x.g")]),
        ]
    ).resources
    assert found.values == {"rule": [unresolvable("aws_y.b.list")]}


def test_what_the_plan_does_not_know_the_files_may_know_in_part() -> None:
    text = 'variable "who" {}\nresource "aws_x" "p" {\n  policy = jsonencode({ Principal = var.who, Resource = aws_s3_bucket.b.arn })\n}\n'
    blocks = [block("aws_x.p", {"policy": refers("var.who", "aws_s3_bucket.b.arn")})]
    (found,) = build_inventory(
        [
            tf(text),
            plan(
                change("aws_x.p", {}, unknown={"policy": True}),
                blocks=blocks,
                variables={"who": {"value": "*"}},
            ),
        ]
    ).resources
    assert found.values["policy"] == '{"Principal":"*","Resource":{"$unresolvable":"aws_s3_bucket.b.arn"}}'


def test_a_local_value_is_followed_in_the_files() -> None:
    text = 'locals {\n  b = aws_s3_bucket.b.id\n}\nresource "aws_x" "a" {\n  bucket = local.b\n}\n'
    blocks = [block("aws_x.a", {"bucket": refers("local.b")})]
    (found,) = build_inventory(
        [tf(text), plan(change("aws_x.a", {}, unknown={"bucket": True}), blocks=blocks)]
    ).resources
    assert found.values == {"bucket": unresolvable("aws_s3_bucket.b.id")}


def test_what_is_set_to_nothing_by_the_plan_is_not_taken_from_the_files() -> None:
    text = 'resource "aws_x" "a" {\n  kms_key_id = local.nobody_knows\n}\n'
    blocks = [block("aws_x.a", {"kms_key_id": refers("local.nobody_knows")})]
    (found,) = build_inventory(
        [tf(text), plan(change("aws_x.a", {"kms_key_id": None}), blocks=blocks)]
    ).resources
    assert found.values == {}


def test_what_only_terraform_reads_comes_from_the_files() -> None:
    text = 'resource "aws_x" "a" {\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n'
    (found,) = build_inventory([tf(text), plan(change("aws_x.a", {}), blocks=[block("aws_x.a")])]).resources
    assert found.values == {"lifecycle": [{"prevent_destroy": True}]}


def test_a_sensitive_value_does_not_come_back_through_the_files() -> None:
    text = 'variable "password" {}\nresource "aws_x" "a" {\n  password = var.password\n  note = "for ${var.password}"\n}\n'
    entry = change(
        "aws_x.a", {"password": "correct-horse"}, sensitive={"password": True}, unknown={"note": True}
    )
    blocks = [block("aws_x.a", {"password": refers("var.password"), "note": refers("var.password")})]
    given: Any = {"variables": {"password": {"value": "correct-horse"}}}
    (open_,) = build_inventory([tf(text), plan(entry, blocks=blocks, **given)]).resources
    assert open_.values["password"] == unresolvable("var.password (sensitive)")
    hidden = {"variables": {"password": {"sensitive": True}}}
    (closed,) = build_inventory([tf(text), plan(entry, blocks=blocks, root=hidden, **given)]).resources
    assert "horse" not in str(closed.values)


def test_a_module_beside_the_files_keeps_its_calls() -> None:
    main = 'module "net" {\n  source = "./net"\n}\n'
    inner = 'resource "aws_vpc" "v" {\n  cidr_block = local.c\n}\n'
    calls = {"net": {"module": {"resources": [block("aws_vpc.v", {"cidr_block": refers("local.c")})]}}}
    (found,) = build_inventory(
        [
            tf(main),
            tf(inner, "net/main.tf"),
            plan(change("module.net.aws_vpc.v", {"cidr_block": "10.0.0.0/8"}), blocks=[], modules=calls),
        ]
    ).resources
    assert (found.address, found.artefact, found.line_start) == ("module.net.aws_vpc.v", "net/main.tf", 1)
    assert [(c.artefact, c.line_start) for c in found.calls] == [("main.tf", 1)]
    assert found.values == {"cidr_block": "10.0.0.0/8"}


def test_a_module_of_a_registry_is_what_the_plan_says_and_shows_its_call() -> None:
    main = '\nmodule "vpc" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n'
    calls = {"vpc": {"module": {"resources": [block("aws_vpc.this", count_expression=is_(1))]}}}
    files = [tf(main), plan(change("module.vpc.aws_vpc.this[0]", {"a": 1}), blocks=[], modules=calls)]
    found = build_inventory(files)
    assert found.unread == ()
    (made,) = found.resources
    assert made.is_in_plan
    assert [(c.name, c.artefact, c.line_start) for c in made.calls] == [("vpc", "main.tf", 2)]
    assert only_unread(build_inventory(files[:1])).kind == "remote_module"


def test_a_module_that_the_plan_does_not_know_stays_named() -> None:
    main = SIZE + 'module "vpc" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n'
    assert only_unread(build_inventory([tf(main), plan(WEB, blocks=BLOCKS)])).kind == "remote_module"


def test_what_is_not_planned_is_told_apart() -> None:
    text = SIZE + "".join(f'resource "aws_vpc" "{name}" {{}}\n' for name in ("none", "no_target", "new"))
    blocks = [*BLOCKS, block("aws_vpc.none", count_expression=refers("var.n")), block("aws_vpc.no_target")]
    found = build_inventory([tf(text), plan(WEB, blocks=blocks)])
    assert [r.address for r in found.resources] == ["aws_instance.web", "aws_vpc.new", "aws_vpc.no_target"]


def test_what_stands_in_a_module_call_that_makes_none_is_not_there() -> None:
    main = SIZE + 'variable "n" {}\nmodule "net" {\n  source = "./net"\n  count  = var.n\n}\n'
    calls = {"net": {"count_expression": refers("var.n"), "module": {"resources": [block("aws_vpc.v")]}}}
    found = build_inventory(
        [tf(main), tf('resource "aws_vpc" "v" {}\n', "net/main.tf"), plan(WEB, blocks=BLOCKS, modules=calls)]
    )
    assert [r.address for r in found.resources] == ["aws_instance.web"]


@pytest.mark.parametrize(
    ("plan_path", "belongs"),
    [
        ("dev/tfplan.json", "dev/main.tf"),
        ("prod/plans/a.json", "prod/main.tf"),
        ("tfplan.json", "tfplan.json"),
    ],
)
def test_a_plan_belongs_to_the_folder_that_it_lies_in(plan_path: str, belongs: str) -> None:
    files = [tf(SIZE, "dev/main.tf"), tf(SIZE, "prod/main.tf"), plan(WEB, blocks=BLOCKS, path=plan_path)]
    found = build_inventory(files)
    (planned,) = [r for r in found.resources if r.plan]
    assert planned.artefact == belongs
    assert len(found.resources) == (3 if belongs == "tfplan.json" else 2)
    if belongs == "tfplan.json":
        assert only_unread(found).reason.startswith(
            "several of the folders may be its configuration (dev, prod)"
        )


def test_the_folder_of_a_plan_goes_before_one_that_has_more_of_its_blocks() -> None:
    two = SIZE + 'resource "aws_vpc" "v" {}\n'
    more = plan(WEB, blocks=[*BLOCKS, block("aws_vpc.v")], path="dev/tfplan.json")
    found = build_inventory([tf(SIZE, "dev/main.tf"), tf(two, "prod/main.tf"), more])
    assert [r.artefact for r in found.resources if r.plan] == ["dev/main.tf"]


def test_a_plan_of_another_configuration_stays_by_itself() -> None:
    files = [tf('resource "aws_vpc" "v" {}\n'), plan(WEB, blocks=BLOCKS)]
    assert addresses(build_inventory(files)) == [
        ("aws_instance.web", "tfplan.json"),
        ("aws_vpc.v", "main.tf"),
    ]


def test_two_plans_of_one_configuration_are_two_of_everything() -> None:
    text = SIZE + 'resource "aws_x" "only_in_files" {\n  a = var.size\n  b = var.same\n}\n'
    plans = [
        plan(change("aws_instance.web", {"instance_type": size}), blocks=BLOCKS, path=f"{size}.json",
             variables={"size": {"value": size}, "same": {"value": 1}})
        for size in ("small", "large")
    ]  # fmt: skip
    found = build_inventory([tf(text), *plans])
    assert [(r.plan, r.values.get("instance_type")) for r in found.resources if r.kind == "aws_instance"] == [
        ("large.json", "large"),
        ("small.json", "small"),
    ]
    assert resource(found, "aws_x.only_in_files").values == {"a": unresolvable("var.size"), "b": 1}


def test_a_provider_keeps_its_line_and_learns_its_region() -> None:
    text = 'variable "r" {}\nprovider "aws" {\n  region = var.r\n}\n' + SIZE
    providers = {"aws": {"name": "aws", "expressions": {"region": refers("var.r")}}}
    found = build_inventory(
        [tf(text), plan(WEB, blocks=BLOCKS, providers=providers, variables={"r": {"value": "eu-west-1"}})]
    )
    provider = resource(found, "provider.aws")
    assert (provider.artefact, provider.line_start, provider.values) == (
        "main.tf",
        2,
        {"region": "eu-west-1"},
    )
    assert len(found.resources) == 2


def test_with_very_many_plans_and_folders_only_the_own_one_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infra_mind.artefacts.terraform.planned._MOST_PAIRS", 0)
    files = [
        tf(SIZE, "dev/main.tf"),
        plan(WEB, blocks=BLOCKS, path="dev/a.json"),
        plan(WEB, blocks=BLOCKS, path="b.json"),
    ]
    found = build_inventory(files)
    assert addresses(found) == [("aws_instance.web", "b.json"), ("aws_instance.web", "dev/main.tf")]
