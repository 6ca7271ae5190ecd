"""Erlang's formulas against exact arithmetic, against each other, and against what must hold for any load."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.agents.capacity import queueing, simulation
from infra_mind.agents.capacity.queueing import (
    erlang_b,
    erlang_c,
    inverse_erlang_b,
    mean_wait,
    p_within,
    smallest_servers,
)
from infra_mind.model.brief import Service

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


def test_a_million_erlangs_give_no_made_up_number() -> None:
    servers = smallest_servers(1e6, 0.1, 0.0, 0.99)
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


def by_recursion(load: float, time_s: float, within: float, percentile: float) -> int:
    """The smallest number of servers by the recursion 1/B(c) = 1 + (c/a)/B(c − 1) from one server on, and nothing else."""
    inverse, servers = 1.0, 0
    while True:
        servers += 1
        inverse = 1.0 + servers / load * inverse
        if servers > load:
            waits = 1.0 / (load / servers + (servers - load) / servers * inverse)
            if waits * math.exp(-(servers - load) * within / time_s) <= 1.0 - percentile:
                return servers


@given(
    load=st.floats(1e-3, 3e3), time_s=st.floats(1e-3, 1e3), within=st.floats(0, 10), percentile=percentiles
)
def test_the_smallest_number_is_that_of_the_plain_recursion(
    load: float, time_s: float, within: float, percentile: float
) -> None:
    assert smallest_servers(load, time_s, within, percentile) == by_recursion(
        load, time_s, within, percentile
    )


@pytest.mark.parametrize("load", [1e5, 123_456.7])
@pytest.mark.parametrize(("within", "percentile"), [(0.0, 0.5), (0.0, 0.999), (0.05, 0.95), (1.0, 0.9999)])
def test_large_loads_as_by_the_plain_recursion(load: float, within: float, percentile: float) -> None:
    assert smallest_servers(load, 1.0, within, percentile) == by_recursion(load, 1.0, within, percentile)


@given(load=st.floats(1e-2, 3e4), spare=st.floats(1e-3, 8.0))
def test_the_bounds_hold(load: float, spare: float) -> None:
    servers = math.floor(load + spare * load**0.5) + 1
    least, most = queueing.inverse_b_bounds(servers, load)
    exact = queueing._inverse_b_sum(servers, load)
    assert least * (1 - 1e-9) <= exact <= most * (1 + 1e-9)
    assert most - least <= least / (6 * servers - 1)


def test_the_bounds_hold_for_every_small_number_of_servers() -> None:
    for servers in range(1, 200):
        for share in (0.05, 0.5, 0.9, 0.999):
            exact = float(exact_inverse_b(servers, Fraction(share) * servers))
            least, most = queueing.inverse_b_bounds(servers, share * servers)
            assert least * (1 - 1e-9) <= exact <= most * (1 + 1e-9)


sigmas = st.none() | st.floats(0.01, 1.5)


@settings(max_examples=40)
@given(
    load=st.floats(0.1, 2e3), time_s=st.floats(1e-2, 10), within=st.floats(0, 2), percentile=percentiles,
    arrivals_sigma=sigmas, service_sigma=sigmas,
)  # fmt: skip
def test_the_percentiles_are_those_of_all_draws_reckoned_one_by_one(
    load: float, time_s: float, within: float, percentile: float, arrivals_sigma: float | None, service_sigma: float | None
) -> None:  # fmt: skip
    service = Service(
        name="s", arrivals_per_s=load / time_s, service_time_s=time_s,
        arrivals_sigma=arrivals_sigma, service_sigma=service_sigma,
    )  # fmt: skip
    every = sorted(
        smallest_servers(load, own_time, within, percentile)
        for load, own_time in simulation._draws(service, 200)
    )
    shares = (0.05, 0.5, 0.95)
    found = simulation.servers_at(service, simulation.Target(within, percentile), shares, samples=200)
    assert found == [every[math.ceil(share * 200) - 1] for share in shares]


@given(load=loads, factor=st.floats(1.0, 3.0), percentile=percentiles)
def test_more_load_never_needs_fewer_servers(load: float, factor: float, percentile: float) -> None:
    assert smallest_servers(load, 1.0, 0.1, percentile) <= smallest_servers(
        load * factor, 1.0, 0.1, percentile
    )
