"""The compliance section of the report and of the terminal: regimes, dates, failing controls that lead to findings, questions."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.compliance import AGENT
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Evidence, Severity, Status, make_finding
from infra_mind.model.inventory import Inventory
from infra_mind.model.result import AgentResult, AssessmentResult
from infra_mind.reports.facts import FactBook
from infra_mind.reports.html import render
from infra_mind.reports.terminal import print_summary
from infra_mind.reports.view import View
from infra_mind.synthesis import build_result
from tests.unit.reports import sample
from tests.unit.reports.page import Page

BRIEF = parse_brief({
    "name": "Ward", "organisation": {"industry": "healthcare", "size": "medium", "regions": ["eu-west-1"]},
    "compliance": {"regimes": ["gdpr", "iso27001"], "data_classes": ["health"], "data_residency": ["eu"],
                   "ai_use": {"annex_iii": False, "interacts_with_people": True}},
})  # fmt: skip
OPEN = make_finding(
    rule_id="IM-AWS-S3-001", agent="security", title="Bucket is public", status=Status.FAIL, severity=Severity.CRITICAL,
    resource="aws_s3_bucket.notes", control_ids=("public-access",),
    evidence=(Evidence(artefact="main.tf", line_start=3, line_end=3, observed="public-read"),),
)  # fmt: skip


@pytest.fixture(scope="module")
def result() -> AssessmentResult:
    security = AgentResult(findings=(OPEN,))
    compliance = AGENT.assess(Inputs(brief=BRIEF, results={"security": security}), silent)
    return build_result(
        assessment_id="a", brief=BRIEF, inventory=Inventory(), results={"security": security, "compliance": compliance}, failures=(),
        provenance={}, data_versions={},
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["full", "technical", "executive", "compliance"])
def test_regimes_their_share_and_their_dates_are_shown(result: AssessmentResult, kind: str) -> None:
    page = Page(render(result, kind))
    assert "compliance" in page.ids
    text = page.text.partition("Regimes that are named")[2]
    for shown in (
        "GDPR",
        "Regulation (EU) 2016/679",
        "ISO 27001",
        "NIS 2",
        "not named in the brief",
        "2027-12-02",
        "transparency",
    ):
        assert shown in text
    assert "#fact-compliance.gdpr.assessed" in page.values("href")


def test_a_control_that_fails_leads_to_the_finding(result: AssessmentResult) -> None:
    html = render(result)
    anchor = View(result, "full", FactBook(result)).finding_anchors[OPEN.id]
    listed = html.partition("Controls that fail")[2].partition("</details>")[0]
    assert "Art.25(2)" in listed
    assert f'<a href="#{anchor}">IM-AWS-S3-001</a>' in listed
    assert f'id="{anchor}"' in html


def test_questions_stand_by_owner_and_not_in_the_executive_report(result: AssessmentResult) -> None:
    asked = "Questions for data protection officer, within 30 days of the assessment"
    assert asked in Page(render(result, "compliance")).text
    assert asked not in Page(render(result, "executive")).text


def test_the_cost_report_has_no_compliance(result: AssessmentResult) -> None:
    assert "compliance" not in Page(render(result, "cost")).ids


def test_a_result_without_the_tables_says_so() -> None:
    assert "the compliance agent gave nothing" in Page(render(sample.result("partial"))).text


def test_the_terminal_has_one_line_for_each_regime(result: AssessmentResult) -> None:
    console = Console(file=io.StringIO(), width=80)
    print_summary(result, console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    (gdpr,) = [line for line in lines if line.startswith("GDPR ")]
    assert "3 of 41 assessed: 1 pass, 2 fail; 34 for people" in gdpr
    assert any(line.startswith("NIS 2") and "not in the brief" in line for line in lines)


def test_the_findings_of_others_carry_the_controls_that_they_fail(result: AssessmentResult) -> None:
    (found,) = result.agents["security"].findings
    assert found.control_ids[0] == "public-access"
    assert {"gdpr:Art.25(2)", "gdpr:Art.5(1)(f)", "iso27001:A.8.20"} <= set(found.control_ids)


def test_the_summary_has_one_sentence_for_each_regime(result: AssessmentResult) -> None:
    said = [s for s in result.summary.sentences if "`compliance." in s]
    assert len(said) == 4
    assert "3 of 41 controls could be assessed" in next(s for s in said if s.startswith("GDPR"))


def test_sums_of_controls_are_no_work_of_their_own(result: AssessmentResult) -> None:
    named = {id_ for r in result.recommendations for id_ in r.findings}
    rules = {f.rule_id for given in result.agents.values() for f in given.findings if f.id in named}
    assert "IM-AWS-S3-001" in rules
    assert "compliance.unnamed" in rules
    assert "compliance.controls" not in rules
