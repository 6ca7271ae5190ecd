"""The facts of a chosen deployment: the split, what it holds, what it sustains, and its times at the brief's load."""

from __future__ import annotations

from math import ceil, inf

from infra_mind.agents.mlops.kernels import Answer, Question
from infra_mind.agents.mlops.roofline import Replica
from infra_mind.agents.mlops.split import DEGREES, SLACK, Split
from infra_mind.knowledge.serving import efficiency
from infra_mind.model.fact import Fact, FactValue


def row(split: Split, requests_per_s: float) -> dict[str, FactValue]:
    """One line of the table of candidates: also those that cannot serve are shown."""
    replica = split.replica
    line: dict[str, FactValue] = {
        "gpus_per_replica": replica.tp, "kv_room_bytes": replica.kv_room_per_gpu * replica.tp,
        "concurrency": replica.concurrency, "prefill_s": replica.prefill_s, "best_tpot_s": replica.best_tpot_s(),
        "requests_per_s": split.rate, "binding_constraint": split.binding,
    }  # fmt: skip
    if split.rate > 0:
        line |= {"replicas": split.replicas(requests_per_s), "gpus": split.gpus(requests_per_s)}
    return line


def binding_constraint(prefix: str, split: Split, missed: str | None = None) -> Fact:
    """Which limit stands in the way first, with the mean batch that each allows; `missed` where no load at all meets it."""
    return _fact(
        prefix, split, "binding_constraint", missed or split.binding, "text",
        "the limit that a replica meets first as the load grows; throughput where a larger batch serves no more", **_limits(split),
    )  # fmt: skip


def best_time(prefix: str, split: Split, name: str, seconds: float) -> Fact:
    """The time to the first token (`ttft`) or per token (`tpot`) of one request alone on a replica: no load comes below it."""
    formulas = {"ttft": "prefill_s of one request alone", "tpot": "decode_s of a batch of one"}
    return _fact(
        prefix, split, f"best_{name}_s", seconds, "s", formulas[name], gpus_per_replica=split.replica.tp
    )


def missing_bytes(prefix: str, split: Split) -> Fact:
    """What each GPU lacks to hold its share of the weights and one request."""
    replica = split.replica
    return _fact(
        prefix, split, "missing_bytes_per_gpu", replica.kv_per_request_per_gpu - replica.kv_room_per_gpu, "bytes",
        "kv_per_request_per_gpu − kv_room_bytes_per_gpu", kv_per_request_per_gpu=replica.kv_per_request_per_gpu,
        kv_room_bytes_per_gpu=replica.kv_room_per_gpu, gpus_per_replica=replica.tp,
    )  # fmt: skip


def facts(prefix: str, split: Split, requests_per_s: float) -> list[Fact]:
    """Facts `<prefix>.<name>`. Times are those at the load, spread evenly over the replicas, not those at the limit."""
    return [
        *_room(prefix, split),
        *_size(prefix, split, requests_per_s),
        *_band(prefix, split, requests_per_s),
        *_times(prefix, split, requests_per_s),
    ]


def _room(prefix: str, split: Split) -> list[Fact]:
    replica, plan = split.replica, split.replica.plan
    return [
        _fact(
            prefix, split, "kv_room_bytes", replica.kv_room_per_gpu * replica.tp, "bytes",
            "gpus_per_replica · (memory_bytes · utilisation − overhead_bytes − weights_bytes_per_gpu)",
            gpus_per_replica=replica.tp, memory_bytes=replica.gpu.memory_bytes, utilisation=plan.memory_utilisation,
            overhead_bytes=plan.overhead_bytes, weights_bytes_per_gpu=replica.weights_per_gpu,
        ),
        _fact(
            prefix, split, "concurrency", replica.concurrency, "requests per replica",
            "floor(kv_room_bytes_per_gpu / kv_bytes_per_request_per_gpu)",
            kv_room_bytes_per_gpu=replica.kv_room_per_gpu, kv_bytes_per_request_per_gpu=replica.kv_per_request_per_gpu,
            input_tokens=replica.load.input_tokens, output_tokens=replica.load.output_tokens, kv_copies=kv_copies(replica),
        ),
        _fact(prefix, split, "batch_limit", split.batch, "requests per replica", "the smallest of the limits", **_limits(split)),
        binding_constraint(prefix, split),
    ]  # fmt: skip


def kv_copies(replica: Replica) -> float:
    """On how many GPUs of the replica each cached value stands."""
    return replica.tp / min(replica.tp, replica.shape.kv_shards)


def _size(prefix: str, split: Split, load: float) -> list[Fact]:
    replica, rate, replicas = split.replica, split.rate, split.replicas(load)
    return [
        _fact(
            prefix, split, "gpus_per_replica", replica.tp, "count", "the tensor-parallel degree with the fewest GPUs in total",
            degrees=" ".join(str(d) for d in DEGREES), heads=replica.shape.heads,
        ),
        _fact(
            prefix, split, "requests_per_s_per_replica", rate, "1/s", "batch / (output_tokens · decode_s + batch · prefill_s)",
            batch=split.batch, output_tokens=replica.load.output_tokens, decode_s=replica.decode_s(split.batch),
            prefill_s=replica.prefill_s,
        ),
        _fact(prefix, split, "replicas", replicas, "count", "ceil(load / rate_per_replica)", load=load, rate_per_replica=rate),
        _fact(
            prefix, split, "gpus", replicas * replica.tp, "count", "replicas · gpus_per_replica",
            replicas=replicas, gpus_per_replica=replica.tp,
        ),
        _fact(
            prefix, split, "requests_per_s", replicas * rate, "1/s", "replicas · rate_per_replica: what all of them sustain together",
            replicas=replicas, rate_per_replica=rate,
        ),
        _fact(
            prefix, split, "utilisation", load / (replicas * rate), "share", "load / (replicas · rate_per_replica)",
            load=load, replicas=replicas, rate_per_replica=rate,
        ),
    ]  # fmt: skip


def _band(prefix: str, split: Split, load: float) -> list[Fact]:
    """What the split sustains and takes at both ends of the error band: the rate is the reckoned one over `reckoned / measured`."""
    low, high = efficiency(split.replica.gpu).band(split.replica.shape.experts is not None)
    replicas = split.replicas(load)
    total = replicas * split.rate

    def rate(name: str, ratio: float) -> Fact:
        return _fact(
            prefix,
            split,
            name,
            total / ratio,
            "1/s",
            "requests_per_s / ratio",
            requests_per_s=total,
            ratio=ratio,
        )

    def gpus(name: str, ratio: float) -> Fact:
        return _fact(
            prefix, split, name, _replicas(load, split.rate / ratio) * split.replica.tp, "count",
            "ceil(load · ratio / rate_per_replica) · gpus_per_replica", load=load, ratio=ratio, rate_per_replica=split.rate,
            gpus_per_replica=split.replica.tp,
        )  # fmt: skip

    return [
        rate("requests_per_s_low", high), rate("requests_per_s_high", low),
        gpus("gpus_low", low), gpus("gpus_high", high),
    ]  # fmt: skip


def _replicas(load: float, rate: float) -> int:
    return max(1, ceil(load / rate - SLACK))


def beside(prefix: str, split: Split, load: float, asked: Question, answer: Answer) -> list[Fact]:
    """The same split by measured kernel tables, with the batch that the closed form allows; `kernel_ratio` is the one over the other."""
    replica = split.replica
    rate = answer.tokens_per_s / asked.output_tokens
    given: dict[str, FactValue] = {
        "model": asked.model, "gpus_per_replica": asked.gpus, "batch": asked.batch, "input_tokens": asked.input_tokens,
        "output_tokens": asked.output_tokens, "weights": asked.weights or "as published", "cache": asked.cache,
    }  # fmt: skip

    def fact(name: str, value: float, unit: str, formula: str, **inputs: FactValue) -> Fact:
        return Fact(
            id=f"{prefix}.{name}", value=value, unit=unit, formula=formula, source=answer.source, as_of="2026-09",
            inputs={"gpu": replica.gpu.id, **inputs},
        )  # fmt: skip

    closed = replica.rate(float(asked.batch))
    return [
        fact("kernel_ttft_s", answer.ttft_s, "s", "looked up", **given),
        fact("kernel_tpot_s", answer.tpot_s, "s", "looked up", **given),
        fact("kernel_requests_per_s_per_replica", rate, "1/s", "tokens_per_s / output_tokens", tokens_per_s=answer.tokens_per_s, **given),
        fact("kernel_gpus", _replicas(load, rate) * replica.tp, "count", "ceil(load / rate_per_replica) · gpus_per_replica",
             load=load, rate_per_replica=rate, gpus_per_replica=replica.tp),
        fact("kernel_ratio", closed / rate, "share", "rate of the closed form at this batch / rate by the tables", closed_form=closed, tables=rate),
    ]  # fmt: skip


def _times(prefix: str, split: Split, load: float) -> list[Fact]:
    replica, plan = split.replica, split.replica.plan
    shape, rate = replica.shape, load / split.replicas(load)
    batch = replica.batch_at(rate, split.batch)
    share, step = replica.prefill_share(batch), replica.decode_s(batch)
    return [
        _fact(
            prefix, split, "prefill_s", replica.prefill_s, "s",
            "(2 · (multiplied_parameters − expert_parameters − head_parameters) · S + 2 · head_parameters + attention_flops) / "
            "(gpus_per_replica · flops · mfu) + 2 · expert_parameters · S / (gpus_per_replica · flops · expert_mfu) "
            "+ communication_s; attention_flops = Σ over layers of 2 · heads · head_dim · S², with a window w < S of 4 · heads · head_dim · "
            "(S·w − w²/2)",
            multiplied_parameters=shape.multiplied_parameters, expert_parameters=shape.expert_parameters,
            head_parameters=shape.head_parameters, S=replica.load.input_tokens, expert_mfu=plan.expert_mfu,
            attention_flops=shape.attention_flops(replica.load.input_tokens), gpus_per_replica=replica.tp, flops=replica.peak,
            mfu=plan.prefill_mfu,
            communication_s=replica.communication_s(replica.load.input_tokens),
        ),
        _fact(prefix, split, "prefill_share", share, "share", "rate · prefill_s", rate=rate, prefill_s=replica.prefill_s),
        _fact(prefix, split, "mean_batch", batch, "requests per replica", "rate · output_tokens · tpot_s (Little)",
              rate=rate, output_tokens=replica.load.output_tokens, tpot_s=replica.tpot_s(batch)),
        _decode(prefix, split, replica, batch),
        _fact(
            prefix, split, "ttft_s", replica.ttft_s(batch), "s",
            "prefill_s + share · prefill_s / (2 · (1 − share)) + min(1, mean_batch) · decode_s / 2",
            prefill_s=replica.prefill_s, share=share, mean_batch=batch, decode_s=step,
        ),
        _fact(prefix, split, "tpot_s", replica.tpot_s(batch), "s", "decode_s / (1 − share)", decode_s=step, share=share),
    ]  # fmt: skip


def _decode(prefix: str, split: Split, replica: Replica, batch: float) -> Fact:
    b = max(batch, 1.0)
    return _fact(
        prefix, split, "decode_s", replica.decode_s(batch), "s",
        "batch · kv_bytes_per_gpu / bandwidth + max(2 · batch · (multiplied_parameters − expert_parameters) / (gpus_per_replica · flops · "
        "decode_mfu), dense_read_per_gpu / bandwidth) + experts_read_per_gpu / (bandwidth_bytes_per_s · expert_efficiency) "
        "+ 2 · batch · expert_parameters / (gpus_per_replica · flops · expert_mfu) + communication_s; "
        "bandwidth = bandwidth_bytes_per_s · bandwidth_efficiency",
        batch=b, context_tokens=replica.mean_context, kv_bytes_per_gpu=replica.kv_per_gpu(replica.mean_context),
        multiplied_parameters=replica.shape.multiplied_parameters, expert_parameters=replica.shape.expert_parameters,
        flops=replica.peak, decode_mfu=replica.plan.decode_mfu, expert_mfu=replica.plan.expert_mfu,
        dense_read_per_gpu=replica.dense_read_per_gpu, experts_read_per_gpu=replica.experts_read_per_gpu(b),
        expert_efficiency=replica.plan.expert_efficiency, gpus_per_replica=replica.tp, communication_s=replica.communication_s(b),
        bandwidth_bytes_per_s=replica.gpu.bandwidth_bytes_per_s, bandwidth_efficiency=replica.plan.bandwidth_efficiency,
    )  # fmt: skip


def _limits(split: Split) -> dict[str, FactValue]:
    return {name: limit for name, limit in split.limits.items() if limit != inf}


def _fact(
    prefix: str, split: Split, name: str, value: FactValue, unit: str, formula: str, **inputs: FactValue
) -> Fact:
    gpu = split.replica.gpu
    return Fact(
        id=f"{prefix}.{name}", value=value, unit=unit, formula=formula, inputs={"gpu": gpu.id, **inputs},
        source=f"{gpu.source}; the model's shape: {split.replica.shape.source}", as_of=gpu.as_of,
    )  # fmt: skip
