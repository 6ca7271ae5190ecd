"""A committed result as a report."""

from __future__ import annotations

import html
import re
from typing import Literal

import anyio.to_thread
from starlette.responses import Response

from infra_mind.api.wire import json_in_pieces
from infra_mind.errors import OptionInvalid
from infra_mind.model.result import AssessmentResult

Kind = Literal["full", "executive", "technical", "cost", "compliance"]
Format = Literal["html", "json"]
FORMATS: tuple[Format, ...] = ("html", "json")

# A report is made of what strangers wrote (names, paths, addresses). Should a renderer ever let markup through, the browser still
# loads nothing, sends nothing and runs nothing but the page's own script; `sandbox` takes away the origin's storage and cookies.
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'"
_CONFINED = "frame-ancestors 'none'; sandbox allow-scripts allow-popups"
_OWN_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', re.IGNORECASE)
_HEAD = 2048  # the page names its policy before anything of the result


def require_format(format: str) -> Format:
    """Raises OptionInvalid that lists what there is."""
    if format not in FORMATS:
        raise OptionInvalid("format", f"{format[:40]!r} is not available; there is {' and '.join(FORMATS)}")
    return format


async def report_answer(result: bytes, format: Format, kind: Kind) -> Response:
    """The report of a stored result. Rendering takes CPU time, so it happens in a thread."""
    if format == "json":
        return json_in_pieces(result)
    page = await anyio.to_thread.run_sync(_render, result, kind)
    return Response(page, headers={"Content-Security-Policy": _policy(page)}, media_type="text/html")


def _policy(page: str) -> str:
    """The policy of the page's own head, which names its style and script by their hashes, as a header that also confines it."""
    own = _OWN_POLICY.search(page, 0, _HEAD)
    return f"{html.unescape(own.group(1)) if own else _NOTHING}; {_CONFINED}"


def _render(result: bytes, kind: Kind) -> str:
    from infra_mind.reports.html import (
        render,
    )  # the templates load with the first report, not with every API process

    return render(AssessmentResult.model_validate_json(result), kind)
