"""Series, k-of-n and checkpoints against published values, and what must hold for any path."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.reliability.availability import (
    MINUTES_PER_YEAR,
    Part,
    checkpoint_interval,
    checkpoint_waste,
    complement,
    meets,
    replicas_for,
    series_unavailability,
    unavailability,
)

shares = st.floats(min_value=1e-6, max_value=0.5)


@st.composite
def parts(draw: st.DrawFn) -> Part:
    replicas = draw(st.integers(1, 8))
    return Part("p", draw(shares), replicas, draw(st.integers(1, replicas)))


def test_three_times_four_nines_in_series() -> None:
    lost = series_unavailability([Part("x", complement(0.9999))] * 3)
    assert (1 - lost) * 100 == pytest.approx(99.970003, abs=5e-7)
    assert lost * MINUTES_PER_YEAR == pytest.approx(157.66, abs=5e-3)


def test_two_times_three_nines_in_parallel() -> None:
    assert unavailability(Part("x", complement(0.999), 2)) == pytest.approx(1e-6, rel=1e-12)


def test_k_of_n_agrees_with_exact_fractions() -> None:
    up = Fraction(97, 100)
    exact = sum(math.comb(5, i) * up**i * (1 - up) ** (5 - i) for i in range(3))
    assert unavailability(Part("x", 0.03, 5, 3)) == pytest.approx(float(exact), rel=1e-12)


def test_a_thousand_replicas_do_not_overflow() -> None:
    assert unavailability(Part("x", 0.5, 1000, 500)) == pytest.approx(0.4874, abs=1e-4)


def test_a_common_cause_takes_all_replicas_at_once() -> None:
    part = Part("x", 0.001, 2)
    assert unavailability(part, common_cause=0.1) == pytest.approx(0.0001 + 0.0009**2, rel=1e-3)
    assert unavailability(part, common_cause=1.0) == pytest.approx(0.001)


def test_a_target_that_is_met_exactly_is_met() -> None:
    assert meets(series_unavailability([Part("x", complement(0.999), 2)]), 0.999999)


def test_replicas_are_added_where_they_help_most() -> None:
    planned = replicas_for([Part("front", 0.0001), Part("database", 0.01)], 0.9995)
    assert planned is not None
    assert [p.replicas for p in planned] == [1, 2]


def test_what_is_never_available_cannot_be_mended_by_replicas() -> None:
    assert replicas_for([Part("dead", 1.0), Part("fine", 0.0)], 0.9) is None


def test_young_and_daly() -> None:
    assert checkpoint_interval(5, 2400) == pytest.approx(math.sqrt(2 * 5 * 2400))
    assert checkpoint_waste(5, 2400) == pytest.approx(math.sqrt(10 / 2400))


@given(st.lists(parts(), min_size=1, max_size=6))
def test_a_path_is_no_better_than_its_worst_part(path: list[Part]) -> None:
    lost = series_unavailability(path)
    assert max(unavailability(p) for p in path) * (1 - 1e-9) <= lost <= 1


@given(parts())
def test_a_replica_more_never_harms_and_one_more_needed_never_helps(part: Part) -> None:
    now = unavailability(part)
    assert 0 <= now <= 1
    assert unavailability(Part("p", part.unavailable, part.replicas + 1, part.needed)) <= now * (1 + 1e-9)
    if part.needed < part.replicas:
        harder = Part("p", part.unavailable, part.replicas, part.needed + 1)
        assert unavailability(harder) >= now * (1 - 1e-9)


@given(st.lists(parts(), min_size=1, max_size=4), st.floats(0.9, 0.99999))
def test_a_plan_meets_the_target_and_takes_nothing_away(path: list[Part], target: float) -> None:
    planned = replicas_for(path, target)
    assert planned is not None
    assert meets(series_unavailability(planned), target)
    assert all(then.replicas >= now.replicas for now, then in zip(path, planned, strict=True))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_common_cause_leaves_each_replica_as_unavailable_as_it_was(share: float) -> None:
    # All of two needed: with everything shared it is one replica, so the pair is never worse than without a common cause.
    shared = unavailability(Part("p", 0.5, 2, 2), share)
    alone = (0.5 - share * 0.5) / (1 - share * 0.5)
    assert 1 - (1 - share * 0.5) * (1 - alone) == pytest.approx(0.5)
    assert shared == pytest.approx(1 - (1 - share * 0.5) * (1 - alone) ** 2)


def test_a_pair_that_is_down_half_of_the_time_gains_nothing_from_a_common_cause() -> None:
    assert unavailability(Part("p", 0.5, 2), 0.1) > unavailability(Part("p", 0.5, 2))
    assert unavailability(Part("p", 1.0, 2), 1.0) == 1.0


@given(parts(), st.floats(0, 1))
def test_a_common_cause_never_helps_a_single_survivor(part: Part, share: float) -> None:
    redundant = Part("p", part.unavailable, part.replicas, 1)
    assert unavailability(redundant, share) >= unavailability(redundant) * (1 - 1e-9)
