"""Strict YAML and JSON: plain data with line numbers, and no way to blow up memory or stack.

Works on the parser's events, so that a document is refused for its aliases, its depth or its size before anything of it
is built. Two dialects of plain scalars:

"1.2"  the core schema of YAML 1.2: `true` and `false` alone are booleans, `1e9` is a float (briefs).
"1.1"  what the Go readers of Kubernetes and compose take: also `yes no on off`, and `0644` is octal.

In both a date stays text, and so does a number that is not finite.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml as pyyaml

from infra_mind.artefacts.parsed import Unreadable
from infra_mind.model.inventory import Lines
from infra_mind.settings import IntakeLimits

Dialect = Literal["1.1", "1.2"]

_LOADER: Any = getattr(
    pyyaml, "CSafeLoader", pyyaml.SafeLoader
)  # libyaml where the wheel has it: 10 times faster
_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"
_LONGEST_INT = 40  # digits; longer ones are identifiers, and int() of them costs quadratic time
_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_BASED = {"0x": 16, "0o": 8}
_WORDS_1_2: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WORDS_1_1: dict[str, bool | None] = {
    **_WORDS_1_2,
    **dict.fromkeys(("yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("no", "No", "NO", "off", "Off", "OFF"), False),
}


@dataclass(frozen=True)
class YamlDocument:
    """One document of a stream. `lines` maps dotted paths into `data` (`spec.ports.0.name`) to where they stand."""

    data: Any
    line_start: int
    line_end: int
    lines: dict[str, Lines]


@dataclass
class _Node:
    """A value as written: scalar, list of nodes, or pairs; `weight` counts nodes with aliases expanded."""

    value: Any
    start: int
    end: int
    weight: int = 1
    height: int = 1
    complete: bool = True
    plain_merge: bool = False
    key_lines: dict[str, int] = field(default_factory=dict)


def load(text: str, *, name: str, limits: IntakeLimits | None = None, dialect: Dialect = "1.2") -> Any:
    """One YAML or JSON document as plain data (dict with text keys, list, str, int, float, bool, None).

    Raises `ArtefactRefused(name, "line 3: ...")` for broken YAML, a key given twice, more than one document,
    an unsafe tag, and for what is over the limits of nodes, depth or aliases."""
    documents = load_documents(text, name=name, limits=limits, dialect=dialect)
    if len(documents) > 1:
        raise Unreadable(name, "more than one YAML document; give one", documents[1].line_start)
    return documents[0].data if documents else None


def load_documents(
    text: str, *, name: str, limits: IntakeLimits | None = None, dialect: Dialect = "1.1"
) -> list[YamlDocument]:
    """Every document of a stream, empty ones left out. Errors as for `load`."""
    limits = limits or IntakeLimits()
    try:
        nodes = list(_Reader(name, limits, dialect).documents(text))
    except Unreadable as error:
        found = _as_json(text, name, limits)
        if found is None:
            raise
        if isinstance(found, Unreadable):
            raise found from error
        return [found]
    return [_document(node) for node in nodes if node.value is not None]


def load_json(text: str, *, name: str, limits: IntakeLimits | None = None) -> YamlDocument:
    """One JSON document without its lines, in a tenth of the time. Errors as for `load`."""
    limits = limits or IntakeLimits()
    found = _as_json(text, name, limits)
    if isinstance(found, Unreadable):
        raise found
    if found is None:
        documents = load_documents(text, name=name, limits=limits, dialect="1.2")
        if len(documents) != 1:
            raise Unreadable(name, "not one JSON document", 1)
        return documents[0]
    return found


def _document(node: _Node) -> YamlDocument:
    lines: dict[str, Lines] = {}
    data = _build(node, "", lines)
    return YamlDocument(data, node.start, node.end, lines)


def _build(node: _Node, path: str, lines: dict[str, Lines]) -> Any:
    prefix = f"{path}." if path else ""
    if isinstance(node.value, list):
        for i, item in enumerate(node.value):
            lines[f"{prefix}{i}"] = Lines(start=item.start, end=item.end)
        return [_build(item, f"{prefix}{i}", lines) for i, item in enumerate(node.value)]
    if isinstance(node.value, dict):
        for key, item in node.value.items():
            lines[f"{prefix}{key}"] = Lines(start=node.key_lines[key], end=item.end)
        return {key: _build(item, f"{prefix}{key}", lines) for key, item in node.value.items()}
    return node.value


class _Reader:
    """Builds nodes from events with an explicit stack: no recursion on hostile depth."""

    def __init__(self, name: str, limits: IntakeLimits, dialect: Dialect) -> None:
        self._name, self._limits = name, limits
        self._words = _WORDS_1_1 if dialect == "1.1" else _WORDS_1_2
        self._octal_by_zero = dialect == "1.1"
        self._nodes = self._aliases = 0
        self._anchors: dict[str, _Node] = {}

    def documents(self, text: str) -> Iterator[_Node]:
        try:
            yield from self._documents(text)
        except pyyaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = error.problem or error.context or "not valid YAML"
            raise Unreadable(self._name, what, mark.line + 1 if mark else None) from error
        except (pyyaml.YAMLError, UnicodeError, ValueError) as error:
            raise Unreadable(self._name, _first_line(error)) from error

    def _documents(self, text: str) -> Iterator[_Node]:
        stack: list[tuple[_Node, list[_Node]]] = []
        events: Iterator[Any] = pyyaml.parse(text, Loader=_LOADER)
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, pyyaml.DocumentStartEvent):
                self._anchors = {}
            elif isinstance(event, pyyaml.SequenceStartEvent | pyyaml.MappingStartEvent):
                stack.append((self._open(event, line, len(stack)), []))
            elif isinstance(event, pyyaml.ScalarEvent | pyyaml.AliasEvent):
                node = (
                    self._scalar(event, line)
                    if isinstance(event, pyyaml.ScalarEvent)
                    else self._alias(event, line)
                )
                if not stack:
                    yield node
                else:
                    self._append(stack, node, line)
            elif isinstance(event, pyyaml.SequenceEndEvent | pyyaml.MappingEndEvent):
                node, children = stack.pop()
                self._close(node, children, isinstance(event, pyyaml.MappingEndEvent), line)
                if not stack:
                    yield node
                else:
                    self._append(stack, node, line)

    def _append(self, stack: list[tuple[_Node, list[_Node]]], node: _Node, line: int) -> None:
        parent, children = stack[-1]
        children.append(node)
        parent.weight += node.weight
        parent.height = max(parent.height, node.height + 1)
        if parent.weight > self._limits.max_yaml_nodes:
            raise Unreadable(
                self._name,
                f"more than {self._limits.max_yaml_nodes} values once its aliases are expanded",
                line,
            )
        if len(stack) + node.height > self._limits.max_depth:
            raise self._too_deep(line)

    def _too_deep(self, line: int) -> Unreadable:
        return Unreadable(self._name, f"nested more than {self._limits.max_depth} levels deep", line)

    def _count(self, line: int) -> None:
        self._nodes += 1
        if self._nodes > self._limits.max_yaml_nodes:
            raise Unreadable(self._name, f"more than {self._limits.max_yaml_nodes} values", line)

    def _open(self, event: Any, line: int, depth: int) -> _Node:
        self._count(line)
        if depth + 1 > self._limits.max_depth:
            raise self._too_deep(line)
        mapping = isinstance(event, pyyaml.MappingStartEvent)
        if event.tag not in (None, "!", _TAG + ("map" if mapping else "seq")):
            raise Unreadable(self._name, f"the tag {event.tag} is not allowed", line)
        node = _Node({} if mapping else [], line, line, complete=False)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _close(self, node: _Node, children: list[_Node], mapping: bool, line: int) -> None:
        node.complete = True
        node.end = max((c.end for c in children), default=line)
        if mapping:
            self._fill(node, list(zip(children[::2], children[1::2], strict=True)))
        else:
            node.value = children

    def _fill(self, node: _Node, pairs: list[tuple[_Node, _Node]]) -> None:
        node.end = node.start
        merged: list[_Node] = []
        for key, item in pairs:
            node.end = max(node.end, key.end, item.end if item.start >= key.start else key.end)
            if key.plain_merge:
                merged += item.value if isinstance(item.value, list) else [item]
                continue
            text = self._key(key)
            if text in node.value:
                first = node.key_lines[text]
                raise Unreadable(
                    self._name, f"the key {text!r} is given twice (first on line {first})", key.start
                )
            node.value[text], node.key_lines[text] = item, key.start
        self._merge(node, merged)

    def _merge(self, node: _Node, merged: list[_Node]) -> None:
        for source in merged:
            if not isinstance(source.value, dict):
                raise Unreadable(self._name, "only a mapping can be merged with <<", source.start)
            for key, item in source.value.items():
                if key not in node.value:
                    node.value[key], node.key_lines[key] = item, source.key_lines[key]

    def _key(self, key: _Node) -> str:
        if isinstance(key.value, dict | list):
            raise Unreadable(self._name, "a key must be a text or a number", key.start)
        if key.value is None or isinstance(key.value, bool):
            return json.dumps(key.value)
        return str(key.value)

    def _alias(self, event: Any, line: int) -> _Node:
        self._aliases += 1
        if self._aliases > self._limits.max_yaml_aliases:
            raise Unreadable(self._name, f"more than {self._limits.max_yaml_aliases} aliases", line)
        node = self._anchors.get(event.anchor)
        if node is None:
            raise Unreadable(self._name, f"the alias *{event.anchor} has no anchor before it", line)
        if not node.complete:
            raise Unreadable(self._name, f"the alias *{event.anchor} stands inside itself", line)
        return node

    def _scalar(self, event: Any, line: int) -> _Node:
        self._count(line)
        end = event.end_mark.line + 1
        if event.end_mark.column == 0 and end > line:
            end -= 1  # a block scalar's end mark stands on the line after it
        plain = event.style is None or event.style == ""
        node = _Node(self._value(event, plain, line), line, end)
        node.plain_merge = plain and event.tag is None and event.value == _MERGE
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _value(self, event: Any, plain: bool, line: int) -> Any:
        text: str = event.value
        if event.tag in (None, _TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"):
            return self._plain(text) if plain or event.tag is not None else text
        if event.tag in ("!", _TAG + "str", _TAG + "timestamp"):
            return text
        raise Unreadable(self._name, f"the tag {event.tag} is not allowed", line)

    def _plain(self, text: str) -> Any:
        if text in self._words:
            return self._words[text]
        if text[0] not in "+-.0123456789":
            return text
        return _number(text, self._octal_by_zero)


def _number(text: str, octal_by_zero: bool) -> Any:
    if len(text) > _LONGEST_INT:
        return text
    if text[:2] in _BASED:
        try:
            return int(text[2:], _BASED[text[:2]]) if text[2:].isalnum() else text
        except ValueError:
            return text
    if _INT.match(text):
        digits = text.lstrip("+-")
        if octal_by_zero and len(digits) > 1 and digits[0] == "0" and not set(digits) - set("01234567"):
            return int(text, 8)
        return int(text)
    if _FLOAT.match(text):
        value = float(text)
        return value if math.isfinite(value) else text
    return text


def _as_json(text: str, name: str, limits: IntakeLimits) -> YamlDocument | Unreadable | None:
    """JSON that YAML cannot take (escaped surrogate pairs, tabs), without lines; None when it is not JSON either."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        data = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=str, parse_float=_finite)
        nodes = _weigh(data, limits)
        if nodes is None and "\\u" in text:
            json.dumps(data, ensure_ascii=False).encode()
    except _DoubledKeyError as error:
        return Unreadable(name, f"the key {str(error)!r} is given twice")
    except UnicodeEncodeError:
        return Unreadable(name, "a lone surrogate (half of a character) in a text")
    except (ValueError, RecursionError):
        return None
    if nodes is not None:
        return Unreadable(name, nodes)
    return YamlDocument(data, 1, text.count("\n") + 1, {})


def _finite(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else text


class _DoubledKeyError(Exception):
    """A key of a JSON object given twice."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DoubledKeyError(key)
        found[key] = value
    return found


def _weigh(data: Any, limits: IntakeLimits) -> str | None:
    """What limit the data breaks, None if none."""
    count, layer, depth = 0, [data], 0
    while layer:
        count, depth = count + len(layer), depth + 1
        if count > limits.max_yaml_nodes:
            return f"more than {limits.max_yaml_nodes} values"
        if depth > limits.max_depth:
            return f"nested more than {limits.max_depth} levels deep"
        layer = [
            c
            for v in layer
            for c in (v.values() if isinstance(v, dict) else v if isinstance(v, list) else ())
        ]
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
