"""Modules that `terraform init` has downloaded: `.terraform/modules/modules.json` says in which folder each call's module lies.

The file is written by Terraform and is input all the same: a folder that it names counts only below the `.terraform/modules` beside it."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Mapping

from infra_mind.model.inventory import Artefact

FOLDER = ".terraform/modules/"
INDEX = FOLDER + "modules.json"
_MOST = 2_000  # modules of one configuration
_LONGEST = 500


def is_index(path: str) -> bool:
    """True for the list of the modules of a configuration."""
    return f"/{path}".endswith(f"/{INDEX}")


def is_downloaded(path: str) -> bool:
    """True for a file of a module that was downloaded: whoever assesses it did not write it."""
    return f"/{FOLDER}" in f"/{path}"


def folders(path: str, text: str) -> dict[str, str]:
    """Key of each downloaded module (`eks.kms`: the calls from the root on) and its folder, from the index at `path`."""
    root = path.removesuffix(INDEX)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    entries = data.get("Modules") if isinstance(data, dict) else None
    found: dict[str, str] = {}
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
            found[key] = whole
    return found


def package_of(folder: str) -> str:
    """The folder of what was downloaded whole, of which a module may be a part: its templates lie there."""
    before, _, below = folder.partition(FOLDER)
    return f"{before}{FOLDER}{below.partition('/')[0]}"


class Downloaded:
    """The downloaded modules of every root folder among the artefacts."""

    def __init__(self, artefacts: Iterable[Artefact] = ()) -> None:
        self._by_root: Mapping[str, Mapping[str, str]] = {
            a.path.removesuffix(INDEX).rstrip("/"): folders(a.path, a.content)
            for a in artefacts
            if a.content is not None and is_index(a.path)
        }
        self.folders = frozenset(folder for modules in self._by_root.values() for folder in modules.values())

    def folder_of(self, root: str, block: str) -> str | None:
        """Where the module of a call lies (`module.eks.module.kms` → `.terraform/modules/eks.kms`); None if it is not known."""
        return self._by_root.get(root, {}).get(".".join(block.split(".")[1::2]))
