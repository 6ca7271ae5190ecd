"""Dockerfiles: stages with their instructions, arguments and environment put in as the builder does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from infra_mind.artefacts.parsed import Parsed, Unreadable
from infra_mind.model.inventory import Format, Lines, Resource, unresolvable

# Dockerfile reference, docs.docker.com/reference/dockerfile, 2025-09
INSTRUCTIONS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
# "Environment variables are supported by the following list of instructions", the same page
_SUBSTITUTED = frozenset(
    [
        "ADD",
        "COPY",
        "ENV",
        "EXPOSE",
        "FROM",
        "LABEL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
        "ONBUILD",
        "ARG",
    ]
)
_EMPTY = "scratch"  # the image without a layer
_WITH_HEREDOC = frozenset({"RUN", "COPY", "ADD"})
_MOST_STAGES = 1_000
_LONGEST_VALUE = 64 * 1024  # of one text after substitution; `ENV A=$A$A` doubles
_MOST_TEXT = 8 * 1024 * 1024  # of all instructions after substitution
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z]+)\s*=\s*(.+?)\s*\Z")
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)([A-Za-z_]\w*)\2")
_PAIR = re.compile(r"(?<![\w.\-])([\w.\-]+)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:[^\s\\]|\\.)*)")
_VARIABLE = re.compile(r"\\\$|\$(?:\{(\w+)(?::?([-+])([^{}]*))?\}|(\w+))")


@dataclass
class _Instruction:
    keyword: str
    value: str
    line: int
    end: int


@dataclass
class _Stage:
    image: str | None
    name: str | None
    start: int
    end: int
    base: Any
    instructions: list[_Instruction] = field(default_factory=list)
    variables: dict[str, str | None] = field(default_factory=dict)


def read(path: str, text: str) -> Parsed:
    """One resource a stage. Raises `Unreadable` with the line of an instruction that no builder knows."""
    instructions = _instructions(path, text)
    stages = _stages(path, instructions)
    return Parsed(resources=[_resource(path, i, stage, stages) for i, stage in enumerate(stages)])


def _instructions(path: str, text: str) -> list[_Instruction]:
    lines = text.splitlines()
    escape = _escape(lines)
    found: list[_Instruction] = []
    at = 0
    while at < len(lines):
        stripped = lines[at].strip()
        if not stripped or stripped.startswith("#"):
            at += 1
            continue
        start = at
        logical, at = _logical_line(lines, at, escape)
        keyword, _, value = logical.partition(" ") if " " in logical else logical.partition("\t")
        keyword, value = keyword.upper().strip(), value.strip()
        if keyword not in INSTRUCTIONS:
            raise Unreadable(path, f"not an instruction of a Dockerfile: {keyword[:40]!r}", start + 1)
        if keyword in _WITH_HEREDOC and "<<" in value:
            value, at = _heredocs(path, lines, value, at, start + 1)
        found.append(_Instruction(keyword, value, start + 1, at))
    return found


def _escape(lines: list[str]) -> str:
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        if not match:
            return "\\"
        if match[1].lower() == "escape" and match[2] in ("\\", "`"):
            return match[2]
    return "\\"


def _logical_line(lines: list[str], at: int, escape: str) -> tuple[str, int]:
    """The instruction that starts at this index with its continuations, and the index after it.

    A comment or an empty line between continuations is left out, as the builder does."""
    pieces: list[str] = []
    while at < len(lines):
        line, first = lines[at].rstrip(), not pieces
        at += 1
        if not first and (not line.strip() or line.lstrip().startswith("#")):
            continue
        if not line.endswith(escape):
            pieces.append(line.lstrip() if first else line.strip())
            break
        pieces.append(line[: -len(escape)].strip())
    return " ".join(p for p in pieces if p).replace("\t", " "), at


def _heredocs(path: str, lines: list[str], value: str, at: int, line: int) -> tuple[str, int]:
    bodies = []
    for dash, _, word in _HEREDOC.findall(value):
        start = at
        while at < len(lines) and (lines[at].lstrip("\t") if dash else lines[at]) != word:
            at += 1
        if at == len(lines):
            raise Unreadable(path, f"the heredoc <<{word} has no end", line)
        bodies += lines[start:at]
        at += 1
    return "\n".join([value, *bodies]), at


def _stages(path: str, instructions: list[_Instruction]) -> list[_Stage]:
    before: dict[str, str | None] = {}
    stages: list[_Stage] = []
    size = 0
    for instruction in instructions:
        if instruction.keyword == "FROM":
            stages.append(_open_stage(path, instruction, before, stages))
        elif stages:
            _add(stages[-1], instruction, before)
        elif instruction.keyword == "ARG":
            before.update(_arguments(instruction.value, before))
        else:
            raise Unreadable(path, f"{instruction.keyword} stands before the first FROM", instruction.line)
        size += len(instruction.value)
        if len(stages) > _MOST_STAGES or size > _MOST_TEXT:
            reason = f"more than {_MOST_STAGES} stages or {_MOST_TEXT} characters with its variables put in"
            raise Unreadable(path, reason, instruction.line)
    if not stages:
        raise Unreadable(path, "no FROM: not a Dockerfile")
    return stages


def _open_stage(
    path: str, instruction: _Instruction, before: dict[str, str | None], stages: list[_Stage]
) -> _Stage:
    words = [w for w in instruction.value.split() if not w.startswith("--")]
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        raise Unreadable(path, "FROM needs an image, and no more than `AS name` after it", instruction.line)
    name = words[2] if len(words) == 3 else None
    image, missing = _substitute(words[0], before)
    base: Any = image if not missing else unresolvable(f"ARG {missing}")
    parent = next((s for s in stages if s.name and image and s.name.lower() == image.lower()), None)
    stage = _Stage(image, name, instruction.line, instruction.end, base)
    if parent:
        stage.variables = dict(parent.variables)
    stage.instructions.append(instruction)
    return stage


def _add(stage: _Stage, instruction: _Instruction, before: dict[str, str | None]) -> None:
    if instruction.keyword in _SUBSTITUTED:
        instruction.value, _ = _substitute(instruction.value, stage.variables)
    if instruction.keyword == "ARG":
        for name, value in _arguments(instruction.value, stage.variables).items():
            stage.variables.setdefault(name, before.get(name) if value is None else value)
    elif instruction.keyword == "ENV":
        stage.variables.update(environment(instruction.value))
    stage.instructions.append(instruction)
    stage.end = instruction.end


def _arguments(value: str, known: dict[str, str | None]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for word in value.split():
        name, equals, default = word.partition("=")
        text, missing = _substitute(_unquoted(default), known)
        found[name] = text if equals and not missing else None
    return found


def environment(value: str) -> dict[str, str]:
    """The pairs of an ENV or LABEL instruction, in both of its forms (`A=1 B="2 3"`, and the old `A 1`)."""
    pairs = _PAIR.findall(value)
    if pairs and "=" in value.split(maxsplit=1)[0]:
        return {name: _unquoted(text) for name, text in pairs}
    name, _, text = value.partition(" ")
    return {name: text.strip()} if name else {}


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def _substitute(text: str, known: dict[str, str | None]) -> tuple[str, str | None]:
    """The text with its variables put in, and the name of one that only the build knows."""
    missing: list[str] = []
    left = _LONGEST_VALUE

    def value_of(match: re.Match[str]) -> str:
        nonlocal left
        if match[0] == r"\$":
            return match[0]
        name, default = match[1] or match[4], match[3]
        value = known.get(name)
        if match[2] == "+":
            return str(default) if value else ""
        if value is None and match[2] == "-":
            return str(default)
        left -= len(value or "")
        if value is None or left < 0:
            missing.append(name)
            return match[0]
        return value

    return _VARIABLE.sub(value_of, text), missing[0] if missing else None


def _as_value(instruction: _Instruction, stages: list[_Stage]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "instruction": instruction.keyword,
        "value": instruction.value,
        "line": instruction.line,
        "line_end": instruction.end,
    }
    images = _images(instruction, {s.name.lower() for s in stages if s.name})
    return found | {"images": images} if images else found


def _images(instruction: _Instruction, stages: set[str]) -> list[str]:
    """Images that the instruction takes files from: `COPY --from=` and `RUN --mount=from=` of no stage's name or number."""
    named = []
    for flag in _flags(instruction.value):
        name, _, value = flag.partition("=")
        if instruction.keyword == "COPY" and name == "--from":
            named.append(value)
        elif instruction.keyword == "RUN" and name == "--mount":
            named += [word.removeprefix("from=") for word in value.split(",") if word.startswith("from=")]
    return [n for n in named if n and not n.isdigit() and n.lower() not in stages | {_EMPTY}]


def _flags(value: str) -> Iterator[str]:
    return takewhile(lambda word: word.startswith("--"), value.split())


def _resource(path: str, index: int, stage: _Stage, stages: list[_Stage]) -> Resource:
    name = stage.name or str(index)
    parents = {s.name.lower(): s.name for s in stages[:index] if s.name}
    parent = parents.get(stage.image.lower()) if stage.image else None
    values: dict[str, Any] = {
        "from": stage.base,
        "from_stage": parent,
        "name": stage.name,
        "final": index == len(stages) - 1,
        "instructions": [_as_value(i, stages) for i in stage.instructions],
    }
    lines = {f"instructions.{n}": Lines(start=i.line, end=i.end) for n, i in enumerate(stage.instructions)}
    lines["from"] = lines["instructions.0"]
    return Resource(
        address=f"{path}#{name}",
        block=f"{path}#{name}",
        format=Format.DOCKERFILE,
        kind="stage",
        name=name,
        provider="docker",
        artefact=path,
        line_start=stage.start,
        line_end=stage.end,
        values=values,
        lines=lines,
    )
