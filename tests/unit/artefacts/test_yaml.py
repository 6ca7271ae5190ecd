from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.artefacts import yaml
from infra_mind.errors import ArtefactRefused
from infra_mind.model.inventory import Lines
from infra_mind.settings import IntakeLimits


def load(text: str, **options: Any) -> Any:
    return yaml.load(text, name="brief.yaml", **options)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e9", 1e9),
        ("8.03e9", 8.03e9),
        ("+1", 1),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("-.5", -0.5),
        ("true", True),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("null", None),
        ("~", None),
        ("2024-01-02", "2024-01-02"),
        ("22:22", "22:22"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("9" * 50, "9" * 50),
    ],
)
def test_plain_scalars_of_yaml_1_2(text: str, value: Any) -> None:
    found = load(f"a: {text}")["a"]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "value"), [("no", False), ("on", True), ("0644", 420), ("0o644", 420), ("089", 89)]
)
def test_plain_scalars_of_the_go_readers(text: str, value: Any) -> None:
    assert load(f"a: {text}", dialect="1.1") == {"a": value}


def test_keys_become_text() -> None:
    assert load("1: a\ntrue: b\n2.5: c") == {"1": "a", "true": "b", "2.5": "c"}


def test_json_with_tabs_and_escaped_pairs() -> None:
    assert load('{\n\t"a": "\\ud83d\\ude00"\n}') == {"a": "😀"}


def test_an_empty_text_is_none() -> None:
    assert load("# nothing\n") is None


def refusal(text: str, **limits: int) -> str:
    with pytest.raises(ArtefactRefused) as refused:
        load(text, limits=IntakeLimits(**limits))  # type: ignore[arg-type]
    assert refused.value.path == "brief.yaml"
    return refused.value.reason


def test_a_doubled_key_names_both_lines() -> None:
    assert refusal("a: 1\nb: 2\na: 3") == "line 3: the key 'a' is given twice (first on line 1)"


def test_a_doubled_key_in_json() -> None:
    assert "given twice" in refusal('{"a": 1, "a": 2}')


def test_broken_yaml_names_the_line() -> None:
    assert refusal("a: 1\nb: [1, 2\nc: 3").startswith("line 3: ")


def test_an_unsafe_tag() -> None:
    assert "not allowed" in refusal("a: !!python/object/apply:os.system [ls]")


def test_two_documents_where_one_is_wanted() -> None:
    assert refusal("a: 1\n---\nb: 2") == "line 3: more than one YAML document; give one"


def test_a_bomb_of_aliases_is_refused_before_it_is_built() -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "once its aliases are expanded" in refusal("\n".join(rows))


def test_an_alias_inside_itself() -> None:
    assert "inside itself" in refusal("a: &a [*a]")


def test_too_many_aliases() -> None:
    assert "more than 3 aliases" in refusal("a: &a 1\nb: [*a, *a, *a, *a]", max_yaml_aliases=3)


@pytest.mark.parametrize("text", ["[" * 500, "{a: " * 500, "- " * 500 + "a", '{"a":' * 500])
def test_deep_nesting(text: str) -> None:
    assert "levels deep" in refusal(text)


def test_depth_through_aliases() -> None:
    rows = ["a0: &a0 [1]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 100)]
    assert "levels deep" in refusal("\n".join(rows))


def test_too_many_values() -> None:
    assert "more than 10 values" in refusal("[" + "1," * 20 + "]", max_yaml_nodes=10)


def test_merge_keys_give_way_to_own_ones() -> None:
    assert load("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3")["b"] == {"x": 1, "y": 3}


def test_of_two_merged_maps_the_first_wins() -> None:
    assert load("a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc:\n  <<: [*a, *b]")["c"] == {"x": 1, "y": 3}


def test_documents_know_their_lines() -> None:
    first, second = yaml.load_documents(
        "a:\n  b:\n    - 1\n    - c: 2\n---\n---\nd: |\n  x\n  y\ne: 1\n", name="x"
    )
    assert (first.line_start, first.line_end, first.lines["a.b.1.c"]) == (1, 4, Lines(start=4, end=4))
    assert first.lines["a"] == Lines(start=1, end=4)
    assert (second.line_start, second.lines["d"]) == (7, Lines(start=7, end=9))


@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>\n '\"#%,?<~\t", max_size=80))
def test_no_text_gets_out_of_the_error_tree(text: str) -> None:
    with contextlib.suppress(ArtefactRefused):
        yaml.load_documents(text, name="x")


_plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
)
_data = st.recursive(
    _plain | st.text(max_size=8),
    lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=5), v, max_size=4),
)


@given(st.dictionaries(st.text(max_size=5), _data, max_size=4))
def test_json_comes_back_as_it_was(data: dict[str, Any]) -> None:
    import json

    assert load(json.dumps(data)) == data
