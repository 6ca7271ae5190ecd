"""Terraform's functions on lists, sets and maps; `functions` says which of them take unknown parts."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from infra_mind.artefacts.terraform.values import (
    MAX_NODES,
    EvaluationError,
    Unknown,
    as_list,
    as_map,
    as_number,
    as_set,
    as_text,
    encoded,
)


def merge(*maps: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for each in maps:
        merged.update(as_map(each) if each is not None else {})
    return merged


def concat(*lists: Any) -> list[Any]:
    return [v for each in lists for v in as_list(each)]


def lookup(values: Any, key: Any, *default: Any) -> Any:
    found = as_map(values)
    if as_text(key) in found:
        return found[as_text(key)]
    if not default:
        raise EvaluationError(f"no key {key!r}")
    return default[0]


def element(values: Any, index: Any) -> Any:
    items = as_list(values)
    return items[int(as_number(index)) % len(items)]


def flatten(values: Any) -> list[Any] | Unknown:
    found: list[Any] = []
    stack = list(reversed(as_list(values)))
    while stack:
        here = stack.pop()
        if isinstance(here, list):
            stack += reversed(here)
        else:
            found.append(here)
    unknown = next((v for v in found if isinstance(v, Unknown)), None)
    return unknown or found  # an unknown may be a list of any length


def range_(*limits: Any) -> list[int]:
    numbers = range(*(int(as_number(v)) for v in limits))
    if len(numbers) > 1024:  # Terraform's own limit
        raise EvaluationError("range() of more than 1024")
    return list(numbers)


def zipmap(keys: Any, values: Any) -> dict[str, Any]:
    return dict(zip((as_text(k) for k in as_list(keys)), as_list(values), strict=True))


def setproduct(*lists: Any) -> list[Any]:
    sizes = [as_list(each) for each in lists]
    if math.prod(map(len, sizes)) > MAX_NODES // 10:
        raise EvaluationError("setproduct() that is too large")
    return [list(row) for row in product(*sizes)]


def _keys(values: Any) -> set[str]:
    return {encoded(v) for v in as_list(values)}


def setintersection(first: Any, *others: Any) -> list[Any]:
    kept = as_list(first)
    for other in others:
        keys = _keys(other)
        kept = [v for v in kept if encoded(v) in keys]
    return as_set(kept)


def setsubtract(first: Any, other: Any) -> list[Any]:
    keys = _keys(other)
    return as_set([v for v in as_list(first) if encoded(v) not in keys])


def matchkeys(values: Any, keys: Any, wanted: Any) -> list[Any]:
    found = _keys(wanted)
    return [v for v, k in zip(as_list(values), as_list(keys), strict=True) if encoded(k) in found]


def slice_(values: Any, start: Any, end: Any) -> list[Any]:
    return as_list(values)[int(as_number(start)) : int(as_number(end))]


def length(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise EvaluationError("length() of neither a text nor a collection")


def index(values: Any, wanted: Any) -> int:
    return as_list(values).index(wanted)


def coalesce(*values: Any) -> Any:
    for value in values:
        if isinstance(value, Unknown) or value not in (None, ""):
            return value
    raise EvaluationError("coalesce() of nothing but null")


def coalescelist(*values: Any) -> Any:
    for value in values:
        if isinstance(value, Unknown) or value:
            return value
    raise EvaluationError("coalescelist() of nothing but empty lists")


def one(values: Any) -> Any:
    items = as_list(values)
    if len(items) > 1:
        raise EvaluationError("one() of several")
    return items[0] if items else None


def chunklist(values: Any, size: Any) -> list[Any]:
    items, width = as_list(values), int(as_number(size))
    return [items[i : i + width] for i in range(0, len(items), width)]


def transpose(values: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, texts in as_map(values).items():
        for text in as_list(texts):
            found.setdefault(as_text(text), []).append(key)
    return {k: sorted(found[k]) for k in sorted(found)}


def contains(values: Any, wanted: Any) -> bool:
    return wanted in as_list(values)
