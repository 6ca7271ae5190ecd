"""Kubernetes manifests: every document of a file becomes a resource; charts and overlays are named and left out."""

from __future__ import annotations

from typing import Any

from infra_mind.artefacts.parsed import Parsed
from infra_mind.artefacts.yaml import YamlDocument
from infra_mind.model.inventory import Format, Lines, Resource, UnreadFile

_OVERLAYS = ("kustomize.config.k8s.io/", "config.kubernetes.io/")


def is_helm_template(text: str) -> bool:
    """True for a text with template actions (`{{ .Values.image }}`): it is no manifest before Helm has rendered it."""
    start = text.find("{{")
    return start >= 0 and text.find("}}", start) >= 0


def is_manifest(data: Any) -> bool:
    """True for a mapping with the two fields that every Kubernetes object has."""
    return (
        isinstance(data, dict)
        and isinstance(data.get("kind"), str)
        and isinstance(data.get("apiVersion"), str)
    )


def read_documents(path: str, documents: list[YamlDocument]) -> Parsed:
    """The resources of the manifests among the documents; what is none is named in `unread`."""
    parsed = Parsed()
    for document in documents:
        if not is_manifest(document.data):
            parsed.unread.append(_foreign(path, document))
        elif document.data["apiVersion"].startswith(_OVERLAYS):
            parsed.unread.append(overlay(path, document.data["kind"], document.line_start))
        else:
            _add(path, document.data, "", document, parsed)
    return parsed


def _add(path: str, manifest: dict[str, Any], prefix: str, document: YamlDocument, parsed: Parsed) -> None:
    items = manifest.get("items")
    if not manifest["kind"].endswith("List") or not isinstance(items, list):
        parsed.resources.append(_resource(path, manifest, prefix, document))
        return
    for i, item in enumerate(items):
        where = f"{prefix}items.{i}."
        if is_manifest(item):
            _add(path, item, where, document, parsed)
        else:
            line = _lines_at(where, document).start
            reason = f"item {i} of the {manifest['kind']} is not a Kubernetes object (no apiVersion or kind)"
            parsed.unread.append(UnreadFile(artefact=path, reason=reason, line=line))


def _resource(path: str, manifest: dict[str, Any], prefix: str, document: YamlDocument) -> Resource:
    raw = manifest.get("metadata")
    metadata: dict[str, Any] = raw if isinstance(raw, dict) else {}
    name = str(metadata.get("name") or metadata.get("generateName") or "unnamed")
    namespace = str(metadata.get("namespace") or "default")
    address = f"{manifest['kind']}/{namespace}/{name}"
    where = _lines_at(prefix, document)
    return Resource(
        address=address,
        block=address,
        format=Format.KUBERNETES,
        kind=manifest["kind"],
        name=name,
        provider="kubernetes",
        artefact=path,
        line_start=where.start,
        line_end=where.end,
        values=manifest,
        lines={k[len(prefix) :]: v for k, v in document.lines.items() if k.startswith(prefix)},
    )


def _lines_at(prefix: str, document: YamlDocument) -> Lines:
    whole = Lines(start=document.line_start, end=document.line_end)
    return document.lines.get(prefix.rstrip("."), whole) if prefix else whole


def overlay(path: str, kind: str, line: int) -> UnreadFile:
    """The entry for a Kustomization or another object that only a tool of the client reads."""
    reason = f"a {kind}: build it (kustomize build) and hand in the result; its bases are read as they are"
    return UnreadFile(artefact=path, reason=reason, line=line, kind="unsupported")


def _foreign(path: str, document: YamlDocument) -> UnreadFile:
    reason = "not a Kubernetes object (no apiVersion and kind) and not a compose file"
    return UnreadFile(artefact=path, reason=reason, line=document.line_start, kind="unsupported")
