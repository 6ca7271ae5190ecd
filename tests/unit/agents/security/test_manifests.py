"""Kubernetes objects in Terraform are judged like the manifests that they become."""

from __future__ import annotations

import pytest

from infra_mind.agents.security.manifests import manifests
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

POD = """
resource "kubernetes_{kind}" "a" {{
  metadata {{
    name      = "api"
    namespace = "shop"
  }}
  spec {{
    {open}
        host_pid = {bad}
        container {{
          name  = "web"
          image = "shop/web:1.4"
          security_context {{
            privileged                = {bad}
            run_as_non_root           = true
            read_only_root_filesystem = true
            capabilities {{
              drop = ["ALL"]
            }}
          }}
          env {{
            name  = "DB_PASSWORD"
            value = "{password}"
          }}
        }}
        container {{
          name  = "proxy"
          image = "shop/proxy"
        }}
        volume {{
          name = "run"
          host_path {{
            path = "{mount}"
          }}
        }}
    {close}
  }}
}}
"""
TEMPLATE = {"open": "template {\n      spec {", "close": "}\n    }"}
FAULTY = {"bad": "true", "password": "hunter22", "mount": "/var/run/docker.sock"}


def tf(text: str) -> Artefact:
    return Artefact(path="main.tf", content=text)


@pytest.mark.parametrize("kind", ["deployment", "deployment_v1", "daemonset", "stateful_set_v1"])
def test_what_a_workload_of_the_provider_may_do_is_found_with_its_line(kind: str) -> None:
    text = POD.format(kind=kind, **TEMPLATE, **FAULTY)
    result = run(tf(text))
    lines = {
        rule: of(result, f"IM-K8S-{rule}")[0].evidence[0]
        for rule in ("POD-001", "POD-002", "POD-003", "SECRET-002")
    }
    source = text.split("\n")
    shown = {rule: source[(e.line_start or 0) - 1].strip() for rule, e in lines.items()}
    assert shown["POD-001"] == "privileged                = true"
    assert shown["POD-002"] == "host_pid = true"
    assert shown["POD-003"] == 'path = "/var/run/docker.sock"'
    assert shown["SECRET-002"] == 'value = "hunter22"'
    assert of(result, "IM-K8S-POD-001")[0].resource == f"kubernetes_{kind}.a"


def test_each_container_is_judged_by_itself() -> None:
    result = run(
        tf(POD.format(kind="deployment", **TEMPLATE, bad="false", password="${var.p}", mount="/srv"))
    )
    for rule in ("POD-008", "POD-009", "POD-015"):
        assert [f.evidence[0].observed.partition("(")[2] or "shop/proxy" for f in of(result, f"IM-K8S-{rule}")] in (
            ["container proxy)"], ["shop/proxy"],
        )  # fmt: skip
    assert not of(result, "IM-K8S-POD-001")
    assert not of(result, "IM-K8S-SECRET-002")


def test_a_pod_has_its_containers_one_level_up() -> None:
    assert of(run(tf(POD.format(kind="pod_v1", open="", close="", **FAULTY))), "IM-K8S-POD-001")


def test_roles_services_and_namespaces_are_read_too() -> None:
    text = (
        'resource "kubernetes_cluster_role" "r" {\n  metadata {\n    name = "all"\n  }\n  rule {\n    api_groups = ["*"]\n'
        '    resources  = ["*"]\n    verbs      = ["*"]\n  }\n}\n'
        'resource "kubernetes_service_v1" "s" {\n  spec {\n    type = "LoadBalancer"\n  }\n}\n'
        'resource "kubernetes_namespace" "n" {\n  metadata {\n    name = "shop"\n  }\n}\n'
    )
    result = run(tf(text))
    assert all(of(result, rule) for rule in ("IM-K8S-RBAC-001", "IM-K8S-SVC-001", "IM-K8S-NS-001"))


@pytest.mark.parametrize(
    "body",
    [
        'resource "kubernetes_manifest" "m" {\n  manifest = {\n    apiVersion = "v1"\n    kind = "Pod"\n    metadata = { name = "p" }\n'
        '    spec = { containers = [{ name = "c", securityContext = { privileged = true } }] }\n  }\n}\n',
        'resource "kubectl_manifest" "m" {\n  yaml_body = <<-EOT\n    apiVersion: v1\n    kind: Pod\n    metadata: {name: p}\n'
        "    spec: {containers: [{name: c, securityContext: {privileged: true}}]}\n  EOT\n}\n",
    ],
)
def test_manifests_that_are_written_out_are_read_as_they_stand(body: str) -> None:
    (finding,) = of(run(tf(body)), "IM-K8S-POD-001")
    assert finding.resource.endswith("_manifest.m")


def test_no_patch_in_yaml_is_offered_for_a_terraform_file() -> None:
    (finding,) = of(run(tf(POD.format(kind="deployment", **TEMPLATE, **FAULTY))), "IM-K8S-POD-001")
    assert finding.remediation is not None
    assert finding.remediation.patch is None


@pytest.mark.parametrize(
    "text",
    [
        'resource "kubernetes_manifest" "m" {\n  manifest = yamldecode(data.http.m.body)\n}\n',
        'resource "kubectl_manifest" "m" {\n  yaml_body = "a: [1"\n}\n',
        'resource "kubectl_manifest" "m" {\n  yaml_body = data.http.m.body\n}\n',
        'resource "kubernetes_manifest" "m" {\n  manifest = { kind = 7 }\n}\n',
        'resource "kubernetes_config_map" "m" {\n  data = { a = "b" }\n}\n',
    ],
)
def test_what_is_no_manifest_makes_none(text: str) -> None:
    assert not manifests(build_inventory((tf(text),)).resources)


def test_blocks_that_only_apply_time_knows_stay_open() -> None:
    text = POD.format(kind="deployment", **TEMPLATE, bad="var.unknown", password="${var.p}", mount="/srv")
    result = run(tf(text))
    assert not of(result, "IM-K8S-POD-001")
    assert of(result, "IM-K8S-POD-001", Status.UNRESOLVABLE)
