"""How many there are of a block: what `count` and `for_each` make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra_mind.artefacts.terraform.configuration import Declared
from infra_mind.artefacts.terraform.expressions import Scope, settled
from infra_mind.artefacts.terraform.values import EvaluationError, Unknown, as_number, encoded

MOST_INSTANCES = 100  # of one `count` or `for_each`; more become one resource that says how many


@dataclass(frozen=True)
class Instance:
    """One of `count` or `for_each`: suffix of its address, its bindings, and how many it stands for."""

    suffix: str
    bindings: Mapping[str, Any]
    count: int | None = 1


def instances(declared: Declared, scope: Scope) -> list[Instance]:
    """The instances of a resource or module block."""
    body = declared.block.body
    if count := body.attribute("count"):
        return _counted(settled(count.value, scope))
    if each := body.attribute("for_each"):
        return _keyed(settled(each.value, scope))
    return [Instance("", {})]


def _counted(value: Any) -> list[Instance]:
    try:
        number = None if isinstance(value, Unknown) else int(as_number(value))
    except EvaluationError:
        number = None
    if number is None or number > MOST_INSTANCES:
        return [Instance("", {"count": {"index": Unknown("count.index")}}, number)]
    return [Instance(f"[{i}]", {"count": {"index": i}}) for i in range(max(number, 0))]


def _keyed(value: Any) -> list[Instance]:
    pairs: list[tuple[Any, Any]] | None = None
    if isinstance(value, dict):
        pairs = sorted(value.items())
    elif isinstance(value, list) and all(isinstance(v, str) for v in value):
        pairs = [(v, v) for v in sorted(set(value))]
    if pairs is None or len(pairs) > MOST_INSTANCES:
        each = {"key": Unknown("each.key"), "value": Unknown("each.value")}
        return [Instance("", {"each": each}, len(pairs) if pairs is not None else None)]
    return [Instance(f"[{encoded(k)}]", {"each": {"key": k, "value": v}}) for k, v in pairs]


def is_repeated(declared: Declared) -> bool:
    """Whether the block has a `count` or a `for_each`."""
    return any(declared.block.body.attribute(n) for n in ("count", "for_each"))


def times(left: int | None, right: int | None) -> int | None:
    """How many of so many each; None where one of the two is not known."""
    return None if left is None or right is None else left * right
