"""Totals, commitments, budget, and coverage of the pricing."""

from __future__ import annotations

import math

from infra_mind.agents import defaults
from infra_mind.agents.cost.ledger import NAME, Ledger, contradicts
from infra_mind.knowledge import prices
from infra_mind.model.brief import Budget
from infra_mind.model.fact import id_part
from infra_mind.model.finding import (
    Effort,
    Evidence,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)  # fmt: skip
from infra_mind.model.numbers import bounded, counted, money, percent
from infra_mind.model.result import Unpriced

LARGEST, SMALL = 3, 0.01  # lines that are named, none that is less than a hundredth of all
# Unit of a line → what makes it smaller.
WAYS = {
    "hour": "Smaller or newer instances, fewer replicas, and commitments for what always runs make machines cheaper.",
    "million tokens": "Smaller models, shorter prompts and answers, and cached prompts make rented models cheaper.",
    "GB-month": "Colder kinds and fewer copies make storage cheaper.",
}
MUCH = 0.25  # over budget by more than a quarter is a high finding


def assess_totals(budget: Budget | None, ledger: Ledger) -> None:
    """Facts `cost.total_usd_per_month`, `cost.artefacts_usd_per_month`, `cost.effective_saving_rate`, `cost.unpriced_count`, ..."""
    _commitment(budget, ledger)
    total = _total(ledger)
    _artefacts(ledger)
    _coverage(ledger)
    _old_prices(ledger)
    _budget(budget, total, ledger)


def _total(ledger: Ledger) -> float | None:
    lines = ledger.of("brief")
    once = [
        fact for fact in ledger.facts if fact.id.startswith(f"{NAME}.training.") and fact.id.endswith(".usd")
    ]
    if not lines:
        ledger.findings.append(
            not_assessed(
                agent=NAME,
                rule_id="cost.total",
                missing=_lacking(ledger),
                resource="cost.total_usd_per_month",
                title="Nothing in the brief that is paid by the month has a dated price, so there is no monthly total"
                + (
                    f"; training is paid once: {money(math.fsum(float(f.value) for f in once))}"
                    if once
                    else ""
                ),
                hint="See `unpriced` for why; use names from the price lists where there are any."
                if any(not u.artefact for u in ledger.unpriced)
                else "Give hosting (provider, region, nodes), llm_serving or llm_api with names from the price lists.",
            )
        )
        return None
    total = math.fsum(line.usd_per_month for line in lines)
    ledger.fact(
        "total_usd_per_month", total, "USD/month", "Σ lines of the brief; unpriced things are not in it",
        {"lines": len(lines), "unpriced": len(_lacks(ledger))},
        "; ".join(sorted({line.source for line in lines})), min(line.as_of for line in lines),
    )  # fmt: skip
    return total


def _lacks(ledger: Ledger) -> list[Unpriced]:
    """What the brief's monthly total would have if it had a price."""
    return [thing for thing in ledger.unpriced if not thing.artefact and not thing.once]


def _lacking(ledger: Ledger) -> str:
    """What stands in the way of a total: things of the brief without a price, else things that are paid by the month."""
    unpriced = sum(not u.artefact for u in ledger.unpriced)
    if unpriced:
        return f"prices of {counted(unpriced, 'thing')}"
    return next((f.evidence[0].path for f in ledger.findings if f.rule_id == "cost.hosting"), "hosting")


def _artefacts(ledger: Ledger) -> None:
    lines = ledger.of("artefact")
    if lines:
        ledger.fact(
            "artefacts_usd_per_month", math.fsum(line.usd_per_month for line in lines), "USD/month",
            "Σ lines of the artefacts at list price; shown beside the brief's total, never added to it",
            {"lines": len(lines), "unpriced": sum(bool(u.artefact) for u in ledger.unpriced)},
            "; ".join(sorted({line.source for line in lines})), min(line.as_of for line in lines),
        )  # fmt: skip


def _coverage(ledger: Ledger) -> None:
    priced, unpriced = len(ledger.lines), len(ledger.unpriced)
    ledger.fact(
        "unpriced_count", unpriced, "count", "things that cost money and have no dated price",
        {"brief": sum(not u.artefact for u in ledger.unpriced), "artefacts": sum(bool(u.artefact) for u in ledger.unpriced)},
        "the list of unpriced things",
    )  # fmt: skip
    if priced + unpriced:
        ledger.fact(
            "priced_share", priced / (priced + unpriced), "share", "priced / lines, by number of lines: the money of what has no price is not known",
            {"priced": priced, "lines": priced + unpriced}, "lines and unpriced things",
        )  # fmt: skip


def _old_prices(ledger: Ledger) -> None:
    for line in ledger.lines:
        if prices.is_stale(line.as_of):
            ledger.assume(
                f"old_price.{id_part(line.sku)}.{line.region}",
                f"The price of {line.sku} in {line.region} is of {line.as_of}: no newer list has it",
                value=line.usd_per_unit, unit=f"USD/{line.unit}", source=line.source,
            )  # fmt: skip


def _commitment(budget: Budget | None, ledger: Ledger) -> None:
    if ledger.compute_list_price:
        _commitment_defaults(budget or Budget(), ledger)
    if budget is None:
        return
    if contradicts(budget):
        ledger.findings.append(
            not_assessed(
                agent=NAME,
                rule_id="cost.commitment",
                missing="budget.commitment_utilisation",
                title="A covered share of compute with commitments of which nothing is used cannot be: list prices count",
                hint="Give a utilisation above 0, or coverage 0.",
                given=f"{budget.commitment_utilisation:g}",
            )
        )
        return
    if not ledger.compute_list_price:
        return
    held = ledger.commitment
    list_price = math.fsum(ledger.compute_list_price)
    paid = list_price * (1.0 - held.saving_rate)
    inputs = {
        "paid": paid, "list_price": list_price, "discount": held.discount, "coverage": held.coverage,
        "utilisation": held.utilisation, "break_even_utilisation": 1.0 - held.discount,
    }  # fmt: skip
    rate = ledger.fact(
        "effective_saving_rate", held.saving_rate, "share",
        "1 − paid / list_price; paid = list_price × (1 − coverage + coverage × (1 − discount) / utilisation)", inputs,
        "the brief's budget.commitment_*; FinOps Foundation, effective savings rate",
    )  # fmt: skip
    if held.coverage and held.utilisation < 1.0:
        _unused_commitment(list_price, rate, ledger)


def _commitment_defaults(budget: Budget, ledger: Ledger) -> None:
    """Without coverage there is nothing that a discount or a utilisation could change."""
    fields = ["commitment_coverage"]
    if budget.commitment_coverage > 0:
        fields += ["commitment_discount", "commitment_utilisation"]
    ledger.say(defaults.used(NAME, budget, "budget", *fields))


def _unused_commitment(list_price: float, rate: str, ledger: Ledger) -> None:
    held = ledger.commitment
    wasted = list_price * held.coverage * (1.0 - held.discount) * (1.0 / held.utilisation - 1.0)
    losing = held.saving_rate < 0
    ledger.findings.append(
        make_finding(
            rule_id="cost.unused-commitment",
            agent=NAME,
            status=Status.FAIL,
            resource="budget.commitment_utilisation",
            severity=Severity.HIGH if losing else Severity.MEDIUM,
            value=held.utilisation,
            title=f"Commitments are used to {percent(held.utilisation)}"
            + (
                f", under their break-even of {percent(1 - held.discount)}: they cost more than on demand"
                if losing
                else ""
            ),
            evidence=(
                Evidence(
                    artefact="brief",
                    path="budget.commitment_utilisation",
                    observed=percent(held.utilisation),
                    expected=f"above {percent(1 - held.discount)} to save at all, {percent(1.0)} to save most"
                    if held.discount
                    else "a discount above 0: without one no utilisation saves anything",
                ),
            ),
            facts=(rate,),
            impact=Impact(usd_per_month=wasted),
            remediation=Remediation(
                text="Let idle commitments expire, exchange or resell them, or move on-demand compute under them.",
                effort=Effort.DAYS,
            ),
        )
    )


def _budget(budget: Budget | None, total: float | None, ledger: Ledger) -> None:
    if budget is None or budget.usd_per_month is None:
        ledger.findings.append(
            not_assessed(
                agent=NAME,
                rule_id="cost.budget",
                missing="budget.usd_per_month",
                title="No monthly budget is given to compare with",
            )
        )
        return
    if total is None:
        return
    limit, over = budget.usd_per_month, max(0.0, total - budget.usd_per_month)
    unpriced = [thing.what for thing in _lacks(ledger)]
    open_things, path = len(unpriced), "budget.usd_per_month"
    facts = [f"{NAME}.total_usd_per_month"]
    if over or not open_things:
        facts.append(
            ledger.fact(
                "over_budget_usd_per_month",
                over,
                "USD/month",
                "max(0, total − budget)",
                {"total": total, "budget": limit, "unpriced": open_things},
                "cost.total_usd_per_month and the brief's budget.usd_per_month",
            )
        )
    if over:
        status, severity = Status.FAIL, Severity.HIGH if over > MUCH * limit else Severity.MEDIUM
        title = (
            f"The monthly total is {bounded(money(over), bool(unpriced))} over the budget of {money(limit)}"
        )
    elif open_things:
        status, severity = Status.NOT_ASSESSED, Severity.INFO
        path = f"price of {unpriced[0]}" if open_things == 1 else f"prices of {open_things} things"
        title = f"Within the budget as far as it is priced; {open_things} {'thing has' if open_things == 1 else 'things have'} no dated price"
    else:
        status, severity, title = Status.PASS, Severity.INFO, "The monthly total is within the budget"
    ledger.findings.append(
        make_finding(
            rule_id="cost.over-budget",
            agent=NAME,
            title=title,
            status=status,
            severity=severity,
            resource="budget.usd_per_month",
            facts=tuple(facts),
            evidence=(
                Evidence(
                    artefact="brief",
                    path=path,
                    observed=f"{bounded(money(total), bool(unpriced))} a month",
                    expected=f"at most {money(limit)}",
                ),
            ),
            impact=Impact(usd_per_month=over) if over else None,
            remediation=Remediation(
                text=_what_costs_most(ledger),
                effort=Effort.DAYS,
            )
            if over
            else None,
        )
    )


def _what_costs_most(ledger: Ledger) -> str:
    """The largest lines of the brief, and what can be done about lines of their kinds."""
    lines = ledger.of("brief")
    least = SMALL * math.fsum(line.usd_per_month for line in lines)
    by_size = sorted(lines, key=lambda line: (-line.usd_per_month, line.what))
    largest = [line for line in by_size if line.usd_per_month >= least][:LARGEST]
    named = ", ".join(f"{line.what} ({money(line.usd_per_month)})" for line in largest)
    ways = [text for unit, text in WAYS.items() if any(line.unit == unit for line in largest)]
    return f"Take the largest lines first: {named}.{''.join(f' {way}' for way in ways)}"
