"""A syntax tree as one flat list of plain values, for the way from the process that parsed it to the one that resolves it.

Nothing is nested in it, so that a deep tree is not deeper here. Each node is its letter and then its fields; a tuple is its length and then its members;
`Lines` are two numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from infra_mind.artefacts.terraform.syntax import (
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Conditional,
    For,
    GetAttribute,
    GetIndex,
    Item,
    Literal,
    Name,
    Object,
    Splat,
    Template,
    TemplateFor,
    TemplateIf,
    Traversal,
    Tuple,
    Unary,
)
from infra_mind.model.inventory import Lines

# How a field travels: as it is, a node, a node or None, and tuples of plain values, nodes, lines and (operator, operand)
_PLAIN, _NODE, _MAYBE, _WORDS, _NODES, _LINES, _ALL_LINES, _CHAIN = range(8)
_NODE_FIELDS: dict[type, tuple[tuple[str, int], ...]] = {
    Literal: (("value", _PLAIN),),
    Name: (("name", _PLAIN),),
    Template: (("parts", _NODES), ("document", _PLAIN)),
    TemplateIf: (("condition", _NODE), ("then", _NODE), ("otherwise", _NODE)),
    TemplateFor: (("key", _PLAIN), ("value", _PLAIN), ("collection", _NODE), ("body", _NODE)),
    GetAttribute: (("name", _PLAIN),),
    GetIndex: (("index", _NODE),),
    Splat: (("steps", _NODES),),
    Traversal: (("root", _NODE), ("steps", _NODES)),
    Call: (("function", _PLAIN), ("arguments", _NODES), ("expand_last", _PLAIN)),
    Item: (("key", _NODE), ("value", _NODE), ("lines", _LINES)),
    Object: (("items", _NODES),),
    Tuple: (("items", _NODES), ("lines", _ALL_LINES)),
    Binary: (("first", _NODE), ("rest", _CHAIN)),
    Unary: (("operator", _PLAIN), ("operand", _NODE)),
    Conditional: (("condition", _NODE), ("then", _NODE), ("otherwise", _NODE)),
    For: (("key", _PLAIN), ("value", _PLAIN), ("collection", _NODE), ("result_key", _MAYBE), ("result", _NODE), ("condition", _MAYBE), ("group", _PLAIN)),
    Attribute: (("name", _PLAIN), ("value", _NODE), ("lines", _LINES)),
    Block: (("type", _PLAIN), ("labels", _WORDS), ("body", _NODE), ("lines", _LINES)),
    Body: (("attributes", _NODES), ("blocks", _NODES)),
}  # fmt: skip
_LETTERS = "LNTIFaisRCmOUB1?4AKb"
_LETTER = dict(zip(_NODE_FIELDS, _LETTERS, strict=True))
_OF_LETTER = {letter: (kind, tuple(how for _, how in _NODE_FIELDS[kind])) for kind, letter in _LETTER.items()}


def packed(body: Body) -> list[Any]:
    """The tree as a list of text, numbers, booleans, None, and whatever data a literal holds."""
    out: list[Any] = []
    _pack(body, out.append)
    return out


def _pack(node: Any, put: Callable[[Any], None]) -> None:
    kind = type(node)
    put(_LETTER[kind])
    for name, how in _NODE_FIELDS[kind]:
        value = getattr(node, name)
        if how == _PLAIN:
            put(value)
        elif how == _NODE or (how == _MAYBE and value is not None):
            _pack(value, put)
        elif how == _MAYBE:
            put("")
        elif how == _LINES:
            put(value.start)
            put(value.end)
        else:
            put(len(value))
            _pack_all(value, how, put)


def _pack_all(values: Iterable[Any], how: int, put: Callable[[Any], None]) -> None:
    for value in values:
        if how == _NODES:
            _pack(value, put)
        elif how == _WORDS:
            put(value)
        elif how == _ALL_LINES:
            put(value.start)
            put(value.end)
        else:
            put(value[0])
            _pack(value[1], put)


def unpacked(values: Iterable[Any]) -> Body:
    """The tree of a list that `packed` gave."""
    take = iter(values).__next__
    body: Body = _unpack(take(), take)
    return body


def _unpack(letter: str, take: Callable[[], Any]) -> Any:
    kind, fields = _OF_LETTER[letter]
    found: list[Any] = []
    for how in fields:
        if how == _PLAIN:
            found.append(take())
        elif how == _NODE:
            found.append(_unpack(take(), take))
        elif how == _NODES:
            found.append(tuple([_unpack(take(), take) for _ in range(take())]))
        elif how == _LINES:
            found.append(_lines(take))
        elif how == _MAYBE:
            there = take()
            found.append(_unpack(there, take) if there else None)
        elif how == _WORDS:
            found.append(tuple([take() for _ in range(take())]))
        elif how == _ALL_LINES:
            found.append(tuple([_lines(take) for _ in range(take())]))
        else:
            found.append(tuple([(take(), _unpack(take(), take)) for _ in range(take())]))
    return kind(*found)


def _lines(take: Callable[[], Any]) -> Lines:
    return Lines(start=take(), end=take())
