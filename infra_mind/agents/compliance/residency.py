"""Where data has to stay against where things stand: the brief's regions, its hosting, and every region that Terraform names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from infra_mind.agents.security.secrets import scrub
from infra_mind.knowledge import places
from infra_mind.knowledge.places import Place
from infra_mind.model.brief import Brief
from infra_mind.model.finding import (
    Effort,
    Evidence,
    Finding,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)
from infra_mind.model.inventory import Format, Inventory, Resource, is_unresolvable

NAME = "compliance"
RULE = "compliance.residency"
TRANSFERS = "GDPR Chapter V (Art. 44 to 50)"  # on what speaks of places outside the European Economic Area
_SENSITIVE = frozenset({"health", "payment", "personal", "credentials"})
# Attributes that say where a resource stands, and lists of blocks that say where copies of it stand.
_OWN = {
    "aws": ("region", "availability_zone"),
    "azure": ("location",),
    "gcp": ("location", "region", "zone"),
}
_COPIES = (("replica", "region_name"), ("geo_location", "location"), ("georeplications", "location"))
_MOST_PLACES = 10
_LONGEST = 60
_UNKNOWN_HINT = "use `eu`, `eea`, a country (ISO code or name) or a cloud region"


@dataclass(frozen=True)
class Named:
    """A region as it is named somewhere; `text` None where only apply time knows it."""

    text: str | None
    seen: Evidence
    address: str = ""

    @property
    def place(self) -> Place | None:
        return places.find(self.text) if self.text else None


def assess_residency(brief: Brief, inventory: Inventory) -> list[Finding]:
    """Findings of `compliance.residency`: one for each region outside, and one for all that are inside, undecided or unknown."""
    wanted = brief.compliance.data_residency if brief.compliance else ()
    if not wanted:
        return [
            _missing(
                "compliance.data_residency",
                "Where data has to stay was not checked: no residency is given",
                _UNKNOWN_HINT,
            )
        ]
    allowed = {text: places.find(text) for text in wanted}
    unknown = [text for text, place in allowed.items() if place is None]
    if unknown:
        field = f"compliance.data_residency.{wanted.index(unknown[0])}"
        title = f"Where data has to stay was not checked: {_short(unknown[0])} is no place that is known here"
        return [_missing(field, title, _UNKNOWN_HINT)]
    named = [*from_brief(brief), *from_terraform(inventory)]
    if not named:
        return [
            _missing(
                "hosting.region",
                "Where data stands was not checked: no region is named in the brief or in Terraform",
                "give the region",
            )
        ]
    return _judged(named, [place for place in allowed.values() if place], wanted, brief)


def from_brief(brief: Brief) -> Iterator[Named]:
    """Regions of the organisation and of the hosting."""
    for number, region in enumerate(brief.organisation.regions if brief.organisation else ()):
        yield Named(
            region, Evidence(artefact="brief", path=f"organisation.regions.{number}", observed=_short(region))
        )
    if brief.hosting and brief.hosting.region:
        region = brief.hosting.region
        yield Named(region, Evidence(artefact="brief", path="hosting.region", observed=_short(region)))


def from_terraform(inventory: Inventory) -> Iterator[Named]:
    """Regions of provider blocks and of resources, with file and line; those of data sources say nothing of where data stands."""
    for resource in inventory.resources:
        if resource.format is Format.TERRAFORM and not resource.kind.startswith("data."):
            yield from _of_resource(resource)


def _of_resource(resource: Resource) -> Iterator[Named]:
    for path in _OWN.get(resource.provider or "", ()):
        value = resource.get(path)
        if value is not None:
            yield _named(resource, path, value)
            break  # the zone of a region that is named says nothing new
    for block, attribute in _COPIES:
        copies = resource.get(block)
        for number, copy in enumerate(copies if isinstance(copies, list) else ()):
            if isinstance(copy, dict) and attribute in copy:
                yield _named(resource, f"{block}.{number}.{attribute}", copy[attribute])


def _named(resource: Resource, path: str, value: Any) -> Named:
    lines = resource.lines_of(path)
    text = value if isinstance(value, str) and value else None
    if is_unresolvable(value) or text is None:
        observed = "known at apply time only" if is_unresolvable(value) else "no text"
    else:
        observed = _short(text)
    seen = Evidence(
        artefact=resource.artefact,
        line_start=lines.start,
        line_end=lines.end,
        path=resource.shown_path(path),
        observed=observed,
    )
    return Named(text, seen, resource.address)


def _judged(named: list[Named], allowed: list[Place], wanted: tuple[str, ...], brief: Brief) -> list[Finding]:
    expected = f"in {' or '.join(wanted)}"
    outside: dict[str, list[Named]] = {}
    inside, unknown, unresolved = [], [], []
    for item in named:
        place = item.place
        if item.text is None:
            unresolved.append(item)
        elif place is None:
            unknown.append(item)
        elif any(home.holds(place) for home in allowed):
            inside.append(item)
        else:
            outside.setdefault(place.region or item.text.strip().lower(), []).append(item)
    classes = brief.compliance.data_classes if brief.compliance else ()
    severity = Severity.HIGH if _SENSITIVE.intersection(classes) else Severity.MEDIUM
    found = [_outside(region, items, expected, severity) for region, items in sorted(outside.items())]
    if unresolved:
        found.append(_open(Status.UNRESOLVABLE, "Only apply time knows in which region this stands", unresolved, expected,
                           "Give the region a value in the files, or check it in the plan."))  # fmt: skip
    if unknown:
        found.append(_open(Status.NOT_ASSESSED, "In which country this stands is not known", unknown, expected, f"To have it checked, {_UNKNOWN_HINT}."))  # fmt: skip
    if inside:
        holds = _open(Status.PASS, f"Holds: what names a region stands {expected}", inside, expected, "")
        at_home = all(item.place and item.place.eea for item in inside)
        found.append(holds if at_home else holds.model_copy(update={"references": ()}))
    return found


def _outside(region: str, items: list[Named], expected: str, severity: Severity) -> Finding:
    shown = _short(region)
    place = items[0].place
    # No resource: with one, the folder of the first place would be a part of the fingerprint, and one more file could change it.
    return make_finding(
        rule_id=RULE, agent=NAME, title=f"{shown} is outside of where data has to stay", status=Status.FAIL, severity=severity,
        value=["outside", shown], evidence=_places(items, expected), references=() if place and place.eea else (TRANSFERS,),
        remediation=Remediation(
            text=f"Move what stands in {shown}, or show that none of the data gets there and say so in `compliance.data_residency`.",
            effort=Effort.WEEKS,
        ),
    )  # fmt: skip


def _open(status: Status, title: str, items: list[Named], expected: str, fix: str) -> Finding:
    return make_finding(
        rule_id=RULE, agent=NAME, title=title, status=status, severity=Severity.INFO, value=status.value,
        evidence=_places(items, expected), remediation=Remediation(text=fix, effort=Effort.MINUTES) if fix else None, references=(TRANSFERS,),
    )  # fmt: skip


def _places(items: Iterable[Named], expected: str) -> tuple[Evidence, ...]:
    """The first places by file and line, and how many more there are."""
    seen = sorted((item.seen for item in items), key=lambda e: (e.artefact, e.line_start or 0, e.path))
    shown = [e.model_copy(update={"expected": expected}) for e in seen[:_MOST_PLACES]]
    more = len(seen) - len(shown)
    if more:
        last = shown[-1]
        shown[-1] = last.model_copy(update={"observed": f"{last.observed} (and {more} more)"})
    return tuple(shown)


def _missing(field: str, title: str, hint: str) -> Finding:
    return not_assessed(
        agent=NAME, rule_id=RULE, title=title, missing=field, hint=f"{hint[:1].upper()}{hint[1:]}."
    )


def _short(text: str) -> str:
    """Fit to be shown: what an attribute holds may be anything, a secret too."""
    text = scrub(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
