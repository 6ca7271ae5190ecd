"""Checks that many rules share: one attribute, and what it must be. Each returns the function of a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.rule import Check, Outcome, failed, passed
from infra_mind.agents.security.subject import Subject


def is_true(path: str, default: bool = False) -> Check:
    """Pass if the attribute is true; `default` is what the provider takes when it is absent."""
    return lambda subject, _: [expect_boolean(subject, path, True, default)]


def is_false(path: str, default: bool = False) -> Check:
    """Pass if the attribute is false; `default` is what the provider takes when it is absent."""
    return lambda subject, _: [expect_boolean(subject, path, False, default)]


def is_set(path: str, expected: str) -> Check:
    """Pass if anything stands there; a value of apply time is something (which one does not matter)."""
    return lambda subject, _: [expect_set(subject, path, expected)]


def is_one_of(path: str, allowed: Iterable[str], default: str = "") -> Check:
    """Pass if the text is one of `allowed` (compared without case); `default` is the provider's."""
    wanted = tuple(allowed)
    return lambda subject, _: [expect_one_of(subject, path, wanted, default)]


def is_at_least(path: str, minimum: float, default: float, unit: str = "") -> Check:
    """Pass if the number is `minimum` or more; `default` is the provider's."""
    return lambda subject, _: [expect_at_least(subject, path, minimum, default, unit)]


def has_linked(kind: str, attribute: str, expected: str) -> Check:
    """Pass if a resource of `kind` refers to this one; undecided if one of them might (apply time decides its `attribute`)."""

    def check(subject: Subject, context: Context) -> Iterator[Outcome]:
        yield linked_or_failed(subject, context, kind, attribute, expected)

    return check


def linked_or_failed(subject: Subject, context: Context, kind: str, attribute: str, expected: str) -> Outcome:
    """Pass, fail or Unknown for a setting that lives in a resource of its own."""
    if context.linked(subject.resource, kind):
        return passed()
    subject.settle_elsewhere(context.dangling(attribute, kind), attribute)
    return failed("", f"no {kind} refers to it", expected)


def expect_boolean(subject: Subject, path: str, wanted: bool, default: bool = False) -> Outcome:
    if subject.boolean(path, default) is wanted:
        return passed(subject.at(path))
    return failed(subject.at(path), said(subject, path), "true" if wanted else "false")


def expect_set(subject: Subject, path: str, expected: str) -> Outcome:
    if subject.has(path) and subject.raw(path) not in ("", [], {}):
        return passed(subject.at(path))
    return failed(subject.at(path), "absent", expected)


def expect_one_of(subject: Subject, path: str, allowed: Iterable[str], default: str = "") -> Outcome:
    wanted = list(allowed)
    text = subject.text(path, default)
    if text.lower() in {word.lower() for word in wanted}:
        return passed(subject.at(path))
    return failed(subject.at(path), said(subject, path), " or ".join(wanted))


def expect_at_least(subject: Subject, path: str, minimum: float, default: float, unit: str = "") -> Outcome:
    number = subject.number(path, default)
    if number is not None and number >= minimum:
        return passed(subject.at(path))
    return failed(subject.at(path), said(subject, path), f"at least {minimum:g} {unit}".strip())


def said(subject: Subject, path: str) -> str:
    """The attribute as a person reads it in evidence."""
    return subject.text(path) if subject.has(path) else "absent"
