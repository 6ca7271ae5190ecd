"""How sure the number of servers is: a seeded Monte Carlo over lognormal inputs, and a tornado of which input moves it most."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

from infra_mind.agents.capacity.queueing import smallest_servers
from infra_mind.model.brief import Service

SAMPLES = 2_000
CHUNK = 100
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


def sample_servers(service: Service, target: Target, samples: int = SAMPLES) -> Iterator[list[int]]:
    """Smallest numbers of servers for `samples` draws, in chunks so that the caller can tell how far it is.

    λ and s are drawn as median·e^(σZ); an input without sigma stays at its value."""
    chance = random.Random(seed_of(service))  # noqa: S311 - a simulation, no secret
    for start in range(0, samples, CHUNK):
        chunk = []
        for _ in range(min(CHUNK, samples - start)):
            # Both are drawn always, so that giving one sigma does not shift the other's draws.
            z_arrivals, z_service = chance.gauss(), chance.gauss()
            chunk.append(_servers(service, target, z_arrivals, z_service))
        yield chunk


def nearest_rank(ordered: list[int], share: float) -> int:
    """The percentile of sorted values by nearest rank: a number that really came up, never between two."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


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
    arrivals = service.arrivals_per_s * math.exp((service.arrivals_sigma or 0.0) * z_arrivals)
    time = service.service_time_s * math.exp((service.service_sigma or 0.0) * z_service)
    return smallest_servers(arrivals * time, time, target.within, target.percentile)
