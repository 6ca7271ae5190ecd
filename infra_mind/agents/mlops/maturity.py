"""How automated machine learning operations can be, on Google's scale, from the brief's own answers about people and delivery.

The scale (Google Cloud, "MLOps: Continuous delivery and automation pipelines in machine learning"): 0 manual process, releases a
few times a year; 1 pipeline automation, continuous training; 2 CI/CD of the pipeline itself. The brief asks about people and
delivery, not about pipelines: the level is the highest that the answers do not speak against, so an upper bound."""

from __future__ import annotations

from dataclasses import dataclass

from infra_mind.model.brief import Organisation
from infra_mind.model.fact import Assumption, Fact
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Finding,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)

AGENT_NAME = "mlops"
SOURCE = (
    "Google Cloud, MLOps: Continuous delivery and automation pipelines in machine learning, levels 0 to 2"
)
AS_OF = "2023-05"
LEVELS = ("manual process", "ML pipeline automation", "CI/CD pipeline automation")


@dataclass(frozen=True)
class Sign:
    """An answer that a level needs: the field below `organisation`, and the least value that does not speak against it."""

    level: int
    field: str
    least: float
    reason: str


SIGNS = (
    Sign(1, "team.data", 1, "somebody who owns the data pipeline"),
    Sign(1, "team.ml_skill", 3, "a team that can validate models"),
    Sign(1, "delivery.deploys_per_month", 1, "releases more often than a few times a year"),
    Sign(2, "team.devops", 1, "somebody who owns build, test and deployment"),
    Sign(2, "team.cloud_skill", 3, "a team that can automate its platform"),
    Sign(2, "delivery.deploys_per_month", 4, "weekly releases"),
)


def assess(
    organisation: Organisation | None,
) -> tuple[tuple[Fact, ...], tuple[Finding, ...], tuple[Assumption, ...]]:
    """The level as a fact and what stands against the next one; each unanswered question as not assessed, and then no level."""
    answers = {sign.field: _answer(organisation, sign.field) for sign in SIGNS}
    unanswered = [name for name, value in answers.items() if value is None]
    if unanswered:
        return (), tuple(_not_answered(name) for name in unanswered), ()
    known = {name: value for name, value in answers.items() if value is not None}
    against = [sign for sign in SIGNS if known[sign.field] < sign.least]
    level = min((sign.level - 1 for sign in against), default=len(LEVELS) - 1)
    fact = Fact(
        id="mlops.maturity.level", value=level, unit="level 0 to 2",
        formula="the highest level that no answer speaks against", inputs=dict(known), source=SOURCE, as_of=AS_OF,
    )  # fmt: skip
    return (fact,), (_finding(level, [s for s in against if s.level == level + 1]),), (_reading(),)


def _answer(organisation: Organisation | None, dotted: str) -> float | None:
    found: object = organisation
    for part in dotted.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, int | float) else None


def _finding(level: int, next_level: list[Sign]) -> Finding:
    if level == len(LEVELS) - 1:
        return make_finding(
            rule_id="mlops.maturity", agent=AGENT_NAME, status=Status.PASS, severity=Severity.INFO, confidence=Confidence.LOW,
            title=f"No answer speaks against MLOps level {level} ({LEVELS[level]})", resource="organisation", value=level,
            facts=("mlops.maturity.level",), assumptions=("mlops.maturity.reading",), references=(SOURCE,),
        )  # fmt: skip
    lacking = "; ".join(
        f"{sign.reason} (organisation.{sign.field} of {sign.least:g} or more)" for sign in next_level
    )
    return make_finding(
        rule_id="mlops.maturity", agent=AGENT_NAME, status=Status.FAIL,
        severity=Severity.MEDIUM if level == 0 else Severity.LOW, confidence=Confidence.LOW,
        title=f"MLOps maturity is at most level {level} ({LEVELS[level]})", resource="organisation", value=level,
        facts=("mlops.maturity.level",), assumptions=("mlops.maturity.reading",),
        remediation=Remediation(text=f"Level {level + 1} ({LEVELS[level + 1]}) takes {lacking}.", effort=Effort.WEEKS),
        references=(SOURCE,),
    )  # fmt: skip


def _not_answered(name: str) -> Finding:
    return not_assessed(
        agent=AGENT_NAME, rule_id="mlops.maturity", missing=f"organisation.{name}",
        title=f"MLOps maturity was not assessed: organisation.{name} is not given",
    )  # fmt: skip


def _reading() -> Assumption:
    return Assumption(
        id="mlops.maturity.reading", value="upper bound", unit="text",
        text="The published scale describes pipelines; the brief describes people and delivery. The thresholds that tie the two "
        "are a reading of the scale: " + "; ".join(f"level {s.level}: {s.field} >= {s.least:g}" for s in SIGNS),
        source=SOURCE,
    )  # fmt: skip
