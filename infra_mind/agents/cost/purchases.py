"""Other ways to buy the same GPUs, from the offers that the research agent found in the brief's region: beside the total, never in it."""

from __future__ import annotations

from collections.abc import Sequence

from infra_mind.agents import commitments
from infra_mind.agents.cost.ledger import HOURS, NAME, Ledger
from infra_mind.agents.cost.models import Served
from infra_mind.knowledge import gpus
from infra_mind.model.brief import Brief, Training
from infra_mind.model.fact import Fact, id_parts
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
    worth,
)
from infra_mind.model.numbers import money, percent
from infra_mind.model.result import AgentResult

_RULE = "cost.commit-gpus"
COMMITTED = {"committed_1y": "a year", "committed_3y": "three years"}


def assess_purchases(
    brief: Brief, served: Sequence[Served], research: AgentResult | None, ledger: Ledger
) -> None:
    """Facts `cost.serving.<name>.committed_1y_usd_per_month`, `…_3y_…` and `cost.training.<name>.usd_at_spot`; nothing without an offer."""
    offers = {fact.id: fact for fact in research.facts} if research else {}
    own = {fact.id: fact for fact in ledger.facts}
    for model in served:
        _serving(brief, model, offers, own, ledger)
    for part, job in zip(id_parts(t.name for t in brief.training), brief.training, strict=True):
        _training(part, job, offers, own, ledger)


def _offer(gpu: str | None, way: str, offers: dict[str, Fact]) -> Fact | None:
    known = gpus.find(gpu) if gpu else None
    return offers.get(f"research.gpu.{known.id}.{way}_usd_per_gpu_hour") if known else None


def _serving(
    brief: Brief, model: Served, offers: dict[str, Fact], own: dict[str, Fact], ledger: Ledger
) -> None:
    listed = own.get(model.fact)
    count = listed.inputs.get("gpus") if listed else None
    if listed is None or not isinstance(count, int | float):
        return
    on_nodes = ledger.assumptions.get(f"{NAME}.serving.{model.name}.on_own_nodes")
    paid = count - float(on_nodes.value if on_nodes and on_nodes.value is not None else 0)
    for way, term in COMMITTED.items():
        offer = _offer(model.item.gpu, way, offers)
        if offer is None or paid <= 0:
            continue
        usd = count * HOURS * float(offer.value)
        fact = ledger.fact(
            f"serving.{model.name}.{way}_usd_per_month", usd, "USD/month", "gpus × hours × usd_per_gpu_hour, committed; in no total",
            {"gpus": count, "hours": HOURS, offer.id: float(offer.value)}, offer.source, offer.as_of,
        )  # fmt: skip
        if way == "committed_1y" and usd < model.usd_per_month and not ledger.commitment.coverage:
            if commitments.outlasts(brief, commitments.YEAR):
                ledger.findings.append(
                    commitments.not_advised(
                        brief, commitments.YEAR, f"the GPUs of {model.item.name}", rule_id=_RULE, agent=NAME, resource=f"llm_serving.{model.item.name}"
                    )
                )  # fmt: skip
            else:
                _finding(model, usd, paid / count, fact, term, ledger)


def _finding(model: Served, usd: float, share: float, fact: str, term: str, ledger: Ledger) -> None:
    assumed = ledger.assume(
        "committed_all_term", "GPUs that are committed are used every hour of the term, at a price and load that stay; budget.commitment_* says what is "
        "committed already", value=1.0, unit="share", source="planning value: what is not used is paid all the same", field="budget.commitment_coverage",
    )  # fmt: skip
    saved = (model.usd_per_month - usd) * share
    ledger.findings.append(
        make_finding(
            rule_id=_RULE, agent=NAME, status=Status.FAIL, severity=worth(saved, Severity.LOW), confidence=Confidence.MEDIUM,
            resource=f"llm_serving.{model.item.name}", value=term,
            title=f"The GPUs of {model.item.name} cost {percent(round(1 - usd / model.usd_per_month, 3))} less when they are committed for {term}",
            evidence=(Evidence(artefact="brief", path="budget.commitment_coverage", observed=f"{money(model.usd_per_month)} a month on demand", expected=f"{money(usd)} a month committed"),),
            facts=(model.fact, fact), assumptions=(assumed,), impact=Impact(usd_per_month=saved),
            remediation=Remediation(text="Commit to the GPUs that certainly serve for that long; what is not used is paid all the same.", effort=Effort.HOURS),
        )
    )  # fmt: skip


def _training(
    part: str, job: Training, offers: dict[str, Fact], own: dict[str, Fact], ledger: Ledger
) -> None:
    listed, offer = own.get(f"{NAME}.training.{part}.usd"), _offer(job.gpu, "spot", offers)
    hours = listed.inputs.get("gpu_hours") if listed else None
    if offer is None or not isinstance(hours, int | float):
        return
    ledger.assume(
        "spot_interruptions", "Training at spot is not interrupted: GPU hours lost to restarts are not counted", value=0, unit="hours",
        source="no list states how often a GPU is taken back",
    )  # fmt: skip
    ledger.fact(
        f"training.{part}.usd_at_spot", hours * float(offer.value), "USD", "gpu_hours × usd_per_gpu_hour at spot in the brief's region, restarts not counted",
        {"gpu_hours": hours, offer.id: float(offer.value)}, offer.source, offer.as_of,
    )  # fmt: skip
