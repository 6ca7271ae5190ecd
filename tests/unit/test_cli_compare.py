"""What stands between a pipeline and a wrong green, and between a person and an id: `--fail-on`, `what-if`, `diff`, `report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra_mind import cli_assess
from infra_mind.api import examples
from infra_mind.cli_assess import FailOn
from infra_mind.model.result import AgentFailure
from tests.unit.reports import sample
from tests.unit.small_server import SmallServer, Told
from tests.unit.test_cli import (
    COMMANDS,
    _no_environment,
    assessed,
    brief,
    ended_stream,
    run,
    server,
    variant_task,
)

__all__ = ["_no_environment", "brief", "server"]  # fixtures
FAILED = AgentFailure(agent="security", error_type="MemoryError", message="too large", attempt=3)


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_no_word_of_the_help_is_cut_on_a_narrow_terminal(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(*words.split(), "--help") == 0
    assert "…" not in capsys.readouterr().out


# -- fail-on ----------------------------------------------------------------------------------------------------------
def test_what_reached_the_limit_is_said(
    tmp_path: Path, brief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assessed(tmp_path, brief, "one", options=("--fail-on", "high")) == 4
    assert "failed findings are at or above it" in capsys.readouterr().err


@pytest.mark.parametrize("limit", list(FailOn))
def test_a_gate_is_not_passed_when_an_agent_failed(limit: FailOn, capsys: pytest.CaptureFixture[str]) -> None:
    """What a scanner that broke would have found is unknown, and unknown is not green."""
    whole = sample.result()
    silent = {name: given.model_copy(update={"findings": ()}) for name, given in whole.agents.items()}
    clean = whole.model_copy(update={"agents": silent, "failures": ()})
    assert cli_assess._gate(clean, limit, None) == 0
    broken = clean.model_copy(update={"status": "partial", "failures": (FAILED,)})
    assert cli_assess._gate(broken, limit, None) == 1
    assert "the agent security failed" in capsys.readouterr().err
    assert cli_assess._gate(whole.model_copy(update={"failures": (FAILED,)}), FailOn.INFO, None) == 4


def test_a_gate_asks_for_findings_and_not_for_patches() -> None:
    whole = sample.result()
    silent = {name: given.model_copy(update={"findings": ()}) for name, given in whole.agents.items()}
    added = FAILED.model_copy(update={"agent": "security.patches"})
    partial = whole.model_copy(update={"agents": silent, "status": "partial", "failures": (added,)})
    assert cli_assess._gate(partial, FailOn.INFO, None) == 0


# -- ids --------------------------------------------------------------------------------------------------------------
def test_after_the_summary_stands_the_id_that_other_commands_want(
    server: SmallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    result = sample.result()
    server.tell(Told(200, {"result": result.model_dump(mode="json")}))
    assert run("result", "tsk_1") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(result.assessment_id)


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("diff", "tsk_2", "asm_9"), "/api/v1/assessments/asm_2/diff/asm_9"), (("report", "tsk_2"), "/api/v1/assessments/asm_2/report?format=html&kind=full"),
        (("what-if", "tsk_2", "--set", "goal=x", "--no-wait"), "/api/v1/assessments/asm_2/what-if"),
    ],
)  # fmt: skip
def test_the_id_of_a_task_means_its_assessment(
    server: SmallServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = Told(202, examples.WHAT_IF) if words[0] == "what-if" else Told(200, examples.DIFF)
    server.tell(Told(200, variant_task()), answer)
    assert run(*words) == 0
    assert [asked.path for asked in server.asked] == ["/api/v1/tasks/tsk_2", path]


def test_a_report_goes_to_standard_output_alone(
    server: SmallServer, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    server.tell(Told(200, text="{}", headers={"Content-Type": "application/sarif+json"}))
    assert run("report", "asm_1", "--format", "sarif", "--out", "-") == 0
    assert capfdbinary.readouterr().out == b"{}"


# -- what-if ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8,9", [8, 9]), ('["8", "9"]', ["8", "9"]), ("a, b,", ["a", "b"]), ('[{"count": 1}, null]', [{"count": 1}, None]), ("true,null,x y", [True, None, "x y"]),
    ],
)  # fmt: skip
def test_swept_values_are_sent_as_they_are_written(server: SmallServer, text: str, values: list[Any]) -> None:
    server.tell(Told(202, examples.WHAT_IF))
    assert run("what-if", "asm_1", "--sweep", f"a.b={text}", "--no-wait") == 0
    assert json.loads(server.asked[0].body) == {"sweep": {"a.b": values}}


def test_a_variant_that_fails_costs_only_itself(
    server: SmallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = examples.WHAT_IF["variants"]
    two = {**one, "assessment_id": "asm_3", "name": "the second"}
    server.tell(
        Told(202, {**examples.WHAT_IF, "variants": [one, two]}),
        ended_stream("FAILURE"), Told(200, variant_task("FAILURE")), ended_stream(), Told(200, variant_task()), Told(200, examples.DIFF),
    )  # fmt: skip
    assert run("what-if", "asm_1", "--sweep", "a=1,2", "--json") == 1
    said = capsys.readouterr()
    assert [v["assessment_id"] for v in json.loads(said.out)["variants"]] == ["asm_3"]
    assert one["name"] in said.err
