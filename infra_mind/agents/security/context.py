"""What a rule may look at beside its own resource: linked resources, the neighbours of a namespace, the source text."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property

from infra_mind.agents.security.declarations import declarations
from infra_mind.agents.security.links import Links, folder_of
from infra_mind.agents.security.subject import Subject
from infra_mind.model.inventory import Artefact, Format, Inventory, Resource, is_unresolvable

_VARIABLE = re.compile(r"\bvar\.[\w-]+")
_LOCAL = re.compile(r"\blocal\.([\w-]+)")
_DYNAMIC = re.compile(r'^\s*dynamic\s+"([\w-]+)"')
_CONTENT = re.compile(r"^\s*content\s*\{")
_POLICY_DOCUMENT = "data.aws_iam_policy_document"
DOCUMENT_PARTS = ("source_policy_documents", "override_policy_documents")


class Context:
    """Everything is indexed once, so that a rule's look at its surroundings does not grow with the inventory."""

    def __init__(self, inventory: Inventory, artefacts: Mapping[str, Artefact] | None = None) -> None:
        self._resources = inventory.resources
        self._artefacts = artefacts or {}
        self._links = Links(inventory, self.source)
        self._lines: dict[str, list[str]] = {}
        self._dangling: dict[tuple[str, tuple[str, ...]], list[Resource]] = {}
        self._sharing: dict[tuple[str, str], dict[tuple[str, str], list[Resource]]] = {}
        self._firsts: dict[tuple[str, ...], dict[str, Resource]] = {}
        self._by_kind: dict[str, list[Resource]] = defaultdict(list)
        for resource in inventory.resources:
            self._by_kind[resource.kind].append(resource)

    def of(self, *kinds: str) -> list[Resource]:
        """All resources of these kinds."""
        return [resource for kind in kinds for resource in self._by_kind.get(kind, ())]

    def linked(self, resource: Resource, *kinds: str) -> list[Resource]:
        """Resources of these kinds that refer to `resource`, by reference or by its literal name."""
        return [other for other in self._links.referrers(resource) if other.kind in kinds]

    def dangling(self, attribute: str, *kinds: str) -> list[Resource]:
        """Resources of these kinds whose `attribute` is decided at apply time and leads to no resource known here."""
        key = (attribute, kinds)
        if key not in self._dangling:
            unknown = [r for r in self.of(*kinds) if is_unresolvable(r.values.get(attribute))]
            self._dangling[key] = [
                r for r in unknown if not self._links.named_by(r, attribute, r.values[attribute])
            ]
        return self._dangling[key]

    def sharing(self, resource: Resource, attribute: str, kind: str) -> list[Resource]:
        """Resources of `kind` whose `attribute` names what `resource` names by it, or `resource` itself where it has none: a literal
        id, or one resource among the artefacts that stands once. One of several instances is not told from another."""
        if (attribute, kind) not in self._sharing:
            together: dict[tuple[str, str], list[Resource]] = defaultdict(list)
            for other in self.of(kind):
                named = self._named(other, attribute)
                if named is not None:
                    together[named].append(other)
            self._sharing[attribute, kind] = together
        mark = self._named(resource, attribute) if attribute in resource.values else _once(resource)
        return self._sharing[attribute, kind].get(mark, []) if mark else []

    def _named(self, resource: Resource, attribute: str) -> tuple[str, str] | None:
        value = resource.values.get(attribute)
        if isinstance(value, str) and not resource.plan:
            return "", value
        found = self._links.named_by(resource, attribute, value)
        if len(found) == 1:
            return _once(found[0])
        return ("", value) if isinstance(value, str) else None

    def documents(self, subject: Subject, attribute: str) -> list[Subject]:
        """The `aws_iam_policy_document` data sources that `attribute` refers to and that are among the artefacts, each followed
        by those that it is put together from."""
        found: dict[str, Resource] = {}
        self._follow(subject, attribute, found)
        return [Subject.of(r) for r in found.values()]

    def _follow(self, subject: Subject, attribute: str, found: dict[str, Resource]) -> None:
        named = self._links.named_by(subject.resource, subject.at(attribute), subject.raw(attribute))
        for resource in named:
            if resource.kind == _POLICY_DOCUMENT and resource.address not in found:
                found[resource.address] = resource
                for part in DOCUMENT_PARTS:
                    self._follow(Subject.of(resource), part, found)

    def source(self, resource: Resource) -> list[tuple[int, str]]:
        """(line number, line) of the resource's own text; empty if the artefact's text is not here, and for one of a plan: its lines are no
        text that somebody wrote, and may be one for all of it."""
        if resource.is_in_plan:
            return []
        lines = self.text_lines(resource.artefact)[resource.line_start - 1 : resource.line_end]
        return list(enumerate(lines, start=resource.line_start))

    def text_lines(self, path: str) -> list[str]:
        """The lines of an artefact; none if its text is not here."""
        if path not in self._lines:
            artefact = self._artefacts.get(path)
            self._lines[path] = (
                artefact.content.split("\n") if artefact and artefact.content is not None else []
            )
        return self._lines[path]

    def lines_at(self, resource: Resource, path: str) -> list[tuple[int, str]]:
        """(line number, line) of what stands at a dotted path, or of the `for_each` that left it out; none if neither is there."""
        where = resource.lines.get(path)
        if where:
            return [(n, line) for n, line in self.source(resource) if where.start <= n <= where.end]
        return self._left_out(resource, path)

    def path_at(self, resource: Resource, line: int) -> str:
        """The dotted path of the smallest part of the resource that covers this line, empty if none does."""
        covering = [
            (w.end - w.start, -len(p), p) for p, w in resource.lines.items() if w.start <= line <= w.end
        ]
        return min(covering)[2] if covering else ""

    def is_called(self, resource: Resource) -> bool:
        """True if the folder of the resource is a module for others: a call among the artefacts names it by its path, or it stands
        below `modules/`, where Terraform's standard structure puts nested modules."""
        folder = resource.artefact.rpartition("/")[0]
        return folder in self._called or "modules" in folder.split("/")[:-1]

    def set_by_a_caller(self, resource: Resource, path: str) -> str:
        """The variable behind the value at `path` of a module below `modules/` that nothing here calls; else empty.

        Its default is not what is applied: whoever calls the module, from a place that is not here, sets it."""
        if resource.plan or resource.calls:
            return ""
        folder = resource.artefact.rpartition("/")[0]
        uncalled = "modules" in folder.split("/")[:-1] and folder not in self._called
        if not uncalled or not resource.artefact.endswith((".tf", ".tf.json")):
            return ""
        text = "\n".join(line for _, line in self.lines_at(resource, path))
        found = _VARIABLE.search(text) or _VARIABLE.search(self._local(folder, text))
        return found.group() if found else ""

    def _left_out(self, resource: Resource, path: str) -> list[tuple[int, str]]:
        """The `for_each` of the dynamic block that stands for `path` in the text and made no block; empty if there is none."""
        parts = set(path.split("."))
        found: list[tuple[int, str]] = []
        for number, line in self.source(resource):
            opened = _DYNAMIC.match(line)
            if found and _CONTENT.match(line):
                break
            if found or (opened and opened.group(1) in parts):
                found.append((number, line))
        return found

    def _local(self, folder: str, text: str) -> str:
        """The lines of the folder that define the first local value which `text` names."""
        named = _LOCAL.search(text)
        if not named:
            return ""
        defines = re.compile(rf"^\s*{re.escape(named.group(1))}\s*=[^=].*$", re.MULTILINE)
        files = (
            a
            for a in self._artefacts.values()
            if a.path.rpartition("/")[0] == folder and a.path.endswith(".tf")
        )
        return "\n".join(line for a in files for line in defines.findall(a.content or ""))

    def parent_stage(self, stage: Subject) -> Subject | None:
        """The stage of the same Dockerfile on which this one is built; a stage never stands on itself or a later one."""
        name = stage.raw("from_stage")
        for other in self._stages.get(stage.resource.artefact, ()) if isinstance(name, str) else ():
            if other.name == name and other.line_start < stage.resource.line_start:
                return Subject.of(other)
        return None

    def service_account(self, in_namespace: str, name: str) -> Resource | None:
        """The ServiceAccount of that name, if it is among the artefacts."""
        return self._service_accounts.get((in_namespace, name))

    def first_workload(self, in_namespace: str, kinds: tuple[str, ...]) -> Resource | None:
        """The first resource of these kinds in a namespace, in the order of the inventory."""
        if kinds not in self._firsts:
            firsts: dict[str, Resource] = {}
            wanted = frozenset(kinds)
            for resource in self._resources:
                if resource.kind in wanted and resource.format is Format.KUBERNETES:
                    firsts.setdefault(namespace(resource), resource)
            self._firsts[kinds] = firsts
        return self._firsts[kinds].get(in_namespace)

    @cached_property
    def declared(self) -> list[Resource]:
        """What the Terraform files declare beside what the inventory holds."""
        return declarations(self._artefacts)

    @cached_property
    def _called(self) -> frozenset[str]:
        calls = (r for r in self.declared if r.kind == "module")
        sources = ((r.artefact.rpartition("/")[0], str(r.values.get("source", ""))) for r in calls)
        paths = (
            posixpath.normpath(f"{folder}/{s}" if folder else s) for folder, s in sources if s.startswith(".")
        )
        return frozenset("" if path == "." else path for path in paths)

    @cached_property
    def policed_namespaces(self) -> frozenset[str]:
        """Namespaces with at least one NetworkPolicy (Kubernetes' or Cilium's)."""
        return frozenset(namespace(r) for r in self.of("NetworkPolicy", "CiliumNetworkPolicy"))

    @cached_property
    def _service_accounts(self) -> dict[tuple[str, str], Resource]:
        return {(namespace(r), r.name): r for r in self.of("ServiceAccount")}

    @cached_property
    def _stages(self) -> dict[str, list[Resource]]:
        stages: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.of("stage"):
            stages[resource.artefact].append(resource)
        return stages


def _once(resource: Resource) -> tuple[str, str] | None:
    """The place of a resource that is no instance of several; else None."""
    return (folder_of(resource), resource.address) if resource.address == resource.block else None


def namespace(resource: Resource) -> str:
    """The namespace of a Kubernetes resource; `default` where none is written."""
    metadata = resource.values.get("metadata")
    written = metadata.get("namespace") if isinstance(metadata, dict) else None
    return written if isinstance(written, str) and written else "default"
