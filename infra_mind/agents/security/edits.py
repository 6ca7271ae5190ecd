"""Edits of an artefact by line, and the unified diff that a person can apply with `patch` or `git apply`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

_INDENT = re.compile(r"^[ \t]*")


@dataclass(frozen=True)
class Edit:
    """Lines `start` to `end` (1-based, both included) become `text`; `end = start - 1` inserts before `start`."""

    start: int
    end: int
    text: tuple[str, ...]


def apply(content: str, edits: Sequence[Edit]) -> str | None:
    """The content with all edits made; None if two of them touch the same lines or one lies outside of the text."""
    lines = content.split("\n")
    last = len(lines) + 1
    for edit in sorted(edits, key=lambda e: (e.start, e.end), reverse=True):
        if edit.start < 1 or edit.end < edit.start - 1 or edit.end >= last:
            return None
        lines[edit.start - 1 : edit.end] = edit.text
        last = edit.start
    return "\n".join(lines)


def unified_diff(path: str, before: str, after: str, context: int = 3) -> str:
    """A unified diff with `a/` and `b/` before the path."""
    lines = difflib.unified_diff(
        _lines(before), _lines(after), f"a/{path}", f"b/{path}", n=context, lineterm="\n"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    pieces = text.split("\n")
    lines = [f"{piece}\n" for piece in pieces[:-1]]
    return [*lines, pieces[-1]] if pieces[-1] else lines


def indent_of(line: str) -> str:
    found = _INDENT.match(line)
    return found.group() if found else ""
