"""Folders of Terraform files: what each declares, before anything is evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from infra_mind.artefacts.terraform.syntax import Attribute, Block, Body, Expression, Literal, Template
from infra_mind.model.inventory import Lines


@dataclass(frozen=True)
class Declared:
    """A block and the file in which it stands."""

    block: Block
    path: str


@dataclass
class Configuration:
    """All files of one folder. `locals` and `variable` names are unique in a valid one; the last wins otherwise.

    Files of overrides come last: what they say of a block is put into it, as Terraform does."""

    folder: str
    variables: dict[str, Declared] = field(default_factory=dict)
    locals: dict[str, Attribute] = field(default_factory=dict)
    outputs: dict[str, Declared] = field(default_factory=dict)
    modules: dict[str, Declared] = field(default_factory=dict)
    resources: list[Declared] = field(default_factory=list)
    data: dict[tuple[str, str], Declared] = field(default_factory=dict)
    others: list[Declared] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    _places: dict[tuple[str, ...], int] = field(default_factory=dict)

    def add(self, path: str, body: Body) -> None:
        """Takes in the blocks of one file."""
        self.files.append(path)
        for block in body.blocks:
            self._add(Declared(block, path))

    def _add(self, declared: Declared) -> None:
        block, labels = declared.block, declared.block.labels
        if is_override(declared.path) and (base := self._base(block)):
            self._put(merged(base, block))
            return
        if block.type == "locals":
            self.locals.update((a.name, a) for a in block.body.attributes)
        elif block.type in ("resource", "data") and len(labels) == 2:
            if block.type == "data":
                self.data[labels[0], labels[1]] = declared
            self._places[block.type, *labels] = len(self.resources)
            self.resources.append(declared)
        elif block.type in ("variable", "output", "module") and len(labels) == 1:
            {"variable": self.variables, "output": self.outputs, "module": self.modules}[block.type][
                labels[0]
            ] = declared
        elif (block.type == "provider" and len(labels) == 1) or block.type == "terraform":
            self.others.append(declared)

    def _base(self, block: Block) -> Declared | None:
        """The block that an override of this type and these labels is for."""
        labels = block.labels
        if block.type in ("resource", "data") and (block.type, *labels) in self._places:
            return self.resources[self._places[block.type, *labels]]
        if block.type in ("variable", "output", "module") and len(labels) == 1:
            named = {"variable": self.variables, "output": self.outputs, "module": self.modules}
            return named[block.type].get(labels[0])
        return None

    def _put(self, declared: Declared) -> None:
        block, labels = declared.block, declared.block.labels
        if block.type in ("resource", "data"):
            self.resources[self._places[block.type, *labels]] = declared
        if block.type == "data":
            self.data[labels[0], labels[1]] = declared
        elif block.type != "resource":
            {"variable": self.variables, "output": self.outputs, "module": self.modules}[block.type][
                labels[0]
            ] = declared


def is_override(path: str) -> bool:
    """True for `override.tf`, `*_override.tf` and their JSON forms, which Terraform loads after all others."""
    name = path.rpartition("/")[2].removesuffix(".json")
    return name == "override.tf" or name.endswith("_override.tf")


def merged(base: Declared, over: Block) -> Declared:
    """The block with the override in it: an attribute replaces its own, blocks of one type replace all of that type. It keeps its
    place, and what is new stands at its header: a resource lies in one file.

    Source: developer.hashicorp.com/terraform/language/files/override, 2025."""
    block = base.block
    header = Lines(start=block.lines.start, end=block.lines.start)
    attributes = {a.name: a for a in block.body.attributes}
    for given in over.body.attributes:
        old = attributes.get(given.name)
        attributes[given.name] = Attribute(given.name, given.value, old.lines if old else header)
    types = {_type(b) for b in over.body.blocks}
    blocks = [b for b in block.body.blocks if _type(b) not in types] + [
        _at(b, header) for b in over.body.blocks
    ]
    body = Body(tuple(attributes.values()), tuple(blocks))
    return Declared(Block(block.type, block.labels, body, block.lines), base.path)


def _type(block: Block) -> str:
    return block.labels[0] if block.type == "dynamic" and block.labels else block.type


def _at(block: Block, where: Lines) -> Block:
    """The block as if all of it stood there."""
    attributes = tuple(Attribute(a.name, a.value, where) for a in block.body.attributes)
    return Block(
        block.type, block.labels, Body(attributes, tuple(_at(b, where) for b in block.body.blocks)), where
    )


def module_source(declared: Declared) -> str | None:
    """The `source` of a module block when it is a plain text, as Terraform asks for; None otherwise."""
    attribute = declared.block.body.attribute("source")
    return _plain_text(attribute.value) if attribute else None


def module_version(declared: Declared) -> str | None:
    """The `version` of a module block when it is a plain text."""
    attribute = declared.block.body.attribute("version")
    return _plain_text(attribute.value) if attribute else None


def _plain_text(expression: Expression) -> str | None:
    if isinstance(expression, Literal) and isinstance(expression.value, str):
        return expression.value
    if isinstance(expression, Template) and not expression.parts:
        return ""
    return None


def is_local(source: str) -> bool:
    """True for a folder on disk (`./net`, `../net`)."""
    return source.startswith(("./", "../")) or source in (".", "..")


def folder_of(path: str) -> str:
    """The folder of a path, "" for the top."""
    return path.rpartition("/")[0]


def joined(folder: str, relative: str) -> str | None:
    """A relative path from a folder; None when it leads out of what was handed in."""
    parts = folder.split("/") if folder else []
    for part in relative.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def root_folders(configurations: dict[str, Configuration], downloaded: Iterable[str] = ()) -> list[str]:
    """Folders that no other one uses as a module and that were not downloaded as one, in order."""
    used = set(downloaded)
    for configuration in configurations.values():
        used |= set(_used_by(configuration)) - {configuration.folder}
    return sorted(set(configurations) - used)


def _used_by(configuration: Configuration) -> Iterable[str]:
    for declared in configuration.modules.values():
        source = module_source(declared)
        folder = joined(configuration.folder, source) if source and is_local(source) else None
        if folder is not None:
            yield folder
