"""Research: what the brief's instances, GPUs and rented models are offered for, with dates, and how old the numbers are."""

from __future__ import annotations

from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.research.desk import NAME, Desk, age_days, confidence, newest
from infra_mind.agents.research.machines import assess_gpus, assess_instances
from infra_mind.agents.research.models import assess_models
from infra_mind.model.finding import (
    Effort,
    Evidence,
    Remediation,
    Severity,
    Status,
    make_finding,
)
from infra_mind.model.numbers import counted
from infra_mind.model.result import AgentResult


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `research.*`; needs no other agent."""
    brief, desk = inputs.brief, Desk()
    if not ((brief.hosting and brief.hosting.nodes) or brief.llm_serving or brief.training or brief.llm_api):
        desk.missing("offers", "hosting.nodes", "Nothing with a price on the market is named", "Give hosting.nodes, llm_serving, training or llm_api.")  # fmt: skip
        return desk.result()
    assess_instances(brief, desk)
    progress(1, 4, "instances")
    assess_gpus(brief, desk)
    progress(2, 4, "GPUs")
    assess_models(brief.llm_api, desk)
    progress(3, 4, "models")
    _lists(desk)
    progress(4, 4, "ages")
    return desk.result()


def _lists(desk: Desk) -> None:
    """How many offers were looked at and refused, and a finding for each source that is past its age."""
    desk.fact("offers", desk.offers, "count", "dated prices that were looked at", {"sources": len(desk.used)}, "the packaged price lists", newest())  # fmt: skip
    desk.fact("refused", len(desk.refused), "count", "blank or zero prices, and spot or committed ones not below on demand", {}, "the packaged price lists", newest())  # fmt: skip
    desk.fact("newest", newest(), "text", "the newest date of all price lists", {}, "the packaged price lists", newest())  # fmt: skip
    desk.assume("newest", "Ages count from the newest data that this release carries, not from today", newest(), "text", "the packaged price lists")  # fmt: skip
    if desk.refused:
        desk.details["refused"] = sorted(desk.refused, key=lambda r: (str(r["what"]), str(r["region"]), str(r["purchase"])))  # fmt: skip
    desk.details["sources"] = [
        {"source": source, "as_of": as_of, "age_days": age_days(as_of), "max_age_days": limit}
        for (source, as_of), (_, limit) in sorted(desk.used.items())
    ]
    for number, ((source, as_of), (_, limit)) in enumerate(sorted(desk.used.items())):
        age = age_days(as_of)
        if age > limit:
            fact = desk.fact(
                f"source.{number}.age_days", age, "days", "newest − as_of", {"newest": newest(), "as_of": as_of, "max_age_days": limit}, source, as_of
            )  # fmt: skip
            desk.findings.append(
                make_finding(
                    rule_id=f"{NAME}.stale", agent=NAME, status=Status.FAIL, severity=Severity.LOW, confidence=confidence(as_of, limit),
                    resource="price lists", value=[source, as_of], title=f"Prices of {as_of} are {counted(age - limit, 'day')} past their age",
                    evidence=(Evidence(artefact="price list", path=source, observed=as_of, expected=f"at most {counted(limit, 'day')} before {newest()}"),),
                    facts=(fact,),
                    remediation=Remediation(text="Check what rests on them against the provider's own list, or renew the tables.", effort=Effort.HOURS),
                )
            )  # fmt: skip


AGENT = Agent(
    name=NAME,
    assess=assess,
    reads=("organisation", "hosting", "budget", "compliance", "llm_serving", "training", "llm_api"),
    title="Market data",
    version=3,
)
