"""Kubernetes manifests: every document of a file becomes a resource; charts and overlays are named and left out."""

from __future__ import annotations

import re
from typing import Any

from infra_mind.artefacts.parsed import Parsed
from infra_mind.artefacts.yaml import YamlDocument
from infra_mind.model.inventory import Format, Lines, Resource, UnreadFile

_SCHEMA = re.compile(r"spec\.(?:versions\.\d+\.schema|validation)(?:\.|$)")
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
            whole = Lines(start=document.line_start, end=document.line_end)
            _add(path, document.data, whole, document.lines, parsed)
    return parsed


def _add(path: str, manifest: dict[str, Any], whole: Lines, lines: dict[str, Lines], parsed: Parsed) -> None:
    if manifest["kind"] == "CustomResourceDefinition":
        manifest, lines = _without_schemas(manifest, lines)
    items = manifest.get("items")
    if not manifest["kind"].endswith("List") or not isinstance(items, list):
        parsed.resources.append(_resource(path, manifest, whole, lines))
        return
    below = _lines_by_item(lines)
    for i, item in enumerate(items):
        where = lines.get(f"items.{i}", whole)
        if (
            isinstance(item, dict) and manifest["kind"] != "List"
        ):  # what the API server gives says it once for all
            item = {
                "apiVersion": manifest["apiVersion"],
                "kind": manifest["kind"].removesuffix("List"),
                **item,
            }
        if is_manifest(item):
            _add(path, item, where, below.get(str(i), {}), parsed)
        else:
            reason = f"item {i} of the {manifest['kind']} is not a Kubernetes object (no apiVersion or kind)"
            parsed.unread.append(UnreadFile(artefact=path, reason=reason, line=where.start))


def _without_schemas(
    manifest: dict[str, Any], lines: dict[str, Lines]
) -> tuple[dict[str, Any], dict[str, Lines]]:
    """A definition of a kind without the schemas of its objects: thousands of lines that order nothing and that nobody judges."""
    spec = manifest.get("spec")
    if not isinstance(spec, dict):
        return manifest, lines
    versions = spec.get("versions")
    kept = {key: value for key, value in spec.items() if key != "validation"}
    if isinstance(versions, list):
        kept["versions"] = [
            {k: v for k, v in version.items() if k != "schema"} if isinstance(version, dict) else version
            for version in versions
        ]
    return {**manifest, "spec": kept}, {path: at for path, at in lines.items() if not _SCHEMA.match(path)}


def _lines_by_item(lines: dict[str, Lines]) -> dict[str, dict[str, Lines]]:
    """Lines of the items of a list in one pass, each from its item on."""
    found: dict[str, dict[str, Lines]] = {}
    for path, where in lines.items():
        head, _, rest = path.partition(".")
        index, _, below = rest.partition(".")
        if head == "items" and below:
            found.setdefault(index, {})[below] = where
    return found


def _resource(path: str, manifest: dict[str, Any], where: Lines, lines: dict[str, Lines]) -> Resource:
    raw = manifest.get("metadata")
    metadata: dict[str, Any] = raw if isinstance(raw, dict) else {}
    name = str(metadata.get("name") or metadata.get("generateName") or "unnamed")
    namespace = str(metadata.get("namespace") or "default")
    address = f"{manifest['kind']}/{namespace}/{name}"
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
        lines=lines,
    )


def overlay(path: str, kind: str, line: int) -> UnreadFile:
    """The entry for a Kustomization or another object that only a tool of the client reads."""
    reason = f"a {kind}: build it (kustomize build) and hand in the result; its bases are read as they are"
    return UnreadFile(artefact=path, reason=reason, line=line, kind="unsupported")


def _foreign(path: str, document: YamlDocument) -> UnreadFile:
    reason = "not a Kubernetes object (no apiVersion and kind) and not a compose file"
    return UnreadFile(artefact=path, reason=reason, line=document.line_start, kind="unsupported")
