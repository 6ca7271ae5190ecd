"""What a plan says beside its resources: how its providers are set, and the values of its variables."""

from __future__ import annotations

import re
from typing import Any

from infra_mind.artefacts.plan.configuration import Configuration, listing, mapping
from infra_mind.artefacts.terraform.kinds import provider_of
from infra_mind.model.inventory import Format, Lines, Resource, unresolvable

_NAME = re.compile(r"[A-Za-z_][\w-]{0,100}\Z")
_PLACE = re.compile(r"[a-z]+(?:-[a-z]+)+-?\d{1,2}(?:-?[a-z])?\Z")  # eu-west-1, europe-west4, europe-west4-a
_MODULE = re.compile(r"module\.[\w-]+(?:\.module\.[\w-]+)*\Z")
_PLACES = frozenset({"region", "zone"})


def provider_resources(
    path: str,
    configuration: Configuration,
    config: dict[str, Any],
    variables: dict[str, Any],
    lines: dict[str, Lines],
    whole: Lines,
) -> list[Resource]:
    """One for each provider block, of the kinds that the files of a configuration give."""
    found = []
    for key, entry in config.items():
        data = mapping(entry)
        name, alias, module = data.get("name"), data.get("alias"), data.get("module_address")
        if not isinstance(name, str) or not _NAME.match(name) or not (alias is None or _is_name(alias)):
            continue
        prefix = f"{module}." if isinstance(module, str) and _MODULE.match(module) else ""
        own = f"provider.{name}" + (f".{alias}" if alias else "")
        where = lines.get(f"configuration.provider_config.{key}", whole)
        values = _settings(data.get("expressions"))
        for place in _PLACES.intersection(values):
            given = configuration.settled(prefix, mapping(data.get("expressions"))[place], variables)
            if isinstance(given, str) and _PLACE.match(given):
                values[place] = given
        found.append(Resource(
            address=prefix + own, block=prefix + own, format=Format.TERRAFORM, kind=f"provider.{name}", name=alias or "default",
            provider=provider_of(f"{name}_"), artefact=path, line_start=where.start, line_end=where.end,
            values=values | ({"alias": alias} if alias else {}), plan=path,
        ))  # fmt: skip
    return found


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(_NAME.match(value))


def _settings(expressions: Any) -> dict[str, Any]:
    """What the arguments are set to, those that are set to nothing left out."""
    found = ((name, _setting(expression)) for name, expression in mapping(expressions).items())
    return {name: value for name, value in found if value is not None}


def _setting(expression: Any) -> Any:
    """What an argument of a provider is set to. A list of blocks stays one."""
    if isinstance(expression, list):
        return [_settings(block) for block in expression]
    data = mapping(expression)
    if "constant_value" in data:
        return data["constant_value"]
    references = [r for r in listing(data.get("references")) if isinstance(r, str)]
    return unresolvable(", ".join(references)[:500] or "an expression of the plan")


def variable_resources(
    path: str, variables: dict[str, Any], lines: dict[str, Lines], whole: Lines
) -> list[Resource]:
    """The values that the variables of the root module were given, in the clear: judged as those of a `.tfvars` file are."""
    found = []
    for name, given in variables.items():
        value = mapping(given).get("value")
        if value is None or not _NAME.match(name):
            continue
        where = lines.get(f"variables.{name}", whole)
        address = f"{path}#tfvars.{name}"
        found.append(Resource(
            address=address, block=address, format=Format.TERRAFORM, kind="tfvars", name=name, artefact=path,
            line_start=where.start, line_end=where.end, values={name: value}, plan=path,
        ))  # fmt: skip
    return found
