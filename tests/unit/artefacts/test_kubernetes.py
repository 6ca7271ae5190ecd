from __future__ import annotations

import pytest

from infra_mind.model.inventory import Lines
from tests.unit.artefacts.texts import inventory, only_unread, resource

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
spec:
  containers:
    - name: app
      image: nginx:1.27
      securityContext:
        privileged: true
"""


def test_a_manifest_is_a_resource_with_lines() -> None:
    pod = resource(inventory({"pod.yaml": POD}), "Pod/shop/web")
    assert pod.get("spec.containers.0.securityContext.privileged") is True
    assert pod.lines_of("spec.containers.0.securityContext.privileged") == Lines(start=11, end=11)
    assert (pod.kind, pod.provider, pod.line_start, pod.line_end) == ("Pod", "kubernetes", 1, 11)


def test_several_documents_and_empty_ones() -> None:
    second = POD.replace("name: web", "name: two")
    found = inventory({"all.yaml": f"---\n{POD}---\n---\n# nothing\n---\n{second}"})
    assert [r.address for r in found.resources] == ["Pod/shop/two", "Pod/shop/web"]
    assert not found.unread


def test_the_items_of_a_list() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n- apiVersion: x/v1\n  kind: Odd\n"
    found = inventory({"list.yaml": text})
    secret = resource(found, "Secret/default/a")
    assert (secret.line_start, secret.line_end, secret.lines_of("metadata.name")) == (
        4,
        7,
        Lines(start=7, end=7),
    )
    assert resource(found, "Odd/default/unnamed").kind == "Odd"


def test_a_manifest_in_json() -> None:
    found = inventory({"a.json": '{"apiVersion": "v1",\n "kind": "ConfigMap",\n "metadata": {"name": "c"}}'})
    assert resource(found, "ConfigMap/default/c").lines_of("metadata.name").start == 3


def test_on_and_off_are_booleans() -> None:
    assert resource(inventory({"p.yaml": POD.replace("true", "yes")}), "Pod/shop/web").get(
        "spec.containers.0.securityContext.privileged"
    )


def test_a_kustomization_is_named() -> None:
    found = inventory(
        {
            "kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n"
        }
    )
    assert (only_unread(found).kind, found.resources) == ("unsupported", ())
    assert "kustomize build" in only_unread(found).reason


def test_a_kustomization_without_its_kind_is_named() -> None:
    assert "Kustomization" in only_unread(inventory({"kustomization.yaml": "resources: [a.yaml]\n"})).reason


def test_a_chart_is_named_and_left_out() -> None:
    template = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n"
    found = inventory(
        {
            "c/Chart.yaml": "name: c",
            "c/values.yaml": "a: 1",
            "c/templates/pod.yaml": template,
            "c/templates/plain.yaml": POD,
        }
    )
    assert [r.artefact for r in found.resources] == ["c/templates/plain.yaml"]
    assert [(u.artefact, u.kind, u.line) for u in found.unread] == [
        ("c/Chart.yaml", "helm_template", None),
        ("c/templates/pod.yaml", "helm_template", 4),
        ("c/values.yaml", "helm_template", None),
    ]


def test_a_template_outside_a_chart() -> None:
    unread = only_unread(inventory({"pod.yaml": "apiVersion: v1\n{{- if .x }}\nkind: Pod\n{{- end }}\n"}))
    assert (unread.kind, unread.line) == ("helm_template", 2)


def test_braces_in_a_text_are_no_template() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rules}\ndata:\n  alert: 'on {{ $labels.pod }}'\n"
    )
    assert (
        resource(inventory({"rules.yaml": text}), "ConfigMap/default/rules").get("data.alert")
        == "on {{ $labels.pod }}"
    )


def test_a_doubled_key_names_its_line() -> None:
    unread = only_unread(inventory({"pod.yaml": POD + "kind: Job\n"}))
    assert (unread.kind, unread.line) == ("unreadable", 12)


def test_yaml_that_is_something_else() -> None:
    assert only_unread(inventory({"ci.yaml": "stages: [a]\n"})).kind == "unsupported"


@pytest.mark.parametrize(
    "metadata", ["metadata: text", "metadata: [1]", "metadata: {name: [1]}", "metadata: {name: 1}"]
)
def test_odd_metadata_does_not_crash(metadata: str) -> None:
    assert len(inventory({"a.yaml": f"apiVersion: v1\nkind: Pod\n{metadata}\n"}).resources) == 1


DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: caches.example.org}
spec:
  group: example.org
  versions:
    - name: v1
      served: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object}}
"""


def test_the_schemas_of_a_definition_are_left_out_and_the_rest_stays() -> None:
    found = resource(
        inventory({"crd.yaml": DEFINITION}), "CustomResourceDefinition/default/caches.example.org"
    )
    assert found.values["spec"] == {"group": "example.org", "versions": [{"name": "v1", "served": True}]}
    assert not [path for path in found.lines if "schema" in path]
    assert found.lines_of("spec.versions.0.name").start == 8
    assert found.line_end >= 13


@pytest.mark.parametrize(
    "spec", ["7", "{versions: all}", "{versions: [v1, {name: v2, schema: x}]}", "{validation: {a: b}}"]
)
def test_an_odd_definition_does_not_crash(spec: str) -> None:
    text = f"apiVersion: v1\nkind: CustomResourceDefinition\nmetadata: {{name: x}}\nspec: {spec}\n"
    (found,) = inventory({"crd.yaml": text}).of("CustomResourceDefinition")
    assert "schema" not in str(found.values)
    assert "validation" not in str(found.values)


def test_items_of_a_list_of_one_kind_take_it_from_the_list() -> None:
    text = "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a, namespace: shop}\n  spec: {replicas: 2}\n"
    found = inventory({"all.yaml": text})
    assert found.unread == ()
    assert resource(found, "Deployment/shop/a").get("spec.replicas") == 2
