"""Failed findings as SARIF 2.1.0 (OASIS, 27 March 2020), within the limits of GitHub code scanning.

One run. A failed finding is a result, a suppressed one with its suppression. What was not assessed is no result and is not clean
either: it stands among the notifications of the invocation. Limits: GitHub's table `SARIF results exceed limits` (read 2026-11)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

from infra_mind.model.finding import Confidence, Evidence, Finding, Severity, Status
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.places import HANDED_IN, Places
from infra_mind.reports.text import one_line, web_link

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "infraMindFingerprint/v1"
MOST_RESULTS = 25_000  # of a run; GitHub refuses the file above it
MOST_LOCATIONS = 100  # of a result; more are not shown
MOST_TAGS = 10  # of a rule; more are not shown
LONGEST_MESSAGE = 2_000
LONGEST_DESCRIPTION = 1_024  # of a rule; GitHub asks for both descriptions and the help
LEVELS = {
    Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.INFO: "note",
}  # fmt: skip
# GitHub sorts alerts of security rules by a number: critical is over 9.0, high from 7.0, medium from 4.0, low below.
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0", Severity.INFO: "0.5"}  # fmt: skip
_PRECISION = {Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}
_SECURITY = ("security", "compliance")
_OPEN = (Status.NOT_ASSESSED, Status.UNRESOLVABLE)


def render(result: AssessmentResult, places: Places = HANDED_IN) -> bytes:
    """UTF-8 JSON. Same result, same bytes."""
    return json.dumps(to_sarif(result, places), ensure_ascii=False, indent=1).encode("utf-8", "replace")


def to_sarif(result: AssessmentResult, places: Places = HANDED_IN) -> dict[str, Any]:
    """The log as JSON data. Results come by severity, so that a reader that stops early has seen the worst."""
    every = [finding for given in result.agents.values() for finding in given.findings]
    failed = sorted((f for f in every if f.status is Status.FAIL), key=_order)
    shown, left = failed[:MOST_RESULTS], len(failed[MOST_RESULTS:])
    rules = _rules(shown)
    index = {rule["id"]: n for n, rule in enumerate(rules)}
    notices = [_open(f, places) for f in every if f.status in _OPEN]
    notices += [
        _notice(f"Agent {f.agent} failed: {f.error_type}: {f.message}", "error") for f in result.failures
    ]
    if left:
        notices.append(
            _notice(f"{left} more findings are left out: a run holds {MOST_RESULTS} results.", "warning")
        )
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "Infra Mind", "version": version("infra-mind"), "rules": rules}},
        "automationDetails": {"id": "infra-mind/"},
        "invocations": [{"executionSuccessful": not result.failures, "toolExecutionNotifications": notices}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(f, index[f.rule_id], places) for f in shown],
        "properties": {"assessment_id": result.assessment_id, "status": result.status},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _order(finding: Finding) -> tuple[int, str, str]:
    return finding.severity.rank, finding.rule_id, finding.id


def _rules(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """One for each rule id; its text is that of its worst finding."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.rule_id, finding)
    return [_rule(first[rule_id]) for rule_id in sorted(first)]


def _rule(finding: Finding) -> dict[str, Any]:
    fix = finding.remediation.text if finding.remediation else finding.title
    tags = [*(["security"] if finding.agent in _SECURITY else []), finding.agent, *finding.control_ids]
    properties: dict[str, Any] = {
        "tags": [_plain(tag) for tag in dict.fromkeys(tags)][:MOST_TAGS],
        "precision": _PRECISION[finding.confidence],
        "problem.severity": {"error": "error", "warning": "warning", "note": "recommendation"}[
            LEVELS[finding.severity]
        ],
    }
    if finding.agent in _SECURITY:
        properties["security-severity"] = _SCORES[finding.severity]
    rule: dict[str, Any] = {
        "id": finding.rule_id,
        "shortDescription": {"text": _text(finding.title, LONGEST_DESCRIPTION)},
        "fullDescription": {"text": _text(fix, LONGEST_DESCRIPTION)},
        "help": {"text": _text(fix)},
        "defaultConfiguration": {"level": LEVELS[finding.severity]},
        "properties": properties,
    }
    link = next((link for reference in finding.references if (link := web_link(reference))), None)
    return {**rule, "helpUri": link} if link else rule


def _result(finding: Finding, rule_index: int, places: Places) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": finding.rule_id,
        "ruleIndex": rule_index,
        "level": LEVELS[finding.severity],
        "kind": "fail",
        "message": {"text": _message(finding)},
        "locations": _locations(finding, places),
        "partialFingerprints": {
            FINGERPRINT: finding.fingerprint,
            "primaryLocationLineHash": f"{finding.fingerprint}:1",
        },
        "properties": {
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "agent": finding.agent,
        },
    }
    accepted = finding.suppressed
    if accepted is not None and finding.is_suppressed:
        where = accepted.where.rpartition(":")[0] or accepted.where
        inside = any(seen.artefact == where for seen in finding.evidence)
        owner = f" ({accepted.owner})" if accepted.owner else ""
        made["suppressions"] = [
            {
                "kind": "inSource" if inside else "external",
                "status": "accepted",
                "justification": _plain(accepted.reason + owner),
            }
        ]
    return made


def _message(finding: Finding) -> str:
    seen = finding.evidence[0] if finding.evidence else None
    parts = [finding.title]
    if finding.resource:
        parts.append(f"Resource: {finding.resource}")
    if seen and seen.observed:
        parts.append(f"Found: {seen.observed}")
    if seen and seen.expected:
        parts.append(f"Expected: {seen.expected}")
    if finding.remediation:
        parts.append(f"Fix: {finding.remediation.text}")
    return _text(". ".join(part.rstrip(".") for part in parts) + ".")


def _locations(finding: Finding, places: Places) -> list[dict[str, Any]]:
    seen: Iterable[Evidence] = finding.evidence[:MOST_LOCATIONS] or (Evidence(artefact="brief"),)
    return [_location(evidence, finding.resource, places) for evidence in seen]


def _location(evidence: Evidence, resource: str, places: Places) -> dict[str, Any]:
    # a code scanner wants a line: what lies in no known one is shown at the first
    start = max(1, evidence.line_start or 1)
    region = {"startLine": start, "startColumn": 1, "endLine": max(start, evidence.line_end or start)}
    made: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": places.uri(evidence.artefact)}, "region": region}
    }
    name = evidence.path or resource
    if name:
        made["logicalLocations"] = [
            {"fullyQualifiedName": _plain(f"{resource} {evidence.path}".strip()), "kind": "resource"}
        ]
    if evidence.line_start is None:
        made["properties"] = {"line": "unknown"}
    return made


def _open(finding: Finding, places: Places) -> dict[str, Any]:
    said = _notice(f"{finding.rule_id} was not judged ({finding.status.value}): {finding.title}", "note")
    return {**said, "locations": [_location(e, finding.resource, places) for e in finding.evidence[:1]]}


def _notice(text: str, level: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _text(text)}}


def _plain(text: str, longest: int = LONGEST_MESSAGE) -> str:
    line = one_line(text)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _text(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """A message: `[text](n)` is a link and `{0}` a placeholder in it (SARIF 2.1.0, 3.11.5 and 3.11.6), so neither may begin."""
    line = _plain(text, longest).replace("{", "{{").replace("}", "}}")
    return line.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") if "](" in line else line
