"""Pods that stand in kinds of operators are judged as those of Deployments are."""

from __future__ import annotations

import pytest
import yaml

from infra_mind.agents.security.pods import POD_SPEC
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

_POD = {"containers": [{"name": "c", "image": "x:1", "securityContext": {"privileged": True}}]}


def _placed(path: str) -> dict[str, object]:
    """The pod at a path; `*` is an entry of a list, or of a map below `...ReplicaSpecs`."""
    here: object = _POD
    parts = path.split(".")
    for index in reversed(range(len(parts))):
        if parts[index] == "*":
            here = {"Worker": here} if parts[index - 1].endswith("ReplicaSpecs") else [here]
        else:
            here = {parts[index]: here}
    assert isinstance(here, dict)
    return here


@pytest.mark.parametrize(
    ("kind", "path"), [(kind, path) for kind, paths in POD_SPEC.items() for path in paths]
)
def test_a_privileged_container_is_found_wherever_the_kind_holds_pods(kind: str, path: str) -> None:
    manifest = {"apiVersion": "example.com/v1", "kind": kind, "metadata": {"name": "x"}, **_placed(path)}
    (found,) = of(run(Artefact(path="a.yaml", content=yaml.safe_dump(manifest))), "IM-K8S-POD-001")
    assert found.evidence[0].path.startswith(path.split(".*")[0])


def test_a_service_without_a_template_is_no_workload() -> None:
    result = run(
        Artefact(
            path="a.yaml",
            content="apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n",
        )
    )
    assert of(result, "IM-K8S-NET-001") == of(result, "IM-K8S-POD-001", Status.PASS) == []


@pytest.mark.parametrize("resource", ["pods/exec", "pods/attach", "nodes/proxy"])
def test_a_get_is_enough_to_run_a_command(resource: str) -> None:
    role = f"kind: Role\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {{name: r}}\nrules: [{{apiGroups: [''], resources: ['{resource}'], verbs: [get]}}]\n"
    assert of(run(Artefact(path="a.yaml", content=role)), "IM-K8S-RBAC-004")
