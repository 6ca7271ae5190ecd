"""The summary of a result: a headline, the facts that come first, and sentences that are made from facts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from infra_mind.model.brief import Brief
from infra_mind.model.fact import Fact
from infra_mind.model.finding import Finding, Severity, Status
from infra_mind.model.numbers import bounded, counted, money, number, percents, quantity
from infra_mind.model.result import (
    AgentFailure,
    AgentResult,
    Recommendation,
    Summary,
    by_use,
    kinds_of,
    with_old_price,
)

STRATEGY, COMPLIANCE = "strategy", "compliance"
_TOTAL = "cost.total_usd_per_month"
_FILES = "cost.artefacts_usd_per_month"
OVER_BUDGET = "cost.over-budget"
# What a person wants to know first; an id that ends in `.` stands for all facts below it.
INTEREST = (
    "cost.total_usd_per_month",
    "cost.over_budget_usd_per_month",
    "strategy.budget_used",
    "reliability.availability",
    "reliability.downtime_minutes_per_year",
    "reliability.error_budget_minutes_per_30_days",
    "sustainability.kgco2e_per_month",
    "sustainability.kwh_per_month",
    "compliance.eu_ai_act.tier",
    "adoption.readiness",
    "adoption.phase",
    "mlops.serving.",
    "mlops.training.",
    "cost.training.",
    "capacity.",
    "cloud.vcpu_requested",
    "cloud.memory_mib_requested",
    "cloud.resources",
    "cost.unpriced_count",
    "strategy.dora_cluster",
)
# Of the facts below a prefix, those that answer "how many", "how long" and "how well".
_ANSWERS = ("gpus", "usd", "requests_per_s", "days", "servers", "p_within")
_MOST_KEY_FACTS = 24
_IF_ANY = ("cost.over_budget_usd_per_month", "cost.unpriced_count")  # nothing of it is no news
_FIRST = 3  # recommendations that the summary names
WITHOUT_STRATEGY = "The strategy agent gave no result: the recommendations are ranked by severity alone, not by the priorities of the brief."


def summary_of(
    brief: Brief,
    agents: Mapping[str, AgentResult],
    failed: Sequence[AgentFailure],
    recommendations: Sequence[Recommendation],
    facts: Mapping[str, Fact],
) -> Summary:
    """Headline, counts, key facts and sentences: what a person reads first, each sentence with the facts it is made from."""
    by_severity = Counter(f.severity for f in findings_of(agents) if f.counts)
    counts = {severity.value: by_severity[severity] for severity in Severity}
    return Summary(
        name=brief.name,
        headline=_headline(counts, agents, failed, recommendations, facts),
        findings=counts,
        suppressed=tuple(f.id for f in suppressed(agents)),
        key_facts=key_facts(facts),
        sentences=tuple(_sentences(agents, failed, recommendations, facts)),
    )


def _headline(
    counts: Mapping[str, int],
    agents: Mapping[str, AgentResult],
    failed: Sequence[AgentFailure],
    recommendations: Sequence[Recommendation],
    facts: Mapping[str, Fact],
) -> str:
    """The verdict: money against the budget, availability against the target, the worst findings, and what to do first."""
    said = [*_budget_said(facts), *_availability_said(agents, facts), _findings_said(counts, agents)]
    if recommendations and recommendations[0].id != OVER_BUDGET:  # that has been said
        said.append(f"first: {recommendations[0].title}")
    if failed:
        said.append(f"partial: {counted(len({f.agent for f in failed}), 'agent')} failed")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}."


def _budget_said(facts: Mapping[str, Fact]) -> Iterable[str]:
    total, over = _number(facts.get(_TOTAL)), _number(facts.get("cost.over_budget_usd_per_month"))
    if total is None:
        return
    limit = _input(facts.get("strategy.budget_used"), "usd_per_month")
    open_ = facts[_TOTAL].is_lower_bound
    if over:
        yield f"{bounded(money(over), open_)} a month over the budget" + (
            f" of {money(limit)}" if limit else ""
        )
    elif limit:
        yield f"within the budget{' as far as it is priced' if open_ else ''}: {bounded(money(total), open_)} of {money(limit)} a month"
    else:
        yield f"{bounded(money(total), open_)} a month"


def _availability_said(agents: Mapping[str, AgentResult], facts: Mapping[str, Fact]) -> Iterable[str]:
    reached = _number(facts.get("reliability.availability"))
    target = _input(facts.get("reliability.allowed_downtime_minutes_per_year"), "target")
    verdict = next((f.status for f in findings_of(agents) if f.rule_id == "reliability.target"), None)
    if reached is not None and target is not None and verdict in (Status.FAIL, Status.PASS):
        word = "misses" if verdict is Status.FAIL else "meets"
        has, wanted = percents(reached, target)
        yield f"{word} the availability target of {wanted} with {has}"


def _findings_said(counts: Mapping[str, int], agents: Mapping[str, AgentResult]) -> str:
    """The worst two severities by number, and what was accepted; without a failure how much was judged at all: unknown is not clean."""
    worst = [f"{n} {severity}" for severity, n in counts.items() if n][:2]
    accepted = len(suppressed(agents))
    beside = f", {accepted} suppressed" if accepted else ""
    if worst:
        return f"{' and '.join(worst)} {'finding' if sum(counts.values()) == 1 else 'findings'}{beside}"
    statuses = Counter(f.status for f in findings_of(agents))
    open_ = statuses[Status.NOT_ASSESSED] + statuses[Status.UNRESOLVABLE]
    if not statuses[Status.PASS] and not accepted:
        return f"nothing could be judged: {counted(open_, 'check')} not assessed"
    return f"no failed finding{beside}" + (f", {counted(open_, 'check')} not assessed" if open_ else "")


def suppressed(agents: Mapping[str, AgentResult]) -> list[Finding]:
    """Failures that a person has accepted: shown, and in no score."""
    return [f for f in findings_of(agents) if f.status is Status.FAIL and f.is_suppressed]


def _number(fact: Fact | None) -> float | None:
    return None if fact is None or isinstance(fact.value, str | bool) else float(fact.value)


def _input(fact: Fact | None, name: str) -> float | None:
    value = fact.inputs.get(name) if fact else None
    return None if value is None or isinstance(value, str | bool) else float(value)


def key_facts(facts: Mapping[str, Fact]) -> tuple[str, ...]:
    """Ids of the facts that are there, in the order of `INTEREST`."""
    found: list[str] = []
    for wanted in INTEREST:
        if wanted.endswith("."):
            below = (i for i in facts if i.startswith(wanted))
            found += sorted(i for i in below if i.rpartition(".")[2] in _ANSWERS)
        elif wanted in facts and not (wanted in _IF_ANY and not facts[wanted].value):
            found.append(wanted)
    return tuple(found[:_MOST_KEY_FACTS])


def by_interest(ids: Iterable[str]) -> list[str]:
    """Ids of facts, those of `INTEREST` first and in its order, then totals (their ids are short), then by name."""

    def place(fact_id: str) -> tuple[int, int, str]:
        whole = fact_id.rpartition(".")[2] in _ANSWERS
        for n, wanted in enumerate(INTEREST):
            if fact_id == wanted or (whole and wanted.endswith(".") and fact_id.startswith(wanted)):
                return n, 0, fact_id
        return len(INTEREST), fact_id.count("."), fact_id

    return sorted(ids, key=place)


def _sentences(
    agents: Mapping[str, AgentResult],
    failed: Sequence[AgentFailure],
    recommendations: Sequence[Recommendation],
    facts: Mapping[str, Fact],
) -> Iterable[str]:
    """What the headline did not say; each sentence names its facts."""
    said = _said_before(agents, facts)
    yield from (
        text for form in _FORMS if form.fact not in said and (text := _said(facts.get(form.fact), form))
    )
    yield from _lacking_said(agents)
    yield from _age_said(agents, facts)
    yield from _compliance_said(agents, facts)
    yield from _suppressions_said(agents)
    yield from _first_said(recommendations, facts)
    yield from _roadmap_said(recommendations, facts)
    if STRATEGY not in agents:
        yield WITHOUT_STRATEGY
    for failure in failed:
        what = f"The {failure.agent} agent" if failure.hides_findings else failure.agent
        yield f"{what} failed ({failure.error_type}): {failure.lost}."


def _lacking_said(agents: Mapping[str, AgentResult]) -> Iterable[str]:
    """Why a sum of money is "at least": what is in none, by the number of lines, since its money is not known."""
    priced = sum(len(given.cost_lines) for given in agents.values())
    unpriced = [thing for given in agents.values() for thing in given.unpriced]
    if unpriced:
        lines = f"{number(len(unpriced))} of {counted(priced + len(unpriced), 'line')}"
        yield f"Not in any total, for want of a dated price: {lines} (`cost.unpriced_count`){by_use(unpriced)}: {kinds_of(unpriced)}."


def _age_said(agents: Mapping[str, AgentResult], facts: Mapping[str, Fact]) -> Iterable[str]:
    """From when the oldest price of a sum is: the lists are of different days, and some things are in old ones alone."""
    sums = ((facts.get(_TOTAL), "in the total"), (facts.get(_FILES), "in what the files order"))
    oldest = [
        f"of {fact.as_of} {name} (`{fact.id}`)" for fact, name in sums if fact is not None and fact.as_of
    ]
    said = [f"The oldest list price is {' and '.join(oldest)}"] if oldest else []
    said += filter(None, [with_old_price([line for given in agents.values() for line in given.cost_lines])])
    if said:
        yield f"{'; '.join(said)}."


def _said_before(agents: Mapping[str, AgentResult], facts: Mapping[str, Fact]) -> set[str]:
    """Facts that stand in the headline; the figures below lead to how they are reckoned."""
    said = {_TOTAL, "cost.over_budget_usd_per_month"} if any(_budget_said(facts)) else set()
    return said | {"reliability.availability"} if any(_availability_said(agents, facts)) else said


def _first_said(recommendations: Sequence[Recommendation], facts: Mapping[str, Fact]) -> Iterable[str]:
    """The first few but the one that the headline has, and what that one cannot be told from."""
    if not recommendations:
        return
    first = recommendations[0]
    counts = " (`strategy.options`)" if "strategy.options" in facts else ""
    shown = [r for r in recommendations[:_FIRST] if r is not first or first.id == OVER_BUDGET]
    if shown:
        named = "; ".join(f"{r.rank}. {r.title}" for r in shown)
        yield f"Of {counted(len(recommendations), 'recommendation')}{counts} {'these come first' if shown[0] is first else 'the next are'}: {named}."
    if first.tie_with:
        more = f" and {len(first.tie_with) - 3} more" if len(first.tie_with) > 3 else ""
        tied = ", ".join(f"`{i}`" for i in first.tie_with[:3])
        yield f"The first, `{first.id}`, is a tie with {tied}{more}."


def _roadmap_said(recommendations: Sequence[Recommendation], facts: Mapping[str, Fact]) -> Iterable[str]:
    capacity = facts.get("strategy.roadmap.capacity_person_days_per_30_days")
    work, beyond = facts.get("strategy.roadmap.person_days"), facts.get("strategy.roadmap.beyond_90_days")
    if capacity is None or work is None or beyond is None or not recommendations:
        return
    phases = Counter(r.phase for r in recommendations)
    late, untimely = int(_number(beyond) or 0), facts.get("strategy.roadmap.beyond_timeline")
    after = int(_number(untimely) or 0) if untimely else 0
    done = ", ".join(f"{n} within {days} days" for days, n in (("30", phases["30"]), ("60", phases["60"]), ("90", phases["90"] - late)) if n)  # fmt: skip
    yield (
        f"The work is {counted(_number(work) or 0.0, 'person-day')} (`{work.id}`), and there are {number(round(_number(capacity) or 0.0, 1))} in 30 days (`{capacity.id}`): "
        f"{done or 'nothing within 90 days'}{f'; {late} after day 90 (`{beyond.id}`)' if late else ''}"
        f"{f'; {after} after the end of the timeline (`{untimely.id}`)' if untimely and after else ''}."
    )  # fmt: skip


def _suppressions_said(agents: Mapping[str, AgentResult]) -> Iterable[str]:
    """What was taken out of the scores by those who wrote the files, and what came back; the findings say why, by whom, until when."""
    accepted, ended = (
        suppressed(agents),
        [f for f in findings_of(agents) if f.suppressed and f.suppressed.expired],
    )
    if accepted:
        yield f"Suppressed, shown and in no score: {counted(len(accepted), 'failed finding')}, {_named_ids(accepted)}."
    if ended:
        yield f"A suppression has ended: {counted(len(ended), 'finding')} {'counts' if len(ended) == 1 else 'count'} again, {_named_ids(ended)}."


def _named_ids(findings: Sequence[Finding]) -> str:
    more = len(findings) - 3
    return ", ".join(f"`{f.id}`" for f in findings[:3]) + (f" and {more} more" if more > 0 else "")


def _compliance_said(agents: Mapping[str, AgentResult], facts: Mapping[str, Fact]) -> Iterable[str]:
    """One sentence for each regime in scope: how much a machine could judge, and what is left to people."""
    rows = agents[COMPLIANCE].details.get("regimes", ()) if COMPLIANCE in agents else ()
    for row in rows:
        regime = f"compliance.{row['regime']}"
        controls, assessed = (
            _number(facts.get(f"{regime}.controls")),
            _number(facts.get(f"{regime}.assessed")),
        )
        failed, manual = _number(facts.get(f"{regime}.failed")), _number(facts.get(f"{regime}.manual"))
        if controls and not assessed and manual is not None:
            yield f"{row['name']}: none of {counted(int(controls), 'control')} could be assessed (`{regime}.assessed`); {number(manual)} only people can answer (`{regime}.manual`)."
        elif controls and assessed is not None and failed is not None and manual is not None:
            yield (
                f"{row['name']}: {number(assessed)} of {counted(int(controls), 'control')} could be assessed (`{regime}.assessed`), "
                f"{number(failed)} of them failed (`{regime}.failed`); {number(manual)} only people can answer (`{regime}.manual`)."
            )  # fmt: skip


class _Form(NamedTuple):
    """How a fact is said. `of_a_number`: a text as value is not said; `if_any`: nor is nothing of a thing."""

    fact: str
    text: str
    of_a_number: bool = True
    if_any: bool = False


_FORMS = (
    _Form(_TOTAL, "What has a price costs {value}"),
    _Form(_FILES, "What the files order would cost {value}, in no total"),
    _Form("cost.over_budget_usd_per_month", "Over the budget by {value}", if_any=True),
    _Form("reliability.availability", "The path of a request is available {value} of the time"),
    _Form("reliability.downtime_minutes_per_year", "It is down {value}"),
    _Form("sustainability.kgco2e_per_month", "Operation emits {value}"),
    _Form("strategy.dora_cluster", "Delivery is in DORA's {value} cluster of {year}", of_a_number=False),
)


def _said(fact: Fact | None, form: _Form) -> str | None:
    """The sentence of a fact with its id; None where there is nothing to say."""
    if fact is None:
        return None
    if form.of_a_number and (isinstance(fact.value, str) or (form.if_any and fact.value <= 0)):
        return None
    shown = quantity(fact.value, "" if fact.unit == "text" else fact.unit).text
    shown = bounded(shown, fact.is_lower_bound)
    return f"{form.text.format(value=shown, year=fact.inputs.get('year', ''))} (`{fact.id}`)."


def findings_of(agents: Mapping[str, AgentResult]) -> Iterable[Finding]:
    """Of all agents, in their order."""
    return (finding for result in agents.values() for finding in result.findings)
