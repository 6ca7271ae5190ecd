"""The configuration inside a plan: what each block sets, and what its expressions refer to, followed through modules.

Terraform leaves `dynamic` blocks and local values out of it: what they set is not told apart from what the provider sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_INDEX = re.compile(r'\[(?:-?\d+|"(?:[^"\\]|\\.)*"|[^\]]*)\]')
_BLOCK = re.compile(r"((?:module\.[\w-]+\.)*(?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+\.[A-Za-z_][\w-]*)")
_VARIABLE = re.compile(r'var\.([\w-]+)((?:\.[\w-]+|\["[^"\\]*"\])*)\Z')
_STEP = re.compile(r'\.([\w-]+)|\["([^"\\]*)"\]')
_MOST = 50  # references of one expression, followed through modules
_MOST_STEPS = 10  # of a reference, from its end, that Terraform lists once more without it
_DEEPEST = 30  # modules that a reference passes
_EXPRESSION = frozenset({"constant_value", "references"})


@dataclass
class _Module:
    """One module of the configuration; `call` are the arguments that it is called with."""

    prefix: str = ""
    parent: _Module | None = None
    call: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, _Module] = field(default_factory=dict)
    repeated: bool = False


@dataclass(frozen=True)
class Declared:
    """A resource block: what it sets, its module, and what its `for_each` refers to."""

    expressions: dict[str, Any]
    module: _Module
    repeated: bool
    each: tuple[str, ...]
    provider: str


class Configuration:
    """`blocks` by their address without an index; `calls` are the module calls with whether they are repeated."""

    def __init__(self, root: Any) -> None:
        self.blocks: dict[str, Declared] = {}
        self.calls: dict[str, bool] = {}
        self._modules: dict[str, _Module] = {}
        self._followed: dict[tuple[str, str], tuple[str, ...]] = {}
        self._read(mapping(root))

    def _read(self, root: dict[str, Any]) -> None:
        waiting = [(root, _Module())]
        while waiting:
            data, module = waiting.pop()
            module.outputs, module.variables = mapping(data.get("outputs")), mapping(data.get("variables"))
            self._modules[module.prefix] = module
            for resource in listing(data.get("resources")):
                self._add(mapping(resource), module)
            for name, call in mapping(data.get("module_calls")).items():
                given = mapping(call)
                inner = _Module(
                    prefix=f"{module.prefix}module.{name}.", parent=module, call=mapping(given.get("expressions")),
                    repeated=module.repeated or _is_repeated(given),
                )  # fmt: skip
                module.modules[name] = inner
                self.calls[inner.prefix[:-1]] = inner.repeated
                waiting.append((mapping(given.get("module")), inner))

    def _add(self, resource: dict[str, Any], module: _Module) -> None:
        kind, name = resource.get("type"), resource.get("name")
        if not isinstance(kind, str) or not isinstance(name, str):
            return
        mode = "data." if resource.get("mode") == "data" else ""
        provider = resource.get("provider_config_key")
        self.blocks[f"{module.prefix}{mode}{kind}.{name}"] = Declared(
            expressions=mapping(resource.get("expressions")),
            module=module,
            repeated=module.repeated or _is_repeated(resource),
            each=tuple(_references(resource.get("for_each_expression"))),
            provider=provider if isinstance(provider, str) else "",
        )

    def settled(self, prefix: str, expression: Any, variables: dict[str, Any]) -> Any:
        """What an expression in the module at `prefix` (`module.net.`) is, where it is a plain value or leads to one through variables;
        else None. `variables` are those of the root as a plan has them. A function of one variable is taken for it: a plan does not tell."""
        module = self._modules.get(prefix)
        for _ in range(_DEEPEST):
            data = mapping(expression)
            if "constant_value" in data:
                return data["constant_value"]
            references = _longest(_references(data))
            named = _VARIABLE.match(references[0]) if len(references) == 1 else None
            if module is None or named is None:
                return None
            if module.parent is None:
                return _at(mapping(variables.get(named[1])).get("value"), named[2])
            if named[2]:
                return None
            default = mapping(module.variables.get(named[1])).get("default")
            expression, module = module.call.get(named[1], {"constant_value": default}), module.parent
        return None

    def reason(self, declared: Declared, nodes: Iterable[Any]) -> str:
        """What the expressions refer to, in the words of the inventory's markers; empty where they say nothing."""
        return ", ".join(self._resolved(declared, nodes))

    def targets(self, declared: Declared, node: Any) -> tuple[str, ...]:
        """The resource blocks that an expression, or everything in a nested block, refers to."""
        found = (_BLOCK.match(_INDEX.sub("", r)) for r in self._resolved(declared, [node]))
        return tuple(
            dict.fromkeys(
                match[1] for match in found if match and not match[1].startswith(("var.", "local."))
            )
        )

    def _resolved(self, declared: Declared, nodes: Iterable[Any]) -> list[str]:
        found: dict[str, None] = {}
        for node in nodes:
            for reference in _longest(_references(node)):
                names = (
                    _longest(declared.each)
                    if reference.startswith("each.") and declared.each
                    else [reference]
                )
                for name in names:
                    found.update(dict.fromkeys(self._follow(declared.module, name, 0)))
                    if len(found) >= _MOST:
                        return list(found)[:_MOST]
        return list(found)

    def _follow(self, module: _Module, reference: str, depth: int) -> tuple[str, ...]:
        parts = _INDEX.sub("", reference).split(".")
        steps = {"var": 2, "module": 3}.get(parts[0])
        if steps is None:
            return (module.prefix + reference,)
        key = module.prefix, ".".join(parts[:steps])
        if key not in self._followed:
            self._followed[key] = ("".join(key),)  # while it is being followed: a circle ends here
            if depth < _DEEPEST:
                self._followed[key] = self._leads(module, parts, depth) or ("".join(key),)
        return self._followed[key]

    def _leads(self, module: _Module, parts: list[str], depth: int) -> tuple[str, ...]:
        """What the caller gives for a variable, or what an output of a called module is made of."""
        nodes: Any = None
        there = module
        if parts[0] == "var" and module.parent and len(parts) > 1:
            nodes, there = module.call.get(parts[1]), module.parent
        elif parts[0] == "module" and len(parts) > 2:
            there = module.modules.get(parts[1], module)
            nodes = mapping(there.outputs.get(parts[2])).get("expression")
        found: dict[str, None] = {}
        for inner in _longest(_references(nodes)):
            found.update(dict.fromkeys(self._follow(there, inner, depth + 1)))
            if len(found) >= _MOST:
                break
        return tuple(found)[:_MOST]


def _at(value: Any, path: str) -> Any:
    """What stands at `.west["a"]` of a value."""
    for name, key in _STEP.findall(path):
        value = mapping(value).get(name or key)
    return value


def _is_repeated(block: dict[str, Any]) -> bool:
    return "count_expression" in block or "for_each_expression" in block


def is_expression(node: Any) -> bool:
    """True for an expression, false for a nested block or a list of them."""
    return isinstance(node, dict) and node.keys() <= _EXPRESSION


def _references(node: Any) -> Iterator[str]:
    """Every reference in an expression or in nested blocks, as written."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += reversed(here)
        elif is_expression(here):
            yield from (r for r in listing(here.get("references")) if isinstance(r, str) and len(r) <= 500)
        elif isinstance(here, dict):
            waiting += reversed(here.values())


def _longest(references: Iterable[str]) -> list[str]:
    """Without those that another one goes on from: Terraform lists `aws_vpc.main.id` and `aws_vpc.main`."""
    every = list(dict.fromkeys(references))
    shorter: set[str] = set()
    for reference in every:
        head = reference
        for _ in range(_MOST_STEPS):
            head = _cut(head)
            if not head or head in shorter:
                break
            shorter.add(head)
    return [r for r in every if r not in shorter]


def _cut(reference: str) -> str:
    """Without its last step, `.id` or `[0]`."""
    at = max(reference.rfind("."), reference.rfind("["))
    return reference[:at] if at > 0 else ""


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
