"""The graph across the artefacts: what refers to, selects, routes to, scales or waits for what."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from infra_mind.agents.cloud.workloads import autoscalers, dicts, namespace, pod_labels, string_map, workloads
from infra_mind.model.inventory import Inventory, Resource

MOST_NODES, MOST_EDGES = 2_000, 5_000  # a picture with more is none; the rest is counted
_LONGEST_TEXT = 10_000
_REFERENCE = re.compile(
    r"(?<![\w.-])((?:module\.[\w-]+\.){0,8}(?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]*\.[A-Za-z_][\w-]*)"
)


class Edge(NamedTuple):
    source: str
    target: str
    kind: str  # references, selects, routes, scales, depends_on


def topology(inventory: Inventory) -> dict[str, Any]:
    """`nodes` ({id, kind, artefact}) and `edges` ({from, to, kind}) in order, and how many of each were left out.

    An address that stands in several files (two Terraform roots) is one node; the other files are named in `also_in`."""
    nodes: dict[str, dict[str, Any]] = {}
    for r in inventory.resources:
        if r.kind.startswith("provider."):
            continue
        node = nodes.setdefault(r.address, {"id": r.address, "kind": r.kind, "artefact": r.artefact})
        if node["artefact"] != r.artefact:
            node["also_in"] = sorted({*node.get("also_in", ()), r.artefact})
    shown = [nodes[address] for address in sorted(nodes)[:MOST_NODES]]
    kept = {node["id"] for node in shown}
    edges = [e for e in sorted(edges_of(inventory)) if e.source in kept and e.target in kept]
    return {
        "nodes": shown,
        "edges": [{"from": e.source, "to": e.target, "kind": e.kind} for e in edges[:MOST_EDGES]],
        "nodes_left_out": len(nodes) - len(shown),
        "edges_left_out": max(0, len(edges) - MOST_EDGES),
    }


def edges_of(inventory: Inventory) -> set[Edge]:
    """All edges between resources of the inventory."""
    return {
        *_terraform(inventory),
        *_services(inventory),
        *_routes(inventory),
        *_scalers(inventory),
        *_compose(inventory),
    }


def _terraform(inventory: Inventory) -> Iterator[Edge]:
    resources = [r for r in inventory.resources if r.format == "terraform"]
    by_block: dict[str, list[str]] = defaultdict(list)
    for resource in resources:
        by_block[resource.block].append(resource.address)
    for resource in resources:
        prefix = _module_of(resource.block)
        planned = {block for blocks in resource.references.values() for block in blocks}
        for name in sorted(_references(resource.values) | planned):
            target = prefix + name if prefix + name in by_block else name
            if target != resource.block:
                # Which instance of a counted resource is meant is not followed: the edge goes to its first.
                yield from (Edge(resource.address, a, "references") for a in by_block.get(target, [])[:1])


def _module_of(block: str) -> str:
    """`module.net.` of `module.net.aws_vpc.main`; empty in the root module."""
    match = re.match(r"(?:module\.[\w-]+(?:\[[^\]]*\])?\.)*", block)
    return match[0] if match else ""


def _references(value: Any) -> set[str]:
    """Addresses that stand in any text of the tree, the reasons of unresolvable values among them."""
    found: set[str] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif isinstance(item, str):
            found.update(_REFERENCE.findall(item[:_LONGEST_TEXT]))
    return found


def _services(inventory: Inventory) -> Iterator[Edge]:
    by_label: dict[tuple[str, str, str], list[tuple[str, dict[str, str]]]] = defaultdict(list)
    for workload in workloads(inventory):
        labels = pod_labels(workload)
        for key, value in labels.items():
            by_label[namespace(workload), key, value].append((workload.address, labels))
    for service in inventory.of("Service"):
        selector = string_map(service.get("spec.selector"))
        if selector:
            key, value = min(selector.items())
            for address, labels in by_label[namespace(service), key, value]:
                if selector.items() <= labels.items():
                    yield Edge(service.address, address, "selects")


def _routes(inventory: Inventory) -> Iterator[Edge]:
    services = _addresses(inventory.of("Service"))
    for route in inventory.of("Ingress", "HTTPRoute", "GRPCRoute"):
        for name in _backends(route):
            if target := services.get(("Service", namespace(route), name)):
                yield Edge(route.address, target, "routes")


def _addresses(resources: Iterable[Resource]) -> dict[tuple[str, str, str], str]:
    """Where an object of a cluster stands, by kind, namespace and name: in a manifest, or in Terraform under another address."""
    found: dict[tuple[str, str, str], str] = {}
    for resource in resources:
        found.setdefault((resource.kind, namespace(resource), resource.name), resource.address)
    return found


def _backends(route: Resource) -> Iterator[str]:
    backends = [route.get("spec.defaultBackend"), route.get("spec.backend")]
    for rule in dicts(route.get("spec.rules")):
        http = rule.get("http")
        backends += [p.get("backend") for p in dicts(http.get("paths"))] if isinstance(http, dict) else []
        yield from (str(ref.get("name")) for ref in dicts(rule.get("backendRefs")))
    for backend in dicts(backends):
        service = backend.get("service")
        yield str(service.get("name") if isinstance(service, dict) else backend.get("serviceName"))


def _scalers(inventory: Inventory) -> Iterator[Edge]:
    scaled = _addresses(workloads(inventory))
    for (space, kind, name), scaler in autoscalers(inventory).items():
        if target := scaled.get((kind, space, name)):
            yield Edge(scaler.address, target, "scales")


def _compose(inventory: Inventory) -> Iterator[Edge]:
    for service in (r for r in inventory.of("service") if r.format == "compose"):
        needed = service.get("depends_on")
        names = needed if isinstance(needed, dict | list) else ()
        yield from (Edge(service.address, f"service/{name}", "depends_on") for name in names)
