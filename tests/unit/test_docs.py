"""The documentation says nothing that is not there: links, commands, options, routes, settings, metrics, dates and worked examples.

That the commands do what they say is for tests/e2e; here they must exist."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main
import yaml

from infra_mind import batch, cli
from infra_mind.agents import NAMES
from infra_mind.agents.security.rule import Family
from infra_mind.api.app import create_app
from infra_mind.api.metrics import exposition
from infra_mind.artefacts.yaml import load
from infra_mind.client import read_submission
from infra_mind.inprocess import assess_here
from infra_mind.model.result import AssessmentResult
from infra_mind.model.task import AgentState, Priority, TaskState
from infra_mind.model.workers import WorkersStatus
from infra_mind.settings import IntakeLimits, Settings
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.store import Counters, QueueStats

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")]
)  # fmt: skip
NAMED = [str(page.relative_to(ROOT)) for page in PAGES]
AGENT_PAGES = sorted((ROOT / "docs" / "agents").glob("*.md"))
PLACEHOLDER = "\N{WHITE SQUARE}"  # a segment of a path that stands for any value


class Fence(NamedTuple):
    info: str
    text: str


class Shown(NamedTuple):
    """A command as a page shows it, without its arguments to the left of a pipe or the right of a comment."""

    page: str
    words: tuple[str, ...]


# -- reading ----------------------------------------------------------------------------------------------------------
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fences(text: str) -> list[Fence]:
    found = re.findall(r"^```([^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [Fence(info.strip(), body) for info, body in found]


def prose_of(text: str) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def shell_lines(text: str) -> Iterator[str]:
    """Lines of fenced shell blocks and of indented blocks that begin with a command of ours; continued lines joined."""
    for fence in fences(text):
        if fence.info in {"sh", "bash", "shell", "console"}:
            yield from fence.text.replace("\\\n", " ").splitlines()
    yield from re.findall(r"^    ((?:make|infra-mind|python -m|ray|serve) .*)$", prose_of(text), re.MULTILINE)
    yield from re.findall(r"`((?:make|infra-mind) [^`\n]+)`", prose_of(text))


def commands(page: Path) -> Iterator[Shown]:
    for line in shell_lines(text_of(page)):
        words = shlex.split(line.removeprefix("$ "), comments=True)
        start = 0
        for end in [i for i, word in enumerate(words) if word in {"|", "&&", ";", "&"}] + [len(words)]:
            if words[start:end]:
                yield Shown(page.name, tuple(words[start:end]))
            start = end + 1


@cache
def shown(*starts: str) -> tuple[Shown, ...]:
    """All commands of all pages that hold these words in a row; what stands before them is cut off."""
    found = []
    for page in PAGES:
        for command in commands(page):
            for at in range(len(command.words) - len(starts) + 1):
                if command.words[at : at + len(starts)] == starts:
                    found.append(Shown(command.page, command.words[at + len(starts) :]))
    return tuple(found)


# -- links ------------------------------------------------------------------------------------------------------------
def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMED)
def test_every_relative_link_resolves(name: str) -> None:
    page = ROOT / name
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or not there.is_relative_to(ROOT) or (anchor and anchor not in anchors(there)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("name", NAMED)
def test_every_named_file_of_the_repository_exists(name: str) -> None:
    """Paths in backticks below a folder of ours; `*` and `<name>` stand for something."""
    prose = prose_of(text_of(ROOT / name))
    places = r"`((?:infra_mind|tests|examples|deploy|docs|bench)/[\w./*<>-]*)`"
    gone = [
        path for path in re.findall(places, prose)
        if "<" not in path and not (list(ROOT.glob(path)) if "*" in path else (ROOT / path).exists())
    ]  # fmt: skip
    assert gone == []


def test_the_picture_of_the_report_is_a_small_png() -> None:
    picture = (ROOT / "docs" / "images" / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 300_000
    assert "docs/images/report.png" in text_of(ROOT / "README.md")


@pytest.mark.parametrize("name", NAMED)
def test_no_path_of_somebodys_machine(name: str) -> None:
    assert re.findall(r"(?<![\w.~$}])/(?:home|Users|root|work|tmp|mnt)/\S*", text_of(ROOT / name)) == []


# -- commands ---------------------------------------------------------------------------------------------------------
COMMAND_LINE: Any = typer.main.get_command(cli.app)


@cache
def batch_command() -> Any:
    app = typer.Typer()
    app.command()(batch.run)
    return typer.main.get_command(app)


def problem_of(command: Any, words: tuple[str, ...]) -> str:
    """What the command line itself says of these words; it parses and does not run. Empty when all is well."""
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return f"No such command '{words[0]}'"
        command, words = command.commands[words[0]], words[1:]
    if "--help" in words or (hasattr(command, "commands") and not words):
        return ""
    try:
        command.make_context("infra-mind", list(words))
    except Exception as error:  # the library's own usage errors; which class depends on its version
        return str(error) or type(error).__name__
    return ""


def in_a_sentence(command: Shown) -> bool:
    """`infra-mind up` in running text names a command; only its name and options are judged there."""
    return len(command.words) < 2


@pytest.mark.parametrize("command", shown("infra-mind"), ids=lambda c: f"{c.page}: {' '.join(c.words)[:60]}")
def test_every_command_and_option_exists(command: Shown) -> None:
    problem = problem_of(COMMAND_LINE, command.words)
    assert not problem or (in_a_sentence(command) and problem.startswith("Missing"))


def test_every_command_of_the_command_line_is_in_the_readme_or_a_page() -> None:
    text = "\n".join(text_of(page) for page in PAGES)
    assert [name for name in COMMAND_LINE.commands if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("asses brief.yaml", "No such command"),
        ("assess brief.yaml --reprot x.html", "No such option"),
        ("assess brief.yaml --fail-on severe", "severe"),
        ("assess brief.yaml another.yaml", "unexpected extra argument"),
        ("assess brief.yaml --report", "requires an argument"),
        ("keys revoke", "Missing"),
        ("keys make", "No such command"),
    ],
)
def test_a_wrong_line_would_be_found(line: str, problem: str) -> None:
    assert problem in problem_of(COMMAND_LINE, tuple(line.split()))


def test_every_option_of_the_batch_exists() -> None:
    calls = shown("python", "-m", "infra_mind.batch")
    assert calls
    assert [problem for call in calls if (problem := problem_of(batch_command(), call.words))] == []


def test_every_verb_of_make_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verbs = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    used = {command.words[0] for command in shown("make") if command.words}
    assert {"demo", "test"} <= used
    assert used - verbs == set()


def test_modules_that_are_run_exist() -> None:
    modules = re.findall(r"python3? -m (infra_mind[\w.]*)", "\n".join(map(text_of, PAGES)))
    assert modules
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_every_block_of_python_compiles_and_imports_what_is_there() -> None:
    blocks = [fence.text for page in PAGES for fence in fences(text_of(page)) if fence.info == "python"]
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = import_module(node.module or "")
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


@pytest.mark.parametrize("name", NAMED)
def test_every_block_of_yaml_can_be_read(name: str) -> None:
    for fence in fences(text_of(ROOT / name)):
        if fence.info.startswith("yaml"):
            assert isinstance(load(fence.text, name=name), dict)


# -- routes, settings, metrics ----------------------------------------------------------------------------------------
@cache
def routes() -> dict[str, set[str]]:
    """Path without its prefix → methods, parameters as PLACEHOLDER."""

    async def nobody() -> WorkersStatus:
        raise AssertionError("nobody asks")

    app = create_app(MemoryStore(), agents=NAMES, limits=IntakeLimits(), workers=nobody)
    found: dict[str, set[str]] = {}
    for path, item in app.openapi()["paths"].items():
        found.setdefault(segments(path), set()).update(method.upper() for method in item)
    return found


def segments(path: str) -> str:
    plain = re.sub(r"\{[^}]*\}|\$\w+", PLACEHOLDER, path.partition("?")[0])
    return plain.removeprefix("/api/v1").rstrip("/") or "/"


@pytest.mark.parametrize("name", NAMED)
def test_every_route_exists(name: str) -> None:
    text = text_of(ROOT / name)
    called = [("", path) for path in re.findall(r"/api/v1(/[\w/{}$.?=-]+)", text)]
    called += [("", path) for path in re.findall(r"\$API(/[\w/{}$.?=-]+)", text)]
    called += re.findall(r"`(GET|POST|PUT|DELETE) (/[\w/{}$.?=-]+)`", text)
    wrong = [
        f"{method} {path}" for method, path in called
        if segments(path) not in routes() or (method and method not in routes()[segments(path)])
    ]  # fmt: skip
    assert wrong == []


def test_the_calls_of_the_readme_use_methods_that_the_routes_have() -> None:
    calls = [command.words for command in shown("curl") if command.page == "README.md"]
    assert len(calls) > 5
    for words in calls:
        (url,) = [word for word in words if "$API" in word]
        given = words[words.index("-X") + 1] if "-X" in words else ""
        method = given or ("POST" if "--data-binary" in words else "GET")
        assert method in routes()[segments(url.removeprefix("$API"))], words


@pytest.mark.parametrize("name", NAMED)
def test_every_setting_exists(name: str) -> None:
    known = {f"INFRA_MIND_{field.upper()}" for field in Settings.model_fields}
    known |= {f"INFRA_MIND_INTAKE_{field.upper()}" for field in IntakeLimits.model_fields}
    used = set(re.findall(r"\bINFRA_MIND_[A-Z_]+\b", text_of(ROOT / name)))
    assert used - known == set()


def test_the_defaults_in_the_table_of_settings_are_the_defaults() -> None:
    rows = re.findall(
        r"^\| (`INFRA_MIND_.*?) \| (.*?) \|", text_of(ROOT / "docs" / "cluster.md"), re.MULTILINE
    )
    assert len(rows) > 5
    for names, values in rows:
        fields = [name.removeprefix("INFRA_MIND_").lower() for name in re.findall(r"`(\w+)`", names)]
        told = [float(value) for value in values.split(", ")]
        assert told == [float(Settings.model_fields[field].default) for field in fields]


def test_the_table_of_metrics_is_complete() -> None:
    counters = Counters(
        accepted=1,
        ended={TaskState.SUCCESS: 1},
        agent_seconds={"a": 1.0},
        agent_runs={("a", AgentState.DONE): 1},
    )
    queue = QueueStats(
        depth=dict.fromkeys(Priority, 1), oldest_age_s=dict.fromkeys(Priority, 1.0), running=1, retrying=0
    )
    samples = re.findall(r"^(\w+)(?:\{(.*?)\})? ", exposition(counters, queue, 1).decode(), re.MULTILINE)
    emitted = {(name, frozenset(re.findall(r"(\w+)=", labels))) for name, labels in samples}
    rows = re.findall(
        r"^\| `(infra_mind_\w+)` \| \w+ \| ?(.*?) ?\|$", text_of(ROOT / "docs" / "cluster.md"), re.MULTILINE
    )
    assert {(name, frozenset(re.findall(r"`(\w+)`", labels))) for name, labels in rows} == emitted


# -- agents -----------------------------------------------------------------------------------------------------------
def test_every_agent_has_a_page_and_every_page_its_agent() -> None:
    assert sorted(page.stem for page in AGENT_PAGES) == sorted(NAMES)
    assert all(f"docs/agents/{name}.md" in text_of(ROOT / "README.md") for name in NAMES)


@cache
def example_of(page: Path) -> AssessmentResult:
    (brief,) = [fence.text for fence in fences(text_of(page)) if fence.info == "yaml example"]
    given = load(brief, name=page.name)
    assert isinstance(given, dict)
    return assess_here(read_submission(given))


def said(result: AssessmentResult) -> set[str]:
    """Everything that the lines of a worked example may say."""
    lines = set()
    for agent in result.agents.values():
        lines |= {f"{f.id} = {_shown(f.value)} {f.unit}" for f in agent.facts}
        lines |= {f"assumption {a.id} = {_shown(a.value)}" for a in agent.assumptions if a.value is not None}
        lines |= {f"finding {f.rule_id} {f.status.value}" for f in agent.findings}
    return lines | {f"recommendation {r.rank} {r.id} {r.phase}" for r in result.recommendations}


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


@pytest.mark.parametrize("page", AGENT_PAGES, ids=lambda page: page.stem)
def test_the_worked_example_of_an_agent_is_what_it_gives(page: Path) -> None:
    (result,) = [fence.text for fence in fences(text_of(page)) if fence.info == "text result"]
    assert [line for line in result.splitlines() if line not in said(example_of(page))] == []
    about = [line for line in result.splitlines() if re.match(rf"{page.stem}\.|recommendation", line)]
    assert about, "an example shows at least one fact of its agent"


def test_the_families_of_the_security_page_are_those_of_the_rules() -> None:
    table = text_of(ROOT / "docs" / "agents" / "security.md").partition("| Family |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| ([a-z].*?) \|$", table, re.MULTILINE)) == {family.value for family in Family}


def test_the_dates_of_the_cost_page_are_those_of_the_price_lists() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| .* \| ([\d-]+) \|$", text_of(ROOT / "docs" / "agents" / "cost.md"), re.MULTILINE
    )
    data = ROOT / "infra_mind" / "knowledge" / "data"
    assert dict(rows) == {
        path.stem: json.loads(path.read_text())["as_of"] for path in data.glob("prices_*.json")
    }


def test_the_points_of_services_on_the_cost_page_are_those_of_the_tables() -> None:
    rows = re.findall(
        r"^\| (AWS|Azure|Google Cloud) \|.*\| ([\d ]+) \|$",
        text_of(ROOT / "docs" / "agents" / "cost.md"),
        re.MULTILINE,
    )
    points: Counter[str] = Counter()
    for name in ("prices_services", "prices_databases", "prices_windows"):
        table = json.loads((ROOT / "infra_mind" / "knowledge" / "data" / f"{name}.json").read_text())
        for row in table["rows"]:
            points[row["provider"]] += len(row["usd"])
    cloud = {"AWS": "aws", "Azure": "azure", "Google Cloud": "gcp"}
    assert {cloud[name]: int(number.replace(" ", "")) for name, number in rows} == points


# -- the workflow for GitHub Actions ----------------------------------------------------------------------------------
WORKFLOW = ROOT / "examples" / "github-actions" / "infra-mind.yml"


def workflow_steps() -> list[dict[str, Any]]:
    (job,) = yaml.safe_load(text_of(WORKFLOW))["jobs"].values()
    return list(job["steps"])


def test_every_command_of_the_workflow_exists() -> None:
    calls = [shlex.split(line) for step in workflow_steps() for line in step.get("run", "").splitlines()]
    ours = [words[1:] for words in calls if words[0] == "infra-mind"]
    assert [words[0] for words in ours] == ["assess", "diff"]
    for words in ours:
        assert problem_of(COMMAND_LINE, tuple(words)) == ""


def test_the_workflow_uploads_what_it_writes_and_may_do_so() -> None:
    steps = workflow_steps()
    (job,) = yaml.safe_load(text_of(WORKFLOW))["jobs"].values()
    (upload,) = [step for step in steps if "upload-sarif" in step.get("uses", "")]
    assert f"--report {upload['with']['sarif_file']}" in " ".join(step.get("run", "") for step in steps)
    assert job["permissions"]["security-events"] == "write"
    assert "!cancelled()" in upload["if"]  # also when findings fail the step before


def test_the_actions_of_the_workflow_name_a_version() -> None:
    used = [step["uses"] for step in workflow_steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", action) for action in used)
