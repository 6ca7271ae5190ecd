"""Patches: each one applies, makes its failure go away, and breaks nothing."""

from __future__ import annotations

import re

import pytest

from infra_mind.agents.security import REGISTRY
from infra_mind.agents.security.edits import Edit, apply, unified_diff
from infra_mind.agents.security.secrets import mask
from infra_mind.model.finding import Finding
from infra_mind.model.inventory import Artefact, Format
from tests.unit.agents.security.snippets import EXAMPLES, artefact_of, of, run

PATCHED = sorted(rule_id for rule_id, rule in REGISTRY.items() if rule.patch)
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


def _apply(content: str, diff: str) -> str:
    """The content with a unified diff applied, every context and removed line compared."""
    old, new, at = content.split("\n"), list[str](), 0
    for line in diff.split("\n")[2:]:
        hunk = _HUNK.match(line)
        if hunk:
            start = int(hunk[1]) - (0 if hunk[2] == "0" else 1)
            new, at = new + old[at:start], start
        elif line.startswith("+"):
            new.append(line[1:])
        elif line.startswith(("-", " ")):
            assert old[at] == line[1:]
            at += 1
            new += [line[1:]] if line.startswith(" ") else []
    return "\n".join(new + old[at:])


def _with_patch(findings: list[Finding]) -> list[str]:
    return [f.remediation.patch for f in findings if f.remediation and f.remediation.patch]


def test_patches_reach_the_four_formats() -> None:
    given = {r: _with_patch(of(run(artefact_of(r, EXAMPLES[r][0])), r)) for r in PATCHED}
    formats = {REGISTRY[r].format for r, patches in given.items() if patches}
    assert formats == set(Format)
    assert sum(bool(patches) for patches in given.values()) >= 40


@pytest.mark.parametrize("rule_id", PATCHED)
def test_a_patch_removes_its_finding(rule_id: str) -> None:
    artefact = artefact_of(rule_id, EXAMPLES[rule_id][0])
    content = artefact.content or ""
    before = of(run(artefact), rule_id)
    for finding, patch in zip(before, _with_patch(before), strict=False):
        after = run(Artefact(path=artefact.path, content=_apply(content, patch)))
        assert finding.fingerprint not in {f.fingerprint for f in of(after, rule_id)}
        assert len(of(after, rule_id)) < len(before)
        assert not [f for f in after.findings if f.rule_id == "IM-ARTEFACT-UNREAD"]


def test_a_patch_replaces_the_value_on_its_line_and_keeps_the_comment() -> None:
    text = 'resource "aws_db_instance" "d" {\n  publicly_accessible = true # for now\n}\n'
    (patch,) = _with_patch(of(run(Artefact(path="a.tf", content=text)), "IM-AWS-RDS-001"))
    assert "-  publicly_accessible = true # for now\n+  publicly_accessible = false # for now\n" in patch
    assert patch.startswith("--- a/a.tf\n+++ b/a.tf\n")


def test_a_variable_is_replaced_only_where_the_rule_then_passes() -> None:
    text = 'variable "open" {\n  default = true\n}\nresource "aws_db_instance" "d" {\n  publicly_accessible = var.open\n}\n'
    (patch,) = _with_patch(of(run(Artefact(path="a.tf", content=text)), "IM-AWS-RDS-001"))
    assert "+  publicly_accessible = false\n" in patch


def test_a_block_on_one_line_is_left_alone() -> None:
    text = 'resource "aws_kms_key" "k" { description = "k" }\n'
    findings = of(run(Artefact(path="a.tf", content=text)), "IM-AWS-KMS-001")
    assert findings
    assert not _with_patch(findings)


def test_a_secret_on_a_neighbouring_line_is_not_carried_into_a_patch() -> None:
    secret = "q8Zp3rTt0vKxWm"
    text = f'resource "aws_db_instance" "d" {{\n  password = "{secret}"\n  publicly_accessible = true\n}}\n'
    result = run(Artefact(path="a.tf", content=text))
    assert _with_patch(of(result, "IM-AWS-RDS-001"))
    assert secret not in result.model_dump_json()
    assert mask(secret) in result.model_dump_json()


def test_edits_that_meet_are_refused() -> None:
    assert apply("a\nb\nc", [Edit(1, 2, ("x",)), Edit(2, 3, ("y",))]) is None
    assert apply("a", [Edit(5, 5, ("x",))]) is None
    assert apply("a\nb", [Edit(2, 1, ("x",))]) == "a\nx\nb"


def test_a_diff_marks_a_missing_newline_at_the_end() -> None:
    assert unified_diff("f", "a\nb", "a\nc").endswith("\\ No newline at end of file\n")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("main.tf", 'resource "aws_db_instance" "d" {\n  password = <<EOT\nTr0ub4dor-and-3\nEOT\n}\n'),
        (
            "compose.yaml",
            "services:\n  a:\n    image: x:1\n    command: redis-server --requirepass Tr0ub4dor-and-3\n",
        ),
        (
            "pod.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: x:1\n    env: [{name: DB_PASSWORD, value: Tr0ub4dor-and-3}]\n",
        ),
        (
            "pod.yaml",
            'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: x, args: ["--password", "Tr0ub4dor-and-3"]}]\n',
        ),
        (
            "main.tf",
            'resource "aws_ebs_volume" "v" {\n  tags = { key = <<EOT\n-----BEGIN RSA PRIVATE KEY-----\nTr0ub4dor-and-3\nTr0ub4dor-and-3\nTr0ub4dor-and-3\nTr0ub4dor-and-3\n-----END RSA PRIVATE KEY-----\nEOT\n  }\n}\nresource "aws_db_instance" "d" {\n}\n',
        ),
    ],
)
def test_no_line_with_a_secret_stands_beside_a_patch(path: str, text: str) -> None:
    result = run(Artefact(path=path, content=text))
    assert any(f.remediation and f.remediation.patch for f in result.findings)
    assert "Tr0ub4dor" not in result.model_dump_json()
