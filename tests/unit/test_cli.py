from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from infra_mind import cli, errors
from infra_mind.api import examples
from infra_mind.settings import IntakeLimits
from tests.unit.small_server import SmallServer, Told, small_server

MINIMAL = "name: One service\nhosting: {provider: aws, region: us-east-1, nodes: [{instance: m5.xlarge, count: 3}]}\n"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URL", "API_KEY", "STORE_URL"):
        monkeypatch.delenv(f"INFRA_MIND_{name}", raising=False)
    monkeypatch.setenv("INFRA_MIND_HOME", str(tmp_path / "home"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallServer]:
    monkeypatch.setenv("INFRA_MIND_API_KEY", "im_1_secret")
    with small_server() as started:
        monkeypatch.setenv("INFRA_MIND_URL", started.url)
        yield started


def run(*words: str) -> int:
    """The exit code of the command line, called as the console entry calls it."""
    before, sys.argv = sys.argv, ["infra-mind", *words]
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = before
    return 0


@pytest.fixture
def brief(tmp_path: Path) -> str:
    path = tmp_path / "brief.yaml"
    path.write_text(MINIMAL)
    return str(path)


# -- what is loaded ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("infra_mind", {"ray", "fastapi", "httpx", "pydantic", "redis"}),
        (
            "infra_mind.cli",
            {
                "ray",
                "fastapi",
                "starlette",
                "httpx",
                "redis",
                "hcl2",
                "lark",
                "jinja2",
                "yaml",
                "structlog",
                "numpy",
            },
        ),
        ("infra_mind.client", {"ray", "fastapi", "starlette", "redis"}),
        ("infra_mind.inprocess", {"ray", "fastapi", "starlette", "hcl2", "lark"}),
        ("infra_mind.batch", {"ray", "fastapi", "starlette"}),
        ("infra_mind.administration", {"ray", "fastapi", "starlette"}),
        ("infra_mind.cluster.environment", {"ray", "fastapi"}),
        ("infra_mind.cluster.local", {"ray", "fastapi"}),
    ],
)
def test_importing_loads_nothing_that_is_not_needed_yet(module: str, heavy: set[str]) -> None:
    code = (
        f"import sys, {module}; print('\\n'.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) & heavy == set()


# -- help -------------------------------------------------------------------------------------------------------------
def commands() -> dict[str, Any]:
    """Every command by its words, groups too."""
    found: dict[str, Any] = {}

    def walk(words: str, command: Any) -> None:
        found[words] = command
        for name, inner in getattr(command, "commands", {}).items():
            walk(f"{words} {name}".strip(), inner)

    walk("", typer.main.get_command(cli.app))
    return found


COMMANDS = commands()


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.strip() == version("infra-mind")


def test_the_commands_of_the_contract_are_there() -> None:
    names = {
        "up",
        "demo",
        "assess",
        "status",
        "watch",
        "result",
        "cancel",
        "list",
        "report",
        "workers",
        "keys",
        "keys create",
        "keys list",
        "keys revoke",
        "webhooks secret",
        "webhooks list",
        "schedules create",
        "schedules list",
        "schedules pause",
        "schedules resume",
        "schedules delete",
    }
    assert names <= set(COMMANDS)


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_every_command_and_every_option_says_what_it_is_for(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[words]
    assert len((command.help or "").split()) >= 2
    untold = [
        p.name
        for p in command.params
        if not getattr(p, "help", None) and p.name not in ("install_completion", "show_completion")
    ]
    assert untold == []
    assert run(*words.split(), "--help") == 0
    told = capsys.readouterr().out
    assert "Usage:" in told
    assert (command.help or "").split(".")[0].split()[0] in told


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() in (0, 2)
    shown = capsys.readouterr()
    assert "assess" in shown.out + shown.err


# -- exit codes -------------------------------------------------------------------------------------------------------
CODES: dict[errors.InfraMindError, int] = {
    errors.BadInput("x"): 2,
    errors.BriefInvalid([errors.FieldProblem("a", "b")]): 2,
    errors.ArtefactRefused("a", "b"): 2,
    errors.OptionInvalid("a", "b"): 2,
    errors.TooLarge("x"): 2,
    errors.NotFound("x"): 2,
    errors.Conflict("x"): 2,
    errors.Gone("x"): 2,
    errors.ResultLost("x"): 1,
    errors.NotAllowed("x"): 3,
    errors.Unavailable("x"): 3,
    errors.TooMany("x"): 1,
    errors.TaskFailed("x", "FAILURE"): 1,
    errors.InfraMindError("x"): 1,
}


def _below(kind: type[errors.InfraMindError]) -> set[type[errors.InfraMindError]]:
    own = {inner for inner in kind.__subclasses__() if inner.__module__ == errors.__name__}
    return {kind}.union(*(_below(inner) for inner in own))


def test_every_error_of_the_tree_has_its_exit_code() -> None:
    assert {type(error) for error in CODES} == _below(errors.InfraMindError)
    assert {type(error).__name__: cli.exit_code(error) for error in CODES} == {
        type(e).__name__: c for e, c in CODES.items()
    }


def test_a_file_that_is_too_large_costs_only_itself(
    brief: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "infra"
    folder.mkdir()
    (folder / "big.tf").write_bytes(b"#" * (IntakeLimits().max_file + 1))
    (folder / "good.tf").write_text('resource "aws_s3_bucket" "logs" {}\n')
    assert run("assess", brief, "--local", "--json", "-a", str(folder)) == 0
    told = capsys.readouterr()
    assert told.err.count("warning: big.tf: larger than the limit") == 1
    result = json.loads(told.out)
    assert [r["address"] for r in result["inventory"]] == ["aws_s3_bucket.logs"]
    assert "big.tf" in result["coverage"]["not_assessed"]
    (unread,) = [f for f in result["agents"]["security"]["findings"] if f["rule_id"] == "IM-ARTEFACT-UNREAD"]
    assert (unread["status"], unread["evidence"][0]["path"]) == ("not_assessed", "too_large")


def test_0_and_the_json_alone(brief: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("assess", brief, "--local", "--json") == 0
    told = capsys.readouterr()
    assert told.out.startswith('{"assessment_id"')
    assert told.out.count("\n") == 1
    assert told.err == ""


def test_1_when_the_task_failed(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.tell(
        Told(
            424, {"type": "urn:infra-mind:problem:task-failed", "detail": "mlops failed", "state": "FAILURE"}
        )
    )
    assert run("result", "tsk_1") == 1
    assert capsys.readouterr().err == "mlops failed\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("assess", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (
            ("assess", "{brief}", "--local", "--soft-limit-s", "-3"),
            "--soft-limit-s: Input should be greater than 0 (found -3.0)",
        ),
        (("assess", "{brief}", "--hard-limit-s", "nan"), "--hard-limit-s"),
        (
            ("assess", "{brief}", "--local", "--soft-limit-s", "10", "--hard-limit-s", "10"),
            "--soft-limit-s: 10 s is not below hard_limit_s (10 s)",
        ),
        (
            ("assess", "{brief}", "--soft-limit-s", "20", "--hard-limit-s", "10"),
            "--soft-limit-s: 20 s is not below hard_limit_s (10 s)",
        ),
        (("assess", "{brief}", "--local", "--artefacts", "nowhere"), "nowhere"),
        (("assess", "{brief}", "--no-wait", "--report", "x.html"), "--report: needs the result"),
        (("assess", "{brief}", "--no-wait", "--fail-on", "high"), "--fail-on: needs the result"),
        (("assess", "{brief}", "--no-wait", "--local"), "--local: needs the result"),
        (("list", "--url", "nonsense"), "--url: nonsense is not the address of an API"),
    ],
)
def test_2_when_the_input_is_wrong(
    words: tuple[str, ...], told: str, brief: str, server: SmallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*(word.format(brief=brief) for word in words)) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.out == ""
    assert server.asked == []


@pytest.mark.parametrize("words", [("list", "--limit", "0"), ("up", "--port", "99999999"), ("up", "--slots", "-1"), ("assess",), ("nonsense",), ("assess", "x", "--priority", "urgent"), ("assess", "x", "--fail-on", "bad")])  # fmt: skip
def test_2_when_a_word_is_wrong(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert "Usage:" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "value"), [("PORT", "abc"), ("LEASE_S", "-1"), ("DURABILITY", "sometimes")])
def test_2_when_a_setting_is_wrong(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"INFRA_MIND_{name}", value)
    assert run("list") == 2
    told = capsys.readouterr().err
    assert name in told
    assert "INFRA_MIND_" in told
    assert told.count("\n") == 1


def test_3_without_a_key_and_without_a_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 3
    assert "INFRA_MIND_API_KEY" in capsys.readouterr().err
    assert run("keys", "list") == 3
    assert "infra-mind up" in capsys.readouterr().err


def test_3_when_the_key_is_refused(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.tell(Told(401, {"detail": "The API key is unknown"}))
    assert run("list") == 3
    assert capsys.readouterr().err == "The API key is unknown\n"


def test_4_when_a_finding_is_at_or_above_the_limit(
    tmp_path: Path, brief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "open.tf").write_text('resource "aws_security_group" "a" {\n  ingress {\n    from_port = 22\n    to_port = 22\n    protocol = "tcp"\n    cidr_blocks = ["0.0.0.0/0"]\n  }\n}\n')  # fmt: skip
    words = ("assess", brief, "--local", "--json", "--artefacts", str(tmp_path / "open.tf"))
    assert run(*words, "--fail-on", "info") == 4
    assert capsys.readouterr().out.startswith("{")
    assert run(*words) == 0


def test_what_is_suppressed_does_not_reach_the_limit_until_its_last_day_is_over(
    tmp_path: Path, brief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '# infra-mind:ignore IM-AWS-RDS-001 a test database until {day}\nresource "aws_db_instance" "a" {{\n  publicly_accessible = true\n}}\n'
    codes = {}
    for day in ("9999-12-31", "2020-01-01"):
        (tmp_path / "open.tf").write_text(text.format(day=day))
        codes[day] = run(
            "assess",
            brief,
            "--local",
            "--json",
            "--artefacts",
            str(tmp_path / "open.tf"),
            "--fail-on",
            "critical",
        )
    assert codes == {"9999-12-31": 0, "2020-01-01": 4}


def test_folders_of_one_name_are_both_assessed(
    tmp_path: Path, brief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["assess", brief, "--local", "--json"]
    for name in ("shop", "bank"):
        folder = tmp_path / name / "infra"
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text('resource "aws_s3_bucket" "logs" {}\n')
        words += ["--artefacts", str(folder)]
    assert run(*words) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["coverage"]["files_read"] == 2
    assert sorted(r["artefact"] for r in result["inventory"]) == ["bank/infra/main.tf", "shop/infra/main.tf"]


# -- what is written --------------------------------------------------------------------------------------------------
def test_rows_are_never_wrapped(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    info = {
        "assessment_id": "a",
        "current_step": "",
        "progress": 0.0,
        "message": "m" * 200,
        "agents": {},
        "updated_at": "t",
    }
    task = {
        "task_id": "tsk_1",
        "state": "PENDING",
        "info": info,
        "attempt": 0,
        "priority": "low",
        "created_at": "t",
        "name": "[red]" + "n" * 200,
        "queue_position": 3,
    }
    server.tell(Told(200, {"items": [task], "next_cursor": None}))
    assert run("list") == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("[red]" + "n" * 200)
    server.tell(Told(200, task))
    assert run("status", "tsk_1") == 0
    assert capsys.readouterr().out == f"tsk_1  PENDING  0 %  {'m' * 200}, 3. in the queue\n"


def test_a_webhook_that_nobody_would_deliver_is_refused(
    brief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("assess", brief, "--local", "--webhook-url", "https://hooks.example.com/") == 2
    assert "--local" in capsys.readouterr().err


def test_a_wrong_webhook_url_is_not_repeated(brief: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("assess", brief, "--no-wait", "--webhook-url", "https://me:hunter2@example.com/") == 2
    told = capsys.readouterr().err
    assert told.startswith("--webhook-url: must not hold a user name or password")
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("name", "begins"),
    [("r.md", b"# One service"), ("r.sarif", b"{"), ("r.csv", b"fingerprint,"), ("r.pdf", b"%PDF-"), ("r.xml", b"<?xml"), ("r.focus.csv", b"BilledCost,"), ("r.cdx.json", b"{")],
)  # fmt: skip
def test_the_end_of_the_reports_name_says_its_format(
    tmp_path: Path, brief: str, name: str, begins: bytes
) -> None:
    path = tmp_path / name
    assert run("assess", brief, "--local", "--json", "--report", str(path)) == 0
    assert path.read_bytes().startswith(begins)


def test_a_name_of_no_format_is_told_before_anything_runs(
    tmp_path: Path, brief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("assess", brief, "--local", "--report", str(tmp_path / "r.docx")) == 2
    said = capsys.readouterr()
    assert "r.docx does not say which format" in said.err
    assert said.out == ""


def test_an_export_names_files_as_the_repository_does(
    tmp_path: Path, brief: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "infra"
    folder.mkdir()
    (folder / "main.tf").write_text('resource "aws_s3_bucket" "a" {\n  acl = "public-read"\n}\n')
    monkeypatch.chdir(tmp_path)
    assert run("assess", brief, "--artefacts", "infra", "--local", "--json", "--report", "out.sarif") == 0
    (found,) = json.loads((tmp_path / "out.sarif").read_text())["runs"]
    uris = {
        place["physicalLocation"]["artifactLocation"]["uri"]
        for r in found["results"]
        for place in r["locations"]
    }
    assert "infra/main.tf" in uris
    assert uris <= {"infra/main.tf", "brief.yaml"}


@pytest.mark.parametrize(
    ("words", "asked", "file"),
    [
        ((), "html", "report.html"), (("--format", "sarif"), "sarif", "report.sarif"), (("--out", "x.csv"), "csv", "x.csv"),
        (("--format", "junit", "--out", "x.txt"), "junit", "x.txt"), (("--out", "x.pdf"), "pdf", "x.pdf"),
    ],
)  # fmt: skip
def test_a_report_is_fetched_in_the_format_that_is_named(
    server: SmallServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    asked: str,
    file: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    server.tell(Told(200, text="the report", headers={"Content-Type": "text/plain"}))
    assert run("report", "asm_1", *words) == 0
    assert server.asked[0].path == f"/api/v1/assessments/asm_1/report?format={asked}&kind=full"
    assert (tmp_path / file).read_text() == "the report"


def test_an_unknown_format_is_told_without_asking(
    server: SmallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("report", "asm_1", "--format", "docx") == 2
    assert "there is html, pdf, md" in capsys.readouterr().err
    assert server.asked == []


# -- diff, baseline ---------------------------------------------------------------------------------------------------
PUBLIC = 'resource "aws_s3_bucket" "{name}" {{\n  bucket = "{name}"\n  acl    = "public-read"\n}}\n'


def assessed(folder: Path, brief: str, *names: str, options: tuple[str, ...] = ()) -> int:
    """Assesses public buckets of these names in this process; the result is `folder/result.json`."""
    (folder / "infra").mkdir(parents=True, exist_ok=True)
    (folder / "infra" / "main.tf").write_text("".join(PUBLIC.format(name=name) for name in names))
    return run("assess", brief, "-a", str(folder / "infra"), "--local", "--json", "--result", str(folder / "result.json"), *options)  # fmt: skip


def test_only_findings_that_the_baseline_lacks_fail(
    tmp_path: Path, brief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assessed(tmp_path / "old", brief, "one", options=("--fail-on", "high")) == 4
    baseline = ("--fail-on", "high", "--baseline", str(tmp_path / "old" / "result.json"))
    capsys.readouterr()
    assert assessed(tmp_path / "same", brief, "one", options=baseline) == 0
    assert "0 failed findings that the baseline lacks" in capsys.readouterr().err
    assert assessed(tmp_path / "more", brief, "one", "two", options=baseline) == 4
    said = capsys.readouterr()
    assert "aws_s3_bucket.two" in said.err
    assert "aws_s3_bucket.one" not in said.err
    json.loads(said.out)


@pytest.mark.parametrize(
    ("content", "words", "says"),
    [
        (None, ("--fail-on", "high"), "cannot be read: No such file"), ("{}", ("--fail-on", "high"), "this is no result of an assessment"),
        ("no json", ("--fail-on", "high"), "this is no result of an assessment"), ("{}", (), "needs --fail-on"),
        ("{}", ("--fail-on", "high", "--no-wait"), "does not go with --no-wait"),
    ],
)  # fmt: skip
def test_a_baseline_that_is_none_is_told_before_anything_runs(
    tmp_path: Path,
    brief: str,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    words: tuple[str, ...],
    says: str,
) -> None:
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    local = () if "--no-wait" in words else ("--local",)
    assert run("assess", brief, *local, "--baseline", str(path), *words) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""


def test_two_result_files_are_compared_without_a_server(
    tmp_path: Path, brief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assessed(tmp_path / "old", brief, "one")
    assessed(tmp_path / "new", brief, "two")
    files = [str(tmp_path / side / "result.json") for side in ("old", "new")]
    capsys.readouterr()
    assert run("diff", *files, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {f["resource"] for f in found["new"]} == {"aws_s3_bucket.two"}
    assert {f["resource"] for f in found["fixed"]} == {"aws_s3_bucket.one"}
    assert run("diff", files[0], files[0]) == 0
    said = capsys.readouterr().out
    assert "0 new, 0 fixed" in said
    assert "Nothing else differs." in said


def test_two_ids_are_compared_by_the_server(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.tell(Told(200, examples.DIFF))
    assert run("diff", "asm_1", "asm_2") == 0
    assert server.asked[0].path == "/api/v1/assessments/asm_1/diff/asm_2"
    said = capsys.readouterr().out.replace("\u00a0", " ")
    assert "Facts that moved: 1" in said
    assert "Total cost (a month)  $ 58 420.48  $ 51 200.00  −12.36 %" in said
    assert "2 → 1  Close the bucket" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a.json", "asm_2"), "a.json is a file and asm_2 is none"),
        (("a.json", "b.json"), "a.json: cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_told(words: tuple[str, str], says: str, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    assert run("diff", *words) == 2
    assert says in capsys.readouterr().err


# -- what-if ----------------------------------------------------------------------------------------------------------
def variant_task(state: str = "SUCCESS") -> dict[str, Any]:
    agents = {"cost": {"state": "DONE", "attempt": 1}, "security": {"state": "DONE", "attempt": 0}}
    info = {
        "assessment_id": "asm_2", "current_step": "", "progress": 100.0, "message": "no", "agents": agents, "updated_at": "t",
    }  # fmt: skip
    return {
        "task_id": "tsk_2",
        "state": state,
        "info": info,
        "attempt": 1,
        "priority": "medium",
        "created_at": "t",
    }


def ended_stream(state: str = "SUCCESS") -> Told:
    text = f'id: 1-1\nevent: end\ndata: {{"task_id": "tsk_2", "state": "{state}"}}\n\n'
    return Told(200, headers={"Content-Type": "text/event-stream"}, text=text)


def test_a_what_if_waits_compares_and_says_which_agents_ran(
    server: SmallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.tell(
        Told(202, examples.WHAT_IF), ended_stream(), Told(200, variant_task()), Told(200, examples.DIFF)
    )
    words = (
        "--set",
        "budget.usd_per_month=50000",
        "--set",
        "hosting.region=eu-west-1",
        "--set",
        "services.0.names=[1, 2]",
    )
    assert run("what-if", "asm_1", *words) == 0
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/api/v1/assessments/asm_1/what-if")
    assert json.loads(asked.body) == {
        "set": {"budget.usd_per_month": 50000, "hosting.region": "eu-west-1", "services.0.names": [1, 2]}
    }
    assert asked.headers["idempotency-key"]
    assert server.asked[-1].path.startswith("/api/v1/assessments/asm_5f0c2a9e71d44b6f8a3e90cd/diff/asm_")
    said = capsys.readouterr().out
    assert "ran again: cost\n" in said
    assert "Facts that moved: 1" in said


def test_a_sweep_is_shown_as_a_table_of_its_variants(
    server: SmallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = examples.WHAT_IF["variants"]
    two = {**one, "assessment_id": "asm_3", "values": {"llm_serving.0.gpu": "h200_sxm"}}
    cheaper = {**examples.DIFF, "facts": [{**examples.DIFF["facts"][0], "after": 40_000.0}]}
    server.tell(
        Told(202, {**examples.WHAT_IF, "variants": [one, two]}),
        ended_stream(), Told(200, variant_task()), Told(200, examples.DIFF), ended_stream(), Told(200, variant_task()), Told(200, cheaper),
    )  # fmt: skip
    assert run("what-if", "asm_1", "--sweep", "llm_serving.0.gpu=h100_sxm, h200_sxm") == 0
    assert json.loads(server.asked[0].body) == {"sweep": {"llm_serving.0.gpu": ["h100_sxm", "h200_sxm"]}}
    said = capsys.readouterr().out.replace("\u00a0", " ")
    assert "Swept: llm_serving.0.gpu" in said
    for cell in ("h100_sxm", "h200_sxm", "$ 58 420.48", "$ 51 200.00", "$ 40 000.00"):
        assert cell in said


def test_a_what_if_in_json_holds_what_ran_and_what_differs(
    server: SmallServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = tmp_path / "patch.yaml"
    patch.write_text("budget: {usd_per_month: 5}\n")
    server.tell(
        Told(202, examples.WHAT_IF), ended_stream(), Told(200, variant_task()), Told(200, examples.DIFF)
    )
    assert run("what-if", "asm_1", "--patch", str(patch), "--json") == 0
    assert json.loads(server.asked[0].body) == {"brief": {"budget": {"usd_per_month": 5}}}
    (variant,) = json.loads(capsys.readouterr().out)["variants"]
    assert variant["agents_run"] == ["cost"]
    assert variant["comparison"]["facts"][0]["id"] == "cost.total_usd_per_month"


def test_a_what_if_that_does_not_wait_names_its_tasks(
    server: SmallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.tell(Told(202, examples.WHAT_IF))
    assert run("what-if", "asm_1", "--set", "goal=x", "--no-wait") == 0
    assert capsys.readouterr().out.startswith("tsk_77c1de0b5a9f4e0c8d2b6f13  asm_77c1de0b5a9f4e0c8d2b6f13  ")
    assert len(server.asked) == 1


def test_a_variant_that_fails_is_told(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.tell(Told(202, examples.WHAT_IF), ended_stream("REVOKED"), Told(200, variant_task("REVOKED")))
    assert run("what-if", "asm_1", "--set", "goal=x") == 1
    assert "what if llm_serving.0.gpu=h100_sxm: no" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "nothing would change"), (("--set", "budget"), "reads like PATH=VALUE"), (("--set", "=5"), "reads like PATH=VALUE"),
        (("--sweep", "a.b="), "reads like PATH=VALUE"), (("--set", "a=1", "--set", "a=2"), "a is given twice"),
        (("--patch", "none.yaml"), "none.yaml: cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_what_if_is_told_without_asking(
    server: SmallServer, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    assert run("what-if", "asm_1", *words) == 2
    assert says in capsys.readouterr().err
    assert server.asked == []


def test_report_and_result_are_written_into_folders_that_are_made(tmp_path: Path, brief: str) -> None:
    page, data = tmp_path / "a" / "b" / "r.html", tmp_path / "c" / "r.json"
    assert run("assess", brief, "--local", "--json", "--report", str(page), "--result", str(data)) == 0
    assert page.read_text().lower().startswith("<!doctype html>")
    assert data.read_text().startswith('{"assessment_id"')


def test_an_unforeseen_error_is_not_hidden() -> None:
    def fault() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.run_explained(fault)


def test_ctrl_c_ends_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        cli.run_explained(stopped)
    assert end.value.code == 130
    assert capsys.readouterr().err == ""
