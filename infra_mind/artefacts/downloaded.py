"""Modules that `terraform init` has downloaded: `.terraform/modules/modules.json` says in which folder each call's module lies.

The file is written by Terraform and is input all the same: a folder that it names counts only below the `.terraform/modules` beside it."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from infra_mind.model.inventory import Artefact

FOLDER = ".terraform/modules/"
INDEX = FOLDER + "modules.json"
_REGISTRY = re.compile(r"(?:((?:[\w-]+\.)+[\w-]+)/)?([\w-]+/[\w-]+/[\w-]+)(//.*)?")
_PUBLIC = frozenset({None, "registry.terraform.io", "registry.opentofu.org"})
_HOSTS_OF_CODE = frozenset({"github.com", "bitbucket.org"})
_REF = re.compile(r"[?&]ref=([^&]+)")
_CLAUSE = re.compile(r"\s*(=|!=|>=|<=|>|<|~>|)\s*v?(\d{1,9}(?:\.\d{1,9}){0,2})\s*")
_MOST = 2_000  # modules of one configuration
_LONGEST = 500


def is_index(path: str) -> bool:
    """True for the list of the modules of a configuration."""
    return f"/{path}".endswith(f"/{INDEX}")


def is_downloaded(path: str) -> bool:
    """True for a file of a module that was downloaded: whoever assesses it did not write it."""
    return f"/{FOLDER}" in f"/{path}"


class Module(NamedTuple):
    """One downloaded module: its folder, and what it was downloaded as."""

    folder: str
    source: str = ""
    version: str = ""

    def answers(self, source: str, version: str | None) -> bool:
        """False where a call asks for another module or version than this: it was changed since `terraform init`."""
        ours, asked = _in_registry(self.source), _in_registry(source)
        if ours and asked:
            return ours == asked and (not version or _fits(self.version, version))
        refs = [match[1] for text in (self.source, source) if (match := _REF.search(text))]
        return len(set(refs)) < 2


def modules(path: str, text: str) -> dict[str, Module]:
    """The downloaded modules by their key (`eks.kms`: the calls from the root on), from the index at `path`."""
    root = path.removesuffix(INDEX)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    entries = data.get("Modules") if isinstance(data, dict) else None
    found: dict[str, Module] = {}
    for entry in entries[:_MOST] if isinstance(entries, list) else ():
        key, folder = (entry.get("Key"), entry.get("Dir")) if isinstance(entry, dict) else (None, None)
        if (
            not isinstance(key, str)
            or not isinstance(folder, str)
            or len(folder) > _LONGEST
            or "\0" in folder
        ):
            continue
        whole = posixpath.normpath(posixpath.join(root, folder.replace("\\", "/")))
        if key and whole.startswith(root + FOLDER):
            found[key] = Module(whole, _text(entry.get("Source")), _text(entry.get("Version")))
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _in_registry(source: str) -> tuple[str | None, ...] | None:
    """Host (None for the public ones), name and part of a module of a registry; None for what comes from elsewhere."""
    found = _REGISTRY.fullmatch(source)
    if found is None or found[1] in _HOSTS_OF_CODE:
        return None
    return None if found[1] in _PUBLIC else found[1], found[2], found[3]


def _fits(version: str, constraint: str) -> bool:
    """True where a version is within `>= 5.1, < 6`; also where one of them is written in a way that is not known here."""
    have = _CLAUSE.fullmatch(version.partition("-")[0].partition("+")[0])
    clauses = [_CLAUSE.fullmatch(clause) for clause in constraint.split(",")]
    return have is None or all(clause is None or _holds(_numbers(have[2]), clause) for clause in clauses)


def _holds(have: tuple[int, ...], clause: re.Match[str]) -> bool:
    want, parts = _numbers(clause[2]), clause[2].count(".")
    return {
        "": have == want, "=": have == want, "!=": have != want, ">=": have >= want, "<=": have <= want, ">": have > want,
        "<": have < want, "~>": have >= want and have[:parts] == want[:parts],
    }[clause[1]]  # fmt: skip


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in (*version.split("."), "0", "0")[:3])


def package_of(folder: str) -> str:
    """The folder of what was downloaded whole, of which a module may be a part: its templates lie there."""
    before, _, below = folder.partition(FOLDER)
    return f"{before}{FOLDER}{below.partition('/')[0]}"


class Downloaded:
    """The downloaded modules of every root folder among the artefacts."""

    def __init__(self, artefacts: Iterable[Artefact] = ()) -> None:
        self._by_root: Mapping[str, Mapping[str, Module]] = {
            a.path.removesuffix(INDEX).rstrip("/"): modules(a.path, a.content)
            for a in artefacts
            if a.content is not None and is_index(a.path)
        }
        self.folders = frozenset(m.folder for found in self._by_root.values() for m in found.values())

    def module_of(self, root: str, block: str) -> Module | None:
        """The module of a call (`module.eks.module.kms` → that of `.terraform/modules/eks.kms`); None if it is not known."""
        return self._by_root.get(root, {}).get(".".join(block.split(".")[1::2]))
