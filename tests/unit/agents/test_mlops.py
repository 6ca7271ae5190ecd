"""The agent as a whole: values that are known, what happens when something is unknown, and what must never go the wrong way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.mlops import AGENT, kernels
from infra_mind.knowledge import gpus, models
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import FactValue
from infra_mind.model.finding import Finding, Status
from infra_mind.model.result import AgentResult

LLAMA = "meta-llama/Llama-3.1-70B-Instruct"
ITEM: dict[str, Any] = {
    "name": "chat", "model": LLAMA, "gpu": "h100_sxm", "requests_per_s": 10, "input_tokens": 1000, "output_tokens": 200,
    "ttft_s": 2.0, "tpot_s": 0.05,
}  # fmt: skip
RUN: dict[str, Any] = {
    "name": "run",
    "parameters": 70e9,
    "tokens": 15e12,
    "gpu": "h100_sxm",
    "gpus": 2048,
    "mfu": 0.4,
}


@pytest.fixture(scope="module", autouse=True)
def closed_form_alone() -> Iterator[None]:
    """Also where the extra `gpu` is installed: its tables take seconds a question (tests/unit/agents/test_mlops_kernels.py)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "installed", lambda: None)
        yield


def assess(
    serving: list[dict[str, Any]] | None = None, training: list[dict[str, Any]] | None = None, **more: Any
) -> AgentResult:
    brief = parse_brief({"name": "t", "llm_serving": serving or [], "training": training or [], **more})
    return AGENT.assess(Inputs(brief), silent)


def serve(**change: Any) -> AgentResult:
    return assess([{k: v for k, v in (ITEM | change).items() if v is not None}])


def train(**change: Any) -> AgentResult:
    return assess(training=[{k: v for k, v in (RUN | change).items() if v is not None}])


def values(result: AgentResult, prefix: str = "mlops.serving.chat.") -> dict[str, FactValue]:
    return {f.id.removeprefix(prefix): f.value for f in result.facts if f.id.startswith(prefix)}


def number(result: AgentResult, name: str, prefix: str = "mlops.serving.chat.") -> float:
    value = values(result, prefix)[name]
    assert isinstance(value, int | float)
    return value


def of(result: AgentResult, rule_id: str) -> list[Finding]:
    return [f for f in result.findings if f.rule_id == rule_id]


# --- serving: known values


def test_llama_70b_weighs_141_gigabytes_in_bf16_and_caches_320_kib_a_token() -> None:
    found = values(serve())
    assert found["parameters"] == 70_553_706_496
    assert found["weights_bytes"] == 141_107_412_992
    assert found["kv_bytes_per_token"] == 327_680


def test_embeddings_head_and_norms_stay_in_16_bit_when_quantised() -> None:
    embeddings_and_head, norms = 2 * 128_256 * 8192, (2 * 80 + 1) * 8192
    in_16_bit = embeddings_and_head + norms
    rest = 70_553_706_496 - in_16_bit
    outputs = 80 * (8192 + 1024 + 1024 + 8192 + 28_672 + 28_672 + 8192)
    assert number(serve(weight_dtype="fp8"), "weights_bytes") == rest + 2 * outputs + 2 * in_16_bit
    assert number(serve(weight_dtype="int4"), "weights_bytes") == rest / 2 + rest / 128 * 2.5 + 2 * in_16_bit


def test_a_model_is_weighed_as_its_makers_publish_it_unless_the_brief_names_a_dtype() -> None:
    published = serve(model="openai/gpt-oss-120b")
    assert number(published, "weights_bytes") == pytest.approx(65.25e9, rel=1e-3), (
        "60.8 GiB in the model card"
    )
    assert "mlops.default.llm_serving.0.weight_dtype" not in {a.id for a in published.assumptions}
    (said,) = [a for a in published.assumptions if a.id == "mlops.serving.chat.storage"]
    assert said.value == "mxfp4_experts"
    assert said.field == "llm_serving.0.weight_dtype"
    assert (
        number(serve(model="openai/gpt-oss-120b", weight_dtype="bf16"), "weights_bytes")
        == 2 * 116_829_156_672
    )


def test_a_quantised_checkpoint_is_known_by_its_own_id() -> None:
    result = serve(model="Qwen/Qwen2.5-32B-Instruct-AWQ")
    assert number(result, "weights_bytes") == pytest.approx(19.33e9, rel=1.3e-3)
    assert number(result, "parameters") == 32_763_876_352
    assert not of(result, "mlops.serving.shape")


def test_a_dtype_that_the_checkpoint_does_not_have_is_told() -> None:
    (finding,) = of(serve(model="Qwen/Qwen2.5-32B-Instruct-AWQ", weight_dtype="fp8"), "mlops.serving.shape")
    assert finding.resource == "llm_serving.0.weight_dtype"
    assert finding.evidence[0].expected == "int4"


def test_a_window_lets_more_requests_in_than_a_cache_of_every_token_would() -> None:
    result = serve(model="google/gemma-3-27b-it", input_tokens=30_000, ttft_s=None, tpot_s=None)
    per_token = number(result, "kv_bytes_per_token")
    inputs = next(f for f in result.facts if f.id.endswith(".concurrency")).inputs
    one = inputs["kv_bytes_per_request_per_gpu"]
    assert isinstance(one, float)
    assert one * number(result, "gpus_per_replica") == pytest.approx(
        per_token * (10 * 30_200 + 52 * 1024) / 62
    )


def test_the_band_around_the_rate_and_the_gpus_is_that_of_the_maker() -> None:
    result = serve(requests_per_s=100)
    reckoned, per_replica = number(result, "requests_per_s"), number(result, "requests_per_s_per_replica")
    assert number(result, "requests_per_s_low") == pytest.approx(reckoned / 1.3)
    assert number(result, "requests_per_s_high") == pytest.approx(reckoned / 0.8)
    each = number(result, "gpus_per_replica")
    assert number(result, "gpus_high") == math.ceil(100 * 1.3 / per_replica) * each
    assert number(result, "gpus_low") == math.ceil(100 * 0.8 / per_replica) * each
    assert number(result, "gpus_low") <= number(result, "gpus") <= number(result, "gpus_high")


def test_the_table_of_tensor_groups_sums_to_the_facts() -> None:
    result = serve(weight_dtype="int4")
    table = result.details["serving"]["chat"]["tensor_groups"]
    assert sum(g["parameters"] for g in table) == number(result, "parameters")
    assert sum(g["bytes"] for g in table) == number(result, "weights_bytes")
    assert {"embeddings", "attention.q", "mlp", "norms", "head"} <= {g["group"] for g in table}


def test_latent_attention_caches_one_latent_for_all_heads() -> None:
    result = serve(model="deepseek-ai/DeepSeek-V3", weight_dtype="fp8", gpu="h200_sxm")
    assert number(result, "kv_bytes_per_token") == 61 * (512 + 64) * 2
    assert number(result, "gpus_per_replica") == 8


def test_the_split_is_stated_and_carries_the_load() -> None:
    result = serve()
    found = values(result)
    assert found["gpus"] == number(result, "replicas") * number(result, "gpus_per_replica")
    assert number(result, "requests_per_s") >= 10
    assert number(result, "replicas") == -(-10 // number(result, "requests_per_s_per_replica"))
    assert number(result, "ttft_s") <= 2.0
    assert number(result, "tpot_s") <= 0.05


def test_a_replica_has_room_for_what_it_holds() -> None:
    result = serve()
    gpu = gpus.find("h100_sxm")
    assert gpu is not None
    held = number(result, "concurrency") * 1200 * 327_680
    assert held + 141_107_412_992 <= number(result, "gpus_per_replica") * gpu.memory_bytes * 0.9


def test_sixteen_bit_70b_never_lands_on_a_single_80_gb_gpu() -> None:
    assert number(serve(requests_per_s=0.001), "gpus_per_replica") >= 2


def test_every_fact_has_formula_source_and_inputs() -> None:
    for fact in serve().facts:
        assert fact.formula
        assert fact.source
        assert fact.as_of
        assert fact.inputs


def test_every_number_can_be_reckoned_again_from_the_inputs_of_its_fact() -> None:
    inputs = {f.id.rpartition(".")[2]: f.inputs for f in serve().facts}
    found = values(serve())

    def of_fact(name: str) -> dict[str, float]:
        return {k: v for k, v in inputs[name].items() if isinstance(v, int | float)}

    i = of_fact("kv_bytes_per_token")
    assert found["kv_bytes_per_token"] == i["values_per_token"] * i["bytes"]
    i = of_fact("kv_room_bytes")
    room = i["gpus_per_replica"] * (
        i["memory_bytes"] * i["utilisation"] - i["overhead_bytes"] - i["weights_bytes_per_gpu"]
    )
    assert found["kv_room_bytes"] == pytest.approx(room)
    i = of_fact("concurrency")
    assert found["concurrency"] == math.floor(i["kv_room_bytes_per_gpu"] / i["kv_bytes_per_request_per_gpu"])
    kept = inputs["kv_bytes_per_token"]["values_per_token"] * 2 * (i["input_tokens"] + i["output_tokens"])  # type: ignore[operator]
    split = of_fact("kv_room_bytes")["gpus_per_replica"]
    assert i["kv_bytes_per_request_per_gpu"] == pytest.approx(kept * i["kv_copies"] / split)
    i = of_fact("requests_per_s_per_replica")
    assert found["requests_per_s_per_replica"] == pytest.approx(
        i["batch"] / (i["output_tokens"] * i["decode_s"] + i["batch"] * i["prefill_s"])
    )
    i = of_fact("replicas")
    assert found["replicas"] == math.ceil(i["load"] / i["rate_per_replica"])
    i = of_fact("prefill_s")
    body = i["multiplied_parameters"] - i["expert_parameters"] - i["head_parameters"]
    arithmetic = 2 * body * i["S"] + 2 * i["head_parameters"] + i["attention_flops"]
    assert i["attention_flops"] == 2 * 80 * 64 * 128 * i["S"] ** 2
    peak = i["gpus_per_replica"] * i["flops"]
    experts = 2 * i["expert_parameters"] * i["S"] / (peak * i["expert_mfu"])
    assert found["prefill_s"] == pytest.approx(
        arithmetic / (peak * i["mfu"]) + experts + i["communication_s"]
    )
    i = of_fact("decode_s")
    bandwidth = i["bandwidth_bytes_per_s"] * i["bandwidth_efficiency"]
    dense = i["multiplied_parameters"] - i["expert_parameters"]
    peak = i["gpus_per_replica"] * i["flops"]
    multiply = 2 * i["batch"] * dense / (peak * i["decode_mfu"])
    read = i["dense_read_per_gpu"] / bandwidth
    experts = i["experts_read_per_gpu"] / (i["bandwidth_bytes_per_s"] * i["expert_efficiency"])
    experts += 2 * i["batch"] * i["expert_parameters"] / (peak * i["expert_mfu"])
    cache = i["batch"] * i["kv_bytes_per_gpu"] / bandwidth
    assert found["decode_s"] == pytest.approx(cache + max(multiply, read) + experts + i["communication_s"])
    i = of_fact("ttft_s")
    queue = i["share"] * i["prefill_s"] / (2 * (1 - i["share"]))
    assert found["ttft_s"] == pytest.approx(
        i["prefill_s"] + queue + min(1, i["mean_batch"]) * i["decode_s"] / 2
    )
    i = of_fact("tpot_s")
    assert found["tpot_s"] == pytest.approx(i["decode_s"] / (1 - i["share"]))
    i = of_fact("mean_batch")
    assert found["mean_batch"] == pytest.approx(i["rate"] * i["output_tokens"] * i["tpot_s"])


def test_the_binding_constraint_is_the_tightest_one() -> None:
    assert values(serve(tpot_s=0.03, requests_per_s=40))["binding_constraint"] == "tpot"
    assert values(serve(ttft_s=0.12, tpot_s=5.0, requests_per_s=40))["binding_constraint"] == "ttft"
    long = serve(
        model="meta-llama/Llama-3.1-8B-Instruct", gpu="l4", input_tokens=6000, ttft_s=None, tpot_s=None
    )
    assert values(long)["binding_constraint"] == "memory"
    short = serve(
        model="meta-llama/Llama-3.2-1B", input_tokens=10, output_tokens=10, ttft_s=None, tpot_s=None
    )
    assert values(short)["binding_constraint"] == "throughput"


def test_two_names_that_differ_in_a_space_keep_their_facts_apart() -> None:
    result = assess([ITEM | {"name": "a b"}, ITEM | {"name": "a_b", "requests_per_s": 1}])
    assert len({f.id for f in result.facts}) == len(result.facts)
    assert any(f.id == "mlops.serving.a_b.gpus" for f in result.facts)


# --- serving: targets that cannot be met


def test_a_model_that_fits_on_no_split_fails_and_says_by_how_much() -> None:
    result = serve(model="meta-llama/Llama-3.1-405B-Instruct", gpu="l4")
    (finding,) = of(result, "mlops.serving.memory")
    assert finding.status is Status.FAIL
    assert "GB per GPU are missing" in finding.title
    assert "gpus" not in values(result), "no number is made up"
    assert values(result)["binding_constraint"] == "memory"
    assert number(result, "parameters") == 405_853_388_800


def test_a_time_per_token_below_what_the_bandwidth_allows_fails_with_the_best_that_there_is() -> None:
    (finding,) = of(serve(tpot_s=0.001), "mlops.serving.tpot")
    assert finding.status is Status.FAIL
    assert "times the target" in finding.title


def test_a_time_to_first_token_below_the_prefill_fails() -> None:
    result = serve(input_tokens=100_000, ttft_s=0.5)
    (finding,) = of(result, "mlops.serving.ttft")
    assert finding.status is Status.FAIL
    assert finding.resource == "llm_serving.0.ttft_s"
    assert values(result)["binding_constraint"] == "ttft"


def test_bf16_on_a_gpu_without_such_a_unit_is_a_finding() -> None:
    result = serve(model="meta-llama/Llama-3.2-1B", gpu="t4", requests_per_s=0.1)
    assert [f.status for f in of(result, "mlops.serving.dtype")] == [Status.FAIL]


# --- serving: the unknown


@pytest.mark.parametrize("field", ["gpu", "requests_per_s", "input_tokens", "output_tokens"])
def test_a_missing_input_is_named_and_the_model_is_still_weighed(field: str) -> None:
    result = serve(**{field: None})
    missing = [
        f for f in result.findings if f.status is Status.NOT_ASSESSED and f.resource.startswith("llm_serving")
    ]
    assert [f.resource for f in missing] == [f"llm_serving.0.{field}"]
    assert set(values(result)) == {"parameters", "weights_bytes", "kv_bytes_per_token"}


def test_an_unknown_gpu_is_not_assessed_and_its_neighbours_are_named() -> None:
    (finding,) = of(serve(gpu="h100"), "mlops.serving.gpu")
    assert finding.status is Status.NOT_ASSESSED
    assert finding.remediation is not None
    assert "h100_sxm" in finding.remediation.text
    assert finding.evidence[0].observed == "h100"


def test_an_unknown_model_names_each_missing_field_and_the_nearest_ids() -> None:
    result = serve(model="meta-llama/Llama-3.1-71B", layers=80, hidden=8192)
    missing = of(result, "mlops.serving.model")
    assert {f.resource for f in missing} == {
        f"llm_serving.0.{n}" for n in ("heads", "kv_heads", "head_dim", "parameters")
    }
    assert all(f.status is Status.NOT_ASSESSED for f in missing)
    assert all(f.remediation and "meta-llama/Llama-3.1-70B" in f.remediation.text for f in missing)
    assert not values(result)


def test_an_unknown_model_with_its_shape_is_assessed_like_a_known_one() -> None:
    shape = {
        "layers": 80,
        "hidden": 8192,
        "heads": 64,
        "kv_heads": 8,
        "head_dim": 128,
        "parameters": 70_553_706_496,
    }
    own, published = values(serve(model="our/own-70b", **shape)), values(serve())
    assert own.keys() == published.keys()
    for name in (
        "parameters",
        "weights_bytes",
        "kv_bytes_per_token",
        "gpus_per_replica",
        "gpus",
        "binding_constraint",
    ):
        assert own[name] == published[name], name
    # What is looked up and not multiplied is unknown for a shape alone: never faster than the published config.
    assert float(own["tpot_s"]) >= float(published["tpot_s"])


def test_a_quantised_model_known_by_its_shape_alone_says_that_one_width_was_used() -> None:
    shape = {"layers": 80, "hidden": 8192, "heads": 64, "kv_heads": 8, "head_dim": 128, "parameters": 7e10}
    result = serve(model="our/own-70b", weight_dtype="int4", **shape)
    assert number(result, "weights_bytes") == 7e10 * (0.5 + 2.5 / 128), (
        "4 bit, and scale and zero point per 128"
    )
    assert "mlops.serving.chat.one_width" in {a.id for a in result.assumptions}


def test_a_shape_in_the_brief_that_contradicts_the_published_one_is_told() -> None:
    result = serve(layers=64, parameters=70e9)
    (finding,) = of(result, "mlops.serving.shape")
    assert finding.resource == "llm_serving.0.layers"
    assert number(result, "parameters") == 70_553_706_496


def test_the_heads_of_a_latent_cache_are_no_contradiction() -> None:
    result = serve(
        model="deepseek-ai/DeepSeek-V3", weight_dtype="fp8", gpu="h200_sxm", head_dim=128, kv_heads=1
    )
    assert not of(result, "mlops.serving.shape")


def test_weights_in_a_dtype_that_the_gpu_cannot_multiply_in_are_said_to_be_widened() -> None:
    def widened(gpu: str, dtype: str) -> bool:
        return any(a.id.endswith(".widened") for a in serve(gpu=gpu, weight_dtype=dtype).assumptions)

    assert widened("a100_sxm", "fp8")
    assert widened("h100_sxm", "int4")
    assert not widened("h100_sxm", "fp8")
    assert not widened("a100_sxm", "bf16")


def test_an_empty_brief_names_what_is_missing() -> None:
    result = assess()
    assert not result.facts
    assert {"llm_serving", "training", "organisation.team.data"} <= {f.resource for f in result.findings}
    assert all(f.status is Status.NOT_ASSESSED for f in result.findings)


def test_the_planning_values_are_assumptions_with_a_source() -> None:
    result = serve(model="google/gemma-2-9b-it")
    ids = {a.id for a in result.assumptions}
    assert {
        "mlops.serving.memory_utilisation",
        "mlops.serving.prefill_mfu",
        "mlops.serving.decode_mfu",
        "mlops.serving.bandwidth_efficiency",
        "mlops.serving.error_band",
    } <= ids
    assert "mlops.serving.chat.sliding_window" in ids
    assert all(a.source for a in result.assumptions)


# --- what must never go the wrong way

MODELS = sorted(m.id for m in models.table().rows)
GPUS = sorted(g.id for g in gpus.table().rows)
items = st.fixed_dictionaries(
    {
        "name": st.just("chat"),
        "model": st.sampled_from(MODELS),
        "gpu": st.sampled_from(GPUS),
        "weight_dtype": st.sampled_from(["bf16", "fp16", "fp8", "int8", "int4"]),
        "kv_dtype": st.sampled_from(["bf16", "fp8"]),
        "requests_per_s": st.floats(0.01, 500),
        "input_tokens": st.integers(1, 20_000),
        "output_tokens": st.integers(1, 4_000),
        "ttft_s": st.floats(0.05, 10),
        "tpot_s": st.floats(0.005, 0.5),
    }
)
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(items, st.floats(1.0, 20))
def test_more_load_never_takes_fewer_gpus(item: dict[str, Any], times: float) -> None:
    less, more = assess([item]), assess([item | {"requests_per_s": item["requests_per_s"] * times}])
    assert ("gpus" in values(less)) == ("gpus" in values(more)), (
        "whether it can be served does not hang on the load"
    )
    if "gpus" in values(less):
        assert number(more, "gpus") >= number(less, "gpus")


@many
@given(items, st.floats(1.0, 20))
def test_a_longer_context_never_gives_more_concurrency_on_the_same_split(
    item: dict[str, Any], times: float
) -> None:
    longer = assess([item | {"input_tokens": item["input_tokens"] * times}]).details["serving"]["chat"][
        "splits"
    ]
    for short, long in zip(assess([item]).details["serving"]["chat"]["splits"], longer, strict=True):
        assert long["concurrency"] <= short["concurrency"]
        assert long["requests_per_s"] <= short["requests_per_s"] * (1 + 1e-9)


@many
@given(items)
def test_a_smaller_dtype_never_takes_more_bytes(item: dict[str, Any]) -> None:
    order = ("fp32", "bf16", "fp8", "int4")
    weights = [number(assess([item | {"weight_dtype": d}]), "weights_bytes") for d in order]
    cache = [number(assess([item | {"kv_dtype": d}]), "kv_bytes_per_token") for d in order]
    assert weights == sorted(weights, reverse=True)
    assert cache == sorted(cache, reverse=True)


@many
@given(items)
def test_what_is_said_to_serve_the_load_meets_every_target(item: dict[str, Any]) -> None:
    result = assess([item])
    if "gpus" not in values(result):
        assert any(f.status is Status.FAIL for f in result.findings)
        return
    assert number(result, "gpus") == number(result, "replicas") * number(result, "gpus_per_replica")
    assert number(result, "requests_per_s") >= item["requests_per_s"] * (1 - 1e-6)
    assert number(result, "ttft_s") <= item["ttft_s"] * (1 + 1e-6)
    assert number(result, "tpot_s") <= item["tpot_s"] * (1 + 1e-6)
    assert number(result, "concurrency") >= 1
    assert 0 <= number(result, "prefill_share") < 1


@many
@given(
    st.fixed_dictionaries(
        {
            "layers": st.integers(1, 2000),
            "hidden": st.integers(1, 10**6),
            "heads": st.integers(1, 10_000),
            "kv_heads": st.integers(1, 10_000),
            "head_dim": st.integers(1, 10_000),
            "parameters": st.floats(1e-3, 1e15),
            "input_tokens": st.floats(1e-300, 1e7),
            "output_tokens": st.floats(1e-300, 1e7),
            "requests_per_s": st.floats(1e-300, 1e6),
            "ttft_s": st.none() | st.floats(1e-300, 1e6),
            "tpot_s": st.none() | st.floats(1e-300, 1e6),
        }
    ),
    st.sampled_from(GPUS),
)
def test_whatever_shape_the_brief_gives_there_is_an_answer_in_finite_numbers(
    shape: dict[str, Any], name: str
) -> None:
    result = serve(model="our/own", gpu=name, **shape)
    assert any(f.rule_id.startswith("mlops.serving") for f in result.findings)
    assert all(math.isfinite(f.value) for f in result.facts if isinstance(f.value, int | float))


@many
@given(items)
def test_the_same_brief_gives_the_same_bytes(item: dict[str, Any]) -> None:
    assert assess([item]).to_json() == assess([item]).to_json()


# --- training


@pytest.mark.parametrize(("tokens", "flops"), [(15e12, 6.3e24), (1.4e12, 5.88e23)])
def test_flops_are_six_per_parameter_and_token(tokens: float, flops: float) -> None:
    assert number(train(tokens=tokens), "flops", "mlops.training.run.") == pytest.approx(flops, rel=1e-12)


def test_days_gpu_hours_and_memory_of_a_run() -> None:
    found = values(train(), "mlops.training.run.")
    days = 6.3e24 / (2048 * 989.5e12 * 0.4) / 86_400
    assert found["days"] == pytest.approx(days)
    assert found["gpu_hours"] == pytest.approx(days * 24 * 2048)
    assert found["memory_bytes"] == 16 * 70e9


@pytest.mark.parametrize(
    ("parameters", "tokens", "gpu", "hours", "mfu"),
    [
        (70e9, 2e12, "a100_sxm", 1_720_320, 0.43),  # Llama 2, arXiv:2307.09288, table 2
        (70e9, 15e12, "h100_sxm", 6.4e6, 0.28),  # model card of Llama-3-70B
        (8.03e9, 15e12, "h100_sxm", 1.46e6, 0.14),  # model card of Llama-3.1-8B
    ],
)
def test_the_gpu_hours_of_published_runs_imply_the_mfu_that_the_assumption_names(
    parameters: float, tokens: float, gpu: str, hours: float, mfu: float
) -> None:
    run = train(parameters=parameters, tokens=tokens, gpu=gpu, mfu=1.0)
    assert number(run, "gpu_hours", "mlops.training.run.") / hours == pytest.approx(mfu, abs=0.006)
    (assumed,) = [a for a in train(mfu=None).assumptions if a.id == "mlops.training.run.mfu"]
    assert f"{mfu:.2f}" in assumed.text


def test_what_each_stage_of_zero_leaves_on_a_gpu() -> None:
    """Figure 1 of the ZeRO paper: 7.5e9 parameters, 64 GPUs, Adam: 120, 31.4, 16.6 and 1.88 GB."""
    found = values(train(parameters=7.5e9, gpus=64, gpu="v100_sxm"), "mlops.training.run.")
    kept = [float(found[f"zero_{stage}_bytes_per_gpu"]) / 1e9 for stage in range(4)]
    assert kept == pytest.approx([120, 31.4, 16.6, 1.88], rel=3e-3)
    assert found["zero_stage"] == 1, "31.4 GB fit into 32 GiB, activations not counted"
    assert values(train(parameters=7.5e9, gpus=64, gpu="l4"), "mlops.training.run.")["zero_stage"] == 2
    assert "zero_stage" not in values(train(gpus=8), "mlops.training.run."), "70e9 fit on eight in no stage"


def test_a_missed_deadline_says_how_many_gpus_would_meet_it() -> None:
    result = train(deadline_days=30)
    (finding,) = of(result, "mlops.training.deadline")
    assert finding.status is Status.FAIL
    needed = number(result, "gpus_for_deadline", "mlops.training.run.")
    assert f"{needed:,} GPUs would be needed".replace(",", "\N{NO-BREAK SPACE}") in finding.title
    assert of(train(deadline_days=30, gpus=needed), "mlops.training.deadline")[0].status is Status.PASS
    assert of(train(deadline_days=30, gpus=needed - 1), "mlops.training.deadline")[0].status is Status.FAIL


def test_a_run_that_does_not_fit_fails() -> None:
    (finding,) = of(train(gpus=8), "mlops.training.memory")
    assert finding.status is Status.FAIL
    assert not of(train(gpus=14), "mlops.training.memory")


@pytest.mark.parametrize("field", ["tokens", "gpu", "gpus"])
def test_a_training_run_names_what_it_lacks(field: str) -> None:
    result = train(**{"deadline_days": 30, field: None})
    missing = [f.resource for f in result.findings if f.resource.startswith("training")]
    assert missing == [f"training.0.{field}"]
    assert "days" not in values(result, "mlops.training.run.")
    assert "memory_bytes" in values(result, "mlops.training.run.")


def test_a_run_without_a_deadline_is_not_said_to_keep_one() -> None:
    missing = [f.resource for f in train().findings if f.rule_id == "mlops.training.deadline_days"]
    assert missing == ["training.0.deadline_days"]
    assert not [f for f in train(deadline_days=30).findings if f.rule_id == "mlops.training.deadline_days"]


def test_an_mfu_that_nobody_gave_is_an_assumption_with_the_field_that_replaces_it() -> None:
    assumed = {a.id: a for a in train(mfu=None).assumptions}["mlops.training.run.mfu"]
    assert (assumed.value, assumed.field) == (0.4, "training.0.mfu")
    assert "mlops.training.run.mfu" not in {a.id for a in train().assumptions}


def test_an_unknown_training_gpu_is_not_assessed() -> None:
    (finding,) = of(train(gpu="a100"), "mlops.training.gpu")
    assert finding.status is Status.NOT_ASSESSED
    assert finding.remediation is not None
    assert "a100_sxm" in finding.remediation.text


# --- maturity and progress

TEAM = {"engineers": 5, "devops": 2, "data": 2, "cloud_skill": 4, "kubernetes_skill": 3, "ml_skill": 4}


@pytest.mark.parametrize(
    ("team", "deploys", "level"),
    [({}, 8, 2), ({"devops": 0}, 8, 1), ({}, 2, 1), ({"data": 0}, 8, 0), ({"ml_skill": 1}, 8, 0), ({}, 0, 0)],
)
def test_maturity_is_the_highest_level_that_no_answer_speaks_against(
    team: dict[str, int], deploys: float, level: int
) -> None:
    result = assess(organisation={"team": TEAM | team, "delivery": {"deploys_per_month": deploys}})
    assert values(result, "mlops.maturity.")["level"] == level


def test_an_unanswered_question_leaves_maturity_not_assessed() -> None:
    result = assess(organisation={"team": TEAM})
    assert "level" not in values(result, "mlops.maturity.")
    assert [f.resource for f in of(result, "mlops.maturity")] == ["organisation.delivery.deploys_per_month"]


def test_progress_counts_items_and_ends_complete() -> None:
    seen: list[tuple[int, int]] = []
    brief = parse_brief({"name": "t", "llm_serving": [ITEM], "training": [RUN]})
    AGENT.assess(Inputs(brief), lambda done, total, _note="": seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_the_agent_declares_what_it_reads() -> None:
    assert (AGENT.name, AGENT.needs, AGENT.reads) == (
        "mlops",
        (),
        ("llm_serving", "training", "organisation"),
    )
