"""Files that were handed in and not read, as groups of one reason: a folder may hold a thousand files of no known format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from infra_mind.agents.security.secrets import scrub
from infra_mind.model.finding import Evidence
from infra_mind.model.inventory import UnreadFile

MOST_PLACES = 50  # of a finding; the coverage of the result lists every file
LONGEST = 300


def by_reason(items: Iterable[UnreadFile]) -> list[list[UnreadFile]]:
    """Those of one kind and reason together, by kind and reason; in a group by file and line."""
    groups: dict[tuple[str, str], list[UnreadFile]] = defaultdict(list)
    for item in sorted(items, key=lambda u: (u.artefact, u.line or 0)):
        groups[item.kind, scrub(item.reason)].append(item)
    return [groups[key] for key in sorted(groups)]


def places(items: Sequence[UnreadFile], expected: str = "") -> tuple[Evidence, ...]:
    """The first places of a group; the last one shown says how many more there are."""
    more = len(items) - MOST_PLACES
    said = [short(item.reason) for item in items[:MOST_PLACES]]
    if more > 0:
        said[-1] = f"{said[-1]} (and {more} more)"
    return tuple(
        Evidence(artefact=item.artefact, line_start=item.line, line_end=item.line, path=item.kind, observed=text, expected=expected)
        for item, text in zip(items, said, strict=False)
    )  # fmt: skip


def short(reason: str) -> str:
    """Fit to be shown: a parser quotes what it stumbled over, a secret too."""
    return scrub(reason)[:LONGEST]
