"""HCL text → parse tree, by the grammar and tables of python-hcl2, with a driver of our own.

lark's driver spends most of its time on positions that nobody reads and on the rules that only rename what is below them (an operand passes
eight levels of precedence). This one goes through the same tables for a third of the time; `tests/unit/artefacts/test_terraform_grammar.py` compares the
trees. What it refuses, lark is asked about: its errors say what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import hcl2
import lark
from hcl2.parser import parser
from hcl2.postlexer import OPERATOR_TYPES

_NEWLINE = "NL_OR_COMMENT"
_END = "$END"


class Token:
    """A word of the text: what it is, and its first and last line."""

    __slots__ = ("end_line", "line", "text", "type")

    def __init__(self, type_: str, text: str, line: int, end_line: int) -> None:
        self.type, self.text, self.line, self.end_line = type_, text, line, end_line


class Tree:
    """A rule and what stands below it; `line` and `end_line` count what the grammar leaves out, too, and are 0 where nothing stands."""

    __slots__ = ("children", "data", "end_line", "line")

    def __init__(self, data: str, children: list[Any], line: int, end_line: int) -> None:
        self.data, self.children, self.line, self.end_line = data, children, line, end_line


def parse(text: str) -> Tree:
    """The tree of a whole text. Raises `lark.exceptions.LarkError`."""
    machine, text = _machine(), f"{text}\n"
    tree = machine.parse(text)
    if tree is None:
        hcl2.parses_to_tree(text.removesuffix("\n"))
        raise lark.exceptions.LarkError("refused")  # cannot be: both read the same tables
    return tree


class _Reduction:
    """What a rule makes of the last `size` values: `kept` are their places, each with whether its children take its place."""

    __slots__ = ("data", "kept", "origin", "renames", "size")

    def __init__(self, rule: Any) -> None:
        self.size, self.origin = len(rule.expansion), rule.origin.name
        self.data = rule.alias or rule.origin.name
        every = rule.options.keep_all_tokens
        self.kept = tuple(
            (i, not s.is_term and s.name.startswith("_"))
            for i, s in enumerate(rule.expansion)
            if every or not (s.is_term and s.filter_out)
        )
        single = len(self.kept) == 1 and not self.kept[0][1]
        self.renames = bool(rule.options.expand1 and not rule.alias and single and self.size == 1)

    def __call__(self, values: Sequence[Any]) -> Tree:
        children: list[Any] = []
        for i, spread in self.kept:
            if not spread:
                children.append(values[i])
            elif children:
                children += values[i].children
            else:
                children = values[i].children  # nobody else looks at that one again
        line = end_line = 0
        for value in values:
            if value.line:
                line = value.line
                break
        for value in reversed(values):
            if value.line:
                end_line = value.end_line
                break
        return Tree(self.data, children, line, end_line)


class _Words:
    """How the words that may stand in one place are found: pattern, kinds whose text may be a keyword, kinds that are left out."""

    __slots__ = ("ignored", "keywords", "match", "newlines")

    def __init__(self, lexer: Any) -> None:
        scanner = lexer.scanner  # builds `callback`, too
        (pattern,) = scanner._mres
        self.match: Callable[[str, int], re.Match[str] | None] = pattern.match
        self.ignored, self.newlines = lexer.ignore_types, lexer.newline_types
        self.keywords = {
            kind: {t.pattern.value: t.name for t in found.scanner.terminals}
            for kind, found in lexer.callback.items()
        }


class _Machine:
    """lark's tables in plain dictionaries: state → kind of word → next state, or reduction; state → rule → next state."""

    def __init__(self, made: lark.Lark) -> None:
        table = made.parser.parser._parse_table
        (self._start,), (self._final,) = table.start_states.values(), table.end_states.values()
        known: dict[int, _Reduction] = {}
        self._actions: dict[int, dict[str, Any]] = {}  # an int, or a _Reduction
        for state, actions in table.states.items():
            self._actions[state] = {
                kind: argument if isinstance(argument, int) else known.setdefault(id(argument), _Reduction(argument))
                for kind, (_, argument) in actions.items()
            }  # fmt: skip
        lexers = made.parser.lexer.lexer.lexers
        words: dict[int, _Words] = {}
        self._words = {s: words.setdefault(id(lexer), _Words(lexer)) for s, lexer in lexers.items()}
        self._renamed: dict[tuple[int, int, str], int] = {}

    def parse(self, text: str) -> Tree | None:
        """None for a text that is not of the language."""
        states, values = [self._start], list[Any]()
        feed, words_of = self._feed, self._words
        waiting: Token | None = None
        at, line, length = 0, 1, len(text)
        while at < length:
            words = words_of[states[-1]]
            found = words.match(text, at)
            if found is None:
                return None
            kind, at = found.lastgroup or "", found.end()
            if kind in words.ignored:
                continue
            word, begin = found[0], line
            if kind in words.newlines:
                line += word.count("\n")
            if kind in words.keywords:
                kind = words.keywords[kind].get(word, kind)
            token = Token(kind, word, begin, line)
            if kind == _NEWLINE:  # it belongs to an operator that follows: told once the next word is known
                if waiting is not None and not feed(waiting, states, values):
                    return None
                waiting = token
                continue
            if waiting is not None:
                if kind in OPERATOR_TYPES:
                    token.text = waiting.text + word
                elif not feed(waiting, states, values):
                    return None
                waiting = None
            if not feed(token, states, values):
                return None
        if waiting is not None and not feed(waiting, states, values):
            return None
        return values[-1] if feed(Token(_END, "", line, line), states, values) else None

    def _feed(self, token: Token, states: list[int], values: list[Any]) -> bool:
        """Takes a word in; False where it cannot stand."""
        every, kind, final = self._actions, token.type, self._final
        while True:
            action = every[states[-1]].get(kind)
            if action.__class__ is int:
                states.append(action)
                values.append(token)
                return True
            if action is None:
                return False
            if action.renames:
                key = (states[-2], states[-1], kind)
                states[-1] = self._renamed.get(key) or self._rename(*key)
                continue
            size = action.size
            if size:
                below = values[-size:]
                del states[-size:], values[-size:]
                values.append(action(below))
            else:
                values.append(action(()))
            states.append(every[states[-1]][action.origin])
            if states[-1] == final and kind == _END:
                return True

    def _rename(self, below: int, state: int, kind: str) -> int:
        """The state after every renaming that this word brings; the way is the same each time."""
        now = state
        while isinstance(action := self._actions[now].get(kind), _Reduction) and action.renames:
            now = self._actions[below][action.origin]
        self._renamed[below, state, kind] = now
        return now


@cache
def _machine() -> _Machine:
    return _Machine(parser())
