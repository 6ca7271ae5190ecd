"""What a rule may look at beside its own resource: linked resources, the neighbours of a namespace, the source text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from infra_mind.agents.security.subject import Subject
from infra_mind.model.inventory import (
    UNRESOLVABLE_KEY,
    Artefact,
    Format,
    Inventory,
    Resource,
    is_unresolvable,
)

_REFERENCE = re.compile(r"(?<![\w.-])((?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+)\.([A-Za-z_][\w-]*)")
_POLICY_DOCUMENT = "data.aws_iam_policy_document"
# Attributes under which one resource names another by its literal name.
_NAME_ATTRIBUTES = ("bucket", "name", "id", "identifier", "cluster_identifier", "file_system_id")


class Context:
    """Everything is indexed once, so that a rule's look at its surroundings does not grow with the inventory."""

    def __init__(self, inventory: Inventory, artefacts: Mapping[str, Artefact] | None = None) -> None:
        self.inventory = inventory
        self._artefacts = artefacts or {}
        self._by_kind: dict[str, list[Resource]] = defaultdict(list)
        for resource in inventory.resources:
            self._by_kind[resource.kind].append(resource)

    def of(self, *kinds: str) -> list[Resource]:
        """All resources of these kinds."""
        return [resource for kind in kinds for resource in self._by_kind.get(kind, ())]

    def linked(self, resource: Resource, *kinds: str) -> list[Resource]:
        """Resources of these kinds that refer to `resource`, by reference or by its literal name."""
        found = self._referrers.get(resource.block, [])
        return [other for other in found if other.kind in kinds]

    def dangling(self, attribute: str, *kinds: str) -> list[Resource]:
        """Resources of these kinds whose `attribute` is decided at apply time and leads to no resource known here."""
        key = (attribute, kinds)
        if key not in self._dangling:
            self._dangling[key] = [
                r for r in self.of(*kinds)
                if is_unresolvable(r.values.get(attribute)) and not any(t in self._blocks for t in self._targets(r))
            ]  # fmt: skip
        return self._dangling[key]

    @cached_property
    def _dangling(self) -> dict[tuple[str, tuple[str, ...]], list[Resource]]:
        return {}

    def path_at(self, resource: Resource, line: int) -> str:
        """The dotted path of the smallest part of the resource that covers this line, empty if none does."""
        covering = [
            (w.end - w.start, -len(p), p) for p, w in resource.lines.items() if w.start <= line <= w.end
        ]
        return min(covering)[2] if covering else ""

    def source(self, resource: Resource) -> list[tuple[int, str]]:
        """(line number, line) of the resource's own text; empty if the artefact's text is not here."""
        artefact = self._artefacts.get(resource.artefact)
        if artefact is None or artefact.content is None:
            return []
        lines = self._split(resource.artefact, artefact.content)[resource.line_start - 1 : resource.line_end]
        return list(enumerate(lines, start=resource.line_start))

    def service_account(self, in_namespace: str, name: str) -> Resource | None:
        """The ServiceAccount of that name, if it is among the artefacts."""
        return self._service_accounts.get((in_namespace, name))

    def documents(self, subject: Subject, attribute: str) -> list[Subject]:
        """The `aws_iam_policy_document` data sources that `attribute` refers to and that are among the artefacts."""
        prefix = _module_prefix(subject.resource)
        where = subject.resource.lines_of(subject.at(attribute))
        text = [
            line
            for n, line in self.source(subject.resource)
            if where.start <= n <= where.end and n > subject.resource.line_start
        ]
        found = [
            *_references(subject.raw(attribute)),
            *((m.group(1), m.group(2)) for line in text for m in _REFERENCE.finditer(line)),
        ]
        names = dict.fromkeys(prefix + f"{kind}.{name}" for kind, name in found if kind == _POLICY_DOCUMENT)
        return [Subject.of(self._documents[name]) for name in names if name in self._documents]

    @cached_property
    def _documents(self) -> dict[str, Resource]:
        return {r.block: r for r in self.of(_POLICY_DOCUMENT)}

    def parent_stage(self, stage: Subject) -> Subject | None:
        """The stage of the same Dockerfile on which this one is built; a stage never stands on itself or a later one."""
        name = stage.raw("from_stage")
        for other in self._stages.get(stage.resource.artefact, ()) if isinstance(name, str) else ():
            if other.name == name and other.line_start < stage.resource.line_start:
                return Subject.of(other)
        return None

    @cached_property
    def _stages(self) -> dict[str, list[Resource]]:
        stages: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.of("stage"):
            stages[resource.artefact].append(resource)
        return stages

    @cached_property
    def _service_accounts(self) -> dict[tuple[str, str], Resource]:
        return {(namespace(r), r.name): r for r in self.of("ServiceAccount")}

    @cached_property
    def policed_namespaces(self) -> frozenset[str]:
        """Namespaces with at least one NetworkPolicy (Kubernetes' or Cilium's)."""
        return frozenset(namespace(r) for r in self.of("NetworkPolicy", "CiliumNetworkPolicy"))

    def first_workload(self, in_namespace: str, kinds: tuple[str, ...]) -> Resource | None:
        """The first resource of these kinds in a namespace, in the order of the inventory."""
        return self._first_by_namespace(kinds).get(in_namespace)

    def _first_by_namespace(self, kinds: tuple[str, ...]) -> dict[str, Resource]:
        if kinds not in self._firsts:
            firsts: dict[str, Resource] = {}
            wanted = frozenset(kinds)
            for resource in self.inventory.resources:
                if resource.kind in wanted and resource.format == Format.KUBERNETES:
                    firsts.setdefault(namespace(resource), resource)
            self._firsts[kinds] = firsts
        return self._firsts[kinds]

    @cached_property
    def _firsts(self) -> dict[tuple[str, ...], dict[str, Resource]]:
        return {}

    @cached_property
    def _blocks(self) -> frozenset[str]:
        return frozenset(r.block for r in self.inventory.resources)

    @cached_property
    def _named(self) -> dict[tuple[str, str], str]:
        """(provider's service, literal name) → block."""
        named: dict[tuple[str, str], str] = {}
        for r in self.inventory.resources:
            for attribute in _NAME_ATTRIBUTES if r.format == Format.TERRAFORM else ():
                value = r.values.get(attribute)
                if isinstance(value, str) and value and r.kind in _NAMED_KINDS:
                    named.setdefault((_NAMED_KINDS[r.kind], value), r.block)
        return named

    @cached_property
    def _referrers(self) -> dict[str, list[Resource]]:
        referrers: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.inventory.resources:
            if resource.format == Format.TERRAFORM:
                for target in dict.fromkeys(self._targets(resource)):
                    referrers[target].append(resource)
        return referrers

    def _targets(self, resource: Resource) -> list[str]:
        prefix = _module_prefix(resource)
        found = [prefix + f"{kind}.{name}" for kind, name in _references(resource.values)]
        # the text knows references whose value the reader could put in
        found += [
            prefix + ".".join(m.groups())
            for _, line in self.source(resource)[1:]
            for m in _REFERENCE.finditer(line)
        ]
        for attribute in ("bucket", "vpc_id", "file_system_id"):
            value = resource.values.get(attribute)
            block = self._named.get((attribute, value)) if isinstance(value, str) else None
            if block and block != resource.block:
                found.append(block)
        return found

    def _split(self, path: str, content: str) -> list[str]:
        if path not in self._lines:
            self._lines[path] = content.split("\n")
        return self._lines[path]

    @cached_property
    def _lines(self) -> dict[str, list[str]]:
        return {}


_NAMED_KINDS = {"aws_s3_bucket": "bucket", "aws_vpc": "vpc_id", "aws_efs_file_system": "file_system_id"}


def namespace(resource: Resource) -> str:
    """The namespace of a Kubernetes resource; `default` where none is written."""
    metadata = resource.values.get("metadata")
    written = metadata.get("namespace") if isinstance(metadata, dict) else None
    return written if isinstance(written, str) and written else "default"


def _module_prefix(resource: Resource) -> str:
    return resource.block.removesuffix(f"{resource.kind}.{resource.name}")


def _references(value: Any) -> Iterator[tuple[str, str]]:
    if is_unresolvable(value):
        for match in _REFERENCE.finditer(str(value[UNRESOLVABLE_KEY])):
            yield match.group(1), match.group(2)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _references(inner)
    elif isinstance(value, str) and "${" in value:
        for match in _REFERENCE.finditer(value):
            yield match.group(1), match.group(2)
