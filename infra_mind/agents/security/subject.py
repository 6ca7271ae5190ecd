"""Reading a resource whose values may have any shape.

Attributes come from other people's files: a string where a list belongs, a marker for a value that only apply time knows, null.
A rule reads through a `Subject` and never touches raw values. What it cannot read is raised, once, here:

`Unknown`   the value is only known at apply time: the check becomes `unresolvable`
`OddShape`  the value has a shape that the attribute cannot have: the check becomes `not_assessed`
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra_mind.model.inventory import UNRESOLVABLE_KEY, Resource, contains_unresolvable, is_unresolvable

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class Unknown(Exception):  # noqa: N818 - not an error: the value is decided at apply time
    """The value at `path` is only known at apply time; `reason` is the expression."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class OddShape(Exception):  # noqa: N818 - it says what was found, the runner decides
    """The value at `path` is a `found`, where `wanted` belongs."""

    def __init__(self, path: str, found: Any, wanted: str) -> None:
        self.path, self.found, self.wanted = path, type(found).__name__, wanted
        super().__init__(f"{path or 'the resource'} is a {self.found}, expected {wanted}")


@dataclass(frozen=True)
class Subject:
    """A resource, or one block inside it (`base` is the block's dotted path, `data` what stands there)."""

    resource: Resource
    data: Any
    base: str = ""

    @classmethod
    def of(cls, resource: Resource) -> Subject:
        return cls(resource, resource.values)

    def at(self, path: str) -> str:
        """The full dotted path of `path` in the resource, with the index where a nested block is a list of one."""
        here, parts = self.data, [self.base] if self.base else []
        for part in path.split(".") if path else ():
            if isinstance(here, list | tuple) and not part.isdigit():
                parts.append("0")
                here = here[0] if here else None
            parts.append(part)
            here = None if is_unresolvable(here) else _step(here, part)
        return ".".join(parts)

    def raw(self, path: str) -> Any:
        """The value as it stands, None where it is absent; a marker on the way is given as it is."""
        here = self.data
        for part in path.split(".") if path else ():
            if is_unresolvable(here):
                return here
            here = _step(here, part)
            if here is None:
                return None
        return here

    def has(self, path: str) -> bool:
        """True if something stands there (a value of apply time counts, null does not)."""
        return self.raw(path) is not None

    def known(self, path: str) -> Any:
        """The value or None; raises Unknown if apply time decides it."""
        value = self.raw(path)
        if is_unresolvable(value):
            raise Unknown(self.at(path), str(value[UNRESOLVABLE_KEY]))
        return value

    def text(self, path: str, default: str = "") -> str:
        """A string; numbers and booleans are written as HCL and YAML write them."""
        value = self.known(path)
        if value is None:
            return default
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        raise OddShape(self.at(path), value, "a string")

    def boolean(self, path: str, default: bool = False) -> bool:
        """A boolean; the quoted forms "true" and "false" are accepted as Terraform and Docker accept them."""
        value = self.known(path)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower() if isinstance(value, str | int) else None
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise OddShape(self.at(path), value, "true or false")

    def number(self, path: str, default: float | None = None) -> float | None:
        """A number, or what a quoted number says."""
        value = self.known(path)
        if value is None:
            return default
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                raise OddShape(self.at(path), value, "a number") from None
        raise OddShape(self.at(path), value, "a number")

    def strings(self, path: str) -> list[str]:
        """The strings that are known in the list at `path` (one string counts as a list of one).

        A wholly unknown list raises; unknown members are left out: call `settle(path)` before saying `pass`."""
        value = self.known(path)
        if value is None:
            return []
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return [str(value)]  # Terraform makes a string of `destination_port_range = 22`
        if isinstance(value, list | tuple):
            return [str(item) for item in value if isinstance(item, str | int | float)]
        raise OddShape(self.at(path), value, "a list of strings")

    def settle(self, *paths: str) -> None:
        """Raises Unknown if any part of these values is decided at apply time."""
        for path in paths:
            value = self.raw(path)
            if contains_unresolvable(value):
                raise Unknown(self.at(path), first_reason(value))

    def settle_elsewhere(self, others: Sequence[Resource], attribute: str) -> None:
        """Raises Unknown if another resource, whose `attribute` apply time decides, may be the one looked for."""
        for other in others:
            raise Unknown("", f"{other.address}: {first_reason(other.values.get(attribute))}")

    def mapping(self, path: str) -> dict[str, Any]:
        """A map; Terraform's single nested block (a list of one map) is opened."""
        value = self.known(path)
        if isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        if value is None:
            return {}
        if is_unresolvable(value):
            raise Unknown(self.at(path), str(value[UNRESOLVABLE_KEY]))
        if isinstance(value, dict):
            return value
        raise OddShape(self.at(path), value, "a map")

    def blocks(self, path: str) -> list[Subject]:
        """The nested blocks (or list items that are maps) at `path`, each a Subject; a marker among them stays one."""
        value = self.known(path)
        if value is None:
            return []
        if isinstance(value, dict):
            return [Subject(self.resource, value, self.at(path))]
        if not isinstance(value, list | tuple):
            raise OddShape(self.at(path), value, "blocks")
        return [Subject(self.resource, item, self.at(f"{path}.{n}")) for n, item in enumerate(value)]

    def json_blocks(self, path: str) -> list[Subject]:
        """The maps of a list that is written as JSON text (`container_definitions`), or as a list."""
        value = self.known(path)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise OddShape(self.at(path), value, "JSON") from None
        items = value if isinstance(value, list | tuple) else [] if value is None else [value]
        return [Subject(self.resource, item, self.at(path)) for item in items]

    def block(self, path: str) -> Subject | None:
        """The first nested block at `path`, None if there is none."""
        return next(iter(self.blocks(path)), None)

    def leaves(self, path: str = "") -> Iterator[tuple[str, str]]:
        """(full path, string) of every string below `path`, in the order of the file."""
        yield from _leaves(self.raw(path), self.at(path))


def _step(here: Any, part: str) -> Any:
    if isinstance(here, dict):
        return here.get(part)
    if isinstance(here, list | tuple):
        if part.isdigit():
            return here[int(part)] if int(part) < len(here) else None
        # Terraform's nested block is a list: `a.b` means the first `a`.
        return _step(here[0], part) if here and isinstance(here[0], dict) else None
    return None


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict) and not is_unresolvable(value):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{index}" if path else str(index))


def first_reason(value: Any) -> str:
    """The expression of the first marker in the tree."""
    if is_unresolvable(value):
        return str(value[UNRESOLVABLE_KEY])
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return next((reason for item in inner if (reason := first_reason(item))), "")
