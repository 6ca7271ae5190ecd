"""Values of the evaluation: plain data, with `Unknown` where only apply time knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra_mind.model.inventory import unresolvable

MAX_NODES = 100_000  # of one value; a chain of locals can double it at every step
MAX_TEXT = 2 * 1024 * 1024


class EvaluationError(ValueError):
    """The expression has no value: a missing key, a wrong type. `try()` goes on to its next argument."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Known at apply time only; `reason` is the reference (`aws_vpc.main.id`) or why."""

    reason: str


def first_unknown(value: Any) -> Unknown | None:
    """An unknown anywhere in the value, None if it is known whole."""
    return next((v for v in _leaves(value) if isinstance(v, Unknown)), None)


def _leaves(value: Any) -> Iterator[Any]:
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            stack += reversed(here.values())
        elif isinstance(here, list):
            stack += reversed(here)
        else:
            yield here


def cost_of(value: Any) -> int | None:
    """How much of a budget the value takes: its nodes and a share for its text; None when it is too large to go on with."""
    nodes = characters = 0
    stack = [value]
    while stack:
        here = stack.pop()
        nodes += 1
        if isinstance(here, dict):
            stack += here.values()
            characters += sum(map(len, here))
        elif isinstance(here, list):
            stack += here
        elif isinstance(here, str):
            characters += len(here)
        if nodes + len(stack) > MAX_NODES or characters > MAX_TEXT:
            return None
    return nodes + characters // 16


def as_data(value: Any) -> Any:
    """JSON-like data with the marker of the inventory for what is unknown."""
    if isinstance(value, Unknown):
        return unresolvable(value.reason)
    if isinstance(value, dict):
        return {str(k): as_data(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_data(v) for v in value]
    return value


def as_text(value: Any) -> str:
    """As Terraform turns a value into text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, str | int):
        return str(value)
    raise EvaluationError("not a text, number or boolean")


def as_number(value: Any) -> int | float:
    """A number, or a text that is one."""
    if isinstance(value, bool) or value is None:
        raise EvaluationError("not a number")
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) < 40:
        try:
            number = float(value)
        except ValueError:
            raise EvaluationError("not a number") from None
        if number == number and abs(number) != float("inf"):
            return int(number) if number.is_integer() and "e" not in value.lower() else number
    raise EvaluationError("not a number")


def as_boolean(value: Any) -> bool:
    """A boolean, or its text."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise EvaluationError("not a boolean")


def as_list(value: Any) -> list[Any]:
    """A list; of a map its values in order of key."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value[k] for k in sorted(value)]
    raise EvaluationError("not a list")


def as_map(value: Any) -> dict[str, Any]:
    """A map."""
    if isinstance(value, dict):
        return value
    raise EvaluationError("not a map")


def distinct(values: list[Any]) -> list[Any]:
    """Without doubles, order kept; in linear time."""
    seen: dict[str, Any] = {}
    for value in values:
        seen.setdefault(json.dumps(as_data(value), sort_keys=True), value)
    return list(seen.values())


def as_set(value: Any) -> list[Any]:
    """A set: a list without doubles, texts in order as Terraform keeps them."""
    values = distinct(as_list(value))
    if all(isinstance(v, str) for v in values):
        return sorted(values)
    return values


def encoded(value: Any) -> str:
    """`jsonencode`: compact, keys in order; unknown parts as the inventory's marker, so that the rest can be read."""
    return json.dumps(as_data(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
