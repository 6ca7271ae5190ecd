"""Assesses a folder of briefs: `python -m infra_mind.batch BRIEFS_DIR --out DIR`, also as `ray job submit -- python -m ...`.

Every brief `NAME.yaml` (or `NAME/brief.yaml`, with its artefacts beside it) goes through the platform and gives `NAME.json` and
`NAME.html`. All briefs are checked before the first one starts. Exit codes as the command line's: 1 when at least one failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra_mind.client import Client, read_submission
from infra_mind.cluster.find import api_url
from infra_mind.errors import BadInput, InfraMindError, OptionInvalid
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.html import render
from infra_mind.settings import Settings

SUFFIXES = (".json", ".yaml", ".yml")
AT_ONCE = 16  # waiting clients, not running assessments: the cluster orders those itself


@dataclass(frozen=True)
class Done:
    name: str
    status: str
    problem: str = ""


def briefs(folder: Path) -> list[tuple[str, Path]]:
    """(name, file) of every brief in a folder, in order of name. Raises BadInput where there is none, or two of one name."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted([*_beside(folder), *_inside(folder)]):
        name = path.parent.name if path.parent != folder else path.stem
        if name in found:
            raise BadInput(f"{found[name]} and {path} would both write {name}.json; rename one of them")
        found[name] = path
    if not found:
        raise BadInput(f"{folder}: no brief in it; expected NAME.yaml, NAME.json or NAME/brief.yaml")
    return sorted(found.items())


def _beside(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())


def _inside(folder: Path) -> Iterator[Path]:
    paths = (inner / f"brief{suffix}" for inner in folder.iterdir() for suffix in SUFFIXES)
    return (path for path in paths if path.is_file())


def check(found: list[tuple[str, Path]]) -> None:
    """Raises BadInput that says what is wrong with each of them, by file."""
    problems = []
    for _, path in found:
        try:
            read_submission(path)
        except BadInput as error:
            text = str(error)
            problems.append(text if text.startswith(str(path)) else f"{path}: {text}")
    if problems:
        raise BadInput("Nothing was started.\n" + "\n".join(problems))


def assess_one(client: Client, name: str, path: Path, out: Path) -> Done:
    """Assesses one brief and writes its result and report; a failure is said, not raised."""
    try:
        result = client.assess(path)
    except InfraMindError as error:
        return Done(name, "failed", f"{type(error).__name__}: {error}")
    _write(out, name, result)
    return Done(name, result.status)


def _write(out: Path, name: str, result: AssessmentResult) -> None:
    (out / f"{name}.json").write_bytes(result.to_json())
    (out / f"{name}.html").write_text(render(result), encoding="utf-8")


def run(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder with NAME.yaml, NAME.json or NAME/brief.yaml.", metavar="BRIEFS_DIR"),
    ],
    out: Annotated[Path, typer.Option(help="Where results and reports go.")] = Path("out"),
    url: Annotated[
        str | None,
        typer.Option(
            help="Where the API listens; else INFRA_MIND_URL, the local platform, this Ray cluster's Serve."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line for each brief.")] = False,
) -> None:
    """Assess every brief of a folder on the cluster."""
    console = Console()
    found = briefs(folder)
    check(found)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionInvalid("--out", f"{out} cannot be made: {error.strerror}") from None
    failed = 0
    with Client(url or api_url(Settings())) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        for done in pool.map(lambda item: assess_one(client, item[0], item[1], out), found):
            failed += done.status == "failed"
            if as_json:
                sys.stdout.write(json.dumps(done.__dict__) + "\n")
            else:
                console.print(
                    f"{done.name}: {done.status} {done.problem}".rstrip(),
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """Console entry: typed errors become one sentence and an exit code."""
    from infra_mind.cli import run_explained

    run_explained(lambda: typer.run(run))


if __name__ == "__main__":
    main()
