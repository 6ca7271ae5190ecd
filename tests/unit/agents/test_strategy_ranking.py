"""Dominance, ties and stability of the ranking, for any scores and weights."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.agents.strategy.options import DIMENSIONS
from infra_mind.agents.strategy.ranking import dominates, order, rank, utility

EQUAL = (1.0, 1.0, 1.0, 1.0, 1.0)
score = st.tuples(*[st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.75, 1.0])] * len(DIMENSIONS))
scores = st.dictionaries(st.sampled_from("abcdefgh"), score, max_size=8)
weights = st.tuples(*[st.sampled_from([0.0, 0.1, 1.0, 2.5, 5.0])] * len(DIMENSIONS)).filter(any)


def test_utility_is_the_weighted_mean() -> None:
    assert utility((1.0, 0.5, 0.0, 0.0, 0.0), (1.0, 2.0, 1.0, 0.0, 0.0)) == pytest.approx(0.5)


@given(scores, weights)
@settings(deadline=None)
def test_a_dominated_option_never_stands_above_its_dominator(
    found: dict[str, tuple[float, ...]], given_weights: tuple[float, ...]
) -> None:
    place = {i: n for n, i in enumerate(order(found, given_weights))}
    for a in found:
        for b in found:
            if dominates(found[a], found[b]):
                assert place[a] < place[b]


@given(scores, weights)
@settings(deadline=None, max_examples=20)
def test_the_pareto_front_is_what_nothing_dominates(
    found: dict[str, tuple[float, ...]], given_weights: tuple[float, ...]
) -> None:
    ranked = rank(found, given_weights)
    front = {r.id for r in ranked if r.pareto}
    assert front == {i for i in found if not any(dominates(s, found[i]) for s in found.values())}
    assert all(0 <= r.stability <= 1 and 0 <= r.utility <= 1 for r in ranked)
    assert [r.utility for r in ranked] == sorted((r.utility for r in ranked), reverse=True)


def test_a_dominated_option_stands_below_even_where_the_difference_has_no_weight() -> None:
    found = {"a": (0.5, 0.0, 0.0, 0.0, 0.0), "z": (0.5, 0.0, 0.9, 0.0, 0.0)}
    assert order(found, (1.0, 0.0, 0.0, 0.0, 0.0)) == ["z", "a"]


def test_equal_options_are_a_tie_and_a_clear_one_is_none() -> None:
    found = {"a": (0.5,) * 5, "b": (0.5,) * 5, "c": (1.0,) * 5}
    ranked = {r.id: r for r in rank(found, EQUAL)}
    assert (ranked["a"].tie_with, ranked["b"].tie_with, ranked["c"].tie_with) == (("b",), ("a",), ())
    assert ranked["c"].stability == 1.0


def test_what_the_weights_could_turn_round_is_a_tie_of_low_stability() -> None:
    found = {"a": (1.0, 0.0, 0.0, 0.0, 0.0), "b": (0.0, 0.98, 0.0, 0.0, 0.0)}
    first, second = rank(found, EQUAL)
    assert (first.id, first.tie_with, second.tie_with) == ("a", ("b",), ("a",))
    assert 0.4 < first.stability < 0.7


def test_a_clear_difference_is_no_tie() -> None:
    found = {"a": (1.0, 0.0, 0.0, 0.0, 0.0), "b": (0.0, 0.2, 0.0, 0.0, 0.0)}
    assert rank(found, EQUAL)[0].tie_with == ()


def test_the_same_input_gives_the_same_stability() -> None:
    found = {"a": (0.4, 0.1, 0.3, 0.0, 0.2), "b": (0.1, 0.5, 0.0, 0.3, 0.1)}
    assert rank(found, EQUAL) == rank(dict(reversed(found.items())), EQUAL)


def test_nothing_to_rank() -> None:
    assert rank({}, EQUAL) == []
