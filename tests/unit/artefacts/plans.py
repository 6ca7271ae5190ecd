"""Plans in the form that `terraform show -json` prints, written by hand and as small as a test needs them."""

from __future__ import annotations

import json
from typing import Any

from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.inventory import Artefact, Inventory


def change(address: str, after: Any, **more: Any) -> dict[str, Any]:
    """One entry of `resource_changes`; `more` are `unknown`, `sensitive`, `actions` and `mode`."""
    return {
        "address": address,
        "mode": more.get("mode", "managed"),
        "change": {
            "actions": more.get("actions", ["create"]),
            "before": None,
            "after": after,
            "after_unknown": more.get("unknown", {}),
            "after_sensitive": more.get("sensitive", {}),
        },
    }


def block(address: str, expressions: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A resource block of the configuration of a plan."""
    kind, name = address.removeprefix("data.").split(".")
    return {
        "address": address,
        "mode": "data" if address.startswith("data.") else "managed",
        "type": kind,
        "name": name,
        "provider_config_key": "aws",
        "expressions": expressions or {},
        **more,
    }


def refers(*references: str) -> dict[str, Any]:
    """An expression that refers to something."""
    return {"references": list(references)}


def is_(value: Any) -> dict[str, Any]:
    """An expression that is a plain value."""
    return {"constant_value": value}


def document(*changes: Any, blocks: Any = None, **more: Any) -> dict[str, Any]:
    """A plan. Without `blocks` it has no configuration; `modules` are the calls of the root, `config` what else stands in it."""
    configuration: dict[str, Any] = {}
    if blocks is not None:
        root = {"resources": list(blocks), "module_calls": more.pop("modules", {}), **more.pop("root", {})}
        configuration = {"configuration": {"root_module": root, "provider_config": more.pop("providers", {})}}
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.5",
        "planned_values": {"root_module": {}},
        "resource_changes": list(changes),
        **configuration,
        **more,
    }


def plan(*changes: Any, path: str = "tfplan.json", indent: int | None = None, **more: Any) -> Artefact:
    """The same as a file."""
    return Artefact(path=path, content=json.dumps(document(*changes, **more), indent=indent))


def planned(*changes: Any, **more: Any) -> Inventory:
    """The inventory of one plan."""
    return build_inventory([plan(*changes, **more)])
