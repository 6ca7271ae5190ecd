"""Two results → what differs. Pure; a finding is the same in both by its fingerprint, whatever its line.

Gone is not fixed: a check that failed before and could not be judged now, whose field the brief no longer gives, was suppressed, or
whose agent gave nothing now, is `unsettled`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal

from infra_mind.model.comparison import Comparison, MovedFact, MovedRecommendation, MovedTable, Unsettled
from infra_mind.model.fact import Fact, FactValue
from infra_mind.model.finding import Finding, Status
from infra_mind.model.result import AssessmentResult

Side = Literal["before", "after"]
_UNJUDGED = (Status.NOT_ASSESSED, Status.UNRESOLVABLE, Status.MANUAL)


def compare(before: AssessmentResult, after: AssessmentResult) -> Comparison:
    """Findings by severity, facts by id, recommendations by their rank now."""
    old, new = _failed(before), _failed(after)
    gone = [finding for mark, finding in old.items() if mark not in new]
    come = [finding for mark, finding in new.items() if mark not in old]
    unsettled = [
        *_unsettled(gone, after, "before"),
        *_unsettled(come, before, "after"),
    ]
    open_marks = {one.finding.fingerprint for one in unsettled}
    return Comparison(
        before=before.assessment_id,
        after=after.assessment_id,
        new=_ordered(f for f in come if f.fingerprint not in open_marks),
        fixed=_ordered(f for f in gone if f.fingerprint not in open_marks),
        unchanged=_ordered(finding for mark, finding in new.items() if mark in old),
        unsettled=tuple(sorted(unsettled, key=lambda one: (one.failed_in, _order(one.finding)))),
        facts=tuple(_facts(_by_id(before), _by_id(after))),
        recommendations=tuple(_recommendations(before, after)),
        data_versions=tuple(_tables(before.data_versions, after.data_versions)),
        notes=tuple(_notes(before, after)),
    )


def new_findings(baseline: AssessmentResult, result: AssessmentResult) -> tuple[Finding, ...]:
    """Failed findings of `result` that the baseline does not have, by severity: also those that the baseline could not judge."""
    known = _failed(baseline)
    return _ordered(finding for mark, finding in _failed(result).items() if mark not in known)


def _failed(result: AssessmentResult) -> dict[str, Finding]:
    return {f.fingerprint: f for given in result.agents.values() for f in given.findings if f.counts}


def _unsettled(failed: list[Finding], other: AssessmentResult, failed_in: Side) -> Iterator[Unsettled]:
    """Those of `failed` about which the other side says nothing that would be a verdict."""
    every = [f for given in other.agents.values() for f in given.findings]
    accepted = {f.fingerprint: f.suppressed for f in every if f.is_suppressed}
    unjudged = {(f.rule_id, f.resource): f for f in every if f.status in _UNJUDGED}
    absent = {
        seen.path
        for f in every
        if f.status is Status.NOT_ASSESSED
        for seen in f.evidence
        if seen.artefact == "brief" and seen.observed == "absent"
    }
    unread = {f.resource for f in every if f.status is Status.NOT_ASSESSED} | set(other.coverage.unread)
    for finding in failed:
        suppression, judged = (
            accepted.get(finding.fingerprint),
            unjudged.get((finding.rule_id, finding.resource)),
        )
        files = [seen.artefact for seen in finding.evidence if seen.artefact in unread]
        if finding.agent not in other.agents:
            why = f"the agent {finding.agent} gave nothing there"
        elif suppression is not None:
            why = f"suppressed there: {suppression.reason}"
        elif judged is not None:
            why = f"{judged.status.value} there: {judged.title}"
        elif files:
            why = f"{files[0]} could not be read there"
        elif lost := _not_given(finding, absent):
            why = f"{lost} is not given there"
        else:
            continue
        yield Unsettled(finding=finding, failed_in=failed_in, why=why)


def _not_given(finding: Finding, absent: set[str]) -> str:
    """The field that one of the findings of a brief rests on and that is not given, or a section around it; else nothing."""
    for seen in finding.evidence:
        if seen.artefact == "brief":
            parts = seen.path.split(".")
            around = (".".join(parts[: n + 1]) for n in range(len(parts)))
            if lost := next((path for path in around if path in absent), ""):
                return lost
    return ""


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return finding.severity.rank, finding.rule_id, finding.resource, finding.fingerprint


def _ordered(findings: Iterator[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=_order))


def _by_id(result: AssessmentResult) -> dict[str, Fact]:
    return {fact.id: fact for given in result.agents.values() for fact in given.facts}


def _facts(before: Mapping[str, Fact], after: Mapping[str, Fact]) -> Iterator[MovedFact]:
    for fact_id in sorted(before.keys() | after.keys()):
        old, new = before.get(fact_id), after.get(fact_id)
        if old and new and _same(old.value, new.value) and old.unit == new.unit:
            continue
        change = _change(old, new)
        base = old.value if old and change is not None else None
        yield MovedFact(
            id=fact_id,
            before=old.value if old else None,
            after=new.value if new else None,
            unit=new.unit if new else old.unit if old else "",
            unit_before=old.unit if old and new and old.unit != new.unit else None,
            change=change,
            change_share=change / abs(base) if change is not None and isinstance(base, int | float) and base else None,
        )  # fmt: skip


def _change(old: Fact | None, new: Fact | None) -> float | None:
    if old is None or new is None or old.unit != new.unit:
        return None
    a, b = old.value, new.value
    if isinstance(a, bool | str) or isinstance(b, bool | str) or not (math.isfinite(a) and math.isfinite(b)):
        return None
    return float(b - a)


def _same(a: FactValue, b: FactValue) -> bool:
    """Also of NaN, which equals nothing; True is not 1."""
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))


def _recommendations(before: AssessmentResult, after: AssessmentResult) -> Iterator[MovedRecommendation]:
    old, new = ({r.id: r for r in result.recommendations} for result in (before, after))
    ids = [r.id for r in after.recommendations] + [r.id for r in before.recommendations if r.id not in new]
    for name in ids:
        was, now = old.get(name), new.get(name)
        if (was.rank if was else None) != (now.rank if now else None):
            either = now or was
            assert either is not None
            yield MovedRecommendation(
                id=name,
                title=either.title,
                rank_before=was.rank if was else None,
                rank_after=now.rank if now else None,
            )


def _tables(
    before: Mapping[str, dict[str, str]], after: Mapping[str, dict[str, str]]
) -> Iterator[MovedTable]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield MovedTable(name=name, before=before.get(name), after=after.get(name))


def _notes(before: AssessmentResult, after: AssessmentResult) -> Iterator[str]:
    names = [one.summary.name for one in (before, after)]
    if names[0] != names[1]:
        yield f"the names differ, {names[0]} before and {names[1]} after: what is new or fixed may be of something else"
    versions = [str(one.provenance.get("version", "unknown")) for one in (before, after)]
    if versions[0] != versions[1]:
        yield f"made by version {versions[0]} before and {versions[1]} after: rules may have changed"
    for side, result in (("before", before), ("after", after)):
        for failure in result.failures:
            who = f"the agent {failure.agent}" if failure.hides_findings else failure.agent
            yield f"{side}: {who} failed ({failure.error_type}: {failure.message}); {failure.lost}"
