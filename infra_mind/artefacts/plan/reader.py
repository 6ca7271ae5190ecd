"""A plan's document → the resources that will be there after apply, with the addresses that Terraform prints."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from infra_mind.artefacts.plan.configuration import Configuration, listing, mapping
from infra_mind.artefacts.plan.plan import Plan
from infra_mind.artefacts.plan.providers import provider_resources, variable_resources
from infra_mind.artefacts.plan.values import LATER, Values
from infra_mind.artefacts.terraform.kinds import provider_of
from infra_mind.artefacts.yaml import YamlDocument
from infra_mind.model.inventory import Format, Lines, Resource, UnreadFile, unresolvable
from infra_mind.settings import IntakeLimits

_LONGEST_ADDRESS = 1_000
_INDEX = r'\[(?:-?[0-9]{1,12}|"(?:[^"\\]|\\.)*")\]'
_ADDRESS = re.compile(
    rf"(?P<module>(?:module\.[\w-]+(?:{_INDEX})?\.)*)(?P<mode>data\.)?(?P<kind>[A-Za-z][\w-]*)\.(?P<name>[A-Za-z_][\w-]*)(?:{_INDEX})?"
)
_INDICES = re.compile(_INDEX)
# What a plan says of itself (Terraform 1.8 and later): (field, the value that tells, what it means)
_UNFINISHED = (
    ("errored", True, "Terraform ended this plan with an error: what it had not reached is not in it"),
    (
        "complete",
        False,
        "not a whole plan (it has targets, or changes are put off): what it leaves out is not in it",
    ),
)
# Every bucket that exists shows what S3 encrypts all buckets with: nobody chose it.
_MIRRORED = "server_side_encryption_configuration"
_GONE = frozenset({"delete", "forget"})
# Blocks whose absence opens nothing. A provider fills them in from resources of their own, and then the configuration does not name them; nor
# does it name those that a `dynamic` block makes. Unknown and without such a resource they are not taken for empty.
_BESIDE = {
    "aws_security_group": ("ingress", ("aws_security_group_rule", "aws_vpc_security_group_ingress_rule")),
    "aws_network_acl": ("ingress", ("aws_network_acl_rule",)),
    "azurerm_network_security_group": ("security_rule", ("azurerm_network_security_rule",)),
}  # fmt: skip


@dataclass
class _Planned:
    """What a plan says of one resource; `where` is the path of its entry, `inside` that of its values."""

    after: dict[str, Any]
    unknown: Any
    sensitive: Any
    where: str
    inside: str
    mode: Any = None
    lines: dict[str, Lines] = field(default_factory=dict)


def read(path: str, document: YamlDocument, limits: IntakeLimits) -> Plan:
    """The plan in a document that `load` gave. What has another shape than Terraform writes is named in `unread`."""
    return _Reader(path, document, limits).plan()


class _Reader:
    def __init__(self, path: str, document: YamlDocument, limits: IntakeLimits) -> None:
        self._data, self._lines, self._limits = mapping(document.data), document.lines, limits
        self._whole = Lines(start=document.line_start, end=document.line_start)
        root = mapping(mapping(self._data.get("configuration")).get("root_module"))
        self._configuration = Configuration(root)
        self._settings = mapping(root.get("variables"))
        self._values: dict[str, Values] = {}
        self._plan = Plan(path)

    def plan(self) -> Plan:
        odd: list[str] = []
        planned = self._planned(odd)
        self._note_lines(planned)
        for address, entry in planned.items():
            if len(self._plan.resources) > self._limits.max_resources:
                break
            resource = self._resource(address, entry)
            if resource is None:
                odd.append(entry.where)
            else:
                self._plan.resources.append(resource)
        self._settle_blocks_beside()
        self._say(odd)
        self._add_settings()
        return self._plan

    def _add_settings(self) -> None:
        plan, variables = self._plan, mapping(self._data.get("variables"))
        config = mapping(mapping(self._data.get("configuration")).get("provider_config"))
        plan.resources += provider_resources(
            plan.path, self._configuration, config, variables, self._lines, self._whole
        )
        plan.variables = variable_resources(plan.path, variables, self._lines, self._whole)
        plan.declared = {block: declared.repeated for block, declared in self._configuration.blocks.items()}
        plan.declared.update(self._configuration.calls)
        for name, given in variables.items():
            if mapping(self._settings.get(name)).get("sensitive") is True:
                plan.hidden.append(name)
            elif "value" in mapping(given):
                plan.inputs[name] = given["value"]

    # -- what is planned

    def _planned(self, odd: list[str]) -> dict[str, _Planned]:
        """By address: first what the changes say, then what only the planned values hold."""
        found: dict[str, _Planned] = {}
        gone: set[str] = set()
        for where, entry in self._changes():
            address = mapping(entry).get("address")
            change = mapping(mapping(entry).get("change"))
            if not isinstance(address, str) or not change or address in found:
                odd.append(where)
            elif _is_gone(change):
                gone.add(address)
            elif change.get("after") is None and not change.get("after_unknown"):
                continue  # nothing is known of it: whether it is there, the planned values say
            elif not isinstance(change.get("after") or {}, dict):
                odd.append(where)
            else:
                found[address] = _Planned(
                    change.get("after") or {}, change.get("after_unknown"), change.get("after_sensitive"), where, f"{where}.change.after", mapping(entry).get("mode")
                )  # fmt: skip
        for where, entry in self._in_modules():
            address = mapping(entry).get("address")
            values = mapping(entry).get("values") or {}  # left out where apply time knows all of them
            if not isinstance(address, str) or not isinstance(values, dict):
                odd.append(where)
            elif address not in found and address not in gone:
                found[address] = _Planned(values, None, mapping(entry).get("sensitive_values"), where, f"{where}.values", mapping(entry).get("mode"))  # fmt: skip
        return found

    def _changes(self) -> Iterator[tuple[str, Any]]:
        """The changes, and those that Terraform puts off to a later apply."""
        for n, entry in enumerate(listing(self._data.get("resource_changes"))):
            yield f"resource_changes.{n}", entry
        for n, entry in enumerate(listing(self._data.get("deferred_changes"))):
            yield f"deferred_changes.{n}.resource_change", mapping(entry).get("resource_change")

    def _in_modules(self) -> Iterator[tuple[str, Any]]:
        """The resources of the planned values, of all modules at any depth."""
        waiting = [
            ("planned_values.root_module", mapping(self._data.get("planned_values")).get("root_module"))
        ]
        while waiting:
            where, module = waiting.pop()
            for n, entry in enumerate(listing(mapping(module).get("resources"))):
                yield f"{where}.resources.{n}", entry
            children = listing(mapping(module).get("child_modules"))
            waiting += [(f"{where}.child_modules.{n}", child) for n, child in enumerate(children)][::-1]

    def _note_lines(self, planned: dict[str, _Planned]) -> None:
        """The lines of what stands in each resource's values, in one pass over those of the document."""
        entries = {entry.inside: entry for entry in planned.values()}
        for path, where in self._lines.items():
            inside = ".values" if path.startswith("planned_values.") else ".change.after"
            above, found, below = path.partition(f"{inside}.")
            if found and (entry := entries.get(above + inside)):
                entry.lines[below] = where

    # -- resources

    def _resource(self, address: str, entry: _Planned) -> Resource | None:
        parts = (
            _ADDRESS.fullmatch(address)
            if len(address) <= _LONGEST_ADDRESS and address.isprintable()
            else None
        )
        if parts is None:
            return None
        mode, kind, name = parts["mode"] or "", parts["kind"], parts["name"]
        if (entry.mode == "data") != bool(mode):
            return None
        block = _INDICES.sub("", parts["module"]) + f"{mode}{kind}.{name}"
        values = self._values_of(block)
        found = values.of(entry.after, entry.unknown, entry.sensitive)
        self._add_provider(found, block)
        self._mark_blocks_beside(found, kind, entry, values)
        if (
            kind == "aws_s3_bucket"
            and not values.sets(_MIRRORED)
            and "aws:kms" not in str(found.get(_MIRRORED))
        ):
            found.pop(_MIRRORED, None)
        where = self._lines.get(entry.where, self._whole)
        if later := values.left_out(entry.unknown):
            self._plan.later[address] = list(later)
        return Resource(
            address=address, block=block, format=Format.TERRAFORM, kind=mode + kind, name=name, provider=provider_of(kind),
            artefact=self._plan.path, line_start=where.start, line_end=where.end, values=found, lines=entry.lines,
            plan=self._plan.path, references=values.targets(),
        )  # fmt: skip

    def _values_of(self, block: str) -> Values:
        if block not in self._values:
            self._values[block] = Values(self._configuration, self._configuration.blocks.get(block))
        return self._values[block]

    def _add_provider(self, found: dict[str, Any], block: str) -> None:
        """The provider block that is chosen, as a `.tf` file names it: `aws.west`."""
        declared = self._configuration.blocks.get(block)
        key = declared.provider.rpartition(":")[2] if declared else ""
        if "." in key and "provider" not in found:
            found["provider"] = key

    def _mark_blocks_beside(self, found: dict[str, Any], kind: str, entry: _Planned, values: Values) -> None:
        name = _BESIDE.get(kind, ("", ()))[0]
        if name and name not in found and mapping(entry.unknown).get(name) is True and not values.sets(name):
            found[name] = unresolvable(LATER)

    def _settle_blocks_beside(self) -> None:
        """Takes the mark away again where resources beside it are what fills the blocks in."""
        referred: dict[str, set[str]] = defaultdict(set)
        for resource in self._plan.resources:
            for blocks in resource.references.values():
                for block in blocks:
                    referred[block].add(resource.kind)
        for resource in self._plan.resources:
            name, beside = _BESIDE.get(resource.kind, ("", ()))
            if (
                name
                and resource.values.get(name) == unresolvable(LATER)
                and referred[resource.block].intersection(beside)
            ):
                del resource.values[name]

    def _say(self, odd: list[str]) -> None:
        for flag, is_bad, reason in _UNFINISHED:
            if self._data.get(flag) is is_bad:
                self._plan.unread.append(UnreadFile(artefact=self._plan.path, reason=reason, kind="plan"))
        if odd:
            lines = self._lines.get(odd[0], self._whole)
            shown = ", ".join(odd[:3]) + (f" and {len(odd) - 3} more" if len(odd) > 3 else "")
            reason = f"{shown}: not a resource as Terraform writes it in a plan; it is left out"
            self._plan.unread.append(
                UnreadFile(artefact=self._plan.path, reason=reason, line=lines.start, kind="plan")
            )


def _is_gone(change: dict[str, Any]) -> bool:
    """True for what is not there after apply, or no longer managed."""
    actions = listing(change.get("actions"))
    return bool(actions) and all(isinstance(a, str) and a in _GONE for a in actions)
