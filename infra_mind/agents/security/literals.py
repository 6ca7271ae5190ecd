"""Literal texts under a name, as they stand in HCL: attributes, maps on one line or several, heredocs, defaults of optional attributes.

Only the text is read, no expression is evaluated: a value counts where nothing but a literal stands (a conditional or a reference is
none). One pass, linear in the text, whatever it is."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<comment>#[^\n]*|//[^\n]*)|(?P<open>/\*)|<<-?(?P<heredoc>[A-Za-z_][\w-]*)[ \t]*\n|\"(?P<text>(?:[^\"\\\n]|\\.)*)(?P<closed>\"?)"
    r"|(?P<name>[A-Za-z_][\w.-]*)|(?P<end>\n)|(?P<mark>=>|==|[={}\[\](),:])|(?P<space>[ \t\r]+)|(?P<other>.)",
)
_LINE_END = re.compile("\n")
_OPENS = frozenset("{[(")
_CLOSES_WITH = frozenset("}])")
_GIVES = frozenset({"=", ":", "=>"})
_ENDS = frozenset({"\n", ",", "}", "]", ")", ""})
_KEEPING = frozenset({"optional", "sensitive", "nonsensitive", "base64encode", "tostring"})
_DEEPEST = 50


@dataclass(frozen=True)
class Literal:
    """`path`: the names of maps and attributes above and of the text itself, without the header of the block."""

    path: tuple[str, ...]
    text: str
    line: int
    line_end: int


@dataclass(frozen=True)
class _Word:
    kind: str  # "name", "text", "heredoc", "other" or the mark itself
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class _Frame:
    """A bracket that is open, and the name whose value it holds."""

    mark: str
    name: str


def literals(content: str) -> Iterator[Literal]:
    """The literals of a text that is no block: a `.tfvars`."""
    return Reader(content).read(0)


class Reader:
    """Reads blocks of one text. `at` is where the last one ended: what begins before it lies inside of it."""

    def __init__(self, content: str) -> None:
        self._content = content
        self._ends = [m.end() for m in _LINE_END.finditer(content)]
        self.at = 0

    def read(self, start: int, *, block: bool = False) -> Iterator[Literal]:
        """The literals from `start` on: of one block if `block` says that its header begins there, else of everything that follows."""
        frames: list[_Frame] = []
        pending = ""  # the name whose value comes next
        chosen = False  # after a `?` a colon gives no name
        before = _Word("\n", "\n", start, start)
        for word, after in _pairs(_words(self._content, start)):
            self.at = word.end
            name = pending or (frames[-1].name if frames and frames[-1].mark == "(" else "")
            if word.kind in _OPENS:
                frames.append(_Frame(word.kind, name if word.kind != "(" or before.text in _KEEPING else ""))
                pending = ""
            elif word.kind in _CLOSES_WITH or word.kind in ("\n", ","):
                pending, chosen = "", False
                if word.kind in _CLOSES_WITH and frames:
                    frames.pop()
                    if block and not frames:
                        return
            elif word.text == "?":
                pending, chosen = "", True
            elif (
                word.kind in ("name", "text") and after in _GIVES and before.kind not in _GIVES and not chosen
            ):
                pending = word.text
            elif (
                word.kind in ("text", "heredoc")
                and name
                and _is_whole(before.kind, word.kind, after, pending)
                and len(frames) < _DEEPEST
            ):
                path = (*(f.name for f in frames if f.name and f.mark != "("), name)
                yield Literal(
                    path,
                    word.text,
                    bisect_right(self._ends, word.start) + 1,
                    bisect_right(self._ends, word.end - 1) + 1,
                )
            before = word


def _is_whole(before: str, kind: str, after: str, pending: str) -> bool:
    """True if nothing but this text is the value, or the argument of a function that keeps it as it is."""
    if kind == "heredoc":
        return bool(pending)
    if pending:
        return before in _GIVES and after in _ENDS
    return before in ("(", ",") and after in (",", ")")


def _pairs(words: Iterator[_Word]) -> Iterator[tuple[_Word, str]]:
    """Each word with the kind of the next one; empty at the end."""
    last = next(words, None)
    for word in words:
        assert last is not None
        yield last, word.kind
        last = word
    if last is not None:
        yield last, ""


def _words(content: str, start: int) -> Iterator[_Word]:
    at = start
    while at < len(content):
        found = _TOKEN.match(content, at)
        if (
            found is None
        ):  # pragma: no cover - `other` takes any character but a line's end, and `end` takes that
            return
        begin, at = at, found.end()
        kind = (
            "text"
            if found["closed"]
            else "unclosed"
            if found["text"] is not None
            else found.lastgroup or "other"
        )
        if kind == "open":
            closed = content.find("*/", at)
            at = closed + 2 if closed >= 0 else len(content)
        elif kind == "heredoc":
            word = re.compile(rf"^[ \t]*{re.escape(found['heredoc'])}[ \t]*$", re.MULTILINE)
            ended = word.search(content, at)
            body = content[at : ended.start() if ended else len(content)]
            at = ended.end() if ended else len(content)
            yield _Word("heredoc", body.strip(), begin, at)
        elif kind in ("name", "text"):
            yield _Word(kind, found[kind], begin, at)
        elif kind in ("end", "mark"):
            yield _Word(found[0], found[0], begin, at)
        elif kind == "other":
            yield _Word("other", found[0], begin, at)
