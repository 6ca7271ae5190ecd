"""Edits that a rule can propose for what it found. A proposal is only a guess at the text: `patches.py` proves it or drops it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from infra_mind.agents.security.edits import Edit, indent_of
from infra_mind.agents.security.rule import Patch
from infra_mind.model.inventory import Resource

_STEP = "  "


def hcl(attribute: str, literal: str) -> Patch:
    """Sets an attribute of a Terraform block (`metadata_options.http_tokens`, at most one block deep) to an HCL literal."""
    block, _, name = attribute.rpartition(".")

    def propose(resource: Resource, path: str, lines: Sequence[str]) -> Edit | None:
        target = path or attribute
        if target in resource.lines:
            return _replace_hcl(resource, target, name, literal, lines)
        parent = target.rpartition(".")[0]
        if not parent:
            return _insert_hcl(resource.line_start, [f"{name} = {literal}"], lines)
        if parent in resource.lines:
            return _insert_hcl(resource.lines[parent].start, [f"{name} = {literal}"], lines)
        return _insert_hcl(resource.line_start, [f"{block} {{", f"{_STEP}{name} = {literal}", "}"], lines)

    return propose


def _replace_hcl(resource: Resource, path: str, name: str, literal: str, lines: Sequence[str]) -> Edit | None:
    where = resource.lines[path]
    line = lines[where.start - 1] if where.start <= len(lines) else ""
    match = re.match(rf'^(\s*"?{re.escape(name)}"?\s*=\s*)([^\s#{{\[(][^#{{\[(]*?)(\s*(?:#.*)?)$', line)
    if where.start != where.end or not match:
        return None
    return Edit(where.start, where.start, (f"{match.group(1)}{literal}{match.group(3)}",))


def _insert_hcl(opening: int, text: list[str], lines: Sequence[str]) -> Edit | None:
    line = lines[opening - 1] if 0 < opening <= len(lines) else ""
    if not line.rstrip().endswith("{"):
        return None
    indent = indent_of(line) + _STEP
    return Edit(opening + 1, opening, tuple(indent + row for row in text))


def yaml(literal: str, suffix: str = "") -> Patch:
    """Sets the failed path (and `suffix` below it) of a YAML document to a scalar in YAML's spelling."""

    def propose(resource: Resource, path: str, lines: Sequence[str]) -> Edit | None:
        target = f"{path}.{suffix}".strip(".")
        if target in resource.lines:
            return _replace_yaml(resource, target, literal, lines)
        return _insert_yaml(resource, target, literal, lines)

    return propose


def _replace_yaml(resource: Resource, path: str, literal: str, lines: Sequence[str]) -> Edit | None:
    where, key = resource.lines[path], path.rpartition(".")[2]
    line = lines[where.start - 1] if where.start <= len(lines) else ""
    match = re.match(
        rf"^(\s*(?:-\s+)*[\"']?{re.escape(key)}[\"']?:\s+)([^\s#&*|>{{\[][^#]*?)(\s*(?:#.*)?)$", line
    )
    if where.start != where.end or not match:
        return None
    return Edit(where.start, where.start, (f"{match.group(1)}{literal}{match.group(3)}",))


def _insert_yaml(resource: Resource, path: str, literal: str, lines: Sequence[str]) -> Edit | None:
    parent = path
    missing: list[str] = []
    while parent and not isinstance(resource.get(parent), dict):
        parent, _, last = parent.rpartition(".")
        missing.insert(0, last)
    children = resource.get(parent) if parent else resource.values
    spot = _sibling(resource, parent, children, lines)
    if spot is None or any(part.isdigit() for part in missing):
        return None
    before, column = spot
    rows = [" " * column + _STEP * depth + f"{key}:" for depth, key in enumerate(missing)]
    rows[-1] += f" {literal}"
    return Edit(before, before - 1, tuple(rows))


def _sibling(resource: Resource, parent: str, children: Any, lines: Sequence[str]) -> tuple[int, int] | None:
    """The line before which a new key of the block mapping `parent` may stand, and its column."""
    for key in children if isinstance(children, dict) else ():
        where = resource.lines.get(f"{parent}.{key}".strip("."))
        line = lines[where.start - 1] if where and 0 < where.start <= len(lines) else ""
        match = re.match(rf"^(\s*(?:-\s+)*)[\"']?{re.escape(str(key))}[\"']?:(?:\s|$)", line)
        if where is None or not match:
            continue
        if "-" not in match.group(1):
            return where.start, len(match.group(1))
        if where.start == where.end and not isinstance(children[key], dict | list):
            return where.start + 1, len(match.group(1))
    return None


def dockerfile(pattern: str, replacement: str) -> Patch:
    """Replaces on the failed instruction's first line, if it matches there once."""
    compiled = re.compile(pattern)

    def propose(resource: Resource, path: str, lines: Sequence[str]) -> Edit | None:
        where = resource.lines_of(path)
        line = lines[where.start - 1] if 0 < where.start <= len(lines) else ""
        new, count = compiled.subn(replacement, line)
        return Edit(where.start, where.start, (new,)) if count == 1 else None

    return propose
