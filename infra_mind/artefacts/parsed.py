"""What a reader of one format hands back, and the error for a text that it cannot read."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra_mind.errors import ArtefactRefused
from infra_mind.model.inventory import Resource, UnreadFile


class Unreadable(ArtefactRefused):
    """The text of an artefact breaks its format. `line` is 1-based, None when no line is to blame."""

    def __init__(self, path: str, reason: str, line: int | None = None) -> None:
        self.line = line
        self.problem = reason
        super().__init__(path, f"line {line}: {reason}" if line is not None else reason)

    def as_unread(self) -> UnreadFile:
        """The entry of the inventory for it."""
        return UnreadFile(artefact=self.path, reason=self.problem, line=self.line)


@dataclass
class Parsed:
    """Resources and unread parts of one or more files, in the order in which they stand."""

    resources: list[Resource] = field(default_factory=list)
    unread: list[UnreadFile] = field(default_factory=list)

    def add(self, other: Parsed) -> None:
        self.resources += other.resources
        self.unread += other.unread
