"""What Terraform files declare and the inventory does not hold, as resources: module calls (`module`), provider requirements
(`required_provider`), defaults of variables (`variable`) and values of `.tfvars` files (`tfvars`).

The inventory holds what the modules make, not that they are called, and what values come to, not where they stand. This reads the
declarations from the text, literal strings only (Terraform itself allows nothing else in a module's `source` and `version`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from infra_mind.artefacts.downloaded import is_downloaded
from infra_mind.model.inventory import Artefact, Format, Lines, Resource

_MODULE = re.compile(r'^\s*module\s+"?([\w-]+)"?\s*\{')
_REQUIRED = re.compile(r"^\s*required_providers\s*\{")
_ENTRY = re.compile(r'^\s*"?([\w-]+)"?\s*=\s*(\{|"([^"]*)")')
_VARIABLE = re.compile(r'^\s*variable\s+"?([\w-]+)"?\s*\{')
_DEFAULT = re.compile(r'(?:^|[{\s])default\s*=\s*"((?:[^"\\]|\\.)*)"')
_VALUE = re.compile(r'^\s*"?([\w-]+)"?\s*=\s*"((?:[^"\\]|\\.)*)"')
_LITERAL = re.compile(r'^\s*(source|version)\s*=\s*"([^"]*)"')
_INLINE = re.compile(r'\b(source|version)\s*=\s*"([^"]*)"')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"^\s*(?:#|//)")


def declarations(artefacts: Mapping[str, Artefact]) -> list[Resource]:
    """Resources of all `.tf` and `.tfvars` files, in order of path and line."""
    found: list[Resource] = []
    for path in sorted(artefacts):
        content = artefacts[path].content
        if not content or is_downloaded(path):  # nobody here wrote it
            continue
        if path.endswith(".tf") and any(
            word in content for word in ("module", "required_providers", "variable")
        ):
            found += _of_file(path, content.split("\n"))
        elif path.endswith(".tfvars"):
            found += _values(path, content.split("\n"))
    return found


def _of_file(path: str, lines: list[str]) -> Iterator[Resource]:
    for index, line in enumerate(lines):
        if module := _MODULE.match(line):
            end = _end(lines, index)
            yield _module(path, module.group(1), lines, index, end)
        elif _REQUIRED.match(line):
            yield from _providers(path, lines, index, _end(lines, index))
        elif variable := _VARIABLE.match(line):
            yield from _default(path, variable.group(1), lines, index, _end(lines, index))


def _default(path: str, name: str, lines: list[str], start: int, end: int) -> Iterator[Resource]:
    for index in range(start, end + 1):
        found = None if _COMMENT.match(lines[index]) else _DEFAULT.search(lines[index])
        if found:
            where = {name: Lines(start=index + 1, end=index + 1)}
            yield _resource(path, "variable", name, {name: found.group(1)}, where, start, end)
            return


def _values(path: str, lines: list[str]) -> Iterator[Resource]:
    for index, line in enumerate(lines):
        if found := _VALUE.match(line):
            name, text = found.groups()
            where = {name: Lines(start=index + 1, end=index + 1)}
            yield _resource(path, "tfvars", name, {name: text}, where, index, index)


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
