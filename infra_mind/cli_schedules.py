"""`infra-mind schedules`: assessments that start by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra_mind.console import Json, Url, client_at, dump, say
from infra_mind.errors import OptionInvalid
from infra_mind.model.task import Priority

if TYPE_CHECKING:
    from infra_mind.model.schedule import Schedule

schedules = typer.Typer(help="Recurring assessments: make, list, pause, delete.", no_args_is_help=True)
ScheduleId = Annotated[str, typer.Argument(help="The schedule's id, as `schedules list` shows it.")]


@schedules.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    cron: Annotated[str, typer.Option(help="Five fields: minute, hour, day of month, month, day of week.")],
    brief: Annotated[Path | None, typer.Option(help="The brief: a YAML or JSON file, read now.")] = None,
    artefacts: Annotated[list[Path] | None, typer.Option("--artefacts", "-a", help="Folder or file, read now; may be given more than once.")] = None,
    assessment: Annotated[str | None, typer.Option(help="In place of a brief: id of an assessment to copy.")] = None,
    timezone: Annotated[str, typer.Option(help="Of the IANA database, such as Europe/Berlin.")] = "UTC",
    priority: Annotated[Priority, typer.Option(help="Order among waiting tasks.")] = Priority.MEDIUM,
    soft_limit_s: Annotated[float | None, typer.Option(help="Seconds after which agents are asked to stop.")] = None,
    hard_limit_s: Annotated[float | None, typer.Option(help="Seconds after which processes are ended.")] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Told of each end with a signed request.")] = None,
    coalesce: Annotated[bool, typer.Option(help="Start once for all due times that were missed.")] = True,
    as_json: Json = False,
    url: Url = None,
) -> None:  # fmt: skip
    """Assess again and again: a brief that is read now, or a copy of an assessment."""
    if (brief is None) == (assessment is None):
        raise OptionInvalid("--brief", "give either --brief or --assessment")
    given = {"soft_limit_s": soft_limit_s, "hard_limit_s": hard_limit_s, "webhook_url": webhook_url}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    with client_at(url) as client:
        made = client.create_schedule(
            name, cron, brief, artefacts or None, assessment_id=assessment, timezone=timezone, coalesce=coalesce,
            priority=priority.value, **options,
        )  # fmt: skip
    dump(made.model_dump(mode="json")) if as_json else _show(made)


@schedules.command("list")
def list_(as_json: Json = False, url: Url = None) -> None:
    """Your schedules, newest first: when each is due next, and what became of the last time."""
    with client_at(url) as client:
        found = client.schedules()
    if as_json:
        dump([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        _show(one)


@schedules.command("pause")
def pause(schedule_id: ScheduleId, url: Url = None) -> None:
    """Start nothing until it is resumed."""
    with client_at(url) as client:
        _show(client.enable_schedule(schedule_id, enabled=False))


@schedules.command("resume")
def resume(schedule_id: ScheduleId, url: Url = None) -> None:
    """Go on with the next due time; what was due during the pause is not made up for."""
    with client_at(url) as client:
        _show(client.enable_schedule(schedule_id))


@schedules.command("delete")
def delete(schedule_id: ScheduleId, url: Url = None) -> None:
    """Delete a schedule; what it has started goes on."""
    with client_at(url) as client:
        client.delete_schedule(schedule_id)
    say(f"deleted {schedule_id}")


def _show(one: Schedule) -> None:
    last = one.last_error or one.last_task_id or "never fired"
    say(
        f"{one.schedule_id}  {one.cron} {one.timezone}  next {one.next_due_at or 'paused'}  last {last}  {one.name}"
    )
