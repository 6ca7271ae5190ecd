"""Where the files of an assessment lie for whoever reads the export: artefacts are named as they were handed in."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

BRIEF = "brief"  # what evidence names that lies in the brief


@dataclass(frozen=True)
class Places:
    """`artefacts`: the folder of the artefacts below the root of the repository; `brief`: the path of the brief there."""

    artefacts: str = ""
    brief: str = BRIEF

    def path(self, artefact: str) -> str:
        if artefact == BRIEF:
            return self.brief
        return f"{self.artefacts.rstrip('/')}/{artefact}" if self.artefacts.strip("/") else artefact

    def uri(self, artefact: str) -> str:
        """The path as a relative URI reference; a `:` or a space in a name is no part of its syntax."""
        return quote(self.path(artefact), safe="/")


HANDED_IN = Places()
