"""Single points of failure in artefacts: each rule fails, passes and says when it cannot know."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.reliability.single_points import CHECKS, single_points
from infra_mind.model.finding import Finding, Status
from infra_mind.model.inventory import Format, Inventory, Lines, Resource, unresolvable

LABELS = {"app": "web"}


def terraform(kind: str, values: dict[str, Any], name: str = "x", count: int | None = 1) -> Resource:
    return Resource(
        address=f"{kind}.{name}", block=f"{kind}.{name}", format=Format.TERRAFORM, kind=kind, name=name,
        artefact="main.tf", line_start=3, line_end=9, values=values, count=count,
    )  # fmt: skip


def manifest(kind: str, spec: dict[str, Any], name: str = "web", **metadata: Any) -> Resource:
    return Resource(
        address=f"{kind}/default/{name}", block=f"{kind}/default/{name}", format=Format.KUBERNETES, kind=kind,
        name=name, artefact="app.yaml", line_start=1, line_end=30, lines={"spec.replicas": Lines(start=7, end=7)},
        values={"kind": kind, "metadata": {"name": name, **metadata}, "spec": spec},
    )  # fmt: skip


def deployment(replicas: Any = 3, **pod_spec: Any) -> Resource:
    template = {"metadata": {"labels": LABELS}, "spec": pod_spec}
    spec = {"template": template} | ({} if replicas is None else {"replicas": replicas})
    return manifest("Deployment", spec)


def scaler(**spec: Any) -> Resource:
    return manifest(
        "HorizontalPodAutoscaler", {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, **spec}
    )


def service(**values: Any) -> Resource:
    return Resource(
        address="service/web", block="service/web", format=Format.COMPOSE, kind="service", name="web",
        artefact="compose.yaml", line_start=2, line_end=6, values=values,
    )  # fmt: skip


def found(rule: str, *resources: Resource) -> list[Finding]:
    findings = single_points(Inventory(resources=resources, files=1, files_read=1))
    return [f for f in findings if f.rule_id == f"reliability.{rule}"]


def status(rule: str, *resources: Resource) -> Status | None:
    findings = found(rule, *resources)
    return findings[0].status if findings else None


UNKNOWN = unresolvable("data.x")
FAIL, PASS, OPEN = Status.FAIL, Status.PASS, Status.UNRESOLVABLE


@pytest.mark.parametrize(
    ("rule", "resource", "expected"),
    [
        ("k8s-single-replica", deployment(1), FAIL),
        ("k8s-single-replica", deployment(None), FAIL),
        ("k8s-single-replica", deployment(2), PASS),
        ("k8s-single-replica", deployment(0), None),
        ("k8s-single-replica", deployment(UNKNOWN), OPEN),
        ("k8s-no-disruption-budget", deployment(1), None),
        ("k8s-no-disruption-budget", deployment(2), FAIL),
        ("k8s-no-spread", deployment(2), FAIL),
        ("k8s-no-spread", deployment(2, topologySpreadConstraints=[{"maxSkew": 1}]), PASS),
        ("k8s-no-spread", deployment(2, affinity={"podAntiAffinity": {"x": []}}), PASS),
        ("k8s-no-spread", deployment(2, affinity={"nodeAffinity": {"x": []}}), FAIL),
        ("k8s-bare-pod", manifest("Pod", {"containers": []}), FAIL),
        ("k8s-bare-pod", manifest("Pod", {"restartPolicy": "Never"}), None),
        ("rds-single-az", terraform("aws_db_instance", {}), FAIL),
        ("rds-single-az", terraform("aws_db_instance", {"multi_az": False}), FAIL),
        ("rds-single-az", terraform("aws_db_instance", {"multi_az": True}), PASS),
        ("rds-single-az", terraform("aws_db_instance", {"multi_az": "true"}), PASS),
        ("rds-single-az", terraform("aws_db_instance", {"multi_az": UNKNOWN}), OPEN),
        ("rds-single-az", terraform("aws_db_instance", {"replicate_source_db": "x"}), None),
        ("rds-single-az", terraform("aws_db_instance", {}, count=0), None),
        ("one-nat-gateway", terraform("aws_nat_gateway", {}), FAIL),
        ("one-nat-gateway", terraform("aws_nat_gateway", {}, count=3), PASS),
        ("one-nat-gateway", terraform("aws_nat_gateway", {}, count=None), OPEN),
        ("one-node-group", terraform("aws_eks_node_group", {"scaling_config": [{"desired_size": 1}]}), FAIL),
        ("one-node-group", terraform("aws_eks_node_group", {"scaling_config": [{"desired_size": 2}]}), PASS),
        ("one-node-group", terraform("aws_eks_node_group", {"scaling_config": [{"desired_size": UNKNOWN}]}), OPEN),
        ("one-node-pool", terraform("google_container_node_pool", {"node_count": 1}), FAIL),
        ("one-default-node", terraform("azurerm_kubernetes_cluster", {"default_node_pool": [{"node_count": 3}]}), PASS),
        ("asg-max-one", terraform("aws_autoscaling_group", {"max_size": 1}), FAIL),
        ("asg-max-one", terraform("aws_autoscaling_group", {"max_size": "4"}), PASS),
        ("asg-max-one", terraform("aws_autoscaling_group", {"max_size": UNKNOWN}), OPEN),
        ("ecs-one-task", terraform("aws_ecs_service", {"desired_count": 1}), FAIL),
        ("ecs-one-task", terraform("aws_ecs_service", {}), None),
        ("elasticache-no-failover", terraform("aws_elasticache_replication_group", {}), FAIL),
        ("cloudsql-zonal", terraform("google_sql_database_instance", {"settings": [{"availability_type": "REGIONAL"}]}), PASS),
        ("cloudsql-zonal", terraform("google_sql_database_instance", {"settings": [{}]}), FAIL),
        ("azure-database-no-standby", terraform("azurerm_postgresql_flexible_server", {"high_availability": [{"mode": "ZoneRedundant"}]}), PASS),
        ("compose-no-restart", service(image="x"), FAIL),
        ("compose-no-restart", service(restart="no"), FAIL),
        ("compose-no-restart", service(restart="always"), PASS),
        ("compose-no-restart", service(deploy={"restart_policy": {"condition": "on-failure"}}), PASS),
        ("compose-no-restart", service(deploy={"restart_policy": {"condition": "none"}}), FAIL),
    ],
)  # fmt: skip
def test_each_rule(rule: str, resource: Resource, expected: Status | None) -> None:
    assert status(rule, resource) is expected


def test_an_autoscaler_decides_over_the_manifest() -> None:
    assert status("k8s-single-replica", deployment(1), scaler(minReplicas=2, maxReplicas=5)) is PASS
    finding = found("k8s-single-replica", deployment(3), scaler(maxReplicas=5))[0]
    assert finding.status is FAIL
    assert finding.resource == "Deployment/default/web"
    assert finding.evidence[0].path == "spec.minReplicas"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [({"matchLabels": {"app": "web"}}, PASS), ({"matchLabels": {"app": "other"}}, FAIL), ({}, PASS), (None, FAIL),
     ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, PASS),
     ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, FAIL)],
)  # fmt: skip
def test_a_disruption_budget_must_select_the_pods(selector: Any, expected: Status) -> None:
    budget = manifest("PodDisruptionBudget", {"selector": selector}, name="pdb")
    assert status("k8s-no-disruption-budget", deployment(2), budget) is expected


def test_a_disruption_budget_of_another_namespace_does_not_count() -> None:
    budget = manifest(
        "PodDisruptionBudget", {"selector": {"matchLabels": LABELS}}, name="pdb", namespace="prod"
    )
    assert status("k8s-no-disruption-budget", deployment(2), budget) is FAIL


def test_a_finding_leads_to_file_and_line() -> None:
    evidence = found("k8s-single-replica", deployment(1))[0].evidence[0]
    assert (evidence.artefact, evidence.line_start, evidence.line_end) == ("app.yaml", 7, 7)
    assert evidence.observed == "1"


def test_a_failed_finding_says_what_to_do() -> None:
    failed = [f for f in single_points(Inventory(resources=(deployment(1), service(), terraform("aws_db_instance", {}))))
              if f.status is FAIL]  # fmt: skip
    assert len(failed) == 3
    assert all(f.remediation and f.remediation.text for f in failed)


def test_rules_have_names_of_their_own() -> None:
    ids = [check.rule_id for check in CHECKS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("spec", [None, "text", [], {"replicas": "two"}, {"replicas": -1}, {"template": 3}])
def test_hostile_manifests_do_not_crash(spec: Any) -> None:
    single_points(Inventory(resources=(manifest("Deployment", spec),)))
