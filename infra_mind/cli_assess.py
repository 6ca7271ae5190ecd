"""`infra-mind assess`: a brief and its artefacts, on a server or in this process, and what is made of the result."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from infra_mind.cli_compare import read_result
from infra_mind.console import Json, Url, client_at, dump, err, say, show, write_bytes, write_text
from infra_mind.errors import OptionInvalid
from infra_mind.model.task import Priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra_mind.model.finding import Finding
    from infra_mind.model.result import AssessmentResult
    from infra_mind.reports.places import Places

Brief = Annotated[Path, typer.Argument(help="The brief: a YAML or JSON file.", show_default=False)]


class FailOn(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


def assess(
    brief: Brief,
    artefacts: Annotated[list[Path] | None, typer.Option("--artefacts", "-a", metavar="PATH", help="Folder or file with Terraform (also its plan: terraform show -json tfplan > tfplan.json), Kubernetes, compose, Dockerfiles; may be given more than once.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report here; the end of the name says how: .html .pdf .md .csv .sarif .xml (JUnit) .focus.csv .cdx.json .json.")] = None,
    result_file: Annotated[Path | None, typer.Option("--result", help="Write the result JSON here.")] = None,
    as_json: Json = False,
    wait: Annotated[bool, typer.Option(help="Wait for the end, with live bars.")] = True,
    local: Annotated[bool, typer.Option("--local", help="Run in this process, without a server.")] = False,
    priority: Annotated[Priority, typer.Option(metavar="LEVEL", help="Order among waiting tasks: critical, high, medium or low.")] = Priority.MEDIUM,
    soft_limit_s: Annotated[float | None, typer.Option(help="Seconds after which agents are asked to stop.")] = None,
    hard_limit_s: Annotated[float | None, typer.Option(help="Seconds after which processes are ended.")] = None,
    agent_soft_limit_s: Annotated[float | None, typer.Option(help="Seconds after which one agent is asked to stop.")] = None,
    agent_hard_limit_s: Annotated[float | None, typer.Option(help="Seconds after which one agent's process is ended.")] = None,
    delay_s: Annotated[float | None, typer.Option(help="Seconds to wait before it joins the queue.")] = None,
    not_before: Annotated[str | None, typer.Option(help="When it joins the queue, such as 2026-12-01T22:00:00+01:00.")] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Told of the end with a signed request.")] = None,
    fail_on: Annotated[FailOn | None, typer.Option(metavar="LEVEL", help="Exit with 4 when a finding is at or above this severity: critical, high, medium, low or info. With 1 when an agent failed, because nobody knows what it would have found.")] = None,
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
        result = assess_on_server(url, brief, artefacts, options, quiet=as_json)
    else:
        with client_at(url) as client:
            created = client.create(brief, artefacts or None)
            task_id = client.start(created.assessment_id, **options)
        dump({"assessment_id": created.assessment_id, "task_id": task_id}) if as_json else say(task_id)
        return
    if report:
        write_bytes(report, render_as(report_format, result, places=_places(brief, artefacts)))
    if result_file:
        write_text(result_file, result.to_json().decode())
    if as_json:
        sys.stdout.write(result.to_json().decode() + "\n")
    else:
        show(result, kept=not local)
    if fail_on and (code := _gate(result, fail_on, known)):
        raise typer.Exit(code)


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


def assess_on_server(
    url: str | None,
    brief: Path,
    artefacts: list[Path] | None,
    options: dict[str, Any],
    *,
    quiet: bool,
    api_key: str | None = None,
) -> AssessmentResult:
    """The result of an assessment that a server does, with live bars."""
    from infra_mind.bars import Bars

    with client_at(url, api_key) as client, Bars(Console(stderr=True, quiet=quiet)) as bars:
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


def _gate(result: AssessmentResult, fail_on: FailOn, baseline: AssessmentResult | None) -> int:
    """4 when a finding reaches the limit, of those that the baseline lacks where there is one; 1 when an agent failed that might have found
    one; else 0. Says why on standard error."""
    from infra_mind.diff import new_findings
    from infra_mind.model.finding import Severity

    counted = [f for given in result.agents.values() for f in given.findings if f.counts]
    if baseline is not None:
        counted = list(new_findings(baseline, result))
        _tell_new(counted)
    limit = Severity(fail_on.value).rank
    if reached := sum(finding.severity.rank <= limit for finding in counted):
        new = " that the baseline lacks" if baseline is not None else ""
        say(f"--fail-on {fail_on.value}: {reached} failed findings{new} are at or above it", err, "red")
        return 4
    unknown = [failure for failure in result.failures if failure.hides_findings]
    for failure in unknown:
        say(f"--fail-on {fail_on.value}: the agent {failure.agent} failed, so {failure.lost}", err, "red")
    return 1 if unknown else 0


def _tell_new(findings: Sequence[Finding]) -> None:
    from infra_mind.reports.comparison import finding_line

    say(f"\n{len(findings)} failed findings that the baseline lacks", err)
    for finding in findings:
        say(f"  {finding_line(finding)}", err)


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
