"""Which JSON is a plan: by what stands in it, whatever the file is called.

Source: developer.hashicorp.com/terraform/internals/json-format (format 1.2, read 2026-11-30); OpenTofu writes the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from infra_mind.artefacts import yaml
from infra_mind.artefacts.yaml import YamlDocument
from infra_mind.settings import IntakeLimits

_PLAN_WORDS = ('"planned_values"', '"resource_changes"')

# What a plan holds of the state that it was made from, secrets in the clear among it. None of it is read.
_STATE = {
    "prior_state": {}, "resource_drift": {}, "output_changes": {}, "planned_values": {"outputs": {}},
    "resource_changes": {"change": {"before": {}}}, "deferred_changes": {"resource_change": {"change": {"before": {}}}},
}  # fmt: skip
_LOG = re.compile(r'\s*\{"@level"\s*:')
_SPACE = " \t\r\n"
_skip = json.JSONDecoder().raw_decode


def without_state(text: str) -> str:
    """The text of a plan with nothing of the state in it: `null` stands there instead, and every line stays where it is.

    What is no plan, or cannot be read as one, comes back as it is."""
    if not _may_be_plan(text):
        return text
    try:
        spans = list(_spans(text, _after_space(text, 0), _STATE))
    except (ValueError, IndexError, RecursionError):
        return text
    kept, end = [], 0
    for start, stop in spans:
        kept += [text[end:start], "null", "\n" * text.count("\n", start, stop)]
        end = stop
    return "".join([*kept, text[end:]])


def _spans(text: str, start: int, wanted: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """Where the values below the wanted keys begin and end; of a list those of each item."""
    for key, begin, end in _parts(text, start):
        below = wanted if key is None else wanted.get(key)
        if below == {}:
            yield begin, end
        elif below and text[begin] in "{[":
            yield from _spans(text, begin, below)


def _parts(text: str, start: int) -> Iterator[tuple[str | None, int, int]]:
    """Key (None in a list), begin and end of each value of the object or list that begins at `start`."""
    at, is_object = _after_space(text, start + 1), text[start] == "{"
    while text[at] not in "}]":
        key = None
        if is_object:
            key, at = _skip(text, at)
            at = _after_space(text, _after_space(text, at) + 1)  # the colon
        _, end = _skip(text, at)
        yield key, at, end
        at = _after_space(text, end)
        at = _after_space(text, at + 1) if text[at] == "," else at


def _after_space(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def load(path: str, text: str, limits: IntakeLimits) -> YamlDocument | None:
    """The document of a plan; None for a text that is none. Raises `Unreadable` for one that cannot be read whole."""
    if not _may_be_plan(text):
        return None
    if text.strip().count("\n") > 1:
        documents = yaml.load_documents(text, name=path, limits=limits, dialect="1.2")
        found = documents[0] if len(documents) == 1 else None
    else:  # one line, as Terraform writes it: there is nothing to be told of lines
        found = yaml.load_json(text, name=path, limits=limits)
    return found if found is not None and is_plan(found.data) else None


def _may_be_plan(text: str) -> bool:
    return (
        text.lstrip()[:1] == "{" and '"format_version"' in text and any(word in text for word in _PLAN_WORDS)
    )


def is_log(text: str) -> bool:
    """True for what `terraform plan -json` prints while it runs: events line by line, without values."""
    return bool(_LOG.match(text))


def is_plan(data: Any) -> bool:
    """True for the data of a plan."""
    return (
        isinstance(data, dict)
        and isinstance(data.get("format_version"), str)
        and (isinstance(data.get("planned_values"), dict) or isinstance(data.get("resource_changes"), list))
    )
