"""What all modules of one inventory share."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra_mind.artefacts.downloaded import Downloaded
from infra_mind.artefacts.parsed import Parsed
from infra_mind.artefacts.terraform.configuration import Configuration
from infra_mind.artefacts.terraform.expressions import Budget
from infra_mind.artefacts.terraform.files import Files
from infra_mind.model.inventory import CallSite, UnreadFile
from infra_mind.settings import IntakeLimits


@dataclass(frozen=True)
class AbsentModule:
    """A call of a module that was not handed in: the root that leads to it, its block (`module.net`), and the calls up to it."""

    root: str
    block: str
    calls: tuple[CallSite, ...]


@dataclass
class Run:
    """What all modules of one inventory share."""

    configurations: dict[str, Configuration]
    files: Files
    limits: IntakeLimits
    budget: Budget = field(default_factory=Budget)
    parsed: Parsed = field(default_factory=Parsed)
    visited: set[str] = field(default_factory=set)
    downloaded: Downloaded = field(default_factory=Downloaded)
    modules: int = 0
    absent: dict[tuple[str, int | None], list[AbsentModule]] = field(default_factory=dict)
    _left_out: set[tuple[str, str, int | None]] = field(default_factory=set)

    def leave_out(self, path: str, reason: str, line: int | None, kind: str) -> None:
        """Names a part that is not assessed, once."""
        if (path, reason, line) not in self._left_out:
            self._left_out.add((path, reason, line))
            self.parsed.unread.append(UnreadFile(artefact=path, reason=reason, line=line, kind=kind))

    def is_full(self) -> bool:
        """True with one resource more than the limit, so that the inventory names it."""
        return len(self.parsed.resources) > self.limits.max_resources
