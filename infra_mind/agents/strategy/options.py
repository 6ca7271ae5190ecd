"""From failed findings to options: one thing to do per piece of work, with what it brings in each of the five priorities.

A score is 0 to 1, and less where a change costs something there. What an agent reckoned (USD, minutes, kg) is taken as a share of the total, and all of it counts a
little less than a critical finding; the severity, and what tells findings of
one severity apart, stands in for the dimension that an agent speaks for: most findings of security have no reckoned impact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum

from infra_mind.agents.strategy.circumstances import Circumstances, Weight, controls_failed, weigh
from infra_mind.agents.strategy.remedies import remedy_of, thing_of
from infra_mind.model.fact import Fact, id_part
from infra_mind.model.finding import LEAST_USD, Effort, Finding, Impact, Severity
from infra_mind.model.numbers import counted, quantity
from infra_mind.model.result import AgentResult

DIMENSIONS = ("cost", "reliability", "security", "sustainability", "speed")
# Dimension → the impact of a finding, and the fact that is all there is to save.
RECKONED = {
    "cost": ("usd_per_month", "cost.total_usd_per_month"),
    "reliability": ("downtime_minutes_per_year", "reliability.downtime_minutes_per_year"),
    "sustainability": ("kgco2e_per_month", "sustainability.kgco2e_per_month"),
}
SPEAKS_FOR = {
    "security": "security", "compliance": "security", "reliability": "reliability", "capacity": "reliability",
    "cloud": "reliability", "mlops": "reliability", "cost": "cost", "research": "cost",
    "sustainability": "sustainability", "adoption": "speed",
}  # fmt: skip
RULE_SPEAKS_FOR = {"cloud.spare-nodes": "cost", "cost.gpu-nodes": "reliability"}
# Findings that only count up others: what mends them stands in those.
SUMS = frozenset({"compliance.controls", "adoption.governance.controls"})
LEAST_SHARE = 0.001
STEP = 0.2  # from one severity to the next
SEVERITY_SCORE = {
    Severity.CRITICAL: 0.8, Severity.HIGH: 0.6, Severity.MEDIUM: 0.4, Severity.LOW: 0.2, Severity.INFO: 0.0,
}  # fmt: skip
# All there is to save counts a little less than a critical finding at its least: most of those cannot be reckoned, and are not less for that.
MOST_RECKONED = SEVERITY_SCORE[Severity.CRITICAL] - 0.01
DAYS_OF_EFFORT = {Effort.MINUTES: 0.1, Effort.HOURS: 0.5, Effort.DAYS: 3.0, Effort.WEEKS: 10.0}  # person-days
# What is soon done is worth something, and a morning is hardly more than a minute beside a week: linear in person-days.
EFFORT_SCORE = {effort: 1.0 - days / DAYS_OF_EFFORT[Effort.WEEKS] for effort, days in DAYS_OF_EFFORT.items()}
_EFFORTS = list(Effort)
_MOST_FACTS = 4
_MOST_CONTROLS = 4
_UNITS = {
    "usd_per_month": "USD/month", "downtime_minutes_per_year": "minutes/year", "kgco2e_per_month": "kgCO2e/month",
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """All failed findings that one piece of work mends, worst first. `id` names it: the rule where it stands alone.

    `controls` of the regimes in scope fail by them; `about` stands in the title where another option has the same words."""

    id: str
    findings: tuple[Finding, ...]
    severity: Severity
    effort: Effort
    impact: Impact
    controls: tuple[str, ...] = ()
    about: str = ""

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
    def rules(self) -> tuple[str, ...]:
        """The rules, that of the worst finding first."""
        return tuple(dict.fromkeys(f.rule_id for f in self.findings))

    @property
    def title(self) -> str:
        """The worst finding's own title, with how many more there are."""
        return f"{self.words} ({self.about})" if self.about else self.words

    @property
    def words(self) -> str:
        first, more = self.findings[0].title, len(self.findings) - 1
        if not more:
            return first
        if len(self.rules) > 1:
            others = len(self.rules) - 1
            rules = "rule" if others == 1 else "rules"
            return f"{first}, and {others} more {rules} on {thing_of(self.rules[0])} ({more + 1} places)"
        alike = all(f.title == first for f in self.findings)
        return f"{first} ({more + 1} places)" if alike else f"{first}, and {more} more of this rule"

    def weight(self, here: Circumstances) -> Weight:
        """What tells it apart from others of its severity."""
        places = {
            (f.evidence[0].artefact if f.evidence else "", f.resource) for f in self.findings if f.resource
        }
        return weigh(self.rules, places, "security" in self.agents, here, len(self.controls))


def options(results: Mapping[str, AgentResult]) -> list[Option]:
    """One option per piece of work for what failed anywhere and nobody accepted, in order of id; a rule that is alone in its work gives it its name."""
    by_work: dict[str, list[Finding]] = {}
    fails = controls_failed(results)
    for name in sorted(results):
        for finding in results[name].findings:
            if finding.counts and finding.rule_id not in SUMS:
                by_work.setdefault(remedy_of(finding.rule_id, finding.severity), []).append(finding)
    # A rule whose findings differ in severity may stand in two pieces of work: then neither is named after it.
    split = {
        rule for rule in _rules(by_work) if sum(rule in {f.rule_id for f in w} for w in by_work.values()) > 1
    }
    found = []
    for work, findings in by_work.items():
        rules = {f.rule_id for f in findings}
        alone = len(rules) == 1 and not rules & split
        found.append(_option(findings[0].rule_id if alone else work, findings, fails))
    words = Counter(option.findings[0].title for option in found)
    least = _least_usd(results)
    found = [option for option in found if not _is_trifle(option, least)]
    told_apart = [
        replace(option, about=thing_of(option.rules[0])) if _needs_words(option, words) else option
        for option in found
    ]
    return sorted(told_apart, key=lambda option: option.id)


def _least_usd(results: Mapping[str, AgentResult]) -> float:
    """A dollar a month, or a thousandth of all that is paid: what saves less moves nothing and would stand above what does by being soon done."""
    paid = {"cost.total_usd_per_month", "cost.artefacts_usd_per_month"}
    facts = results["cost"].facts if "cost" in results else ()
    return max(LEAST_USD, LEAST_SHARE * fsum(float(f.value) for f in facts if f.id in paid))


def _is_trifle(option: Option, least: float) -> bool:
    """True for what saves money alone, and less than `least` USD a month."""
    impact = option.impact
    saved, others = impact.usd_per_month, (impact.kgco2e_per_month, impact.downtime_minutes_per_year)
    money_alone = (
        all(SPEAKS_FOR.get(agent) == "cost" for agent in option.agents) and option.id not in RULE_SPEAKS_FOR
    )
    return money_alone and saved is not None and 0 <= saved < least and not any(others)


def _needs_words(option: Option, words: Mapping[str, int]) -> bool:
    """The title of several rules names the thing already."""
    return words[option.findings[0].title] > 1 and len(option.rules) == 1


def _rules(by_work: Mapping[str, Sequence[Finding]]) -> set[str]:
    return {f.rule_id for findings in by_work.values() for f in findings}


def _option(name: str, found: Sequence[Finding], fails: Mapping[str, Sequence[str]]) -> Option:
    findings = tuple(sorted(found, key=lambda f: (f.severity.rank, f.rule_id, f.resource, f.id)))
    efforts = [f.remediation.effort for f in findings if f.remediation]
    return Option(
        id=name,
        findings=findings,
        severity=findings[0].severity,
        effort=max(efforts, key=_EFFORTS.index, default=Effort.HOURS),
        impact=Impact(**{field: _sum(findings, field) for field, _ in RECKONED.values()}),
        controls=tuple(sorted({control for f in findings for control in fails.get(f.id, ())})),
    )


def _sum(findings: Sequence[Finding], field: str) -> float | None:
    """The sum over the findings that have it; None when none has: unknown is not zero."""
    known = [value for f in findings if f.impact and (value := getattr(f.impact, field)) is not None]
    return fsum(known) if known else None


def scores(
    found: Sequence[Option], facts: Mapping[str, Fact], here: Circumstances
) -> dict[str, tuple[float, ...]]:
    """Option → its score in each of `DIMENSIONS`."""
    whole = {d: _whole(found, facts, *RECKONED[d]) for d in RECKONED}
    return {option.id: tuple(_score(option, d, whole, here) for d in DIMENSIONS) for option in found}


def _whole(found: Sequence[Option], facts: Mapping[str, Fact], field: str, total: str) -> float:
    """All there is to save; the largest saving or cost where no total is known or it is larger (artefacts are in no total)."""
    fact = facts.get(total)
    known = float(fact.value) if fact and not isinstance(fact.value, str | bool) else 0.0
    return max([known, *(abs(float(getattr(o.impact, field) or 0.0)) for o in found)])


def _score(option: Option, dimension: str, whole: Mapping[str, float], here: Circumstances) -> float:
    reckoned = 0.0
    if whole.get(dimension, 0.0) > 0:
        reckoned = (getattr(option.impact, RECKONED[dimension][0]) or 0.0) / whole[dimension]
    effort = EFFORT_SCORE[option.effort] if dimension == "speed" else 0.0
    most = 1.0 if option.severity is Severity.CRITICAL else MOST_RECKONED
    gain = max(0.0, most * reckoned, effort, _severity_score(option, dimension, here))
    # What a change costs is set against what it brings there: a trade-off is seen in the score, not only in the text.
    return max(-1.0, gain + min(0.0, reckoned))


def _severity_score(option: Option, dimension: str, here: Circumstances) -> float:
    speaks = {RULE_SPEAKS_FOR.get(option.id, SPEAKS_FOR.get(agent, "reliability")) for agent in option.agents}
    if dimension not in speaks:
        return 0.0
    return SEVERITY_SCORE[option.severity] + STEP * option.weight(here).step


def sentences(option: Option, facts: Mapping[str, Fact]) -> str:
    """What to do and what it rests on, from the findings and facts alone."""
    first = option.findings[0]
    parts = [first.remediation.text if first.remediation else f"{first.title}."]
    parts += _also(option)
    if len(option.resources) > 1:
        shown = ", ".join(option.resources[:3])
        more = len(option.resources) - 3
        parts.append(f"It concerns {shown}{f' and {more} more' if more > 0 else ''}.")
    parts += _brings(option, facts)
    known = [facts[id_] for id_ in option.facts if id_ in facts]
    parts += [f"`{fact.id}` is {quantity(fact.value, fact.unit).text}." for fact in known[:_MOST_FACTS]]
    return " ".join(parts)


def _also(option: Option) -> list[str]:
    """The other rules that the same work mends, each by a finding of its own."""
    others = {rule: [f for f in option.findings if f.rule_id == rule] for rule in option.rules[1:]}
    said = [f"{found[0].title} (`{rule}`, {len(found)}×)" for rule, found in others.items()]
    return [f"The same work mends: {'; '.join(said)}."] if said else []


def impact_fact(option: Option, field: str) -> str:
    """The id of the fact that says what an option saves or costs."""
    return f"strategy.impact.{id_part(option.id)}.{field}"


def _brings(option: Option, facts: Mapping[str, Fact]) -> list[str]:
    saves: list[str] = []
    costs: list[str] = []
    for field, _ in RECKONED.values():
        value = getattr(option.impact, field)
        if value:
            fact = impact_fact(option, field)
            shown = quantity(abs(value), _UNITS[field]).text + (f" (`{fact}`)" if fact in facts else "")
            (saves if value > 0 else costs).append(shown)
    parts = [f"saves {', '.join(saves)}"] if saves else []
    parts += [f"costs {', '.join(costs)}"] if costs else []
    said = [f"As far as it is reckoned it {' and '.join(parts)}."] if parts else []
    return said + _mends(option)


def _mends(option: Option) -> list[str]:
    """The controls that fail by it."""
    shown, more = ", ".join(option.controls[:_MOST_CONTROLS]), len(option.controls) - _MOST_CONTROLS
    if not shown:
        return []
    return [
        f"{counted(len(option.controls), 'control')} in scope {'fails' if len(option.controls) == 1 else 'fail'} by it: {shown}{f' and {more} more' if more > 0 else ''}."
    ]
