"""In which region a Terraform resource stands: its own zone or location, its provider block, at last the brief's hosting."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from infra_mind.model.brief import Hosting
from infra_mind.model.inventory import UNRESOLVABLE_KEY, Inventory, Resource, is_unresolvable

_Chosen = tuple[str | None, str | None]  # provider and alias


class Regions:
    """Looks regions up in one inventory. None is "not known", never a default of ours."""

    def __init__(self, inventory: Inventory, hosting: Hosting | None) -> None:
        self._blocks = [r for r in inventory.resources if r.kind.startswith("provider.")]
        self._groups = {r.block: r for r in inventory.of("azurerm_resource_group")}
        self._group_locations = {_text(g.get("location")) for g in self._groups.values()}
        self._hosting = hosting

    def of(self, resource: Resource) -> str | None:
        """The region of a resource of AWS, Azure or Google Cloud."""
        if resource.provider == "aws":
            own = _text(resource.get("region")) or _aws_region(_text(resource.get("availability_zone")))
        elif resource.provider == "azure":
            own = _text(resource.get("location")) or self._group_location(resource)
        else:
            own = google_region(
                _text(resource.get("zone"))
                or _text(resource.get("region"))
                or _text(resource.get("location"))
            )
        return own or self._provider_region(resource) or self._brief_region(resource)

    def _group_location(self, resource: Resource) -> str | None:
        for path in ("location", "resource_group_name"):
            group = self._groups.get(reference(resource.get(path)) or "")
            if group and (found := _text(group.get("location"))):
                return found
        locations = self._group_locations
        return (
            next(iter(locations))
            if len(locations) == 1 and not _text(resource.get("resource_group_name"))
            else None
        )

    def _provider_region(self, resource: Resource) -> str | None:
        if resource.provider == "azure":
            return None  # azurerm has no region of its own
        chosen = resource.get("provider")
        name = str(chosen[UNRESOLVABLE_KEY]) if is_unresolvable(chosen) else _text(chosen) or ""
        alias = name.partition(".")[2] or None
        if planned := self._regions_by_plan.get((resource.plan, resource.provider, alias)):
            return next((planned[module] for module in _modules_around(resource) if module in planned), None)
        blocks = self._regions_by_folder.get((resource.provider, alias), {})
        folder = PurePosixPath(resource.artefact).parent
        near = [blocks[f] for f in (folder, *folder.parents) if f in blocks]
        found = (
            next(filter(None, near), set[str]())
            if near
            else self._every_region.get((resource.provider, alias), set())
        )
        return next(iter(found)) if len(found) == 1 else None

    @cached_property
    def _regions_by_folder(self) -> dict[_Chosen, dict[PurePosixPath, set[str]]]:
        """Of the provider blocks with one alias: the regions in each folder that has one, also where it names none."""
        found: dict[_Chosen, dict[PurePosixPath, set[str]]] = {}
        for block in self._blocks:
            folders = found.setdefault((block.provider, _text(block.get("alias"))), {})
            regions = folders.setdefault(PurePosixPath(block.artefact).parent, set())
            if region := _block_region(block):
                regions.add(region)
        return found

    @cached_property
    def _regions_by_plan(self) -> dict[tuple[str, str | None, str | None], dict[str, str | None]]:
        """Of the provider blocks of each plan with one alias: the region by the module that they stand in, None where it is not known."""
        found: dict[tuple[str, str | None, str | None], dict[str, str | None]] = {}
        for block in self._blocks:
            if block.plan:
                key = block.plan, block.provider, _text(block.get("alias"))
                found.setdefault(key, {})[_modules_around(block)[0]] = _block_region(block)
        return found

    @cached_property
    def _every_region(self) -> dict[_Chosen, set[str]]:
        return {chosen: set[str]().union(*f.values()) for chosen, f in self._regions_by_folder.items()}

    def _brief_region(self, resource: Resource) -> str | None:
        if self._hosting is None or self._hosting.provider != resource.provider:
            return None
        return self._hosting.region


def _modules_around(resource: Resource) -> list[str]:
    """The module of the resource and those around it, the root (empty) last: a provider's block counts for what is below it."""
    parts = resource.block.split(".")
    depth = 0
    while parts[depth : depth + 1] == ["module"]:
        depth += 2
    return [".".join(parts[:length]) for length in range(depth, -1, -2)]


def reference(value: Any) -> str | None:
    """The address of the resource that an unresolved value points to: `aws_launch_template.lt.id` → `aws_launch_template.lt`."""
    if not is_unresolvable(value):
        return None
    found = re.match(r"((?:module\.[\w-]+(?:\[[^\]]*\])?\.)*[a-z]\w*\.[\w-]+)", str(value[UNRESOLVABLE_KEY]))
    return found[1] if found else None


def google_region(place: str | None) -> str | None:
    """`europe-west4-a` and `europe-west4` → `europe-west4`; a multi-region such as `US` stays as it is."""
    found = re.fullmatch(r"([a-z]+-[a-z]+\d+)(-[a-z])?", place or "")
    return found[1] if found else place


def _aws_region(zone: str | None) -> str | None:
    found = re.fullmatch(r"([a-z]{2}(?:-[a-z]+)+-\d)[a-z]", zone or "")
    return found[1] if found else None


def _block_region(block: Resource) -> str | None:
    place = _text(block.get("region")) or _text(block.get("zone"))
    return google_region(place) if block.provider == "gcp" else place


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
