"""Cloud: what the artefacts hold, what their workloads ask for, how it hangs together, and whether the nodes carry it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from infra_mind.agents import defaults
from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.cloud.demand import Amount, Demand, demands
from infra_mind.agents.cloud.handed_in import UNRESOLVED, assess_files
from infra_mind.agents.cloud.nodes import assess_nodes
from infra_mind.agents.cloud.topology import topology
from infra_mind.agents.cloud.workloads import inside_pod
from infra_mind.agents.manifests import with_manifests
from infra_mind.model.brief import Hosting
from infra_mind.model.fact import Assumption, Fact, FactValue
from infra_mind.model.finding import (
    Effort,
    Evidence,
    Finding,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)
from infra_mind.model.inventory import Inventory, Resource
from infra_mind.model.result import AgentResult

NAME = "cloud"
SOURCE = "artefacts"
_NOT_DEPLOYED = ("provider.", "data.")
_BALANCERS = (
    "aws_lb", "aws_alb", "aws_elb", "azurerm_lb", "azurerm_application_gateway", "google_compute_forwarding_rule",
    "google_compute_global_forwarding_rule", "Ingress", "Gateway",
)  # fmt: skip


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `cloud.*`, the topology in `details`, and findings on files, requests and nodes."""
    inventory, hosting = inputs.inventory, inputs.brief.hosting
    seen_by_cluster = with_manifests(inventory)
    nodes = sum(node.count for node in hosting.nodes) if hosting and hosting.nodes else None
    asked = demands(seen_by_cluster, nodes)
    progress(1, 4, "workloads")
    graph = topology(seen_by_cluster)
    progress(2, 4, "topology")
    packed = assess_nodes(hosting, _to_pack(asked))
    progress(3, 4, "bin-packing")
    seen = bool(inventory.files or inventory.resources)
    facts = [*_counts(inventory, seen_by_cluster, asked), *_totals(asked)] if seen else []
    findings = [
        *assess_files(inputs.brief, inventory, inputs.artefacts),
        *_request_findings(asked),
    ]
    progress(4, 4, "requests")
    return AgentResult(
        facts=(*facts, *packed.facts),
        findings=(*findings, *packed.findings),
        assumptions=(*_defaults(hosting), *_assumptions(asked), *packed.assumptions),
        details={"topology": graph, "workloads": [_row(d) for d in asked], **packed.details},
    )


def _defaults(hosting: Hosting | None) -> list[Assumption]:
    """Nodes without a number count as one: here, in the prices and in the loss of a zone."""
    nodes = hosting.nodes if hosting else ()
    return [a for i, n in enumerate(nodes) for a in defaults.used(NAME, n, f"hosting.nodes.{i}", "count")]


def _to_pack(asked: Sequence[Demand]) -> list[Demand]:
    """Kubernetes workloads are what the nodes carry; compose services only where there is nothing else."""
    kubernetes = [d for d in asked if d.resource.format == "kubernetes"]
    return kubernetes or list(asked)


def _counts(inventory: Inventory, seen_by_cluster: Inventory, asked: Sequence[Demand]) -> list[Fact]:
    deployed = _deployed(inventory)
    balancers = [
        r for r in _deployed(seen_by_cluster)
        if r.count != 0 and (r.kind in _BALANCERS or r.get("spec.type") == "LoadBalancer")
    ]  # fmt: skip
    unknown = sum(1 for r in deployed if r.count is None)
    unread = sum(1 for u in inventory.unread if u.kind in UNRESOLVED)
    return [
        _fact("resources", sum(map(_count, deployed)), "count",
              "Σ count over what is deployed: no providers, data sources or image stages; an unknown count is 1",
              {"files_read": inventory.files_read, "of_unknown_count": unknown}),
        _fact("workloads", len(asked), "count", "Kubernetes workloads + compose services", {"files_read": inventory.files_read}),
        _fact("load_balancers", sum(map(_count, balancers)), "count",
              "load balancers, Ingresses, Gateways and Services of type LoadBalancer", {"files_read": inventory.files_read}),
        _fact("unresolved", unread + unknown, "count", "parts that only apply or render time knows + resources of unknown count",
              {"parts": unread, "of_unknown_count": unknown}),
    ]  # fmt: skip


def _deployed(inventory: Inventory) -> list[Resource]:
    return [
        r for r in inventory.resources if not r.kind.startswith(_NOT_DEPLOYED) and r.format != "dockerfile"
    ]


def _count(resource: Resource) -> int:
    """Copies of a Terraform block; an indexed address is one of them, a compose service or manifest is one thing."""
    if resource.format != "terraform" or "[" in resource.address.rpartition(".")[2]:
        return 1
    return 1 if resource.count is None else resource.count


def _totals(asked: Sequence[Demand]) -> list[Fact]:
    """Sums of requests. What is not known is left out and said; with nothing known there is no sum at all."""
    steady = [d for d in asked if d.resource.kind != "CronJob"]
    crons = [d for d in asked if d.resource.kind == "CronJob"]
    facts = _sum("", steady, "Σ pods · effective request; DaemonSets once a node; CronJobs apart", "pods")
    facts += _sum("cronjobs.", crons, "Σ pods · effective request of one run of every CronJob", "pods")
    if any(d.most_pods is not None and d.most_pods != d.pods for d in steady):
        formula = "Σ maxReplicas (or pods) · effective request"
        facts += _sum("at_most.", steady, formula, "most_pods")
    return facts


def _sum(group: str, asked: Sequence[Demand], formula: str, which: str) -> list[Fact]:
    counted = [(d, getattr(d, which)) for d in asked if d.stated and getattr(d, which) is not None]
    if not counted:
        return []
    total = Amount(Fraction(0), Fraction(0))
    for demand, pods in counted:
        total += demand.pod * pods
    inputs: dict[str, FactValue] = {
        "pods": sum(pods for _, pods in counted),
        "workloads": len(asked),
        "workloads_not_fully_known": sum(
            1 for d in asked if d.missing or d.unknown or getattr(d, which) is None
        ),
    }
    return [
        _fact(f"{group}vcpu_requested", float(total.vcpu), "vCPU", formula, inputs),
        _fact(f"{group}memory_mib_requested", total.memory_mib, "MiB", formula, inputs),
    ]


def _request_findings(asked: Sequence[Demand]) -> list[Finding]:
    findings = []
    for demand in asked:
        if demand.per_node and demand.pods is None:
            findings.append(
                not_assessed(
                    agent=NAME, rule_id="cloud.daemonset-nodes", resource=demand.resource.address, missing="hosting.nodes",
                    title=f"{demand.resource.address} runs once a node, and the nodes are not given: it is left out of the sum",
                )
            )  # fmt: skip
        if demand.unknown or (demand.pods is None and not demand.per_node):
            findings.append(_unknown(demand))
        if demand.missing:
            findings.append(_lower_bound(demand))
        elif not demand.unknown:
            findings.append(_of(demand, Status.PASS, "Every container states what it requests", "all stated"))
    return findings


def _unknown(demand: Demand) -> Finding:
    return _of(
        demand, Status.UNRESOLVABLE, "Requests or replicas are known at apply time only, so the sum is a lower bound",
        "known at apply time only",
    )  # fmt: skip


def _lower_bound(demand: Demand) -> Finding:
    shown = ", ".join(demand.missing[:6]) + (" …" if len(demand.missing) > 6 else "")
    return _of(
        demand, Status.FAIL, "Containers state no request, so the sum of requests is a lower bound", f"none for {shown}",
        Remediation(text="State requests for cpu and memory on every container.", effort=Effort.HOURS),
    )  # fmt: skip


def _of(demand: Demand, status: Status, title: str, observed: str, fix: Remediation | None = None) -> Finding:
    resource = demand.resource
    path = "deploy.resources" if resource.format == "compose" else inside_pod(resource, "spec.containers")
    lines = resource.lines_of(path)
    return make_finding(
        rule_id="cloud.requests", agent=NAME, title=title, status=status, severity=Severity.MEDIUM,
        resource=resource.address, value=status.value,
        evidence=(Evidence(artefact=resource.artefact, line_start=lines.start, line_end=lines.end, path=resource.shown_path(path),
                           observed=observed, expected="cpu and memory of every container"),),
        remediation=fix,
    )  # fmt: skip


def _assumptions(asked: Sequence[Demand]) -> list[Assumption]:
    found = []
    if any(d.limits_used for d in asked):
        found.append(
            Assumption(
                id="cloud.compose_limits_are_requests",
                text="A compose service that reserves nothing asks for its limit.",
                source="Kubernetes takes a limit for a missing request in the same way",
            )
        )
    if len({d.resource.format for d in asked}) > 1:
        found.append(
            Assumption(
                id="cloud.compose_and_kubernetes_add_up",
                text="Compose services and Kubernetes workloads run side by side: their requests add up. Nodes carry the latter.",
                source="artefacts of both kinds were sent",
            )
        )
    return found


def _row(demand: Demand) -> dict[str, Any]:
    return {
        "address": demand.resource.address, "artefact": demand.resource.artefact, "pods": demand.pods,
        "most_pods": demand.most_pods, "per_node": demand.per_node, "vcpu_per_pod": float(demand.pod.vcpu),
        "memory_mib_per_pod": demand.pod.memory_mib, "missing": list(demand.missing), "unresolvable": demand.unknown,
    }  # fmt: skip


def _fact(name: str, value: FactValue, unit: str, formula: str, inputs: dict[str, FactValue]) -> Fact:
    return Fact(id=f"cloud.{name}", value=value, unit=unit, formula=formula, inputs=inputs, source=SOURCE)


AGENT = Agent(name=NAME, assess=assess, reads=("artefacts", "hosting"), title="Cloud", version=4)
