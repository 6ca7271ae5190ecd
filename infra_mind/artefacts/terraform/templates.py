"""Templates: literal text, `${...}` and `%{...}` put together into one expression."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra_mind.artefacts.terraform.scanning import end_of_interpolation
from infra_mind.artefacts.terraform.syntax import Expression, Literal, Template, TemplateFor, TemplateIf

_MARK = re.compile(r"\$\$\{|%%\{|\$\{|%\{")
_FOR = re.compile(r"for\s+([\w\-]+)\s*(?:,\s*([\w\-]+)\s*)?in\s+(.*)\Z", re.DOTALL)
_DEEPEST = 40  # directives inside directives


class TemplateError(ValueError):
    """The text is not a template: an interpolation or directive is broken."""


@dataclass(frozen=True)
class Directive:
    """`if`, `else`, `endif`, `for` or `endfor` as it stands in the flat text."""

    word: str
    expression: Expression | None = None
    key: str | None = None
    value: str = ""


Part = Expression | Directive
Parse = Callable[[str], Expression]


def without_indent(body: str) -> str:
    """The body of a `<<-` heredoc: the smallest indent of its lines taken away."""
    return textwrap.dedent(body)


def parse_template(text: str, parse: Parse, *, document: bool = True) -> Template:
    """The template of a heredoc or template file. `parse` reads the expression inside `${}`. Raises `TemplateError`."""
    parts: list[Part] = []
    at, trim = 0, False
    while match := _MARK.search(text, at):
        literal, at = text[at : match.start()], match.end()
        if trim:
            literal = literal.lstrip()
        if match[0] in ("$${", "%%{"):
            parts.append(Literal(literal + match[0][1:]))
            trim = False
            continue
        end = end_of_interpolation(text, at)
        if end < 0:
            raise TemplateError(f"the {match[0]} has no closing brace")
        inner, at = text[at:end], end + 1
        if inner.startswith("~"):
            inner, literal = inner[1:], literal.rstrip()
        trim = inner.endswith("~")
        parts.append(Literal(literal))
        inner = inner.removesuffix("~").strip()
        parts.append(parse(inner) if match[0] == "${" else _directive(inner, parse))
    rest = text[at:]
    parts.append(Literal(rest.lstrip() if trim else rest))
    return assemble(parts, document=document)


def _directive(text: str, parse: Parse) -> Directive:
    word = text.split(maxsplit=1)[0] if text.split() else ""
    if word in ("else", "endif", "endfor"):
        return Directive(word)
    if word == "if":
        return Directive("if", parse(text[2:].strip()))
    found = _FOR.match(text)
    if not found:
        raise TemplateError(f"unknown directive {word[:20]!r}")
    key, value = (found[1], found[2]) if found[2] else (None, found[1])
    return Directive("for", parse(found[3].strip()), key, value)


def assemble(parts: Sequence[Part], *, document: bool) -> Template:
    """Nests the flat directives. Raises `TemplateError` when one is not closed."""
    stack: list[tuple[Directive | None, list[list[Expression]]]] = [(None, [[]])]
    for part in parts:
        if isinstance(part, Expression):
            if part != Literal(""):
                stack[-1][1][-1].append(part)
        elif part.word in ("if", "for"):
            if len(stack) > _DEEPEST:
                raise TemplateError("directives nested too deeply")
            stack.append((part, [[]]))
        elif part.word == "else" and stack[-1][0] and stack[-1][0].word == "if" and len(stack[-1][1]) == 1:
            stack[-1][1].append([])
        elif (opening := stack[-1][0]) and part.word == f"end{opening.word}":
            _, bodies = stack.pop()
            stack[-1][1][-1].append(_closed(opening, bodies, document))
        else:
            raise TemplateError(f"%{{ {part.word} }} has no beginning")
    if len(stack) > 1:
        raise TemplateError("a directive has no end")
    return Template(tuple(stack[0][1][0]), document)


def _closed(opening: Directive, bodies: list[list[Expression]], document: bool) -> Expression:
    templates = [Template(tuple(b), document) for b in bodies]
    if opening.expression is None:
        raise TemplateError(f"%{{ {opening.word} }} without an expression")
    if opening.word == "if":
        otherwise = templates[1] if len(templates) > 1 else Template((), document)
        return TemplateIf(opening.expression, templates[0], otherwise)
    return TemplateFor(opening.key, opening.value, opening.expression, templates[0])
