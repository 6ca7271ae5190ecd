"""Wildcards of Kubernetes roles: what covers everything, what only a group, and what is none."""

from __future__ import annotations

import pytest

from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run


def role(groups: str, resources: str, verbs: str) -> Artefact:
    rule = f"{{apiGroups: {groups}, resources: {resources}, verbs: {verbs}}}"
    text = f"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{rule}]\n"
    return Artefact(path="role.yaml", content=text)


@pytest.mark.parametrize(
    ("groups", "resources", "verbs", "rules"),
    [
        ("['*']", "['*']", "['*']", {"001"}),
        ("['']", "['*']", "[get]", {"001"}),
        ("[custom.metrics.k8s.io]", "['*']", "['*']", {"006"}),
        ("[example.org]", "[caches]", "['*']", {"006"}),
        ("[apps]", "['*']", "[update]", {"006"}),
        ("[apps]", "['*']", "[get, list, watch]", set()),
        ("[rbac.authorization.k8s.io]", "[roles]", "['*']", {"004", "006"}),
        ("[rbac.authorization.k8s.io]", "[roles]", "[get, create]", set()),
        ("['']", "[secrets]", "['*']", {"003", "006"}),
    ],
)
def test_a_wildcard_is_called_what_it_is(groups: str, resources: str, verbs: str, rules: set[str]) -> None:
    result = run(role(groups, resources, verbs))
    assert {n for n in ("001", "003", "004", "006") if of(result, f"IM-K8S-RBAC-{n}")} == rules


def test_the_evidence_names_what_the_wildcard_stands_beside() -> None:
    (finding,) = of(run(role("[example.org]", "[caches]", "['*']")), "IM-K8S-RBAC-006")
    assert finding.evidence[0].observed == "* in verbs, on caches"
