"""What nobody but a person can answer, as questions with a suggested owner and a date: one finding for each owner, not one for each control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra_mind.agents.compliance.controls import Standing, Verdict
from infra_mind.knowledge import regimes
from infra_mind.model.fact import Assumption
from infra_mind.model.finding import Effort, Evidence, Finding, Remediation, Severity, Status, make_finding
from infra_mind.model.numbers import counted

NAME = "compliance"
RULE = "compliance.questions"
OWNERS: Mapping[str, str] = {
    "security": "security lead", "platform": "platform team", "engineering": "engineering lead",
    "data_protection": "data protection officer", "legal": "legal counsel", "management": "management",
    "people": "human resources", "facilities": "facilities", "procurement": "procurement", "ai_product": "owner of the AI system",
}  # fmt: skip
DAYS_LAW, DAYS_OTHER = 30, 90
_SHOWN = 4


@dataclass(frozen=True)
class Due:
    """By when: a day of the law that is still to come, else a number of days from the assessment."""

    text: str
    order: str


def due(verdict: Verdict, today: str = "") -> Due:
    """The regime's own date where it is still to come, on the day of the table and on `today` (that of the task), else days."""
    head = max(regimes.dates().head.as_of, today)
    day = regimes.dates().by_key[verdict.control.date] if verdict.control.date else None
    if day is not None and day.status == "adopted" and day.date > head:
        return Due(f"{day.date} ({day.citation})", day.date)
    days = DAYS_LAW if regimes.regimes().by_key[verdict.regime].binding == "law" else DAYS_OTHER
    return Due(f"within {days} days of the assessment", f"{days:04d}")


def question(verdict: Verdict) -> str:
    """One control as a question."""
    level = f" ({verdict.control.level})" if verdict.control.level else ""
    return f"{verdict.control.title}{level}: how is it met, and what shows it?"


def assess_questions(standings: Iterable[Standing], today: str = "") -> list[Finding]:
    """One `manual` finding for each regime, owner and date; the single questions stand in `details`."""
    return [finding for standing in standings for finding in _of(standing, today)]


def _of(standing: Standing, today: str) -> list[Finding]:
    groups: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in standing.with_status(Status.MANUAL):
        when = due(verdict, today)
        groups.setdefault((when.order, verdict.control.owner, when.text), []).append(verdict)
    return [
        _finding(standing, owner, text, groups[order, owner, text]) for order, owner, text in sorted(groups)
    ]


def _finding(standing: Standing, owner: str, until: str, asked: list[Verdict]) -> Finding:
    regime = regimes.regimes().by_key[standing.regime]
    shown = [f"{v.control.id} {v.control.title}" for v in asked[:_SHOWN]]
    more = len(asked) - len(shown)
    if more:
        shown.append(f"{more} more")
    return make_finding(
        rule_id=RULE, agent=NAME, title=f"{regime.name}: {counted(len(asked), 'question')} for {OWNERS[owner]}",
        status=Status.MANUAL, severity=Severity.LOW, resource=f"{standing.regime}/{owner}", value=until,
        evidence=(Evidence(artefact="brief", path="compliance", observed="; ".join(shown), expected=f"an answer with its proof, {until}"),),
        control_ids=tuple(v.id for v in asked),
        remediation=Remediation(
            text=f"No machine can answer these. Suggested owner: {OWNERS[owner]}; due: {until}. Ask of each: how is it met, and what shows it?",
            effort=Effort.DAYS,
        ),
    )  # fmt: skip


def assumption() -> Assumption:
    return Assumption(
        id="compliance.due", value=f"{DAYS_LAW} and {DAYS_OTHER}", unit="days",
        text="Owners and dates of the questions are suggestions: by the law's own date where it is still to come, else 30 days for a law "
        "and 90 for a contract or a choice.",
        source="suggestion of this package",
    )  # fmt: skip
