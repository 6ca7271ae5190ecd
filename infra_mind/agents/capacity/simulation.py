"""How sure the number of servers is: a seeded Monte Carlo over lognormal inputs, and a tornado of which input moves it most."""

from __future__ import annotations

import hashlib
import json
import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from infra_mind.agents.capacity.queueing import smallest_servers
from infra_mind.model.brief import Service

SAMPLES = 2_000
_Z95 = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class Target:
    """`percentile` of the arrivals wait no longer than `within` seconds."""

    within: float
    percentile: float


@dataclass(frozen=True)
class Swing:
    """Servers when one input stands at its 5th and 95th percentile and the other at its median."""

    field: str
    sigma: float
    low: int
    high: int

    @property
    def width(self) -> int:
        return abs(self.high - self.low)


def seed_of(service: Service) -> int:
    """A seed from the service's own values: the same service gives the same samples in every process."""
    canonical = json.dumps(service.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:8], "big")


def servers_at(
    service: Service, target: Target, shares: Sequence[float], samples: int = SAMPLES
) -> list[int]:
    """The percentiles (`shares`, 0 to 1, by nearest rank) of the smallest numbers of servers over `samples` draws.

    λ and s are drawn as median·e^(σZ); an input without sigma stays at its value. The number of servers rises with the load a and,
    at one load, with s: between the shortest and the longest s of all draws it moves little, so only the draws whose a is near that
    of the wanted rank have to be reckoned one by one."""
    draws = sorted(_draws(service, samples))
    times = [time for _, time in draws]
    shortest, longest = min(times), max(times)

    def reckoned(draw: tuple[float, float], time: float | None = None) -> int:
        load, own = draw
        return smallest_servers(load, own if time is None else time, target.within, target.percentile)

    found = []
    for share in shares:
        rank = rank_of(share, samples)
        least, most = reckoned(draws[rank], shortest), reckoned(draws[rank], longest)
        # Draws below `start` need fewer than `least` however long s is, those from `end` on more than `most` however short it is.
        start = bisect_left(draws, least, key=lambda draw: reckoned(draw, longest))
        end = bisect_right(draws, most, key=lambda draw: reckoned(draw, shortest))
        near = sorted(reckoned(draw) for draw in draws[start:end])
        found.append(near[rank - start])
    return found


def rank_of(share: float, count: int) -> int:
    """The index of the percentile among `count` sorted values by nearest rank: a number that really came up, never between two."""
    return max(0, math.ceil(share * count) - 1)


def _draws(service: Service, samples: int) -> Iterator[tuple[float, float]]:
    """(load, service time) of each draw."""
    chance = random.Random(seed_of(service))  # noqa: S311 - a simulation, no secret
    for _ in range(samples):
        # Both are drawn always, so that giving one sigma does not shift the other's draws.
        yield _drawn(service, chance.gauss(), chance.gauss())


def tornado(service: Service, target: Target) -> list[Swing]:
    """One swing per uncertain input, widest first."""
    swings = []
    if service.arrivals_sigma:
        low, high = (_servers(service, target, z, 0.0) for z in (-_Z95, _Z95))
        swings.append(Swing("arrivals_per_s", service.arrivals_sigma, low, high))
    if service.service_sigma:
        low, high = (_servers(service, target, 0.0, z) for z in (-_Z95, _Z95))
        swings.append(Swing("service_time_s", service.service_sigma, low, high))
    return sorted(swings, key=lambda swing: (-swing.width, swing.field))


def _servers(service: Service, target: Target, z_arrivals: float, z_service: float) -> int:
    return smallest_servers(
        *_drawn(service, z_arrivals, z_service), within=target.within, percentile=target.percentile
    )


def _drawn(service: Service, z_arrivals: float, z_service: float) -> tuple[float, float]:
    arrivals = service.arrivals_per_s * math.exp((service.arrivals_sigma or 0.0) * z_arrivals)
    time = service.service_time_s * math.exp((service.service_sigma or 0.0) * z_service)
    return arrivals * time, time
