"""Every Checkov id that a rule names is one of the published index, for something that the rule looks at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra_mind.agents.security import REGISTRY
from infra_mind.agents.security.rule import ANY_KIND, Rule
from infra_mind.model.inventory import Format

INDEX: dict[str, Any] = json.loads(Path(__file__).with_name("checkov_index.json").read_text())
# The index calls a provider block by the provider, a data source without `data.`, and a step of a Dockerfile by its instruction.
_NAMED = {
    "aws": "provider.aws",
    "aws_iam_policy_document": "data.aws_iam_policy_document",
    "aws_ami": "data.aws_ami",
}


@pytest.mark.parametrize("rule", [r for r in REGISTRY.values() if r.ckv], ids=lambda r: r.id)
def test_ids_are_in_the_index_for_what_the_rule_looks_at(rule: Rule) -> None:
    for id_ in rule.ckv:
        entities = INDEX["entities"][id_]
        assert entities
        if rule.format in (Format.TERRAFORM, Format.KUBERNETES) and ANY_KIND not in rule.kinds:
            kinds = {_NAMED.get(entity, entity) for entity in entities}
            assert kinds & set(rule.kinds), id_


def test_the_index_names_nothing_that_no_rule_names() -> None:
    assert set(INDEX["entities"]) == {id_ for rule in REGISTRY.values() for id_ in rule.ckv}
