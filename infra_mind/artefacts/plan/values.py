"""The values of one planned resource in the form that a `.tf` file gives them.

What apply time decides is a marker where the configuration sets it. Where it does not, the provider sets it, and it is left out as a
`.tf` file leaves it out: so the same resource is judged alike from both. Empty texts, lists and maps that nobody wrote are left out too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from infra_mind.artefacts.plan.configuration import Configuration, Declared, is_expression, listing, mapping
from infra_mind.model.inventory import unresolvable

LATER = "known after apply"
HIDDEN = "(sensitive)"
_NOTHING = object()
_ANY: tuple[Any, ...] = ({},)  # set by somebody, and nothing is known of how
_NOT_SET: tuple[Any, ...] = ()
_HASHED = ("user_data", "user_data_base64")  # providers plan their SHA-1 in place of the text
_HASH_LENGTH = 40


def is_hidden(value: Any) -> bool:
    """True for the marker of a value that Terraform calls sensitive and that is not written in the configuration."""
    return isinstance(value, dict) and any(str(reason).endswith(HIDDEN) for reason in value.values())


class Values:
    """Reads the instances of one block; what its configuration says is looked up once."""

    def __init__(self, configuration: Configuration, declared: Declared | None) -> None:
        self._configuration, self._declared = configuration, declared
        self._children: dict[tuple[int, str], tuple[Any, ...]] = {}
        self._reasons: dict[int, str] = {}
        self._targets: dict[str, tuple[str, ...]] | None = None

    def of(self, after: Any, unknown: Any, sensitive: Any) -> dict[str, Any]:
        """The values after apply. `unknown` and `sensitive` have the shape of `after`, with `true` where it applies."""
        found: dict[str, Any] = {}
        for key in _keys(after, unknown):
            value = self._value(
                mapping(after).get(key), _part(unknown, key), _part(sensitive, key), self._top(key)
            )
            if value is not _NOTHING:
                found[key] = value
        self._unhash(found)
        return found

    def left_out(self, unknown: Any) -> tuple[str, ...]:
        """What apply time decides and `of` leaves out: a `dynamic` block may be among it."""
        return tuple(key for key, value in mapping(unknown).items() if value is True and not self._top(key))

    def sets(self, name: str) -> bool:
        """True if the configuration names the attribute or block."""
        return self._declared is not None and name in self._declared.expressions

    def targets(self) -> dict[str, tuple[str, ...]]:
        """The blocks that each attribute refers to."""
        if self._targets is None:
            declared = self._declared
            every = {} if declared is None else {
                name: self._configuration.targets(declared, node) for name, node in declared.expressions.items()
            }  # fmt: skip
            self._targets = {name: blocks for name, blocks in every.items() if blocks}
        return self._targets

    def _top(self, key: str) -> tuple[Any, ...]:
        if self._declared is None:
            return _ANY
        if (0, key) not in self._children:
            there = self._declared.expressions
            self._children[0, key] = (there[key],) if key in there else _NOT_SET
        return self._children[0, key]

    def _below(self, nodes: tuple[Any, ...], key: str) -> tuple[Any, ...]:
        """What the configuration says of an attribute of a nested block, of all blocks of that name: their order may be another one."""
        if not nodes or nodes is _ANY:
            return nodes
        if (id(nodes), key) not in self._children:
            found: list[Any] = []
            for node in nodes:
                for block in listing(node) if isinstance(node, list) else [node]:
                    if isinstance(node, dict) and is_expression(node):
                        found.append(node)
                    elif key in mapping(block):
                        found.append(block[key])
            self._children[id(nodes), key] = tuple(found)
        return self._children[id(nodes), key]

    def _value(self, after: Any, unknown: Any, sensitive: Any, nodes: tuple[Any, ...]) -> Any:
        if unknown is True:
            return unresolvable(self._reason(nodes) or LATER) if nodes else _NOTHING
        if sensitive is True:
            return self._hidden(after, nodes)
        if isinstance(after, list) or isinstance(unknown, list):
            return self._list(listing(after), listing(unknown), listing(sensitive), nodes)
        if isinstance(after, dict) or isinstance(unknown, dict):
            return self._map(after, unknown, sensitive, nodes)
        if after is None or (after == "" and not _is_written(nodes)):
            return _NOTHING
        return after

    def _hidden(self, after: Any, nodes: tuple[Any, ...]) -> Any:
        """A sensitive value is kept where it stands in the configuration in the clear: then the secrets in it are looked for."""
        if after is None or not nodes:
            return _NOTHING
        if all(isinstance(node, dict) and "constant_value" in node for node in nodes):
            return after
        return unresolvable(f"{self._reason(nodes) or 'a value'} {HIDDEN}")

    def _map(self, after: Any, unknown: Any, sensitive: Any, nodes: tuple[Any, ...]) -> Any:
        found: dict[str, Any] = {}
        for key in _keys(after, unknown):
            value = self._value(
                mapping(after).get(key),
                mapping(unknown).get(key),
                mapping(sensitive).get(key),
                self._below(nodes, key),
            )
            if value is not _NOTHING:
                found[key] = value
        return found if found or _is_written(nodes) else _NOTHING

    def _list(
        self, after: list[Any], unknown: list[Any], sensitive: list[Any], nodes: tuple[Any, ...]
    ) -> Any:
        if not nodes and any(isinstance(item, dict) for item in (*after, *unknown)) and _has_true(unknown):
            nodes = _ANY  # blocks that are partly known and that the configuration does not name: a `dynamic` makes them
        found = []
        for n in range(max(len(after), len(unknown))):
            value = self._value(_item(after, n), _item(unknown, n), _item(sensitive, n), nodes)
            if value is not _NOTHING:
                found.append(value)
            elif isinstance(_item(after, n), dict):
                found.append({})  # an empty block is there all the same
        return found if found or _is_written(nodes) else _NOTHING

    def _reason(self, nodes: tuple[Any, ...]) -> str:
        if self._declared is None or nodes is _ANY:
            return ""
        if id(nodes) not in self._reasons:
            self._reasons[id(nodes)] = self._configuration.reason(self._declared, nodes)
        return self._reasons[id(nodes)]

    def _unhash(self, found: dict[str, Any]) -> None:
        for name in _HASHED:
            value = found.get(name)
            if (
                isinstance(value, str)
                and len(value) == _HASH_LENGTH
                and set(value) <= set("0123456789abcdef")
            ):
                node = mapping(self._declared.expressions.get(name)) if self._declared else {}
                written = node.get("constant_value")
                reason = self._reason(self._top(name)) or "only its hash is in the plan"
                found[name] = written if isinstance(written, str) else unresolvable(reason)


def _keys(after: Any, unknown: Any) -> Iterable[str]:
    known = mapping(after)
    return (
        *known,
        *(key for key, value in mapping(unknown).items() if key not in known and value is not False),
    )


def _part(value: Any, key: str) -> Any:
    return True if value is True else mapping(value).get(key)


def _item(values: list[Any], n: int) -> Any:
    return values[n] if n < len(values) else None


def _is_written(nodes: tuple[Any, ...]) -> bool:
    """True if an expression of the configuration gives the value: an empty one is then meant."""
    return nodes is not _ANY and any(is_expression(node) for node in nodes)


def _has_true(value: Any) -> bool:
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if here is True:
            return True
        waiting += here.values() if isinstance(here, dict) else here if isinstance(here, list) else ()
    return False
