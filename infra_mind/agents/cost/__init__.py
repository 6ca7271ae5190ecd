"""Cost: what the brief's hosting, own models and rented models cost a month, and what its artefacts would.

Only dated list prices count. What has none is `unpriced`: left out of the total and listed beside it."""

from __future__ import annotations

from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.cost.artefacts import assess_artefacts
from infra_mind.agents.cost.generations import assess_generations, assess_volumes
from infra_mind.agents.cost.hosting import assess_hosting
from infra_mind.agents.cost.ledger import NAME, Commitment, Ledger
from infra_mind.agents.cost.models import assess_models
from infra_mind.agents.cost.purchases import assess_purchases
from infra_mind.agents.cost.rent_or_host import assess_rent_or_host
from infra_mind.agents.cost.totals import assess_totals
from infra_mind.model.result import AgentResult


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `cost.*`, priced lines, unpriced things and findings; `results["mlops"]` says how many GPUs each model takes."""
    brief = inputs.brief
    ledger = Ledger(commitment=Commitment.of(brief.budget))
    assess_hosting(brief.hosting, ledger)
    progress(1, 5, "hosting")
    served, rented = assess_models(brief, inputs.results.get("mlops"), ledger)
    assess_purchases(brief, served, inputs.results.get("research"), ledger)
    progress(2, 5, "models")
    assess_artefacts(inputs.inventory, brief.hosting, ledger)
    progress(3, 5, "artefacts")
    assess_totals(brief.budget, ledger)
    assess_rent_or_host(served, rented, ledger)
    progress(4, 5, "totals")
    assess_generations(ledger)
    assess_volumes(ledger)
    progress(5, 5, "savings")
    return AgentResult(
        facts=tuple(sorted(ledger.facts, key=lambda f: f.id)),
        findings=tuple(ledger.findings),
        assumptions=tuple(sorted(ledger.assumptions.values(), key=lambda a: a.id)),
        cost_lines=tuple(ledger.lines),
        unpriced=tuple(ledger.unpriced),
        details=ledger.details,
    )


AGENT = Agent(
    name=NAME,
    assess=assess,
    needs=("cloud", "mlops"),
    after=("research",),
    reads=("organisation", "budget", "hosting", "llm_api", "llm_serving", "training", "artefacts"),
    title="Cost",
    version=9,
)
