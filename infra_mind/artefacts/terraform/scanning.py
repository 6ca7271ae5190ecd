"""A first pass over HCL text: counts, measures depth and lifts the heredocs out, so that the parser meets no hostile text.

The parser's own heredoc pattern backtracks over blank lines; with the bodies lifted out it never sees any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra_mind.artefacts.parsed import Unreadable
from infra_mind.settings import IntakeLimits

_CODE = re.compile(
    r'#[^\n]*|//[^\n]*|/\*|<<-?[A-Za-z][\w.\-]*[ \t]*\r?\n|"|[{}()\[\]]|[\w\-]+|[^\s\w]', re.ASCII
)
_STRING = re.compile(r'\\.|\$\$\{|%%\{|\$\{|%\{|"', re.DOTALL)
_OPENING = {"}": ("{", "${"), ")": ("(",), "]": ("[",)}
_HEREDOC = re.compile(r"<<(-?)([A-Za-z][\w.\-]*)")


@dataclass(frozen=True)
class Heredoc:
    """`body` without the marker's line; `indented` for the `<<-` form."""

    body: str
    indented: bool
    line: int


@dataclass(frozen=True)
class Scanned:
    """The text with one dot for each line of a heredoc, and the heredocs by the line on which they start."""

    text: str
    heredocs: dict[int, Heredoc]


def scan(path: str, text: str, limits: IntakeLimits) -> Scanned:
    """Raises `Unreadable` for what is too deep, too long or has no end."""
    return _Scanner(path, text, limits).run()


class _Scanner:
    def __init__(self, path: str, text: str, limits: IntakeLimits) -> None:
        self._path, self._text, self._limits = path, text, limits
        self._pieces: list[str] = []
        self._copied = 0
        self._heredocs: dict[int, Heredoc] = {}
        self._open: list[str] = []
        self._counted_to, self._line = 0, 1

    def run(self) -> Scanned:
        at, count = 0, 0
        while match := self._next(at):
            count += 1
            if count > self._limits.max_yaml_nodes:
                raise self._broken(f"more than {self._limits.max_yaml_nodes} syntax elements", match.start())
            at = self._take(match[0], match.start(), match.end())
        self._pieces.append(self._text[self._copied :])
        text = "".join(self._pieces)
        lifted = sum(h.body.count("\n") for h in self._heredocs.values())
        if text.count("\n") - lifted > self._limits.max_yaml_nodes:
            raise Unreadable(self._path, f"more than {self._limits.max_yaml_nodes} lines")
        return Scanned(text, self._heredocs)

    def _next(self, at: int) -> re.Match[str] | None:
        pattern = _STRING if self._open and self._open[-1] == '"' else _CODE
        return pattern.search(self._text, at)

    def _take(self, mark: str, start: int, end: int) -> int:
        if self._open and self._open[-1] == '"':
            if mark == '"':
                self._open.pop()
            elif mark in ("${", "%{"):
                self._push("${", start)
            return end
        if mark == "/*":
            return self._after_comment(start)
        if mark.startswith("<<") and len(mark) > 2:
            return self._lift_heredoc(start, end)
        if mark in ('"', "{", "(", "["):
            self._push(mark, start)
        elif mark in _OPENING and self._open and self._open[-1] in _OPENING[mark]:
            self._open.pop()
        return end

    def _push(self, mark: str, start: int) -> None:
        self._open.append(mark)
        if len(self._open) > self._limits.max_depth:
            raise self._broken(f"nested more than {self._limits.max_depth} levels deep", start)

    def _after_comment(self, start: int) -> int:
        end = self._text.find("*/", start + 2)
        if end < 0:
            raise self._broken("the comment has no end", start)
        return end + 2

    def _lift_heredoc(self, start: int, end: int) -> int:
        intro = _HEREDOC.match(self._text, start)
        if intro is None:  # cannot be: the token matched the same form
            return end
        line = self._line_at(start)
        closing = re.compile(rf"^[ \t]*{re.escape(intro[2])}[ \t]*\r?$", re.MULTILINE).search(self._text, end)
        if closing is None:
            raise self._broken(f"the heredoc {intro[0]} has no end", start)
        body = self._text[end : closing.start()]
        self._heredocs[line] = Heredoc(body, bool(intro[1]), line)
        dots = ".\n" * body.count("\n")
        self._pieces += [self._text[self._copied : start], f"{intro[0]}\n{dots}{intro[2]}"]
        self._copied = closing.end()
        return closing.end()

    def _line_at(self, position: int) -> int:
        self._line += self._text.count("\n", self._counted_to, position)
        self._counted_to = position
        return self._line

    def _broken(self, reason: str, position: int) -> Unreadable:
        return Unreadable(self._path, reason, self._text.count("\n", 0, position) + 1)


def end_of_interpolation(text: str, start: int) -> int:
    """Index of the `}` that closes an interpolation whose content starts at `start`; -1 if there is none."""
    open_: list[str] = ["${"]
    at = start
    while True:
        in_string = open_[-1] == '"'
        match = (_STRING if in_string else _CODE).search(text, at)
        if not match:
            return -1
        mark, at = match[0], match.end()
        if in_string:
            if mark == '"':
                open_.pop()
            elif mark in ("${", "%{"):
                open_.append("${")
        elif mark in ('"', "{", "(", "["):
            open_.append(mark)
        elif mark in _OPENING and open_[-1] in _OPENING[mark]:
            open_.pop()
            if not open_:
                return match.start()
