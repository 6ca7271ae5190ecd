"""Strategy: all failed findings as ranked options by the brief's priorities, in three phases, and the delivery cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.strategy import dora, roadmap
from infra_mind.agents.strategy.circumstances import circumstances
from infra_mind.agents.strategy.costs import with_costs
from infra_mind.agents.strategy.options import (
    DIMENSIONS,
    RECKONED,
    Option,
    impact_fact,
    options,
    scores,
    sentences,
)
from infra_mind.agents.strategy.ranking import DRAWS, SIGMA, Ranked, rank
from infra_mind.agents.strategy.roadmap import Planned
from infra_mind.model.brief import Brief, Priorities
from infra_mind.model.fact import Assumption, Fact, FactValue, id_part
from infra_mind.model.finding import Finding, not_assessed
from infra_mind.model.result import AgentResult, Recommendation

NAME = "strategy"
AFTER = (
    "cloud", "security", "reliability", "mlops", "capacity", "research", "compliance", "cost", "sustainability", "adoption",
)  # fmt: skip


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Ranked recommendations from the findings of whatever agents are there, and facts `strategy.*`."""
    others = {name: result for name, result in inputs.results.items() if name != NAME}
    results = with_costs(others, inputs.brief.hosting)
    found = options(results)
    weights, assumptions = priorities(inputs.brief.priorities)
    facts = {fact.id: fact for result in results.values() for fact in result.facts}
    here = circumstances(results, inputs.brief)
    scored = scores(found, facts, here)
    ranked = rank(scored, weights, lambda done, total: progress(done, total + 1, "perturbed weights"))
    by_id = {option.id: option for option in found}
    impacts = [fact for option in found for fact in _impacts(option)]
    facts |= {fact.id: fact for fact in impacts}
    team = roadmap.team_of(inputs.brief)
    planned = roadmap.plan([by_id[r.id] for r in ranked], team)
    dora_facts, dora_findings = _delivery(inputs.brief)
    progress(DRAWS + 1, DRAWS + 1, "recommendations")
    return AgentResult(
        facts=(
            Fact(id="strategy.options", value=len(found), unit="count", formula="pieces of work that mend at least one failed finding",
                 inputs={"agents": len(results)}, source="findings of all agents"),
            *(_weight(d, w, inputs.brief.priorities) for d, w in zip(DIMENSIONS, weights, strict=True)),
            *(_utility(r, scored[r.id]) for r in ranked),
            *impacts,
            *(roadmap.facts(planned, team, _timeline(inputs.brief)) if found else ()),
            *dora_facts,
            *_budget(inputs.brief, facts),
        ),
        findings=tuple(dora_findings),
        assumptions=(*assumptions, *((*_SCORING, *roadmap.assumptions(team)) if found else ())),
        recommendations=tuple(
            _recommendation(place, r, by_id, planned[r.id], facts) for place, r in enumerate(ranked, start=1)
        ),
        details={
            "scores": {i: dict(zip(DIMENSIONS, s, strict=True)) for i, s in scored.items()},
            "apart": {option.id: asdict(option.weight(here)) for option in found},
            "trade_offs": _trade_offs([by_id[r.id] for r in ranked]),
            "roadmap": [_when(planned[r.id]) for r in ranked],
        },
    )  # fmt: skip


def priorities(given: Priorities | None) -> tuple[tuple[float, ...], list[Assumption]]:
    """Weights in the order of `DIMENSIONS`. Absent ones weigh as much as the mean of those that are given; without any, or with
    nothing but zeros, all weigh the same. What was put in is said as an assumption."""
    known = {d: w for d in DIMENSIONS if given and (w := getattr(given, d)) is not None}
    if not any(known.values()):
        why = "No priorities are given" if not known else "All priorities that are given are 0"
        return (1.0,) * len(DIMENSIONS), [
            _equal("strategy.equal_weights", f"{why}: all five weigh the same.", 1.0, "priorities")
        ]
    mean = sum(known.values()) / len(known)
    assumed = [
        _equal(f"strategy.weight_of_{d}", f"No priority for {d} is given: it weighs the mean of the others.", mean, f"priorities.{d}")
        for d in DIMENSIONS if d not in known
    ]  # fmt: skip
    return tuple(known.get(d, mean) for d in DIMENSIONS), assumed


def _equal(id_: str, text: str, value: float, field: str) -> Assumption:
    return Assumption(
        id=id_, text=text, value=value, unit="weight 0 to 5", source="equal treatment", field=field
    )


_SCORING = (
    Assumption(
        id="strategy.scores",
        text="A reckoned impact counts as its share of the total × 0.79 (× 1 for a critical finding), what a change costs against it; one that no agent reckoned adds nothing. The severity (critical 0.8, high "
        "0.6, medium 0.4, low 0.2, info 0) stands in for the priority that the agent speaks for; effort is speed, linear in person-days (minutes 0.99, hours 0.95, days 0.7, "
        "weeks 0). What saves money alone and less than a dollar a month, or than a thousandth of all that is paid, is left out.",
        source="scoring of this package",
    ),
    Assumption(
        id="strategy.apart",
        text="Findings of one severity are told apart within the step of 0.2 to the next: 0.4 of it for what the internet reaches (half "
        "as much where only the resource is reachable by another opening), 0.2 of it for the resources concerned (1 − 1/n), 0.2 of it where health, "
        "payment, personal data or credentials could get out that way, 0.2 of it for the controls in scope that fail by it (1 − 1/(1 + n)).",
        source="scoring of this package",
        field="compliance.data_classes",
    ),
    Assumption(
        id="strategy.work",
        text="Security rules about the same kind of thing are one piece of work, critical and high ones apart from the rest.",
        source="scoring of this package",
    ),
    Assumption(
        id="strategy.perturbation",
        text="Rank stability and ties: each weight is multiplied by a lognormal value, seeded, this often and this wide.",
        value=f"{DRAWS} draws, sigma {SIGMA}",
        source="scoring of this package",
        field="priorities",
    ),
)  # fmt: skip


def _recommendation(
    place: int, ranked: Ranked, by_id: Mapping[str, Option], planned: Planned, facts: Mapping[str, Fact]
) -> Recommendation:
    option = by_id[ranked.id]
    waits = "".join(f" First `{id_}`: {why}." for id_, why in planned.after)
    own = tuple(impact_fact(option, field) for field, _ in RECKONED.values() if getattr(option.impact, field))
    return Recommendation(
        rank=place, id=option.id, title=option.title, text=sentences(option, facts) + waits, severity=option.severity,
        effort=option.effort, utility=ranked.utility, pareto=ranked.pareto, rank_stability=ranked.stability,
        tie_with=ranked.tie_with, phase=planned.phase, done_by_day=round(planned.done_by_day, 1), impact=option.impact, control_ids=option.controls,
        after=tuple(dict.fromkeys(id_ for id_, _ in planned.after)), findings=tuple(f.id for f in option.findings),
        facts=(*option.facts, *own), agents=option.agents,
    )  # fmt: skip


def _impacts(option: Option) -> list[Fact]:
    """What an option saves, or costs where it is negative: the sum over its findings that have it."""
    units = {
        "usd_per_month": "USD/month",
        "downtime_minutes_per_year": "minutes/year",
        "kgco2e_per_month": "kgCO2e/month",
    }
    return [
        Fact(
            id=impact_fact(option, field), value=value, unit=units[field], formula="Σ over its findings of what an agent reckoned; positive is saved",
            inputs={f.id: getattr(f.impact, field) for f in option.findings if f.impact and getattr(f.impact, field) is not None},
            source=", ".join(option.agents),
        )
        for field, _ in RECKONED.values()
        if (value := getattr(option.impact, field))
    ]  # fmt: skip


def _trade_offs(ranked: Sequence[Option]) -> list[dict[str, Any]]:
    """One row for each change of which anything is known in money, carbon, minutes or controls; None is not reckoned."""
    rows = []
    for option in ranked:
        reckoned = {field: getattr(option.impact, field) for field, _ in RECKONED.values()}
        if any(reckoned.values()) or option.controls:
            signs = {value > 0 for value in reckoned.values() if value}
            rows.append({
                "change": option.id, **reckoned, "controls": list(option.controls), "person_days": roadmap.person_days(option),
                "trades": signs == {True, False} or (False in signs and bool(option.controls)),
            })  # fmt: skip
    return rows


def _timeline(brief: Brief) -> float | None:
    return brief.organisation.timeline_months if brief.organisation else None


def _when(planned: Planned) -> dict[str, Any]:
    return {
        "change": planned.id, "person_days": planned.person_days, "done_by_day": round(planned.done_by_day, 1),
        "fits_in_90_days": planned.fits, "after": [{"change": id_, "why": why} for id_, why in planned.after],
    }  # fmt: skip


def _weight(dimension: str, weight: float, given: Priorities | None) -> Fact:
    named = given is not None and getattr(given, dimension) == weight
    return Fact(
        id=f"strategy.weight.{dimension}", value=weight, unit="weight 0 to 5", formula="given" if named else "equal treatment",
        inputs={}, source=f"brief: priorities.{dimension}" if named else "assumption",
    )  # fmt: skip


def _utility(ranked: Ranked, scored: tuple[float, ...]) -> Fact:
    inputs: dict[str, FactValue] = dict(zip(DIMENSIONS, scored, strict=True))
    return Fact(
        id=f"strategy.utility.{id_part(ranked.id)}", value=ranked.utility, unit="share", formula="Σ weight · score / Σ weight",
        inputs=inputs, source="findings of all agents; brief: priorities",
    )  # fmt: skip


def _delivery(brief: Brief) -> tuple[list[Fact], list[Finding]]:
    delivery = brief.organisation.delivery if brief.organisation else None
    fact = dora.cluster(delivery) if delivery else None
    if fact is not None:
        return [fact], []
    return [], [
        not_assessed(
            agent=NAME, rule_id="strategy.dora", missing="organisation.delivery",
            title="The delivery cluster is not judged: none of the four delivery metrics is given",
        )
    ]  # fmt: skip


def _budget(brief: Brief, facts: dict[str, Fact]) -> list[Fact]:
    """How much of the budget is used, where the cost agent has a total."""
    budget = brief.budget.usd_per_month if brief.budget else None
    total = facts.get("cost.total_usd_per_month")
    if not budget or total is None or isinstance(total.value, str):
        return []
    return [
        Fact(id="strategy.budget_used", value=total.value / budget, unit="share",
             formula="cost.total_usd_per_month / usd_per_month",
             inputs={"cost.total_usd_per_month": total.value, "usd_per_month": budget, "unpriced": total.inputs.get("unpriced", 0)},
             source="brief: budget")
    ]  # fmt: skip


AGENT = Agent(
    name=NAME,
    assess=assess,
    after=AFTER,
    reads=("priorities", "organisation", "budget", "compliance", "hosting"),
    title="Strategy",
    version=6,
)
