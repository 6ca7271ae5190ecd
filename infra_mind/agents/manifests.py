"""Kubernetes objects that Terraform makes, as the manifests that they are: what reads manifests then sees them too.

The provider writes what the API calls `containers: [{securityContext: {...}}]` as blocks, `container { security_context { ... } }`. Lines and
addresses stay those of the Terraform file. Secrets and config maps are left to the rules for Terraform, which look into every attribute."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra_mind.artefacts.parsed import Unreadable
from infra_mind.artefacts.yaml import load_documents
from infra_mind.model.inventory import Format, Inventory, Lines, Resource, is_unresolvable

_KINDS = {
    "pod": "Pod", "deployment": "Deployment", "daemonset": "DaemonSet", "daemon_set": "DaemonSet", "stateful_set": "StatefulSet",
    "replication_controller": "ReplicationController", "job": "Job", "cron_job": "CronJob", "service": "Service", "ingress": "Ingress",
    "namespace": "Namespace", "network_policy": "NetworkPolicy", "service_account": "ServiceAccount", "role": "Role", "cluster_role": "ClusterRole",
    "role_binding": "RoleBinding", "cluster_role_binding": "ClusterRoleBinding", "pod_disruption_budget": "PodDisruptionBudget",
    "horizontal_pod_autoscaler": "HorizontalPodAutoscaler", "persistent_volume_claim": "PersistentVolumeClaim", "storage_class": "StorageClass",
}  # fmt: skip
_READ = frozenset(_KINDS.values())
_OWN = re.compile(r"^kubernetes_([a-z_]+?)(?:_v\d+(?:beta\d+)?)?$")
# Blocks that may stand more than once; every other block is one object.
_LISTS = {
    "container": "containers", "init_container": "initContainers", "volume": "volumes", "volume_mount": "volumeMounts", "port": "ports",
    "env": "env", "env_from": "envFrom", "toleration": "tolerations", "image_pull_secrets": "imagePullSecrets", "rule": "rules",
    "subject": "subjects", "tls": "tls", "ingress": "ingress", "egress": "egress", "path": "paths",
    "topology_spread_constraint": "topologySpreadConstraints", "volume_claim_template": "volumeClaimTemplates",
}  # fmt: skip
_NAMES = {"host_pid": "hostPID", "host_ipc": "hostIPC", "storage_provisioner": "provisioner"}
_LETTER = re.compile(r"_([a-z0-9])")


def with_manifests(inventory: Inventory) -> Inventory:
    """The inventory, and behind its resources those that a provider of Terraform makes as Kubernetes resources of the same addresses."""
    made = manifests(inventory.resources)
    return inventory.model_copy(update={"resources": (*inventory.resources, *made)}) if made else inventory


def manifests(resources: Iterable[Resource]) -> list[Resource]:
    """A Kubernetes resource for each that a provider of Terraform makes, in the same order."""
    return [found for resource in resources if resource.format is Format.TERRAFORM for found in _of(resource)]


def _of(resource: Resource) -> Iterator[Resource]:
    own = _OWN.match(resource.kind)
    if own and own.group(1) in _KINDS:
        at: dict[str, str] = {}
        values = _object(resource.values, "", "", at)
        yield _made(resource, _KINDS[own.group(1)], values, _lines(resource.lines, at))
    elif resource.kind == "kubernetes_manifest":
        written = resource.values.get("manifest")
        if isinstance(written, dict) and not is_unresolvable(written):
            yield from _written(resource, written, _lines(resource.lines, {"manifest": ""}))
    elif resource.kind == "kubectl_manifest":
        for document in _documents(resource.values.get("yaml_body")):
            yield from _written(resource, document, {})


def _written(resource: Resource, manifest: dict[str, Any], lines: dict[str, Lines]) -> Iterator[Resource]:
    if manifest.get("kind") in _READ:
        yield _made(resource, manifest["kind"], manifest, lines)


def _documents(text: object) -> list[dict[str, Any]]:
    if not isinstance(text, str):
        return []
    try:
        return [d.data for d in load_documents(text, name="yaml_body") if isinstance(d.data, dict)]
    except Unreadable:
        return []


def _made(resource: Resource, kind: str, values: dict[str, Any], lines: dict[str, Lines]) -> Resource:
    named = values.get("metadata")
    name = named.get("name") if isinstance(named, dict) else None
    update = {
        "format": Format.KUBERNETES,
        "name": name if isinstance(name, str) and name else resource.name,
        "kind": kind,
        "provider": "kubernetes",
        "values": values,
        "lines": lines,
    }
    return resource.model_copy(update=update)


def _object(block: Mapping[str, Any], here: str, there: str, at: dict[str, str]) -> dict[str, Any]:
    """The attributes and blocks of a block; `at` takes down which path became which."""
    found: dict[str, Any] = {}
    for key, value in block.items():
        blocks = isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
        name = (
            (_LISTS.get(key) if blocks else None)
            or _NAMES.get(key)
            or _LETTER.sub(lambda m: m[1].upper(), key)
        )
        source, target = _join(here, key), _join(there, name)
        at[source] = target
        if not blocks:
            found[name] = value
        elif key in _LISTS:
            found[name] = [_item(item, f"{source}.{n}", f"{target}.{n}", at) for n, item in enumerate(value)]
        else:
            found[name] = _item(value[0], f"{source}.0", target, at)
    return found


def _item(item: dict[str, Any], here: str, there: str, at: dict[str, str]) -> dict[str, Any]:
    at[here] = there
    return item if is_unresolvable(item) else _object(item, here, there, at)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _lines(lines: Mapping[str, Lines], at: Mapping[str, str]) -> dict[str, Lines]:
    found: dict[str, Lines] = {}
    for path, where in lines.items():
        known, rest = path, ""
        while known and known not in at:
            known, _, last = known.rpartition(".")
            rest = f".{last}{rest}"
        if known:
            found[(at[known] + rest).lstrip(".")] = where
    return found
