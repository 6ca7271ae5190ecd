"""Kubernetes workloads as the scheduler sees them: pod template, labels, how many pods, who selects them.

Manifests are hostile input: whatever has not the expected type counts as absent, what only apply time knows as `None`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra_mind.model.inventory import Inventory, Resource, contains_unresolvable, is_unresolvable

REPLICATED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
WORKLOADS = (*REPLICATED, "CronJob", "DaemonSet", "Job", "Pod")


@dataclass(frozen=True)
class Scale:
    """How many pods: `floor` always, `ceiling` at most. `None` where only apply time knows; `at` and `path` say who decides."""

    floor: int | None
    ceiling: int | None
    at: Resource
    path: str


def workloads(inventory: Inventory) -> list[Resource]:
    """The Kubernetes workloads in order of address."""
    found = (r for r in inventory.of(*WORKLOADS) if r.format == "kubernetes" and r.count != 0)
    return sorted(found, key=lambda r: (r.address, r.artefact, r.line_start))


def namespace(resource: Resource) -> str:
    """The namespace, `default` where the manifest has none."""
    found = resource.get("metadata.namespace")
    return found if isinstance(found, str) and found else "default"


def pod_path(resource: Resource) -> str:
    """Where in the manifest the pod stands (its `metadata` and `spec`); empty for a Pod itself."""
    return {"Pod": "", "CronJob": "spec.jobTemplate.spec.template"}.get(resource.kind, "spec.template")


def inside_pod(resource: Resource, path: str) -> str:
    """Dotted path of something of the pod (`spec.containers`) seen from the manifest's root."""
    return ".".join(part for part in (pod_path(resource), path) if part)


def pod_labels(resource: Resource) -> dict[str, str]:
    """Labels that the pods of a workload carry."""
    return string_map(resource.get(inside_pod(resource, "metadata.labels")))


def whole_number(value: Any, default: int | None = None) -> int | None:
    """A count from a manifest or a Terraform value (`3`, `3.0`, `"3"`); `default` where it is absent, `None` where unknown."""
    if value is None:
        return default
    if isinstance(value, bool) or contains_unresolvable(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 12:
        return int(value)
    return value if isinstance(value, int) and value >= 0 else None


Scalers = Mapping[tuple[str, str, str], Resource]  # (namespace, kind, name) of what an autoscaler aims at


def autoscalers(inventory: Inventory) -> dict[tuple[str, str, str], Resource]:
    """HorizontalPodAutoscalers by what they aim at; of two that aim at the same the first by address."""
    found: dict[tuple[str, str, str], Resource] = {}
    for scaler in inventory.of("HorizontalPodAutoscaler"):
        target = scaler.get("spec.scaleTargetRef")
        if isinstance(target, dict):
            found.setdefault((namespace(scaler), str(target.get("kind")), str(target.get("name"))), scaler)
    return found


def scale(resource: Resource, scalers: Scalers) -> Scale:
    """Pods of a workload. With a HorizontalPodAutoscaler that aims at it, its bounds count, else the manifest's own number."""
    scaler = scalers.get((namespace(resource), resource.kind, resource.name))
    if scaler is not None and resource.kind in REPLICATED:
        floor = whole_number(scaler.get("spec.minReplicas"), 1)
        return Scale(floor, whole_number(scaler.get("spec.maxReplicas")), scaler, "spec.minReplicas")
    path = {"Job": "spec.parallelism", "CronJob": "spec.jobTemplate.spec.parallelism", "Pod": ""}.get(
        resource.kind, "spec.replicas"
    )
    number = whole_number(resource.get(path), 1) if path else 1
    return Scale(number, number, resource, path)


def selects(selector: Any, labels: Mapping[str, str]) -> bool:
    """Does a label selector (`matchLabels` and `matchExpressions`) choose these labels? An empty one chooses all pods of
    its namespace, an absent one none."""
    if not isinstance(selector, dict) or is_unresolvable(selector):
        return False
    wanted = string_map(selector.get("matchLabels"))
    expressions = selector.get("matchExpressions") or []
    return wanted.items() <= labels.items() and all(_expression_holds(e, labels) for e in dicts(expressions))


def _expression_holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = str(expression.get("key")), expression.get("values")
    among = labels.get(key) in [str(v) for v in values] if isinstance(values, list) else False
    return {
        "In": among,
        "NotIn": not among,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(str(expression.get("operator")), False)


def string_map(value: Any) -> dict[str, str]:
    """A map of labels, with everything in it as text; empty for what is no map."""
    if not isinstance(value, dict) or is_unresolvable(value):
        return {}
    return {str(k): str(v) for k, v in value.items()}


def dicts(value: Any) -> Iterable[dict[str, Any]]:
    """The maps in a list; nothing for what is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
