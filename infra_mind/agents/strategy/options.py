"""From failed findings to options: one thing to do per rule, with what it brings in each of the five priorities.

A score is 0 to 1. What an agent reckoned (USD, minutes, kg) is divided by the largest of all options; the severity stands in for
the dimension that an agent speaks for, because most findings of security or reliability have no reckoned impact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from infra_mind.model.fact import Fact
from infra_mind.model.finding import Effort, Finding, Impact, Severity, Status
from infra_mind.model.numbers import number, quantity
from infra_mind.model.result import AgentResult

DIMENSIONS = ("cost", "reliability", "security", "sustainability", "speed")
RECKONED = {
    "cost": "usd_per_month",
    "reliability": "downtime_minutes_per_year",
    "sustainability": "kgco2e_per_month",
}
SPEAKS_FOR = {
    "security": "security", "compliance": "security", "reliability": "reliability", "capacity": "reliability",
    "cloud": "reliability", "mlops": "reliability", "cost": "cost", "research": "cost",
    "sustainability": "sustainability", "adoption": "speed",
}  # fmt: skip
RULE_SPEAKS_FOR = {"cloud.spare-nodes": "cost"}
SEVERITY_SCORE = {
    Severity.CRITICAL: 1.0, Severity.HIGH: 0.75, Severity.MEDIUM: 0.5, Severity.LOW: 0.25, Severity.INFO: 0.0,
}  # fmt: skip
EFFORT_SCORE = {Effort.MINUTES: 1.0, Effort.HOURS: 2 / 3, Effort.DAYS: 1 / 3, Effort.WEEKS: 0.0}
_EFFORTS = list(Effort)


@dataclass(frozen=True)
class Option:
    """All failed findings of one rule. `id` is the rule."""

    id: str
    findings: tuple[Finding, ...]
    severity: Severity
    effort: Effort
    impact: Impact

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(sorted({f.agent for f in self.findings}))

    @property
    def facts(self) -> tuple[str, ...]:
        return tuple(sorted({fact for f in self.findings for fact in f.facts}))

    @property
    def resources(self) -> tuple[str, ...]:
        return tuple(sorted({f.resource for f in self.findings if f.resource}))

    @property
    def title(self) -> str:
        """The finding's own title, with how many more there are."""
        first, more = self.findings[0].title, len(self.findings) - 1
        if not more:
            return first
        alike = all(f.title == first for f in self.findings)
        return f"{first} ({more + 1} places)" if alike else f"{first}, and {more} more of this rule"


def options(results: Mapping[str, AgentResult]) -> list[Option]:
    """One option per rule that failed anywhere, in order of rule."""
    by_rule: dict[str, list[Finding]] = {}
    for name in sorted(results):
        for finding in results[name].findings:
            if finding.status is Status.FAIL:
                by_rule.setdefault(finding.rule_id, []).append(finding)
    return [_option(rule, found) for rule, found in sorted(by_rule.items())]


def _option(rule: str, found: Sequence[Finding]) -> Option:
    findings = tuple(sorted(found, key=lambda f: (f.severity.rank, f.resource, f.id)))
    efforts = [f.remediation.effort for f in findings if f.remediation]
    return Option(
        id=rule,
        findings=findings,
        severity=findings[0].severity,
        effort=max(efforts, key=_EFFORTS.index, default=Effort.HOURS),
        impact=Impact(**{field: _sum(findings, field) for field in RECKONED.values()}),
    )


def _sum(findings: Sequence[Finding], field: str) -> float | None:
    """The sum over the findings that have it; None when none has: unknown is not zero."""
    known = [value for f in findings if f.impact and (value := getattr(f.impact, field)) is not None]
    return fsum(known) if known else None


def scores(found: Sequence[Option]) -> dict[str, tuple[float, ...]]:
    """Option → its score in each of `DIMENSIONS`."""
    largest = {
        field: max((getattr(o.impact, field) or 0.0 for o in found), default=0.0)
        for field in RECKONED.values()
    }
    return {option.id: tuple(_score(option, d, largest) for d in DIMENSIONS) for option in found}


def _score(option: Option, dimension: str, largest: Mapping[str, float]) -> float:
    field = RECKONED.get(dimension)
    reckoned = (
        (getattr(option.impact, field) or 0.0) / largest[field] if field and largest[field] > 0 else 0.0
    )
    effort = EFFORT_SCORE[option.effort] if dimension == "speed" else 0.0
    return max(0.0, reckoned, effort, _severity_score(option, dimension))


def _severity_score(option: Option, dimension: str) -> float:
    speaks = {RULE_SPEAKS_FOR.get(option.id, SPEAKS_FOR.get(agent, "reliability")) for agent in option.agents}
    return SEVERITY_SCORE[option.severity] if dimension in speaks else 0.0


def sentences(option: Option, facts: Mapping[str, Fact]) -> str:
    """What to do and what it rests on, from the findings and facts alone."""
    first = option.findings[0]
    parts = [first.remediation.text if first.remediation else f"{first.title}."]
    if len(option.resources) > 1:
        shown = ", ".join(option.resources[:3])
        more = len(option.resources) - 3
        parts.append(f"It concerns {shown}{f' and {more} more' if more > 0 else ''}.")
    parts += _brings(option)
    known = [facts[id_] for id_ in option.facts if id_ in facts]
    parts += [f"`{fact.id}` is {quantity(fact.value, fact.unit).text}." for fact in known[:4]]
    return " ".join(parts)


def _brings(option: Option) -> list[str]:
    impact, parts = option.impact, []
    if impact.usd_per_month:
        parts.append(quantity(impact.usd_per_month, "USD/month").text)
    if impact.downtime_minutes_per_year:
        parts.append(f"{number(impact.downtime_minutes_per_year)} minutes of downtime a year")
    if impact.kgco2e_per_month:
        parts.append(quantity(impact.kgco2e_per_month, "kgCO2e/month").text)
    return [f"As far as it is reckoned it saves {', '.join(parts)}."] if parts else []
