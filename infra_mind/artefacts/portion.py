"""Many files are read in portions, side by side: which files go together, and what they gave as bytes and back.

To read a file takes far longer than to move what was found in it: the syntax of a Terraform file is packed and unpacked in an eighth of the
time that parsing it takes, in one and a half times its size.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from infra_mind.artefacts.parsed import Parsed
from infra_mind.artefacts.terraform.packed import packed as packed_body
from infra_mind.artefacts.terraform.packed import unpacked as unpacked_body
from infra_mind.artefacts.terraform.syntax import Body
from infra_mind.model.inventory import Resource, UnreadFile

# A portion should take well longer than a step of its own costs, some 20 ms, and not so long that one lost with its process hurts: Terraform
# is parsed at about 0.7 MB a second. Two of them are not worth the way.
PORTION_BYTES = 128 * 1024
FEWEST = 3
MOST = 32  # each reads the whole submission again to find its files
_FILE_BYTES = 256  # what a file takes beside its text, counted as text

Reading = Body | Parsed


def portions(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """First and last file of each portion, counted from 1, for files of these sizes in order; none when one process does it as fast."""
    weights = [size + _FILE_BYTES for size in sizes]
    each = max(PORTION_BYTES, -(-sum(weights) // MOST))
    if sum(weights) < FEWEST * PORTION_BYTES:
        return []
    found, first, weight = [], 1, 0
    for nth, more in enumerate(weights, start=1):
        weight += more
        if weight >= each:
            found.append((first, nth))
            first, weight = nth + 1, 0
    if first <= len(sizes):
        found.append((first, len(sizes)))
    return found


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
