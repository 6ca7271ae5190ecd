"""Dated tables of facts about the world: one JSON file each under `infra_mind/knowledge/data/`, checked as it is read.

A file is `{"title", "source", "as_of", "rows": [...]}`, one row a line so that a change is one line of a diff. `source` (a paper,
data sheet, price list) and `as_of` (ISO date or month of that source's data) stand in the head; a row may have its own. Published
tables have errors, so a row type gives every number a range, and a table is refused as a whole when one row is wrong.
Where all rows map the same names (regions) to values, the head's `columns` has the names once, by field, and a row a list in their order.

    class Gpu(Row):
        id: str
        memory_bytes: Annotated[int, Field(ge=8 * 2**30, le=2**40)]

    gpus = load("gpus", Gpu, key=attrgetter("id"))      # reads data/gpus.json once
    gpus.by_key["l4"].memory_bytes
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from infra_mind.model.base import Value


class TableInvalid(ValueError):  # noqa: N818 - named like the other errors here
    """A packaged table breaks its own rules: a defect of the data, found when it is read. `table` is its name."""

    def __init__(self, table: str, problem: str) -> None:
        self.table = table
        super().__init__(f"table {table}: {problem}")


def _real_date(text: str) -> str:
    date.fromisoformat(text + "-01-01"[len(text) - 4 :])  # a year or a month stands for its first day
    return text


AsOf = Annotated[str, Field(pattern=r"^20\d{2}(-\d{2}(-\d{2})?)?$"), AfterValidator(_real_date)]
Source = Annotated[str, Field(min_length=4, pattern=r"\S")]


class Row(Value):
    """One row: subclasses add their columns, each with its range. What a row lacks of these two it takes from the head."""

    source: Source
    as_of: AsOf


class Head(Value):
    """The head of a table. `as_of` is the date of its newest data; past `max_age_days` its numbers count as stale."""

    title: Annotated[str, Field(min_length=4)]
    source: Source
    as_of: AsOf
    notes: str = ""
    max_age_days: Annotated[int, Field(ge=1)] | None = None
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Table(Generic[R]):
    """A checked table: `rows` in the order of the file, `by_key` the same by their key, `sha256` of the file's bytes."""

    name: str
    head: Head
    sha256: str
    rows: tuple[R, ...]
    by_key: Mapping[Any, R]


class Index(Generic[R]):
    """A large table of which few rows are wanted: the text is read once, a row is checked when it is asked for.

    The tests check every row of it through `parse`."""

    def __init__(self, name: str, row: type[R]) -> None:
        self.head, self._items = _split(name, _read(name))
        self._name, self._row = name, row
        self._checked: dict[int, R] = {}

    def __len__(self) -> int:
        return len(self._items)

    def raw(self, number: int) -> dict[str, Any]:
        """The row as it stands, its lists spread over the head's columns, unchecked."""
        return _spread(self._name, number + 1, self._items[number], self.head.columns)

    def row(self, number: int) -> R:
        """The row, checked. Raises TableInvalid naming the field."""
        if number not in self._checked:
            item = {"source": self.head.source, "as_of": self.head.as_of, **self.raw(number)}
            self._checked[number] = _row(self._name, number + 1, item, self._row)
        return self._checked[number]

    def values(self, field: str) -> tuple[Any, ...]:
        """The field of every row, in their order, unchecked."""
        return tuple(item.get(field) for item in self._items)


@cache
def index(name: str, row: type[R]) -> Index[R]:
    """The packaged table `data/<name>.json` for looking up single rows, read on first use and kept."""
    return Index(name, row)


_loaded: dict[tuple[str, type[Row]], Table[Any]] = {}


def load(name: str, row: type[R], key: Callable[[R], Hashable]) -> Table[R]:
    """The packaged table `data/<name>.json`, read on first use and kept. Raises TableInvalid naming the row and the field."""
    # Kept by name and row type alone: a getter made anew at each call is another object, and the file would be read again.
    if (name, row) not in _loaded:
        _loaded[name, row] = parse(name, _read(name), row, key)
    return _loaded[name, row]


def parse(name: str, raw: bytes, row: type[R], key: Callable[[R], Hashable]) -> Table[R]:
    """The table in `raw` (UTF-8 JSON), checked: source and date present, every value in its range, no key twice."""
    head, items = _split(name, raw)
    by_key: dict[Hashable, R] = {}
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise TableInvalid(name, f"row {number} is no object")
        item = _spread(name, number, item, head.columns)
        checked = _row(name, number, {"source": head.source, "as_of": head.as_of, **item}, row)
        if checked.as_of[: len(head.as_of)] > head.as_of:
            raise TableInvalid(
                name, f"row {number} is of {checked.as_of}, later than the table ({head.as_of})"
            )
        if key(checked) in by_key:
            raise TableInvalid(name, f"row {number}: {key(checked)!r} stands twice")
        by_key[key(checked)] = checked
    if not by_key:
        raise TableInvalid(name, "has no rows")
    return Table(name, head, _sha256(raw), tuple(by_key.values()), MappingProxyType(by_key))


@cache
def _versions() -> tuple[tuple[str, str, str, str], ...]:
    found = []
    for name in sorted(_names()):
        raw = _read(name)
        head, _ = _split(name, raw)
        found.append((name, head.as_of, head.source, _sha256(raw)))
    return tuple(found)


def versions() -> dict[str, dict[str, str]]:
    """Every packaged table: name → {as_of, source, sha256}. The `data_versions` of a result."""
    return {
        n: {"as_of": as_of, "source": source, "sha256": digest} for n, as_of, source, digest in _versions()
    }


def nearest(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Up to `limit` of the `known` names that look most like `name`, best first, blind to case and punctuation."""
    by_plain = {_plain(k): k for k in sorted(known)}
    wanted = _plain(name)
    inside = [p for p in by_plain if wanted and wanted in p]
    close = difflib.get_close_matches(wanted, by_plain, n=limit, cutoff=0.4)
    return tuple(by_plain[p] for p in dict.fromkeys([*close, *inside]))[:limit]


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _data() -> Traversable:
    return resources.files("infra_mind.knowledge").joinpath("data")


def _names() -> list[str]:
    return [f.name.removesuffix(".json") for f in _data().iterdir() if f.name.endswith(".json")]


def _read(name: str) -> bytes:
    try:
        return _data().joinpath(f"{name}.json").read_bytes()
    except FileNotFoundError:
        raise TableInvalid(name, f"no such table; there are {', '.join(sorted(_names()))}") from None


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _split(name: str, raw: bytes) -> tuple[Head, list[Any]]:
    try:
        data = json.loads(raw, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except ValueError as error:
        raise TableInvalid(name, f"is no clean JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("rows"), list):
        raise TableInvalid(name, "needs title, source, as_of and a list of rows")
    rows = data.pop("rows")
    try:
        return Head.model_validate_json(json.dumps(data), strict=True), rows
    except ValidationError as error:
        raise TableInvalid(name, f"head: {_first(error)}") from None


def _spread(
    name: str, number: int, item: dict[str, Any], columns: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """The row with each list under a name of `columns` made a mapping; null in the list is no value."""
    out = dict(item)
    for field, names in columns.items():
        values = item.get(field)
        if isinstance(values, list):
            if len(values) != len(names):
                raise TableInvalid(
                    name, f"row {number}: {field} has {len(values)} values for {len(names)} names"
                )
            out[field] = {n: v for n, v in zip(names, values, strict=True) if v is not None}
    return out


def _row(name: str, number: int, item: dict[str, Any], row: type[R]) -> R:
    try:
        return row.model_validate_json(json.dumps(item), strict=True)
    except ValidationError as error:
        raise TableInvalid(name, f"row {number}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    item = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(str(p) for p in item['loc'])}: {item['msg']}"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a name stands twice among {[k for k, _ in pairs]}")
    return found


def _no_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no value")
