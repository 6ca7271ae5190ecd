"""Every rule: one example that it must find, one that it must let pass, through the real readers."""

from __future__ import annotations

import pytest

from infra_mind.agents.security import REGISTRY
from infra_mind.agents.security.rule import Family
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Format
from tests.unit.agents.security.snippets import EXAMPLES, artefact_of, of, run


def test_every_rule_has_its_examples_and_every_example_its_rule() -> None:
    assert sorted(EXAMPLES) == sorted(REGISTRY)


@pytest.mark.parametrize("rule_id", sorted(EXAMPLES))
def test_a_rule_finds_its_faulty_example(rule_id: str) -> None:
    artefact = artefact_of(rule_id, EXAMPLES[rule_id][0])
    found = of(run(artefact), rule_id)
    assert found, f"{rule_id} is silent about:\n{artefact.content}"
    evidence = found[0].evidence[0]
    last = (artefact.content or "").count("\n") + 1
    assert evidence.artefact == artefact.path
    assert evidence.line_start is not None
    assert 1 <= evidence.line_start <= (evidence.line_end or 0) <= last
    assert evidence.observed
    assert evidence.expected


@pytest.mark.parametrize("rule_id", sorted(EXAMPLES))
def test_a_rule_passes_its_clean_example(rule_id: str) -> None:
    artefact = artefact_of(rule_id, EXAMPLES[rule_id][1])
    result = run(artefact)
    assert not of(result, rule_id), f"{rule_id} objects to:\n{artefact.content}"
    assert not of(result, rule_id, Status.NOT_ASSESSED)
    assert of(result, rule_id, Status.PASS), f"{rule_id} does not say pass of:\n{artefact.content}"


def test_every_family_is_covered_in_every_place_where_it_can_occur() -> None:
    assert {r.family for r in REGISTRY.values()} == set(Family)
    assert {r.format for r in REGISTRY.values()} == set(Format)


@pytest.mark.parametrize("rule_id", sorted(REGISTRY))
def test_a_rule_says_why_and_what_to_do(rule_id: str) -> None:
    rule = REGISTRY[rule_id]
    assert rule.reason.endswith(".")
    assert rule.fix.endswith(".")
    assert rule.references
    assert all(url.startswith("https://") for url in rule.references)
    assert rule.controls
