"""The questions of the four dimensions, each with a score of 0 to 1 by a rubric that is said, and what a low score asks for.

The dimensions and what belongs to them follow Google Cloud's AI Adoption Framework (themes Learn, Lead, Access, Scale, Secure, Automate)
and the NIST AI Risk Management Framework; delivery is scored by DORA's levels. The thresholds are this package's reading of them, since
neither framework has numbers. What nobody answered has no score: it lowers how much is known, never how ready somebody is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from infra_mind.agents import ai_act
from infra_mind.agents.strategy import dora
from infra_mind.model.brief import Brief, Delivery, Team
from infra_mind.model.fact import FactValue
from infra_mind.model.finding import Effort, Status
from infra_mind.model.result import AgentResult

GOOGLE = "Google Cloud's AI Adoption Framework (white paper, 2020)"
NIST = "NIST AI 100-1, AI Risk Management Framework 1.0 (2023-01)"
DORA = dora.REPORTS[2024]
DIMENSIONS = ("governance", "data", "skills", "delivery")
LEVELS = {"elite": 1.0, "high": 2 / 3, "medium": 1 / 3, "low": 0.0}
GAP = 0.5  # below half is a gap


@dataclass(frozen=True)
class Answer:
    """A score with the inputs it comes of, or, without a score, the field of the brief that is missing."""

    score: float | None
    inputs: dict[str, FactValue]
    missing: str = ""


@dataclass(frozen=True)
class Known:
    """What a question may look at."""

    brief: Brief
    results: Mapping[str, AgentResult]

    @property
    def team(self) -> Team:
        organisation = self.brief.organisation
        return (organisation.team if organisation else None) or Team()

    @property
    def delivery(self) -> Delivery:
        organisation = self.brief.organisation
        return (organisation.delivery if organisation else None) or Delivery()

    def number(self, id: str) -> float | None:
        """The value of a number among the facts of the other agents."""
        agent = self.results.get(id.partition(".")[0])
        fact = next((f for f in agent.facts if f.id == id), None) if agent else None
        if fact is None or isinstance(fact.value, str | bool) or not isfinite(fact.value):
            return None
        return float(fact.value)


@dataclass(frozen=True)
class Criterion:
    """One question: `rubric` in words, `source` of the demand, `fix` and `effort` where the answer leaves a gap."""

    name: str
    dimension: str
    title: str
    rubric: str
    source: str
    as_of: str
    ask: Callable[[Known], Answer]
    fix: str
    effort: Effort = Effort.WEEKS


def _skill(name: str) -> Callable[[Known], Answer]:
    def ask(known: Known) -> Answer:
        skill = getattr(known.team, name)
        field = f"organisation.team.{name}"
        return Answer(None, {}, field) if skill is None else Answer((skill - 1) / 4, {field: skill})

    return ask


def _people(name: str, enough: int) -> Callable[[Known], Answer]:
    def ask(known: Known) -> Answer:
        people = getattr(known.team, name)
        field = f"organisation.team.{name}"
        return Answer(None, {}, field) if people is None else Answer(min(1.0, people / enough), {field: people})  # fmt: skip

    return ask


def _metric(name: str) -> Callable[[Known], Answer]:
    def ask(known: Known) -> Answer:
        value = getattr(known.delivery, name)
        field = f"organisation.delivery.{name}"
        if value is None:
            return Answer(None, {}, field)
        fits = dora.metric_levels(Delivery(**{name: value}), DORA)[name]
        # Of two levels with one published bound the lower counts, as in the cluster.
        level = min(fits, key=LEVELS.__getitem__)
        return Answer(LEVELS[level], {field: value, "level": level, "year": DORA.year})

    return ask


def _pipelines(known: Known) -> Answer:
    level = known.number("mlops.maturity.level")
    if level is None:
        return Answer(None, {}, next(_open_questions_of_maturity(known), "organisation.team"))
    return Answer(level / 2, {"mlops.maturity.level": level})


def _open_questions_of_maturity(known: Known) -> Iterator[str]:
    """The fields of the brief that the mlops agent lacks for the level."""
    mlops = known.results.get("mlops")
    for finding in mlops.findings if mlops else ():
        if finding.rule_id == "mlops.maturity" and finding.status is Status.NOT_ASSESSED:
            yield finding.evidence[0].path


def _purpose(known: Known) -> Answer:
    use = known.brief.compliance.ai_use if known.brief.compliance else None
    if use is None or not use.purpose:
        return Answer(None, {}, "compliance.ai_use.purpose")
    return Answer(1.0, {"compliance.ai_use.purpose": "given"})


def _tier(known: Known) -> Answer:
    found = classification(known)
    if found.tier is None:
        return Answer(None, {}, next(iter(found.missing), "compliance.ai_use"))
    return Answer(1.0, {"tier": found.tier.value})


def _regimes(known: Known) -> Answer:
    """Of the regimes that the compliance agent finds in scope those that the brief names: who names a law knows of it."""
    compliance = known.results.get("compliance")
    rows = compliance.details.get("regimes", ()) if compliance else ()
    scope = [row for row in rows if isinstance(row, dict) and row.get("in_scope")]
    if not scope:
        return Answer(None, {}, "compliance.regimes")
    named = sum(bool(row.get("named")) for row in scope)
    return Answer(named / len(scope), {"named": named, "in_scope": len(scope)})


def _controls(known: Known) -> Answer:
    compliance = known.results.get("compliance")
    sums = dict.fromkeys(("assessed", "passed"), 0.0)
    for fact in compliance.facts if compliance else ():
        last = fact.id.rpartition(".")[2]
        if last in sums and not isinstance(fact.value, str | bool):
            sums[last] += float(fact.value)
    if not sums["assessed"]:
        in_scope = any(
            row.get("in_scope") for row in (compliance.details.get("regimes", ()) if compliance else ())
        )
        return Answer(None, {}, "artefacts" if in_scope else "compliance.regimes")
    return Answer(min(1.0, sums["passed"] / sums["assessed"]), {**sums})


def _classes(known: Known) -> Answer:
    classes = known.brief.compliance.data_classes if known.brief.compliance else ()
    return Answer(1.0, {"compliance.data_classes": ", ".join(classes)}) if classes else Answer(None, {}, "compliance.data_classes")  # fmt: skip


def _residency(known: Known) -> Answer:
    places = known.brief.compliance.data_residency if known.brief.compliance else ()
    return Answer(1.0, {"compliance.data_residency": ", ".join(places)}) if places else Answer(None, {}, "compliance.data_residency")  # fmt: skip


def classification(known: Known) -> ai_act.Classification:
    """The risk tier by the rule that the compliance agent uses too."""
    use = known.brief.compliance.ai_use if known.brief.compliance else None
    mlops = known.results.get("mlops")
    facts = {fact.id: fact for fact in mlops.facts} if mlops else {}
    return ai_act.classify(use, ai_act.training_runs(known.brief.training, facts))


_SKILL = "(skill − 1) / 4: 1 is a beginner, 5 an expert"
_LEVEL = "elite 1, high 2/3, medium 1/3, low 0"
CRITERIA = (
    Criterion("purpose", "governance", "the purpose of the AI use is written down", "1 when it is given", f"{NIST}, MAP 1.1", "2023-01", _purpose,
              "Write down what the AI is for, for whom, and what it must not do.", Effort.HOURS),
    Criterion("tier", "governance", "the risk tier of the AI use is known", "1 when the brief's answers decide it", f"{NIST}, GOVERN 1.1; {ai_act.ACT}", "2024-07-12", _tier,
              "Decide whether the use stands in Annex III and whether people talk to it.", Effort.DAYS),
    Criterion("regimes", "governance", "the laws in scope are known to the organisation", "regimes in scope that the brief names / regimes in scope", f"{NIST}, GOVERN 1.1", "2023-01",
              _regimes, "Take up the regimes that apply and are not named, and name an owner for each.", Effort.DAYS),
    Criterion("controls", "governance", "the controls that a machine can check hold", "controls passed / controls assessed, over all regimes", f"{NIST}, GOVERN 1.3, MANAGE 1; {GOOGLE}, Secure", "2023-01",
              _controls, "Mend what fails the controls, the ones of several regimes first.", Effort.WEEKS),
    Criterion("people", "data", "somebody owns the data", "people in team.data / 2, at most 1", f"{GOOGLE}, Access", "2020", _people("data", 2),
              "Give at least two people the ownership of the data that the model works on.", Effort.WEEKS),
    Criterion("classes", "data", "the data is classified", "1 when classes are given", f"{NIST}, MAP 4.1; {GOOGLE}, Access", "2023-01", _classes,
              "Classify the data that the model reads and writes.", Effort.DAYS),
    Criterion("residency", "data", "where the data may be kept is decided", "1 when a residency is given", f"{GOOGLE}, Secure", "2020", _residency,
              "Decide in which countries the data may be kept.", Effort.DAYS),
    Criterion("ml", "skills", "machine learning", _SKILL, f"{GOOGLE}, Learn; {NIST}, GOVERN 2.2", "2023-01", _skill("ml_skill"),
              "Train or hire for machine learning: a team that cannot validate a model should rent one."),
    Criterion("cloud", "skills", "cloud platforms", _SKILL, f"{GOOGLE}, Learn", "2020", _skill("cloud_skill"), "Train the team on the platform it runs on."),
    Criterion("kubernetes", "skills", "Kubernetes", _SKILL, f"{GOOGLE}, Learn", "2020", _skill("kubernetes_skill"),
              "Train the team on Kubernetes, or use a managed service that hides it."),
    Criterion("platform_people", "skills", "somebody owns the platform", "people in team.devops / 2, at most 1", f"{GOOGLE}, Lead", "2020", _people("devops", 2),
              "Give at least two people the platform, so that one can be away."),
    Criterion("deploys", "delivery", "releases come often", _LEVEL, DORA.source, DORA.as_of, _metric("deploys_per_month"), "Release in smaller steps, by a pipeline."),
    Criterion("lead_time", "delivery", "a change is soon in use", _LEVEL, DORA.source, DORA.as_of, _metric("lead_time_hours"), "Cut the waits between commit and release."),
    Criterion("failures", "delivery", "few changes fail", _LEVEL, DORA.source, DORA.as_of, _metric("change_failure_rate"), "Test before the release, and release to few first."),
    Criterion("recovery", "delivery", "what fails is soon mended", _LEVEL, DORA.source, DORA.as_of, _metric("recovery_hours"), "Practise the way back."),
    Criterion("pipelines", "delivery", "the way from data to model is automated", "mlops.maturity.level / 2", f"{GOOGLE}, Automate", "2020", _pipelines,
              "Put training and release of models into a pipeline."),
)  # fmt: skip
