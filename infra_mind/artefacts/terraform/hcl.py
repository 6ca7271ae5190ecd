"""HCL text → syntax tree, through the grammar of python-hcl2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import lark

from infra_mind.artefacts.parsed import Unreadable
from infra_mind.artefacts.terraform import grammar
from infra_mind.artefacts.terraform.grammar import Token, Tree
from infra_mind.artefacts.terraform.scanning import Heredoc, scan
from infra_mind.artefacts.terraform.syntax import (
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Conditional,
    Expression,
    For,
    GetAttribute,
    GetIndex,
    Item,
    Literal,
    Name,
    Object,
    Splat,
    Step,
    Template,
    Traversal,
    Tuple,
    Unary,
)
from infra_mind.artefacts.terraform.templates import (
    Directive,
    Part,
    TemplateError,
    assemble,
    parse_template,
    without_indent,
)
from infra_mind.model.inventory import Lines
from infra_mind.settings import IntakeLimits

_DEEPEST = 120  # levels of the tree: brackets are limited before, chains of `? :` are not
_MOST_INTERPOLATIONS = 20_000  # of one heredoc or template file, each is parsed on its own
_REFERENCE = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*", re.ASCII)
_WORDS = frozenset({"true", "false", "null", "for", "if", "in", "else", "endif", "endfor", "for_each"})
_NEWLINES = "new_line_or_comment"
_LITERALS = {"true": True, "false": False, "null": None}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def read(path: str, text: str, limits: IntakeLimits) -> Body:
    """The syntax tree of a file. Raises `Unreadable` with the line of the first error."""
    scanned = scan(path, text, limits)
    tree = _parse(path, scanned.text)
    return _Converter(path, scanned.heredocs, limits).body(_only(tree, "body"))


def read_template(path: str, text: str, limits: IntakeLimits, *, document: bool = True) -> Template:
    """A template of its own: a heredoc, a file, or a text of the JSON form. Raises `Unreadable`."""
    inner = _Inner(path, limits)
    try:
        return parse_template(text, inner.expression, document=document)
    except TemplateError as error:
        raise Unreadable(path, str(error)) from error


class _Inner:
    """Reads the expressions inside the `${}` of one template, each text once."""

    def __init__(self, path: str, limits: IntakeLimits) -> None:
        self._path, self._limits = path, limits
        self._known: dict[str, Expression] = {}

    def expression(self, text: str) -> Expression:
        """The expression of this text. Raises `Unreadable`."""
        if text not in self._known:
            self._known[text] = self._reference(text) or self._parsed(text)
        return self._known[text]

    def _reference(self, text: str) -> Expression | None:
        # by far the most common form, and parsing it takes a thousand times longer
        root, *attributes = text.split(".") if _REFERENCE.fullmatch(text) else ("true",)
        if root in _WORDS:
            return None
        steps = tuple(GetAttribute(a) for a in attributes)
        return Traversal(Name(root), steps) if steps else Name(root)

    def _parsed(self, text: str) -> Expression:
        if len(self._known) > _MOST_INTERPOLATIONS:
            raise Unreadable(self._path, f"more than {_MOST_INTERPOLATIONS} interpolations in one template")
        body = read(self._path, f"x = (\n{text}\n)", self._limits)
        if len(body.attributes) != 1 or body.blocks:
            raise Unreadable(self._path, "not an expression")
        return body.attributes[0].value


def _parse(path: str, text: str) -> Tree:
    try:
        return grammar.parse(text)
    except lark.exceptions.UnexpectedInput as error:
        raise Unreadable(
            path, _reason(error), max(error.line, 1) if isinstance(error.line, int) else None
        ) from error
    except lark.exceptions.LarkError as error:
        raise Unreadable(path, "not valid HCL") from error


def _reason(error: Any) -> str:
    token = getattr(error, "token", None)
    if token is not None:
        shown = str(token).strip()
        return (
            f"not valid HCL at {shown[:30]!r}"
            if shown and token.type != "$END"
            else "not valid HCL: ends too early"
        )
    return f"not valid HCL at {str(getattr(error, 'char', ''))[:30]!r}"


def _trees(tree: Tree) -> list[Tree]:
    return [c for c in tree.children if c.__class__ is Tree and c.data != _NEWLINES]


def _only(tree: Tree, rule: str) -> Tree:
    return next(c for c in _trees(tree) if c.data == rule)


def _tokens(tree: Tree) -> Iterator[str]:
    return (c.text.strip() for c in tree.children if c.__class__ is Token)


def _text(tree: Tree) -> str:
    text: str = tree.children[0].text
    return text


def _end_line(tree: Tree) -> int:
    """Last line of a tree without the newlines and comments that the grammar counts to it."""
    last: Any = tree
    while last.__class__ is Tree:
        kept = next((c for c in reversed(last.children) if c.__class__ is Token or c.data != _NEWLINES), None)
        if kept is None:
            return int(last.end_line) or 1
        last = kept
    return int(last.end_line - last.text.count("\n", len(last.text.rstrip("\n"))))


def _lines(tree: Tree) -> Lines:
    start = tree.line or 1
    return Lines(start=start, end=max(start, _end_line(tree)))


class _Converter:
    def __init__(self, path: str, heredocs: dict[int, Heredoc], limits: IntakeLimits) -> None:
        self._path, self._heredocs, self._limits = path, heredocs, limits
        self._depth = 0

    def body(self, tree: Tree) -> Body:
        attributes, blocks = [], []
        for child in _trees(tree):
            if child.data == "attribute":
                attributes.append(self._attribute(child))
            else:
                blocks.append(self._block(child))
        self._refuse_doubles(attributes)
        return Body(tuple(attributes), tuple(blocks))

    def _refuse_doubles(self, attributes: list[Attribute]) -> None:
        seen: dict[str, Attribute] = {}
        for attribute in attributes:
            if first := seen.get(attribute.name):
                reason = f"the argument {attribute.name!r} is set twice (first on line {first.lines.start})"
                raise Unreadable(self._path, reason, attribute.lines.start)
            seen[attribute.name] = attribute

    def _attribute(self, tree: Tree) -> Attribute:
        name, value = _trees(tree)
        return Attribute(_text(name), self.expression(value), _lines(tree))

    def _block(self, tree: Tree) -> Block:
        *names, body = _trees(tree)
        words = [self._label(n) for n in names]
        return Block(words[0], tuple(words[1:]), self.body(body), _lines(tree))

    def _label(self, tree: Tree) -> str:
        if tree.data != "string":
            return _text(tree)
        return "".join(
            _unescaped(c.children[0].text) for c in _trees(tree) if c.children[0].__class__ is Token
        )

    def expression(self, tree: Tree) -> Expression:
        while tree.data == "expr_term":
            tree = _trees(tree)[0]
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unreadable(self._path, "an expression is nested too deeply", tree.line or None)
        result = _CONVERT[tree.data](self, tree)
        self._depth -= 1
        return result

    def identifier(self, tree: Tree) -> Expression:
        return Name(_text(tree))

    def literal(self, tree: Tree) -> Expression:
        return Literal(_LITERALS[_text(tree)])

    def integer(self, tree: Tree) -> Expression:
        text = _text(tree)
        return Literal(int(text)) if len(text) < 100 else Literal(text)

    def decimal(self, tree: Tree) -> Expression:
        return Literal(float(_text(tree)))

    def string(self, tree: Tree) -> Expression:
        parts: list[Part] = []
        for part in _trees(tree):
            child = part.children[0]
            if child.__class__ is Token:
                parts.append(Literal(_unescaped(child.text)))
            elif child.data == "interpolation":
                parts.append(self.expression(_trees(child)[0]))
            else:
                parts.append(self._directive(child))
        return self._assembled(parts, tree)

    def _directive(self, tree: Tree) -> Directive:
        word = tree.data.removeprefix("template_").removesuffix("_start")
        children = _trees(tree)
        if word == "if":
            return Directive("if", self.expression(children[0]))
        if word == "for":
            *names, collection = children
            key, value = (_text(names[0]), _text(names[1])) if len(names) == 2 else (None, _text(names[0]))
            return Directive("for", self.expression(collection), key, value)
        return Directive(word)

    def _assembled(self, parts: list[Part], tree: Tree) -> Expression:
        texts = [p.value for p in parts if isinstance(p, Literal) and isinstance(p.value, str)]
        if len(texts) == len(parts):
            return Literal("".join(texts))
        document = any(isinstance(p, Literal) and "\n" in str(p.value) for p in parts)
        try:
            return assemble(parts, document=document)
        except TemplateError as error:
            raise Unreadable(self._path, str(error), tree.line or None) from error

    def quoted_inside(self, tree: Tree) -> Expression:
        return Literal(_text(tree).strip('\\"'))

    def heredoc(self, tree: Tree) -> Expression:
        found = self._heredocs[tree.line]
        body = without_indent(found.body) if found.indented else found.body
        if "${" not in body and "%{" not in body:
            return Literal(body)
        try:
            return read_template(self._path, body, self._limits)
        except Unreadable as error:
            raise Unreadable(self._path, error.problem, found.line) from error

    def tuple(self, tree: Tree) -> Expression:
        items = _trees(tree)
        return Tuple(tuple(self.expression(i) for i in items), tuple(_lines(i) for i in items))

    def object(self, tree: Tree) -> Expression:
        return Object(tuple(self._item(e) for e in _trees(tree)))

    def _item(self, tree: Tree) -> Item:
        key, value = _trees(tree)
        return Item(self._item_key(key), self.expression(value), _lines(tree))

    def _item_key(self, tree: Tree) -> Expression:
        child = _trees(tree)[0]
        if child.data == "keyword":
            return Literal(_text(child))
        # a bare word is a text; in parentheses it is a reference
        in_parentheses = any(t == "(" for t in _tokens(child))
        key = self.expression(child)
        if isinstance(key, Name) and not in_parentheses:
            return Literal(key.name)
        if isinstance(key, Literal) and not isinstance(key.value, str):
            return Literal(_text(_trees(child)[0]) if _trees(child) else str(key.value))
        return key

    def call(self, tree: Tree) -> Expression:
        children = _trees(tree)
        name = "::".join(_text(c) for c in children if c.data == "identifier")
        arguments = next((c for c in children if c.data == "arguments"), None)
        if arguments is None:
            return Call(name, ())
        values = tuple(self.expression(c) for c in _trees(arguments))
        return Call(name, values, "..." in list(_tokens(arguments)))

    def traversal(self, tree: Tree) -> Expression:
        steps: list[Step] = []
        while tree.data in _STEPPED:
            left, right = _trees(tree)
            steps.append(self._step(right))
            while left.data == "expr_term" and _trees(left)[0].data in (*_STEPPED, "expr_term"):
                left = _trees(left)[0]
            tree = left
        return Traversal(self.expression(tree), tuple(reversed(steps)))

    def _step(self, tree: Tree) -> Step:
        if tree.data == "get_attr":
            return GetAttribute(_text(_trees(tree)[0]))
        if tree.data == "braces_index":
            return GetIndex(self.expression(_trees(tree)[0]))
        if tree.data == "short_index":
            return GetIndex(Literal(int([*_tokens(tree)][-1])))
        return Splat(tuple(self._step(c) for c in _trees(tree)))

    def binary(self, tree: Tree) -> Expression:
        rest: list[tuple[str, Expression]] = []
        while tree.data == "binary_op":
            tree, term = _trees(tree)
            operator, operand = _trees(term)
            rest.append((_text(operator).strip().splitlines()[-1].strip(), self.expression(operand)))
        return Binary(self.expression(tree), tuple(reversed(rest)))

    def unary(self, tree: Tree) -> Expression:
        return Unary(next(_tokens(tree)), self.expression(_trees(tree)[0]))

    def conditional(self, tree: Tree) -> Expression:
        condition, then, otherwise = (self.expression(c) for c in _trees(tree))
        return Conditional(condition, then, otherwise)

    def comprehension(self, tree: Tree) -> Expression:
        children = _trees(tree)
        intro, *results = [c for c in children if c.data != "for_cond"]
        condition = next((self.expression(_trees(c)[0]) for c in children if c.data == "for_cond"), None)
        *names, collection = _trees(intro)
        key, value = (_text(names[0]), _text(names[1])) if len(names) == 2 else (None, _text(names[0]))
        values = [self.expression(r) for r in results]
        result_key = values[0] if tree.data == "for_object_expr" else None
        return For(
            key,
            value,
            self.expression(collection),
            result_key,
            values[-1],
            condition,
            "..." in list(_tokens(tree)),
        )


_STEPPED = ("index_expr_term", "get_attr_expr_term", "attr_splat_expr_term", "full_splat_expr_term")
_CONVERT: dict[str, Callable[[_Converter, Any], Expression]] = {
    "identifier": _Converter.identifier,
    "literal_value": _Converter.literal,
    "int_lit": _Converter.integer,
    "float_lit": _Converter.decimal,
    "string": _Converter.string,
    "template_string": _Converter.quoted_inside,
    "heredoc_template": _Converter.heredoc,
    "heredoc_template_trim": _Converter.heredoc,
    "tuple": _Converter.tuple,
    "object": _Converter.object,
    "function_call": _Converter.call,
    "binary_op": _Converter.binary,
    "unary_op": _Converter.unary,
    "conditional": _Converter.conditional,
    "for_tuple_expr": _Converter.comprehension,
    "for_object_expr": _Converter.comprehension,
    **dict.fromkeys(_STEPPED, _Converter.traversal),
}


def _unescaped(text: str) -> str:
    if text.startswith(("$${", "%%{")):
        return text[1:]
    return _ESCAPE.sub(_escape, text) if "\\" in text else text


def _escape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    return _ESCAPED.get(code, match[0])
