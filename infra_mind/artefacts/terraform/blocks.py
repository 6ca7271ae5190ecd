"""A block's body → plain values and the lines of each, with `dynamic` blocks written out."""

from __future__ import annotations

from typing import Any

from infra_mind.artefacts.terraform.expressions import Scope, settled
from infra_mind.artefacts.terraform.syntax import (
    Attribute,
    Block,
    Body,
    Expression,
    Literal,
    Object,
    Tuple,
    reference_text,
)
from infra_mind.artefacts.terraform.values import Unknown, as_data
from infra_mind.model.inventory import Lines, unresolvable

# Arguments that name things instead of holding values
_REFERENCES = frozenset({"depends_on", "provider", "providers", "ignore_changes", "replace_triggered_by"})
_NOT_VALUES = frozenset({"count", "for_each"})
_MOST_BLOCKS = 1_000  # of one `dynamic`


class Values:
    """Collects `values` and `lines` of one block; see `Resource` for their shape."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.lines: dict[str, Lines] = {}

    def of(self, body: Body, prefix: str = "", scope: Scope | None = None) -> dict[str, Any]:
        """Values of a body; `lines` gets the dotted paths below `prefix`."""
        scope = scope or self._scope
        found: dict[str, Any] = {}
        for attribute in body.attributes:
            if attribute.name in _NOT_VALUES and not prefix:
                continue
            value = self._value(attribute, scope)
            if value is not None:  # null is Terraform's way to leave an argument out
                found[attribute.name] = value
                self._note(attribute.value, f"{prefix}{attribute.name}", attribute.lines)
        for block in body.blocks:
            self._add_block(found, block, prefix, scope)
        return found

    def _value(self, attribute: Attribute, scope: Scope) -> Any:
        if attribute.name in _REFERENCES:
            return _references(attribute.value)
        value = settled(attribute.value, scope)
        if not scope.budget.charge(value):
            return unresolvable("a value that is too large")
        return as_data(value)

    def _note(self, expression: Expression, path: str, lines: Lines) -> None:
        self.lines[path] = lines
        if isinstance(expression, Object):
            for item in expression.items:
                if isinstance(item.key, Literal):
                    self._note(item.value, f"{path}.{item.key.value}", item.lines)
        elif isinstance(expression, Tuple):
            for i, (item_, where) in enumerate(zip(expression.items, expression.lines, strict=True)):
                self._note(item_, f"{path}.{i}", where)

    def _add_block(self, found: dict[str, Any], block: Block, prefix: str, scope: Scope) -> None:
        if block.type == "dynamic" and len(block.labels) == 1:
            self._add_dynamic(found, block, prefix, scope)
            return
        self._append(found, block.type, block.labels, block.body, block.lines, prefix, scope)

    def _append(
        self,
        found: dict[str, Any],
        name: str,
        labels: tuple[str, ...],
        body: Body,
        lines: Lines,
        prefix: str,
        scope: Scope,
    ) -> None:
        there = found.setdefault(name, [])
        if not isinstance(
            there, list
        ):  # an argument of the same name: not valid Terraform, the argument stays
            return
        path = f"{prefix}{name}.{len(there)}"
        self.lines.setdefault(f"{prefix}{name}", lines)
        self.lines[path] = lines
        below = ".".join((path, *labels))
        values: dict[str, Any] = self.of(body, f"{below}.", scope)
        for label in reversed(labels):
            values = {label: values}
        there.append(values)

    def _add_dynamic(self, found: dict[str, Any], block: Block, prefix: str, scope: Scope) -> None:
        name = block.labels[0]
        each, content = (
            block.body.attribute("for_each"),
            next((b for b in block.body.blocks if b.type == "content"), None),
        )
        if each is None or content is None:
            return
        iterator = block.body.attribute("iterator")
        variable = reference_text(iterator.value) if iterator else name
        collection = settled(each.value, scope)
        if isinstance(collection, dict | list) and len(collection) <= _MOST_BLOCKS:
            pairs = (
                sorted(collection.items()) if isinstance(collection, dict) else [(v, v) for v in collection]
            )
            for key, value in pairs:
                inner = scope.bound({variable: {"key": key, "value": value}})
                self._append(found, name, (), content.body, block.lines, prefix, inner)
            return
        reason = collection.reason if isinstance(collection, Unknown) else "for_each of a dynamic block"
        there = found.setdefault(name, [])
        if isinstance(there, list):
            self.lines[f"{prefix}{name}.{len(there)}"] = block.lines
            there.append(unresolvable(reason))


def _references(expression: Expression) -> str | list[str] | dict[str, str]:
    if isinstance(expression, Tuple):
        return [reference_text(i) for i in expression.items]
    if isinstance(expression, Object):
        return {reference_text(i.key): reference_text(i.value) for i in expression.items}
    return reference_text(expression)
