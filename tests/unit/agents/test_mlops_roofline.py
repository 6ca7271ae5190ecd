"""The closed form of one replica, against numbers reckoned by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from infra_mind.agents.mlops.roofline import Load, Planning, Replica, largest, peak_flops
from infra_mind.agents.mlops.shape import Experts, Shape, shape_of
from infra_mind.agents.mlops.split import Split, candidates
from infra_mind.knowledge import gpus
from infra_mind.knowledge.gpus import Gpu
from infra_mind.knowledge.models import Group
from infra_mind.model.brief import Serving

IDEAL = Planning(
    memory_utilisation=1.0,
    overhead_bytes=0.0,
    prefill_mfu=1.0,
    decode_mfu=1.0,
    bandwidth_efficiency=1.0,
    expert_efficiency=1.0,
    expert_mfu=1.0,
    collective_latency_s=0.0,
)
TOY = Shape(
    layers=10, hidden=1000, heads=16, head_dim=64, kv_shards=4, kv_values_per_token=5120, parameters=10**9,
    active_parameters=10**9, groups=(Group("all", 10**9, 10**9),), kv_formula="", source="by hand", as_of=None,
)  # fmt: skip

SPARSE = replace(
    TOY, active_parameters=3 * 10**8, experts=Experts(8, 1, 2),
    groups=(Group("dense", 2 * 10**8, 2 * 10**8), Group("experts", 8 * 10**8, 10**8)),
)  # fmt: skip


def gpu(name: str = "a100_sxm") -> Gpu:
    found = gpus.find(name)
    assert found is not None
    return found


def replica(
    tp: int = 1, shape: Shape = TOY, plan: Planning = IDEAL, s: float = 100, out: float = 50
) -> Replica:
    return Replica(shape, gpu(), tp, Load(s, out, "bf16"), 312e12, plan)


def test_prefill_is_two_flops_per_parameter_and_token_plus_causal_attention() -> None:
    arithmetic = 2 * 1e9 * 100 + 2 * 10 * 16 * 64 * 100**2
    assert replica().prefill_s == pytest.approx(arithmetic / 312e12)


def test_prefill_slows_with_the_share_of_the_peak_that_is_reached() -> None:
    assert replica(plan=Planning(prefill_mfu=0.4)).prefill_s == pytest.approx(replica().prefill_s / 0.4)


def test_a_small_batch_waits_for_the_weights() -> None:
    weights, cache = 2e9 / 2.039e12, (100 + 25) * 5120 * 2 / 2.039e12
    assert replica().decode_s(1) == pytest.approx(weights + cache)


def test_a_large_batch_waits_for_the_arithmetic() -> None:
    batch = 1000
    multiply, cache = 2 * batch * 1e9 / 312e12, batch * 125 * 5120 * 2 / 2.039e12
    assert multiply > 2e9 / 2.039e12
    assert replica().decode_s(batch) == pytest.approx(multiply + cache)


def test_two_all_reduces_a_layer_move_the_activations_around_the_ring() -> None:
    moved = 2 * 3 / 4 * 7 * 1000 * 2
    assert replica(tp=4).communication_s(7) == pytest.approx(2 * 10 * moved / 300e9)
    assert replica(tp=1).communication_s(7) == 0
    slow = replica(tp=4, plan=Planning(collective_latency_s=1e-5)).communication_s(7)
    assert slow == pytest.approx(2 * 10 * (moved / 300e9 + 2e-5)), "two rounds for four GPUs"


def test_the_rate_splits_the_time_between_prefill_and_decode() -> None:
    r = replica()
    batch = 8.0
    rate = r.rate(batch)
    assert rate * r.prefill_s + rate * 50 / batch * r.decode_s(batch) == pytest.approx(1.0)
    assert r.tpot_s(batch) == pytest.approx(r.decode_s(batch) / (1 - rate * r.prefill_s))
    assert rate * 50 * r.tpot_s(batch) == pytest.approx(batch), "Little's law"


def test_time_to_first_token_is_prefill_queue_and_half_a_step() -> None:
    r = replica()
    share = r.prefill_share(8.0)
    queue = share * r.prefill_s / (2 * (1 - share))
    assert r.ttft_s(8.0) == pytest.approx(r.prefill_s + queue + r.decode_s(8.0) / 2)
    assert r.ttft_s(1e-9) == pytest.approx(r.prefill_s), "nobody else is there"


def test_batch_at_is_the_inverse_of_rate() -> None:
    r = replica()
    for batch in (0.25, 1.0, 17.0, 150.0):
        assert r.batch_at(r.rate(batch), 256.0) == pytest.approx(batch, rel=1e-9)
    assert r.batch_at(1e9, 256.0) == 256.0


def test_past_the_ridge_a_larger_batch_serves_no_more_and_the_smallest_one_counts() -> None:
    ridge = (2e9 / 2.039e12) * 312e12 / (2 * 1e9)
    r = replica()
    assert r.rate(2 * ridge) == pytest.approx(r.rate(ridge))
    assert r.batch_at(r.rate(2 * ridge), 1000.0) == pytest.approx(ridge, rel=1e-6)
    assert Split(r, {"memory": 400.0, "tpot": 500.0}).binding == "throughput"
    assert Split(r, {"memory": 40.0, "tpot": 500.0}).binding == "memory"


def test_more_gpus_than_kv_heads_keep_copies_of_the_cache() -> None:
    per_gpu = [replica(tp=d).kv_per_gpu(1) for d in (1, 2, 4, 8)]
    assert per_gpu == [10240, 5120, 2560, 2560]


def test_a_latent_cache_is_kept_whole_on_every_gpu() -> None:
    shape = shape_of(Serving(name="x", model="deepseek-ai/DeepSeek-V3"), "llm_serving.0")
    assert shape is not None
    assert replica(tp=8, shape=shape).kv_per_gpu(1) == 61 * 576 * 2


@pytest.mark.parametrize(("batch", "expected"), [(1, 4), (2, 7.875), (32, 81.657)])
def test_experts_touched_are_those_that_some_token_takes(batch: int, expected: float) -> None:
    """gpt-oss-120b: 128 experts, 4 a token; E·(1 − (1 − k/E)^B) by hand: 128 · (1 − 0.96875^B)."""
    assert 128 * Experts(128, 4, 36).touched(batch) == pytest.approx(expected, abs=0.001)


def test_a_window_bounds_what_its_layers_cache_and_attend_to() -> None:
    """Gemma-3-27B: 52 of 62 layers keep the last 1 024 tokens; 16 KV heads of 128: 4 096 values a layer and token."""
    shape = shape_of(Serving(name="x", model="google/gemma-3-27b-it"), "llm_serving.0")
    assert shape is not None
    assert shape.cached_values(1000) == 62 * 4096 * 1000, "inside the window nothing is saved"
    assert shape.cached_values(8192) == 4096 * (10 * 8192 + 52 * 1024)
    full = 2 * 32 * 128 * 8192**2
    within = 4 * 32 * 128 * (8192 * 1024 - 1024**2 / 2)
    assert shape.attention_flops(8192) == 10 * full + 52 * within
    assert shape.attention_flops(1024) == 62 * 2 * 32 * 128 * 1024**2


def test_what_every_gpu_keeps_and_what_is_shared_out() -> None:
    """DeepSeek-V3 in fp8 on eight GPUs: the projections down to the latents, norms and routers stand on each of them whole."""
    shape = shape_of(Serving(name="x", model="deepseek-ai/DeepSeek-V3"), "llm_serving.0")
    assert shape is not None
    scales = 1 + 4 / 128**2
    down = 61 * 7168 * (1536 + 512 + 64) * scales
    small = sum(2 * g.parameters for g in shape.groups if g.name in {"norms", "router"})
    rest = shape.weights_bytes - down - small
    assert replica(tp=8, shape=shape).weights_per_gpu == pytest.approx(rest / 8 + down + small, rel=1e-12)


def test_the_table_of_embeddings_is_looked_up_and_the_head_serves_the_last_token_alone() -> None:
    shape = shape_of(Serving(name="x", model="meta-llama/Llama-3.1-8B"), "llm_serving.0")
    tied = shape_of(Serving(name="x", model="meta-llama/Llama-3.2-1B"), "llm_serving.0")
    assert shape is not None
    assert tied is not None
    table = 128_256 * 4096
    assert shape.multiplied_parameters == 8_030_261_248 - table
    assert tied.multiplied_parameters == tied.parameters, "the tied table is the head"
    body = 8_030_261_248 - 2 * table
    assert replica(shape=shape).prefill_flops == 2 * body * 100 + 2 * table + 32 * 2 * 32 * 128 * 100**2
    assert replica(shape=shape).dense_read_per_gpu == 2 * (8_030_261_248 - table)


def test_room_and_concurrency() -> None:
    plan = Planning(memory_utilisation=0.9, overhead_bytes=2e9)
    room = 81_920 * 2**20 * 0.9 - 2e9 / 2 - 2e9
    assert replica(tp=2, plan=plan).kv_room_per_gpu == pytest.approx(room)
    assert replica(tp=2, plan=plan).concurrency == math.floor(room / (5120 * 150))


def test_a_small_batch_reads_only_the_experts_that_it_takes() -> None:
    cache, multiply = 125 * 10240 / 2.039e12, 2 * 1e8 / 312e12
    one = replica(shape=SPARSE).decode_s(1) - cache - multiply
    assert one == pytest.approx((2 * 2e8 + 2 * 1e8) / 2.039e12), "the dense part and one of eight experts"
    many = replica(shape=SPARSE).decode_s(100) - 100 * (cache + multiply)
    assert many == pytest.approx(2e9 / 2.039e12, rel=1e-5), "all of them"


def test_experts_are_read_and_multiplied_one_after_the_other_each_at_its_own_share_of_the_peak() -> None:
    plan = replace(IDEAL, expert_efficiency=0.5, expert_mfu=0.25)
    found = replica(shape=SPARSE, plan=plan).decode_s(100) - replica(shape=SPARSE).decode_s(100)
    assert found == pytest.approx(1.6e9 / 2.039e12 + 3 * 100 * 2 * 1e8 / 312e12, rel=1e-5)
    prefill = replica(shape=SPARSE, plan=plan).prefill_s - replica(shape=SPARSE).prefill_s
    assert prefill == pytest.approx(3 * 2 * 1e8 * 100 / 312e12)


def test_attention_data_parallel_keeps_all_but_the_experts_on_every_gpu_and_each_request_on_one() -> None:
    """Four GPUs with a batch each: 0.4 GB of dense weights on every one and a quarter of 1.6 GB of experts; no copies of the cache.
    Two of the layers are sparse: a gather and a scatter each, of a quarter kept and three quarters moved."""
    apart = replace(replica(tp=4, shape=SPARSE), attention_dp=True)
    assert apart.weights_per_gpu == 4e8 + 4e8
    assert apart.sequence_limit == 4 * 1024
    assert apart.communication_s(7) == pytest.approx(2 * 2 * 3 / 4 * 7 * 1000 * 2 / 300e9)
    assert replace(replica(tp=8, shape=SPARSE), attention_dp=True).kv_per_gpu(1) == 1280
    assert apart.dense_read_per_gpu == 4e8


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("model", ["Qwen/Qwen3-235B-A22B", "meta-llama/Llama-4-Scout-17B-16E-Instruct"])
def test_a_larger_batch_never_serves_less_and_a_step_of_it_is_never_shorter(model: str, apart: bool) -> None:
    shape = shape_of(Serving(name="x", model=model, weight_dtype="fp8"), "llm_serving.0")
    assert shape is not None
    sparse = Replica(
        shape, gpu("h100_sxm"), 8, Load(1000, 500, "fp8"), 1979e12, Planning.of(gpu("h100_sxm")), apart
    )
    batches = [1.0, 1.5, 2.0, 3.0, 7.0, 16.0, 64.0, 200.0, 512.0, 1024.0, 4096.0]
    rates, steps = [sparse.rate(b) for b in batches], [sparse.decode_s(b) for b in batches]
    assert rates == sorted(rates)
    assert steps == sorted(steps)


@pytest.mark.parametrize(
    ("name", "dtype", "tera"),
    [
        ("h100_sxm", "fp8", 1979), ("a100_sxm", "fp8", 312), ("a100_sxm", "int8", 624), ("a100_sxm", "int4", 312),
        ("t4", "bf16", 65), ("h100_sxm", "fp32", 67), ("b300_sxm", "int8", 2250),
    ],
)  # fmt: skip
def test_arithmetic_runs_in_the_dtype_or_else_in_16_bit(name: str, dtype: str, tera: float) -> None:
    peak = peak_flops(gpu(name), dtype)
    assert peak == tera * 1e12


def test_a_rate_that_the_table_lacks_is_unknown() -> None:
    assert peak_flops(gpu("gaudi3"), "fp32") is None


@pytest.mark.parametrize(
    ("model", "name", "degrees"),
    [
        ("meta-llama/Llama-3.1-70B", "h100_sxm", [1, 2, 4, 8]),
        ("Qwen/Qwen2.5-7B", "h100_sxm", [1, 2, 4]),  # 28 heads
        (
            "microsoft/phi-4",
            "h100_sxm",
            [1, 2],
        ),  # 40 heads, 10 KV heads: neither 4 nor 8 divides or copies these evenly
        ("deepseek-ai/DeepSeek-V3", "h100_sxm", [1, 2, 4, 8]),  # one latent, on every GPU
        ("google/gemma-2b", "h100_sxm", [1, 2, 4, 8]),  # one KV head, copied
        ("tiiuae/falcon-7b", "h100_sxm", [1]),  # 71 heads
        ("meta-llama/Llama-3.1-70B", "gb200", [1, 2, 4]),  # four GPUs in a node
    ],
)
def test_a_degree_divides_the_heads_and_stays_in_the_node(model: str, name: str, degrees: list[int]) -> None:
    item = Serving(name="x", model=model, input_tokens=100, output_tokens=10)
    shape = shape_of(item, "llm_serving.0")
    assert shape is not None
    assert [s.replica.tp for s in candidates(item, shape, gpu(name), 1e15, IDEAL)] == degrees


def test_bisection_finds_the_edge() -> None:
    assert largest(lambda x: x * x <= 2, 10.0) == pytest.approx(math.sqrt(2), abs=1e-12)
