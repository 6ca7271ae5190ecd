"""A report as a plain sequence of blocks, for formats that are no HTML page: Markdown and PDF print the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from infra_mind.model.finding import Evidence, Finding, Impact
from infra_mind.model.numbers import money, number, percent, quantity
from infra_mind.model.result import AssessmentResult, Recommendation
from infra_mind.reports.blocks import Block, Bullets, Code, Heading, Paragraph, Table
from infra_mind.reports.compliance import RegimeControls
from infra_mind.reports.facts import FactBook, FactView, Pivot, pivots
from infra_mind.reports.labels import agent_title, fact_name, status_title
from infra_mind.reports.usage import NO_TOTAL, usage_blocks
from infra_mind.reports.view import KIND_TITLES, SECTION_TITLES, CostGroup, View

GAP = "–"  # a cell for which there is no value
MOST_TIES = 8


def document(result: AssessmentResult, kind: str = "full") -> tuple[Block, ...]:
    """`result` as blocks; `kind` is one of `KIND_TITLES`, else ValueError. Same result, same blocks."""
    if kind not in KIND_TITLES:
        raise ValueError(f"no report of kind {kind!r}; there are {', '.join(KIND_TITLES)}")
    view = View(result, kind, FactBook(result))
    blocks: list[Block] = [
        Heading(1, result.summary.name),
        Paragraph(f"{view.title}. {result.summary.headline}"),
    ]
    if result.status == "partial":
        blocks.append(
            Paragraph("This result is partial: at least one agent failed, and its part is missing.")
        )
    for section in view.sections:
        body = list(_SECTIONS[section](view))
        if body:
            blocks += [Heading(2, _title(section)), *body]
    return tuple(blocks)


def _title(section: str) -> str:
    return SECTION_TITLES.get(section, "How it was reckoned")


def _overview(view: View) -> Iterator[Block]:
    coverage = view.result.coverage
    yield Table(("Severity", "Failed"), tuple((s, number(n)) for s, n in view.severities), frozenset({1}))
    checks = ", ".join(f"{number(bar.amount)} {bar.label}" for bar in view.checks)
    read = f"{number(coverage.files_read)} of {number(coverage.files)} files could be read"
    gaps = f"Missing, unknown or unreadable fields and files: {number(len(coverage.not_assessed))}"
    yield Paragraph(
        ". ".join(part for part in (f"Checks: {checks}" if checks else "", read, gaps) if part) + "."
    )
    if view.result.summary.sentences:
        yield Bullets(view.result.summary.sentences, prose=True)
    if view.result.failures:
        yield Heading(3, "Agents that failed")
        yield Bullets(
            tuple(
                f"{agent_title(f.agent)} (attempt {f.attempt}): {f.error_type}: {f.message}"
                for f in view.result.failures
            )
        )
    if view.key_facts:
        yield Heading(3, "Key figures")
        yield Table(
            ("Figure", "Value", "Formula", "Source"),
            tuple((v.label, v.shown.text, v.fact.formula, _source(v)) for v in view.key_facts),
            frozenset({1}),
        )


def _recommendations(view: View) -> Iterator[Block]:
    if not view.recommendations:
        yield Paragraph(
            "No recommendation follows from what was assessed, which need not be good news: see what was assessed."
        )
        return
    yield Table(
        ("Rank", "What", "Severity", "Effort", "When", "Keeps its rank"),
        tuple(
            (str(r.rank), r.title, r.severity.value, r.effort.value, r.when, percent(r.rank_stability))
            for r in view.recommendations
        ),
        frozenset({0, 5}),
    )
    for r in view.recommendations:
        yield Heading(3, f"{r.rank}. {r.title}")
        yield Paragraph(r.text, prose=True)
        notes = [*_gains(r.impact), *_behind(r, view)]
        if notes:
            yield Bullets(tuple(notes))
    left = len(view.result.recommendations) - len(view.recommendations)
    if left:
        yield Paragraph(f"{left} more are in the full report.")


def _behind(r: Recommendation, view: View) -> Iterator[str]:
    if r.tie_with:
        ranks = [str(rank) for rank in sorted(view.ranks[i] for i in r.tie_with if i in view.ranks)]
        tied = (*ranks, *(i for i in r.tie_with if i not in view.ranks))
        left = len(tied) - MOST_TIES
        yield f"Tied with: {', '.join(tied[:MOST_TIES])}{f' and {left} more' if left > 0 else ''}"
    if r.after:
        yield f"After: {', '.join(str(view.ranks[i]) if i in view.ranks else i for i in r.after)}"
    if r.control_ids:
        yield f"Controls that fail by it: {', '.join(r.control_ids)}"
    if r.facts:
        yield f"Facts: {', '.join(r.facts)}"
    if r.findings:
        yield f"Findings: {', '.join(r.findings)}"


def _cost(view: View) -> Iterator[Block]:
    if not view.costs and not view.cost_facts and not view.unpriced:
        yield Paragraph("Nothing was priced.")
    for table in pivots(view.cost_facts):
        yield from _pivot(table, "Figures")
    for group in view.costs:
        yield from _cost_group(group)
    yield from usage_blocks(view.usage)
    if view.unpriced:
        yield Heading(3, "Without a price")
        yield Paragraph(f"{NO_TOTAL}. {view.lacking}.")
        yield Table(
            ("What", "Kind", "Where", "Why"),
            tuple(
                (u.what, u.kind, _place(u.artefact, u.line, None, u.address), u.reason) for u in view.unpriced
            ),
        )


def _cost_group(group: CostGroup) -> Iterator[Block]:
    from_brief = group.origin == "brief"
    yield Heading(3, "Where the money goes" if from_brief else "What the files themselves would cost")
    if not from_brief:
        yield Paragraph("Reckoned from the artefacts, beside the total of the brief and never added to it.")
    if group.aged:
        yield Paragraph(f"{group.aged}.")
    if group.lacking:
        yield Paragraph(f"At least: {group.lacking}.")
    rows = [
        (
            line.what if line.purchase == "on_demand" else f"{line.what} ({line.purchase})",
            _place(line.artefact, line.line, None, line.address),
            f"{line.sku} {line.region}".strip(),
            f"{number(line.quantity)} {line.unit}",
            money(line.usd_per_unit),
            money(line.usd_per_month),
            f"{line.source}, {line.as_of}{', old' if line.old else ''}",
        )
        for line in group.lines
    ]
    rows.append(("Sum of these lines", "", "", "", "", group.total, ""))
    yield Table(
        ("What", "Where", "Price list entry", "Quantity", "Unit price", "A month", "Source"),
        tuple(rows),
        frozenset({3, 4, 5}),
    )


def _availability(view: View) -> Iterator[Block]:
    if not view.availability:
        yield Paragraph("Not assessed.")
    for table in view.availability:
        yield from _pivot(table, "Figures")


def _compliance(view: View) -> Iterator[Block]:
    found = view.compliance
    if found is None or not found.regimes:
        yield Paragraph("Not assessed: the compliance agent gave nothing.")
        return
    if found.in_scope:
        yield Paragraph(
            "A control that passes is no proof that the regime is met; coverage is what a machine could judge."
        )
        yield Table(
            ("Regime", "Does it apply", "Controls", "Checkable", "Assessed", "Passed", "Failed", "For people"),
            tuple(
                (
                    row.name if row.named else f"{row.name} (not named in the brief)",
                    f"{row.fit}: {row.why} ({row.article})",
                    *(number(n) for n in (row.controls, row.machine_checkable, row.assessed, row.passed, row.failed, row.manual)),
                )
                for row in found.in_scope
            ),
            frozenset(range(2, 8)),
        )  # fmt: skip
    else:
        yield Paragraph("No regime is named, and none applies by the answers of the brief.")
    if found.others:
        yield Heading(3, "Regimes that are not in scope")
        yield Bullets(tuple(f"{row.name}: {row.fit}; {row.why} ({row.article})" for row in found.others))
    if view.kind != "executive":
        for regime in found.controls:
            yield from _regime(regime)


def _regime(regime: RegimeControls) -> Iterator[Block]:
    if regime.failed:
        yield Heading(3, f"{regime.name}: controls that fail")
        yield Table(
            ("Control", "Title", "Findings"),
            tuple((row.id, row.title, ", ".join(row.findings) or str(row.failed)) for row in regime.failed),
        )
    if regime.passed:
        yield Heading(3, f"{regime.name}: controls whose technical checks pass")
        yield Table(("Control", "Title"), tuple((row.id, row.title) for row in regime.passed))
    if regime.not_assessed:
        yield Heading(3, f"{regime.name}: controls that were not assessed")
        yield Table(("Control", "Title"), tuple((row.id, row.title) for row in regime.not_assessed))
    for owner, due, rows in regime.questions:
        yield Heading(3, f"{regime.name}: questions for {owner}, {due}")
        yield Bullets(tuple(f"{row.id} {row.title}: how is it met, and what shows it?" for row in rows))


def _agents(view: View) -> Iterator[Block]:
    for section in view.agents:
        if section.pivots:
            yield Heading(3, section.title)
            for table in section.pivots:
                yield from _pivot(table, "")


def _findings(view: View) -> Iterator[Block]:
    if not view.findings:
        yield Paragraph("No checks belong to this report.")
    elif not view.failed:
        yield Paragraph("None of the checks that could be made failed.")
    for severity, groups in view.failed:
        for group in groups:
            first = group[0]
            yield Heading(3, f"{severity.value}: {first.title}")
            yield Paragraph(f"Rule {first.rule_id}, {agent_title(first.agent)}.")
            if first.remediation:
                yield Paragraph(f"Fix ({first.remediation.effort}): {first.remediation.text}", prose=True)
            for text in view.assumed(group):
                yield Paragraph(f"Taken for granted: {text}.")
            yield Bullets(tuple(item for one in group for item in _seen(one)))
            for one in group:
                if one.remediation and one.remediation.patch:
                    yield Code(one.remediation.patch, "diff")
    for status, findings in view.not_failed:
        yield Heading(3, f"Checks: {status_title(status)}")
        yield Table(("Check", "Of", "Where"), tuple(_row(f) for f in findings))


def _row(finding: Finding) -> tuple[str, str, str]:
    where = "; ".join(_place(e.artefact, e.line_start, e.line_end, e.path) for e in finding.evidence)
    return f"{finding.title} ({finding.rule_id})", finding.resource or agent_title(finding.agent), where


def _seen(finding: Finding) -> Iterator[str]:
    """What is said of one place: where, what was seen, what would be gained, who accepted it."""
    about = [_evidence(e) for e in finding.evidence] or [finding.resource or "the whole"]
    extra = [*_gains(finding.impact)]
    if finding.control_ids:
        extra.append(f"controls: {', '.join(finding.control_ids)}")
    if finding.suppressed:
        how = "suppression has expired" if finding.suppressed.expired else "suppressed"
        extra.append(f"{how}: {finding.suppressed.reason} ({finding.suppressed.where})")
    yield "; ".join([*about, *extra])


def _evidence(evidence: Evidence) -> str:
    text = _place(evidence.artefact, evidence.line_start, evidence.line_end, evidence.path)
    said = [f"found {evidence.observed}"] if evidence.observed else []
    said += [f"expected {evidence.expected}"] if evidence.expected else []
    return f"{text}: {', '.join(said)}" if said else text


def _coverage(view: View) -> Iterator[Block]:
    coverage = view.result.coverage
    yield Paragraph(
        f"{number(coverage.files_read)} of {number(coverage.files)} files read, {number(coverage.resources)} resources found. "
        "What could not be judged is not clean."
    )
    done = ", ".join(map(agent_title, coverage.agents_done)) or "none"
    yield Paragraph(f"Agents that answered: {done}.")
    if coverage.agents_failed:
        yield Paragraph(f"Agents that failed: {', '.join(map(agent_title, coverage.agents_failed))}.")
    if coverage.not_assessed:
        yield Heading(3, "Missing, unknown or unreadable")
        yield Bullets(coverage.not_assessed)


def _assumptions(view: View) -> Iterator[Block]:
    if view.assumptions:
        yield Table(
            ("Agent", "What was assumed", "Value", "Source", "Field that replaces it"),
            tuple(
                (agent, a.text, GAP if a.value is None else quantity(a.value, a.unit).text, a.source, a.field or "")
                for agent, a in view.assumptions
            ),
        )  # fmt: skip


def _inventory(view: View) -> Iterator[Block]:
    if view.result.inventory:
        yield Table(
            ("Resource", "Kind", "Where", "Count"),
            tuple(
                (r.address, r.kind, _place(r.artefact, r.line_start, r.line_end), GAP if r.count is None else str(r.count))
                for r in view.result.inventory
            ),
            frozenset({3}),
        )  # fmt: skip


def _facts(view: View) -> Iterator[Block]:
    if view.facts:
        yield Table(
            ("Fact", "Value", "Formula", "Inputs", "Source"),
            tuple(
                (v.fact.id, v.exact or v.shown.text, v.fact.formula, "; ".join(f"{i.name} = {i.text}" for i in v.inputs), _source(v))
                for v in view.facts
            ),
            frozenset({1}),
        )  # fmt: skip


def _origin(view: View) -> Iterator[Block]:
    if view.result.data_versions:
        yield Table(
            ("Table", "Version"),
            tuple(
                (name, "; ".join(f"{fact_name(key)}: {item}" for key, item in about.items()))
                for name, about in view.result.data_versions.items()
            ),
        )
    yield Bullets(
        (
            f"Assessment: {view.result.assessment_id}",
            *(f"{fact_name(key)}: {_plain(value)}" for key, value in view.result.provenance.items()),
        )
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value)


def _pivot(table: Pivot, title: str) -> Iterator[Block]:
    if table.title or title:
        yield Heading(4, table.title or title)
    yield Table(
        ("", *table.columns),
        tuple((name, *(cell.shown.text if cell else GAP for cell in cells)) for name, cells in table.rows),
        frozenset(range(1, len(table.columns) + 1)),
    )


def _gains(impact: Impact | None) -> Iterator[str]:
    """What the change saves (or costs, where negative); nothing where it is not known."""
    if impact is None:
        return
    for value, unit, what in (
        (impact.usd_per_month, "USD/month", "money"),
        (impact.kgco2e_per_month, "kgCO2e/month", "carbon"),
        (impact.downtime_minutes_per_year, "minutes/year", "downtime"),
    ):
        if value:
            yield f"{what}: {'saves' if value > 0 else 'costs'} {quantity(abs(value), unit).text}"


def _source(view: FactView) -> str:
    return f"{view.fact.source}, as of {view.fact.as_of}" if view.fact.as_of else view.fact.source


def _place(artefact: str, start: int | None, end: int | None, about: str = "") -> str:
    lines = "" if start is None else f":{start}" if end in (None, start) else f":{start}-{end}"
    return _joined((f"{artefact}{lines}" if artefact else "", about))


def _joined(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part)


_SECTIONS: dict[str, Callable[[View], Iterator[Block]]] = {
    "overview": _overview, "recommendations": _recommendations, "cost": _cost, "availability": _availability,
    "compliance": _compliance, "agents": _agents, "findings": _findings, "coverage": _coverage,
    "assumptions": _assumptions, "inventory": _inventory, "facts": _facts, "origin": _origin,
}  # fmt: skip
