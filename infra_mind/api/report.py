"""A committed result as a report."""

from __future__ import annotations

import html
import re
from typing import Literal

import anyio.to_thread
from starlette.responses import Response

from infra_mind.api.wire import json_in_pieces
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.formats import Format, render_as

Kind = Literal["full", "executive", "technical", "cost", "compliance"]

# A report is made of what strangers wrote (names, paths, addresses). Should a renderer ever let markup through, the browser still
# loads nothing, sends nothing and runs nothing but the page's own script; `sandbox` takes away the origin's storage and cookies.
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'"
_CONFINED = "frame-ancestors 'none'; sandbox allow-scripts allow-popups"
_OWN_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', re.IGNORECASE)
_HEAD = 2048  # the page names its policy before anything of the result


async def report_answer(result: bytes, format: Format, kind: Kind) -> Response:
    """The report of a stored result. Rendering takes CPU time, so it happens in a thread. Raises OptionInvalid for a format that this
    server has not installed."""
    if format.name == "json":
        return json_in_pieces(result)
    body = await anyio.to_thread.run_sync(_render, result, format, kind)
    if format.name == "html":
        policy = _policy(body[:_HEAD].decode("utf-8", "replace"))
        return Response(body, headers={"Content-Security-Policy": policy}, media_type="text/html")
    headers = {"Content-Disposition": f'attachment; filename="report{format.suffixes[0]}"'}
    return Response(body, headers=headers, media_type=format.media_type)


def _policy(page: str) -> str:
    """The policy of the page's own head, which names its style and script by their hashes, as a header that also confines it."""
    own = _OWN_POLICY.search(page)
    return f"{html.unescape(own.group(1)) if own else _NOTHING}; {_CONFINED}"


def _render(result: bytes, format: Format, kind: Kind) -> bytes:
    return render_as(format, AssessmentResult.model_validate_json(result), kind)
