"""Literal texts in HCL by their names, whatever the text is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.security.literals import Reader, literals

Found = tuple[tuple[str, ...], str, int]


def found(text: str) -> list[Found]:
    return [(i.path, i.text, i.line) for i in literals(text)]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ([(("a",), "x", 1), (("b",), "y", 2)], 'a = "x"\nb = "y"\n'),
        ([(("m", "a"), "x", 1), (("m", "b"), "y", 1)], 'm = { a = "x", "b" : "y" }\n'),
        ([(("m", "a"), "x", 3)], 'm = [\n {\n a = "x"\n }\n]\n'),
        ([(("a",), "x\ny", 1), (("b",), "z", 5)], 'a = <<-EOT\nx\ny\nEOT\nb = "z"\n'),
        ([(("a",), "x", 1)], 'a = sensitive("x")\n'),
        ([(("o", "a"), "x", 1)], 'o = { a = optional(string, "x") }\n'),
        ([], 'a = join("-", ["x"])\nb = var.c ? "x" : "y"\nd = "x" == var.e\n'),
        ([], '# a = "x"\n// b = "y"\n/* c = "z" */\n'),
        ([(("b",), "y", 2)], 'a = "open\nb = "y"\n'),
    ],
)
def test_a_literal_has_the_names_above_it_and_its_line(expected: list[Found], text: str) -> None:
    assert found(text) == expected


def test_a_block_ends_where_it_closes() -> None:
    text = 'locals {\n  a = "{"\n}\nb = "y"\n'
    assert [i.path for i in Reader(text).read(0, block=True)] == [("a",)]


@given(st.text(alphabet='ab={}[](),:?"\\\n#/*<-E ', max_size=200))
def test_no_text_stops_the_reader(text: str) -> None:
    lines = text.count("\n") + 1
    assert all(1 <= i.line <= i.line_end <= lines for i in literals(text))
