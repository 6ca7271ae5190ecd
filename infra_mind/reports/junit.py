"""Findings as JUnit XML, which every build server shows: one suite for each agent, one case for each check.

A failed check is a failure, one that could not be judged or that was suppressed is skipped with the reason, an agent that failed is an
error. A build server that counts only failures does not see what was skipped: it is not clean for that."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from infra_mind.model.finding import Finding, Status
from infra_mind.model.result import AgentFailure, AgentResult, AssessmentResult
from infra_mind.reports.labels import status_title
from infra_mind.reports.text import clean, one_line


def render(result: AssessmentResult) -> bytes:
    """UTF-8 XML; the times are 0, because a check is no test that runs. Same result, same bytes."""
    root = Element("testsuites", name=one_line(result.summary.name))
    for name, given in result.agents.items():
        if given.findings:
            root.append(_suite(name, given))
    for failure in result.failures:
        root.append(_failed_agent(failure))
    for what in ("tests", "failures", "errors", "skipped"):
        root.set(what, str(sum(int(suite.get(what, "0")) for suite in root)))
    indent(root)
    return tostring(root, encoding="utf-8", xml_declaration=True)


def _suite(name: str, given: AgentResult) -> Element:
    cases = [_case(finding) for finding in given.findings]
    counts = {tag: sum(case.find(tag) is not None for case in cases) for tag in ("failure", "skipped")}
    suite = Element(
        "testsuite", name=one_line(name), tests=str(len(cases)), failures=str(counts["failure"]), errors="0",
        skipped=str(counts["skipped"]), time="0",
    )  # fmt: skip
    suite.extend(cases)
    return suite


def _case(finding: Finding) -> Element:
    name = one_line(f"{finding.title} [{finding.resource}]" if finding.resource else finding.title)
    case = Element("testcase", classname=one_line(f"{finding.agent}.{finding.rule_id}"), name=name, time="0")
    seen = finding.evidence[0] if finding.evidence else None
    if seen and seen.line_start is not None:
        case.set("file", one_line(seen.artefact))
        case.set("line", str(seen.line_start))
    if finding.counts:
        failure = SubElement(case, "failure", type=finding.severity.value, message=one_line(f"{finding.severity.value}: {finding.title}"))  # fmt: skip
        failure.text = _details(finding)
    elif finding.status is not Status.PASS:
        SubElement(case, "skipped", message=one_line(_why_skipped(finding)))
    return case


def _why_skipped(finding: Finding) -> str:
    if finding.suppressed and finding.is_suppressed:
        return f"suppressed: {finding.suppressed.reason}"
    return f"{status_title(finding.status.value)}: {finding.remediation.text if finding.remediation else finding.title}"


def _details(finding: Finding) -> str:
    lines = []
    for seen in finding.evidence:
        line = f":{seen.line_start}" if seen.line_start is not None else ""
        lines.append(
            one_line(
                f"{seen.artefact}{line} {seen.path}: found {seen.observed or 'nothing'}, expected {seen.expected or 'another value'}"
            )
        )
    if finding.remediation:
        lines.append(one_line(f"Fix ({finding.remediation.effort.value}): {finding.remediation.text}"))
    return str(clean("\n".join(lines)))


def _failed_agent(failure: AgentFailure) -> Element:
    suite = Element("testsuite", name=one_line(failure.agent), tests="1", failures="0", errors="1", skipped="0", time="0")  # fmt: skip
    case = SubElement(suite, "testcase", classname=one_line(failure.agent), name="the agent gives a result", time="0")  # fmt: skip
    SubElement(case, "error", type=one_line(failure.error_type), message=one_line(failure.message))
    return suite
