"""Where renting a model by the token gets cheaper than own GPUs, at what is paid for them: commitments of the brief are taken off."""

from __future__ import annotations

import math
from typing import NamedTuple

from infra_mind.agents import commitments
from infra_mind.agents.cost.ledger import NAME, Ledger
from infra_mind.agents.cost.models import MILLION, SECONDS, Rented, Served
from infra_mind.knowledge import llm_api
from infra_mind.knowledge.llm_api import ApiPrice
from infra_mind.model.fact import FactValue
from infra_mind.model.finding import (  # fmt: skip
    Confidence,
    Effort,
    Evidence,
    Finding,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
)
from infra_mind.model.numbers import money, number


class Compared(NamedTuple):
    """One own model beside one rented one: USD a month of both, the load where they are equal, and the facts that say so."""

    api: Rented
    hosting: float
    rent: float
    break_even: float
    facts: tuple[str, ...]


def assess_rent_or_host(served: list[Served], rented: list[Rented], ledger: Ledger) -> None:
    """For each own model beside each rented one what renting would cost at the own model's load; where the cheapest of them costs less
    than the own GPUs, one finding: a model is given up once, whatever there is to rent in its place."""
    models = {(api.price.provider, api.price.model): api for api in reversed(rented)}
    for own in served:
        # One comparison a model, whatever it is rented for.
        found = [c for api in reversed(models.values()) if (c := _compare(own, api, ledger))]
        best = min(found, key=lambda c: (c.rent, c.api.name), default=None)
        if best is not None and best.rent < best.hosting:
            ledger.findings.append(_finding(own, best, ledger))


def _compare(own: Served, api: Rented, ledger: Ledger) -> Compared | None:
    item = own.item
    price = _at_length(api.price, item.input_tokens or 0.0)
    load, given, made = item.requests_per_s, item.input_tokens, item.output_tokens
    if (
        not load
        or not given
        or not made
        or price.usd_per_million_input is None
        or price.usd_per_million_output is None
    ):
        return None
    per_request = (given * price.usd_per_million_input + made * price.usd_per_million_output) / MILLION
    if per_request <= 0:
        return None
    key = f"rent_or_host.{own.name}.{api.name}"
    rate = ledger.commitment.saving_rate
    hosting = own.usd_per_month * (1.0 - rate)
    inputs: dict[str, FactValue] = {
        "hosting_usd_per_month": hosting, "usd_per_request": per_request, "input_tokens": given, "output_tokens": made,
        "requests_per_s": load, "model": f"{price.provider}/{price.model}", "seconds": SECONDS,
    }  # fmt: skip
    if rate:
        inputs |= {"list_usd_per_month": own.usd_per_month, f"{NAME}.effective_saving_rate": rate}
    rent = per_request * load * SECONDS
    rent_fact = ledger.fact(
        f"{key}.rent_usd_per_month", rent, "USD/month", "usd_per_request × requests_per_s × seconds of a month", inputs, price.source, price.as_of
    )  # fmt: skip
    even = hosting / per_request / SECONDS
    even_fact = ledger.fact(
        f"{key}.break_even_requests_per_s", even, "1/s",
        "hosting_usd_per_month / usd_per_request / seconds of a month: below it renting is cheaper, if the same GPUs stay", inputs,
        price.source, price.as_of,
    )  # fmt: skip
    ledger.assume(
        "rent_or_host", "The load of own models is that of the brief at every second of the month, a rented model takes as many tokens for a request, "
        "and the GPUs that are paid stay as many",
        source="the brief's llm_serving; another model counts tokens by its own tokenizer, which no list states",
    )  # fmt: skip
    facts = (own.fact, rent_fact, even_fact, *([f"{NAME}.effective_saving_rate"] if rate else []))
    return Compared(api, hosting, rent, even, facts)


def _at_length(price: ApiPrice, input_tokens: float) -> ApiPrice:
    """The price for requests of so many input tokens: long ones may pay a higher tier."""
    if price.tier_from is None or input_tokens <= price.tier_from:
        return price
    return llm_api.price(f"{price.provider}/{price.model}", math.ceil(input_tokens)) or price


def _finding(own: Served, best: Compared, ledger: Ledger) -> Finding:
    item, model = own.item, best.api.item.model
    even, load = number(best.break_even), number(item.requests_per_s or 0)
    bound = f" {commitments.PAID_ON}" if ledger.commitment.coverage else ""
    return make_finding(
        rule_id="cost.rent-is-cheaper", agent=NAME, status=Status.FAIL, severity=Severity.MEDIUM, confidence=Confidence.MEDIUM,
        resource=f"llm_serving.{item.name}", value=model,
        title=f"At {load} requests/s {model} by the token costs {money(best.rent)} a month, own GPUs for {item.name} {money(best.hosting)}",
        evidence=(
            Evidence(
                artefact="brief", path=f"llm_serving.{item.name}.requests_per_s", observed=load,
                expected=f"{even} or more for own GPUs to pay",
            ),
        ),
        facts=best.facts, assumptions=(f"{NAME}.rent_or_host",), impact=Impact(usd_per_month=best.hosting - best.rent),
        remediation=Remediation(
            text=f"Rent {model} until the load nears {even} requests/s, where its quality, data protection and residency allow it.{bound}",
            effort=Effort.WEEKS,
        ),
    )  # fmt: skip
