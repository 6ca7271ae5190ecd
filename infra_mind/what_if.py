"""A brief and wishes → the briefs to assess: a JSON merge patch (RFC 7396), values by path, and one input swept over a list. Pure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra_mind.errors import BriefInvalid, FieldProblem, OptionInvalid
from infra_mind.model.brief import parse_brief
from infra_mind.model.comparison import shown
from infra_mind.model.submission import Submission

MOST_VARIANTS = 32
ARTEFACTS = "artefacts"
NAME_LIMIT = 200


@dataclass(frozen=True)
class Variant:
    """`name` tells it from its base in lists. `values`: what the sweep put where in this one. `changed`: top-level fields of the brief that
    differ from the base, none where the sweep came by what the base has."""

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
    at most `MOST_VARIANTS`. Raises OptionInvalid for paths that are not there, too many variants, a value that is swept twice and what
    changes nothing, BriefInvalid for a brief that is not valid then."""
    patch, values, sweep = patch or {}, values or {}, sweep or {}
    if any(path.partition(".")[0] == ARTEFACTS for path in (*patch, *values, *sweep)):
        problem = "a what-if keeps the artefacts of its base"
        raise BriefInvalid([FieldProblem(ARTEFACTS, problem, "hand in a new assessment for other files")])
    before = base.brief.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    changed = merge_patch(before, patch)
    for path, value in values.items():
        changed = put(changed, path, value, "set", create=True)
    said = {**dict(_leaves(patch)), **values}
    made = tuple(_variant(base, before, changed, said, point) for point in _points(sweep))
    if not any(one.changed for one in made):
        raise OptionInvalid("brief", "nothing would change: the base has these values already")
    return made


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
    """`data` with `value` at the dotted `path` (`llm_serving.0.gpu`, or `llm_serving.chat.gpu` by the item's name); nothing of `data` is
    changed.

    Every part but the last must be there, unless `create` lets maps come into being, and an item at the end of a list.
    Raises OptionInvalid that says which part is not there and what is."""
    parts = path.split(".")
    if not all(parts):
        raise OptionInvalid(option, f"{path[:80]!r} is no path: it reads like llm_serving.0.gpu")
    return _put(data, parts, 0, value, option, create)


def _put(data: Any, parts: Sequence[str], at: int, value: Any, option: str, create: bool) -> Any:
    if at == len(parts):
        return value
    part, here, last = parts[at], ".".join(parts[:at]) or "the brief", at + 1 == len(parts)
    if isinstance(data, list | tuple):
        n = _item(data, part)
        if n is None or n > len(data) or (n == len(data) and not (create and last)):
            raise OptionInvalid(option, f"{'.'.join(parts)}: {here} {_there(data)}")
        new = _put(data[n] if n < len(data) else None, parts, at + 1, value, option, create)
        return [*data[:n], new, *data[n + 1 :]]
    if not isinstance(data, Mapping):
        raise OptionInvalid(option, f"{'.'.join(parts)}: {here} holds a single value, which has no {part!r}")
    if part not in data and not last and not create:
        there = ", ".join(sorted(data)) or "nothing"
        raise OptionInvalid(option, f"{'.'.join(parts)}: {here} has no {part!r}; it has {there}")
    return {**data, part: _put(data.get(part, {}), parts, at + 1, value, option, create)}


def _item(items: Sequence[Any], part: str) -> int | None:
    """Its place in the list, by its number or by its name."""
    if part.isascii() and part.isdigit():
        return int(part)
    return next(
        (n for n, one in enumerate(items) if isinstance(one, Mapping) and one.get("name") == part), None
    )


def _there(items: Sequence[Any]) -> str:
    """What a path could say of this list."""
    if not items:
        return "is an empty list; set the whole list"
    names = [str(one["name"]) for one in items[:10] if isinstance(one, Mapping) and "name" in one]
    by_name = f", or a name: {', '.join(names)}" if names else ""
    return f"is a list of {len(items)}, so the next part is a number from 0 to {len(items) - 1}{by_name}"


def _leaves(patch: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Path → value of all that a merge patch puts in or takes out."""
    for name, value in patch.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _points(sweep: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    count = 1
    for path, values in sweep.items():
        if not values:
            raise OptionInvalid("sweep", f"{path[:80]}: give at least one value")
        count *= len(values)
    if count > MOST_VARIANTS:
        raise OptionInvalid("sweep", f"that makes {count} variants; at most {MOST_VARIANTS} at once")
    for path, values in sweep.items():
        told = [json.dumps(value, sort_keys=True) for value in values]
        for n, value in enumerate(values):
            if told[n] in told[:n]:
                raise OptionInvalid("sweep", f"{path[:80]}: {shown(value)} stands there twice")
    yield from (dict(zip(sweep, point, strict=True)) for point in itertools.product(*sweep.values()))


def _variant(
    base: Submission, before: Mapping[str, Any], changed: Any, said: Mapping[str, Any], point: Mapping[str, Any]
) -> Variant:  # fmt: skip
    for path, value in point.items():
        changed = put(changed, path, value, "sweep")
    brief = parse_brief(changed)
    after = brief.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    fields = tuple(
        sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    )
    told = ", ".join(f"{path}={shown(value)}" for path, value in (point or said).items())
    name = f"{brief.name}, what if {told}"
    name = name if len(name) <= NAME_LIMIT else name[: NAME_LIMIT - 1] + "…"
    return Variant(name, dict(point), fields, Submission(brief=brief, artefacts=base.artefacts))
