"""A committed result as a report."""

from __future__ import annotations

import html
import re
from typing import Literal

import anyio
import anyio.to_thread
from starlette.responses import Response

from infra_mind.api.negotiation import packed, preferred
from infra_mind.api.wire import json_in_pieces
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.formats import FORMATS, Format, format_named, render_as

Kind = Literal["full", "executive", "technical", "cost", "compliance"]

# A report is made of what strangers wrote (names, paths, addresses). Should a renderer ever let markup through, the browser still
# loads nothing, sends nothing and runs nothing but the page's own script; `sandbox` takes away the origin's storage and cookies.
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'"
_CONFINED = "frame-ancestors 'none'; sandbox allow-scripts allow-popups"
_OWN_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', re.IGNORECASE)
_HEAD = 2048  # the page names its policy before anything of the result


def format_wanted(named: str | None, accept: str) -> Format:
    """The format that is named, else the first that `Accept` prefers, else HTML. Raises OptionInvalid for an unknown name."""
    if named is not None:
        return format_named(named)
    by_type: dict[str, Format] = {}
    for made in FORMATS.values():
        by_type.setdefault(made.media_type, made)
    for media_type in preferred(accept):
        if media_type in by_type:
            return by_type[media_type]
        if media_type in ("*/*", "text/*"):
            break
    return FORMATS["html"]


async def report_answer(
    result: bytes, format: Format, kind: Kind, slots: anyio.CapacityLimiter, encodings: str = ""
) -> Response:
    """The report of a stored result. Rendering takes CPU time (a PDF of many pages takes seconds), so it happens in a thread, and no more
    at a time than `slots` says; so does packing, where `encodings` (Accept-Encoding) allows it. Raises OptionInvalid for a format that this
    server has not installed."""
    body, headers = await anyio.to_thread.run_sync(_made, result, format, kind, encodings, limiter=slots)
    if format.name == "json":
        return json_in_pieces(body, headers=headers)
    if format.name != "html":
        headers["Content-Disposition"] = f'attachment; filename="report{format.suffixes[0]}"'
    return Response(body, headers=headers, media_type=format.media_type)


def _policy(page: str) -> str:
    """The policy of the page's own head, which names its style and script by their hashes, as a header that also confines it."""
    own = _OWN_POLICY.search(page)
    return f"{html.unescape(own.group(1)) if own else _NOTHING}; {_CONFINED}"


def _made(result: bytes, format: Format, kind: Kind, encodings: str) -> tuple[bytes, dict[str, str]]:
    """The report as it is sent, and the headers that only its bytes can tell."""
    if format.name == "json":
        return packed(result, encodings)
    plain = render_as(format, AssessmentResult.model_validate_json(result), kind)
    if format.name == "pdf":
        return plain, {}
    body, headers = packed(plain, encodings)
    if format.name == "html":
        headers["Content-Security-Policy"] = _policy(plain[:_HEAD].decode("utf-8", "replace"))
    return body, headers
