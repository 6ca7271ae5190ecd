"""Findings that a person accepted: comments beside what they are about, and `.infra-mind.yaml` files among the artefacts.

    # infra-mind:ignore RULE reason [owner NAME] [until YYYY-MM-DD]

A suppression takes a finding out of scores; it never takes it out of the result. What is wrong with one is a finding itself, and it
then suppresses nothing. Everything here is hostile input: bounded in number and length, and text is only ever data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from infra_mind.agents.security.secrets import scrub
from infra_mind.artefacts import yaml
from infra_mind.artefacts.detection import FileKind, kind_of
from infra_mind.artefacts.parsed import Unreadable
from infra_mind.model.finding import Suppression
from infra_mind.model.inventory import Artefact, Resource

MARK = "infra-mind:ignore"
MOST = 2_000  # suppressions of one assessment
MOST_PROBLEMS = 100
LONGEST_LINE = 2_000
_LONGEST_REASON = 300
_LONGEST_PATTERN = 300
_MOST_WILD = 10  # of one pattern
_FIELDS = ("rule", "path", "resource", "reason", "owner", "until")
_CKV = re.compile(r"CKV2?_[A-Z0-9]+_\d+\Z")
# A quoted text is passed over; the mark counts only in a comment, or alone on a line of a longer `/* */`.
_HCL = re.compile(r'"(?:[^"\\]|\\.)*"|(#|//|/\*)|^\s*\*?\s*(?=' + MARK + ")")
_YAML = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:(?<=\s)|^)(#)")
_DOCKER = re.compile(r"^\s*(#)")
_COMMENT_LINE = {
    FileKind.TERRAFORM: re.compile(r"^\s*(#|//|/\*|\*)"),
    FileKind.YAML: re.compile(r"^\s*#"),
    FileKind.COMPOSE: re.compile(r"^\s*#"),
    FileKind.DOCKERFILE: _DOCKER,
}
_OPENERS = {
    FileKind.TERRAFORM: _HCL, FileKind.YAML: _YAML, FileKind.COMPOSE: _YAML, FileKind.DOCKERFILE: _DOCKER,
}  # fmt: skip


@dataclass(frozen=True)
class Ignore:
    """One suppression. A comment has the `line` that it is about; one of a file has globs, in which `*` and `?` are wild."""

    rule: str
    reason: str
    owner: str
    until: date | None
    artefact: str
    written_on: int
    line: int | None = None
    path: str = "*"
    resource: str = "*"

    @property
    def where(self) -> str:
        return f"{self.artefact}:{self.written_on}"


@dataclass(frozen=True)
class Problem:
    """Why a suppression is none: `kind` is unknown-rule, no-reason or unreadable."""

    kind: str
    artefact: str
    line: int
    observed: str
    expected: str


@dataclass(frozen=True)
class Place:
    """What a finding is about: `spots` are the lines on which a comment, or below which a comment, speaks to it; `calls` the lines of
    the calls that led to it, each with its file."""

    artefact: str
    addresses: tuple[str, ...]
    spots: tuple[tuple[int, int], ...]
    calls: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, resource: Resource, path: str, arguments: Iterable[tuple[str, int]] = ()) -> Place:
        """The lines of the attribute, and the first line of every block around it up to the resource; of the calls of its modules the
        first lines and those of the arguments that carry the value."""
        calls = [(call.artefact, call.line_start) for call in resource.calls]
        spots = [(resource.line_start, resource.line_start)]
        if path in resource.lines:
            spots.append((resource.lines[path].start, resource.lines[path].end))
        while path := path.rpartition(".")[0]:
            if path in resource.lines:
                spots.append((resource.lines[path].start, resource.lines[path].start))
        addresses = resource.address, resource.block
        return cls(resource.artefact, addresses, tuple(spots), (*calls, *arguments))


class Suppressions:
    """All suppressions of an assessment, and what is wrong with those that are none."""

    def __init__(
        self, ignores: Iterable[Ignore] = (), problems: Iterable[Problem] = (), today: date | None = None
    ) -> None:
        self.ignores, self.problems = tuple(ignores), tuple(problems)
        self._today = today
        self._by_rule: dict[str, list[Ignore]] = {}
        for ignore in self.ignores:
            self._by_rule.setdefault(ignore.rule, []).append(ignore)

    @classmethod
    def read(cls, artefacts: Mapping[str, Artefact], rules: Collection[str], day: str = "") -> Suppressions:
        """From the comments and the suppression files of all artefacts, in order of path and line."""
        ignores: list[Ignore] = []
        problems: list[Problem] = []
        for path in sorted(artefacts):
            for found in _of_artefact(artefacts[path], rules):
                if isinstance(found, Problem):
                    problems.append(found)
                elif len(ignores) < MOST:
                    ignores.append(found)
                else:
                    problems.append(_too_many(found))
        return cls(ignores, problems[:MOST_PROBLEMS], _date(day))

    def of(self, rule: str, place: Place) -> Suppression | None:
        """The suppression for a finding; one that holds before one that has expired."""
        found = [self.said(i) for i in self._by_rule.get(rule, ()) if _fits(i, place)]
        return min(found, key=lambda s: s.expired, default=None)

    def said(self, ignore: Ignore) -> Suppression:
        """What a finding carries of it. Where the day is not known, whatever has an end counts as ended."""
        until, today = ignore.until, self._today
        expired = until is not None and (today is None or today > until)
        return Suppression(
            reason=ignore.reason, owner=ignore.owner, until=until.isoformat() if until else "",
            where=ignore.where, expired=expired,
        )  # fmt: skip


def _fits(ignore: Ignore, place: Place) -> bool:
    if ignore.line is not None:
        here = ignore.artefact == place.artefact and any(
            start <= ignore.line <= end for start, end in place.spots
        )
        return here or (ignore.artefact, ignore.line) in place.calls
    files = dict.fromkeys((place.artefact, *(artefact for artefact, _ in place.calls)))
    return any(_lies_in(file, ignore) for file in files) and any(
        _glob(address, ignore.resource) for address in place.addresses if address
    )


def _lies_in(artefact: str, ignore: Ignore) -> bool:
    folder = ignore.artefact.rpartition("/")[0]
    if folder and not artefact.startswith(f"{folder}/"):
        return False
    return _glob(artefact[len(folder) + 1 :] if folder else artefact, ignore.path)


def _glob(text: str, pattern: str) -> bool:
    # brackets belong to addresses: `web[0]`
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _of_artefact(artefact: Artefact, rules: Collection[str]) -> Iterator[Ignore | Problem]:
    kind, content = kind_of(artefact.path), artefact.content
    if kind is FileKind.SUPPRESSIONS:
        yield from _of_file(artefact, rules)
    elif content and MARK in content and kind in _OPENERS:
        yield from _of_comments(artefact.path, content.split("\n"), kind, rules)


def _of_comments(
    path: str, lines: list[str], kind: FileKind, rules: Collection[str]
) -> Iterator[Ignore | Problem]:
    about = len(lines)  # the nearest line below that is no comment, 0-based
    found: list[Ignore | Problem] = []
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        is_comment = bool(_COMMENT_LINE[kind].match(line)) or line.lstrip().startswith(MARK)
        if not is_comment:
            about = index
        if MARK in line and len(line) <= LONGEST_LINE and (words := _words(line, kind)) is not None:
            found.append(_comment(path, index + 1, about + 1, words, rules))
    yield from reversed(found)


def _words(line: str, kind: FileKind) -> list[str] | None:
    """The words after the mark, None where the mark stands in no comment."""
    for match in _OPENERS[kind].finditer(line):
        if match.group(1) is not None or (kind is FileKind.TERRAFORM and not match.group().strip(" \t*")):
            rest = line[match.end() :].strip()
            return rest.removesuffix("*/")[len(MARK) :].split() if rest.startswith(MARK) else None
    return None


def _comment(
    path: str, written_on: int, line: int, words: list[str], rules: Collection[str]
) -> Ignore | Problem:
    fields: dict[str, Any] = {"rule": words[0] if words else ""}
    rest = words[1:]
    while len(rest) >= 2 and rest[-2] in ("owner", "until") and rest[-2] not in fields:
        *rest, name, value = rest
        fields[name] = value
    return _checked({**fields, "reason": " ".join(rest)}, path, written_on, rules, line)


def _of_file(artefact: Artefact, rules: Collection[str]) -> Iterator[Ignore | Problem]:
    form = "a map with `suppressions`, a list of maps"
    try:
        documents = yaml.load_documents(artefact.content or "", name=artefact.path)
    except (Unreadable, RecursionError) as error:
        line = error.line if isinstance(error, Unreadable) else None
        reason = error.problem if isinstance(error, Unreadable) else "nested too deeply"
        yield Problem("unreadable", artefact.path, line or 1, scrub(reason), form)
        return
    data = documents[0].data if len(documents) == 1 else None
    listed = data.get("suppressions") if isinstance(data, dict) and set(data) == {"suppressions"} else None
    if not isinstance(listed, list):
        yield Problem("unreadable", artefact.path, 1, "another shape", form)
        return
    for index, entry in enumerate(listed):
        known = documents[0].lines.get(f"suppressions.{index}")
        yield _entry(entry, artefact.path, known.start if known else 1, rules)


def _entry(entry: Any, path: str, line: int, rules: Collection[str]) -> Ignore | Problem:
    if not isinstance(entry, dict) or not all(isinstance(v, str) for v in entry.values()):
        return Problem("unreadable", path, line, "an entry that is no map of texts", ", ".join(_FIELDS))
    unknown = sorted(str(key)[:40] for key in entry if key not in _FIELDS)
    if unknown:
        return Problem("unreadable", path, line, f"the field {scrub(unknown[0])}", ", ".join(_FIELDS))
    if not (entry.get("path") or entry.get("resource")):
        return Problem("unreadable", path, line, "neither `path` nor `resource`", "one of them, `*` for all")
    for name in ("path", "resource"):
        pattern = entry.get(name, "")
        if len(pattern) > _LONGEST_PATTERN or sum(map(pattern.count, "*?")) > _MOST_WILD:
            return Problem("unreadable", path, line, f"a `{name}` that is too long or too wild", f"at most {_MOST_WILD} wildcards")  # fmt: skip
    return _checked(entry, path, line, rules, None)


def _checked(
    fields: Mapping[str, str], path: str, written_on: int, rules: Collection[str], line: int | None
) -> Ignore | Problem:
    rule, until = fields.get("rule", ""), fields.get("until", "")
    if rule not in rules and not _CKV.match(rule):
        near = get_close_matches(rule[:60], rules, n=1)
        return Problem("unknown-rule", path, written_on, scrub(rule[:60]) or "no rule", near[0] if near else "the id of a rule")  # fmt: skip
    reason = _plain(fields.get("reason", ""))
    if not reason:
        return Problem("no-reason", path, written_on, rule, "a reason after the rule")
    if until and _date(until) is None:
        return Problem("unreadable", path, written_on, f"until {scrub(until[:40])}", "a day as YYYY-MM-DD")
    return Ignore(
        rule=rule, reason=reason, owner=_plain(fields.get("owner", "")), until=_date(until), artefact=path,
        written_on=written_on, line=line, path=fields.get("path") or "*", resource=fields.get("resource") or "*",
    )  # fmt: skip


def _plain(text: str) -> str:
    """One line without control characters and secrets."""
    shown = scrub("".join(c if c.isprintable() else " " for c in text).strip())
    return shown if len(shown) <= _LONGEST_REASON else shown[: _LONGEST_REASON - 1] + "…"


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        return None


def _too_many(ignore: Ignore) -> Problem:
    return Problem("unreadable", ignore.artefact, ignore.written_on, f"more than {MOST} suppressions", f"at most {MOST} in one assessment")  # fmt: skip
