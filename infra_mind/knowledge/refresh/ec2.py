"""EC2 prices from libcloud's scrape, cleaned of its two known faults.

About a sixth of the points are 0.0, and some sizes carry the price of dedicated tenancy (×1.06 or ×1.10). Both are found by
comparing a point with its family: within a region all sizes of a family are one price per size unit, or, where a family is no
multiple of one size (most GPU families), they stand in the same proportion to each other as in the other regions.
A point that disagrees is replaced by the family's price and marked as reckoned; a point that nothing supports is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1", "eu-west-1", "eu-west-2",
    "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "il-central-1", "me-south-1", "me-central-1",
    "af-south-1", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-east-1",
)  # fmt: skip
ONE_PRICE = ("us-east-1", "us-east-2", "us-west-2")  # these three regions share their EC2 prices
# General purpose, compute, memory, storage and accelerated families; no Mac, HPC, FPGA or high-memory hosts.
FAMILY = re.compile(
    r"^(t[2-9]\w*|[mcr][4-9][a-z\d-]*|x[128]\w*|z1d|d[3-9]\w*|i[3-9]\w*|im4gn|is4gen|g[3-9]\w*|gr6|p[2-9]\w*|inf\d|trn\d\w*|dl1)$"
)
AGREE = 0.007  # two prices are one: they are rounded to a tenth of a cent
NEAR = 0.02  # a size's own price belongs to the family; dedicated tenancy is at least 6 % away
DEDICATED = (1.06, 1.10)
UNITS = {"nano": 0.25, "micro": 0.5, "small": 1.0, "medium": 2.0, "large": 4.0, "xlarge": 8.0}

Points = Mapping[str, float]  # region → USD per hour
Agree = Callable[[list[float]], float | None]
Found = tuple[float, bool]  # price, and whether it was reckoned from the family


def clean(ec2_linux: Mapping[str, Points]) -> dict[str, dict[str, Found]]:
    """instance → region → (USD per hour, reckoned) from libcloud's `compute.ec2_linux`."""
    families: dict[str, dict[str, dict[str, float]]] = {}
    for instance, points in ec2_linux.items():
        family, _, size = instance.partition(".")
        if size and "metal" not in size and FAMILY.match(family):
            kept = {r: p for r, p in points.items() if r in REGIONS}
            families.setdefault(family, {})[size] = kept
    found: dict[str, dict[str, Found]] = {}
    for family, sizes in sorted(families.items()):
        for size, prices in sorted(_family(sizes).items()):
            if prices:
                found[f"{family}.{size}"] = prices
    return found


def _family(sizes: dict[str, dict[str, float]]) -> dict[str, dict[str, Found]]:
    weights = {s: u for s in sizes if (u := units(s)) is not None}
    agree = _lowest_agreed
    if len(weights) < len(sizes) or not _linear(sizes, weights):
        weights, agree = _proportions(sizes), _most_agreed
    out: dict[str, dict[str, Found]] = {s: {} for s in sizes}
    rates = {r: rate for r in REGIONS if (rate := _rate(sizes, weights, r, agree))}
    shared = min((rates[r] for r in ONE_PRICE if r in rates), default=None)
    for region in REGIONS:
        rate = shared if region in ONE_PRICE else rates.get(region)
        for size, points in sizes.items():
            if region in points and rate and weights.get(size):
                own, family_price = points[region], rate * weights[size]
                if own > 0 and abs(own / family_price - 1) <= NEAR:
                    out[size][region] = (own, False)
                else:
                    out[size][region] = (round(family_price, 4 if family_price >= 1 else 6), True)
    return out


def units(size: str) -> float | None:
    """The size's normalisation factor (AWS: small is 1, large 4, xlarge 8, NxLarge 8·N)."""
    many = re.fullmatch(r"(\d+)xlarge", size)
    return 8.0 * int(many[1]) if many else UNITS.get(size)


def _linear(sizes: dict[str, dict[str, float]], weights: dict[str, float]) -> bool:
    """True if the price per unit is the same for all sizes of a region, but for zeros and dedicated tenancy."""
    seen = False
    for region in REGIONS:
        rates = sorted(p[region] / weights[s] for s, p in sizes.items() if p.get(region, 0) > 0)
        rate = _lowest_agreed(rates)
        if rate is None:
            continue
        seen = True
        if not all(_same(r, rate) or _is_dedicated(r, rate) for r in rates) and len(rates) >= 3:
            strange = sum(not _same(r, rate) and not _is_dedicated(r, rate) for r in rates)
            if strange > 0.2 * len(rates):
                return False
    return seen


def _proportions(sizes: dict[str, dict[str, float]]) -> dict[str, float]:
    """The US price of each size of a family that is no multiple of one size."""
    weights = {
        s: min(p[r] for r in ONE_PRICE if p.get(r, 0) > 0)
        for s, p in sizes.items()
        if any(p.get(r, 0) > 0 for r in ONE_PRICE)
    }
    rates = {r: rate for r in REGIONS if (rate := _rate(sizes, weights, r, _most_agreed))}
    for size, points in sizes.items():
        implied = sorted(points[r] / rates[r] for r in rates if points.get(r, 0) > 0)
        agreed = _most_agreed(implied)
        if agreed is not None:
            weights[size] = agreed
    return weights


def _rate(
    sizes: dict[str, dict[str, float]], weights: dict[str, float], region: str, agree: Agree
) -> float | None:
    """Price per unit of weight in a region, as far as two sizes agree on one.

    A family of one size has nothing to agree with: its price is taken only in the three regions that share one price."""
    rates = sorted(
        p[region] / weights[s] for s, p in sizes.items() if p.get(region, 0) > 0 and weights.get(s)
    )
    agreed = agree(rates)
    if agreed is not None:
        return agreed
    shared = sorted(
        p[r] / weights[s] for s, p in sizes.items() for r in ONE_PRICE if p.get(r, 0) > 0 and weights.get(s)
    )
    return shared[0] if region in ONE_PRICE and shared else None


def _lowest_agreed(rates: list[float]) -> float | None:
    """The lowest of the sorted values that another one agrees with; of those that agree, the one in the middle.

    Where those that agree are all dedicated tenancy of a still lower one, it is that lower one."""
    for first in rates:
        same = [r for r in rates if _same(r, first)]
        if len(same) >= 2:
            agreed = same[len(same) // 2]
            return next((r for r in rates if r < first and _is_dedicated(agreed, r)), agreed)
    return None


def _most_agreed(rates: list[float]) -> float | None:
    """Of the sorted values the one that most others agree with; the lowest of equals; None without agreement."""
    groups = [[r for r in rates if _same(r, first)] for first in rates]
    best = max(groups, key=len, default=[])
    return best[len(best) // 2] if len(best) >= 2 else None


def _is_dedicated(rate: float, shared: float) -> bool:
    return any(abs(rate / (shared * k) - 1) <= 0.012 for k in DEDICATED)


def _same(one: float, other: float) -> bool:
    return abs(one / other - 1) <= AGREE
