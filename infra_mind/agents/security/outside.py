"""What a scanner of somebody else found, beside our own rules: where a rule of ours judged the same thing, ours stands."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from infra_mind.agents.security.findings import AGENT_NAME
from infra_mind.agents.security.rule import Rule
from infra_mind.agents.security.secrets import scrub
from infra_mind.agents.security.suppressions import Place, Suppressions
from infra_mind.model.fact import Fact
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Finding,
    Remediation,
    Severity,
    Status,
    Suppression,
    make_finding,
)
from infra_mind.model.inventory import Resource
from infra_mind.model.scan import Scan, ScannedCheck

Checked = Mapping[str, Mapping[Status, list[Resource]]]
# Open-source Checkov gives no severity, and none is made up from a name: all stand in the middle, with less confidence.
SEVERITY = Severity.MEDIUM


def scanned_findings(
    scan: Scan, checked: Checked, rules: Mapping[str, Rule], suppressions: Suppressions
) -> tuple[list[Finding], list[Fact]]:
    """Findings for what no rule of ours judged, and how many checks that were."""
    judged = _Judged(checked, rules)
    left = [check for check in scan.checks if not judged.holds(check)]
    seen: Counter[tuple[str, str, str]] = Counter()
    findings = []
    for check in left:
        key = check.check_id, check.artefact, check.resource
        seen[key] += 1
        findings.append(_finding(check, scan, seen[key], suppressions))
    if scan.problem:
        findings.append(_problem(scan))
    return findings, list(_facts(scan, findings, len(scan.checks) - len(left)))


class _Judged:
    """Which lines of which file a rule of ours looked at, by the scanner's ids."""

    def __init__(self, checked: Checked, rules: Mapping[str, Rule]) -> None:
        self._lines: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for rule_id, by_status in checked.items():
            resources = [r for rs in by_status.values() for r in rs]
            for id_ in rules[rule_id].ckv:
                for resource in resources:
                    self._lines[id_, resource.artefact].append((resource.line_start, resource.line_end))

    def holds(self, check: ScannedCheck) -> bool:
        ranges = self._lines.get((check.check_id, check.artefact), ())
        return any(start <= check.line_end and check.line_start <= end for start, end in ranges)


def _finding(check: ScannedCheck, scan: Scan, nth: int, suppressions: Suppressions) -> Finding:
    resource = scrub(check.resource)
    place = Place(
        check.artefact, (check.resource or check.artefact,), ((check.line_start, check.line_start),)
    )
    return make_finding(
        rule_id=check.check_id, agent=AGENT_NAME, title=check.title, status=Status.FAIL, severity=SEVERITY,
        confidence=Confidence.MEDIUM, resource=resource or check.artefact, value=[scan.tool, nth],
        evidence=(Evidence(
            artefact=check.artefact, line_start=check.line_start, line_end=check.line_end,
            observed=f"fails {check.check_id} of {scan.tool} {scan.version}".strip(), expected=check.title,
        ),),
        remediation=Remediation(
            text=f"{scan.tool} found it and no rule of this agent judges it; its policy index says what {check.check_id} asks for. "
            "Open-source Checkov gives no severity, so it stands as medium.",
            effort=Effort.HOURS,
        ),
        suppressed=_skipped(check) if check.status == "skipped" else suppressions.of(check.check_id, place),
    )  # fmt: skip


def _skipped(check: ScannedCheck) -> Suppression:
    """A `checkov:skip` of the artefact: kept in sight like one of ours."""
    return Suppression(
        reason=scrub(check.reason) or "no reason is given", where=f"{check.artefact}:{check.line_start}"
    )


def _problem(scan: Scan) -> Finding:
    return make_finding(
        rule_id="IM-SCANNER-FAILED", agent=AGENT_NAME, title=f"{scan.tool} is on this machine and gave no whole report",
        status=Status.NOT_ASSESSED, severity=Severity.INFO, resource=scan.tool, value=scan.problem,
        evidence=(Evidence(artefact=scan.tool, path="report", observed=scan.problem, expected="a whole report"),),
        remediation=Remediation(
            text=f"Run {scan.tool} by hand on the same files, or switch it off (INFRA_MIND_CHECKOV=off). The rules of this agent have judged all the same.",
            effort=Effort.MINUTES,
        ),
    )  # fmt: skip


def _facts(scan: Scan, findings: list[Finding], own: int) -> Iterator[Fact]:
    source = f"{scan.tool} {scan.version}".strip()
    failed = sum(f.counts for f in findings)
    suppressed = sum(f.is_suppressed for f in findings)
    for name, number, formula in (
        (
            "failed",
            failed,
            "its failed checks that no rule of this agent judges and nobody accepted, counted",
        ),
        ("suppressed", suppressed, "those that a comment or a suppression takes out, counted"),
        (
            "judged_by_own_rules",
            own,
            "its failed or skipped checks that a rule of this agent judges, counted",
        ),
        ("passed", scan.passed, "its passed checks, as it counts them"),
    ):
        yield Fact(
            id=f"security.{scan.tool}.{name}", value=number, unit="count", formula=formula, source=source
        )
