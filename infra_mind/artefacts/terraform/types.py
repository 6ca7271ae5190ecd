"""What the declared type of a variable makes of a value: optional attributes of objects that are absent or null take their default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra_mind.artefacts.terraform.syntax import Call, Expression, Object, reference_text
from infra_mind.artefacts.terraform.values import Unknown

Evaluate = Callable[[Expression], Any]


def converted(value: Any, declared: Expression, evaluate: Evaluate) -> Any:
    """The value with what its type fills in, at every depth. Attributes that the type does not name are kept; a value of another shape,
    and one that apply time knows, comes back as it is."""
    if (
        value is None
        or isinstance(value, Unknown)
        or not isinstance(declared, Call)
        or not declared.arguments
    ):
        return value
    inner = declared.arguments[0]
    if declared.function in ("list", "set") and isinstance(value, list):
        return [converted(item, inner, evaluate) for item in value]
    if declared.function == "map" and isinstance(value, dict):
        return {key: converted(item, inner, evaluate) for key, item in value.items()}
    if declared.function == "object" and isinstance(value, dict) and isinstance(inner, Object):
        return _object(value, inner, evaluate)
    return value


def _object(value: dict[str, Any], attributes: Object, evaluate: Evaluate) -> dict[str, Any]:
    found = dict(value)
    for item in attributes.items:
        name, declared = reference_text(item.key), item.value
        if isinstance(declared, Call) and declared.function == "optional" and declared.arguments:
            given = found.get(name)
            if given is None and len(declared.arguments) > 1:
                given = evaluate(declared.arguments[1])
            found[name] = converted(given, declared.arguments[0], evaluate)
        elif name in found:
            found[name] = converted(found[name], declared, evaluate)
    return found
