"""The loader of dated tables: what it gives, and what it refuses."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import Annotated, Any

import pytest
from pydantic import ConfigDict, Field

from infra_mind.knowledge import tables
from infra_mind.knowledge.tables import Row, Table, TableInvalid, nearest, parse, versions


class Price(Row):
    id: str
    usd: Annotated[float, Field(gt=0, le=1000)]


HEAD: dict[str, Any] = {"title": "Prices", "source": "a price list", "as_of": "2026-03"}


def read(*rows: dict[str, Any], **head: Any) -> Table[Price]:
    raw = json.dumps({**HEAD, **head, "rows": list(rows)}).encode()
    return parse("prices", raw, Price, attrgetter("id"))


def test_a_row_takes_source_and_date_from_the_head_unless_it_has_its_own() -> None:
    table = read(
        {"id": "a", "usd": 1.5}, {"id": "b", "usd": 2, "source": "its own list", "as_of": "2025-12-31"}
    )
    assert [(r.id, r.source, r.as_of) for r in table.rows] == [
        ("a", "a price list", "2026-03"),
        ("b", "its own list", "2025-12-31"),
    ]
    assert table.by_key["b"].usd == 2.0


def test_a_table_knows_the_digest_of_its_bytes() -> None:
    assert read({"id": "a", "usd": 1}).sha256 != read({"id": "a", "usd": 2}).sha256


@pytest.mark.parametrize("field", ["source", "as_of", "title"])
def test_a_head_without_source_date_or_title_is_refused(field: str) -> None:
    head = {k: v for k, v in HEAD.items() if k != field}
    with pytest.raises(TableInvalid, match=f"head: {field}"):
        parse(
            "prices", json.dumps({**head, "rows": [{"id": "a", "usd": 1}]}).encode(), Price, attrgetter("id")
        )


@pytest.mark.parametrize("field", ["source", "as_of"])
def test_a_row_with_an_empty_source_or_date_is_refused(field: str) -> None:
    with pytest.raises(TableInvalid, match=f"row 1: {field}"):
        read({"id": "a", "usd": 1, field: ""})


@pytest.mark.parametrize("as_of", ["2026-13", "2026-02-30", "March 2026", "26-03-01"])
def test_a_date_that_is_none_is_refused(as_of: str) -> None:
    with pytest.raises(TableInvalid, match="as_of"):
        read({"id": "a", "usd": 1}, as_of=as_of)


def test_a_row_later_than_its_table_is_refused() -> None:
    with pytest.raises(TableInvalid, match="later than the table"):
        read({"id": "a", "usd": 1, "as_of": "2026-04"})


@pytest.mark.parametrize("usd", [0, -1, 1e9, "1.5", None])
def test_a_value_out_of_range_or_of_another_type_is_refused_and_the_row_named(usd: object) -> None:
    with pytest.raises(TableInvalid, match="row 2: usd"):
        read({"id": "a", "usd": 1}, {"id": "b", "usd": usd})


def test_a_column_that_the_row_type_does_not_know_is_refused() -> None:
    with pytest.raises(TableInvalid, match="row 1: eur"):
        read({"id": "a", "usd": 1, "eur": 1})


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(TableInvalid, match="row 2: 'a' stands twice"):
        read({"id": "a", "usd": 1}, {"id": "a", "usd": 2})


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(TableInvalid, match="no rows"):
        read()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"rows": 3}',
        b'{"rows": [{"id": "a", "usd": NaN}]}',
        b'{"rows": [{"id": "a", "id": "b"}]}',
        b"\xff",
    ],
)
def test_what_is_no_clean_json_table_is_refused(raw: bytes) -> None:
    with pytest.raises(TableInvalid):
        parse("prices", raw, Price, attrgetter("id"))


def test_a_table_that_is_not_packaged_is_refused_by_name() -> None:
    with pytest.raises(TableInvalid, match="no such table"):
        tables.load("no_such_table", Price, attrgetter("id"))


def test_versions_name_every_packaged_table_with_date_source_and_digest() -> None:
    found = versions()
    assert list(found) == sorted(found)
    for version in found.values():
        assert version.keys() == {"as_of", "source", "sha256"}
        assert len(version["sha256"]) == 64


def test_versions_cannot_be_spoilt_by_a_caller() -> None:
    versions()["x"] = {}
    assert "x" not in versions()


@pytest.mark.parametrize(
    ("name", "best"), [("H100-SXM", "h100_sxm"), ("h100", "h100_sxm"), ("a100sxm", "a100_sxm"), ("zzz", None)]
)
def test_nearest_names_are_found_blind_to_case_and_punctuation(name: str, best: str | None) -> None:
    found = nearest(name, ["a100_sxm", "h100_sxm", "l4"])
    assert (found[0] if found else None) == best


class Loose(Row):
    model_config = ConfigDict(extra="ignore")
    id: str


def test_a_packaged_table_is_read_once() -> None:
    first = tables.load("gpus", Loose, lambda r: r.id)
    assert tables.load("gpus", Loose, lambda r: r.id) is first


COLUMNS = b'{"title": "test", "source": "a list", "as_of": "2026-01-01", "columns": {"usd": ["a", "b"]}, "rows": [{"id": "x", "usd": %s}]}'


class Spread(tables.Row):
    id: str
    usd: dict[str, float]


def test_a_list_is_spread_over_the_columns_of_the_head() -> None:
    table = tables.parse("test", COLUMNS % b"[1.5, null]", Spread, lambda row: row.id)
    assert table.by_key["x"].usd == {"a": 1.5}


def test_a_list_of_another_length_than_the_columns_is_refused() -> None:
    with pytest.raises(tables.TableInvalid, match="3 values for 2 names"):
        tables.parse("test", COLUMNS % b"[1, 2, 3]", Spread, lambda row: row.id)


def test_a_row_of_an_index_is_checked_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = COLUMNS.replace(b"%s}", b'[1.5, 2.5]}, {"id": "y", "usd": ["no", 1]}')
    monkeypatch.setattr(tables, "_read", lambda name: raw)
    index: tables.Index[Spread] = tables.Index("test", Spread)
    assert (len(index), index.values("id")) == (2, ("x", "y"))
    assert index.row(0).usd == {"a": 1.5, "b": 2.5}
    with pytest.raises(tables.TableInvalid, match="row 2"):
        index.row(1)
