"""Hostile and odd input never sinks the agent; the same input gives the same bytes; work grows with the resources."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra_mind.agents.security import REGISTRY
from infra_mind.agents.security.assess import outcomes_of
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.rule import Family, Outcome, Rule, RuleSet, collect, passed
from infra_mind.agents.security.rules.kubernetes_pod import RULES as POD_RULES
from infra_mind.model.finding import Effort, Severity, Status
from infra_mind.model.inventory import Format, Inventory, Resource, unresolvable
from tests.unit.agents.security.snippets import run_inventory

_KEYS = st.sampled_from(
    [
        "ingress",
        "spec",
        "template",
        "containers",
        "cidr_blocks",
        "policy",
        "Statement",
        "metadata",
        "name",
        "namespace",
        "acl",
        "environment",
        "ports",
        "volumes",
        "securityContext",
        "settings",
        "allow",
        "from_port",
        "instructions",
        "from",
        "final",
        "user_data",
        "settings",
        "rules",
        "subjects",
        "data",
        "image",
        "env",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99999) | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["0.0.0.0/0", "*", "{", "[]", "true"]) | st.just(unresolvable("var.x")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
_KINDS = sorted({(r.format, kind) for r in REGISTRY.values() for kind in r.kinds if kind != "*"})


def _resource(form: Format, kind: str, values: dict[str, Any]) -> Resource:
    return Resource(
        address=f"{kind}.x", block=f"{kind}.x", format=form, kind=kind, name="x", artefact="a", line_start=1, line_end=1,
        values=values,
    )  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(_KINDS), values=st.dictionaries(_KEYS, _JSON, max_size=6))
def test_no_shape_of_values_sinks_the_agent(kind: tuple[Format, str], values: dict[str, Any]) -> None:
    result = run_inventory(Inventory(resources=(_resource(*kind, values),)))
    assert {f.status for f in result.findings} <= set(Status)


@pytest.mark.parametrize(
    "value", ["text", 7, ["a"], {"a": {"b": 1}}, True, [[]], [unresolvable("var.x")], unresolvable("var.x")]
)
@pytest.mark.parametrize("rule_id", sorted(REGISTRY))
def test_every_rule_survives_every_shape_of_every_attribute(rule_id: str, value: Any) -> None:
    rule = REGISTRY[rule_id]
    kind = "provider.aws" if rule.kinds[0] == "*" else rule.kinds[0]
    names = ("ingress", "policy", "spec", "settings", "metadata", "environment", "volumes", "ports", "instructions", "allow", "user_data", "rules", "security_rule", "statement", "container_definitions")  # fmt: skip
    resource = _resource(rule.format, kind, dict.fromkeys(names, value))
    outcomes = outcomes_of(rule, resource, Context(Inventory(resources=(resource,))))
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)


def test_a_rule_that_crashes_is_reported_with_its_name_and_the_resource() -> None:
    def broken(subject: Any, context: Any) -> list[Outcome]:
        raise KeyError("secret-value")

    rule = Rule(
        id="IM-TEST-001", title="t", severity=Severity.LOW, reason="r", family=Family.NETWORK, format=Format.TERRAFORM,
        kinds=("aws_vpc",), fix="f", effort=Effort.MINUTES, check=broken,
    )  # fmt: skip
    resource = _resource(Format.TERRAFORM, "aws_vpc", {})
    (outcome,) = outcomes_of(rule, resource, Context(Inventory()))
    assert outcome.status is Status.NOT_ASSESSED
    assert outcome.observed == "IM-TEST-001 could not read aws_vpc.x: KeyError"


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        collect([POD_RULES, POD_RULES])
    rules = RuleSet(Format.TERRAFORM)
    with pytest.raises(ValueError, match="looks like"):
        rules.add(
            "S3-1", "t", severity=Severity.LOW, reason="r", family=Family.NETWORK, kinds=("a",), fix="f"
        )(lambda subject, context: [passed()])


_RUN = """
from tests.unit.agents.security.snippets import EXAMPLES, artefact_of, run
picked = [r for r in sorted(EXAMPLES)][::7]
for rule_id in picked:
    print(run(artefact_of(rule_id, EXAMPLES[rule_id][0]), data_classes=("health",)).model_dump_json())
"""


def test_the_same_input_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _RUN], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }  # fmt: skip
    assert len(outputs) == 1
    assert next(iter(outputs)).count(b"\n") > 20


def test_the_order_of_resources_does_not_change_the_findings() -> None:
    resources = [
        _resource(Format.TERRAFORM, kind, {}) for kind in ("aws_kms_key", "aws_vpc", "aws_sqs_queue")
    ]
    one = run_inventory(Inventory(resources=tuple(resources)))
    other = run_inventory(Inventory(resources=tuple(reversed(resources))))
    assert one.findings == other.findings


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "curl x ",
        "apt -apt ",
        "eyJ-",
        "eyJaaaaaaaaaaaa.",
        "ftp://",
        "password",
        "AKIA",
        "-----BEGIN PRIVATE KEY-----",
        "a.b-",
        "mysql ",
        "curl -u a:",
        "bearer a",
        "--token-",
    ],
)
def test_hostile_repetition_does_not_make_the_patterns_crawl(piece: str) -> None:
    """Quadratic patterns would take minutes here; the time limit is far above what is needed."""
    code = (
        "from tests.unit.agents.security.snippets import run\n"
        "from infra_mind.model.inventory import Artefact\n"
        f"text = {piece!r} * (400_000 // {len(piece)})\n"
        "run(Artefact(path='Dockerfile', content='FROM a:1\\nRUN ' + text + '\\n'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "piece", "closing"),
    [
        ("main.tf", 'module "password" {\n', ""),
        ("main.tf", 'variable "password" {\n', ""),
        ("main.tf", 'variable "password" {\n', "}\n"),
        ("main.tf", "required_providers {\n", ""),
        ("main.tf", 'locals { password = "\\', ""),
        ("a.tfvars", "password = <<A\n", ""),
        ("a.tfvars", "password = /*", ""),
        ("a.tfvars", "password = {", ""),
    ],
)
def test_blocks_that_never_close_do_not_make_the_declarations_crawl(
    name: str, piece: str, closing: str
) -> None:
    """As above: 20 000 of them took minutes before."""
    code = (
        "from infra_mind.agents.security.declarations import declarations\n"
        "from infra_mind.model.inventory import Artefact\n"
        f"text = {piece!r} * 20_000 + {closing!r} * 20_000\n"
        f"declarations({{{name!r}: Artefact(path={name!r}, content=text)}})\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
