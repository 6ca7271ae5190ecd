"""Build or rent: what the cost agent reckoned for each own model against the models that the brief could rent."""

from __future__ import annotations

from dataclasses import dataclass

from infra_mind.model.brief import Brief
from infra_mind.model.fact import Fact, FactValue, id_parts
from infra_mind.model.result import AgentResult

HEAD = "cost.rent_or_host."


@dataclass(frozen=True)
class Decision:
    """`choice` is build or rent by money alone at the brief's load; None where it cannot be compared, with the field
    that is missing, and what is `given` in it where something is."""

    part: str
    name: str
    choice: str | None
    inputs: dict[str, FactValue]
    missing: str
    given: str
    source: str
    as_of: str | None


def decisions(brief: Brief, cost: AgentResult | None) -> list[Decision]:
    """One for each served model, in the order of the brief."""
    facts = {fact.id: fact for fact in cost.facts} if cost else {}
    found = []
    for index, (part, item) in enumerate(zip(id_parts(s.name for s in brief.llm_serving), brief.llm_serving, strict=True)):  # fmt: skip
        host = facts.get(f"cost.serving.{part}.usd_per_month")
        rents = _rents(brief, facts, part)
        if host is None or not rents:
            unpriced = host is None and bool(brief.llm_api)
            missing = f"llm_serving.{index}" if unpriced else "llm_api"
            given = item.name if unpriced else ", ".join(api.model for api in brief.llm_api)
            found.append(Decision(part, item.name, None, {}, missing, given, "", None))
            continue
        cheapest = min(rents, key=lambda fact: (float(fact.value), fact.id))
        paid = cheapest.inputs.get(
            "hosting_usd_per_month", host.value
        )  # less than the list price where it is committed
        choice = "rent" if float(cheapest.value) < float(paid) else "build"
        inputs: dict[str, FactValue] = {host.id: host.value, "hosting_usd_per_month": paid, cheapest.id: cheapest.value, "model": cheapest.inputs.get("model", "")}  # fmt: skip
        even = facts.get(cheapest.id.replace(".rent_usd_per_month", ".break_even_requests_per_s"))
        if even is not None:
            inputs[even.id] = even.value
        found.append(Decision(part, item.name, choice, inputs, "", "", cheapest.source, cheapest.as_of))
    return found


def _rents(brief: Brief, facts: dict[str, Fact], part: str) -> list[Fact]:
    """Of this own model with each rented one. Whole ids: one own model's name may begin with another's and a dot."""
    ids = {f"{HEAD}{part}.{rented}.rent_usd_per_month" for rented in id_parts(api.name for api in brief.llm_api)}  # fmt: skip
    return [f for key, f in facts.items() if key in ids and not isinstance(f.value, str | bool)]
