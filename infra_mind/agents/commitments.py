"""When a commitment is no advice: its term must not outlast what the brief plans for."""

from __future__ import annotations

from infra_mind.model.brief import Brief, Budget
from infra_mind.model.finding import Evidence, Finding, Severity, Status, make_finding
from infra_mind.model.numbers import number

YEAR = 12  # months
FIELD = "organisation.timeline_months"
PAID_ON = "What is committed is paid until its term ends."


def covered(budget: Budget | None) -> float:
    """The share of the compute that is committed; 0 where the brief's answers contradict each other, as list prices count then."""
    if budget is None or budget.commitment_utilisation == 0:
        return 0.0
    return budget.commitment_coverage


def paid_share(budget: Budget | None) -> float:
    """What is paid for a dollar of compute at list price: 1 − coverage + coverage · (1 − discount) / utilisation."""
    share = covered(budget)
    if budget is None or not share:
        return 1.0
    return 1 - share + share * (1 - budget.commitment_discount) / budget.commitment_utilisation


def outlasts(brief: Brief, months: int) -> bool:
    """Is a term of so many months longer than the brief's timeline? Not where it has none."""
    planned = brief.organisation.timeline_months if brief.organisation else None
    return planned is not None and planned < months


def not_advised(brief: Brief, months: int, what: str, *, rule_id: str, agent: str, resource: str) -> Finding:
    """Says that `what` is rightly not committed for a term that outlasts the timeline; what it would cost stays a fact."""
    planned = brief.organisation.timeline_months if brief.organisation else None
    plan = f"{number(planned)} month{'' if planned == 1 else 's'}" if planned is not None else "no time"
    return make_finding(
        rule_id=rule_id, agent=agent, status=Status.PASS, severity=Severity.INFO, resource=resource, value=["outlasts", months],
        title=f"No commitment of {months} months for {what} is advised: the brief plans for {plan}, and what is not used is paid all the same",
        evidence=(Evidence(artefact="brief", path=FIELD, observed=plan, expected=f"{months} months or more for a commitment to be advised"),),
    )  # fmt: skip
