"""Availability of a request's path, and the checkpoints of a training job.

Series A = ΠAᵢ; k-of-n Σᵢ₌ₖⁿ C(n,i)·Aⁱ·(1−A)ⁿ⁻ⁱ (parallel is 1-of-n). All is reckoned on the unavailability 1 − A, where the
digits that matter are: 0.9999999 as a double has lost half of them. Sources: Trivedi & Bobbio, "Reliability and Availability
Engineering" (2017) for the systems, Fleming (1975) for the β-factor; Young (1974) and Daly (2006) for checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

MINUTES_PER_YEAR = 525_600
MINUTES_PER_30_DAYS = 43_200
MOST_REPLICAS = 1_000  # the brief's own bound
_TOLERANCE = 1 + 1e-12  # a target that is met exactly is met


@dataclass(frozen=True)
class Part:
    """`needed` of `replicas` must work; each is unavailable for the share `unavailable` of the time."""

    name: str
    unavailable: float
    replicas: int = 1
    needed: int = 1


def complement(share: float) -> float:
    """1 − share of the decimal that was written: 0.0001 for 0.9999, not 0.00009999999999998899."""
    return float(1 - Fraction(repr(share)))


def unavailability(part: Part, common_cause: float = 0.0) -> float:
    """Share of time in which fewer than `needed` replicas work. `common_cause` (β) of the failures takes all replicas at once."""
    if part.replicas == 1:
        return part.unavailable
    shared = common_cause * part.unavailable
    if shared >= 1:
        return 1.0
    # What is left to each replica alone, such that both causes together make up its own unavailability again.
    alone = (part.unavailable - shared) / (1 - shared)
    return shared + (1 - shared) * _fewer_than(part.needed, part.replicas, alone)


def series_unavailability(parts: Sequence[Part], common_cause: float = 0.0) -> float:
    """Share of time in which at least one part of the path does not work: 1 − Π(1 − Uᵢ) without cancellation."""
    each = [unavailability(part, common_cause) for part in parts]
    if any(u >= 1 for u in each):
        return 1.0
    return max(0.0, -math.expm1(math.fsum(math.log1p(-u) for u in each)))  # never −0


def meets(unavailable: float, target: float) -> bool:
    """Is the unavailability within what the target allows?"""
    return unavailable <= complement(target) * _TOLERANCE


def replicas_for(parts: Sequence[Part], target: float) -> list[Part] | None:
    """The parts with the replicas that meet the target, adding one at a time where it helps most; None if no number does."""
    planned = list(parts)
    while not meets(series_unavailability(planned), target):
        gains = [(_gain(part), -index) for index, part in enumerate(planned)]
        gain, minus_index = max(gains)
        if gain <= 0:
            return None
        planned[-minus_index] = _one_more(planned[-minus_index])
    return planned


def checkpoint_interval(checkpoint: float, mtbf: float) -> float:
    """Young's interval √(2·C·MTBF) between two checkpoints, in the unit of both."""
    return math.sqrt(2 * checkpoint * mtbf)


def checkpoint_waste(checkpoint: float, mtbf: float) -> float:
    """Share of the time lost to checkpoints and to work done again, √(2·C/MTBF), at the best interval (first order)."""
    return math.sqrt(2 * checkpoint / mtbf)


def _one_more(part: Part) -> Part:
    return replace(part, replicas=part.replicas + 1)


def _gain(part: Part) -> float:
    now = unavailability(part)
    if part.replicas >= MOST_REPLICAS or now <= 0:
        return 0.0
    after = unavailability(_one_more(part))
    if now >= 1:
        return math.inf if after < 1 else 0.0
    return math.log1p(-after) - math.log1p(-now)


def _fewer_than(needed: int, replicas: int, unavailable: float) -> float:
    """P(fewer than `needed` of `replicas` work). C(1000, 500) still is a double, so the brief's 1 000 replicas do not overflow."""
    up, down = 1 - unavailable, unavailable
    terms = (float(math.comb(replicas, i)) * up**i * down ** (replicas - i) for i in range(needed))
    return min(1.0, math.fsum(terms))
