"""What reading a file gives, as a value and as bytes: for files that are read in one process and put together in another.

To read a file takes far longer than to move what was found in it: the syntax of a Terraform file is packed and unpacked in an eighth of the
time that parsing it takes, in one and a half times its size.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from infra_mind.artefacts.parsed import Parsed
from infra_mind.artefacts.terraform.packed import packed as packed_body
from infra_mind.artefacts.terraform.packed import unpacked as unpacked_body
from infra_mind.artefacts.terraform.syntax import Body
from infra_mind.model.inventory import Resource, UnreadFile

Reading = Body | Parsed


def packed(readings: Iterable[Reading]) -> bytes:
    """What files gave, in order, as JSON."""
    return json.dumps([_packed(r) for r in readings], separators=(",", ":")).encode()


def _packed(reading: Reading) -> Any:
    if isinstance(reading, Body):
        return packed_body(reading)
    return {
        "resources": [r.to_json().decode() for r in reading.resources],
        "unread": [u.to_json().decode() for u in reading.unread],
    }


def unpacked(portions: Iterable[bytes]) -> Iterator[Reading]:
    """What files gave, of all portions in their order."""
    for portion in portions:
        for found in json.loads(portion):
            yield unpacked_body(found) if isinstance(found, list) else _parsed(found)


def _parsed(found: dict[str, list[str]]) -> Parsed:
    return Parsed(
        [Resource.model_validate_json(r) for r in found["resources"]],
        [UnreadFile.model_validate_json(u) for u in found["unread"]],
    )
