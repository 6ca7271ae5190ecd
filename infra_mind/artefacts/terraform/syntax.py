"""The syntax tree of Terraform: what both HCL and its JSON form are read into. Lines are 1-based."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra_mind.model.inventory import Lines


class Expression:
    """Root of all expressions."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    value: Any


@dataclass(frozen=True, slots=True)
class Name(Expression):
    name: str


@dataclass(frozen=True, slots=True)
class Template(Expression):
    """A quoted string, heredoc or template file. `document`: of several lines, so worth keeping when known in part."""

    parts: tuple[Expression, ...]
    document: bool = False


@dataclass(frozen=True, slots=True)
class TemplateIf(Expression):
    condition: Expression
    then: Template
    otherwise: Template


@dataclass(frozen=True, slots=True)
class TemplateFor(Expression):
    key: str | None
    value: str
    collection: Expression
    body: Template


@dataclass(frozen=True, slots=True)
class GetAttribute:
    name: str


@dataclass(frozen=True, slots=True)
class GetIndex:
    index: Expression


@dataclass(frozen=True, slots=True)
class Splat:
    """`[*]` and what is taken of each element."""

    steps: tuple[Step, ...]


Step = GetAttribute | GetIndex | Splat


@dataclass(frozen=True, slots=True)
class Traversal(Expression):
    root: Expression
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Call(Expression):
    function: str
    arguments: tuple[Expression, ...]
    expand_last: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    key: Expression
    value: Expression
    lines: Lines


@dataclass(frozen=True, slots=True)
class Object(Expression):
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Tuple(Expression):
    items: tuple[Expression, ...]
    lines: tuple[Lines, ...]


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """A chain, evaluated from the left: `first op operand op operand ...`."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Conditional(Expression):
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class For(Expression):
    """A list comprehension, or with `result_key` an object; `group` collects values under equal keys."""

    key: str | None
    value: str
    collection: Expression
    result_key: Expression | None
    result: Expression
    condition: Expression | None
    group: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    value: Expression
    lines: Lines


@dataclass(frozen=True, slots=True)
class Block:
    type: str
    labels: tuple[str, ...]
    body: Body
    lines: Lines


@dataclass(frozen=True, slots=True)
class Body:
    attributes: tuple[Attribute, ...]
    blocks: tuple[Block, ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of this name, None if there is none."""
        return next((a for a in self.attributes if a.name == name), None)


def reference_text(expression: Expression) -> str:
    """A reference as it is written (`aws_vpc.main`, `aws.west`), for `depends_on`, `provider` and reasons."""
    if isinstance(expression, Literal):
        return str(expression.value)
    if isinstance(expression, Name):
        return expression.name
    if isinstance(expression, Template):
        return "".join(reference_text(p) for p in expression.parts)
    if isinstance(expression, Traversal):
        return reference_text(expression.root) + "".join(_step_text(s) for s in expression.steps)
    if isinstance(expression, Call):
        return f"{expression.function}()"
    return "an expression"


def _step_text(step: Step) -> str:
    if isinstance(step, GetAttribute):
        return f".{step.name}"
    if isinstance(step, GetIndex):
        text = reference_text(step.index)
        quoted = isinstance(step.index, Template) or (
            isinstance(step.index, Literal) and isinstance(step.index.value, str)
        )
        return f'["{text}"]' if quoted else f"[{text}]"
    return "[*]" + "".join(_step_text(s) for s in step.steps)
