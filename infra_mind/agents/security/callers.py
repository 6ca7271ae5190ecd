"""Where a fault inside a Terraform module comes from: the calls that led to it, each with the argument that carries the value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from infra_mind.agents.security.context import Context
from infra_mind.model.finding import Evidence
from infra_mind.model.inventory import CallSite, Resource

MOST_LEVELS = 3
_VARIABLE = re.compile(r"\bvar\.([\w-]+)")


def root_folder(resource: Resource) -> str:
    """The folder of the configuration that calls the module first; empty for a resource that stands in its own."""
    return resource.calls[0].artefact.rpartition("/")[0] if resource.calls else ""


def call_evidence(resource: Resource, path: str, context: Context) -> Iterator[Evidence]:
    """The calls of the resource's modules, the innermost first. What stands in the argument is not shown: it may be a secret."""
    if not resource.calls:
        return
    names = _variables(line for _, line in context.lines_at(resource, path))
    own = path.rpartition(".")[2]
    names.sort(key=lambda name: name != own)  # before those of a condition beside it
    for call in resource.calls[: -MOST_LEVELS - 1 : -1]:
        name, number, line = _argument([*names, own], call, context)
        yield Evidence(
            artefact=call.artefact, line_start=number, line_end=number, path=f"module.{call.name}{f'.{name}' if name else ''}"
        )  # fmt: skip
        names = _variables([line])


def _argument(names: list[str], call: CallSite, context: Context) -> tuple[str, int, str]:
    """(name, line, its text) of the first argument that sets one of the variables, or of the entry of a map that it takes on; else the
    line of the call itself."""
    lines = context.text_lines(call.artefact)[call.line_start - 1 : call.line_end]
    for name in names:
        sets = re.compile(rf"^\s*{re.escape(name)}\s*=(?!=)")
        for number, line in enumerate(lines, start=call.line_start):
            if sets.match(line):
                return name, number, line
    return "", call.line_start, ""


def _variables(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in _VARIABLE.findall(line)))
