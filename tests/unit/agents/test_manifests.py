"""Kubernetes objects in Terraform are judged, counted and priced like the manifests that they become."""

from __future__ import annotations

import pytest

from infra_mind.agents.base import Agent, Inputs, silent
from infra_mind.agents.cloud import AGENT as CLOUD
from infra_mind.agents.cost import AGENT as COST
from infra_mind.agents.manifests import manifests
from infra_mind.agents.reliability import AGENT as RELIABILITY
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from infra_mind.model.result import AgentResult
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


MADE = """
resource "kubernetes_deployment_v1" "a" {
  count = %s
  metadata {
    name      = "api"
    namespace = "shop"
  }
  spec {
    replicas = 3
    template {
      metadata {
        labels = { app = "api" }
      }
      spec {
        topology_spread_constraint {
          max_skew     = 1
          topology_key = "topology.kubernetes.io/zone"
        }
        container {
          name  = "web"
          image = "shop/web:1.4"
          resources {
            requests = { cpu = "500m", memory = "256Mi" }
          }
        }
      }
    }
  }
}

resource "kubernetes_pod_disruption_budget_v1" "a" {
  metadata {
    name      = "api"
    namespace = "shop"
  }
  spec {
    min_available = 1
    selector {
      match_labels = { app = "api" }
    }
  }
}

resource "kubernetes_service" "a" {
  metadata {
    name      = "api"
    namespace = "shop"
  }
  spec {
    type     = "LoadBalancer"
    selector = { app = "api" }
  }
}

resource "kubernetes_storage_class" "s" {
  metadata {
    name = "quick"
  }
  storage_provisioner = "ebs.csi.aws.com"
  parameters = { type = "gp3" }
}

resource "kubernetes_persistent_volume_claim" "p" {
  metadata {
    name      = "data"
    namespace = "shop"
  }
  spec {
    access_modes       = ["ReadWriteOnce"]
    storage_class_name = "quick"
    resources {
      requests = { storage = "100Gi" }
    }
  }
}

resource "kubernetes_horizontal_pod_autoscaler_v2" "h" {
  metadata {
    name      = "api"
    namespace = "shop"
  }
  spec {
    min_replicas = 4
    max_replicas = 9
    scale_target_ref {
      kind = "Deployment"
      name = "api"
    }
  }
}
"""


INGRESS = """
resource "kubernetes_ingress_v1" "i" {
  metadata {
    name      = "api"
    namespace = "shop"
  }
  spec {
    rule {
      http {
        path {
          path = "/"
          backend {
            service {
              name = "api"
            }
          }
        }
      }
    }
  }
}
"""


def assess(agent: Agent, text: str) -> AgentResult:
    files = (tf(text),)
    hosting = {"provider": "aws", "region": "eu-west-1"}
    results = {"cloud": AgentResult(), "mlops": AgentResult()}
    inventory = build_inventory(files)
    return agent.assess(
        Inputs(brief=parse_brief({"name": "t", "hosting": hosting}), inventory=inventory, artefacts={f.path: f for f in files}, results=results), silent
    )  # fmt: skip


def test_cloud_counts_what_terraform_orders_from_a_cluster() -> None:
    found = assess(CLOUD, MADE % 1 + INGRESS)
    facts = {f.id: f.value for f in found.facts}
    expected = {
        "cloud.workloads": 1, "cloud.vcpu_requested": 4 * 0.5, "cloud.memory_mib_requested": 4 * 256,
        "cloud.at_most.vcpu_requested": 9 * 0.5, "cloud.load_balancers": 2, "cloud.resources": 7,
    }  # fmt: skip
    assert {i: v for i, v in facts.items() if i in expected} == expected
    edges = {(e["from"], e["to"], e["kind"]) for e in found.details["topology"]["edges"]}
    assert ("kubernetes_service.a", "kubernetes_deployment_v1.a[0]", "selects") in edges
    assert ("kubernetes_horizontal_pod_autoscaler_v2.h", "kubernetes_deployment_v1.a[0]", "scales") in edges
    assert ("kubernetes_ingress_v1.i", "kubernetes_service.a", "routes") in edges


@pytest.mark.parametrize(("count", "workloads"), [("0", 0), ("var.unknown", 1), ("2", 2)])
def test_a_count_of_terraform_counts(count: str, workloads: int) -> None:
    facts = {f.id: f.value for f in assess(CLOUD, MADE % count).facts}
    assert facts["cloud.workloads"] == workloads
    assert facts.get("cloud.vcpu_requested") == (2 * 4 * 0.5 if count == "2" else None)


def test_reliability_judges_the_replicas_that_terraform_makes() -> None:
    every = MADE % 1
    held = {f.rule_id: f.status for f in assess(RELIABILITY, every).findings if "k8s" in f.rule_id}
    assert held["reliability.k8s-no-disruption-budget"] is Status.PASS
    assert held["reliability.k8s-no-spread"] is Status.PASS
    alone = every.replace("min_replicas = 4", "min_replicas = 1")
    failed = [f for f in assess(RELIABILITY, alone).findings if f.status is Status.FAIL]
    assert [(f.rule_id, f.resource) for f in failed] == [
        ("reliability.k8s-single-replica", "kubernetes_deployment_v1.a[0]")
    ]


def test_cost_prices_the_volumes_and_load_balancers_that_terraform_orders() -> None:
    found = assess(COST, MADE % 1)
    assert {line.address: (line.sku, line.quantity) for line in found.cost_lines} == {
        "kubernetes_persistent_volume_claim.p": ("ebs_gp3", 100),
        "kubernetes_service.a": ("load_balancer_classic", 730),
    }
    assert "kinds_without_price_model" not in found.details
