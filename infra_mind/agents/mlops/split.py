"""The candidates for a deployment: one tensor-parallel degree each, with what its constraints allow."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from infra_mind.agents.mlops.roofline import Load, Planning, Replica
from infra_mind.agents.mlops.shape import Shape
from infra_mind.knowledge.gpus import Gpu
from infra_mind.model.brief import Serving

DEGREES = (1, 2, 4, 8)  # tensor parallelism inside one node; past it the all-reduces leave NVLink
FLAT = 1.01  # twice the batch for a percent more: the arithmetic is used up
SLACK = 1e-9  # a load that meets the rate but for rounding needs no further replica


@dataclass(frozen=True)
class Split:
    """A candidate: one tensor-parallel degree with the batch that its constraints allow. `batch` is 0 when it cannot serve."""

    replica: Replica
    limits: dict[str, float]

    @property
    def batch(self) -> float:
        return min(self.limits.values())

    @property
    def binding(self) -> str:
        """The constraint that a replica meets first as the load grows; throughput where a larger batch would serve no more."""
        saturated = self.batch > 0 and self.replica.rate(2 * self.batch) <= self.rate * FLAT
        return "throughput" if saturated else min(self.limits, key=lambda name: self.limits[name])

    @property
    def rate(self) -> float:
        """Requests per second that one replica sustains within every constraint."""
        return self.replica.rate(self.batch) if self.batch > 0 else 0.0

    def replicas(self, requests_per_s: float) -> int:
        return max(1, ceil(requests_per_s / self.rate - SLACK))

    def gpus(self, requests_per_s: float) -> int:
        return self.replicas(requests_per_s) * self.replica.tp


def candidates(item: Serving, shape: Shape, gpu: Gpu, peak: float, plan: Planning) -> list[Split]:
    """Every degree that the model can be split by, smallest first. A request reads and writes a token at least."""
    return [Split(r, r.limits(item.ttft_s, item.tpot_s)) for r in replicas(item, shape, gpu, peak, plan)]


def replicas(item: Serving, shape: Shape, gpu: Gpu, peak: float, plan: Planning) -> list[Replica]:
    """A replica of every degree that the model can be split by within a node, smallest first."""
    load = Load(max(1.0, item.input_tokens or 0.0), max(1.0, item.output_tokens or 0.0), item.kv_dtype)
    degrees = [d for d in DEGREES if d <= gpu.gpus_per_node and splits(shape, d)]
    return [Replica(shape, gpu, d, load, peak, plan) for d in degrees]


def splits(shape: Shape, degree: int) -> bool:
    """Whether tensor parallelism of this degree divides the model: the query heads evenly, and the KV heads evenly or each copied
    to the same number of GPUs. A latent cache has no heads to divide."""
    if shape.heads % degree:
        return False
    return shape.kv_shards == 1 or shape.kv_shards % degree == 0 or degree % shape.kv_shards == 0


def best_of(splits: list[Split], requests_per_s: float) -> Split | None:
    """The split with the fewest GPUs for the load; None when none can serve. Of equals the smaller replica: losing one costs less."""
    able = [split for split in splits if split.rate > 0]
    return min(able, key=lambda split: (split.gpus(requests_per_s), split.replica.tp), default=None)
