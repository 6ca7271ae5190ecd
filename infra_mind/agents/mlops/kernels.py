"""NVIDIA's measured kernel tables beside the closed form, where the extra `gpu` is installed (PyPI aiconfigurator).

The tables hold times of single kernels, measured on NVIDIA's GPUs; the package adds them up to what an engine does. It knows only
models whose config it bundles and tries to download any other, so nothing is asked of it that is not bundled: no network is ever
touched. Without the extra, or where the tables do not cover a deployment, the closed form stands alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata, resources, util

from infra_mind.agents.mlops.roofline import Replica
from infra_mind.agents.mlops.shape import Shape
from infra_mind.knowledge import models

PACKAGE = "aiconfigurator"
TABLES = "aiconfigurator_core"
ENGINES = ("trtllm", "vllm", "sglang")
CHUNK = 8192  # as vLLM and TensorRT-LLM cut prefill by default
QUANT = {"bf16": "bfloat16", "fp16": "bfloat16", "fp8": "fp8"}


@dataclass(frozen=True)
class Question:
    """A deployment as the tables are asked for it. `weights` is empty where the bundled config says how they are stored."""

    model: str
    system: str
    gpus: int
    batch: int
    input_tokens: int
    output_tokens: int
    weights: str
    cache: str
    sparse: bool


@dataclass(frozen=True)
class Answer:
    """What the tables say: seconds to the first token and per token with the batch running, output tokens a second in all."""

    ttft_s: float
    tpot_s: float
    tokens_per_s: float
    source: str


@dataclass(frozen=True)
class Tables:
    """The installed tables: which models and systems they hold, and how to ask them. `ask` raises whatever the package raises."""

    models: frozenset[str]
    systems: frozenset[str]
    ask: Callable[[Question], Answer]


def question(tables: Tables, name: str, shape: Shape, replica: Replica, batch: float) -> Question | None:
    """The question for this replica with `batch` requests running; None where the tables hold no such model, GPU or dtype."""
    known = models.find(name)
    names = sorted({known.id, *known.aliases} & tables.models) if known else []
    weights = "" if shape.published or (known and known.stored_as) else QUANT.get(shape.weight_dtype)
    dtype_held = not (known and known.stored_as) or (
        shape.scheme is not None and shape.scheme.id == known.stored_as
    )
    cached = QUANT.get(replica.load.kv_dtype)
    if (
        not names
        or replica.gpu.id not in tables.systems
        or weights is None
        or cached is None
        or not dtype_held
    ):
        return None
    return Question(
        model=name if name in names else names[0],
        system=replica.gpu.id,
        gpus=replica.tp,
        batch=max(1, round(batch)),
        input_tokens=max(1, round(replica.load.input_tokens)),
        output_tokens=max(2, round(replica.load.output_tokens)),
        weights=weights,
        cache=cached,
        sparse=shape.experts is not None,
    )


@cache
def installed() -> Tables | None:
    """The tables of the installed package; None without the extra. Reads names only: the package itself is loaded when asked."""
    if util.find_spec(PACKAGE) is None or util.find_spec(TABLES) is None:
        return None
    root = resources.files(TABLES)
    bundled = (entry.name for entry in root.joinpath("model_configs").iterdir())
    held = (entry.name for entry in root.joinpath("systems").iterdir())
    return Tables(
        models=frozenset(
            n.removesuffix("_config.json").replace("--", "/") for n in bundled if n.endswith("_config.json")
        ),
        systems=frozenset(n.removesuffix(".yaml") for n in held if n.endswith(".yaml")),
        ask=_ask,
    )


def chunk(asked: Question) -> int:
    """Prompt tokens that the engine mixes into one step: a chunk of 8 192, no more than all prompts hold, no less than one prompt.

    Left alone the package takes one prompt a step, which starves a large batch of short ones."""
    return max(asked.input_tokens, min(CHUNK, asked.batch * asked.input_tokens))


def _ask(asked: Question) -> Answer:
    """The first engine whose tables cover the deployment answers; what the last one raised where none does."""
    problem: Exception = LookupError("no engine")
    for engine in ENGINES:
        try:
            return _ask_of(asked, engine)
        except Exception as error:  # the package's own errors are many and undocumented
            problem = error
    raise problem


def _ask_of(asked: Question, engine: str) -> Answer:
    os.environ["HF_HUB_OFFLINE"] = "1"  # a second lock: the names are bundled, so nothing needs the hub
    for name in (PACKAGE, TABLES):
        logging.getLogger(name).setLevel(logging.ERROR)
    api = import_module("aiconfigurator.cli.api")
    found = api.cli_estimate(
        asked.model,
        asked.system,
        mode="agg",
        backend_name=engine,
        isl=asked.input_tokens,
        osl=asked.output_tokens,
        batch_size=asked.batch,
        ctx_tokens=chunk(asked),
        tp_size=asked.gpus,
        gemm_quant_mode=asked.weights or None,
        kvcache_quant_mode=asked.cache,
        moe_tp_size=asked.gpus if asked.sparse else None,
        moe_ep_size=1 if asked.sparse else None,
    )
    version = f"{found.backend_name} {found.backend_version}"
    return Answer(
        ttft_s=float(found.ttft) / 1000,
        tpot_s=float(found.tpot) / 1000,
        tokens_per_s=float(found.tokens_per_second),
        source=f"PyPI {PACKAGE} {metadata.version(PACKAGE)}, kernel tables for {asked.system} and {version}",
    )
