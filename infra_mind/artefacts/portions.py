"""Many files are read in portions, side by side: which files go together."""

from __future__ import annotations

from collections.abc import Sequence

# A portion should take well longer than a step of its own costs, some 20 ms, and not so long that one lost with its process hurts: Terraform
# is parsed at about 0.7 MB a second. Two of them are not worth the way.
PORTION_BYTES = 128 * 1024
FEWEST = 3
MOST = 32  # each reads the whole submission again to find its files
_FILE_BYTES = 256  # what a file takes beside its text, counted as text


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
