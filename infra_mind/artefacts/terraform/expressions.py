"""Evaluates expressions. What names mean is the scope's business (`modules.py`)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infra_mind.artefacts.terraform import functions
from infra_mind.artefacts.terraform.syntax import (
    Binary,
    Call,
    Conditional,
    Expression,
    For,
    GetAttribute,
    GetIndex,
    Literal,
    Name,
    Object,
    Splat,
    Step,
    Template,
    TemplateFor,
    TemplateIf,
    Traversal,
    Tuple,
    Unary,
    reference_text,
)
from infra_mind.artefacts.terraform.values import (
    MAX_TEXT,
    EvaluationError,
    Unknown,
    as_boolean,
    as_number,
    as_text,
    cost_of,
    encoded,
    first_unknown,
)

_DEEPEST = 130  # levels, of expressions and of the references between them: three frames of Python each


class Budget:
    """How much evaluation one inventory may cost, so that no input can make it run for ever."""

    def __init__(self, steps: int = 2_000_000) -> None:
        self.steps, self.depth = steps, 0

    def charge(self, value: Any) -> bool:
        """Takes what handling this value costs; False when it is too large or nothing is left."""
        cost = cost_of(value)
        if cost is None or cost > self.steps:
            return False
        self.steps -= cost
        return True


class Names(Protocol):
    """What an expression can refer to, beside its own bindings."""

    def resolve(self, root: str, steps: tuple[Step, ...], scope: Scope, /) -> Any:
        """Value of a reference that no binding covers."""

    def call_file_function(self, name: str, arguments: list[Any], scope: Scope, /) -> Any:
        """Value of `file`, `templatefile` and their kin."""


@dataclass(frozen=True)
class Scope:
    """Names of a module and the bindings of the place: `each`, `count`, iterators, loop variables."""

    names: Names
    bindings: Mapping[str, Any]
    budget: Budget

    def bound(self, bindings: Mapping[str, Any]) -> Scope:
        """The same with more bindings."""
        return Scope(self.names, {**self.bindings, **bindings}, self.budget)


def evaluate(expression: Expression, scope: Scope) -> Any:
    """The value; `Unknown` where apply time decides. Raises `EvaluationError` where there is none."""
    budget = scope.budget
    budget.steps -= 1
    if budget.steps < 0:
        return Unknown("the files need more evaluation than is allowed")
    if budget.depth >= _DEEPEST:
        return Unknown("references nested too deeply")
    budget.depth += 1
    try:
        return _EVALUATE[type(expression)](expression, scope)
    finally:
        budget.depth -= 1


def settled(expression: Expression, scope: Scope) -> Any:
    """As `evaluate`, with an expression that has no value as `Unknown`."""
    try:
        return evaluate(expression, scope)
    except EvaluationError as error:
        return Unknown(f"{reference_text(expression)}: {error}")


def _template(expression: Template, scope: Scope) -> Any:
    values = [evaluate(p, scope) for p in expression.parts]
    if len(values) == 1 and not expression.document:
        return values[0]
    unknown = [v.reason for v in map(first_unknown, values) if v]
    if unknown and not expression.document:
        return Unknown(", ".join(dict.fromkeys(unknown))[:500])
    # a document known in part keeps the reference where the value will stand
    texts = [f"${{{v.reason}}}" if isinstance(v, Unknown) else as_text(v) for v in values]
    if sum(map(len, texts)) > MAX_TEXT:
        return Unknown("a text that is too large")
    return "".join(texts)


def _template_if(expression: TemplateIf, scope: Scope) -> Any:
    condition = evaluate(expression.condition, scope)
    if isinstance(condition, Unknown):
        return condition
    return evaluate(expression.then if as_boolean(condition) else expression.otherwise, scope)


def _template_for(expression: TemplateFor, scope: Scope) -> Any:
    collection = evaluate(expression.collection, scope)
    if isinstance(collection, Unknown):
        return collection
    texts, size = [], 0
    for key, value in _pairs(collection):
        text = evaluate(expression.body, scope.bound(_binding(expression, key, value)))
        if isinstance(text, Unknown):
            return text
        texts.append(as_text(text))
        size += len(texts[-1])
        if size > MAX_TEXT:
            return Unknown("a text that is too large")
    return "".join(texts)


def _binding(loop: For | TemplateFor, key: Any, value: Any) -> dict[str, Any]:
    return {loop.value: value} if loop.key is None else {loop.key: key, loop.value: value}


def _pairs(collection: Any) -> list[tuple[Any, Any]]:
    if isinstance(collection, dict):
        return sorted(collection.items())
    if isinstance(collection, list):
        return list(enumerate(collection))
    raise EvaluationError("not a list or map")


def _object(expression: Object, scope: Scope) -> Any:
    found: dict[str, Any] = {}
    for item in expression.items:
        key = evaluate(item.key, scope)
        if isinstance(key, Unknown):
            return key
        found[as_text(key)] = settled(item.value, scope)
    return found


def _tuple(expression: Tuple, scope: Scope) -> Any:
    return [settled(item, scope) for item in expression.items]


def _for(expression: For, scope: Scope) -> Any:
    collection = evaluate(expression.collection, scope)
    if isinstance(collection, Unknown):
        return collection
    rows: list[tuple[Any, Any]] = []
    for key, value in _pairs(collection):
        inner = scope.bound(_binding(expression, key, value))
        wanted = expression.condition is None or evaluate(expression.condition, inner)
        if isinstance(wanted, Unknown):
            return wanted
        if as_boolean(wanted):
            name = evaluate(expression.result_key, inner) if expression.result_key else None
            if isinstance(name, Unknown):
                return name
            rows.append((name, settled(expression.result, inner)))
    if expression.result_key is None:
        return [value for _, value in rows]
    return _gathered(rows) if expression.group else {as_text(k): v for k, v in rows}


def _gathered(rows: list[tuple[Any, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, value in rows:
        found.setdefault(as_text(key), []).append(value)
    return found


def _conditional(expression: Conditional, scope: Scope) -> Any:
    condition = evaluate(expression.condition, scope)
    if isinstance(condition, Unknown):
        return condition
    return evaluate(expression.then if as_boolean(condition) else expression.otherwise, scope)


def _unary(expression: Unary, scope: Scope) -> Any:
    value = evaluate(expression.operand, scope)
    if isinstance(value, Unknown):
        return value
    return not as_boolean(value) if expression.operator == "!" else -as_number(value)


def _binary(expression: Binary, scope: Scope) -> Any:
    result = evaluate(expression.first, scope)
    for sign, operand in expression.rest:
        result = _apply(sign, result, evaluate(operand, scope))
    return result


def _apply(sign: str, left: Any, right: Any) -> Any:
    if sign in ("&&", "||"):
        return _logical(sign, left, right)
    unknown = first_unknown([left, right])
    if unknown:
        return unknown
    if sign in ("==", "!="):
        return (
            (type(left) is type(right) or _are_numbers(left, right)) and left == right
            if sign == "=="
            else not _apply("==", left, right)
        )
    try:
        result = _OPERATORS[sign](as_number(left), as_number(right))
    except (ArithmeticError, KeyError) as error:
        raise EvaluationError(f"{sign} has no result") from error
    if isinstance(result, float) and result.is_integer() and abs(result) < 2**53:
        return int(result)
    if isinstance(result, int) and result.bit_length() > 512:
        raise EvaluationError("a number that is too large")
    return result


def _are_numbers(left: Any, right: Any) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in (left, right))


def _logical(sign: str, left: Any, right: Any) -> Any:
    decides = sign == "||"
    values = [v if isinstance(v, Unknown) else as_boolean(v) for v in (left, right)]
    if any(v is decides for v in values):
        return decides
    return next((v for v in values if isinstance(v, Unknown)), not decides)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": lambda left, right: left - right * math.trunc(left / right),  # the sign of the dividend,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _call(expression: Call, scope: Scope) -> Any:
    name = expression.function
    if name in ("try", "can"):
        return _try(expression, scope)
    arguments = [evaluate(a, scope) for a in expression.arguments]
    if expression.expand_last and arguments:
        last = arguments.pop()
        if isinstance(last, Unknown):
            return last
        arguments += [v for _, v in _pairs(last)]
    if not scope.budget.charge(arguments):
        return Unknown(f"{name}() of a value that is too large")
    if name in FILE_FUNCTIONS:
        return scope.names.call_file_function(name, arguments, scope)
    return functions.call(name, arguments)


FILE_FUNCTIONS = frozenset(
    {
        "file",
        "templatefile",
        "filebase64",
        "fileexists",
        "fileset",
        "filemd5",
        "filesha256",
        "filebase64sha256",
    }
)


def _try(expression: Call, scope: Scope) -> Any:
    for argument in expression.arguments:
        try:
            value = evaluate(argument, scope)
        except EvaluationError:
            continue
        if expression.function == "try":
            return value
        return value if isinstance(value, Unknown) else True
    if expression.function == "can":
        return False
    raise EvaluationError("try() found no value")


def _name(expression: Name, scope: Scope) -> Any:
    if expression.name in scope.bindings:
        return scope.bindings[expression.name]
    return scope.names.resolve(expression.name, (), scope)


def _traversal(expression: Traversal, scope: Scope) -> Any:
    root = expression.root
    if isinstance(root, Name) and root.name not in scope.bindings:
        return scope.names.resolve(root.name, expression.steps, scope)
    return follow(evaluate(root, scope), expression.steps, scope)


def follow(value: Any, steps: tuple[Step, ...], scope: Scope) -> Any:
    """The value at the end of the steps. Raises `EvaluationError` where a key or index is missing."""
    for at, step in enumerate(steps):
        if isinstance(value, Unknown):
            return value
        if isinstance(step, Splat):
            items = value if isinstance(value, list) else [] if value is None else [value]
            rest = step.steps + steps[at + 1 :]
            return [follow(item, rest, scope) for item in items]
        value = _step(value, step, scope)
    return value


def _step(value: Any, step: GetAttribute | GetIndex, scope: Scope) -> Any:
    key = step.name if isinstance(step, GetAttribute) else evaluate(step.index, scope)
    if isinstance(key, Unknown):
        return key
    if isinstance(value, dict):
        if as_text(key) not in value:
            raise EvaluationError(f"no key {as_text(key)[:60]!r}")
        return value[as_text(key)]
    if isinstance(value, list):
        index = int(as_number(key))
        if not 0 <= index < len(value):
            raise EvaluationError(f"no element {index}")
        return value[index]
    raise EvaluationError("has no attributes")


def absolute(prefix: str, root: str, steps: tuple[Step, ...], scope: Scope) -> Unknown:
    """The unknown that stands for a reference; its reason is the reference's address from the root module."""
    text = prefix + root
    for step in steps:
        if isinstance(step, GetAttribute):
            text += f".{step.name}"
        elif isinstance(step, Splat):
            text = absolute(text, "[*]", step.steps, scope).reason
        else:
            index = settled(step.index, scope)
            text += "[*]" if isinstance(index, Unknown | list | dict) else f"[{encoded(index)}]"
    return Unknown(text[:500])


_EVALUATE: dict[type[Expression], Callable[[Any, Scope], Any]] = {
    Literal: lambda expression, _: expression.value,
    Name: _name,
    Template: _template,
    TemplateIf: _template_if,
    TemplateFor: _template_for,
    Traversal: _traversal,
    Call: _call,
    Object: _object,
    Tuple: _tuple,
    Binary: _binary,
    Unary: _unary,
    Conditional: _conditional,
    For: _for,
}
