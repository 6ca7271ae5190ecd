"""The command line: `infra-mind --help`. Entry points only translate; everything heavy is imported when it is needed.

Exit codes: 0 done · 1 the task failed, or an agent with `--fail-on` · 2 bad input · 3 cannot reach the server · 4 a finding at or above `--fail-on`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from infra_mind.cli_assess import assess, assess_on_server
from infra_mind.cli_compare import diff, what_if
from infra_mind.cli_keys import keys
from infra_mind.cli_schedules import schedules
from infra_mind.cli_tasks import cancel, list_, replay, report, result, status, watch, workers
from infra_mind.cli_webhooks import webhooks
from infra_mind.console import err, out, say, show, write_text
from infra_mind.errors import (
    BadInput,
    Conflict,
    FileLeftOut,
    Gone,
    InfraMindError,
    NotAllowed,
    NotFound,
    Unavailable,
)

if TYPE_CHECKING:
    from infra_mind.model.result import AssessmentResult

app = typer.Typer(
    help="Assess AI infrastructure: hand in a brief and artefacts, get ranked findings, costs and capacity with sources.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(keys, name="keys")

app.add_typer(webhooks, name="webhooks")
app.add_typer(schedules, name="schedules")


Out = Annotated[Path, typer.Option("--out", help="Folder for the report and the result.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(version("infra-mind"))
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
            say(
                f"The setting {'_'.join(map(str, item['loc'])).upper()} in the environment (INFRA_MIND_...): {item['msg']}",
                err,
            )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"warning: {message}", err, "yellow")


def exit_code(error: InfraMindError) -> int:
    if isinstance(error, BadInput | NotFound | Conflict | Gone):
        return 2
    return 3 if isinstance(error, Unavailable | NotAllowed) else 1


def explain(error: InfraMindError) -> None:
    from infra_mind.errors import BriefInvalid

    if isinstance(error, BriefInvalid):
        say("The brief is not valid:", err, "red")
        for problem in error.problems:
            say(f"  {problem}", err)
        return
    say(str(error), err, "red")


# -- running the platform ---------------------------------------------------------------------------------------------
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
            result = assess_on_server(cluster.endpoint.url, where, None, {}, quiet=False, api_key=key)
            paths = _write(result, out_dir)
            show(result)
            err.print("· stopping", style="dim")
    say(f"\nreport  {paths[0]}\nresult  {paths[1]}")


def _example() -> Path:
    for folder in (Path.cwd(), Path(__file__).resolve().parent.parent):
        found = folder / "examples" / "clinic" / "brief.yaml"
        if found.exists():
            return found
    raise BadInput("examples/clinic is not here: run this in a checkout, or give --brief")


def _write(result: AssessmentResult, folder: Path) -> tuple[Path, Path]:
    from infra_mind.reports.html import render

    report, data = folder / "report.html", folder / "result.json"
    write_text(report, render(result))
    write_text(data, result.to_json().decode())
    return report, data


for command in (up, demo, assess, status, watch, result, cancel, replay):
    app.command()(command)
app.command("list")(list_)
app.command()(report)
app.command()(diff)
app.command("what-if")(what_if)
app.command()(workers)


if __name__ == "__main__":
    main()
