"""`infra-mind diff`: two assessments, or two result files without a server. `infra-mind what-if`: one and its variants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from infra_mind.bars import Bars
from infra_mind.console import Json, Url, assessment_of, client_at, dump, err, out, say
from infra_mind.errors import BadInput, OptionInvalid, TaskFailed
from infra_mind.model.task import TaskState

if TYPE_CHECKING:
    from infra_mind.client import Client
    from infra_mind.model.comparison import StartedVariant, WhatIf
    from infra_mind.model.result import AssessmentResult
    from infra_mind.reports.variants import Tried


def read_result(path: Path, option: str = "") -> AssessmentResult:
    """A result that `assess --result` or `--json` wrote. Raises BadInput for a file that is none."""
    from pydantic import ValidationError

    from infra_mind.model.result import AssessmentResult

    try:
        data = path.read_bytes()
    except OSError as error:
        why = (
            f"{path}: cannot be read: {error.strerror or error}; `infra-mind assess --result FILE` writes one"
        )
        raise (OptionInvalid(option, why) if option else BadInput(why)) from None
    try:
        return AssessmentResult.model_validate_json(data)
    except ValidationError as error:
        item = error.errors(include_input=False)[0]
        where = ".".join(map(str, item["loc"]))
        why = f"{path}: this is no result of an assessment: {f'{where}: ' if where else ''}{item['msg']}"
        raise (OptionInvalid(option, why) if option else BadInput(why)) from None


def diff(
    before: Annotated[str, typer.Argument(help="An assessment's id, or its task's, or a result JSON file.")],
    after: Annotated[str, typer.Argument(help="Another one of the same sort.")],
    as_json: Json = False,
    url: Url = None,
) -> None:
    """What differs: findings new, fixed and unchanged, facts and ranks that moved. Of two files it needs no server."""
    from infra_mind.diff import compare
    from infra_mind.reports.comparison import print_comparison

    files = [Path(name) if _is_file(name) else None for name in (before, after)]
    if files[0] and files[1]:
        found = compare(read_result(files[0]), read_result(files[1]))
    elif files[0] or files[1]:
        named, other = (before, after) if files[0] else (after, before)
        raise BadInput(f"{named} is a file and {other} is none: give two files or two ids of assessments")
    else:
        with client_at(url) as client:
            found = client.diff(assessment_of(client, before), assessment_of(client, after))
    if as_json:
        dump(found.model_dump(mode="json"))
    else:
        print_comparison(found, out)


def _is_file(name: str) -> bool:
    """A name with a dot or a slash means a file also where there is none: ids have neither."""
    return "/" in name or "." in name or Path(name).is_file()


def what_if(
    assessment_id: Annotated[
        str, typer.Argument(help="An assessment that has ended: its id, or its task's.")
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="PATH=VALUE in the brief, such as budget.usd_per_month=50000 or services.api.servers=9; may be given more than once.",
        ),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            help="PATH=VALUE,VALUE,...: one variant for each, such as llm_serving.0.gpu=h100_sxm,h200_sxm."
        ),
    ] = None,
    patch: Annotated[
        Path | None,
        typer.Option(help="A YAML or JSON file that is merged into the brief (JSON merge patch)."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the end and compare.")] = True,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Assess it again with another brief, run only the agents that this reaches, and compare."""
    from infra_mind.reports.comparison import print_comparison
    from infra_mind.reports.variants import print_variants

    values, lists = _assignments(changes, "--set"), _assignments(sweep, "--sweep")
    asked: dict[str, Any] = {
        "set": {path: _value(text) for path, text in values.items()},
        "sweep": {path: _items(text) for path, text in lists.items()},
    }
    merged = _patch(patch) if patch else None
    if not (values or lists or merged):
        raise OptionInvalid("--set", "nothing would change: give --set, --sweep or --patch")
    with client_at(url) as client:
        started = client.what_if(assessment_of(client, assessment_id), merged, **asked)
        if not wait:
            if as_json:
                dump(started.model_dump(mode="json"))
                return
            for one in started.variants:
                say(f"{one.task_id}  {one.assessment_id}  {one.name}")
            return
        done, failed = _compared(client, started, quiet=as_json)
    base = started.base_assessment_id
    if as_json:
        rows = [
            {
                **variant.model_dump(mode="json"),
                "agents_run": list(one.ran),
                "comparison": one.found.model_dump(mode="json"),
            }
            for variant, one in done
        ]
        dump({"base_assessment_id": base, "variants": rows})
    elif len(done) > 1:
        print_variants([one for _, one in done], out)
    elif done:
        ((started_one, only),) = done
        say(f"{started_one.name}  {started_one.assessment_id}")
        say(f"ran again: {', '.join(only.ran) or 'no agent'}")
        print_comparison(only.found, out)
    if failed:
        raise TaskFailed("\n".join(map(str, failed)), failed[0].state, failed[0].error_type)


def _compared(client: Client, started: WhatIf, *, quiet: bool) -> tuple[list[tuple[StartedVariant, Tried]], list[TaskFailed]]:  # fmt: skip
    """Waits for every variant. One that fails costs only itself."""
    from infra_mind.reports.variants import Tried

    done, failed = [], []
    with Bars(Console(stderr=True, quiet=quiet)) as bars:
        for n, variant in enumerate(started.variants, 1):
            for event in client.events(variant.task_id):
                if len(started.variants) == 1:
                    bars(event)
            task = client.task(variant.task_id)
            if task.state is not TaskState.SUCCESS:
                why = task.error.message if task.error else task.info.message
                failed.append(
                    TaskFailed(f"{variant.name}: {why}", task.state, task.error.type if task.error else "")
                )
                continue
            ran = tuple(name for name, agent in task.info.agents.items() if agent.attempt > 0)
            found = client.diff(started.base_assessment_id, variant.assessment_id)
            done.append((variant, Tried(variant.values, found, ran)))
            if len(started.variants) > 1 and not quiet:
                say(f"{n} of {len(started.variants)}: {variant.name}", err, "dim")
    return done, failed


def _assignments(given: list[str] | None, option: str) -> dict[str, str]:
    """PATH → what stands behind its first `=`."""
    found: dict[str, str] = {}
    for text in given or []:
        path, equals, value = text.partition("=")
        if not equals or not path.strip() or not value.strip():
            raise OptionInvalid(option, f"{text!r} reads like PATH=VALUE, such as budget.usd_per_month=50000")
        if path.strip() in found:
            raise OptionInvalid(option, f"{path.strip()} is given twice")
        found[path.strip()] = value.strip()
    return found


def _items(text: str) -> list[Any]:
    """Values split at commas; a JSON list is taken as it is, so that they may hold commas, and "8" stays a word."""
    if text.startswith("["):
        value = _value(text)
        if isinstance(value, list):
            return value
    return [_value(item.strip()) for item in text.split(",") if item.strip()]


def _value(text: str) -> Any:
    """JSON where it is JSON (numbers, true, null, lists), else the word itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _patch(path: Path) -> dict[str, Any]:
    from infra_mind.artefacts.yaml import load

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionInvalid(
            "--patch", f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    data = load(text, name=str(path))
    if not isinstance(data, dict):
        raise OptionInvalid("--patch", f"{path}: a merge patch is a map of fields of the brief")
    return data
