"""What a person asks about tasks: `infra-mind status`, `watch`, `result`, `cancel`, `replay`, `list`, `report`, `workers`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra_mind.console import Json, TaskId, Url, assessment_of, client_at, dump, say, show, write_bytes


def status(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """One task: state, progress, agents."""
    with client_at(url) as client:
        task = client.task(task_id)
    if as_json:
        dump(task.model_dump(mode="json"))
        return
    where = f", {task.queue_position}. in the queue" if task.queue_position else ""
    if task.not_before and task.info.current_step == "delayed":
        where = f" {task.not_before}"
    say(f"{task.task_id}  {task.state}  {task.info.progress:.0f} %  {task.info.message}{where}")
    for name, agent in task.info.agents.items():
        note = agent.reason or agent.note
        if agent.retry_at:
            note = f"{note} (at {agent.retry_at})"
        say(f"  {name:<16}{agent.state:<9}{agent.progress:>4.0f} %  {note}".rstrip())
    if task.error:
        say(f"  {task.error.type}: {task.error.message}", style="red")


def watch(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """Live bars of a running task, until it ends; with --json one event a line."""
    from infra_mind.bars import Bars

    with client_at(url) as client, Bars(Console(stderr=True, quiet=as_json)) as bars:
        for event in client.events(task_id):
            bars(event)
            if as_json:
                sys.stdout.write(event.model_dump_json() + "\n")
        task = client.task(task_id)
    if not as_json:
        say(task.state)
    if task.state != "SUCCESS":
        raise typer.Exit(1)


def result(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """The result of a task that ended well."""
    with client_at(url) as client:
        found = client.result(task_id)
    if as_json:
        sys.stdout.write(found.to_json().decode() + "\n")
    else:
        show(found, kept=True)


def cancel(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """Stop a task; nothing of it runs a few seconds later."""
    with client_at(url) as client:
        state = client.cancel(task_id)
    dump({"task_id": task_id, "state": state}) if as_json else say(state)


def replay(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """Run a failed or cancelled task again as a new one, which begins with the agents' results that are done."""
    with client_at(url) as client:
        new = client.replay(task_id)
    dump({"task_id": new, "replay_of": task_id}) if as_json else say(new)


def list_(
    state: Annotated[str | None, typer.Option(help="Only tasks in this state, such as PENDING.")] = None,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 20, as_json: Json = False, url: Url = None,
) -> None:  # fmt: skip
    """Your tasks, newest first."""
    from itertools import islice

    with client_at(url) as client:
        tasks = list(islice(client.tasks(**({"state": state} if state else {})), limit))
    if as_json:
        dump([task.model_dump(mode="json") for task in tasks])
        return
    for task in tasks:
        say(f"{task.task_id}  {task.state:<9}{task.info.progress:>4.0f} %  {task.created_at}  {task.name}")


def report(
    assessment_id: Annotated[str, typer.Argument(help="The assessment's id, or its task's.")],
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Where to write it, - for standard output; else report.html, report.pdf, ..."
        ),
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
        named = out_file is not None and str(out_file) != "-"
        wanted = format_of(out_file, "--out") if out_file and named else format_named("html")
    else:
        wanted = format_named(format)
    path = out_file or Path(f"report{wanted.suffixes[0]}")
    with client_at(url) as client:
        made = client.report_bytes(assessment_of(client, assessment_id), wanted.name, kind)
    if str(path) == "-":
        sys.stdout.buffer.write(made)
        return
    write_bytes(path, made)
    say(str(path))


def workers(as_json: Json = False, url: Url = None) -> None:
    """Who works on what, and what waits."""
    with client_at(url) as client:
        found = client.workers()
    if as_json:
        dump(found.model_dump(mode="json"))
        return
    for worker in found.workers:
        say(
            f"{worker.pool:<11}{worker.status:<9}{worker.active_tasks:>3} of {worker.max_concurrency:<4}{worker.name}"
        )
    if found.queue:
        waiting = ", ".join(f"{depth} {priority}" for priority, depth in found.queue.depth.items() if depth)
        say(f"waiting: {waiting or 'nothing'}")
