"""Checkov as a process: what it is given, what is made of its report, and every way in which it can fail."""

from __future__ import annotations

import itertools
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra_mind.agents.base import Inputs, Stopped, silent
from infra_mind.agents.security import AGENT
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.assessment import INVENTORY, Assessor
from infra_mind.model.brief import Brief, parse_brief
from infra_mind.model.finding import Finding, Status
from infra_mind.model.inventory import Artefact
from infra_mind.model.result import AgentResult
from infra_mind.model.scan import Scan, ScannedCheck
from infra_mind.model.submission import Submission
from infra_mind.scanners import checkov
from infra_mind.settings import Settings
from tests.unit.artefacts.plans import change, plan
from tests.waiting import wait_until

MAIN = 'resource "aws_s3_bucket" "site" {\n  bucket = "site"\n  acl    = "public-read"\n}\n'
PLAN = plan(change("aws_vpc.v", {})).content or ""
Fake = Callable[[str], Path]


def row(check_id: Any = "CKV_AWS_144", **more: Any) -> dict[str, Any]:
    """A failed check as Checkov 3.2.533 writes it, with what is read here and a little of the rest."""
    return {
        "check_id": check_id, "bc_check_id": None, "check_name": f"Ensure {check_id}",
        "check_result": {"result": "FAILED", "evaluated_keys": ["acl"]}, "file_path": "/main.tf",
        "file_abs_path": "/somewhere/main.tf", "file_line_range": [1, 4], "resource": "aws_s3_bucket.site",
        "severity": None, "guideline": None, "code_block": None,
    } | more  # fmt: skip


def report(*failed: dict[str, Any], skipped: tuple[dict[str, Any], ...] = ()) -> str:
    return json.dumps({
        "check_type": "terraform", "results": {"failed_checks": list(failed), "skipped_checks": list(skipped)},
        "summary": {"passed": 7, "failed": len(failed), "skipped": len(skipped), "checkov_version": "3.2.533"},
    })  # fmt: skip


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a `checkov` of this text first on the PATH."""

    def put(script: str) -> Path:
        program = tmp_path / "bin" / "checkov"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return tmp_path

    return put


def says(text: str, code: int = 1) -> str:
    return f"cat <<'END'\n{text}\nEND\nexit {code}"


def files(**more: str) -> dict[str, Artefact]:
    named = {"main.tf": MAIN} | more
    return {path: Artefact(path=path, content=text) for path, text in named.items()}


def scan(artefacts: dict[str, Artefact] | None = None, limit_s: float = 60.0, **more: Any) -> Scan | None:
    given = artefacts or files()
    return checkov.scan(build_inventory(list(given.values())), given, limit_s=limit_s, **more)


def assess(found: Scan, main: str = MAIN, day: str = "") -> AgentResult:
    given = files(**{"main.tf": main})
    return AGENT.assess(Inputs(Brief(name="b"), build_inventory(list(given.values())), given, day=day, scan=found), silent)  # fmt: skip


def outside(result: AgentResult) -> list[Finding]:
    return [f for f in result.findings if f.rule_id.startswith("CKV")]


def facts(result: AgentResult) -> dict[str, object]:
    return {f.id: f.value for f in result.facts if f.id.startswith("security.checkov")}


def test_without_one_on_the_path_there_is_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert scan() is None


def test_without_a_resource_it_is_not_asked(fake: Fake) -> None:
    room = fake(f"touch {'$0'}.ran; {says(report())}")
    assert scan({"notes.yaml": Artefact(path="notes.yaml", content="a: 1\n")}) is None
    assert not (room / "bin" / "checkov.ran").exists()


def test_its_report_is_read(fake: Fake) -> None:
    fake(says(report(row(), row("CKV_AWS_21", file_line_range=[2, 2]))))
    found = scan()
    assert found is not None
    assert (found.version, found.passed, found.problem) == ("3.2.533", 7, "")
    assert [(c.check_id, c.artefact, c.line_start, c.line_end, c.resource) for c in found.checks] == [
        ("CKV_AWS_144", "main.tf", 1, 4, "aws_s3_bucket.site"), ("CKV_AWS_21", "main.tf", 2, 2, "aws_s3_bucket.site"),
    ]  # fmt: skip


def test_several_frameworks_come_as_a_list_and_nothing_as_a_plain_summary(fake: Fake) -> None:
    fake(says(f"[{report(row())}, {report(row('CKV_AWS_21'))}]"))
    found = scan()
    assert found is not None
    assert len(found.checks) == 2
    fake(says(json.dumps({"passed": 0, "failed": 0, "checkov_version": "3.2.533"}), code=0))
    found = scan()
    assert found is not None
    assert (found.problem, found.checks, found.version) == ("", (), "3.2.533")


@pytest.mark.parametrize(
    "odd",
    [
        row("rm -rf"), row(3), row(file_path="/etc/passwd"), row(file_path=None), row(file_line_range=[1]),
        row(file_line_range=["1", "4"]), {},
    ],
)  # fmt: skip
def test_a_row_of_another_shape_is_passed_over(fake: Fake, odd: dict[str, Any]) -> None:
    fake(says(report(odd, row())))
    found = scan()
    assert found is not None
    assert [c.check_id for c in found.checks] == ["CKV_AWS_144"]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (says("no report"), "its report is no JSON"),
        (says("[" * 100_000), "its report is no JSON"),
        (says("{}"), "its report has another shape than is known here"),
        (says("[]"), "its report has another shape than is known here"),
        (says(report(), code=2), "it ended with code 2"),
        ("kill -9 $$", "it ended with code -9"),
    ],
)
def test_a_failing_one_is_not_assessed_with_its_reason(fake: Fake, script: str, problem: str) -> None:
    fake(script)
    found = scan()
    assert found is not None
    assert found.problem == problem
    (finding,) = (f for f in assess(found).findings if f.rule_id == "IM-SCANNER-FAILED")
    assert (finding.status, finding.evidence[0].observed) == (Status.NOT_ASSESSED, problem)


def test_one_that_cannot_be_started(fake: Fake) -> None:
    room = fake("exit 0")
    (room / "bin" / "checkov").write_text("#!/no/such/interpreter\n")
    found = scan()
    assert found is not None
    assert found.problem == "it could not be started (FileNotFoundError)"


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_over_its_limit_it_is_ended_with_all_that_it_started(fake: Fake) -> None:
    room = fake("sleep 600 & echo $! > $(dirname $0)/pid; wait")
    pid = room / "bin" / "pid"
    steps = itertools.count()
    # The clock of this test stands until the process has said who it is, and then jumps over the limit.
    found = scan(limit_s=60.0, clock=lambda: 0.0 if not _said(pid) else 100.0 + next(steps))
    assert found is not None
    assert found.problem == "it ran longer than its limit of 60 s"
    wait_until("its child has ended", lambda: not alive(int(pid.read_text())))


def test_a_stop_ends_it_with_all_that_it_started(fake: Fake) -> None:
    room = fake("sleep 600 & echo $! > $(dirname $0)/pid; wait")
    pid = room / "bin" / "pid"

    def tick() -> None:
        if _said(pid):
            raise Stopped

    with pytest.raises(Stopped):
        scan(tick=tick)
    wait_until("its child has ended", lambda: not alive(int(pid.read_text())))


def _said(pid: Path) -> bool:
    return pid.exists() and pid.read_text().endswith("\n")


def test_it_is_given_the_files_without_secrets_of_ours_and_without_a_configuration_of_theirs(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BC_API_KEY", "not-for-checkov")
    room = fake(
        f'd=$(dirname $0); echo "$@" > $d/words; env > $d/env; (cd $2 && find . -type f | sort) > $d/files; {says(report())}'
    )
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n"
    scan(
        files(
            **{
                "k8s/.checkov.yaml": pod,
                "k8s/pod.yaml": pod,
                "run.py": "x",
                "prod.tfvars": 'a = "b"\n',
                "tfplan.json": PLAN,
                ".terraform/modules/x/main.tf": MAIN,
            }
        )
    )
    words, env = (room / "bin" / "words").read_text(), (room / "bin" / "env").read_text()
    assert (room / "bin" / "files").read_text().split() == ["./k8s/pod.yaml", "./main.tf", "./prod.tfvars"]
    assert "--skip-download" in words
    assert "--download-external-modules false" in words
    assert "not-for-checkov" not in env
    assert "https_proxy=http://127.0.0.1:9" in env


def test_our_own_rule_stands_where_both_judge_and_the_rest_is_merged(fake: Fake) -> None:
    fake(says(report(row("CKV_AWS_20"), row("CKV_AWS_144"))))
    found = scan()
    assert found is not None
    result = assess(found)
    (finding,) = outside(result)
    assert (finding.rule_id, finding.resource, finding.evidence[0].line_start) == (
        "CKV_AWS_144",
        "aws_s3_bucket.site",
        1,
    )
    assert facts(result) == {
        "security.checkov.failed": 1, "security.checkov.suppressed": 0, "security.checkov.judged_by_own_rules": 1,
        "security.checkov.passed": 7,
    }  # fmt: skip


def test_an_id_of_ours_elsewhere_in_the_file_is_not_judged_by_ours(fake: Fake) -> None:
    fake(says(report(row("CKV_AWS_20", file_line_range=[90, 95]))))
    found = scan()
    assert found is not None
    assert [f.rule_id for f in outside(assess(found))] == ["CKV_AWS_20"]


def test_what_it_was_told_to_skip_stays_in_sight(fake: Fake) -> None:
    skip = row("CKV_AWS_144", check_result={"result": "SKIPPED", "suppress_comment": "one region is enough"})
    fake(says(report(skipped=(skip,)), code=0))
    found = scan()
    assert found is not None
    (finding,) = outside(assess(found))
    assert finding.suppressed is not None
    assert (finding.counts, finding.suppressed.reason, finding.suppressed.where) == (
        False,
        "one region is enough",
        "main.tf:1",
    )


def test_a_suppression_of_ours_works_for_its_ids() -> None:
    found = Scan(tool="checkov", checks=(ScannedCheck(
        check_id="CKV_AWS_144", title="t", artefact="main.tf", line_start=2, line_end=5, resource="aws_s3_bucket.site",
    ),))  # fmt: skip
    (finding,) = outside(assess(found, f"# infra-mind:ignore CKV_AWS_144 one region\n{MAIN}"))
    assert finding.is_suppressed


@pytest.mark.parametrize(("setting", "expected"), [("auto", 1), ("off", 0)])
def test_the_security_step_runs_it_unless_it_is_switched_off(fake: Fake, setting: str, expected: int) -> None:
    fake(says(report(row())))
    given = (Artefact(path="main.tf", content=MAIN),)
    data = Submission.of(parse_brief({"name": "b"}), given).to_bytes()
    assessor = Assessor()
    results = {INVENTORY: assessor.run(INVENTORY, data, {})}
    settings = Settings.model_validate({"checkov": setting})
    result = AgentResult.model_validate_json(assessor.run("security", data, results, settings=settings))
    assert len(outside(result)) == expected
