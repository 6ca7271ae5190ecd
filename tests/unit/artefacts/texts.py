"""Short ways to an inventory from texts."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.inventory import Artefact, Inventory, Resource, UnreadFile


def inventory(files: dict[str, str]) -> Inventory:
    """The inventory of texts by path."""
    return build_inventory([Artefact(path=p, content=dedent(t)) for p, t in files.items()])


def resource(found: Inventory, address: str) -> Resource:
    """The one resource at this address."""
    [one] = [r for r in found.resources if r.address == address]
    return one


def only_unread(found: Inventory) -> UnreadFile:
    """The one unread part."""
    [one] = found.unread
    return one


def terraform_value(expression: str, more: str = "") -> Any:
    """What `x = expression` becomes in a resource, in the marker form where it is not known."""
    found = inventory({"main.tf": f'resource "t" "r" {{\n  x = {expression}\n}}\n{more}\n'})
    assert not found.unread, found.unread
    return resource(found, "t.r").values.get("x")
