"""What one request passes through: availability achieved against the target, and what would mend it."""

from __future__ import annotations

from collections.abc import Sequence

from infra_mind.agents import defaults
from infra_mind.agents.reliability.availability import (
    MINUTES_PER_30_DAYS,
    MINUTES_PER_YEAR,
    Part,
    complement,
    meets,
    replicas_for,
    series_unavailability,
    unavailability,
)
from infra_mind.model.brief import Availability, Component
from infra_mind.model.fact import Assumption, Fact, FactValue, id_parts
from infra_mind.model.finding import (
    Effort,
    Evidence,
    Finding,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)
from infra_mind.model.numbers import number, percent, percents
from infra_mind.model.result import AgentResult

NAME = "reliability"
SOURCE = "brief: availability; Trivedi & Bobbio, Reliability and Availability Engineering (2017)"
# The shares of failures that take all replicas at once, for which the table in `details` tells how much would be lost.
COMMON_CAUSE_SHARES = (0.0, 0.01, 0.05, 0.1)

INDEPENDENCE = Assumption(
    id="reliability.independence",
    text="Components and their replicas fail independently of each other; no share of the failures has a common cause.",
    value=0.0,
    unit="share of failures with a common cause",
    source="series and k-of-n formulas",
)


def assess_path(availability: Availability | None) -> AgentResult:
    """Facts of the path, the finding against the target, and what is missing for them."""
    target = availability.target if availability else None
    components = availability.components if availability else ()
    facts, findings = _budget(target)
    if not components:
        findings.append(
            not_assessed(
                agent=NAME, rule_id="reliability.path", missing="availability.components",
                title="The availability of the request's path is not reckoned: no component is given",
            )
        )  # fmt: skip
        return AgentResult(facts=tuple(facts), findings=tuple(findings))
    parts, assumed = _parts(components), (INDEPENDENCE, *_defaults(components))
    facts += _path_facts(parts)
    if target is not None:
        finding, more = _against_target(parts, target, tuple(a.id for a in assumed))
        findings.append(finding)
        facts += more
    return AgentResult(
        facts=tuple(facts),
        findings=tuple(findings),
        assumptions=assumed,
        details={"components": _table(parts), "common_cause": _common_cause(parts)},
    )


def _budget(target: float | None) -> tuple[list[Fact], list[Finding]]:
    if target is None:
        missing = not_assessed(
            agent=NAME, rule_id="reliability.target", missing="availability.target",
            title="No availability target is given, so there is no error budget and nothing to compare with",
        )  # fmt: skip
        return [], [missing]
    inputs: dict[str, FactValue] = {"target": target}
    allowed = complement(target)
    return [
        _fact("error_budget_minutes_per_30_days", _minutes(target, MINUTES_PER_30_DAYS), "minutes/30 days",
              "(1 − target) · 43 200", inputs),
        _fact("allowed_downtime_minutes_per_year", allowed * MINUTES_PER_YEAR, "minutes/year",
              "(1 − target) · 525 600", inputs),
    ], []  # fmt: skip


def _minutes(target: float, period: int) -> float:
    return round(complement(target) * period, 9)  # 43.2, not 43.199999999999996


def _parts(components: Sequence[Component]) -> list[Part]:
    """The components by a name that is theirs alone: the brief allows two of one name."""
    names = id_parts(component.name for component in components)
    return [
        Part(name, complement(c.availability), c.replicas, c.needed)
        for name, c in zip(names, components, strict=True)
    ]


def _defaults(components: Sequence[Component]) -> list[Assumption]:
    """How many replicas there are and how many it takes, where the brief does not say; of one replica one is always needed."""
    return [
        assumption
        for index, component in enumerate(components)
        for assumption in defaults.used(
            NAME, component, f"availability.components.{index}",
            "replicas", *(["needed"] if component.replicas > 1 else []),
        )
    ]  # fmt: skip


def _path_facts(parts: Sequence[Part]) -> list[Fact]:
    lost = series_unavailability(parts)
    each: dict[str, FactValue] = {part.name: 1 - unavailability(part) for part in parts}
    facts = [
        _fact("availability", 1 - lost, "share", "Π Aᵢ, Aᵢ = Σ_{j=needed}^{replicas} C(replicas, j)·A^j·(1 − A)^(replicas − j)", each),
        _fact("downtime_minutes_per_year", lost * MINUTES_PER_YEAR, "minutes/year", "(1 − availability) · 525 600",
              {"availability": 1 - lost}),
    ]  # fmt: skip
    for part in parts:
        facts.append(
            _fact(f"component.{part.name}.downtime_minutes_per_year", unavailability(part) * MINUTES_PER_YEAR,
                  "minutes/year", "(1 − k-of-n availability) · 525 600",
                  {"availability": 1 - part.unavailable, "replicas": part.replicas, "needed": part.needed})
        )  # fmt: skip
    return facts


def _against_target(
    parts: Sequence[Part], target: float, assumed: tuple[str, ...]
) -> tuple[Finding, list[Fact]]:
    lost = series_unavailability(parts)
    worst = max(parts, key=lambda part: unavailability(part))
    rests_on = (
        "reliability.availability",
        "reliability.downtime_minutes_per_year",
        "reliability.allowed_downtime_minutes_per_year",
        f"reliability.component.{worst.name}.downtime_minutes_per_year",
    )
    has, wanted = percents(1 - lost, target)
    evidence = Evidence(
        artefact="brief", path="availability.components",
        observed=f"{has} available: {_down(lost)}; most of it {worst.name} ({_down(unavailability(worst))})",
        expected=f"{wanted}: {_down(complement(target))} at the most",
    )  # fmt: skip
    if meets(lost, target):
        return make_finding(
            rule_id="reliability.target", agent=NAME, title="The path meets its availability target", status=Status.PASS,
            severity=Severity.HIGH, resource="availability.components", value="pass", evidence=(evidence,),
            facts=rests_on, assumptions=assumed,
        ), []  # fmt: skip
    planned = replicas_for(parts, target)
    facts, text, saved = _plan(parts, planned, lost, target)
    return make_finding(
        rule_id="reliability.target", agent=NAME, title="The path misses its availability target", status=Status.FAIL,
        severity=Severity.HIGH, resource="availability.components", value="fail", evidence=(evidence,),
        facts=(*rests_on, *(fact.id for fact in facts)), assumptions=assumed,
        remediation=Remediation(text=text, effort=Effort.DAYS),
        impact=Impact(downtime_minutes_per_year=saved),
    ), facts  # fmt: skip


def _plan(
    parts: Sequence[Part], planned: Sequence[Part] | None, lost: float, target: float
) -> tuple[list[Fact], str, float]:
    """Facts of the replicas that meet the target, the sentence, and the minutes a year that they save."""
    if planned is None:
        excess = (lost - complement(target)) * MINUTES_PER_YEAR
        return (
            [],
            _hopeless(parts),
            excess,
        )
    facts, steps = [], []
    for now, then in zip(parts, planned, strict=True):
        if then.replicas != now.replicas:
            steps.append(f"{now.name} from {now.replicas} to {then.replicas} replicas")
            facts.append(
                _fact(f"component.{now.name}.replicas_for_target", then.replicas, "count",
                      "replicas added one at a time where availability gains most, until target is met",
                      {"availability": 1 - now.unavailable, "replicas": now.replicas, "needed": now.needed, "target": target})
            )  # fmt: skip
    after = series_unavailability(planned)
    facts += _reached(planned, after)
    text = f"Raise {', '.join(steps)}: {percent(1 - after)} available, {_down(after)}."
    return facts, text, (lost - after) * MINUTES_PER_YEAR


def _hopeless(parts: Sequence[Part]) -> str:
    dead = [part.name for part in parts if part.unavailable >= 1]
    if dead:
        return f"No number of replicas meets the target: {', '.join(dead)} must be replaced, it is never available."
    return "No number of replicas that can be run meets the target: lower it, or take better components."


def _reached(planned: Sequence[Part], lost: float) -> list[Fact]:
    """What the path gains with the replicas that are proposed."""
    replicas: dict[str, FactValue] = {part.name: part.replicas for part in planned}
    return [
        _fact("with_replicas_for_target.availability", 1 - lost, "share", "Π Aᵢ with replicas_for_target", replicas),
        _fact("with_replicas_for_target.downtime_minutes_per_year", lost * MINUTES_PER_YEAR, "minutes/year",
              "(1 − availability) · 525 600", {"availability": 1 - lost}),
    ]  # fmt: skip


def _table(parts: Sequence[Part]) -> list[dict[str, FactValue]]:
    """Components by the downtime that they cause alone, most first."""
    rows = [
        (unavailability(part) * MINUTES_PER_YEAR, index, part) for index, part in enumerate(parts)
    ]  # fmt: skip
    return [
        {"name": part.name, "replicas": part.replicas, "needed": part.needed, "downtime_minutes_per_year": minutes}
        for minutes, _, part in sorted(rows, key=lambda row: (-row[0], row[1]))
    ]  # fmt: skip


def _common_cause(parts: Sequence[Part]) -> list[dict[str, float]]:
    return [
        {"share": share, "downtime_minutes_per_year": series_unavailability(parts, share) * MINUTES_PER_YEAR}
        for share in COMMON_CAUSE_SHARES
    ]


def _down(unavailable: float) -> str:
    return f"{number(unavailable * MINUTES_PER_YEAR)} minutes down a year"


def _fact(name: str, value: FactValue, unit: str, formula: str, inputs: dict[str, FactValue]) -> Fact:
    return Fact(
        id=f"reliability.{name}", value=value, unit=unit, formula=formula, inputs=inputs, source=SOURCE
    )
