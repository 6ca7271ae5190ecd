"""The planning values that nobody gave, said aloud: what was assumed, why, and which field of the brief would replace it."""

from __future__ import annotations

from infra_mind.agents.mlops.roofline import Planning
from infra_mind.agents.mlops.shape import Shape
from infra_mind.knowledge.checkpoints import Scheme
from infra_mind.knowledge.gpus import Gpu
from infra_mind.knowledge.serving import efficiency
from infra_mind.model.fact import Assumption

AICONFIGURATOR = "system files of PyPI aiconfigurator-core 0.12.0 (2026-09)"
LLAMA_3 = (
    "Llama 3 herd of models, arXiv:2407.21783: 380 to 430 TFLOPS per H100 in bf16, 0.38 to 0.43 of its peak"
)
GPU_HOURS = (
    "GPU hours: model cards of Llama-3.1-8B (1.46e6 on H100, 15e12 tokens) and Llama-3-70B (6.4e6 on H100, 15e12 tokens), as "
    "aiportalx.com quotes them, and Llama 2, arXiv:2307.09288, table 2 (1.72e6 on A100, 2e12 tokens)"
)
ZERO = "ZeRO, arXiv:1910.02054: 2 + 2 + 12 bytes per parameter with Adam in mixed precision"
TRAINING_MFU = 0.4
ADAM_BYTES = 16


def of_serving(plan: Planning, gpu: Gpu) -> tuple[Assumption, ...]:
    """What every serving estimate rests on; the shares of the peaks are those of the GPU's maker."""
    reached = efficiency(gpu)
    return (
        Assumption(
            id="mlops.serving.memory_utilisation", value=plan.memory_utilisation, unit="share",
            text="The engine may use this share of each GPU's memory",
            source="vLLM, gpu_memory_utilization: 0.90 in the engine arguments of earlier releases, 0.92 in vllm/config/cache.py (2026-11)",
        ),
        Assumption(
            id="mlops.serving.overhead_bytes", value=plan.overhead_bytes, unit="bytes",
            text="Activations of a prefill chunk of 8 192 tokens, communication buffers and captured graphs, on each GPU",
            source=f"planning value; communication buffers alone take 342 to 392 MiB, and 3.5 GiB are set aside for safety ({AICONFIGURATOR})",
        ),
        Assumption(
            id="mlops.serving.prefill_mfu", value=plan.prefill_mfu, unit="share",
            text="Prefill reaches this share of the dense peak rate",
            source=reached.source,
        ),
        Assumption(
            id="mlops.serving.decode_mfu", value=plan.decode_mfu, unit="share",
            text="Decode of a large batch reaches this share of the dense peak rate",
            source=reached.source,
        ),
        Assumption(
            id="mlops.serving.bandwidth_efficiency", value=plan.bandwidth_efficiency, unit="share",
            text="Decode reaches this share of the peak memory bandwidth",
            source=reached.source,
        ),
        Assumption(
            id="mlops.serving.error_band", value=f"{reached.low:g} to {reached.high:g}", unit="reckoned over measured",
            text="Throughput reckoned over throughput measured lies in this band for nine of ten published measurements of dense models on GPUs of "
            f"{gpu.maker}" if reached.measured else f"No published measurement on GPUs of {gpu.maker} was found: the band is a guess",
            source=f"docs/agents/mlops.md, python -m infra_mind.agents.mlops.measured; {reached.source}",
        ),
        Assumption(
            id="mlops.serving.collective_latency_s", value=plan.collective_latency_s, unit="s",
            text="Start-up time of one of the log₂(GPUs) rounds of an all-reduce between the GPUs of a replica",
            source=f"{AICONFIGURATOR}: p2p_latency",
        ),
        Assumption(
            id="mlops.serving.sequence_limit", value=plan.max_sequences, unit="count",
            text=f"Sequences in one batch at the most; {plan.max_sequences_large} on GPUs of 70 GiB and more",
            source="vLLM, EngineArgs.get_batch_defaults (2026-11), which keeps the smaller limit on an A100 of 80 GB",
        ),
        Assumption(
            id="mlops.serving.arrivals", value="Poisson", unit="text",
            text="Requests arrive independently and spread evenly over the replicas; times are means, not percentiles; "
            "no headroom for peaks and none for a failed replica is added; prompts share no prefix",
            source="M/D/1 queue (Pollaczek–Khinchine) in front of prefill",
        ),
    )  # fmt: skip


def experts(plan: Planning, gpu: Gpu) -> tuple[Assumption, ...]:
    """Experts are read and multiplied in many small products, which reach less of the peaks than one large one."""
    source = efficiency(gpu).source
    return (
        Assumption(
            id="mlops.serving.expert_efficiency", value=plan.expert_efficiency, unit="share",
            text="Decode reaches this share of the peak memory bandwidth where it reads experts; a step reads 1 − (1 − k/E)^batch of them",
            source=source,
        ),
        Assumption(
            id="mlops.serving.expert_mfu", value=plan.expert_mfu, unit="share",
            text="The products with experts reach this share of the dense peak rate, in prefill and in decode",
            source=source,
        ),
    )  # fmt: skip


def experts_band(gpu: Gpu) -> Assumption:
    """How far off the reckoning is for models with experts: further than for dense ones."""
    reached = efficiency(gpu)
    backed = gpu.maker == "NVIDIA"
    return Assumption(
        id="mlops.serving.error_band_experts", value=f"{reached.experts_low:g} to {reached.experts_high:g}", unit="reckoned over measured",
        text="Throughput reckoned over throughput measured lies in this band for nine of ten published measurements of models with experts on GPUs of "
        f"{gpu.maker}" if backed else f"No published measurement of a model with experts on GPUs of {gpu.maker} was found: the band is a guess",
        source=f"docs/agents/mlops.md, python -m infra_mind.agents.mlops.measured; {reached.source}",
    )  # fmt: skip


def sliding_window(name: str, shape: Shape) -> Assumption:
    """Layers with a window keep no more than it; that the engine lets go of the rest is said."""
    return Assumption(
        id=f"mlops.serving.{name}.sliding_window", value=shape.window, unit="tokens",
        text=f"{shape.window_layers} of {shape.layers} layers attend to the last {shape.window} tokens only, and the engine frees what "
        "has left the window; one that does not keeps every token in every layer",
        source="config of the model; vLLM, hybrid KV cache manager (on by default, disable_hybrid_kv_cache_manager)",
    )  # fmt: skip


def storage(name: str, scheme: Scheme, path: str, published: str) -> Assumption:
    """How the quantised checkpoint is stored; where the makers' own checkpoint decided it, that is said."""
    chosen = (
        "The model is published this way, and the brief names no dtype"
        if published
        else "Taken for the checkpoint"
    )
    return Assumption(
        id=f"mlops.serving.{name}.storage", value=scheme.id, unit="text",
        text=f"{chosen}: {scheme.what}",
        source=scheme.source, field=f"{path}.weight_dtype",
    )  # fmt: skip


def dense(name: str, path: str) -> Assumption:
    """A model known by its six shape fields: they do not tell experts or windows."""
    return Assumption(
        id=f"mlops.serving.{name}.dense", value="dense", unit="text",
        text="Every parameter works on each token and every layer attends to the whole context: the brief's shape fields tell neither experts nor windows, "
        "with which it would take less",
        source="brief", field=f"{path}.model",
    )  # fmt: skip


def one_width(name: str, dtype: str, path: str) -> Assumption:
    """A quantised model known by its parameter count alone: its share in 16 bit is unknown."""
    return Assumption(
        id=f"mlops.serving.{name}.one_width", value=dtype, unit="text",
        text=f"All parameters are counted in {dtype}: how many stay in 16 bit (embeddings, norms, head) is not known for a model "
        "outside the table, so the true size is larger",
        source="brief", field=f"{path}.model",
    )  # fmt: skip


def widened(name: str, dtype: str, gpu: str, path: str) -> Assumption:
    """Weights in a dtype that the GPU cannot multiply in."""
    return Assumption(
        id=f"mlops.serving.{name}.widened", value=dtype, unit="text",
        text=f"{gpu} has no unit for {dtype}, or the format is for weights alone: they are read in {dtype} and multiplied in 16 bit",
        source="table of accelerators: the rates it has for this GPU", field=f"{path}.weight_dtype",
    )  # fmt: skip


def training_mfu(name: str, path: str) -> Assumption:
    """The share of the peak that a training run reaches, when the brief does not say."""
    return Assumption(
        id=f"mlops.training.{name}.mfu", value=TRAINING_MFU, unit="share",
        text="Model FLOPs utilisation of the run while it steps; GPU hours of whole runs, restarts and idle time included, imply 0.14 "
        "(Llama-3.1-8B), 0.28 (Llama-3-70B) and 0.43 (Llama-2-70B)",
        source=f"{LLAMA_3}; {GPU_HOURS}", field=f"{path}.mfu",
    )  # fmt: skip


def full_fine_tune() -> Assumption:
    """What the memory of a training run holds and leaves out."""
    return Assumption(
        id="mlops.training.memory", value=ADAM_BYTES, unit="bytes per parameter",
        text="Full fine-tune in mixed precision with Adam, sharded evenly over the GPUs: weights and gradients in 16 bit, master "
        "weights and two moments in 32 bit; activations come on top",
        source=ZERO,
    )  # fmt: skip


def linear_scaling() -> Assumption:
    """The number of GPUs for a deadline supposes that MFU does not fall with more of them."""
    return Assumption(
        id="mlops.training.scaling", value="linear", unit="text",
        text="The MFU and the mean time between failures stay the same with more GPUs; checkpoints and restarts are in no GPU hours, and in "
        "days_with_restarts where checkpoint_minutes and mtbf_hours are given",
        source="6·N·D: J. Kaplan et al., arXiv:2001.08361",
    )  # fmt: skip
