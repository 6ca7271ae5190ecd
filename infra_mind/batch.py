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
from infra_mind.errors import BadInput, InfraMindError
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.html import render

AT_ONCE = 16  # waiting clients, not running assessments: the cluster orders those itself


@dataclass(frozen=True)
class Done:
    name: str
    status: str
    problem: str = ""


def briefs(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name, file) of every brief in a folder, in order of name. Raises BadInput where there is none."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder")
    found = {
        path.stem: path for path in sorted(folder.glob("*")) if path.suffix in {".yaml", ".yml", ".json"}
    }
    for inner in sorted(folder.iterdir()):
        for name in ("brief.yaml", "brief.yml", "brief.json"):
            if (inner / name).is_file():
                found.setdefault(inner.name, inner / name)
    if not found:
        raise BadInput(f"{folder}: no brief in it; expected NAME.yaml, NAME.json or NAME/brief.yaml")
    yield from sorted(found.items())


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
        str | None, typer.Option(help="Where the API listens; else INFRA_MIND_URL, else the local platform.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line for each brief.")] = False,
) -> None:
    """Assess every brief of a folder on the cluster."""
    console = Console()
    found = list(briefs(folder))
    for _, path in found:
        read_submission(path)  # whatever is wrong with any of them is said before anything starts
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    with Client(url) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        for done in pool.map(lambda item: assess_one(client, *item, out), found):
            failed += done.status == "failed"
            if as_json:
                sys.stdout.write(json.dumps(done.__dict__) + "\n")
            else:
                console.print(
                    f"{done.name}: {done.status} {done.problem}".rstrip(), highlight=False, markup=False
                )
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """Console entry: typed errors become one sentence and an exit code."""
    from infra_mind.cli import exit_code, explain

    try:
        typer.run(run)
    except InfraMindError as error:
        explain(error)
        sys.exit(exit_code(error))


if __name__ == "__main__":
    main()
