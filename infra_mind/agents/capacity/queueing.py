"""Erlang's formulas for a queue M/M/c: arrivals λ (1/s), mean service time s, load a = λ·s (Erlangs), c servers.

Source: A. K. Erlang (1917); the integral form of the inverse B formula: D. L. Jagerman, "Some properties of the Erlang loss
function", Bell System Technical Journal 53 (1974). All works on 1/B, a sum of positive terms: nothing cancels, so it is stable
for any load; B itself falls below the smallest double long before the waits that people ask for do.

Whether a number of servers is enough is mostly seen without 1/B itself, from bounds on it that are 1/(12·c) apart: A. J. E. M. Janssen,
J. S. H. van Leeuwaarden, B. Zwart, "Refining square-root safety staffing by expanding Erlang C", Operations Research 59 (2011)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

# Above this load the O(√a) sum costs more than a quadrature of fixed length.
QUADRATURE_FROM = 10_000.0
BISECTION_FROM = 100.0  # below it the sum has few terms and the walk few steps
_CERTAIN = 1e-9  # relative; far above what rounding does to the bounds
_LARGEST_EXPONENT = 700.0  # e^700 is near the end of the doubles; past it 1/B is infinite and B is 0


def inverse_erlang_b(servers: int, load: float) -> float:
    """1/B(c, a): the inverse of the share of arrivals that find all `servers` busy, `inf` where B is below any double."""
    if servers < 0 or load <= 0:
        raise ValueError(f"needs servers >= 0 and load > 0, got {servers} and {load}")
    if load > QUADRATURE_FROM and load <= servers <= 1.5 * load:
        return _inverse_b_integral(servers, load)
    return _inverse_b_sum(servers, load)


def erlang_b(servers: int, load: float) -> float:
    """Share of arrivals that find all servers busy and are lost (M/M/c/c), 0 to 1."""
    return 1.0 / inverse_erlang_b(servers, load)


def erlang_c(servers: int, load: float) -> float:
    """Probability that an arrival waits, C = B/(1 − ρ(1 − B)). Raises ValueError when load >= servers: no steady state."""
    _must_be_stable(servers, load)
    return _wait_share(servers, load, inverse_erlang_b(servers, load))


def mean_wait(servers: int, load: float, service_time: float) -> float:
    """Mean wait over all arrivals, C·s/(c − a), in the unit of `service_time`."""
    return erlang_c(servers, load) * service_time / (servers - load)


def p_within(servers: int, load: float, service_time: float, within: float) -> float:
    """P(wait <= within) = 1 − C·e^(−(c − a)·t/s)."""
    return 1.0 - erlang_c(servers, load) * math.exp(-(servers - load) * within / service_time)


def smallest_servers(load: float, service_time: float, within: float, percentile: float) -> int:
    """The smallest c with P(wait <= within) >= percentile. Starts at the first stable c; P rises with c, so the first is it."""
    if not 0 < percentile < 1:
        raise ValueError(f"percentile must be between 0 and 1, got {percentile}")
    first = math.floor(load) + 1

    def meets(servers: int, inverse_b: float) -> bool:
        late = _wait_share(servers, load, inverse_b) * math.exp(-(servers - load) * within / service_time)
        return late <= 1.0 - percentile

    def enough(servers: int) -> bool:
        least, most = inverse_b_bounds(servers, load)
        if meets(servers, least * (1.0 - _CERTAIN)):
            return True
        return meets(servers, most * (1.0 + _CERTAIN)) and meets(servers, inverse_erlang_b(servers, load))

    if load > BISECTION_FROM:
        return _bisect(first, enough)
    servers, inverse_b = first, inverse_erlang_b(first, load)
    while not meets(servers, inverse_b):
        servers += 1
        inverse_b = 1.0 + servers / load * inverse_b  # the recursion 1/B(c) = 1 + (c/a)/B(c − 1)
    return servers


def inverse_b_bounds(servers: int, load: float) -> tuple[float, float]:
    """Bounds on 1/B(c, a) for c > a > 0: √c·Φ(α)/φ(α) + 2/3, and √c/((12·c − 1)·φ(α)) above it; α²/2 = c·ln(c/a) − (c − a)."""
    root, spare = math.sqrt(load), servers - load
    exponent = max(0.0, _exponent(spare / root, root, spare))
    if exponent > _LARGEST_EXPONENT:
        return math.inf, math.inf
    scale = math.sqrt(2.0 * math.pi * servers) * math.exp(exponent)  # √c/φ(α)
    least = scale * 0.5 * math.erfc(-math.sqrt(exponent)) + 2.0 / 3.0
    return least, least + scale / (12.0 * servers - 1.0)


def _must_be_stable(servers: int, load: float) -> None:
    if load >= servers:
        raise ValueError(f"load {load} is not below {servers} servers: the queue has no steady state")


def _wait_share(servers: int, load: float, inverse_b: float) -> float:
    return 1.0 / (load / servers + (servers - load) / servers * inverse_b)


def _bisect(first: int, meets: Callable[[int], bool]) -> int:
    """The smallest c >= first for which the monotone `meets` is true."""
    step, below = 1, first - 1
    while not meets(below + step):
        below += step
        step *= 2
    above = below + step
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if meets(middle) else (middle, above)
    return above


def _inverse_b_sum(servers: int, load: float) -> float:
    """1/B = Σⱼ c!/(c − j)! · a⁻ʲ. Past c − a terms they only fall, so the sum ends once they no longer count."""
    total = term = 1.0
    for left in range(servers, 0, -1):
        term *= left / load
        total += term
        if total > 1e300:
            return math.inf
        if left < load and term < total * 1e-18 * (1 - left / load):
            break
    return total


def _inverse_b_integral(servers: int, load: float) -> float:
    """1/B = √a ∫₀^∞ e^(c·ln(1 + u/√a) − u·√a) du for c >= a: one hump of width √(c/a), so a fixed rule is exact to 1e-12."""
    root = math.sqrt(load)
    spare = servers - load
    peak = spare / root
    if _exponent(peak, root, spare) > _LARGEST_EXPONENT:
        return math.inf
    start, end = max(0.0, peak - 12.0), peak + 12.0
    panels = max(1, math.ceil((end - start) / 3.0))
    half = (end - start) / panels / 2
    total = 0.0
    for panel in range(panels):
        middle = start + (2 * panel + 1) * half
        for node, weight in _legendre(16):
            total += weight * math.exp(_exponent(middle + half * node, root, spare))
    return root * half * total


def _exponent(u: float, root: float, spare: float) -> float:
    """c·ln(1 + x) − a·x with x = u/√a, written so that the large parts do not cancel."""
    x = u / root
    return root * root * _log1p_less_x(x) + spare * math.log1p(x)


def _log1p_less_x(x: float) -> float:
    if x > 0.01:
        return math.log1p(x) - x
    return -x * x * (1 / 2 - x * (1 / 3 - x * (1 / 4 - x * (1 / 5 - x * (1 / 6 - x * (1 / 7 - x / 8))))))


@cache
def _legendre(order: int) -> tuple[tuple[float, float], ...]:
    """Nodes and weights of the Gauss-Legendre rule on [−1, 1], by Newton's method on the Legendre polynomial."""
    rule = []
    for k in range(order):
        x = math.cos(math.pi * (k + 0.75) / (order + 0.5))
        slope = 1.0
        for _ in range(50):
            value, before = 1.0, 0.0
            for n in range(order):
                value, before = ((2 * n + 1) * x * value - n * before) / (n + 1), value
            slope = order * (x * value - before) / (x * x - 1)
            step = value / slope
            x -= step
            if abs(step) < 1e-15:
                break
        rule.append((x, 2 / ((1 - x * x) * slope * slope)))
    return tuple(rule)
