"""All agents' results → one assessment result: summary, coverage, findings and recommendations in their order. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from infra_mind.agents.mlops.named import models_of
from infra_mind.agents.security.images import images_of
from infra_mind.agents.strategy.circumstances import circumstances, controls_failed
from infra_mind.agents.strategy.options import Option, options, scores, sentences
from infra_mind.agents.strategy.ranking import dominates
from infra_mind.model.brief import Brief
from infra_mind.model.fact import Fact
from infra_mind.model.finding import Effort, Finding, Severity, Status
from infra_mind.model.inventory import Inventory
from infra_mind.model.result import (
    AgentFailure,
    AgentResult,
    AssessmentResult,
    Coverage,
    Recommendation,
    ResourceSummary,
)
from infra_mind.summary import STRATEGY, findings_of, summary_of, suppressed

_PHASE_BY_EFFORT: dict[Effort, Literal["30", "60", "90"]] = {
    Effort.MINUTES: "30", Effort.HOURS: "30", Effort.DAYS: "60", Effort.WEEKS: "90",
}  # fmt: skip


def build_result(
    *,
    assessment_id: str,
    brief: Brief,
    inventory: Inventory,
    results: Mapping[str, AgentResult],
    failures: Sequence[AgentFailure],
    provenance: dict[str, Any],
    data_versions: dict[str, dict[str, str]],
) -> AssessmentResult:
    """The result of the contract. The same input gives the same bytes, whatever the order of `results` and `failures`.

    `partial` as soon as one agent failed; what the others gave stays as they gave it, its findings sorted by severity and
    address."""
    fails = controls_failed(results)
    agents = {name: _sorted(results[name], fails) for name in sorted(results)}
    failed = tuple(sorted(failures, key=lambda f: (f.agent, f.attempt, f.error_type, f.message)))
    facts = {fact.id: fact for result in agents.values() for fact in result.facts}
    recommendations = _recommendations(agents, facts)
    return AssessmentResult(
        assessment_id=assessment_id,
        status="partial" if failed else "completed",
        summary=summary_of(brief, agents, failed, recommendations, facts),
        recommendations=recommendations,
        agents=agents,
        failures=failed,
        inventory=tuple(_resource_summaries(inventory)),
        images=images_of(inventory),
        models=models_of(brief),
        coverage=_coverage(inventory, agents, failed),
        data_versions={
            name: dict(sorted(version.items())) for name, version in sorted(data_versions.items())
        },
        provenance=provenance,
    )


def _sorted(result: AgentResult, fails: Mapping[str, Sequence[str]]) -> AgentResult:
    findings = (_with_controls(finding, fails.get(finding.id, ())) for finding in result.findings)
    return result.model_copy(update={"findings": tuple(sorted(findings, key=finding_order))})


def _with_controls(finding: Finding, controls: Sequence[str]) -> Finding:
    new = [control for control in controls if control not in finding.control_ids]
    return finding.model_copy(update={"control_ids": (*finding.control_ids, *new)}) if new else finding


def finding_order(finding: Finding) -> tuple[int, str, str, str]:
    """By severity, then address; the rule and the fingerprint make the order total."""
    return (finding.severity.rank, finding.resource, finding.rule_id, finding.fingerprint)


def _recommendations(
    agents: Mapping[str, AgentResult], facts: Mapping[str, Fact]
) -> tuple[Recommendation, ...]:
    if STRATEGY in agents:
        return agents[STRATEGY].recommendations
    found = sorted(options(agents), key=lambda o: (o.severity.rank, -len(o.findings), o.id))
    scored = scores(found, facts, circumstances(agents))
    return tuple(
        _by_severity(place, option, facts, not any(dominates(s, scored[option.id]) for s in scored.values()))
        for place, option in enumerate(found, start=1)
    )


def _by_severity(place: int, option: Option, facts: Mapping[str, Fact], pareto: bool) -> Recommendation:
    """Utility is the severity alone (1 for critical to 0 for info); no weights were perturbed, so nothing is said to be stable."""
    return Recommendation(
        rank=place, id=option.id, title=option.title, text=sentences(option, facts), severity=option.severity,
        effort=option.effort, utility=1 - option.severity.rank / (len(Severity) - 1), pareto=pareto, rank_stability=0.0,
        phase=_PHASE_BY_EFFORT[option.effort], impact=option.impact, control_ids=option.controls, findings=tuple(f.id for f in option.findings),
        facts=option.facts, agents=option.agents,
    )  # fmt: skip


def _coverage(
    inventory: Inventory, agents: Mapping[str, AgentResult], failed: Sequence[AgentFailure]
) -> Coverage:
    statuses = Counter(f.status for f in findings_of(agents))
    missing = {_missing(f) for f in findings_of(agents) if f.status is Status.NOT_ASSESSED}
    unread = {u.artefact for u in inventory.unread}
    return Coverage(
        files=inventory.files,
        files_read=inventory.files_read,
        resources=len(inventory.resources),
        checks_by_status=_by_status(statuses, len(suppressed(agents))),
        agents_done=tuple(agents),
        agents_failed=tuple(sorted({f.agent for f in failed})),
        not_assessed=tuple(sorted(missing | unread)),
        unread=tuple(sorted({u.artefact for u in inventory.not_read})),
    )


def _by_status(statuses: Mapping[Status, int], accepted: int) -> dict[str, int]:
    """How many of each status; what was accepted stands apart from what failed, where there is any."""
    counts = {status.value: statuses.get(status, 0) for status in Status}
    return counts | {"fail": counts["fail"] - accepted, "suppressed": accepted} if accepted else counts


def _missing(finding: Finding) -> str:
    """The field of the brief or the file that a `not_assessed` finding names."""
    first = finding.evidence[0] if finding.evidence else None
    if first is None:
        return finding.resource or finding.rule_id
    if first.artefact != "brief":
        return first.artefact
    return first.path or finding.resource


def _resource_summaries(inventory: Inventory) -> list[ResourceSummary]:
    return [
        ResourceSummary(
            address=r.address, format=r.format.value, kind=r.kind, artefact=r.artefact,
            line_start=r.line_start, line_end=r.line_end, count=r.count,
        )
        for r in inventory.resources
    ]  # fmt: skip
