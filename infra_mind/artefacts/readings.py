"""What reading a file gives, as a value and as bytes: for files that are read in one process and put together in another.

To read a file takes far longer than to move what was found in it: the syntax of a Terraform file is packed and unpacked in an eighth of the
time that parsing it takes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from infra_mind.artefacts.parsed import Parsed
from infra_mind.artefacts.plan import Plan
from infra_mind.artefacts.terraform.packed import packed as packed_body
from infra_mind.artefacts.terraform.packed import unpacked as unpacked_body
from infra_mind.artefacts.terraform.syntax import Body
from infra_mind.model.inventory import Resource, UnreadFile

Reading = Body | Parsed | Plan


def packed(readings: Iterable[Reading]) -> bytes:
    """What files gave, in order: JSON, deflated, because it is kept as long as the result of the task."""
    return zlib.compress(json.dumps([_packed(r) for r in readings], separators=(",", ":")).encode(), 1)


def _packed(reading: Reading) -> Any:
    if isinstance(reading, Body):
        return packed_body(reading)
    if isinstance(reading, Plan):
        return reading.packed()
    return {
        "resources": [r.to_json().decode() for r in reading.resources],
        "unread": [u.to_json().decode() for u in reading.unread],
    }


def unpacked(portions: Iterable[bytes]) -> Iterator[Reading]:
    """What files gave, of all portions in their order."""
    for portion in portions:
        for found in json.loads(zlib.decompress(portion)):
            if isinstance(found, list):
                yield unpacked_body(found)
            else:
                yield Plan.unpacked(found) if "plan" in found else _parsed(found)


def _parsed(found: dict[str, list[str]]) -> Parsed:
    return Parsed(
        [Resource.model_validate_json(r) for r in found["resources"]],
        [UnreadFile.model_validate_json(u) for u in found["unread"]],
    )
