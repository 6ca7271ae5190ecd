"""Weighted utility, Pareto front, and how much of a rank is due to the weights (seeded perturbation)."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import add, eq, mul

from infra_mind.agents.strategy.options import DIMENSIONS

DRAWS = 500
SIGMA = (
    0.2  # of the logarithm of each weight: about a fifth up or down, less than one step of a scale of five
)

Scores = Mapping[str, tuple[float, ...]]
Weights = tuple[float, ...]


@dataclass(frozen=True)
class Ranked:
    id: str
    utility: float
    pareto: bool
    stability: float
    tie_with: tuple[str, ...]


def utility(scores: Sequence[float], weights: Sequence[float]) -> float:
    """Σ wᵢ·sᵢ / Σ wᵢ, 0 to 1. Rounding is monotone in every score, so a dominated option never comes out above."""
    return float(sum(map(mul, weights, scores)) / sum(weights))


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """At least as good in every dimension and better in one."""
    return tuple(one) != tuple(other) and all(a >= b for a, b in zip(one, other, strict=True))


def order(scores: Scores, weights: Weights) -> list[str]:
    """Ids by falling utility. Of equal utility the one with the better scores comes first (so a dominator stands above what
    it dominates, even where their difference has no weight), then the name."""
    by_scores = _by_scores(scores)
    return [by_scores[at] for at in _by_utility([scores[i] for i in by_scores], weights)]


def _by_scores(scores: Scores) -> list[str]:
    return sorted(scores, key=lambda i: (tuple(-s for s in scores[i]), i))


def _by_utility(rows: Sequence[Sequence[float]], weights: Weights) -> list[int]:
    """Places of the rows by falling utility; equal ones stay in the order given."""
    total = sum(weights)
    falling = [-(sum(map(mul, weights, row)) / total) for row in rows]
    return sorted(range(len(rows)), key=falling.__getitem__)


def rank(
    scores: Scores, weights: Weights, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> list[Ranked]:
    """All options, best first. The perturbation is seeded from scores and weights: the same input, the same stability."""
    by_scores = _by_scores(scores)
    rows = [scores[i] for i in by_scores]
    places = _by_utility(rows, weights)
    ranked = [by_scores[at] for at in places]
    draws = _draws(scores, weights)
    kept = [0] * len(ranked)  # how often the same option stands at this rank
    for number, drawn in enumerate(draws, start=1):
        kept = list(map(add, kept, map(eq, places, _by_utility(rows, drawn))))
        if number % 50 == 0:
            progress(number, len(draws))
    spread = _covariance([tuple(w / sum(d) for w in d) for d in draws])
    ties: dict[str, list[str]] = {i: [] for i in ranked}
    for one, other in combinations(ranked, 2):
        if _is_tie(scores[one], scores[other], weights, spread):
            ties[one].append(other)
            ties[other].append(one)
    return [
        Ranked(
            id=i,
            utility=utility(scores[i], weights),
            pareto=not any(dominates(scores[j], scores[i]) for j in ranked),
            stability=times / len(draws),
            tie_with=tuple(sorted(ties[i])),
        )
        for i, times in zip(ranked, kept, strict=True)
    ]  # fmt: skip


def _draws(scores: Scores, weights: Weights) -> list[Weights]:
    canonical = json.dumps([sorted(scores.items()), weights], separators=(",", ":"))
    seed = int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:8], "big")
    chance = random.Random(seed)  # noqa: S311 - a perturbation, no secret
    return [tuple(w * math.exp(SIGMA * chance.gauss()) for w in weights) for _ in range(DRAWS)]


def _covariance(samples: Sequence[Weights]) -> list[list[float]]:
    size = range(len(DIMENSIONS))
    mean = [math.fsum(s[i] for s in samples) / len(samples) for i in size]
    return [
        [math.fsum((s[i] - mean[i]) * (s[j] - mean[j]) for s in samples) / len(samples) for j in size]
        for i in size
    ]


def _is_tie(
    one: Sequence[float], other: Sequence[float], weights: Weights, spread: Sequence[Sequence[float]]
) -> bool:
    """Is the difference of the utilities within one standard deviation of what the perturbation makes of it?"""
    gap = [a - b for a, b in zip(one, other, strict=True)]
    variance = sum(map(mul, gap, [sum(map(mul, row, gap)) for row in spread]))
    return abs(utility(gap, weights)) <= math.sqrt(max(0.0, variance)) + 1e-12
