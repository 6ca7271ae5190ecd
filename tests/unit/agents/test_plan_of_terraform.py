"""What the agents make of a plan: links, places, patches, prices, and secrets that nobody is shown."""

from __future__ import annotations

import json

import pytest

from infra_mind.agents import cloud
from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cost import AGENT as COST
from infra_mind.agents.reliability import AGENT as RELIABILITY
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.assessment import INVENTORY, Assessor
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from infra_mind.model.submission import Submission
from tests.unit.agents.security.snippets import of, run
from tests.unit.artefacts.plans import block, change, is_, plan, refers

BLOCKED = dict.fromkeys(
    ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"), True
)
BUCKET = change("aws_s3_bucket.b", {"bucket": "notes"}, unknown={"id": True, "versioning": True})
PAB = "aws_s3_bucket_public_access_block.p"
RULE = "IM-AWS-S3-002"
KEY = "AKIA" + "Q3EXAMPLE7KZ2M4T"
DATABASE = {"engine": "mysql", "storage_encrypted": False}
DATABASE_TF = 'variable "safe" {}\nresource "aws_db_instance" "d" {\n  engine            = "mysql"\n  storage_encrypted = var.safe\n}\n'
DATABASE_BLOCK = block("aws_db_instance.d", {"engine": is_("mysql"), "storage_encrypted": refers("var.safe")})


def bucket_block(**more: object) -> dict[str, object]:
    return block("aws_s3_bucket.b", {"bucket": is_("notes"), **more})


def pab(value: str | None, *references: str) -> tuple[dict[str, object], dict[str, object]]:
    """Change and block of a public access block whose bucket is `value`, or known after apply."""
    after = {**BLOCKED, **({"bucket": value} if value else {})}
    entry = change(PAB, after, unknown={} if value else {"bucket": True})
    return entry, block(PAB, {"bucket": refers(*references)} if references else {"bucket": is_(value)})


@pytest.mark.parametrize("value", [None, "some-other-name"])
def test_a_bucket_with_its_block_beside_it_is_in_order(value: str | None) -> None:
    entry, config = pab(value, "aws_s3_bucket.b.id", "aws_s3_bucket.b")
    result = run(plan(BUCKET, entry, blocks=[bucket_block(), config]))
    assert not of(result, RULE)
    assert of(result, RULE, Status.PASS)


def test_a_block_that_leads_through_a_local_value_leaves_it_undecided() -> None:
    """Local values are not in a plan."""
    entry, config = pab(None, "local.bucket")
    result = run(plan(BUCKET, entry, blocks=[bucket_block(), config]))
    assert not of(result, RULE)
    assert len(of(result, RULE, Status.UNRESOLVABLE)) == 1


def test_what_exists_is_linked_by_its_id_where_a_local_value_stands_between() -> None:
    vpc, log = change("aws_vpc.v", {"id": "vpc-0a1b2c"}), change("aws_flow_log.f", {"vpc_id": "vpc-0a1b2c"})
    blocks = [block("aws_vpc.v"), block("aws_flow_log.f", {"vpc_id": refers("local.vpc_id")})]
    assert len(of(run(plan(vpc, blocks=blocks)), "IM-AWS-VPC-001")) == 1
    assert of(run(plan(vpc, log, blocks=blocks)), "IM-AWS-VPC-001", Status.PASS)
    elsewhere = plan(log, blocks=blocks[1:], path="other.json")
    assert len(of(run(plan(vpc, blocks=blocks), elsewhere), "IM-AWS-VPC-001")) == 1


@pytest.mark.parametrize(("algorithm", "failed"), [("AES256", 1), ("aws:kms", 0)])
def test_the_encryption_of_every_bucket_is_no_key_of_its_own(algorithm: str, failed: int) -> None:
    rule = [{"apply_server_side_encryption_by_default": [{"sse_algorithm": algorithm}]}]
    bucket = change(
        "aws_s3_bucket.b", {"bucket": "notes", "server_side_encryption_configuration": [{"rule": rule}]}
    )
    assert len(of(run(plan(bucket, blocks=[bucket_block()])), "IM-AWS-S3-004")) == failed


def test_a_bucket_without_a_block_is_found_at_its_address() -> None:
    (found,) = of(run(plan(BUCKET, blocks=[bucket_block()])), RULE)
    (evidence,) = found.evidence
    assert (evidence.artefact, evidence.line_start, evidence.path) == ("tfplan.json", 1, "aws_s3_bucket.b")
    assert found.resource == "aws_s3_bucket.b"


def test_the_plan_of_another_stage_lends_no_block() -> None:
    entry, config = pab(None, "aws_s3_bucket.b.id")
    safe = plan(BUCKET, entry, blocks=[bucket_block(), config], path="dev.json")
    bare = plan(BUCKET, blocks=[bucket_block()], path="prod.json")
    (found,) = of(run(safe, bare), RULE)
    assert found.evidence[0].artefact == "prod.json"


def test_what_the_provider_computes_does_not_stand_for_what_is_wanted() -> None:
    """A bucket's own `versioning` is known after apply whether there is any or not."""
    assert len(of(run(plan(BUCKET, blocks=[bucket_block()])), "IM-AWS-S3-005")) == 1


def test_no_patch_is_offered_for_a_plan() -> None:
    entry = change("aws_s3_bucket_acl.a", {"acl": "public-read"})
    text = plan(entry, blocks=[block("aws_s3_bucket_acl.a", {"acl": is_("public-read")})], indent=2)
    (found,) = of(run(text), "IM-AWS-S3-001")
    assert found.remediation is not None
    assert found.remediation.patch is None
    assert found.evidence[0].path == "aws_s3_bucket_acl.a.acl"
    assert '"acl"' in (text.content or "").split("\n")[(found.evidence[0].line_start or 0) - 1]


def test_beside_its_file_the_finding_stands_there_with_its_patch() -> None:
    text = 'resource "aws_s3_bucket_acl" "a" {\n  acl = "public-read"\n}\n'
    entry = change("aws_s3_bucket_acl.a", {"acl": "public-read"})
    files = [
        Artefact(path="main.tf", content=text),
        plan(entry, blocks=[block("aws_s3_bucket_acl.a", {"acl": is_("public-read")})]),
    ]
    (found,) = of(run(*files), "IM-AWS-S3-001")
    assert (found.evidence[0].artefact, found.evidence[0].line_start, found.evidence[0].path) == (
        "main.tf",
        2,
        "acl",
    )
    assert found.remediation is not None
    assert '+  acl = "private"' in (found.remediation.patch or "")


def test_what_a_variable_decides_is_found_at_the_line_that_uses_it() -> None:
    files = [Artefact(path="main.tf", content=DATABASE_TF)]
    assert not of(run(*files), "IM-AWS-RDS-002")
    (found,) = of(
        run(*files, plan(change("aws_db_instance.d", DATABASE), blocks=[DATABASE_BLOCK])), "IM-AWS-RDS-002"
    )
    assert (found.evidence[0].artefact, found.evidence[0].line_start) == ("main.tf", 4)


def test_failures_of_a_plan_take_no_proof_from_those_of_files() -> None:
    entries = [change(f"aws_s3_bucket_acl.a{n}", {"acl": "public-read"}) for n in range(160)]
    assert run(plan(*entries)).details["patches"] == {"proven": 0, "note": ""}


def test_a_value_of_the_plan_is_no_default_that_a_caller_may_change() -> None:
    text = DATABASE_TF.replace('"safe" {}', '"safe" {\n  default = false\n}')
    files = [Artefact(path="modules/db/main.tf", content=text)]
    assert not of(run(*files), "IM-AWS-RDS-002")
    entry = plan(
        change("aws_db_instance.d", DATABASE), blocks=[DATABASE_BLOCK], path="modules/db/tfplan.json"
    )
    assert len(of(run(*files, entry), "IM-AWS-RDS-002")) == 1


@pytest.mark.parametrize("reference", ["aws_network_acl.n.id", "local.acl"])
def test_rules_that_name_a_known_list_are_its_rules(reference: str) -> None:
    allow = {
        "action": "allow",
        "rule_no": 200,
        "protocol": "tcp",
        "from_port": 22,
        "to_port": 22,
        "cidr_block": "0.0.0.0/0",
    }
    deny = {
        "network_acl_id": "acl-0a1b", "rule_action": "deny", "rule_number": 100, "protocol": "tcp", "from_port": 22, "to_port": 22,
        "cidr_block": "0.0.0.0/0",
    }  # fmt: skip
    blocks = [
        block("aws_network_acl.n", {"ingress": [{"action": is_("allow")}]}),
        block("aws_network_acl_rule.r", {"network_acl_id": refers(reference)}),
    ]
    entries = [
        change("aws_network_acl.n", {"id": "acl-0a1b", "ingress": [allow]}),
        change("aws_network_acl_rule.r", deny),
    ]
    assert len(of(run(plan(entries[0], blocks=blocks)), "IM-AWS-NACL-001")) == 1
    assert not of(run(plan(*entries, blocks=blocks)), "IM-AWS-NACL-001")


def test_a_comment_in_the_file_accepts_what_the_plan_shows() -> None:
    accepted = DATABASE_TF.replace(
        "  storage_enc", "  # infra-mind:ignore IM-AWS-RDS-002 test data only\n  storage_enc"
    )
    files = [
        Artefact(path="main.tf", content=accepted),
        plan(change("aws_db_instance.d", DATABASE), blocks=[DATABASE_BLOCK]),
    ]
    (found,) = of(run(*files), "IM-AWS-RDS-002")
    assert found.is_suppressed


def test_a_comment_at_the_call_accepts_what_a_module_of_a_registry_makes() -> None:
    main = 'module "db" {\n  source = "acme/db/aws"\n  # infra-mind:ignore IM-AWS-RDS-002 test data only\n  storage_encrypted = false\n}\n'
    calls = {
        "db": {"expressions": {"storage_encrypted": is_(False)}, "module": {"resources": [DATABASE_BLOCK]}}
    }
    files = [
        Artefact(path="main.tf", content=main),
        plan(change("module.db.aws_db_instance.d", DATABASE), blocks=[], modules=calls),
    ]
    (found,) = of(run(*files), "IM-AWS-RDS-002")
    assert [(e.artefact, e.line_start) for e in found.evidence] == [("tfplan.json", 1), ("main.tf", 4)]
    assert found.is_suppressed


def test_a_secret_is_that_of_its_own_resource_though_all_stand_in_one_line() -> None:
    holder = change("aws_x.holder", {"note": f"use {KEY}"})
    result = run(
        plan(holder, *(change(f"aws_x.other[{n}]", {"note": "none here 0123456789abcdef"}) for n in range(5)))
    )
    assert [f.resource for f in of(result, "IM-TF-SECRET-005")] == ["aws_x.holder"]


def test_the_value_of_a_variable_is_judged_as_in_a_tfvars_file() -> None:
    given = {
        "db_password": {"value": "correct-horse-battery"},
        "note": {"value": f"use {KEY}"},
        "size": {"value": 3},
    }
    result = run(plan(change("aws_x.a", {}), variables=given))
    (literal,) = of(result, "IM-TF-SECRET-004")
    assert (literal.evidence[0].path, literal.evidence[0].observed) == (
        "db_password",
        "db_password = …(21 chars)",
    )
    (token,) = of(result, "IM-TF-SECRET-005")
    assert token.evidence[0].path == "note"


def test_no_secret_of_a_plan_is_in_any_result() -> None:
    secret = "hunter2-and-more"
    sensitive = {"password": True, "settings": True, "env": [{"K": True}]}
    after = {
        "password": secret,
        "settings": [{"x": secret}],
        "env": [{"K": secret, "TOKEN": KEY}],
        "api_key": secret,
    }
    expressions = {"password": refers("var.p"), "settings": [{"x": refers("var.p")}], "api_key": is_(secret)}
    artefact = plan(
        change("aws_db_instance.d", after, sensitive=sensitive), change("aws_x.odd", {"acl": [{secret: secret}]}),
        blocks=[block("aws_db_instance.d", expressions)], variables={"p": {"value": secret}, "api_token": {"value": secret}},
        providers={"aws": {"name": "aws", "expressions": {"secret_key": is_(secret), "access_key": is_(KEY)}}},
    )  # fmt: skip
    assessor = Assessor()
    data = Submission.of(parse_brief({"name": "x"}), (artefact,)).to_bytes()
    results = {INVENTORY: assessor.run(INVENTORY, data, {})}
    for agent in ("cloud", "security", "reliability", "compliance"):
        results[agent] = assessor.run(agent, data, results)
    shown = b"".join(results[agent] for agent in results if agent != INVENTORY)
    assert secret.encode() not in shown
    assert KEY.encode() not in shown
    assert b"IM-TF-SECRET-001" in shown


def test_a_state_is_named_and_nothing_of_it_is_shown() -> None:
    state = {
        "version": 4,
        "terraform_version": "1.9.5",
        "serial": 1,
        "lineage": "x",
        "outputs": {"p": {"value": "hunter2-and-more"}},
    }
    result = run(Artefact(path="a.json", content=json.dumps(state)))
    (found,) = of(result, "IM-ARTEFACT-UNREAD", Status.NOT_ASSESSED)
    assert (
        found.title
        == "A file was not assessed: a Terraform state: it holds secrets and is not read; hand in a plan instead (terraform show -json tfplan)"
    )
    assert found.remediation is not None
    assert "terraform plan -out tfplan" in found.remediation.text
    assert b"hunter2" not in result.to_json()


def test_data_is_not_counted_and_references_are_edges() -> None:
    entry, config = pab("notes", "aws_s3_bucket.b.id")
    data = change("data.aws_ami.x", {"a": 1}, mode="data", actions=["read"])
    inventory = build_inventory([plan(BUCKET, entry, data, blocks=[bucket_block(), config])])
    result = cloud.AGENT.assess(Inputs(brief=parse_brief({"name": "x"}), inventory=inventory), silent)
    assert {f.id: f.value for f in result.facts}["cloud.resources"] == 2
    assert result.details["topology"]["edges"] == [
        {"from": PAB, "to": "aws_s3_bucket.b", "kind": "references"}
    ]


def test_machines_of_a_plan_have_a_price() -> None:
    entries = [change(f"aws_instance.web[{n}]", {"instance_type": "m5.xlarge"}) for n in range(2)]
    by_template = change("aws_instance.t", {"launch_template": [{"id": "lt-1"}]})
    template = change("aws_launch_template.lt", {"instance_type": "m5.large"})
    blocks = [
        block("aws_instance.web", {"instance_type": refers("var.type")}, count_expression=is_(2)),
        block("aws_instance.t", {"launch_template": [{"id": refers("aws_launch_template.lt.id")}]}),
        block("aws_launch_template.lt"),
    ]
    artefact = plan(
        *entries, by_template, template, blocks=blocks, variables={"r": {"value": "us-east-1"}},
        providers={"aws": {"name": "aws", "expressions": {"region": refers("var.r")}}},
    )  # fmt: skip
    result = COST.assess(
        Inputs(brief=parse_brief({"name": "x"}), inventory=build_inventory([artefact])), silent
    )
    prices = {line.address: round(line.usd_per_month / 730, 3) for line in result.cost_lines}
    assert prices == {"aws_instance.web[0]": 0.192, "aws_instance.web[1]": 0.192, "aws_instance.t": 0.096}


def test_each_plan_has_the_region_of_its_own_provider() -> None:
    plans = [
        plan(change("aws_instance.web", {"instance_type": "m5.large"}), blocks=[block("aws_instance.web")], path=f"{region}.json",
             providers={"aws": {"name": "aws", "expressions": {"region": is_(region)}}})
        for region in ("us-east-1", "eu-west-1")
    ]  # fmt: skip
    result = COST.assess(Inputs(brief=parse_brief({"name": "x"}), inventory=build_inventory(plans)), silent)
    assert sorted(line.region for line in result.cost_lines) == ["eu-west-1", "us-east-1"]


def region_of(expression: object, **variables: object) -> list[str]:
    """Regions in which a machine of a module is priced, whose own provider has this region and whose call gives `place` on."""
    machine = block("aws_instance.web", provider_config_key="module.m:aws")
    call = {"expressions": {"place": refers("var.place")}, "module": {"resources": [machine], "variables": {"usual": {"default": "eu-west-2"}}}}  # fmt: skip
    artefact = plan(
        change("module.m.aws_instance.web", {"instance_type": "m5.large"}), blocks=[], modules={"m": call},
        providers={
            "aws": {"name": "aws", "expressions": {"region": is_("us-east-1")}},
            "module.m:aws": {"name": "aws", "module_address": "module.m", "expressions": {"region": expression}},
        },
        variables={name: {"value": value} for name, value in variables.items()},
    )  # fmt: skip
    result = COST.assess(
        Inputs(brief=parse_brief({"name": "x"}), inventory=build_inventory([artefact])), silent
    )
    return [line.region for line in result.cost_lines]


@pytest.mark.parametrize(
    ("expression", "given", "region"),
    [
        (is_("eu-west-1"), "", ["eu-west-1"]),
        (refers("var.place"), "eu-west-1", ["eu-west-1"]),
        (refers("var.usual"), "", ["eu-west-2"]),
        (refers("var.place"), "prod", []),
        (refers("local.place"), "eu-west-1", []),
    ],
)
def test_a_provider_inside_a_module_has_the_region_that_the_call_gives(
    expression: object, given: str, region: list[str]
) -> None:
    """A variable of the root with the same name is another one."""
    assert region_of(expression, place=given, usual="us-west-2") == region


def test_the_region_of_one_plan_is_not_that_of_another() -> None:
    plans = [
        plan(change("aws_instance.web", {"instance_type": "m5.large"}), blocks=[block("aws_instance.web")], path=f"{name}.json",
             providers={"aws": {"name": "aws", "expressions": {"region": region}}})
        for name, region in (("dev", is_("us-east-1")), ("prod", refers("local.region")))
    ]  # fmt: skip
    result = COST.assess(Inputs(brief=parse_brief({"name": "x"}), inventory=build_inventory(plans)), silent)
    assert [line.artefact for line in result.cost_lines] == ["dev.json"]


@pytest.mark.parametrize("odd", [5, 1.5, "x", True])
def test_blocks_of_another_type_cost_nothing_and_are_no_error(odd: object) -> None:
    entry = change(
        "aws_instance.a", {"instance_type": "m5.large", "ebs_block_device": odd, "region": "us-east-1"}
    )
    inventory = build_inventory([plan(entry)])
    result = COST.assess(Inputs(brief=parse_brief({"name": "x"}), inventory=inventory), silent)
    assert [line.address for line in result.cost_lines] == ["aws_instance.a"]


def test_single_points_are_found_at_their_address() -> None:
    entry = change("aws_db_instance.d", {"multi_az": False})
    inventory = build_inventory([plan(entry, blocks=[block("aws_db_instance.d", {"multi_az": is_(False)})])])
    result = RELIABILITY.assess(Inputs(brief=parse_brief({"name": "x"}), inventory=inventory), silent)
    assert "aws_db_instance.d.multi_az" in {e.path for f in result.findings for e in f.evidence}
