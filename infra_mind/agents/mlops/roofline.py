"""One replica of a served model as a closed form: what fits, how long a prefill and a decode step take, what rate it sustains.

Decode reads every weight and every cached token once per step, prefill multiplies; a step takes as long as the slower of memory
and arithmetic (roofline: S. Williams et al., CACM 52(4), 2009; for transformers: R. Pope et al., arXiv:2211.05102). Both run on
the same GPUs, prefill first, so decode gets the time that prefill leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from infra_mind.agents.mlops.shape import BYTES, Shape
from infra_mind.knowledge.gpus import Gpu
from infra_mind.knowledge.models import Group
from infra_mind.knowledge.serving import efficiency

STEPS = 80  # halvings of a bisection: past the last bit of a double
ROUNDING = 1e-12  # relative: what a plateau of doubles may waver


@dataclass(frozen=True)
class Planning:
    """The planning values; each appears in the result as an assumption with its source."""

    memory_utilisation: float = 0.9
    overhead_bytes: float = 2e9
    prefill_mfu: float = 0.5
    decode_mfu: float = 0.5
    bandwidth_efficiency: float = 0.8
    expert_efficiency: float = 0.6
    expert_mfu: float = 0.25
    collective_latency_s: float = 10e-6
    max_sequences_large: int = 1024
    max_sequences: int = 256
    large_gpu_bytes: float = 70 * 2**30

    @classmethod
    def of(cls, gpu: Gpu) -> Planning:
        """The planning values for a GPU: the shares of its peaks are those of its maker's family."""
        reached = efficiency(gpu)
        return cls(
            prefill_mfu=reached.prefill_mfu,
            decode_mfu=reached.decode_mfu,
            bandwidth_efficiency=reached.bandwidth_efficiency,
            expert_efficiency=reached.expert_efficiency,
            expert_mfu=reached.expert_mfu,
        )


@dataclass(frozen=True)
class Load:
    """What one request asks: tokens in, tokens out; `kv_dtype` as the brief names it."""

    input_tokens: float
    output_tokens: float
    kv_dtype: str


def peak_flops(gpu: Gpu, dtype: str) -> float | None:
    """Dense peak for arithmetic on weights of this dtype; None when the table has no rate for it.

    Weights in int4, and in fp8 or int8 on a GPU without such units, are widened and multiplied in 16 bit."""
    return {
        "fp32": gpu.fp32_flops,
        "bf16": gpu.half_flops,
        "fp16": gpu.fp16_flops or gpu.half_flops,
        "fp8": gpu.fp8_flops or gpu.half_flops,
        "int8": gpu.int8_ops if gpu.int8_ops and gpu.int8_ops > gpu.half_flops else gpu.half_flops,
        "int4": gpu.half_flops,
    }[dtype]


@dataclass(frozen=True)
class Replica:
    """`tp` GPUs that hold one copy of the model, split by tensor parallelism.

    With `attention_dp` only the experts are split: each GPU has all other weights whole and the cache of its own requests
    (TensorRT-LLM, docs/source/features/parallel-strategy.md). No deployment is planned so; some were measured so."""

    shape: Shape
    gpu: Gpu
    tp: int
    load: Load
    peak: float
    plan: Planning = Planning()
    attention_dp: bool = False

    @cached_property
    def weights(self) -> float:
        """Bytes of weights, each counted once."""
        return self.shape.weights_bytes

    @cached_property
    def weights_per_gpu(self) -> float:
        """Bytes of weights on each GPU. Norms, routers and projections down to a latent stand on each of them; past the number of
        KV heads the key and value projections are copied."""
        return sum(self._share(group) for group in self.shape.groups)

    def _share(self, group: Group) -> float:
        if self.attention_dp and group.name != "experts":
            return self.shape.weight_bytes(group)
        over = {"gpus": self.tp, "kv_heads": min(self.tp, self.shape.kv_shards), "none": 1}[group.split]
        return self.shape.weight_bytes(group) / over

    @cached_property
    def kv_per_token(self) -> float:
        """Bytes that one token caches over all layers, each value counted once."""
        return self.shape.kv_values_per_token * BYTES[self.load.kv_dtype]

    def kv_per_gpu(self, context: float) -> float:
        """Bytes that a request of this context caches on each GPU: past the number of KV heads more GPUs only keep copies.

        With attention data-parallel one GPU has it all, and of all requests each GPU has its part."""
        shards = self.tp if self.attention_dp else min(self.tp, self.shape.kv_shards)
        return self.shape.cached_values(context) * BYTES[self.load.kv_dtype] / shards

    @cached_property
    def kv_room_per_gpu(self) -> float:
        """Bytes left for the cache on each GPU; negative when the weights alone do not fit."""
        return (
            self.gpu.memory_bytes * self.plan.memory_utilisation
            - self.weights_per_gpu
            - self.plan.overhead_bytes
        )

    @cached_property
    def kv_per_request_per_gpu(self) -> float:
        """Bytes of one request at its end, when its cache is largest."""
        return self.kv_per_gpu(self.load.input_tokens + self.load.output_tokens)

    @cached_property
    def concurrency(self) -> int:
        """Requests whose whole cache fits at once."""
        return max(0, math.floor(self.kv_room_per_gpu / self.kv_per_request_per_gpu))

    @cached_property
    def sequence_limit(self) -> int:
        """How many sequences the engine runs in one batch at the most; with attention data-parallel each GPU has a batch."""
        large = self.gpu.memory_bytes >= self.plan.large_gpu_bytes
        limit = self.plan.max_sequences_large if large else self.plan.max_sequences
        return limit * (self.tp if self.attention_dp else 1)

    @cached_property
    def _bandwidth(self) -> float:
        return self.gpu.bandwidth_bytes_per_s * self.plan.bandwidth_efficiency

    def communication_s(self, tokens: float) -> float:
        """Two all-reduces per layer of the activations (16 bit) of `tokens` tokens: log₂ rounds of start-up, ring bandwidth.

        With attention data-parallel a gather before and a scatter after the experts, which move what one all-reduce does.
        R. Thakur, R. Rabenseifner, W. Gropp, Int. J. High Performance Computing Applications 19(1), 2005."""
        if self.tp == 1:
            return 0.0
        moved = 2 * (self.tp - 1) / self.tp * tokens * self.shape.hidden * 2
        start_up = self.plan.collective_latency_s * math.log2(self.tp)
        transfer = moved / self.gpu.interconnect_bytes_per_s
        if self.attention_dp and self.shape.experts:
            return self.shape.experts.layers * (2 * start_up + transfer)
        return 2 * self.shape.layers * (start_up + transfer)

    @cached_property
    def prefill_flops(self) -> float:
        """FLOPs to read one prompt: the matrices for every token, the head for the last one, causal attention."""
        s, shape = self.load.input_tokens, self.shape
        body = shape.multiplied_parameters - shape.head_parameters
        return 2 * body * s + 2 * shape.head_parameters + shape.attention_flops(s)

    @cached_property
    def prefill_s(self) -> float:
        """Seconds to read the prompt of one request: arithmetic and communication."""
        experts = 2 * self.shape.expert_parameters * self.load.input_tokens
        dense_s = (self.prefill_flops - experts) / (self.peak * self.tp * self.plan.prefill_mfu)
        return (
            dense_s
            + self._experts_multiply_s(self.load.input_tokens)
            + self.communication_s(self.load.input_tokens)
        )

    def _experts_multiply_s(self, tokens: float) -> float:
        return 2 * tokens * self.shape.expert_parameters / (self.peak * self.tp * self.plan.expert_mfu)

    @cached_property
    def mean_context(self) -> float:
        """Tokens that a running request has in its cache on average: its prompt and half its answer."""
        return self.load.input_tokens + self.load.output_tokens / 2

    @cached_property
    def _running_kv_per_gpu(self) -> float:
        return self.kv_per_gpu(self.mean_context)

    def decode_s(self, batch: float) -> float:
        """Seconds of one step that gives each of `batch` requests its next token."""
        b = max(batch, 1.0)
        cache = b * self._running_kv_per_gpu / self._bandwidth
        read = self.dense_read_per_gpu / self._bandwidth
        dense = self.shape.multiplied_parameters - self.shape.expert_parameters
        multiply = 2 * b * dense / (self.peak * self.tp * self.plan.decode_mfu)
        return cache + max(multiply, read) + self._experts_s(b) + self.communication_s(b)

    def _experts_s(self, batch: float) -> float:
        """Seconds of the experts in one step: reading plus multiplying. Tokens fall unevenly on experts, so that some products wait
        for memory and others for arithmetic: over 2 055 measured kernels with uneven routing the sum is in the middle 1.01 of the
        time, the greater of the two 0.75 of it (PyPI aiconfigurator-core 0.12.0, moe_perf tables of H100 and H200)."""
        reach = self.gpu.bandwidth_bytes_per_s * self.plan.expert_efficiency
        return self.experts_read_per_gpu(batch) / reach + self._experts_multiply_s(batch)

    @cached_property
    def dense_read_per_gpu(self) -> float:
        """Bytes of weights that every step reads on each GPU: all but the experts and the table of embeddings, which is looked up."""
        skipped = {"experts"} if self.shape.tied else {"experts", "embeddings"}
        return sum(self._share(group) for group in self.shape.groups if group.name not in skipped)

    def experts_read_per_gpu(self, batch: float) -> float:
        """Bytes of experts that a step reads on each GPU: those that some token of the batch takes."""
        touched = self.shape.experts.touched(batch) if self.shape.experts else 0.0
        return touched * self._experts_per_gpu

    @cached_property
    def _experts_per_gpu(self) -> float:
        return sum(self._share(group) for group in self.shape.groups if group.name == "experts")

    def rate(self, batch: float) -> float:
        """Requests per second with `batch` requests in decode on average: batch / (output · decode + batch · prefill)."""
        return batch / (self.load.output_tokens * self.decode_s(batch) + batch * self.prefill_s)

    def prefill_share(self, batch: float) -> float:
        """Share of the time that goes to prefill."""
        return self.rate(batch) * self.prefill_s

    def tpot_s(self, batch: float) -> float:
        """Mean seconds per output token: decode / (1 − share of time in prefill)."""
        return self.decode_s(batch) / (1 - self.prefill_share(batch))

    def ttft_s(self, batch: float) -> float:
        """Mean seconds to the first token: its prefill, the prefills before it (M/D/1, Pollaczek–Khinchine), half a running step."""
        share = self.prefill_share(batch)
        queue = share * self.prefill_s / (2 * (1 - share))
        return self.prefill_s + queue + min(batch, 1.0) * self.decode_s(batch) / 2

    def best_tpot_s(self) -> float:
        """Seconds per output token of a request that has the replica for itself."""
        return self.decode_s(1.0)

    def limits(self, ttft_s: float | None, tpot_s: float | None) -> dict[str, float]:
        """The largest mean batch that each constraint allows; 0 where no load at all meets it."""
        return {
            "memory": float(self.concurrency),
            "ttft": self._largest(self.ttft_s, ttft_s, self.prefill_s),
            "tpot": self._largest(self.tpot_s, tpot_s, self.best_tpot_s()),
            "throughput": float(self.sequence_limit),
        }

    def _largest(self, time: Callable[[float], float], target: float | None, least: float) -> float:
        if target is None:
            return math.inf
        if least >= target:
            return 0.0
        top = float(self.sequence_limit)
        return top if time(top) <= target else largest(lambda b: time(b) <= target, top)

    def batch_at(self, rate: float, top: float) -> float:
        """The smallest mean batch at which the replica serves `rate` requests/s; `top` at the most.

        Smallest: once arithmetic is the bottleneck a larger batch serves no more, it only waits longer."""
        reached = rate * (1 - ROUNDING)
        return top if self.rate(top) < reached else largest(lambda b: self.rate(b) < reached, top)


def largest(holds: Callable[[float], bool], top: float) -> float:
    """The largest x in (0, top) for which `holds`, which holds below some point and not above it."""
    low, high = 0.0, top
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
