"""Single points of failure that the artefacts show: one row of `CHECKS` per rule, judged on every resource of its kinds.

Probes are the security agent's; zones of the brief's own nodes are the cloud agent's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra_mind.agents.cloud.workloads import (
    REPLICATED,
    Scalers,
    autoscalers,
    dicts,
    inside_pod,
    namespace,
    pod_labels,
    scale,
    selects,
    whole_number,
)
from infra_mind.model.finding import Effort, Evidence, Finding, Remediation, Severity, Status, make_finding
from infra_mind.model.inventory import Inventory, Resource, contains_unresolvable

NAME = "reliability"


@dataclass(frozen=True)
class Seen:
    """What a check saw of one resource; `at` where the deciding value stands, if that is another resource."""

    status: Status
    path: str
    observed: str
    at: Resource | None = None


@dataclass(frozen=True)
class Surroundings:
    """What a check may need beside the resource itself, indexed once for all."""

    scalers: Scalers
    budgets: Mapping[str, Sequence[Resource]]  # PodDisruptionBudgets by namespace
    nat_gateways: int | None  # None: only apply time knows


Judge = Callable[[Resource, Surroundings], Seen | None]  # None: the rule does not apply to this resource


@dataclass(frozen=True)
class Check:
    rule_id: str
    kinds: tuple[str, ...]
    title: str
    severity: Severity
    expected: str
    fix: str
    judge: Judge
    effort: Effort = Effort.HOURS


def single_points(inventory: Inventory) -> list[Finding]:
    """One finding per check and resource that it applies to, failed or passed, in order of rule and address."""
    around = _surroundings(inventory)
    found = [finding for check in CHECKS for finding in _run(check, inventory, around)]
    return sorted(found, key=lambda f: (f.rule_id, f.resource, f.evidence[0].artefact))


def _surroundings(inventory: Inventory) -> Surroundings:
    budgets: dict[str, list[Resource]] = {}
    for budget in inventory.of("PodDisruptionBudget"):
        budgets.setdefault(namespace(budget), []).append(budget)
    gateways = [1 if "[" in r.address else r.count for r in inventory.of("aws_nat_gateway")]
    total = None if None in gateways else sum(g for g in gateways if g is not None)
    return Surroundings(autoscalers(inventory), budgets, total)


def _run(check: Check, inventory: Inventory, around: Surroundings) -> Iterator[Finding]:
    for resource in inventory.of(*check.kinds):
        seen = check.judge(resource, around) if resource.count != 0 else None
        if seen is None:
            continue
        at = seen.at or resource
        lines = at.lines_of(seen.path)
        yield make_finding(
            rule_id=check.rule_id, agent=NAME, title=_title(check, seen.status),
            status=seen.status, severity=check.severity, resource=resource.address, value=seen.status.value,
            evidence=(Evidence(
                artefact=at.artefact, line_start=lines.start, line_end=lines.end, path=at.shown_path(seen.path),
                observed=seen.observed, expected=check.expected),),
            remediation=Remediation(text=check.fix, effort=check.effort) if seen.status is Status.FAIL else None,
        )  # fmt: skip


def _title(check: Check, status: Status) -> str:
    if status is Status.PASS:
        return f"Holds: {check.expected}"
    return (
        check.title
        if status is Status.FAIL
        else f"Only apply time knows whether this holds: {check.expected}"
    )


def _at_least(minimum: int, *paths: str, default: int | None = None) -> Judge:
    """The number at the first of `paths` that is given must reach `minimum`; where none is, `default` is what the platform does."""

    def judge(resource: Resource, _: Surroundings) -> Seen | None:
        path = next((p for p in paths if resource.get(p) is not None), paths[0])
        raw = resource.get(path)
        if raw is None and default is None:
            return None
        return _number_seen(whole_number(raw, default), minimum, path, raw is None)

    return judge


def _number_seen(
    number: int | None, minimum: int, path: str, absent: bool, at: Resource | None = None
) -> Seen:
    if number is None:
        return Seen(Status.UNRESOLVABLE, path, "known at apply time only", at)
    status = Status.PASS if number >= minimum else Status.FAIL
    return Seen(status, path, f"{number}{' (the default)' if absent else ''}", at)


def _is(path: str, *wanted: Any) -> Judge:
    """The value at `path` must be one of `wanted` (text is compared without case); absent counts as the platform's default: no."""

    def judge(resource: Resource, _: Surroundings) -> Seen | None:
        value = resource.get(path)
        if contains_unresolvable(value):
            return Seen(Status.UNRESOLVABLE, path, "known at apply time only")
        good = str(value).lower() in {str(w).lower() for w in wanted}
        return Seen(
            Status.PASS if good else Status.FAIL, path, "absent" if value is None else str(value)[:80]
        )

    return judge


def _replicas(resource: Resource, around: Surroundings) -> Seen | None:
    pods = scale(resource, around.scalers)
    if pods.floor == 0 or (resource.kind == "ReplicaSet" and resource.get("metadata.ownerReferences")):
        return None  # switched off on purpose, or judged at its owner
    return _number_seen(pods.floor, 2, pods.path, pods.at.get(pods.path) is None, pods.at)


def _several_pods(resource: Resource, around: Surroundings) -> bool:
    floor = scale(resource, around.scalers).floor
    return floor is not None and floor > 1


def _disruption_budget(resource: Resource, around: Surroundings) -> Seen | None:
    if not _several_pods(resource, around):
        return None
    labels = pod_labels(resource)
    for budget in around.budgets.get(namespace(resource), ()):
        if selects(budget.get("spec.selector"), labels):
            return Seen(Status.PASS, "spec.selector", budget.address, budget)
    return Seen(
        Status.FAIL, inside_pod(resource, "metadata.labels"), "no PodDisruptionBudget selects its pods"
    )


def _spread(resource: Resource, around: Surroundings) -> Seen | None:
    if not _several_pods(resource, around):
        return None
    for path in ("spec.topologySpreadConstraints", "spec.affinity.podAntiAffinity"):
        where = inside_pod(resource, path)
        if resource.get(where):
            return Seen(Status.PASS, where, path.rpartition(".")[2])
    return Seen(Status.FAIL, inside_pod(resource, "spec"), "no spread constraint and no anti-affinity")


def _bare_pod(resource: Resource, _: Surroundings) -> Seen | None:
    if resource.get("metadata.ownerReferences") or resource.get("spec.restartPolicy") == "Never":
        return None
    return Seen(Status.FAIL, "spec", "a Pod that no controller starts again when its node is lost")


def _rds(resource: Resource, around: Surroundings) -> Seen | None:
    if resource.get("replicate_source_db") is not None or resource.get("cluster_identifier") is not None:
        return None  # a replica of another one
    return _is("multi_az", True)(resource, around)


def _nat_gateway(_: Resource, around: Surroundings) -> Seen | None:
    total = around.nat_gateways
    if total is None:
        return Seen(Status.UNRESOLVABLE, "", "how many there are is known at apply time only")
    return Seen(Status.FAIL if total == 1 else Status.PASS, "", f"{total} NAT gateway{'s' * (total != 1)}")


def _compose_restart(resource: Resource, _: Surroundings) -> Seen | None:
    if resource.format != "compose":
        return None
    restart = resource.get("restart")
    policy = resource.get("deploy.restart_policy")
    if contains_unresolvable(restart) or contains_unresolvable(policy):
        return Seen(Status.UNRESOLVABLE, "restart", "known at run time only")
    condition = policy.get("condition", "any") if isinstance(policy, dict) else None
    good = (isinstance(restart, str) and restart != "no") or condition not in (None, "none")
    shown = restart if restart is not None else condition
    return Seen(
        Status.PASS if good else Status.FAIL, "restart", "absent" if shown is None else str(shown)[:80]
    )


def _no_high_availability(resource: Resource, _: Surroundings) -> Seen | None:
    block = resource.get("high_availability")
    if contains_unresolvable(block):
        return Seen(Status.UNRESOLVABLE, "high_availability", "known at apply time only")
    good = any(block_.get("mode") for block_ in dicts(block))
    return Seen(Status.PASS if good else Status.FAIL, "high_availability", "given" if good else "absent")


def _max_size(resource: Resource, around: Surroundings) -> Seen | None:
    seen = _at_least(2, "max_size")(resource, around)
    return None if seen is not None and seen.observed == "0" else seen


CHECKS: tuple[Check, ...] = (
    Check("reliability.k8s-single-replica", REPLICATED, "One pod carries the whole workload", Severity.MEDIUM,
          "at least 2 replicas", "Set `replicas` (or the autoscaler's minReplicas) to 2 or more.", _replicas),
    Check("reliability.k8s-no-disruption-budget", ("Deployment", "StatefulSet"),
          "A node drain may evict all pods at once", Severity.LOW, "a PodDisruptionBudget selects the pods",
          "Add a PodDisruptionBudget with maxUnavailable 1 that selects the pods.", _disruption_budget, Effort.MINUTES),
    Check("reliability.k8s-no-spread", ("Deployment", "StatefulSet"),
          "All replicas may stand on one node or in one zone", Severity.LOW, "topologySpreadConstraints or podAntiAffinity",
          "Add a topologySpreadConstraint over topology.kubernetes.io/zone or kubernetes.io/hostname.", _spread, Effort.MINUTES),
    Check("reliability.k8s-bare-pod", ("Pod",), "A bare pod is not started again when its node is lost", Severity.MEDIUM,
          "a controller owns the pod", "Run it as a Deployment, StatefulSet or Job.", _bare_pod),
    Check("reliability.rds-single-az", ("aws_db_instance",), "The database stands in one availability zone", Severity.HIGH,
          "multi_az = true", "Set `multi_az = true`.", _rds, Effort.HOURS),
    Check("reliability.elasticache-no-failover", ("aws_elasticache_replication_group",),
          "The cache has no automatic failover", Severity.MEDIUM, "automatic_failover_enabled = true",
          "Set `automatic_failover_enabled = true` with at least one replica in another zone.", _is("automatic_failover_enabled", True)),
    Check("reliability.cloudsql-zonal", ("google_sql_database_instance",), "The database stands in one zone", Severity.HIGH,
          "settings.availability_type = REGIONAL", "Set `availability_type = \"REGIONAL\"`.",
          _is("settings.0.availability_type", "REGIONAL")),
    Check("reliability.azure-database-no-standby", ("azurerm_postgresql_flexible_server", "azurerm_mysql_flexible_server"),
          "The database has no standby", Severity.HIGH, "a high_availability block",
          "Add `high_availability { mode = \"ZoneRedundant\" }`.", _no_high_availability),
    Check("reliability.one-nat-gateway", ("aws_nat_gateway",), "All outbound traffic goes through one NAT gateway in one zone",
          Severity.MEDIUM, "one NAT gateway per zone", "Add a NAT gateway in each zone that has private subnets.", _nat_gateway),
    Check("reliability.one-node-group", ("aws_eks_node_group",), "The node group runs a single node", Severity.MEDIUM,
          "at least 2 nodes", "Raise `desired_size` and `min_size` to 2 or more, over several zones.",
          _at_least(2, "scaling_config.0.desired_size", "scaling_config.0.min_size")),
    Check("reliability.one-node-pool", ("google_container_node_pool", "azurerm_kubernetes_cluster_node_pool"),
          "The node pool runs a single node", Severity.MEDIUM, "at least 2 nodes", "Raise the node count to 2 or more.",
          _at_least(2, "autoscaling.0.min_node_count", "autoscaling.0.total_min_node_count", "min_count", "node_count")),
    Check("reliability.one-default-node", ("azurerm_kubernetes_cluster",), "The default node pool runs a single node",
          Severity.MEDIUM, "at least 2 nodes", "Raise the node count of `default_node_pool` to 2 or more.",
          _at_least(2, "default_node_pool.0.min_count", "default_node_pool.0.node_count")),
    Check("reliability.asg-max-one", ("aws_autoscaling_group",), "The group can never run a second machine", Severity.MEDIUM,
          "max_size of at least 2", "Raise `max_size` to 2 or more and span several zones.", _max_size),
    Check("reliability.ecs-one-task", ("aws_ecs_service",), "One task carries the whole service", Severity.MEDIUM,
          "desired_count of at least 2", "Set `desired_count` to 2 or more.", _at_least(2, "desired_count")),
    Check("reliability.compose-no-restart", ("service",), "A container that ends is not started again", Severity.LOW,
          "a restart policy", "Add `restart: unless-stopped`.", _compose_restart, Effort.MINUTES),
)  # fmt: skip
