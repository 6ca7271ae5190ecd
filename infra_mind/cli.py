"""The command line: `infra-mind --help`. Entry points only translate; everything heavy is imported when it is needed.

Exit codes: 0 done · 1 the task failed · 2 bad input · 3 cannot reach the server · 4 a finding at or above `--fail-on`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from infra_mind.cli_compare import diff, read_result, what_if
from infra_mind.cli_schedules import schedules
from infra_mind.cli_webhooks import webhooks
from infra_mind.console import Json, TaskId, Url, err, out
from infra_mind.console import client_at as _client
from infra_mind.console import dump as _dump
from infra_mind.console import say as _say
from infra_mind.errors import (
    BadInput,
    Conflict,
    FileLeftOut,
    Gone,
    InfraMindError,
    NotAllowed,
    NotFound,
    OptionInvalid,
    Unavailable,
)
from infra_mind.model.task import Priority

if TYPE_CHECKING:
    from infra_mind.model.result import AssessmentResult
    from infra_mind.reports.places import Places

app = typer.Typer(
    help="Assess AI infrastructure: hand in a brief and artefacts, get ranked findings, costs and capacity with sources.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys = typer.Typer(
    help="API keys: make, list, revoke. A key is shown once and kept as a hash.", no_args_is_help=True
)
app.add_typer(keys, name="keys")

app.add_typer(webhooks, name="webhooks")
app.add_typer(schedules, name="schedules")


class FailOn(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


Brief = Annotated[Path, typer.Argument(help="The brief: a YAML or JSON file.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", help="Folder for the report and the result.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        _say(version("infra-mind"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and end.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """What stands before a command."""


def main() -> None:
    """Console entry."""
    run_explained(app)


def run_explained(call: Callable[[], object]) -> None:
    """Runs an entry point; turns typed errors into one sentence and an exit code, and wrong settings into exit code 2."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", FileLeftOut)
            warnings.showwarning = _warned
            call()
    except InfraMindError as error:
        explain(error)
        sys.exit(exit_code(error))
    except ValidationError as error:
        if error.title not in ("Settings", "IntakeLimits"):
            raise
        for item in error.errors():
            _say(
                f"The setting {'_'.join(map(str, item['loc'])).upper()} in the environment (INFRA_MIND_...): {item['msg']}",
                err,
            )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"warning: {message}", err, "yellow")


def exit_code(error: InfraMindError) -> int:
    if isinstance(error, BadInput | NotFound | Conflict | Gone):
        return 2
    return 3 if isinstance(error, Unavailable | NotAllowed) else 1


def explain(error: InfraMindError) -> None:
    from infra_mind.errors import BriefInvalid

    if isinstance(error, BriefInvalid):
        _say("The brief is not valid:", err, "red")
        for problem in error.problems:
            _say(f"  {problem}", err)
        return
    _say(str(error), err, "red")


# -- running the platform ---------------------------------------------------------------------------------------------
@app.command()
def up(
    host: Annotated[
        str | None, typer.Option(help="Interface of the API; 127.0.0.1 keeps it on this machine.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the API; 0 takes a free one.", min=0, max=65_535)
    ] = None,
    slots: Annotated[
        int, typer.Option(help="Agents at once; 0 takes one for each core, at least four.", min=0)
    ] = 0,
    dashboard: Annotated[bool, typer.Option(help="Ray's dashboard on 127.0.0.1.")] = True,
    dashboard_port: Annotated[int, typer.Option(help="Its port.", min=0, max=65_535)] = 8265,
    agents: Annotated[
        str | None, typer.Option(help="module:function that gives another table of agents.")
    ] = None,
) -> None:
    """Start the embedded store, Ray and Serve on this machine; stop with Ctrl-C."""
    import signal
    import threading

    from infra_mind.cluster.local import LocalCluster, LocalOptions
    from infra_mind.settings import Settings

    settings = Settings()
    options = LocalOptions(
        host=host or settings.host, port=settings.port if port is None else port, slots=slots,
        dashboard=dashboard, dashboard_port=dashboard_port, agents=agents,
    )  # fmt: skip
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with LocalCluster(settings, options, say=lambda text: err.print(f"· {text}", style="dim")) as cluster:
        end = cluster.endpoint
        assert end is not None
        # Ray sets handlers of its own while it starts
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        out.print(f"ready  API {end.url}  ·  dashboard {end.dashboard_url or 'off'}  ·  key in {settings.home / 'api.key'}", highlight=False, soft_wrap=True)  # fmt: skip
        if end.dashboard_url:
            err.print(f"  for the dashboard and `ray job submit`: export RAY_ADDRESS={end.dashboard_url} RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH={settings.home / 'ray.token'}", style="dim", highlight=False, soft_wrap=True)  # fmt: skip
        stop.wait()
        err.print("· stopping", style="dim")


@app.command()
def demo(
    out_dir: Out = Path("demo-out"),
    brief: Annotated[Path | None, typer.Option(help="Another brief than examples/clinic.")] = None,
) -> None:
    """Start everything, assess examples/clinic, show the result, write the report, stop. Leaves no process behind.

    Works in a directory of its own: what `infra-mind up` keeps is not touched."""
    from tempfile import TemporaryDirectory

    from infra_mind.cluster.local import LocalCluster, LocalOptions
    from infra_mind.home import Home
    from infra_mind.settings import Settings

    where, options = brief or _example(), LocalOptions(port=0, dashboard=False)
    with TemporaryDirectory(prefix="infra-mind-demo-") as folder:
        settings = Settings().model_copy(update={"home": Path(folder), "store_url": None})
        with LocalCluster(settings, options, say=lambda text: err.print(f"· {text}", style="dim")) as cluster:
            assert cluster.endpoint is not None
            key = Home.of(settings).api_key()
            result = _assess_on_server(cluster.endpoint.url, where, None, {}, quiet=False, api_key=key)
            paths = _write(result, out_dir)
            _show(result)
            err.print("· stopping", style="dim")
    _say(f"\nreport  {paths[0]}\nresult  {paths[1]}")


def _example() -> Path:
    for folder in (Path.cwd(), Path(__file__).resolve().parent.parent):
        found = folder / "examples" / "clinic" / "brief.yaml"
        if found.exists():
            return found
    raise BadInput("examples/clinic is not here: run this in a checkout, or give --brief")


# -- assessing --------------------------------------------------------------------------------------------------------
@app.command()
def assess(
    brief: Brief,
    artefacts: Annotated[list[Path] | None, typer.Option("--artefacts", "-a", help="Folder or file with Terraform, Kubernetes, compose, Dockerfiles; may be given more than once.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report here; the end of the name says how: .html .pdf .md .csv .sarif .xml (JUnit) .focus.csv .cdx.json .json.")] = None,
    result_file: Annotated[Path | None, typer.Option("--result", help="Write the result JSON here.")] = None,
    as_json: Json = False,
    wait: Annotated[bool, typer.Option(help="Wait for the end, with live bars.")] = True,
    local: Annotated[bool, typer.Option("--local", help="Run in this process, without a server.")] = False,
    priority: Annotated[Priority, typer.Option(help="Order among waiting tasks.")] = Priority.MEDIUM,
    soft_limit_s: Annotated[float | None, typer.Option(help="Seconds after which agents are asked to stop.")] = None,
    hard_limit_s: Annotated[float | None, typer.Option(help="Seconds after which processes are ended.")] = None,
    agent_soft_limit_s: Annotated[float | None, typer.Option(help="Seconds after which one agent is asked to stop.")] = None,
    agent_hard_limit_s: Annotated[float | None, typer.Option(help="Seconds after which one agent's process is ended.")] = None,
    delay_s: Annotated[float | None, typer.Option(help="Seconds to wait before it joins the queue.")] = None,
    not_before: Annotated[str | None, typer.Option(help="When it joins the queue, such as 2026-12-01T22:00:00+01:00.")] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Told of the end with a signed request.")] = None,
    fail_on: Annotated[FailOn | None, typer.Option(help="Exit with 4 when a finding is at or above this severity.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="A result JSON of before: with --fail-on only findings that it lacks count.")] = None,
    url: Url = None,
) -> None:  # fmt: skip
    """Assess a brief, and the artefacts beside it, and show what matters."""
    from infra_mind.reports.formats import format_of, render_as

    if report:
        report_format = format_of(report)
    if baseline and not fail_on:
        raise OptionInvalid("--baseline", "says which findings --fail-on passes over, so it needs --fail-on")
    options = _start_options(
        priority=priority, soft_limit_s=soft_limit_s, hard_limit_s=hard_limit_s,
        agent_soft_limit_s=agent_soft_limit_s, agent_hard_limit_s=agent_hard_limit_s, delay_s=delay_s, not_before=not_before,
        webhook_url=webhook_url,
    )  # fmt: skip
    if local and (delay_s is not None or not_before):
        raise OptionInvalid("--local", "runs now: it does not go with --delay-s or --not-before")
    if local and webhook_url:
        raise OptionInvalid(
            "--webhook-url", "needs a server that delivers it, so it does not go with --local"
        )
    if not wait:
        _refuse_without_wait(
            {
                "--local": local,
                "--report": report,
                "--result": result_file,
                "--fail-on": fail_on,
                "--baseline": baseline,
            }
        )
    known = read_result(baseline, "--baseline") if baseline else None
    if local:
        result = _assess_here(brief, artefacts, options, quiet=as_json)
    elif wait:
        result = _assess_on_server(url, brief, artefacts, options, quiet=as_json)
    else:
        with _client(url) as client:
            created = client.create(brief, artefacts or None)
            task_id = client.start(created.assessment_id, **options)
        _dump({"assessment_id": created.assessment_id, "task_id": task_id}) if as_json else _say(task_id)
        return
    if report:
        _write_bytes(report, render_as(report_format, result, places=_places(brief, artefacts)))
    if result_file:
        _write_text(result_file, result.to_json().decode())
    if as_json:
        sys.stdout.write(result.to_json().decode() + "\n")
    else:
        _show(result)
    if fail_on and _fails(result, fail_on, known):
        raise typer.Exit(4)


def _start_options(**given: Any) -> dict[str, Any]:
    """What was given, checked before anything is sent. Raises OptionInvalid."""
    from infra_mind.model.task import StartOptions

    options = {name: value for name, value in given.items() if value is not None}
    try:
        checked = StartOptions(**options)
    except ValidationError as error:
        item = error.errors()[0]
        if not item["loc"]:
            raise OptionInvalid("--delay-s", item["msg"].removeprefix("Value error, ")) from None
        name = str(item["loc"][0])
        found = "" if name == "webhook_url" else f" (found {item['input']})"  # a URL may hold a secret
        raise OptionInvalid(f"--{name.replace('_', '-')}", f"{item['msg']}{found}") from None
    if checked.limits_problem:
        name, why = checked.limits_problem
        raise OptionInvalid(f"--{name.replace('_', '-')}", why)
    return options


def _refuse_without_wait(options: dict[str, Any]) -> None:
    """There is no result yet that these could be about."""
    for name, value in options.items():
        if value:
            raise OptionInvalid(name, "needs the result, so it does not go with --no-wait")


def _assess_on_server(
    url: str | None,
    brief: Path,
    artefacts: list[Path] | None,
    options: dict[str, Any],
    *,
    quiet: bool,
    api_key: str | None = None,
) -> AssessmentResult:
    from infra_mind.bars import Bars

    with _client(url, api_key) as client, Bars(Console(stderr=True, quiet=quiet)) as bars:
        return client.assess(brief, artefacts or None, on_progress=bars, **options)


def _assess_here(
    brief: Path, artefacts: list[Path] | None, options: dict[str, Any], *, quiet: bool
) -> AssessmentResult:
    from infra_mind.assessment import spare_the_collector
    from infra_mind.bars import Bars
    from infra_mind.client import read_submission
    from infra_mind.inprocess import assess_here
    from infra_mind.model.task import StartOptions

    submission = read_submission(brief, artefacts or None)
    spare_the_collector()
    with Bars(Console(stderr=True, quiet=quiet)) as bars:
        return assess_here(submission, on_progress=bars, options=StartOptions(**options))


def _fails(result: AssessmentResult, fail_on: FailOn, baseline: AssessmentResult | None) -> bool:
    """Whether a finding reaches the limit, of those that the baseline lacks where there is one; these are told."""
    if baseline is None:
        return _reaches(result, fail_on)
    from infra_mind.diff import new_findings
    from infra_mind.model.finding import Severity
    from infra_mind.reports.comparison import finding_line

    new = new_findings(baseline, result)
    _say(f"\n{len(new)} failed findings that the baseline lacks", err)
    for finding in new:
        _say(f"  {finding_line(finding)}", err)
    return any(finding.severity.rank <= Severity(fail_on.value).rank for finding in new)


def _reaches(result: AssessmentResult, fail_on: FailOn) -> bool:
    from infra_mind.model.finding import Severity

    limit = Severity(fail_on.value).rank
    return any(f.counts and f.severity.rank <= limit for a in result.agents.values() for f in a.findings)


def _html(result: AssessmentResult) -> str:
    from infra_mind.reports.html import render

    return render(result)


def _places(brief: Path, artefacts: list[Path] | None) -> Places:
    """Where brief and artefacts lie below the current directory, for exports that point into a repository. Of several folders of
    artefacts each has its own names, which are left as they are."""
    from infra_mind.client import read_brief
    from infra_mind.reports.places import Places

    named = read_brief(brief)[0].artefacts if artefacts is None else None
    folders = artefacts or ([brief.parent / named] if isinstance(named, str) else [])
    single = folders[0] if len(folders) == 1 and folders[0].is_dir() else None
    return Places(artefacts=_below_here(single) if single else "", brief=_below_here(brief))


def _below_here(path: Path) -> str:
    """Relative to the current directory; outside of it nothing but the name is said."""
    real, here = path.resolve(), Path.cwd().resolve()
    if real == here:
        return ""
    return real.relative_to(here).as_posix() if real.is_relative_to(here) else real.name


def _show(result: AssessmentResult) -> None:
    from infra_mind.reports.terminal import print_summary

    print_summary(result, out)


def _write(result: AssessmentResult, folder: Path) -> tuple[Path, Path]:
    report, data = folder / "report.html", folder / "result.json"
    _write_text(report, _html(result))
    _write_text(data, result.to_json().decode())
    return report, data


def _write_text(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())


def _write_bytes(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror or error}") from None


# -- tasks ------------------------------------------------------------------------------------------------------------
@app.command()
def status(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """One task: state, progress, agents."""
    with _client(url) as client:
        task = client.task(task_id)
    if as_json:
        _dump(task.model_dump(mode="json"))
        return
    where = f", {task.queue_position}. in the queue" if task.queue_position else ""
    if task.not_before and task.info.current_step == "delayed":
        where = f" {task.not_before}"
    _say(f"{task.task_id}  {task.state}  {task.info.progress:.0f} %  {task.info.message}{where}")
    for name, agent in task.info.agents.items():
        note = agent.reason or agent.note
        if agent.retry_at:
            note = f"{note} (at {agent.retry_at})"
        _say(f"  {name:<16}{agent.state:<9}{agent.progress:>4.0f} %  {note}".rstrip())
    if task.error:
        _say(f"  {task.error.type}: {task.error.message}", style="red")


@app.command()
def watch(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """Live bars of a running task, until it ends; with --json one event a line."""
    from infra_mind.bars import Bars

    with _client(url) as client, Bars(Console(stderr=True, quiet=as_json)) as bars:
        for event in client.events(task_id):
            bars(event)
            if as_json:
                sys.stdout.write(event.model_dump_json() + "\n")
        task = client.task(task_id)
    if not as_json:
        _say(task.state)
    if task.state != "SUCCESS":
        raise typer.Exit(1)


@app.command()
def result(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """The result of a task that ended well."""
    with _client(url) as client:
        found = client.result(task_id)
    if as_json:
        sys.stdout.write(found.to_json().decode() + "\n")
    else:
        _show(found)


@app.command()
def cancel(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """Stop a task; nothing of it runs a few seconds later."""
    with _client(url) as client:
        state = client.cancel(task_id)
    _dump({"task_id": task_id, "state": state}) if as_json else _say(state)


@app.command()
def replay(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """Run a failed or cancelled task again as a new one, which begins with the agents' results that are done."""
    with _client(url) as client:
        new = client.replay(task_id)
    _dump({"task_id": new, "replay_of": task_id}) if as_json else _say(new)


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="Only tasks in this state, such as PENDING.")] = None,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 20, as_json: Json = False, url: Url = None,
) -> None:  # fmt: skip
    """Your tasks, newest first."""
    from itertools import islice

    with _client(url) as client:
        tasks = list(islice(client.tasks(**({"state": state} if state else {})), limit))
    if as_json:
        _dump([task.model_dump(mode="json") for task in tasks])
        return
    for task in tasks:
        _say(f"{task.task_id}  {task.state:<9}{task.info.progress:>4.0f} %  {task.created_at}  {task.name}")


@app.command()
def report(
    assessment_id: Annotated[str, typer.Argument(help="The assessment's id.")],
    out_file: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to write it; else report.html, report.pdf, ...")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="html, pdf, md, json, sarif, csv, junit, focus or cyclonedx; else by the end of --out."
        ),
    ] = None,
    kind: Annotated[str, typer.Option(help="full, executive, technical, cost or compliance.")] = "full",
    url: Url = None,
) -> None:
    """Fetch the report of an assessment that has ended."""
    from infra_mind.reports.formats import format_named, format_of

    if format is None:
        wanted = format_of(out_file, "--out") if out_file else format_named("html")
    else:
        wanted = format_named(format)
    path = out_file or Path(f"report{wanted.suffixes[0]}")
    with _client(url) as client:
        _write_bytes(path, client.report_bytes(assessment_id, wanted.name, kind))
    _say(str(path))


app.command()(diff)
app.command("what-if")(what_if)


@app.command()
def workers(as_json: Json = False, url: Url = None) -> None:
    """Who works on what, and what waits."""
    with _client(url) as client:
        found = client.workers()
    if as_json:
        _dump(found.model_dump(mode="json"))
        return
    for worker in found.workers:
        _say(
            f"{worker.pool:<11}{worker.status:<9}{worker.active_tasks:>3} of {worker.max_concurrency:<4}{worker.name}"
        )
    if found.queue:
        waiting = ", ".join(f"{depth} {priority}" for priority, depth in found.queue.depth.items() if depth)
        _say(f"waiting: {waiting or 'nothing'}")


# -- keys -------------------------------------------------------------------------------------------------------------
@keys.command("create")
def keys_create(
    tenant: Annotated[str, typer.Option(help="Whose assessments the key sees.")] = "default",
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    weight: Annotated[float, typer.Option(help="Share of the tenant among others.")] = 1.0,
    max_running: Annotated[int | None, typer.Option(help="Tasks of the tenant that run at once.")] = None,
    max_queued: Annotated[int | None, typer.Option(help="Tasks of the tenant that wait at once.")] = None,
    requests_per_s: Annotated[
        float | None, typer.Option(help="Requests of this key a second; more are answered 429.")
    ] = None,
    expires_days: Annotated[float | None, typer.Option(help="Days until it ends.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once. Weight and limits of tasks hold for the whole tenant, as its newest key says."""
    from infra_mind.administration import create_key

    plain, key = create_key(tenant, label, weight=weight, max_running=max_running, max_queued=max_queued, requests_per_s=requests_per_s, expires_days=expires_days)  # fmt: skip
    if as_json:
        _dump({"key": plain, **key.model_dump(mode="json", exclude={"secret_sha256"})})
    else:
        _say(plain)


@keys.command("list")
def keys_list(as_json: Json = False) -> None:
    """All keys, without their secrets."""
    from infra_mind.administration import list_keys

    found = list_keys()
    if as_json:
        _dump([key.model_dump(mode="json", exclude={"secret_sha256"}) for key in found])
        return
    for key in found:
        _say(
            f"{key.key_id}  {key.tenant:<16}{key.created_at}  {key.expires_at or 'no end':<26}{key.label}".rstrip()
        )


@keys.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
) -> None:
    """End a key; the API refuses it within seconds."""
    from infra_mind.administration import revoke_key

    revoke_key(key_id)
    _say(f"revoked {key_id}")


if __name__ == "__main__":
    main()
