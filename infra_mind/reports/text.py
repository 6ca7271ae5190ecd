"""Text of briefs and artefacts as data: what no report may hold, and where a link may lead."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

# Controls, text direction overrides (they can make a line read as another) and what UTF-8 cannot hold.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def clean(value: Any) -> Any:
    """Text without characters that a report must not hold; anything else as it is, None as nothing."""
    if value is None:
        return ""
    return UNSAFE.sub("\ufffd", value) if type(value) is str else value


def one_line(text: str) -> str:
    """`text` cleaned, and every run of white space one space: what can neither begin a line nor end one."""
    return str(clean(" ".join(text.split())))


def web_link(reference: str) -> str | None:
    """The address when `reference` is a plain http(s) link, else None: it is then shown as text."""
    if UNSAFE.search(reference) or any(c.isspace() for c in reference):
        return None
    try:
        parts = urlsplit(reference)
    except ValueError:
        return None
    return reference if parts.scheme in ("http", "https") and parts.hostname else None
