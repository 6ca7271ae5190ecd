"""Findings that somebody accepted: where a suppression counts, what is said of it, and what makes it none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.security import AGENT, REGISTRY
from infra_mind.agents.security.suppressions import MOST, Suppressions
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.brief import Brief
from infra_mind.model.finding import Finding, Status
from infra_mind.model.inventory import Artefact
from infra_mind.model.result import AgentResult

BUCKET = 'resource "aws_s3_bucket" "site" {{{head}\n  bucket = "site"\n{above}  acl    = "public-read"{beside}\n}}\n'
RULE = "IM-AWS-S3-001"


def assess(*files: tuple[str, str], day: str = "2026-11-25") -> AgentResult:
    artefacts = [Artefact(path=path, content=text) for path, text in files]
    inventory = build_inventory(artefacts)
    inputs = Inputs(Brief(name="b"), inventory, {a.path: a for a in artefacts}, day=day)
    return AGENT.assess(inputs, silent)


def bucket(head: str = "", above: str = "", beside: str = "") -> tuple[str, str]:
    return "main.tf", BUCKET.format(head=head, above=above, beside=beside)


def failed(result: AgentResult, rule: str = RULE) -> Finding:
    (found,) = (f for f in result.findings if f.rule_id == rule and f.status is Status.FAIL)
    return found


def facts(result: AgentResult) -> dict[str, object]:
    return {f.id: f.value for f in result.facts}


def problems(result: AgentResult) -> list[tuple[str, str]]:
    return [(f.rule_id, f.evidence[0].observed) for f in result.findings if f.rule_id.startswith("IM-SUPP")]


@pytest.mark.parametrize(
    "comment",
    [
        "# infra-mind:ignore IM-AWS-S3-001 a public site",
        "// infra-mind:ignore IM-AWS-S3-001 a public site",
        "/* infra-mind:ignore IM-AWS-S3-001 a public site */",
    ],
)
@pytest.mark.parametrize("place", ["head", "above", "beside", "before"])
def test_a_comment_beside_or_above_suppresses(comment: str, place: str) -> None:
    path, text = {
        "head": bucket(head=f" {comment}"),
        "above": bucket(above=f"  {comment}\n"),
        "beside": bucket(beside=f" {comment}"),
        "before": (bucket()[0], f"{comment}\n# more words\n{bucket()[1]}"),
    }[place]
    finding = failed(assess((path, text)))
    assert finding.suppressed is not None
    assert (finding.suppressed.reason, finding.is_suppressed, finding.counts) == ("a public site", True, False)  # fmt: skip


def test_a_comment_inside_of_a_longer_one_counts() -> None:
    above = "  /*\n   * infra-mind:ignore IM-AWS-S3-001 a public site\n   */\n"
    assert failed(assess(bucket(above=above))).is_suppressed


@pytest.mark.parametrize(
    "text",
    [
        bucket(above='  tags = { a = "# infra-mind:ignore IM-AWS-S3-001 in a string" }\n')[1],
        bucket(above="  # infra-mind:ignore IM-AWS-S3-001 too far\n\n")[1],
        "# infra-mind:ignore IM-AWS-S3-005 another rule\n" + bucket()[1],
        bucket()[1] + "# infra-mind:ignore IM-AWS-S3-001 below\n",
    ],
)
def test_what_stands_elsewhere_suppresses_nothing(text: str) -> None:
    assert failed(assess(("main.tf", text))).suppressed is None


def test_owner_and_day_are_read_and_said() -> None:
    comment = " # infra-mind:ignore IM-AWS-S3-001 a public site owner web-team until 2026-11-25"
    suppressed = failed(assess(bucket(beside=comment))).suppressed
    assert suppressed is not None
    assert (suppressed.reason, suppressed.owner, suppressed.until, suppressed.where, suppressed.expired) == (
        "a public site", "web-team", "2026-11-25", "main.tf:3", False,
    )  # fmt: skip


@pytest.mark.parametrize("day", ["2026-11-26", ""])
def test_one_that_has_ended_counts_again_and_says_so(day: str) -> None:
    comment = " # infra-mind:ignore IM-AWS-S3-001 a public site until 2026-11-25"
    result = assess(bucket(beside=comment), day=day)
    finding = failed(result)
    assert finding.suppressed is not None
    assert (finding.suppressed.expired, finding.counts) == (True, True)
    assert facts(result)["security.findings.critical"] == 1


def test_a_suppressed_failure_stays_and_is_in_no_score() -> None:
    before, after = (
        assess(bucket()),
        assess(bucket(beside=" # infra-mind:ignore IM-AWS-S3-001 a public site")),
    )
    assert facts(before)["security.findings.critical"] == 1
    assert facts(after)["security.findings.critical"] == 0
    assert (facts(before)["security.suppressed"], facts(after)["security.suppressed"]) == (0, 1)
    assert facts(after)["security.checks"] == facts(before)["security.checks"]
    failed_before, passed = facts(before)["security.failed"], facts(before)["security.passed"]
    assert isinstance(failed_before, int)
    assert isinstance(passed, int)
    assert facts(after)["security.failed"] == failed_before - 1
    assert facts(after)["security.pass_rate"] == passed / (passed + failed_before - 1)
    assert failed(before).fingerprint == failed(after).fingerprint


POD = (
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 'a # infra-mind:ignore x'\nspec:\n  containers:\n    - name: a\n"
    "      image: a:1\n      securityContext:\n        privileged: true # infra-mind:ignore IM-K8S-POD-001 node agent\n"
)


def test_yaml_on_the_line_of_the_attribute_and_not_in_a_quoted_text() -> None:
    result = assess(("pod.yaml", POD))
    assert failed(result, "IM-K8S-POD-001").is_suppressed
    assert not problems(result)


def test_dockerfile_above_the_instruction() -> None:
    text = (
        "FROM python:3.12.1\n# infra-mind:ignore {rule} reviewed\nADD https://example.org/a.tgz /a\nUSER 10\n"
    )
    rule = next(f.rule_id for f in assess(("Dockerfile", text)).findings if f.status is Status.FAIL and f.evidence[0].line_start == 3)  # fmt: skip
    assert failed(assess(("Dockerfile", text.format(rule=rule))), rule).is_suppressed


def file_of(*entries: str) -> str:
    return "suppressions:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


def test_a_file_suppresses_by_path_and_address_below_its_folder() -> None:
    file = file_of(
        f"rule: {RULE}, path: 'web/*', resource: aws_s3_bucket.site, reason: public site, owner: web"
    )
    text = bucket()[1]
    result = assess(
        ("a/.infra-mind.yaml", file), ("a/web/x/main.tf", text), ("a/api/main.tf", text), ("b/web/x/main.tf", text)
    )  # fmt: skip
    found = {f.evidence[0].artefact: f for f in result.findings if f.rule_id == RULE}
    assert {path: f.is_suppressed for path, f in found.items()} == {
        "a/web/x/main.tf": True, "a/api/main.tf": False, "b/web/x/main.tf": False,
    }  # fmt: skip
    suppressed = found["a/web/x/main.tf"].suppressed
    assert suppressed is not None
    assert (suppressed.owner, suppressed.where) == ("web", "a/.infra-mind.yaml:2")


def test_brackets_of_an_address_are_no_pattern() -> None:
    text = 'resource "aws_s3_bucket" "site" {\n  count = 2\n  acl = "public-read"\n}\n'
    file = file_of(f"rule: {RULE}, resource: 'aws_s3_bucket.site[1]', reason: public")
    found = [f for f in assess((".infra-mind.yaml", file), ("main.tf", text)).findings if f.rule_id == RULE]
    assert sorted((f.resource, f.is_suppressed) for f in found) == [
        ("aws_s3_bucket.site[0]", False), ("aws_s3_bucket.site[1]", True),
    ]  # fmt: skip


def test_the_file_itself_is_read_and_no_unknown_file() -> None:
    inventory = build_inventory(
        [Artefact(path=".infra-mind.yaml", content=file_of("rule: x, path: a, reason: b"))]
    )
    assert (inventory.files, inventory.files_read, inventory.unread) == (1, 1, ())


@pytest.mark.parametrize(
    ("words", "rule", "observed"),
    [
        ("IM-AWS-S3-999 gone", "IM-SUPPRESSION-UNKNOWN-RULE", "IM-AWS-S3-999"),
        ("", "IM-SUPPRESSION-UNKNOWN-RULE", "no rule"),
        ("IM-AWS-S3-001", "IM-SUPPRESSION-NO-REASON", "IM-AWS-S3-001"),
        ("IM-AWS-S3-001 until 2026-12-01", "IM-SUPPRESSION-NO-REASON", "IM-AWS-S3-001"),
        ("IM-AWS-S3-001 soon until tomorrow", "IM-SUPPRESSION-UNREADABLE", "until tomorrow"),
        ("IM-AWS-S3-001 soon until 2026-13-01", "IM-SUPPRESSION-UNREADABLE", "until 2026-13-01"),
    ],
)
def test_a_comment_that_is_no_suppression_is_a_finding_and_suppresses_nothing(
    words: str, rule: str, observed: str
) -> None:
    result = assess(bucket(beside=f" # infra-mind:ignore {words}"))
    assert problems(result) == [(rule, observed)]
    assert failed(result).counts


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (file_of(f"rule: {RULE}, path: '*'"), "IM-SUPPRESSION-NO-REASON"),
        (file_of(f"rule: {RULE}, reason: all"), "IM-SUPPRESSION-UNREADABLE"),
        (file_of(f"rule: {RULE}, path: '*', reason: all, lines: 3"), "IM-SUPPRESSION-UNREADABLE"),
        (file_of(f"rule: [{RULE}], path: '*', reason: all"), "IM-SUPPRESSION-UNREADABLE"),
        (file_of(f"rule: {RULE}, path: '{'*a' * 11}', reason: all"), "IM-SUPPRESSION-UNREADABLE"),
        (file_of(f"rule: {RULE}, path: '*', reason: all, until: 2026-11"), "IM-SUPPRESSION-UNREADABLE"),
        (file_of("rule: '*', path: '*', reason: all"), "IM-SUPPRESSION-UNKNOWN-RULE"),
        ("suppressions: 3\n", "IM-SUPPRESSION-UNREADABLE"),
        ("- a\n", "IM-SUPPRESSION-UNREADABLE"),
        ("a: [\n", "IM-SUPPRESSION-UNREADABLE"),
        ("", "IM-SUPPRESSION-UNREADABLE"),
    ],
)
def test_a_file_that_is_no_suppression_is_a_finding_and_suppresses_nothing(text: str, rule: str) -> None:
    result = assess((".infra-mind.yaml", text), bucket())
    assert [found for found, _ in problems(result)] == [rule]
    assert failed(result).counts


def test_a_secret_in_a_reason_is_masked() -> None:
    key = "AKIA" + "Z7Q3M5T1B8W2X4C6"
    reason = failed(assess(bucket(beside=f" # infra-mind:ignore {RULE} uses {key}"))).suppressed
    assert reason is not None
    assert key not in reason.reason


def test_the_table_names_what_each_took_out_and_what_met_nothing() -> None:
    text = f"# infra-mind:ignore IM-AWS-RDS-001 left over until 2020-01-01\n{bucket(beside=f' # infra-mind:ignore {RULE} public')[1]}"
    result = assess(("main.tf", text))
    table = result.details["suppressions"]
    assert [(row["rule"], row["expired"], len(row["findings"])) for row in table] == [
        ("IM-AWS-RDS-001", True, 0), (RULE, False, 1),
    ]  # fmt: skip


def test_there_is_a_most() -> None:
    text = "# infra-mind:ignore IM-AWS-S3-001 again\n" * (MOST + 3)
    found = Suppressions.read({"a.tf": Artefact(path="a.tf", content=text)}, REGISTRY)
    assert (len(found.ignores), len(found.problems)) == (MOST, 3)


@given(st.text(max_size=200), st.sampled_from(["a.tf", "a.yaml", "Dockerfile", ".infra-mind.yaml"]))
def test_no_text_breaks_it_or_suppresses_without_a_rule(noise: str, path: str) -> None:
    found = Suppressions.read({path: Artefact(path=path, content=f"# infra-mind:ignore {noise}")}, REGISTRY)
    assert all(ignore.rule in REGISTRY or ignore.rule.startswith("CKV") for ignore in found.ignores)
