"""From a request's body to a `Submission`: JSON, YAML, multipart/form-data or a zip.

All of it is hostile: sizes are bounded while reading, texts must be UTF-8, names must be safe paths. Reading of anything but a
small JSON body runs in a thread, so that one big upload does not hold up everybody's short requests."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from infra_mind.api.context import Context
from infra_mind.api.multipart import Part, parts_of
from infra_mind.api.problems import OptionsInvalid
from infra_mind.artefacts import intake, yaml
from infra_mind.errors import BadInput, BriefInvalid, FieldProblem, TooLarge
from infra_mind.model.brief import Brief, InlineArtefact, parse_brief
from infra_mind.model.inventory import Artefact
from infra_mind.model.submission import Submission
from infra_mind.settings import IntakeLimits

JSON = ("application/json",)
YAML = ("application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml")
MULTIPART = "multipart/form-data"
ZIP = ("application/zip", "application/x-zip-compressed")
BRIEF_FILES = ("brief.yaml", "brief.yml", "brief.json")
_ACCEPTED = (*JSON, *YAML, MULTIPART, ZIP[0])
_LONGEST_PROBLEM = 200
_MOST_VALUES = (
    200_000  # the largest brief that the schema allows, with all its files inline, has a fifth of it
)
_STRING = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL
)  # the last quote is optional: never more than one pass
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # an escape that is no character without its other half
_PARTS = ("brief", "artefacts")


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it is known to be over `limit` bytes, before the rest is read."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        told = f"found {encoding[:40]}; send the body without a Content-Encoding"
        raise HTTPException(415, told, {"Accept-Encoding": "identity"})
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
    except ClientDisconnect:
        raise BadInput("The connection closed before the whole body had come") from None
    return b"".join(chunks)


async def read_submission(request: Request, context: Context) -> Submission:
    """The submission that the request carries. Raises BadInput (422), TooLarge (413) and HTTPException 415."""
    limits = context.limits
    content_type = request.headers.get("content-type", "")
    parse = _parser_for(content_type)
    body = await read_body(request, limits.max_body)
    if parse is _json_body and len(body) <= context.settings.thread_above:
        return parse(body, content_type, limits)
    return await anyio.to_thread.run_sync(parse, body, content_type, limits, limiter=context.parsers)


def parse_json(body: bytes, what: str, max_depth: int) -> Any:
    """Strict JSON: UTF-8, no NaN, no name twice in one object, nested `max_depth` deep at most. Raises BriefInvalid."""
    _check_values(body, what)
    text = _utf8(body, what)
    try:
        data = json.loads(text, object_pairs_hook=_no_name_twice, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _invalid(
            f"{what} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise _invalid(f"{what} is nested too deep") from None
    except ValueError as error:  # a name twice, NaN, a number of thousands of digits
        raise _invalid(f"{what} is not valid: {error}") from None
    _check_depth(data, what, max_depth)
    if _SURROGATE.search(body):
        _check_text(data)
    return data


def parse_options(body: bytes, max_depth: int) -> Any:
    """The same of a body that is no brief. Raises OptionInvalid."""
    try:
        return parse_json(body, "the body", max_depth)
    except BriefInvalid as error:
        raise OptionsInvalid(error.problems) from None


def submission_of(data: object, limits: IntakeLimits) -> Submission:
    """From a brief as JSON data, with its files inline. Raises BadInput."""
    return _submission(data, (), limits)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest known one, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(names)}"


_Parser = Callable[[bytes, str, IntakeLimits], Submission]


def _parser_for(content_type: str) -> _Parser:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in JSON or kind.endswith("+json"):
        return _json_body
    if kind in YAML:
        return _yaml_body
    if kind == MULTIPART:
        return _multipart_body
    if kind in ZIP:
        return _zip_body
    found = kind or "no Content-Type"
    raise HTTPException(415, f"found {found}; send the brief as one of {', '.join(_ACCEPTED)}")


def _json_body(body: bytes, _content_type: str, limits: IntakeLimits) -> Submission:
    return _submission(parse_json(body, "the brief", limits.max_depth), (), limits)


def _yaml_body(body: bytes, _content_type: str, limits: IntakeLimits) -> Submission:
    return _submission(_load("brief.yaml", body, limits), (), limits)


def _zip_body(body: bytes, _content_type: str, limits: IntakeLimits) -> Submission:
    files = intake.from_zip(body, limits)
    briefs = [file for file in files if file.path in BRIEF_FILES]
    if len(briefs) != 1:
        found = " and ".join(file.path for file in briefs) or "none"
        raise BadInput(f"The zip must have one of {', '.join(BRIEF_FILES)} at its root; found {found}")
    brief = briefs[0]
    if brief.content is None:
        raise _invalid(f"{brief.path} is not text: {brief.problem}")
    rest = tuple(file for file in files if file is not brief)
    return _submission(_load(brief.path, brief.content.encode(), limits), rest, limits)


def _multipart_body(body: bytes, content_type: str, limits: IntakeLimits) -> Submission:
    parts = parts_of(body, content_type, max_parts=limits.max_files + 1)
    for part in parts:
        if part.name not in _PARTS:
            problem = FieldProblem(part.name[:80], "unknown part", nearest(part.name, _PARTS))
            raise BriefInvalid([problem])
    briefs = [part for part in parts if part.name == "brief"]
    if len(briefs) != 1:
        raise BriefInvalid([FieldProblem("brief", f"one part is needed, found {len(briefs)}")])
    files = _files([part for part in parts if part.name == "artefacts"], limits)
    brief = briefs[0]
    return _submission(_load(_brief_name(brief), bytes(brief.data), limits), files, limits)


def _brief_name(part: Part) -> str:
    """A file name whose ending says how to read the part: by its type, its name, or what it begins with."""
    named_json = part.content_type in JSON or (part.filename or "").lower().endswith(".json")
    return "brief.json" if named_json else "brief.yaml"


def _files(parts: list[Part], limits: IntakeLimits) -> tuple[Artefact, ...]:
    zips = [part for part in parts if _is_zip(part)]
    if zips and len(parts) > 1:
        raise BadInput("Send the artefacts as files or as one zip, not as several zips or a mix")
    if zips:
        return intake.from_zip(bytes(zips[0].data), limits)
    return tuple(_file(part, limits) for part in parts)


def _is_zip(part: Part) -> bool:
    return part.content_type in ZIP or (part.filename or "").lower().endswith(".zip")


def _file(part: Part, limits: IntakeLimits) -> Artefact:
    if not part.filename:
        raise BadInput("Every `artefacts` part needs a filename: the file's relative path")
    return intake.from_bytes(intake.safe_path(part.filename, limits), bytes(part.data))


def _load(name: str, raw: bytes, limits: IntakeLimits) -> Any:
    if name.endswith(".json"):
        return parse_json(raw, "the brief", limits.max_depth)
    return yaml.load(_utf8(raw, "the brief"), name=name, limits=limits)


def _submission(data: object, files: tuple[Artefact, ...], limits: IntakeLimits) -> Submission:
    data, unreadable = _apart(data, limits)
    brief = parse_brief(data)
    every = files + unreadable + _inline(brief, limits)
    intake.check(every, limits)
    return Submission.of(brief, every)


def _apart(data: object, limits: IntakeLimits) -> tuple[object, tuple[Artefact, ...]]:
    """The brief without the inline files that the sender could not read itself: `{path, problem}` in place of a content."""
    items = data.get("artefacts") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(items, list):
        return data, ()
    unreadable = [item for item in items if _is_unreadable(item)]
    if not unreadable:
        return data, ()
    files = tuple(
        Artefact(path=intake.safe_path(item["path"], limits), problem=item["problem"][:_LONGEST_PROBLEM])
        for item in unreadable
    )
    return {**data, "artefacts": [item for item in items if not _is_unreadable(item)]}, files


def _is_unreadable(item: object) -> bool:
    return (
        isinstance(item, dict)
        and item.keys() == {"path", "problem"}
        and all(isinstance(value, str) for value in item.values())
    )


def _inline(brief: Brief, limits: IntakeLimits) -> tuple[Artefact, ...]:
    if not isinstance(brief.artefacts, tuple):
        return ()
    items = [item for item in brief.artefacts if isinstance(item, InlineArtefact)]
    readable = intake.from_inline(((i.path, i.content) for i in items if i.content is not None), limits)
    unreadable = tuple(
        Artefact(path=intake.safe_path(i.path, limits), problem=i.problem) for i in items if i.content is None
    )
    return readable + unreadable


def _utf8(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8-sig")  # editors of one large vendor begin files with a byte order mark
    except UnicodeDecodeError as error:
        raise _invalid(
            f"{what} is not UTF-8: byte {error.start} cannot be read", "save it as UTF-8"
        ) from None


def _check_depth(data: Any, what: str, most: int) -> None:
    level: list[Any] = [data]
    for _ in range(most + 1):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise _invalid(f"{what} is nested deeper than {most} levels")


def _check_text(data: Any) -> None:
    """JSON can write half of a surrogate pair; UTF-8 cannot, so nothing of it could be kept or answered."""
    left: list[tuple[str, Any]] = [("", data)]
    while left:
        path, item = left.pop()
        if isinstance(item, dict):
            named = [(f"{path}.{name}".lstrip("."), value) for name, value in item.items()]
            left += [(below, below) for below, _ in named] + named
        elif isinstance(item, list):
            left += [(f"{path}.{place}".lstrip("."), value) for place, value in enumerate(item)]
        elif isinstance(item, str) and not _is_text(item):
            shown = path.encode("ascii", "backslashreplace").decode()[:200]
            raise BriefInvalid([FieldProblem(shown, "is not valid Unicode (a lone surrogate)")])


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_values(body: bytes, what: str) -> None:
    """Bounds the number of values before they are made: 64 MB of `[],[],...` would become gigabytes of lists."""
    if len(body) <= _MOST_VALUES:
        return  # a value takes a byte at least
    bare = _STRING.sub(b"", body)
    if sum(bare.count(mark) for mark in (b",", b"[", b"{")) > _MOST_VALUES:
        raise _invalid(f"{what} has more than {_MOST_VALUES} values")


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name[:80]!r} stands twice in one object")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _invalid(problem: str, hint: str = "") -> BriefInvalid:
    return BriefInvalid([FieldProblem("", problem, hint)])


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {limit} bytes; send fewer or smaller files")
