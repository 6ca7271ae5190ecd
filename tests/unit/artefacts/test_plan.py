"""Terraform plans: what of them comes into the inventory, and what apply time decides."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra_mind.artefacts.inventory import build_inventory, read_portion
from infra_mind.model.inventory import Artefact, Inventory, Lines, Resource, unresolvable
from infra_mind.settings import IntakeLimits
from tests.unit.artefacts.plans import block, change, document, is_, plan, planned, refers
from tests.unit.artefacts.texts import only_unread, resource

VERSIONING = "aws_s3_bucket_versioning.v"


def addresses(found: Inventory) -> list[str]:
    return [r.address for r in found.resources]


def values(after: Any, expressions: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """Values of one planned resource whose configuration sets `expressions`; without any if it is None."""
    blocks = None if expressions is None else [block("aws_x.a", expressions)]
    return resource(planned(change("aws_x.a", after, **more), blocks=blocks), "aws_x.a").values


@pytest.mark.parametrize("path", ["tfplan.json", "out/whatever.json", "PLAN.JSON", "package-plan.json"])
def test_a_plan_is_known_by_what_stands_in_it(path: str) -> None:
    found = build_inventory([plan(change("aws_vpc.main", {}), path=path)])
    assert addresses(found) == ["aws_vpc.main"]
    assert (found.files_read, found.unread) == (1, ())


@pytest.mark.parametrize(
    "data",
    [
        {"format_version": "1.2", "terraform_version": "1.9.5"},
        {"planned_values": {}, "resource_changes": []},
        {"format_version": 1, "planned_values": {}},
        {"format_version": "1.2", "planned_values": "x"},
        {"inner": {"format_version": "1.2", "planned_values": {}}},
        [{"format_version": "1.2", "planned_values": {}}],
    ],
)
def test_other_json_is_none(data: Any) -> None:
    found = build_inventory([Artefact(path="a.json", content=json.dumps(data))])
    assert only_unread(found).reason == "neither Kubernetes objects nor a compose file"


def test_a_manifest_in_json_stays_one() -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": '"format_version" "planned_values"'}}
    found = build_inventory([Artefact(path="a.json", content=json.dumps(manifest))])
    assert addresses(found) == ["ConfigMap/default/unnamed"]


@pytest.mark.parametrize(
    ("address", "block_", "kind", "name"),
    [
        ("aws_vpc.main", "aws_vpc.main", "aws_vpc", "main"),
        ("aws_vpc.main[12]", "aws_vpc.main", "aws_vpc", "main"),
        ('module.a["x.y[0]"].module.b[1].aws_vpc.m["q\\"]."]', "module.a.module.b.aws_vpc.m", "aws_vpc", "m"),
        ("module.net.data.aws_ami.web[0]", "module.net.data.aws_ami.web", "data.aws_ami", "web"),
        ("google-beta_thing.a-b", "google-beta_thing.a-b", "google-beta_thing", "a-b"),
    ],
)
def test_addresses_are_those_that_terraform_prints(address: str, block_: str, kind: str, name: str) -> None:
    (found,) = planned(change(address, {}, mode="data" if "data." in address else "managed")).resources
    assert (found.address, found.block, found.kind, found.name) == (address, block_, kind, name)
    assert (found.count, found.plan, found.artefact) == (1, "tfplan.json", "tfplan.json")


@pytest.mark.parametrize(
    ("actions", "there"),
    [
        (["create"], True),
        (["no-op"], True),
        (["update"], True),
        (["delete", "create"], True),
        (["create", "delete"], True),
        (["read"], True),
        (["delete"], False),
        (["forget"], False),
    ],
)
def test_what_is_gone_after_apply_is_left_out(actions: list[str], there: bool) -> None:
    module = {"resources": [{"address": "aws_vpc.main", "mode": "managed", "values": {}}]}
    found = planned(change("aws_vpc.main", {"a": 1}, actions=actions), planned_values={"root_module": module})
    assert addresses(found) == (["aws_vpc.main"] if there else [])


def test_of_what_nothing_is_known_the_planned_values_say_whether_it_is_there() -> None:
    nothing = change("aws_vpc.main", None, actions=["no-op"])
    assert addresses(planned(nothing)) == []
    module = {"resources": [{"address": "aws_vpc.main", "mode": "managed"}]}
    assert addresses(planned(nothing, planned_values={"root_module": module})) == ["aws_vpc.main"]


def test_a_deposed_object_does_not_hide_the_one_that_takes_its_place() -> None:
    deposed = {**change("aws_vpc.main", None, actions=["delete"]), "deposed": "abc"}
    assert addresses(planned(deposed, change("aws_vpc.main", {"a": 1}))) == ["aws_vpc.main"]


def test_resources_of_all_modules_come_from_the_planned_values_too() -> None:
    inner = {"resources": [{"address": "module.a.module.b.aws_vpc.m", "mode": "managed", "values": {"x": 1}}]}
    root = {
        "resources": [{"address": "aws_vpc.main", "mode": "managed"}],  # no value is known: there are none
        "child_modules": [{"child_modules": [inner]}],
    }
    found = planned(planned_values={"root_module": root})
    assert addresses(found) == ["aws_vpc.main", "module.a.module.b.aws_vpc.m"]
    assert resource(found, "module.a.module.b.aws_vpc.m").values == {"x": 1}


def test_what_apply_time_decides_and_the_configuration_sets_is_a_marker() -> None:
    found = values({}, {"vpc_id": refers("aws_vpc.m.id", "aws_vpc.m")}, unknown={"vpc_id": True, "arn": True})
    assert found == {"vpc_id": unresolvable("aws_vpc.m.id")}


def test_without_a_configuration_everything_that_apply_time_decides_is_a_marker() -> None:
    assert values({}, None, unknown={"arn": True}) == {"arn": unresolvable("known after apply")}


def test_an_unknown_part_of_a_known_list_is_a_marker() -> None:
    found = values({"ids": ["a", None]}, {"ids": refers("aws_x.b.id")}, unknown={"ids": [False, True]})
    assert found == {"ids": ["a", unresolvable("aws_x.b.id")]}


def test_blocks_that_a_dynamic_makes_do_not_lose_what_is_unknown_in_them() -> None:
    """Terraform leaves `dynamic` blocks out of the configuration of a plan."""
    found = values({"rule": [{"port": 22}]}, {}, unknown={"rule": [{"cidr": True}]})
    assert found == {"rule": [{"port": 22, "cidr": unresolvable("known after apply")}]}


def test_what_the_provider_computes_in_a_block_is_left_out() -> None:
    found = values(
        {"disk": [{"size": 8}]}, {"disk": [{"size": is_(8)}]}, unknown={"disk": [{"id": True, "size": False}]}
    )
    assert found == {"disk": [{"size": 8}]}


def test_empty_values_that_nobody_wrote_are_left_out() -> None:
    after: dict[str, Any] = {
        "a": "",
        "b": [],
        "c": {},
        "d": None,
        "e": False,
        "f": 0,
        "g": [{"h": "", "i": []}],
    }
    assert values(after, {"g": [{"j": is_(1)}]}) == {"e": False, "f": 0, "g": [{}]}
    assert values({"a": "", "b": []}, {"a": is_(""), "b": is_([])}) == {"a": "", "b": []}


def test_a_sensitive_value_is_kept_only_where_it_stands_in_the_configuration() -> None:
    after = {"password": "correct-horse"}
    hidden = {"password": True}
    written = values(after, {"password": is_("correct-horse")}, sensitive=hidden)
    assert written == {"password": "correct-horse"}
    passed_on = values(after, {"password": refers("var.password")}, sensitive=hidden)
    assert passed_on == {"password": unresolvable("var.password (sensitive)")}
    assert values(after, {}, sensitive=hidden) == {}
    assert values(after, None, sensitive=hidden) == {"password": unresolvable("a value (sensitive)")}
    assert "horse" not in str(values(after, None, sensitive=True))


def test_a_sensitive_part_of_a_block_is_not_kept() -> None:
    after = {"set": [{"name": "a", "value": "hidden-1"}], "env": {"K": "hidden-2"}}
    found = values(
        after,
        {"set": [{"name": is_("a"), "value": refers("var.v")}], "env": refers("var.e")},
        sensitive={"set": [{"value": True}], "env": {"K": True}},
    )
    assert found == {
        "set": [{"name": "a", "value": unresolvable("var.v (sensitive)")}],
        "env": {"K": unresolvable("var.e (sensitive)")},
    }


def test_a_script_that_is_planned_as_its_hash_is_read_from_the_configuration() -> None:
    hashed = {"user_data": "0" * 40}
    assert values(hashed, {"user_data": is_("echo")}) == {"user_data": "echo"}
    assert values(hashed, {"user_data": refers("local.s")}) == {"user_data": unresolvable("local.s")}
    assert values(hashed, {}) == {"user_data": unresolvable("only its hash is in the plan")}


def versioning(**more: Any) -> Resource:
    """A resource of a module `log` whose bucket is the module's variable `to`."""
    inner = {"resources": [block(VERSIONING, {"bucket": refers("var.to")})], **more.pop("inner", {})}
    calls = {"log": {"expressions": {"to": more.pop("to")}, "module": inner}, **more.pop("calls", {})}
    entry = change(f"module.log.{VERSIONING}", {}, unknown={"bucket": True})
    (found,) = planned(entry, blocks=more.pop("blocks", []), modules=calls).resources
    return found


def test_a_reference_is_followed_to_the_caller_and_into_other_modules() -> None:
    found = versioning(to=refers("aws_s3_bucket.b.id", "aws_s3_bucket.b"))
    assert found.values == {"bucket": unresolvable("aws_s3_bucket.b.id")}
    assert found.references == {"bucket": ("aws_s3_bucket.b",)}
    made = {
        "outputs": {
            "id": {"expression": refers("aws_s3_bucket.b[0].id", "aws_s3_bucket.b[0]", "aws_s3_bucket.b")}
        }
    }
    found = versioning(to=refers("module.made.id", "module.made"), calls={"made": {"module": made}})
    assert found.values == {"bucket": unresolvable("module.made.aws_s3_bucket.b[0].id")}
    assert found.references == {"bucket": ("module.made.aws_s3_bucket.b",)}


def test_a_reference_to_each_value_leads_to_what_is_gone_through() -> None:
    blocks = [
        block(
            "aws_x.a",
            {"bucket": refers("each.value.id", "each.value")},
            for_each_expression=refers("aws_s3_bucket.b"),
        )
    ]
    found = planned(change('aws_x.a["k"]', {}, unknown={"bucket": True}), blocks=blocks)
    assert found.resources[0].references == {"bucket": ("aws_s3_bucket.b",)}


def test_outputs_that_refer_to_each_other_end() -> None:
    a = {
        "expressions": {"in": refers("module.b.out")},
        "module": {"outputs": {"out": {"expression": refers("var.in")}}},
    }
    b = {
        "expressions": {"in": refers("module.a.out")},
        "module": {"outputs": {"out": {"expression": refers("var.in")}}},
    }
    found = versioning(to=refers("module.a.out"), calls={"a": a, "b": b})
    assert list(found.values) == ["bucket"]


def test_a_known_value_keeps_what_the_configuration_refers_to() -> None:
    blocks = [block(VERSIONING, {"bucket": refers("aws_s3_bucket.b.id"), "x": refers("var.y")})]
    (found,) = planned(change(VERSIONING, {"bucket": "logs"}), blocks=blocks).resources
    assert found.values == {"bucket": "logs"}
    assert found.references == {"bucket": ("aws_s3_bucket.b",)}


def test_rules_beside_a_group_are_what_fills_it_in() -> None:
    group = change("aws_security_group.g", {}, unknown={"ingress": True})
    alone = planned(group, blocks=[block("aws_security_group.g")])
    assert resource(alone, "aws_security_group.g").values == {"ingress": unresolvable("known after apply")}
    rule = block("aws_security_group_rule.r", {"security_group_id": refers("aws_security_group.g.id")})
    both = planned(
        group, change("aws_security_group_rule.r", {}), blocks=[block("aws_security_group.g"), rule]
    )
    assert resource(both, "aws_security_group.g").values == {}


def test_one_line_has_one_line_and_many_have_their_own() -> None:
    entry = change("aws_vpc.main", {"cidr_block": "10.0.0.0/8", "tags": {"a": "b"}})
    assert planned(entry).resources[0].lines_of("cidr_block") == Lines(start=1, end=1)
    text = json.dumps(document(entry), indent=2)
    (found,) = build_inventory([Artefact(path="tfplan.json", content=text)]).resources
    lines = text.split("\n")
    assert '"cidr_block"' in lines[found.lines_of("cidr_block").start - 1]
    assert '"a": "b"' in lines[found.lines_of("tags.a").start - 1]
    assert lines[found.line_start].strip().startswith('"address"')


def test_values_of_variables_are_no_resources() -> None:
    found = planned(change("aws_vpc.v", {}), variables={"password": {"value": "x"}, "none": {}})
    assert addresses(found) == ["aws_vpc.v"]
    assert [(v.kind, v.name, v.values) for v in found.variables] == [
        ("tfvars", "password", {"password": "x"})
    ]


@pytest.mark.parametrize(
    "entry",
    [
        None,
        7,
        {},
        {"address": 5, "change": {"after": {}}},
        {"address": "aws_vpc", "change": {"actions": ["create"], "after": {}}},
        {"address": 'aws_vpc.a["\n"]', "change": {"actions": ["create"], "after": {"a": 1}}},
        {"address": "aws_vpc." + "a" * 2_000, "change": {"actions": ["create"], "after": {"a": 1}}},
        {"address": "aws_vpc.a", "mode": "data", "change": {"actions": ["create"], "after": {"a": 1}}},
        {"address": "aws_vpc.a", "change": {"actions": ["create"], "after": [1]}},
    ],
)
def test_what_terraform_does_not_write_is_named_and_hides_nothing(entry: Any) -> None:
    found = planned(entry, change("aws_vpc.good", {}))
    assert addresses(found) == ["aws_vpc.good"]
    unread = only_unread(found)
    assert (unread.artefact, unread.kind) == ("tfplan.json", "plan")
    assert unread.reason.startswith("resource_changes.0: ")
    assert found.files_read == 1


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}, [None], {"a": [1, {}]}, True])
@pytest.mark.parametrize(
    "part", ["resource_changes", "planned_values", "configuration", "variables", "prior_state"]
)
def test_any_part_may_be_of_any_type(part: str, odd: Any) -> None:
    data = {**document(change("aws_vpc.good", {})), part: odd}
    found = build_inventory([Artefact(path="tfplan.json", content=json.dumps(data))])
    assert len(found.resources) <= 1


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("[" * 100 + "]" * 100, "nested more than 60 levels deep"),
        ('{"a": 1, "a": 2}', "the key 'a' is given twice"),
        ('{"a": "\\ud800"}', "a lone surrogate"),
        (json.dumps([0] * 300), "more than 200 values"),
    ],
)
def test_a_plan_over_a_limit_is_refused_with_the_reason(after: str, reason: str, indent: int | None) -> None:
    text = json.dumps(document(change("aws_vpc.a", "HERE")), indent=indent).replace('"HERE"', after)
    found = build_inventory(
        [Artefact(path="tfplan.json", content=text)], limits=IntakeLimits(max_yaml_nodes=200)
    )
    assert reason in only_unread(found).reason
    assert found.resources == ()


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [("errored", True, "ended this plan with an error"), ("complete", False, "not a whole plan")],
)
def test_a_plan_that_is_not_whole_says_so(flag: str, value: bool, said: str) -> None:
    found = planned(change("aws_vpc.a", {}), **{flag: value})
    assert said in only_unread(found).reason
    assert addresses(found) == ["aws_vpc.a"]
    assert planned(change("aws_vpc.a", {}), **{flag: not value}).unread == ()


def test_what_is_put_off_is_there_all_the_same() -> None:
    put_off = {
        "reason": "provider_config_unknown",
        "resource_change": change("aws_vpc.later", {}, unknown={"a": True}),
    }
    assert addresses(planned(change("aws_vpc.a", {}), deferred_changes=[put_off])) == [
        "aws_vpc.a",
        "aws_vpc.later",
    ]
    assert only_unread(planned(deferred_changes=[7])).reason.startswith(
        "deferred_changes.0.resource_change: "
    )


def test_what_is_put_off_has_its_lines_too() -> None:
    put_off = {"reason": "x", "resource_change": change("aws_vpc.later", {"tags": {"a": "b"}})}
    text = plan(deferred_changes=[put_off], indent=2)
    found = resource(build_inventory([text]), "aws_vpc.later")
    assert '"a": "b"' in (text.content or "").split("\n")[found.lines_of("tags.a").start - 1]


def test_numbers_that_are_none_stay_texts() -> None:
    text = json.dumps(document(change("aws_vpc.a", {"a": "N", "b": "I"})))
    (found,) = build_inventory(
        [Artefact(path="p.json", content=text.replace('"N"', "NaN").replace('"I"', "1e999"))]
    ).resources
    assert found.values == {"a": "NaN", "b": "1e999"}
    assert Resource.model_validate_json(found.to_json()) == found


def test_more_resources_than_the_limit_are_named() -> None:
    entries = [change(f"aws_vpc.a[{n}]", {}) for n in range(9)]
    found = build_inventory([plan(*entries)], limits=IntakeLimits(max_resources=4))
    assert len(found.resources) == 4
    assert only_unread(found).reason.startswith("more than 4 resources")


def test_read_in_another_process_it_gives_the_same() -> None:
    blocks = [block("aws_vpc.v", {"a": refers("var.region")})]
    one = plan(
        change("aws_vpc.v", {}, unknown={"a": True, "b": True}), None, blocks=blocks, variables={"region": {"value": "x"}},
        root={"variables": {"region": {"sensitive": True}}},
    )  # fmt: skip
    files = [one, Artefact(path="main.tf", content='resource "aws_vpc" "v" {\n  a = var.region\n}\n')]
    portions = [read_portion(files, 1, 1), read_portion(files, 2, 2)]
    assert build_inventory(files, portions=portions).to_json() == build_inventory(files).to_json()
    assert build_inventory(files[::-1]).to_json() == build_inventory(files).to_json()
