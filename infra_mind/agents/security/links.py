"""Which Terraform resource refers to which: built once, so that a look at the neighbours does not grow with the inventory.

A reference is known from the marker of a value (there it is absolute: `module.net.aws_vpc.main.id`), from the resource's own text
(relative to its module; the reader may have put in the value), from the configuration of a plan, from an id or ARN that a plan knows and, for
buckets, from the literal name.
Several roots may hold the same address: the one whose folder is nearest to the referrer is meant. A plan is a root of its own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import takewhile
from typing import Any

from infra_mind.model.inventory import UNRESOLVABLE_KEY, Format, Inventory, Resource, is_unresolvable

Source = Callable[[Resource], list[tuple[int, str]]]
Place = tuple[str, str]  # folder of the artefact, block
_REFERENCE = re.compile(
    r"(?<![\w.\]-])((?:module\.[\w-]+(?:\[[^\]]*\])?\.)*)((?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+)\.([A-Za-z_][\w-]*)"
)
_MOST_ROOTS = 50  # that hold the same address: more are not compared, so that the work stays linear
_IDENTITIES = ("id", "arn")
_SHORTEST_ID = 6
_INDEX = re.compile(r"\[[^\]]*\]")


class Links:
    """References among the Terraform resources of an inventory. `source` gives the numbered lines of a resource."""

    def __init__(self, inventory: Inventory, source: Source) -> None:
        self._resources = [r for r in inventory.resources if r.format is Format.TERRAFORM]
        self._source = source

    def referrers(self, resource: Resource) -> list[Resource]:
        """Resources that refer to this one's block."""
        return self._referrers.get(_place(resource), [])

    def targets(self, resource: Resource) -> list[Resource]:
        """The first resource of every block that this one refers to, as far as they are in the inventory."""
        found = [*_marked(resource.values), *self._written(resource, self._source(resource)[1:])]
        found += [block for blocks in resource.references.values() for block in blocks]
        found += [
            block
            for name, value in resource.values.items()
            for block in self._identified(resource, name, value)
        ]
        bucket = resource.values.get("bucket")
        if isinstance(bucket, str) and resource.kind != "aws_s3_bucket":
            found += self._buckets.get(bucket, [])
        return self._resolved(resource, found)

    def named_by(self, resource: Resource, path: str, value: Any) -> list[Resource]:
        """The resources that the value at `path` refers to."""
        where = resource.lines_of(path)
        lines = [
            (n, line)
            for n, line in self._source(resource)[1:]
            if path in resource.lines and where.start <= n <= where.end
        ]
        top = path.partition(".")[0]
        planned = (*resource.references.get(top, ()), *self._identified(resource, top, value))
        return self._resolved(resource, [*_marked(value), *self._written(resource, lines), *planned])

    def _identified(self, resource: Resource, name: str, value: Any) -> list[str]:
        """Blocks of the same plan that exist and whose id or ARN is the value, or one of a list."""
        if not resource.plan or name in _IDENTITIES:
            return []
        texts = value if isinstance(value, list) else [value]
        return [
            block
            for text in texts
            if isinstance(text, str)
            for block in self._ids.get((resource.plan, text), ())
        ]

    def _written(self, resource: Resource, lines: Iterable[tuple[int, str]]) -> Iterator[str]:
        prefix = resource.block.removesuffix(f"{resource.kind}.{resource.name}")
        for _, line in lines:
            for match in _REFERENCE.finditer(line):
                yield prefix + _block(match)

    def _resolved(self, referrer: Resource, blocks: Iterable[str]) -> list[Resource]:
        found = (self._nearest(referrer, block) for block in dict.fromkeys(blocks))
        return [r for r in found if r is not None and _place(r) != _place(referrer)]

    def _nearest(self, referrer: Resource, block: str) -> Resource | None:
        here = folder_of(referrer)
        beside = self._places.get((here, block))
        candidates = self._by_block.get(block, [])[:_MOST_ROOTS]
        return beside or max(candidates, key=lambda r: _shared(folder_of(r), here), default=None)

    @cached_property
    def _places(self) -> dict[Place, Resource]:
        """The first resource of every place."""
        places: dict[Place, Resource] = {}
        for resource in self._resources:
            places.setdefault(_place(resource), resource)
        return places

    @cached_property
    def _by_block(self) -> dict[str, list[Resource]]:
        blocks: dict[str, list[Resource]] = defaultdict(list)
        for resource in self._places.values():
            blocks[resource.block].append(resource)
        return blocks

    @cached_property
    def _buckets(self) -> dict[str, list[str]]:
        """Literal bucket name → blocks."""
        named: dict[str, list[str]] = defaultdict(list)
        for resource in self._resources:
            name = resource.values.get("bucket")
            if resource.kind == "aws_s3_bucket" and isinstance(name, str):
                named[name].append(resource.block)
        return named

    @cached_property
    def _ids(self) -> dict[tuple[str, str], list[str]]:
        """Plan and id or ARN → blocks. What names very many is no id."""
        named: dict[tuple[str, str], list[str]] = defaultdict(list)
        for resource in self._resources:
            for name in _IDENTITIES if resource.plan else ():
                value = resource.values.get(name)
                if isinstance(value, str) and len(value) >= _SHORTEST_ID:
                    named[resource.plan, value].append(resource.block)
        return {key: blocks for key, blocks in named.items() if len(blocks) <= _MOST_ROOTS}

    @cached_property
    def _referrers(self) -> dict[Place, list[Resource]]:
        referrers: dict[Place, list[Resource]] = defaultdict(list)
        for resource in self._resources:
            for target in self.targets(resource):
                referrers[_place(target)].append(resource)
        return referrers


def folder_of(resource: Resource) -> str:
    """Where the addresses of its root are one thing each: the plan that it comes from, else the folder of its file."""
    return resource.plan or resource.artefact.rpartition("/")[0]


def _place(resource: Resource) -> Place:
    return folder_of(resource), resource.block


def _shared(one: str, other: str) -> int:
    """How many leading folders two paths share."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _block(match: re.Match[str]) -> str:
    return f"{_INDEX.sub('', match.group(1))}{match.group(2)}.{match.group(3)}"


def _marked(value: Any) -> Iterator[str]:
    """Absolute block addresses in the markers of a tree."""
    if is_unresolvable(value):
        for match in _REFERENCE.finditer(str(value[UNRESOLVABLE_KEY])):
            yield _block(match)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _marked(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _marked(inner)
