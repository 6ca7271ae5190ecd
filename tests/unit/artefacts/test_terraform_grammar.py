"""The driver of our own over python-hcl2's tables: the same trees as lark's, and the same refusals."""

from pathlib import Path
from textwrap import dedent

import hcl2
import lark
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.folders import folder
from infra_mind.artefacts.terraform import grammar

EXAMPLES = Path(__file__).parents[3] / "examples"
LANGUAGE = dedent("""\
    # a comment
    locals {
      empty = {}
      none  = []
      chain = a ? b : c ? d : -e + 2 * 3 % 4 == 5 && !f || g >= h
      split = a
        && b
        || c
      wrapped = (
        1 + 2
      )
      list = [1, 2.5, "x", null, true,]
      each = [for i, v in var.x : "${i}-${v}" if v != ""]
      map  = { for k, v in var.x : k => v... if k > 0 }
      keys = { "a" = 1, b : 2, (c) = 3, in = 4, "${d}e" = 5, 6 = 7 }
      steps = a.b[0].c["d"][*].e.*.f.0
      call  = provider::x::f(a, [b], c...)
      text  = "a\\\\n $${b} %%{c} ${d} %{ if e ~}f%{ else }g%{ endif } %{ for h in i }${h}%{ endfor }"
    }
    resource "a" b "c" {
      for = 1 // comment
      dynamic "x" {
        for_each = y /* of
                        two lines */
        content { z = each.value }
      }
      nothing {}
    }

    text = <<EOT
    .
    EOT
    more = <<-EOT
      .
      EOT
    """)
TEXTS = {
    **dict(folder(10)),
    **{path.name: path.read_text() for path in EXAMPLES.rglob("*.tf")},
    "the whole language": LANGUAGE,
    "CRLF": LANGUAGE.replace("\n", "\r\n"),
    "nothing": "",
    "only a comment": "# nothing",
}
WORDS = ['"', "a", "1", "=", "{", "}", "[", "]", "(", ")", "\n", " ", "${", "%{", "if ", "for ", "in ", ":", "?", "+", "-", ".", "*", ",", "=>", "...", "#", "//", "/*", "<<E", "\\", "null", "\t", "é"]  # fmt: skip


def same(ours: grammar.Tree | grammar.Token, theirs: lark.Tree | lark.Token) -> bool:
    if isinstance(theirs, lark.Token):
        given = (str(theirs), theirs.line, theirs.end_line)
        return isinstance(ours, grammar.Token) and (ours.text, ours.line, ours.end_line) == given
    lines = (getattr(theirs.meta, "line", 0), getattr(theirs.meta, "end_line", 0))
    return (
        isinstance(ours, grammar.Tree)
        and (ours.data, ours.line, ours.end_line) == (theirs.data, *lines)
        and len(ours.children) == len(theirs.children)
        and all(map(same, ours.children, theirs.children))
    )


def reads_alike(text: str) -> bool:
    try:
        theirs = hcl2.parses_to_tree(text)
    except lark.exceptions.LarkError as error:
        with pytest.raises(type(error)) as ours:
            grammar.parse(text)
        return str(ours.value) == str(error)
    return same(grammar.parse(text), theirs)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_gives_the_tree_that_lark_gives(name: str) -> None:
    assert reads_alike(TEXTS[name])


def test_the_text_of_the_whole_language_is_one() -> None:
    assert {t.data for t in hcl2.parses_to_tree(LANGUAGE).iter_subtrees()} >= {
        "conditional", "for_tuple_expr", "for_object_expr", "full_splat", "attr_splat", "short_index", "function_call", "template_if_start",
        "template_for_start", "heredoc_template", "heredoc_template_trim", "unary_op", "object_elem_key", "keyword", "literal_value",
    }  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
@example('a = "b\n')
@example("a = 1 b = 2\n")
@example("a = b\n? c : d\n")
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_as_lark_does(text: str) -> None:
    assert reads_alike(text)


@given(st.sampled_from(sorted(TEXTS)), st.integers(0, 2_000), st.integers(0, 12), st.sampled_from(WORDS))
@settings(max_examples=80, deadline=None)
def test_a_damaged_text_too(name: str, at: int, length: int, word: str) -> None:
    text = TEXTS[name]
    assert reads_alike(text[:at] + word + text[at + length :])
