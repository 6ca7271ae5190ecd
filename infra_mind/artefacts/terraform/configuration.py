"""Folders of Terraform files: what each declares, before anything is evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from infra_mind.artefacts.terraform.syntax import Attribute, Block, Body, Expression, Literal, Template


@dataclass(frozen=True)
class Declared:
    """A block and the file in which it stands."""

    block: Block
    path: str


@dataclass
class Configuration:
    """All files of one folder. `locals` and `variable` names are unique in a valid one; the last wins otherwise."""

    folder: str
    variables: dict[str, Declared] = field(default_factory=dict)
    locals: dict[str, Attribute] = field(default_factory=dict)
    outputs: dict[str, Declared] = field(default_factory=dict)
    modules: dict[str, Declared] = field(default_factory=dict)
    resources: list[Declared] = field(default_factory=list)
    data: dict[tuple[str, str], Declared] = field(default_factory=dict)
    others: list[Declared] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def add(self, path: str, body: Body) -> None:
        """Takes in the blocks of one file."""
        self.files.append(path)
        for block in body.blocks:
            self._add(Declared(block, path))

    def _add(self, declared: Declared) -> None:
        block, labels = declared.block, declared.block.labels
        if block.type == "locals":
            self.locals.update((a.name, a) for a in block.body.attributes)
        elif block.type in ("resource", "data") and len(labels) == 2:
            if block.type == "data":
                self.data[labels[0], labels[1]] = declared
            self.resources.append(declared)
        elif block.type in ("variable", "output", "module") and len(labels) == 1:
            {"variable": self.variables, "output": self.outputs, "module": self.modules}[block.type][
                labels[0]
            ] = declared
        elif (block.type == "provider" and len(labels) == 1) or block.type == "terraform":
            self.others.append(declared)


def module_source(declared: Declared) -> str | None:
    """The `source` of a module block when it is a plain text, as Terraform asks for; None otherwise."""
    attribute = declared.block.body.attribute("source")
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
