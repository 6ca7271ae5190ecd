"""What the workloads of the artefacts ask for: pods, vCPU and memory, and what is not known of it.

The request of a pod is the scheduler's: the larger of the sum of its containers and its largest init container, sidecars
(init containers with restartPolicy Always) counted on both sides, plus the overhead of its runtime class. Source:
https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers (KEP-753)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from infra_mind.agents.cloud.quantities import compose_bytes, compose_cpus, quantity
from infra_mind.agents.cloud.workloads import Scalers, autoscalers, dicts, inside_pod, scale, workloads
from infra_mind.model.inventory import Inventory, Resource, contains_unresolvable

MIB = 1024**2
ZERO = Fraction(0)


@dataclass(frozen=True)
class Amount:
    """vCPU and bytes, exact."""

    vcpu: Fraction = ZERO
    memory: Fraction = ZERO

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.vcpu + other.vcpu, self.memory + other.memory)

    def __mul__(self, times: int) -> Amount:
        return Amount(self.vcpu * times, self.memory * times)

    @property
    def memory_mib(self) -> float:
        return float(self.memory / MIB)


@dataclass(frozen=True)
class Demand:
    """What one workload asks for. `pods` is None when only apply time knows, or per node for a DaemonSet (`per_node`).

    `pod` is the part of a pod's request that is known; `missing` names the containers without a request (`web: cpu`)."""

    resource: Resource
    pod: Amount
    missing: tuple[str, ...]
    pods: int | None
    most_pods: int | None
    per_node: bool = False
    unknown: bool = False
    limits_used: bool = False

    @property
    def stated(self) -> bool:
        """Is anything of its request known?"""
        return self.pod != Amount()


def demands(inventory: Inventory, nodes: int | None) -> list[Demand]:
    """Kubernetes workloads and compose services in order of address; a DaemonSet runs once on each of `nodes`."""
    scalers = autoscalers(inventory)
    found = [_of_manifest(resource, scalers, nodes) for resource in workloads(inventory)]
    services = (r for r in inventory.of("service") if r.format == "compose")
    return found + [_of_service(resource) for resource in services]


def _of_manifest(resource: Resource, scalers: Scalers, nodes: int | None) -> Demand:
    spec = resource.get(inside_pod(resource, "spec"))
    spec = spec if isinstance(spec, dict) else {}
    names: list[str] = []
    pod = Amount(
        _pod_request(spec, "cpu", names),
        _pod_request(spec, "memory", names),
    )
    unknown = contains_unresolvable([spec.get(k) for k in ("containers", "initContainers", "resources")])
    if resource.kind == "DaemonSet":
        everywhere = _times(nodes, resource.count)
        return Demand(resource, pod, tuple(names), everywhere, everywhere, per_node=True, unknown=unknown)
    pods = scale(resource, scalers)
    floor, ceiling = _times(pods.floor, resource.count), _times(pods.ceiling, resource.count)
    return Demand(resource, pod, tuple(names), floor, ceiling, unknown=unknown)


def _times(pods: int | None, copies: int | None) -> int | None:
    """Of a block of Terraform that stands for many objects; a manifest is one."""
    return None if pods is None or copies is None else pods * copies


def _pod_request(spec: dict[str, Any], what: str, missing: list[str]) -> Fraction:
    """The effective request of a pod for `cpu` (cores) or `memory` (bytes); containers without one go to `missing`."""
    overhead = _quantity_in(spec.get("overhead"), what) or ZERO
    of_pod = _request(
        {"resources": spec.get("resources")}, what
    )  # pod-level resources decide over the containers
    if of_pod is not None:
        return of_pod + overhead
    containers = ZERO
    for container in dicts(spec.get("containers")):
        containers += _known(container, what, missing)
    sidecars = largest = ZERO
    for container in dicts(spec.get("initContainers")):
        if container.get("restartPolicy") == "Always":
            sidecars += _known(container, what, missing)
            largest = max(largest, sidecars)
        else:
            # An init container that states nothing ends before the others start: it hides nothing of the sum.
            largest = max(largest, sidecars + (_request(container, what) or ZERO))
    return max(containers + sidecars, largest) + overhead


def _known(container: dict[str, Any], what: str, missing: list[str]) -> Fraction:
    found = _request(container, what)
    if found is None:
        missing.append(f"{str(container.get('name'))[:60]}: {what}")
    return found or ZERO


def _request(container: dict[str, Any], what: str) -> Fraction | None:
    """The request; Kubernetes takes the limit where there is a limit and no request."""
    resources = container.get("resources")
    if not isinstance(resources, dict):
        return None
    found = _quantity_in(resources.get("requests"), what)
    return found if found is not None else _quantity_in(resources.get("limits"), what)


def _quantity_in(amounts: Any, what: str) -> Fraction | None:
    return quantity(amounts.get(what)) if isinstance(amounts, dict) else None


def _of_service(resource: Resource) -> Demand:
    cpu, cpu_limit = _compose(resource, compose_cpus, "cpus", ("cpus",))
    memory, memory_limit = _compose(resource, compose_bytes, "memory", ("mem_reservation", "mem_limit"))
    missing = tuple(
        f"{resource.name}: {what}" for what, value in (("cpu", cpu), ("memory", memory)) if value is None
    )
    return Demand(
        resource, Amount(cpu or ZERO, memory or ZERO), missing, resource.count, resource.count,
        unknown=contains_unresolvable([resource.get(p) for p in ("deploy.resources", "cpus", "mem_limit", "mem_reservation")]),
        limits_used=cpu_limit or memory_limit,
    )  # fmt: skip


def _compose(
    resource: Resource, parse: Callable[[Any], Fraction | None], key: str, older: tuple[str, ...]
) -> tuple[Fraction | None, bool]:
    """What a service reserves, else its limit, and whether it was the limit."""
    for path in (f"deploy.resources.reservations.{key}", *older, f"deploy.resources.limits.{key}"):
        found = parse(resource.get(path))
        if found is not None:
            return found, "reserv" not in path
    return None, False
