"""A result arranged for reading: what the report's templates print. Nothing is reckoned here but sums, shares and order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from infra_mind.model.fact import Assumption
from infra_mind.model.finding import Finding, Severity, Status
from infra_mind.model.numbers import bounded, money
from infra_mind.model.result import (
    AssessmentResult,
    CostLine,
    Recommendation,
    Unpriced,
    with_old_price,
    without_price,
)
from infra_mind.reports.charts import Chart, charts
from infra_mind.reports.compliance import ComplianceView
from infra_mind.reports.facts import FactBook, FactView, Pivot, pivots
from infra_mind.reports.labels import agent_title, status_title
from infra_mind.reports.usage import UsagePrice, usage_prices

SECTIONS: dict[str, tuple[str, ...]] = {
    "executive": ("overview", "recommendations", "cost", "availability", "compliance", "coverage", "assumptions", "facts", "origin"),
    "technical": (
        "overview", "recommendations", "availability", "compliance", "agents", "findings", "coverage", "assumptions", "inventory",
        "facts", "origin",
    ),
    "cost": ("overview", "recommendations", "cost", "agents", "findings", "assumptions", "facts", "origin"),
    "compliance": ("overview", "compliance", "agents", "findings", "coverage", "assumptions", "facts", "origin"),
    "full": (
        "overview", "recommendations", "cost", "availability", "compliance", "agents", "findings", "coverage", "assumptions",
        "inventory", "facts", "origin",
    ),
}  # fmt: skip
KIND_TITLES = {
    "executive": "Executive report",
    "technical": "Technical report",
    "cost": "Cost report",
    "compliance": "Compliance report",
    "full": "Assessment report",
}
SECTION_TITLES = {
    "overview": "Overview",
    "recommendations": "What to do",
    "cost": "Cost",
    "availability": "Availability against target",
    "compliance": "Compliance",
    "findings": "Findings",
    "coverage": "What was assessed",
    "assumptions": "Assumptions",
    "inventory": "Inventory",
    "facts": "Facts",
    "origin": "Data and provenance",
}
# Agents whose numbers have a section of their own; the section `agents` shows the others.
_OWN_SECTION = {"cost": "cost", "reliability": "availability", "compliance": "compliance"}
_AGENTS_OF_KIND = {
    "executive": frozenset({"cost", "reliability", "compliance"}),
    "cost": frozenset({"cost", "research", "mlops", "cloud", "capacity"}),
    "compliance": frozenset({"compliance", "security"}),
}
_ORDER = (
    "reliability", "capacity", "mlops", "cloud", "security", "compliance", "cost", "sustainability", "adoption",
    "research", "strategy",
)  # fmt: skip
MOST_BARS = 12
MOST_IN_PHASE = 10
MOST_OPEN_RECOMMENDATIONS = 20
MOST_OPEN_PLACES = 10
MOST_OPEN_ROWS = 40
EXECUTIVE_RECOMMENDATIONS = 10
_STATUS_ORDER = tuple(status.value for status in Status)


@dataclass(frozen=True)
class Bar:
    """A bar `share` (0 to 1) of the longest wide; `amount` in the chart's unit."""

    label: str
    amount: float
    share: float
    note: str = ""


@dataclass(frozen=True)
class CostGroup:
    """Priced lines of one origin with their sum, dearest first; `lacking` says what has no price and is not in it."""

    origin: str
    lines: tuple[CostLine, ...]
    usd_per_month: float
    bars: tuple[Bar, ...]
    lacking: str = ""

    @property
    def aged(self) -> str:
        """How many lines have a price that is marked as old; empty where none has."""
        return with_old_price(self.lines)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The price lists, each once, in the order in which the lines come by them."""
        return tuple(dict.fromkeys(line.source for line in self.lines))

    @property
    def total(self) -> str:
        return bounded(money(self.usd_per_month), bool(self.lacking))


@dataclass(frozen=True)
class AgentSection:
    """One agent's facts as tables and its own tables (`details`), for people who want to see how it was reckoned."""

    name: str
    title: str
    pivots: tuple[Pivot, ...]
    details: dict[str, object]
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class View:
    """What the templates of one `kind` of report read."""

    result: AssessmentResult
    kind: str
    book: FactBook

    @property
    def sections(self) -> tuple[str, ...]:
        return SECTIONS[self.kind]

    @property
    def title(self) -> str:
        return KIND_TITLES[self.kind]

    @cached_property
    def severities(self) -> tuple[tuple[str, int], ...]:
        counts = self.result.summary.findings
        known = [(severity.value, counts.get(severity.value, 0)) for severity in Severity]
        return (*known, *((name, n) for name, n in counts.items() if name not in set(Severity)))

    @cached_property
    def checks(self) -> tuple[Bar, ...]:
        counts = self.result.coverage.checks_by_status
        total = sum(counts.values())
        order = sorted(counts, key=lambda s: (_STATUS_ORDER.index(s) if s in _STATUS_ORDER else 99, s))
        return tuple(Bar(status_title(s), counts[s], counts[s] / total, s) for s in order if counts[s])

    @cached_property
    def key_facts(self) -> tuple[FactView, ...]:
        found = (self.book.get(fact_id) for fact_id in self.result.summary.key_facts)
        return tuple(view for view in found if view is not None)

    @cached_property
    def recommendations(self) -> tuple[Recommendation, ...]:
        ranked = sorted(self.result.recommendations, key=lambda r: r.rank)
        if self.kind == "cost":
            return tuple(r for r in ranked if "cost" in r.agents or r.impact.usd_per_month is not None)
        return tuple(ranked[:EXECUTIVE_RECOMMENDATIONS] if self.kind == "executive" else ranked)

    @cached_property
    def phases(self) -> tuple[tuple[str, tuple[Recommendation, ...]], ...]:
        """The roadmap: also where this kind of report shows only the first recommendations, it is made of all."""
        ranked = sorted(self.result.recommendations, key=lambda r: r.rank)
        wanted = ranked if self.kind == "executive" else self.recommendations
        spans = [f"within {days} days" for days in ("30", "60", "90")] + ["after 90 days"]
        found = ((when, tuple(r for r in wanted if r.when == when)) for when in spans)
        return tuple((when, group) for when, group in found if group or when != "after 90 days")

    @cached_property
    def ranks(self) -> dict[str, int]:
        """The rank of every recommendation, for where another points to it."""
        return {r.id: r.rank for r in reversed(self.result.recommendations)}

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        found = [finding for given in self.result.agents.values() for finding in given.findings]
        if self.kind == "executive":
            return ()
        if self.kind == "compliance":
            found = [f for f in found if f.agent == "compliance" or f.control_ids]
        if self.kind == "cost":
            found = [
                f for f in found if f.agent in ("cost", "research") or (f.impact and f.impact.usd_per_month)
            ]
        return tuple(sorted(found, key=_finding_order))

    @cached_property
    def failed(self) -> tuple[tuple[Severity, tuple[tuple[Finding, ...], ...]], ...]:
        """By severity, then the findings of one rule that say and advise the same together."""
        fails = tuple(f for f in self.findings if f.counts)
        groups = ((s, _by_rule(f for f in fails if f.severity is s)) for s in Severity)
        return tuple((severity, group) for severity, group in groups if group)

    @cached_property
    def not_failed(self) -> tuple[tuple[str, tuple[Finding, ...]], ...]:
        """What was accepted, everything that was not judged, then what passed, each with its title."""
        order = (Status.NOT_ASSESSED, Status.UNRESOLVABLE, Status.MANUAL, Status.PASS)
        groups = [("suppressed", tuple(f for f in self.with_status(Status.FAIL) if f.is_suppressed))]
        groups += [(status.value, self.with_status(status)) for status in order]
        return tuple((status, group) for status, group in groups if group)

    def with_status(self, status: Status) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.status is status)

    @cached_property
    def finding_anchors(self) -> dict[str, str]:
        """HTML id of every finding that this kind of report prints."""
        return {f.id: f"finding-{n}" for n, f in reversed(tuple(enumerate(self.findings, start=1)))}

    @cached_property
    def finding_titles(self) -> dict[str, Finding]:
        every = (f for given in self.result.agents.values() for f in given.findings)
        return {f.id: f for f in every}

    @cached_property
    def costs(self) -> tuple[CostGroup, ...]:
        lines = [line for given in self.result.agents.values() for line in given.cost_lines]
        groups = (
            _cost_group(
                origin,
                [x for x in lines if x.origin == origin],
                [x for x in self.unpriced if bool(x.artefact) == (origin == "artefact") and not x.once],
            )
            for origin in ("brief", "artefact")
        )
        return tuple(group for group in groups if group.lines)

    @cached_property
    def unpriced(self) -> tuple[Unpriced, ...]:
        return tuple(thing for given in self.result.agents.values() for thing in given.unpriced)

    @cached_property
    def lacking(self) -> str:
        """How many of all lines have no price, and of what kind; empty where all have one."""
        priced = sum(len(given.cost_lines) for given in self.result.agents.values())
        return without_price(priced, self.unpriced) if self.unpriced else ""

    @cached_property
    def usage(self) -> tuple[UsagePrice, ...]:
        """What a unit costs of everything that is billed by use."""
        given = self.result.agents.get("cost")
        return usage_prices(given.details) if given else ()

    @cached_property
    def cost_facts(self) -> tuple[FactView, ...]:
        return self.book.of("cost")

    @cached_property
    def availability(self) -> tuple[Pivot, ...]:
        return pivots(self.book.of("reliability"))

    @cached_property
    def downtime(self) -> tuple[Bar, ...]:
        """Expected downtime beside what the target allows, minutes a year; nothing unless both are known."""
        expected = self._minutes("reliability.downtime_minutes_per_year")
        allowed = self._minutes("reliability.allowed_downtime_minutes_per_year")
        if expected is None or allowed is None:
            return ()
        longest = max(expected, allowed) or 1.0
        verdict = "b-fail" if expected > allowed else ""
        return (
            Bar("Expected downtime", expected, max(0.0, expected / longest), verdict),
            Bar("Allowed by the target", allowed, max(0.0, allowed / longest)),
        )

    def _minutes(self, fact_id: str) -> float | None:
        view = self.book.get(fact_id)
        value = view.fact.value if view else None
        known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if known and value is not None else None

    @cached_property
    def availability_details(self) -> dict[str, object]:
        given = self.result.agents.get("reliability")
        return dict(given.details) if given and self.kind != "executive" else {}

    @cached_property
    def compliance(self) -> ComplianceView | None:
        """Regimes with their controls; None where the agent gave nothing."""
        given = self.result.agents.get("compliance")
        return ComplianceView.of(given.details) if given else None

    @cached_property
    def agents(self) -> tuple[AgentSection, ...]:
        found = (_agent_section(self, name) for name in self._agent_names() if self._in_agents(name))
        return tuple(section for section in found if section.pivots or section.details)

    def _agent_names(self) -> list[str]:
        names = list(self.result.agents)
        return sorted(names, key=lambda n: (_ORDER.index(n) if n in _ORDER else 99, names.index(n)))

    def _in_agents(self, name: str) -> bool:
        wanted = _AGENTS_OF_KIND.get(self.kind)
        return _OWN_SECTION.get(name) not in self.sections and (wanted is None or name in wanted)

    @cached_property
    def assumptions(self) -> tuple[tuple[str, Assumption], ...]:
        wanted = _AGENTS_OF_KIND.get(self.kind) if self.kind != "executive" else None
        return tuple(
            (agent_title(name), assumption)
            for name in self._agent_names()
            if wanted is None or name in wanted
            for assumption in self.result.agents[name].assumptions
        )

    @cached_property
    def _assumption_texts(self) -> dict[str, str]:
        return {a.id: a.text for given in self.result.agents.values() for a in given.assumptions}

    def assumed(self, findings: Iterable[Finding]) -> tuple[str, ...]:
        """What the findings take for granted, each once."""
        ids = dict.fromkeys(key for finding in findings for key in finding.assumptions)
        return tuple(self._assumption_texts[key] for key in ids if key in self._assumption_texts)

    @cached_property
    def facts(self) -> tuple[FactView, ...]:
        """The facts of the appendix: all in a full or technical report, else those that the report shows or links to."""
        wanted = _AGENTS_OF_KIND.get(self.kind)
        if wanted is None:
            return self.book.views
        linked = set(self.result.summary.key_facts)
        linked.update(*(r.facts for r in self.recommendations), *(f.facts for f in self.findings))
        shown = {v.anchor for v in self.book.views if v.agent in wanted or v.fact.id in linked}
        todo = [v for v in self.book.views if v.anchor in shown]
        by_anchor = {v.anchor: v for v in self.book.views}
        while todo:  # a formula's inputs that are facts themselves are needed to follow it
            new = {i.anchor for i in todo.pop().inputs if i.anchor and i.anchor not in shown}
            todo.extend(by_anchor[anchor] for anchor in sorted(new))
            shown |= new
        return tuple(v for v in self.book.views if v.anchor in shown)

    @cached_property
    def linkable(self) -> frozenset[str]:
        """Anchors of the facts that the appendix holds: only these are linked to."""
        return frozenset(view.anchor for view in self.facts)


def _agent_section(view: View, name: str) -> AgentSection:
    given = view.result.agents[name]
    details = {} if view.kind == "executive" else dict(given.details)
    facts = view.book.of(name)
    return AgentSection(name, agent_title(name), pivots(facts), details, charts(name, facts))


def _finding_order(finding: Finding) -> tuple[int, int, str, int, str, str]:
    first = finding.evidence[0] if finding.evidence else None
    status = list(Status).index(finding.status)
    where = (first.artefact, first.line_start or 0) if first else ("", 0)
    return (status, finding.severity.rank, *where, finding.rule_id, finding.id)


def _by_rule(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], ...]:
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        advice = finding.remediation.text if finding.remediation else ""
        groups.setdefault((finding.rule_id, finding.title, advice), []).append(finding)
    return tuple(tuple(group) for group in groups.values())


def _cost_group(origin: str, lines: Sequence[CostLine], unpriced: Sequence[Unpriced]) -> CostGroup:
    ordered = tuple(sorted(lines, key=lambda x: (-x.usd_per_month, x.what, x.address)))
    lacking = without_price(len(lines), unpriced) if unpriced else ""
    return CostGroup(origin, ordered, sum(x.usd_per_month for x in ordered), tuple(_bars(ordered)), lacking)


def _bars(lines: Iterable[CostLine]) -> list[Bar]:
    """One bar for each of the dearest things (lines of one thing together), the rest as one."""
    sums: dict[str, float] = {}
    for line in lines:
        sums[line.what] = sums.get(line.what, 0.0) + line.usd_per_month
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    shown, rest = ordered[:MOST_BARS], ordered[MOST_BARS:]
    if rest:
        shown.append((f"{len(rest)} more", sum(amount for _, amount in rest)))
    longest = max((amount for _, amount in shown), default=0.0)
    return [Bar(label, amount, max(0.0, amount / longest) if longest > 0 else 0.0) for label, amount in shown]
