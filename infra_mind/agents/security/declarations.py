"""Module calls and provider requirements of Terraform files as resources of kind `module` and `required_provider`.

The inventory holds what the modules make, not that they are called. This reads the declarations from the text, literal strings
only (Terraform itself allows nothing else in a module's `source` and `version`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from infra_mind.model.inventory import Artefact, Format, Lines, Resource

_MODULE = re.compile(r'^\s*module\s+"?([\w-]+)"?\s*\{')
_REQUIRED = re.compile(r"^\s*required_providers\s*\{")
_ENTRY = re.compile(r'^\s*"?([\w-]+)"?\s*=\s*(\{|"([^"]*)")')
_LITERAL = re.compile(r'^\s*(source|version)\s*=\s*"([^"]*)"')
_INLINE = re.compile(r'\b(source|version)\s*=\s*"([^"]*)"')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"^\s*(?:#|//)")


def declarations(artefacts: Mapping[str, Artefact]) -> list[Resource]:
    """Resources of all `.tf` files, in order of path and line."""
    found: list[Resource] = []
    for path in sorted(artefacts):
        content = artefacts[path].content
        if path.endswith(".tf") and content and ("module" in content or "required_providers" in content):
            found += _of_file(path, content.split("\n"))
    return found


def _of_file(path: str, lines: list[str]) -> Iterator[Resource]:
    for index, line in enumerate(lines):
        if module := _MODULE.match(line):
            end = _end(lines, index)
            yield _module(path, module.group(1), lines, index, end)
        elif _REQUIRED.match(line):
            yield from _providers(path, lines, index, _end(lines, index))


def _end(lines: list[str], start: int) -> int:
    """The index of the line on which the block that opens on `start` closes."""
    depth = 0
    for index in range(start, len(lines)):
        bare = "" if _COMMENT.match(lines[index]) else _QUOTED.sub("", lines[index])
        depth += bare.count("{") - bare.count("}")
        if depth <= 0:
            return index
    return len(lines) - 1


def _module(path: str, name: str, lines: list[str], start: int, end: int) -> Resource:
    values, where, depth = {}, {}, 0
    for index in range(start, end + 1):
        if depth == 1 and (match := _LITERAL.match(lines[index])):
            values[match.group(1)] = match.group(2)
            where[match.group(1)] = Lines(start=index + 1, end=index + 1)
        bare = _QUOTED.sub("", lines[index])
        depth += bare.count("{") - bare.count("}")
    return _resource(path, "module", name, values, where, start, end)


def _providers(path: str, lines: list[str], start: int, end: int) -> Iterator[Resource]:
    index = start + 1
    while index < end:
        entry = _ENTRY.match(lines[index])
        if not entry:
            index += 1
            continue
        last = _end(lines, index) if entry.group(2) == "{" else index
        text = "\n".join(lines[index : last + 1])
        values = {"version": entry.group(3)} if entry.group(2) != "{" else dict(_INLINE.findall(text))
        yield _resource(path, "required_provider", entry.group(1), values, {}, index, last)
        index = last + 1


def _resource(
    path: str, kind: str, name: str, values: dict[str, str], lines: dict[str, Lines], start: int, end: int
) -> Resource:
    address = f"{path}#{kind}.{name}"
    return Resource(
        address=address, block=address, format=Format.TERRAFORM, kind=kind, name=name, artefact=path,
        line_start=start + 1, line_end=end + 1, values=dict(values), lines=lines,
    )  # fmt: skip
