"""`infra-mind webhooks`: the secret that signs them, and the log of their deliveries."""

from __future__ import annotations

from typing import Annotated

import typer

from infra_mind.console import Json, TaskId, Url, client_at, dump, say

webhooks = typer.Typer(
    help="Webhooks: the secret that signs them, and what became of each delivery.", no_args_is_help=True
)


@webhooks.command("secret")
def secret(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one; the former signs on for a day.")
    ] = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Show the secret that verifies your webhooks; the first call makes it."""
    with client_at(url) as client:
        found = client.rotate_webhook_secret() if rotate else client.webhook_secret()
    dump(found.model_dump(mode="json")) if as_json else say(found.secret)


@webhooks.command("list")
def list_(task_id: TaskId, as_json: Json = False, url: Url = None) -> None:
    """Whom the end of a task was told to: each attempt, and when the next one comes."""
    with client_at(url) as client:
        found = client.webhooks(task_id)
    if as_json:
        dump([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        after = f"  next {one.next_attempt_at}" if one.next_attempt_at else ""
        say(f"{one.webhook_id}  {one.state:<10}{one.type:<22}{one.url}{after}")
        for attempt in one.attempts:
            how = attempt.status_code or attempt.error
            say(f"  {attempt.attempt:>2}  {attempt.at}  {how}  {attempt.duration_s:.2f} s")
