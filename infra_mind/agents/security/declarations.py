"""What Terraform files declare and the inventory does not hold, as resources: module calls (`module`), provider requirements
(`required_provider`), and the literal texts in them, in defaults of variables (`variable`), `locals`, outputs (`output`) and files of
values (`tfvars`), the JSON forms included.

The inventory holds what the modules make, not that they are called, and what values come to, not where they stand. This reads the
declarations from the text, literal strings only (Terraform itself allows nothing else in a module's `source` and `version`).
The literals are read where the text has a word that may stand beside a secret, and nowhere else: they serve the rules for secrets."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from infra_mind.agents.security.literals import Literal, Reader, literals
from infra_mind.agents.security.secrets import may_hold_secret
from infra_mind.artefacts import yaml
from infra_mind.artefacts.downloaded import is_downloaded
from infra_mind.artefacts.parsed import Unreadable
from infra_mind.model.inventory import Artefact, Format, Lines, Resource

_MODULE = re.compile(r'^\s*module\s+"?([\w-]+)"?\s*\{')
_REQUIRED = re.compile(r"^\s*required_providers\s*\{")
_ENTRY = re.compile(r'^\s*"?([\w-]+)"?\s*=\s*(\{|"([^"]*)")')
_DECLARES = re.compile(r'^\s*(variable|locals|output|ephemeral)\b\s*(?:"?([\w-]+)"?)?[^={]*\{')
_LITERAL = re.compile(r'^\s*(source|version)\s*=\s*"([^"]*)"')
_INLINE = re.compile(r'\b(source|version)\s*=\s*"([^"]*)"')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"^\s*(?:#|//)")


DECLARED = frozenset({"module", "variable", "locals", "output", "ephemeral", "tfvars"})  # kinds with literals
_LOOKED_AT = 20  # times that a line may be looked at for the end of a block
Found = tuple[tuple[str, ...], str, Lines]  # names from the outermost, text, where


def declarations(artefacts: Mapping[str, Artefact]) -> list[Resource]:
    """Resources of all `.tf` and `.tfvars` files and their JSON forms, in order of path and line."""
    found: list[Resource] = []
    folders = {path.rpartition("/")[0] or "." for path in artefacts if path.endswith((".tf", ".tf.json"))}
    for path in sorted(artefacts):
        content = artefacts[path].content
        if not content or is_downloaded(path):  # nobody here wrote it
            continue
        if path.endswith(".tf"):
            found += _of_file(path, content, folders)
        elif path.endswith((".tfvars", ".json")) and may_hold_secret(content):
            found += _values(path, content)
    return found


def _of_file(path: str, content: str, folders: set[str]) -> Iterator[Resource]:
    lines = content.split("\n")
    reader = Reader(content) if may_hold_secret(content) else None
    start, left = 0, _LOOKED_AT * len(lines)
    for index, line in enumerate(lines):
        if module := _MODULE.match(line):
            end = _end(lines, index)
            left -= end - index
            yield _module(path, module.group(1), lines, index, end, reader, start, folders)
        elif _REQUIRED.match(line):
            end = _end(lines, index)
            left -= end - index
            yield from _providers(path, lines, index, end)
        elif reader and start >= reader.at and (declared := _DECLARES.match(line)):
            kind, name = declared.group(1), declared.group(2) or ""
            found = [_declared(kind, name, literal) for literal in reader.read(start, block=True)]
            yield from _with_literals(path, kind, name or kind, index + 1, [f for f in found if f])
        if left < 0:
            return  # blocks that never close: no file that Terraform would take
        start += len(line) + 1


def _declared(kind: str, name: str, literal: Literal) -> Found | None:
    """A literal under the name by which it is known: the variable's or the output's, not `default` or `value`."""
    path = literal.path
    if path[0] in ("description", "error_message", "type"):
        return None
    if (kind, path[0]) in (("variable", "default"), ("output", "value")):
        path = (name, *path[1:])
    return path, literal.text, Lines(start=literal.line, end=literal.line_end)


def _values(path: str, content: str) -> Iterator[Resource]:
    if path.endswith(".tfvars"):
        found = [(i.path, i.text, Lines(start=i.line, end=i.line_end)) for i in literals(content)]
        yield from _with_literals(path, "tfvars", "values", 1, found)
    elif path.endswith(".tfvars.json"):
        yield from _with_literals(path, "tfvars", "values", 1, list(_json(path, content)))
    elif path.endswith(".tf.json"):
        sections: dict[str, list[Found]] = defaultdict(list)
        for names, text, where in _json(path, content):
            if names[0] in DECLARED:
                known = tuple(n for n in names[1:] if n not in ("default", "value"))
                sections[names[0]].append((known or names, text, where))
        for kind in sorted(sections):
            yield from _with_literals(path, kind, kind, 1, sections[kind])


def _json(path: str, content: str) -> Iterator[Found]:
    try:
        documents = yaml.load_documents(content, name=path)
    except Unreadable:
        return  # the reader of the file has said so
    for document in documents[:1]:
        for names, text in _texts(document.data, ()):
            where = document.lines.get(
                ".".join(names), Lines(start=document.line_start, end=document.line_end)
            )
            if names:
                yield names, text, where


def _texts(value: object, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield names, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*names, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*names, str(index)))


def _with_literals(path: str, kind: str, name: str, line: int, found: list[Found]) -> Iterator[Resource]:
    """One resource for all literals of a block or a file; none if there are none."""
    values: dict[str, str] = {}
    where: dict[str, Lines] = {}
    for names, text, lines in found:
        key = ".".join(names)
        key = key if key not in values else ".".join((*names[:-1], str(len(values)), names[-1]))
        values[key], where[key] = text, lines
    if values:
        last = max(lines.end for lines in where.values())
        yield _resource(path, kind, name, values, where, line - 1, max(line, last) - 1)


def _end(lines: list[str], start: int) -> int:
    """The index of the line on which the block that opens on `start` closes."""
    depth = 0
    for index in range(start, len(lines)):
        bare = "" if _COMMENT.match(lines[index]) else _QUOTED.sub("", lines[index])
        depth += bare.count("{") - bare.count("}")
        if depth <= 0:
            return index
    return len(lines) - 1


def _module(
    path: str, name: str, lines: list[str], index: int, end: int, reader: Reader | None, start: int, folders: set[str]
) -> Resource:  # fmt: skip
    values, where, depth = {}, {}, 0
    for at in range(index, end + 1):
        if depth == 1 and (match := _LITERAL.match(lines[at])):
            values[match.group(1)] = match.group(2)
            where[match.group(1)] = Lines(start=at + 1, end=at + 1)
        bare = _QUOTED.sub("", lines[at])
        depth += bare.count("{") - bare.count("}")
    if reader and start >= reader.at and not _is_here(path, values.get("source", ""), folders):
        for literal in reader.read(start, block=True):
            key = ".".join(literal.path)
            if key not in values:
                values[key], where[key] = literal.text, Lines(start=literal.line, end=literal.line_end)
    return _resource(path, "module", name, values, where, index, end)


def _is_here(path: str, source: str, folders: set[str]) -> bool:
    """True if the module's own files were handed in: then what it makes of an argument is judged there."""
    folder = path.rpartition("/")[0]
    return source.startswith(".") and posixpath.normpath(f"{folder}/{source}".lstrip("/")) in folders


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
