"""Erlang's formulas against exact arithmetic, against each other, and against what must hold for any load."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.capacity import queueing
from infra_mind.agents.capacity.queueing import (
    erlang_b,
    erlang_c,
    inverse_erlang_b,
    mean_wait,
    p_within,
    smallest_servers,
)

loads = st.floats(min_value=1e-3, max_value=3e4)
percentiles = st.floats(min_value=0.01, max_value=0.9999)


def exact_inverse_b(servers: int, load: Fraction) -> Fraction:
    inverse = Fraction(1)
    for c in range(1, servers + 1):
        inverse = 1 + c / load * inverse
    return inverse


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (10, 7.25), (55, 48.0), (40, 90.5), (130, 100.0)])
def test_erlang_b_agrees_with_exact_fractions(servers: int, load: float) -> None:
    assert inverse_erlang_b(servers, load) == pytest.approx(
        float(exact_inverse_b(servers, Fraction(load))), rel=1e-12
    )


def test_one_server_is_the_m_m_1_queue() -> None:
    assert erlang_c(1, 0.75) == pytest.approx(0.75)
    assert mean_wait(1, 0.75, 2.0) == pytest.approx(0.75 * 2.0 / 0.25)


@pytest.mark.parametrize("load", [10_001.0, 123_456.7, 1e6])
@pytest.mark.parametrize("beta", [0.01, 1.0, 4.0, 15.0])
def test_the_quadrature_agrees_with_the_sum(load: float, beta: float) -> None:
    servers = int(load + beta * load**0.5) + 1
    by_sum = queueing._inverse_b_sum(servers, load)
    assert queueing._inverse_b_integral(servers, load) == pytest.approx(by_sum, rel=1e-11)


def test_a_million_erlangs_take_no_time_and_no_made_up_number() -> None:
    started = time.perf_counter()
    servers = smallest_servers(1e6, 0.1, 0.0, 0.99)
    assert time.perf_counter() - started < 0.5
    assert 1 - erlang_c(servers, 1e6) >= 0.99
    assert 1 - erlang_c(servers - 1, 1e6) < 0.99


@pytest.mark.parametrize(("servers", "load"), [(5, 5.0), (5, 6.0)])
def test_no_steady_state_is_an_error_not_a_number(servers: int, load: float) -> None:
    with pytest.raises(ValueError, match="no steady state"):
        erlang_c(servers, load)
    with pytest.raises(ValueError, match="no steady state"):
        mean_wait(servers, load, 1.0)


@given(load=loads, spare=st.integers(min_value=1, max_value=500))
def test_probabilities_stay_in_their_bounds_and_fall_with_servers(load: float, spare: int) -> None:
    servers = int(load) + spare
    wait = erlang_c(servers, load)
    assert 0 <= erlang_b(servers, load) <= wait <= 1
    assert erlang_c(servers + 1, load) <= wait * (1 + 1e-9)


@given(load=loads, spare=st.integers(min_value=1, max_value=50), time_s=st.floats(1e-3, 1e3))
def test_a_longer_wait_is_met_by_more(load: float, spare: int, time_s: float) -> None:
    servers = int(load) + spare
    shares = [p_within(servers, load, time_s, within * time_s) for within in (0.0, 0.5, 2.0)]
    assert 0 <= shares[0] <= shares[1] <= shares[2] <= 1


@given(load=loads, percentile=percentiles, within=st.floats(0, 10))
def test_the_smallest_number_meets_and_one_less_does_not(
    load: float, percentile: float, within: float
) -> None:
    servers = smallest_servers(load, 1.0, within, percentile)
    assert servers > load
    assert p_within(servers, load, 1.0, within) >= percentile - 1e-9
    if servers - 1 > load:
        assert p_within(servers - 1, load, 1.0, within) < percentile + 1e-9


@given(load=loads, factor=st.floats(1.0, 3.0), percentile=percentiles)
def test_more_load_never_needs_fewer_servers(load: float, factor: float, percentile: float) -> None:
    assert smallest_servers(load, 1.0, 0.1, percentile) <= smallest_servers(
        load * factor, 1.0, 0.1, percentile
    )
