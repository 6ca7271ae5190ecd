"""Which nested block of a file is which of a plan: a plan orders sets in its own way, the file in the order in which they are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from infra_mind.model.inventory import Lines, Resource, is_unresolvable

_MOST_PAIRS = 10_000  # of one block: more are not compared


def lines_of_twin(values: Mapping[str, Any], twin: Resource) -> dict[str, Lines]:
    """The lines of the file for the paths of `values`, which are those of a plan."""
    by_name: dict[str, dict[str, Lines]] = defaultdict(dict)
    for path, where in twin.lines.items():
        by_name[path.partition(".")[0]][path] = where
    found: dict[str, Lines] = {}
    for name, lines in by_name.items():
        planned, written = values.get(name), twin.values.get(name)
        if (
            isinstance(planned, list)
            and _are_blocks(planned)
            and isinstance(written, list)
            and planned is not written
        ):
            found |= _moved(name, planned, written, lines)
        else:
            found |= lines
    return found


def _are_blocks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _moved(name: str, planned: list[Any], written: list[Any], lines: Mapping[str, Lines]) -> dict[str, Lines]:
    by_index: dict[str, dict[str, Lines]] = defaultdict(dict)
    for path, where in lines.items():
        _, _, rest = path.partition(".")
        index, _, below = rest.partition(".")
        by_index[index][below] = where
    found = {name: by_index[""][""]} if "" in by_index else {}
    for n, pair in enumerate(_pairs(planned, written)):
        for below, where in by_index.get(str(pair), {}).items():
            found[f"{name}.{n}.{below}".rstrip(".")] = where
    return found


def _pairs(planned: list[Any], written: list[Any]) -> list[int | None]:
    """For each planned block the index of the one in the file; None where none fits."""
    if len(planned) * len(written) > _MOST_PAIRS:
        return [None] * len(planned)
    left = dict.fromkeys(range(len(written)))
    made = next((n for n, block in enumerate(written) if is_unresolvable(block)), None)
    found: list[int | None] = []
    for block in planned:
        best = max(left, key=lambda n: (_likeness(block, written[n]), -n), default=None)
        if best is None or _likeness(block, written[best]) < 0 or best == made:
            found.append(made)  # the `dynamic` that makes as many as apply time knows
        else:
            found.append(best)
            del left[best]
    return found


def _likeness(planned: dict[str, Any], written: Any) -> int:
    """How many attributes are the same; below 0 if one is another."""
    if not isinstance(written, dict) or is_unresolvable(written):
        return 0
    alike = 0
    for name, value in written.items():
        there = planned.get(name)
        if is_unresolvable(value) or is_unresolvable(there) or isinstance(value, dict) or _are_blocks(value):
            continue
        if _plain(value) != _plain(there):
            return -1
        alike += 1
    return alike


def _plain(value: Any) -> Any:
    """For comparison: `22` and `"22"` are one value, and so are two orders of a list; nothing is as good as empty."""
    if isinstance(value, list):
        return sorted(map(str, value)) or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
