"""Control ↔ rule: what the findings of the other agents say of each control, and what nobody but a person can say.

A control *fails* when a mapped rule failed, *passes* only when at least one mapped rule was decided on a resource and none failed or
stayed undecided, is *not assessed* when nothing that was handed in speaks to it, and is for a person where no rule maps to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra_mind.agents.compliance import residency
from infra_mind.knowledge import regimes
from infra_mind.knowledge.regimes import Control
from infra_mind.model.brief import Regime as RegimeName
from infra_mind.model.finding import Finding, Severity, Status

SPEAKERS = (
    "security",
    "reliability",
    "cloud",
    "compliance",
)  # agents whose findings say something of a control


_ABROAD = "transfers"


@dataclass
class Voice:
    """What speaks to one topic: findings that failed, passed, or could not be decided."""

    failed: list[Finding] = field(default_factory=list)
    passed: list[Finding] = field(default_factory=list)
    undecided: list[Finding] = field(default_factory=list)

    @property
    def spoke(self) -> bool:
        return bool(self.failed or self.passed or self.undecided)


@dataclass(frozen=True)
class Verdict:
    """What became of one control; `failed` are the findings that fail it, worst first."""

    regime: RegimeName
    control: Control
    status: Status
    failed: tuple[Finding, ...] = ()
    passed: tuple[Finding, ...] = ()
    undecided: tuple[Finding, ...] = ()
    silent: tuple[str, ...] = ()  # topics of it that nothing spoke to

    @property
    def id(self) -> str:
        """`gdpr:Art.32(1)(a)`: unique over all regimes."""
        return f"{self.regime}:{self.control.id}"


@dataclass(frozen=True)
class Standing:
    """All controls of one regime."""

    regime: RegimeName
    verdicts: tuple[Verdict, ...]

    def count(self, *statuses: Status) -> int:
        return sum(verdict.status in statuses for verdict in self.verdicts)

    @property
    def machine_checkable(self) -> int:
        return sum(bool(verdict.control.topics) for verdict in self.verdicts)

    @property
    def assessed(self) -> int:
        return self.count(Status.PASS, Status.FAIL)

    def with_status(self, status: Status) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.status is status)


def voices(findings: Iterable[Finding]) -> dict[str, Voice]:
    """Topic → what speaks to it. A failure that is only informational decides nothing; a question that is open leaves its topic undecided."""
    heard: dict[str, Voice] = {topic.id: Voice() for topic in regimes.topics().rows}
    for finding in findings:
        kept = _kept(finding)
        if kept is not None:
            for topic in regimes.topics_of(finding.rule_id, finding.control_ids):
                if topic != _ABROAD or _speaks_of_transfers(finding):
                    getattr(heard[topic], kept).append(finding)
    return heard


def _speaks_of_transfers(finding: Finding) -> bool:
    """A place in the Union is no transfer, wherever else the data should be; and that all is where it should be says nothing of a
    transfer where that is a third country."""
    decided = finding.status in (Status.PASS, Status.FAIL)
    return finding.rule_id != residency.RULE or not decided or residency.TRANSFERS in finding.references


def _kept(finding: Finding) -> str | None:
    if finding.status is Status.PASS:
        return "passed"
    if finding.status is Status.FAIL:
        if finding.severity is Severity.INFO:
            return None
        # An accepted risk is no failure any more, and no control passes by it either.
        return "failed" if finding.counts else "undecided"
    return "undecided"


def standing(regime: RegimeName, heard: Mapping[str, Voice], bound: frozenset[str]) -> Standing:
    """Every control of a regime that binds here. `bound` are the tiers of the EU AI Act that do; controls of other regimes have none."""
    rows = regimes.controls(regime).rows
    return Standing(
        regime, tuple(_verdict(regime, c, heard) for c in rows if not c.when or bound.intersection(c.when))
    )


def _verdict(regime: RegimeName, control: Control, heard: Mapping[str, Voice]) -> Verdict:
    if not control.topics:
        return Verdict(regime, control, Status.MANUAL)
    failed = _each(finding for topic in control.topics for finding in heard[topic].failed)
    passed = _each(finding for topic in control.topics for finding in heard[topic].passed)
    undecided = _each(finding for topic in control.topics for finding in heard[topic].undecided)
    held = Status.PASS if passed and not undecided else Status.NOT_ASSESSED
    status = Status.FAIL if failed else held
    silent = tuple(topic for topic in control.topics if not heard[topic].spoke)
    return Verdict(regime, control, status, failed, passed, undecided, silent)


def _each(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    unique = {finding.id: finding for finding in findings}
    return tuple(sorted(unique.values(), key=lambda f: (f.severity.rank, f.rule_id, f.resource, f.id)))


def evidence(standings: Iterable[Standing]) -> dict[str, list[str]]:
    """Id of a failed finding → ids of the controls that it fails, over all regimes."""
    found: dict[str, list[str]] = {}
    for verdict in (v for s in standings for v in s.verdicts):
        for finding in verdict.failed:
            found.setdefault(finding.id, []).append(verdict.id)
    return dict(sorted(found.items()))


def rules_by_topic() -> dict[str, tuple[str, ...]]:
    """Topic → every rule that can speak to it: those it names, and the security rules that carry its tags."""
    from infra_mind.agents.security.rules import REGISTRY  # the table alone: nothing is judged here

    found = {topic.id: set(topic.rules) for topic in regimes.topics().rows}
    for rule in REGISTRY.values():
        for topic in regimes.topics_of(rule.id, rule.controls):
            found[topic].add(rule.id)
    return {topic: tuple(sorted(rules)) for topic, rules in found.items()}


def topic_rows(heard: Mapping[str, Voice], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """For `details`: each topic with the rules that can speak to it and the findings that did."""
    rules = rules_by_topic()
    titles = regimes.topics().by_key
    return [
        {
            "topic": topic, "title": titles[topic].title, "rules": list(rules[topic]),
            "failed": [f.id for f in _each(heard[topic].failed)], "passed": len(heard[topic].passed),
            "undecided": len(heard[topic].undecided),
        }
        for topic in wanted
    ]  # fmt: skip
