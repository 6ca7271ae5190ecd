"""`.tf.json` and `.tfvars.json` → the same syntax tree. Source: developer.hashicorp.com/terraform/language/syntax/json, 2025."""

from __future__ import annotations

from typing import Any

from infra_mind.artefacts import yaml
from infra_mind.artefacts.parsed import Unreadable
from infra_mind.artefacts.terraform import hcl
from infra_mind.artefacts.terraform.syntax import (
    Attribute,
    Block,
    Body,
    Expression,
    Item,
    Literal,
    Object,
    Tuple,
)
from infra_mind.model.inventory import Lines
from infra_mind.settings import IntakeLimits

_LABELS = {
    "resource": 2,
    "data": 2,
    "variable": 1,
    "output": 1,
    "module": 1,
    "provider": 1,
    "locals": 0,
    "terraform": 0,
}
# Without the provider's schema a JSON object can be a map or a block; these names are maps
_MAPS = frozenset(
    {
        "default",
        "variables",
        "triggers",
        "keepers",
        "parameters",
        "metadata",
        "environment_variables",
        "annotations",
    }
)
_MAP_ENDINGS = ("tags", "labels", "tags_all")


def read(path: str, text: str, limits: IntakeLimits) -> Body:
    """The syntax tree of a JSON configuration. Raises `Unreadable`."""
    return _Reader(path, limits, *_document(path, text, limits)).configuration()


def read_variables(path: str, text: str, limits: IntakeLimits) -> Body:
    """The values of a `.tfvars.json`: plain data, no templates."""
    data, _ = _document(path, text, limits)
    nowhere = Lines(start=1, end=1)
    return Body(tuple(Attribute(k, Literal(v), nowhere) for k, v in data.items()), ())


def _document(path: str, text: str, limits: IntakeLimits) -> tuple[dict[str, Any], dict[str, Lines]]:
    documents = yaml.load_documents(text, name=path, limits=limits, dialect="1.2")
    data = documents[0].data if documents else {}
    if len(documents) > 1 or not isinstance(data, dict):
        raise Unreadable(path, "not a JSON object", 1)
    return data, documents[0].lines if documents else {}


class _Reader:
    def __init__(
        self, path: str, limits: IntakeLimits, data: dict[str, Any], lines: dict[str, Lines]
    ) -> None:
        self._path, self._limits, self._data, self._lines = path, limits, data, lines

    def configuration(self) -> Body:
        blocks: list[Block] = []
        for type_, content in self._data.items():
            if type_ in _LABELS:
                self._blocks(type_, (), content, type_, blocks)
        return Body((), tuple(blocks))

    def _at(self, where: str) -> Lines:
        return self._lines.get(where, Lines(start=1, end=1))

    def _blocks(
        self, type_: str, labels: tuple[str, ...], content: Any, where: str, blocks: list[Block]
    ) -> None:
        if isinstance(content, list):
            for i, each in enumerate(content):
                self._blocks(type_, labels, each, f"{where}.{i}", blocks)
        elif not isinstance(content, dict):
            raise Unreadable(self._path, f"`{where}` must be an object", self._at(where).start)
        elif len(labels) < _LABELS[type_]:
            for label, each in content.items():
                self._blocks(type_, (*labels, label), each, f"{where}.{label}", blocks)
        else:
            plain = type_ in ("locals", "variable", "output", "module")
            blocks.append(Block(type_, labels, self._body(content, where, plain), self._at(where)))

    def _body(self, content: dict[str, Any], where: str, plain: bool) -> Body:
        attributes, blocks = [], []
        for name, value in content.items():
            path = f"{where}.{name}"
            if name == "//":
                continue
            if name == "dynamic" and isinstance(value, dict):
                blocks += [
                    self._dynamic(n, v, f"{path}.{n}") for n, v in value.items() if isinstance(v, dict)
                ]
            elif not plain and isinstance(value, dict) and not _is_map(name):
                blocks.append(Block(name, (), self._body(value, path, False), self._at(path)))
            elif not plain and isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
                blocks += [
                    Block(name, (), self._body(v, f"{path}.{i}", False), self._at(f"{path}.{i}"))
                    for i, v in enumerate(value)
                ]
            else:
                attributes.append(Attribute(name, self._expression(value, path), self._at(path)))
        return Body(tuple(attributes), tuple(blocks))

    def _dynamic(self, name: str, value: dict[str, Any], path: str) -> Block:
        content = value.get("content")
        inner = (
            (Block("content", (), self._body(content, f"{path}.content", False), self._at(path)),)
            if isinstance(content, dict)
            else ()
        )
        attributes = tuple(
            Attribute(k, self._expression(v, f"{path}.{k}"), self._at(path))
            for k, v in value.items()
            if k != "content"
        )
        return Block("dynamic", (name,), Body(attributes, inner), self._at(path))

    def _expression(self, value: Any, path: str) -> Expression:
        if isinstance(value, dict):
            return Object(
                tuple(
                    Item(Literal(k), self._expression(v, f"{path}.{k}"), self._at(f"{path}.{k}"))
                    for k, v in value.items()
                )
            )
        if isinstance(value, list):
            items = tuple(self._expression(v, f"{path}.{i}") for i, v in enumerate(value))
            return Tuple(items, tuple(self._at(f"{path}.{i}") for i in range(len(value))))
        if isinstance(value, str) and ("${" in value or "%{" in value):
            try:
                return hcl.read_template(self._path, value, self._limits, document="\n" in value)
            except Unreadable as error:
                raise Unreadable(self._path, error.problem, self._at(path).start) from error
        return Literal(value)


def _is_map(name: str) -> bool:
    return name in _MAPS or name.endswith(_MAP_ENDINGS)
