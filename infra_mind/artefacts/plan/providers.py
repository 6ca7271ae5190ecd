"""What a plan says beside its resources: how its providers are set, and the values of its variables."""

from __future__ import annotations

import re
from typing import Any

from infra_mind.artefacts.plan.configuration import listing, mapping
from infra_mind.artefacts.terraform.kinds import provider_of
from infra_mind.model.inventory import Format, Lines, Resource, unresolvable

_NAME = re.compile(r"[A-Za-z_][\w-]{0,100}\Z")
_VARIABLE = re.compile(r"var\.([\w-]+)\Z")
_MODULE = re.compile(r"module\.[\w-]+(?:\.module\.[\w-]+)*\Z")
_PLACES = frozenset({"region", "zone", "location"})  # a variable alone gives them, as a rule


def provider_resources(
    path: str, config: dict[str, Any], variables: dict[str, Any], lines: dict[str, Lines], whole: Lines
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
        values = {
            n: v
            for n, e in mapping(data.get("expressions")).items()
            if (v := _setting(n, e, variables)) is not None
        }
        found.append(Resource(
            address=prefix + own, block=prefix + own, format=Format.TERRAFORM, kind=f"provider.{name}", name=alias or "default",
            provider=provider_of(f"{name}_"), artefact=path, line_start=where.start, line_end=where.end,
            values=values | ({"alias": alias} if alias else {}), plan=path,
        ))  # fmt: skip
    return found


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(_NAME.match(value))


def _setting(name: str, expression: Any, variables: dict[str, Any]) -> Any:
    """What an argument of a provider is set to. A list of blocks stays one."""
    if isinstance(expression, list):
        return [
            {n: v for n, e in mapping(block).items() if (v := _setting(n, e, variables)) is not None}
            for block in expression
        ]
    data = mapping(expression)
    if "constant_value" in data:
        return data["constant_value"]
    references = [r for r in listing(data.get("references")) if isinstance(r, str)]
    variable = _VARIABLE.match(references[0]) if len(references) == 1 else None
    given = mapping(variables.get(variable[1])).get("value") if variable and name in _PLACES else None
    return (
        given
        if isinstance(given, str)
        else unresolvable(", ".join(references)[:500] or "an expression of the plan")
    )


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
