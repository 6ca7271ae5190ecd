"""Which JSON is a plan: by what stands in it, whatever the file is called.

Source: developer.hashicorp.com/terraform/internals/json-format (format 1.2, read 2026-11-30); OpenTofu writes the same."""

from __future__ import annotations

from typing import Any

from infra_mind.artefacts import yaml
from infra_mind.artefacts.yaml import YamlDocument
from infra_mind.settings import IntakeLimits

_PLAN_WORDS = ('"planned_values"', '"resource_changes"')


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


def is_plan(data: Any) -> bool:
    """True for the data of a plan."""
    return (
        isinstance(data, dict)
        and isinstance(data.get("format_version"), str)
        and (isinstance(data.get("planned_values"), dict) or isinstance(data.get("resource_changes"), list))
    )
