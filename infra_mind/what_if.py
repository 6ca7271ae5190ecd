"""A brief and wishes → the briefs to assess: a JSON merge patch (RFC 7396), values by path, and one input swept over a list. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra_mind.errors import BriefInvalid, FieldProblem, OptionInvalid
from infra_mind.model.brief import parse_brief
from infra_mind.model.submission import Submission

MOST_VARIANTS = 32
ARTEFACTS = "artefacts"
NAME_LIMIT = 200


@dataclass(frozen=True)
class Variant:
    """`name` tells it from its base in lists. `values`: what the sweep put where in this one. `changed`: top-level fields of the brief that differ from the base."""

    name: str
    values: dict[str, Any]
    changed: tuple[str, ...]
    submission: Submission


def variants(
    base: Submission,
    patch: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[Variant, ...]:
    """The briefs that a what-if asks for, each checked like a new one, with the artefacts of the base.

    `patch` is merged first, then `values` (path → value) are put in, then the sweep: one variant for each combination of its values,
    at most `MOST_VARIANTS`. Raises OptionInvalid for paths that are not there, too many variants and what changes nothing,
    BriefInvalid for a brief that is not valid then."""
    before = base.brief.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    changed = merge_patch(before, dict(patch or {}))
    for path, value in (values or {}).items():
        changed = put(changed, path, value, "set", create=True)
    return tuple(_variant(base, before, changed, point) for point in _points(sweep or {}))


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, null removes a member, anything else takes the place of what was there."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def put(data: Any, path: str, value: Any, option: str, *, create: bool = False) -> Any:
    """`data` with `value` at the dotted `path` (`llm_serving.0.gpu`); nothing of `data` is changed.

    Every part but the last must be there, unless `create` lets maps come into being; an item of a list must be there always.
    Raises OptionInvalid that says which part is not there and what is."""
    parts = path.split(".")
    if not all(parts):
        raise OptionInvalid(option, f"{path[:80]!r} is no path: it reads like llm_serving.0.gpu")
    return _put(data, parts, 0, value, option, create)


def _put(data: Any, parts: Sequence[str], at: int, value: Any, option: str, create: bool) -> Any:
    if at == len(parts):
        return value
    part, here = parts[at], ".".join(parts[:at]) or "the brief"
    if isinstance(data, list | tuple):
        if not (part.isascii() and part.isdigit() and int(part) < len(data)):
            raise OptionInvalid(
                option,
                f"{'.'.join(parts)}: {here} is a list of {len(data)}, so the next part is a number from 0",
            )
        return [
            _put(item, parts, at + 1, value, option, create) if n == int(part) else item
            for n, item in enumerate(data)
        ]
    if not isinstance(data, Mapping):
        raise OptionInvalid(option, f"{'.'.join(parts)}: {here} holds a single value, which has no {part!r}")
    last = at + 1 == len(parts)
    if part not in data and not last and not create:
        there = ", ".join(sorted(data)) or "nothing"
        raise OptionInvalid(option, f"{'.'.join(parts)}: {here} has no {part!r}; it has {there}")
    return {**data, part: _put(data.get(part, {}), parts, at + 1, value, option, create)}


def _points(sweep: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    count = 1
    for path, values in sweep.items():
        if not values:
            raise OptionInvalid("sweep", f"{path[:80]}: give at least one value")
        count *= len(values)
    if count > MOST_VARIANTS:
        raise OptionInvalid("sweep", f"that makes {count} variants; at most {MOST_VARIANTS} at once")
    yield from (dict(zip(sweep, point, strict=True)) for point in itertools.product(*sweep.values()))


def _variant(base: Submission, before: Mapping[str, Any], changed: Any, point: Mapping[str, Any]) -> Variant:
    for path, value in point.items():
        changed = put(changed, path, value, "sweep")
    if isinstance(changed, Mapping) and changed.get(ARTEFACTS) != before.get(ARTEFACTS):
        problem = "a what-if keeps the artefacts of its base"
        raise BriefInvalid([FieldProblem(ARTEFACTS, problem, "hand in a new assessment for other files")])
    brief = parse_brief(changed)
    after = brief.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    fields = tuple(
        sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    )
    if not fields:
        raise OptionInvalid(
            "brief",
            f"nothing would change{f' with {point}' if point else ''}; give brief, set or sweep another value",
        )
    told = ", ".join(f"{path}={value}" for path, value in point.items()) or ", ".join(fields)
    name = f"{brief.name}, what if {told}"[:NAME_LIMIT]
    return Variant(name, dict(point), fields, Submission(brief=brief, artefacts=base.artefacts))
