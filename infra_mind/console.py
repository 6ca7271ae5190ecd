"""What the commands share: how they say things, write files, and reach the API."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from infra_mind.errors import BadInput

if TYPE_CHECKING:
    from infra_mind.client import Client
    from infra_mind.model.result import AssessmentResult

LOG_WIDTH = 120  # of a pipe, a file or a build log, where nothing says how wide it is


def _console(*, stderr: bool = False) -> Console:
    """As wide as the terminal; elsewhere as `COLUMNS` says."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else get_terminal_size((LOG_WIDTH, 24)).columns
    return Console(stderr=stderr, width=width)


out = _console()
err = _console(stderr=True)

TaskId = Annotated[str, typer.Argument(help="The task's id, as `assess --no-wait` and `list` show it.")]
Json = Annotated[bool, typer.Option("--json", help="Standard output holds the JSON alone.")]
Url = Annotated[
    str | None, typer.Option("--url", help="Where the API listens; else INFRA_MIND_URL, else the local `up`.")
]


def say(text: str, console: Console | None = None, style: str | None = None) -> None:
    """One line as it is: never wrapped, so that a pipe gets whole rows, and never read as markup."""
    (console or out).print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def dump(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def client_at(url: str | None, api_key: str | None = None) -> Iterator[Client]:
    from infra_mind.client import Client

    with Client(url, api_key) as client:
        yield client


def assessment_of(client: Client, given: str) -> str:
    """The id of an assessment; that of one of its tasks will do."""
    return client.task(given).info.assessment_id if given.startswith("tsk_") else given


def show(result: AssessmentResult, *, kept: bool = False) -> None:
    """The summary of a result; where a server keeps it, with what other commands call it."""
    from infra_mind.reports.terminal import print_summary

    print_summary(result, out)
    if kept:
        say(f"\n{result.assessment_id}  (for `infra-mind report`, `diff` and `what-if`)", style="dim")


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Makes the folder where there is none. Raises BadInput for what cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror or error}") from None
