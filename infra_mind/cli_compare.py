"""`infra-mind diff`: two assessments, or two result files without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra_mind.console import Json, Url, client_at, dump, out
from infra_mind.errors import BadInput, OptionInvalid

if TYPE_CHECKING:
    from infra_mind.model.result import AssessmentResult


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
    before: Annotated[str, typer.Argument(help="An assessment's id, or a result JSON file.")],
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
            found = client.diff(before, after)
    if as_json:
        dump(found.model_dump(mode="json"))
    else:
        print_comparison(found, out)


def _is_file(name: str) -> bool:
    """A name with a dot or a slash means a file also where there is none: ids have neither."""
    return "/" in name or "." in name or Path(name).is_file()
