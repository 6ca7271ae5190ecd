"""Adoption: how ready the organisation is for what it plans, by its own answers; build or rent; the risk tier; a roadmap from the gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Any

from infra_mind.agents import ai_act
from infra_mind.agents.adoption.criteria import (
    CRITERIA,
    DIMENSIONS,
    GAP,
    GOOGLE,
    Answer,
    Criterion,
    Known,
    classification,
)
from infra_mind.agents.adoption.decision import Decision, decisions
from infra_mind.agents.adoption.roadmap import WEEKS_PER_MONTH, Stage, stages
from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.model.fact import Assumption, Fact, FactValue
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Finding,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)
from infra_mind.model.numbers import counted, number, percent
from infra_mind.model.result import AgentResult

NAME = "adoption"
PHASES = (("tactical", 0.0), ("strategic", 1 / 3), ("transformational", 2 / 3))
# A model of one's own needs somebody who can tell whether it works.
SKILL_TO_BUILD = 3


@dataclass
class Sheet:
    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def fact(
        self, id: str, value: FactValue, unit: str, formula: str, inputs: dict[str, FactValue], source: str, as_of: str | None = None
    ) -> str:  # fmt: skip
        found = Fact(
            id=f"{NAME}.{id}", value=value, unit=unit, formula=formula, inputs=inputs, source=source, as_of=as_of
        )  # fmt: skip
        self.facts.append(found)
        return found.id

    def missing(self, rule: str, path: str, title: str, hint: str = "", given: str = "") -> None:
        self.findings.append(
            not_assessed(
                agent=NAME, rule_id=f"{NAME}.{rule}", missing=path, title=title, hint=hint, given=given
            )
        )


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `adoption.*`: a score for each question that is answered, for each dimension, and what follows from the gaps."""
    known, sheet = Known(inputs.brief, inputs.results), Sheet()
    answers = {criterion: criterion.ask(known) for criterion in CRITERIA}
    scores = {d: _dimension(d, answers, sheet) for d in DIMENSIONS}
    _overall(scores, sheet)
    progress(1, 4, "readiness")
    tier = _tier(known, scores, sheet)
    progress(2, 4, "risk tier")
    _build_or_rent(known, sheet)
    progress(3, 4, "build or rent")
    gaps = [c for c, answer in answers.items() if answer.score is not None and answer.score < GAP]
    for gap in gaps:
        sheet.findings.append(_gap(gap, answers[gap], tier))
    answered = sum(answer.score is not None for answer in answers.values())
    _roadmap(known, stages(gaps), answered, sheet)
    progress(4, 4, "roadmap")
    return AgentResult(
        facts=tuple(sorted(sheet.facts, key=lambda f: f.id)),
        findings=tuple(sheet.findings),
        assumptions=(*sheet.assumptions, _rubric()),
        details=sheet.details,
    )


def _dimension(dimension: str, answers: dict[Criterion, Answer], sheet: Sheet) -> float | None:
    """The mean of what is answered, and how much of it is answered at all; without an answer no score."""
    own = {c: a for c, a in answers.items() if c.dimension == dimension}
    known = {c: a.score for c, a in own.items() if a.score is not None}
    for criterion, answer in own.items():
        if answer.score is None:
            sheet.missing(f"{dimension}.{criterion.name}", answer.missing, f"Not judged: {criterion.title}")
        else:
            sheet.fact(f"{dimension}.{criterion.name}", answer.score, "share", criterion.rubric, answer.inputs, criterion.source, criterion.as_of)  # fmt: skip
    sheet.fact(f"{dimension}.answered", len(known) / len(own), "share", "questions with an answer / questions", {"answered": len(known), "questions": len(own)}, "brief")  # fmt: skip
    if not known:
        return None
    score = fsum(known.values()) / len(known)
    inputs: dict[str, FactValue] = {f"{NAME}.{dimension}.{c.name}": s for c, s in known.items()}
    sheet.fact(f"{dimension}.readiness", score, "share", "mean of the questions that are answered", inputs, GOOGLE, "2020")  # fmt: skip
    return score


def _overall(scores: dict[str, float | None], sheet: Sheet) -> None:
    known = {d: s for d, s in scores.items() if s is not None}
    if len(known) < len(scores):
        return  # the weakest may be the one that is not known
    weakest = min(known, key=lambda d: (known[d], DIMENSIONS.index(d)))
    inputs: dict[str, FactValue] = {f"{NAME}.{d}.readiness": s for d, s in known.items()}
    sheet.fact("readiness", known[weakest], "share", "the lowest of the dimensions: a chain holds as much as its weakest link", inputs, GOOGLE, "2020")  # fmt: skip
    sheet.fact("weakest", weakest, "text", "the dimension with the lowest readiness", inputs, GOOGLE, "2020")
    phase = [name for name, least in PHASES if known[weakest] >= least][-1]
    sheet.fact("phase", phase, "text", "tactical below 1/3, strategic below 2/3, else transformational, of adoption.readiness", {f"{NAME}.readiness": known[weakest]}, f"{GOOGLE}, the three phases", "2020")  # fmt: skip


def _tier(known: Known, scores: dict[str, float | None], sheet: Sheet) -> ai_act.Tier | None:
    found = classification(known)
    if found.tier is None:
        for path in found.missing:
            sheet.missing("risk_tier", path, f"The risk tier of the AI use is open: {found.reason}")
        return None
    fact = sheet.fact("risk_tier", found.tier.value, "text", f"{found.article}: {found.reason}", {}, ai_act.AMENDED)  # fmt: skip
    governance = scores["governance"]
    if found.tier in (ai_act.Tier.HIGH_RISK, ai_act.Tier.PROHIBITED) and governance is not None:
        ready = governance >= PHASES[-1][1]
        sheet.findings.append(
            make_finding(
                rule_id=f"{NAME}.risk", agent=NAME, status=Status.PASS if ready else Status.FAIL, severity=Severity.INFO if ready else Severity.HIGH,
                confidence=Confidence.MEDIUM, resource="compliance.ai_use", value=[found.tier.value, ready],
                title=f"The use is {found.tier.value.replace('_', ' ')} and governance is {percent(round(governance, 3))} ready",
                evidence=(Evidence(artefact="brief", path="compliance.ai_use", observed=percent(round(governance, 3)), expected=f"{percent(round(PHASES[-1][1], 3))} or more"),),
                facts=(fact, f"{NAME}.governance.readiness"),
                remediation=None if ready else Remediation(text="Close the gaps of governance before the use goes further: the duties of its tier come first.", effort=Effort.WEEKS),
            )
        )  # fmt: skip
    return found.tier


def _build_or_rent(known: Known, sheet: Sheet) -> None:
    if not known.brief.llm_serving and not known.brief.llm_api:
        sheet.missing("build_or_rent", "llm_serving", "No model is described: there is nothing to build or to rent")  # fmt: skip
    for choice in decisions(known.brief, known.results.get("cost")):
        if choice.choice is None:
            hint = "Why it has no price stands with the cost agent." if choice.given else "Name a model to rent in llm_api, with its tokens, and give the load of the own one."  # fmt: skip
            sheet.missing("build_or_rent", choice.missing, f"{choice.name}: build or rent is open, for want of a price of the one or the other", hint, choice.given)  # fmt: skip
            continue
        fact = sheet.fact(f"build_or_rent.{choice.part}.choice", choice.choice, "text", "rent where the cheapest rented model costs less than the own GPUs at the brief's load, else build; by money alone", choice.inputs, choice.source, choice.as_of)  # fmt: skip
        _can_build(known, choice, fact, sheet)


def _can_build(known: Known, choice: Decision, fact: str, sheet: Sheet) -> None:
    skill = known.team.ml_skill
    if choice.choice != "build" or skill is None:
        return
    able = skill >= SKILL_TO_BUILD
    sheet.findings.append(
        make_finding(
            rule_id=f"{NAME}.build-needs-skills", agent=NAME, status=Status.PASS if able else Status.FAIL, severity=Severity.INFO if able else Severity.MEDIUM,
            confidence=Confidence.LOW, resource=f"llm_serving.{choice.name}", value=skill,
            title=f"{choice.name}: own GPUs cost less, and the team's skill in machine learning is {number(skill)} of 5",
            evidence=(Evidence(artefact="brief", path="organisation.team.ml_skill", observed=number(skill), expected=f"{SKILL_TO_BUILD} or more"),),
            facts=(fact, f"{NAME}.skills.ml"),
            remediation=None if able else Remediation(text="Rent until the team can validate a model of its own, where the data may leave; train or hire meanwhile.", effort=Effort.WEEKS),
        )
    )  # fmt: skip


def _gap(gap: Criterion, answer: Answer, tier: ai_act.Tier | None) -> Finding:
    score = answer.score or 0.0
    severe = gap.dimension == "governance" and tier is ai_act.Tier.HIGH_RISK
    seen = ", ".join(f"{k}: {v:g}" if isinstance(v, float) else f"{k}: {v}" for k, v in answer.inputs.items())  # fmt: skip
    field_ = next((k for k in answer.inputs if "." in k), gap.dimension)
    return make_finding(
        rule_id=f"{NAME}.{gap.dimension}.{gap.name}", agent=NAME, status=Status.FAIL,
        severity=Severity.HIGH if severe else Severity.MEDIUM if score == 0 else Severity.LOW, confidence=Confidence.LOW,
        resource=field_, value=round(score, 3), title=f"A gap in {gap.dimension}: {gap.title}, {percent(round(score, 3))} of what it could be",
        evidence=(Evidence(artefact="brief", path=field_, observed=seen, expected=f"{percent(GAP)} or more: {gap.rubric}"),),
        facts=(f"{NAME}.{gap.dimension}.{gap.name}",), assumptions=(f"{NAME}.rubric",),
        remediation=Remediation(text=gap.fix, effort=gap.effort), references=(gap.source,),
    )  # fmt: skip


def _roadmap(known: Known, found: Sequence[Stage], answered: int, sheet: Sheet) -> None:
    if answered:  # without an answer none is known, which is not none
        sheet.fact("gaps", sum(len(stage.gaps) for stage in found), "count", f"questions whose score is below {percent(GAP)}", {"answered": answered, "questions": len(CRITERIA)}, "brief")  # fmt: skip
    for place, stage in enumerate(found, start=1):
        inputs: dict[str, FactValue] = {"start_week": stage.start_week, "gaps": ", ".join(f"{NAME}.{g.dimension}.{g.name}" for g in stage.gaps)}  # fmt: skip
        sheet.fact(f"roadmap.{place}_{stage.name}.weeks", stage.weeks, "weeks", "the longest piece of work of the stage: hours 1, days 2, weeks 8", inputs, "planning value of this package")  # fmt: skip
    sheet.details["roadmap"] = [
        {
            "stage": place, "name": stage.name, "from_week": stage.start_week, "to_week": stage.end_week,
            "what": [gap.fix for gap in stage.gaps], "facts": [f"{NAME}.{gap.dimension}.{gap.name}" for gap in stage.gaps],
        }
        for place, stage in enumerate(found, start=1)
    ]  # fmt: skip
    months = known.brief.organisation.timeline_months if known.brief.organisation else None
    if found:
        sheet.assumptions.append(_stage_lengths())
    if found and months is not None:
        _timeline(found[-1].end_week, months, sheet)


def _timeline(weeks: int, months: float, sheet: Sheet) -> None:
    there = months * WEEKS_PER_MONTH
    fact = sheet.fact("roadmap_weeks", weeks, "weeks", "Σ weeks of the stages, one after the other", {"timeline_weeks": there}, "planning value of this package")  # fmt: skip
    fits = weeks <= there
    sheet.findings.append(
        make_finding(
            rule_id=f"{NAME}.timeline", agent=NAME, status=Status.PASS if fits else Status.FAIL, severity=Severity.INFO if fits else Severity.MEDIUM,
            confidence=Confidence.LOW, resource="organisation.timeline_months", value=[weeks, months],
            title=f"Closing the gaps takes about {counted(weeks, 'week')}, and the timeline has {counted(round(there), 'week')}",
            evidence=(Evidence(artefact="brief", path="organisation.timeline_months", observed=counted(round(there), "week"), expected=f"{counted(weeks, 'week')} or more"),),
            facts=(fact,), assumptions=(f"{NAME}.stages",),
            remediation=None if fits else Remediation(text="Work on several stages at once, narrow the first use, or give it more time.", effort=Effort.DAYS),
        )
    )  # fmt: skip


def _rubric() -> Assumption:
    return Assumption(
        id=f"{NAME}.rubric", value=GAP, unit="share",
        text="The frameworks name what matters and give no numbers: the scores of 0 to 1, the mean over a dimension, a gap below half and the "
        "thirds of the phases are this package's reading. They rest on what the organisation says of itself.",
        source=GOOGLE,
    )  # fmt: skip


def _stage_lengths() -> Assumption:
    return Assumption(
        id=f"{NAME}.stages", value="hours 1, days 2, weeks 8", unit="weeks",
        text="How long a stage takes follows from the effort of its longest piece of work, done beside the daily work", source="planning value of this package",
        field="organisation.timeline_months",
    )  # fmt: skip


AGENT = Agent(
    name=NAME,
    assess=assess,
    needs=("mlops",),
    after=("compliance", "cost"),
    reads=("organisation", "compliance", "llm_serving", "llm_api", "training"),
    title="AI readiness",
    version=2,
)
