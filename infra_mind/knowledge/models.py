"""Published open-weights models: their shapes, and the parameters reckoned from them tensor group by tensor group.

Reckoning from the config instead of keeping one number shows where the bytes are (a quantised checkpoint keeps some groups in
16 bit) and proves the config: the sum must meet the total of the published checkpoint, which comes from another source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra_mind.knowledge.tables import Row, Table, load, nearest
from infra_mind.model.base import Value

Dim = Annotated[int, Field(ge=1, le=1_000_000)]
Few = Annotated[int, Field(ge=0, le=2000)]
Split = Literal["gpus", "kv_heads", "none"]


class Moe(Value):
    """Mixture of experts in `layers` of the layers: `per_token` of `experts` run, and all `shared` ones."""

    experts: Annotated[int, Field(ge=2, le=2000)]
    per_token: Annotated[int, Field(ge=1, le=100)]
    intermediate: Dim
    layers: Annotated[int, Field(ge=1, le=2000)]
    shared: Few = 0
    router_bias: bool = False
    expert_bias: bool = False


class Mla(Value):
    """Multi-head latent attention: the cache holds `kv_rank` + `rope_dim` values per layer and token, for all heads together."""

    kv_rank: Dim
    rope_dim: Dim
    nope_dim: Dim
    v_dim: Dim
    q_rank: Dim | None = None


class Model(Row):
    """The shape of a model as its config gives it. `id` and `aliases` are the names it is published under.

    `vocab` is the rows of the embedding matrix (padded where the checkpoint is). `published_parameters` is the total of the
    published checkpoint; `published_exact` says whether it is to the unit. `stored_besides` is what that total counts and the
    language model does not have: rotary frequencies, attention masks, a tied head stored twice, a vision tower.
    `window_layers` of the layers attend to the last `sliding_window` tokens only. `stored_as` is the storage scheme
    (`checkpoints`) that the makers publish the weights in where it is not 16 bit throughout."""

    id: Annotated[str, Field(pattern=r"^[^\s/]+/[^\s/]+$")]
    aliases: tuple[str, ...] = ()
    layers: Annotated[int, Field(ge=1, le=500)]
    hidden: Dim
    intermediate: Annotated[int, Field(ge=0, le=1_000_000)]
    heads: Annotated[int, Field(ge=1, le=1000)]
    kv_heads: Annotated[int, Field(ge=1, le=1000)]
    head_dim: Annotated[int, Field(ge=16, le=1024)]
    vocab: Annotated[int, Field(ge=1000, le=1_000_000)]
    tied: bool = False
    gated_mlp: bool = True
    mlp_bias: bool = False
    qkv_bias: bool = False
    out_bias: bool = False
    norms_per_layer: Annotated[int, Field(ge=1, le=4)] = 2
    norm_bias: bool = False
    embedding_norm: bool = False
    qk_norm: Literal["", "head", "full"] = ""
    attention_sinks: bool = False
    sliding_window: Dim | None = None
    window_layers: Few = 0
    stored_as: Annotated[str, Field(pattern=r"^[a-z0-9_]*$")] = ""
    moe: Moe | None = None
    mla: Mla | None = None
    published_parameters: Annotated[int, Field(ge=10**7, le=10**14)] | None = None
    published_exact: bool = False
    stored_besides: Annotated[int, Field(ge=0, le=10**12)] = 0

    @model_validator(mode="after")
    def _shape_is_possible(self) -> Model:
        if self.heads % self.kv_heads:
            raise ValueError(f"heads ({self.heads}) is no multiple of kv_heads ({self.kv_heads})")
        if self.moe and self.moe.layers > self.layers:
            raise ValueError("more layers with experts than layers")
        if self.moe and self.moe.per_token > self.moe.experts:
            raise ValueError("more experts per token than experts")
        if self.window_layers > self.layers:
            raise ValueError("more layers with a window than layers")
        if bool(self.window_layers) != bool(self.sliding_window):
            raise ValueError("sliding_window and window_layers go together")
        return self


@dataclass(frozen=True)
class Group:
    """One kind of tensor: how many parameters there are, how many work on each token, and whether a quantised checkpoint
    leaves it in 16 bit.

    `outputs` and `inputs` are the output and input widths of its matrices, summed over them: what scales per row and
    permutations per column are counted by. `split` is how tensor parallelism shares it out: over all GPUs, over as many as there
    are KV heads, or not at all."""

    name: str
    parameters: int
    active: int
    stays_16_bit: bool = False
    outputs: int = 0
    inputs: int = 0
    split: Split = "gpus"


def groups(model: Model) -> tuple[Group, ...]:
    """All tensors of the model, by kind; the sum of `parameters` is the model's size."""
    table = model.vocab * model.hidden
    dense_layers = model.layers - (model.moe.layers if model.moe else 0)
    found = [
        Group("embeddings", table, table, stays_16_bit=True),
        *_attention(model),
        _mlp("mlp", model, model.intermediate, dense_layers, dense_layers),
        *(_experts(model, model.moe) if model.moe else ()),
        _biases(model, dense_layers),
        _norms(model),
    ]
    if not model.tied:
        found.append(Group("head", table, table, stays_16_bit=True))
    return tuple(g for g in found if g.parameters)


def parameters(model: Model) -> int:
    """All parameters of the model."""
    return sum(g.parameters for g in groups(model))


def active_parameters(model: Model) -> int:
    """The parameters that work on one token: all of a dense model, the chosen and shared experts of a sparse one."""
    return sum(g.active for g in groups(model))


def kv_values_per_token(model: Model) -> int:
    """Values that the cache keeps per token over all layers: keys and values of the KV heads, or the latent of MLA."""
    if model.mla:
        return model.layers * (model.mla.kv_rank + model.mla.rope_dim)
    return 2 * model.layers * model.kv_heads * model.head_dim


def _matrix(name: str, model: Model, inputs: int, outputs: int, split: Split = "gpus") -> Group:
    """One matrix of this shape in every layer."""
    n = model.layers
    return Group(
        name, n * inputs * outputs, n * inputs * outputs, outputs=n * outputs, inputs=n * inputs, split=split
    )


def _attention(model: Model) -> list[Group]:
    if model.mla:
        return _latent_attention(model, model.mla)
    h, q_width, kv_width = model.hidden, model.heads * model.head_dim, model.kv_heads * model.head_dim
    return [
        _matrix("attention.q", model, h, q_width),
        _matrix("attention.k", model, h, kv_width, "kv_heads"),
        _matrix("attention.v", model, h, kv_width, "kv_heads"),
        _matrix("attention.o", model, q_width, h),
    ]


def _latent_attention(model: Model, mla: Mla) -> list[Group]:
    """The projections down to a latent serve all heads, so every GPU keeps them whole; those up from it are split by heads."""
    h, q_width = model.hidden, model.heads * (mla.nope_dim + mla.rope_dim)
    query = [_matrix("attention.q", model, h, q_width)]
    if mla.q_rank:
        query = [
            _matrix("attention.q_down", model, h, mla.q_rank, "none"),
            _matrix("attention.q_up", model, mla.q_rank, q_width),
        ]
    return [
        *query,
        _matrix("attention.kv_down", model, h, mla.kv_rank + mla.rope_dim, "none"),
        _matrix("attention.kv_up", model, mla.kv_rank, model.heads * (mla.nope_dim + mla.v_dim)),
        _matrix("attention.o", model, model.heads * mla.v_dim, h),
    ]


def _mlp(name: str, model: Model, width: int, copies: int, active: int) -> Group:
    """`copies` of a feed-forward of this width, of which `active` work on a token."""
    up = 2 if model.gated_mlp else 1
    one = (up + 1) * model.hidden * width
    return Group(
        name, copies * one, active * one, outputs=copies * (up * width + model.hidden),
        inputs=copies * (up * model.hidden + width),
    )  # fmt: skip


def _experts(model: Model, moe: Moe) -> tuple[Group, ...]:
    router = moe.layers * moe.experts * model.hidden
    return (
        _mlp("experts", model, moe.intermediate, moe.layers * moe.experts, moe.layers * moe.per_token),
        _mlp("experts.shared", model, moe.intermediate, moe.layers * moe.shared, moe.layers * moe.shared),
        Group("router", router, router, stays_16_bit=True, split="none"),
    )


def _biases(model: Model, dense_layers: int) -> Group:
    """Biases of all kinds; those of an expert work only where it is chosen."""
    q_width, kv_width = model.heads * model.head_dim, model.kv_heads * model.head_dim
    of_mlp = (2 if model.gated_mlp else 1) * model.intermediate + model.hidden
    common = model.layers * ((q_width + 2 * kv_width) * model.qkv_bias + model.hidden * model.out_bias)
    common += dense_layers * of_mlp * model.mlp_bias
    every = active = 0
    if model.moe:
        one = ((2 if model.gated_mlp else 1) * model.moe.intermediate + model.hidden) * model.moe.expert_bias
        router = model.moe.layers * model.moe.experts * model.moe.router_bias
        shared = model.moe.layers * model.moe.shared * one
        common += router + shared
        every, active = (
            model.moe.layers * model.moe.experts * one,
            model.moe.layers * model.moe.per_token * one,
        )
    return Group("biases", common + every, common + active, stays_16_bit=True)


def _norms(model: Model) -> Group:
    wide = model.hidden * (2 if model.norm_bias else 1)
    of_heads = {
        "": 0,
        "head": 2 * model.head_dim,
        "full": (model.heads + model.kv_heads) * model.head_dim,
    }[model.qk_norm]
    of_latent = model.mla.kv_rank + (model.mla.q_rank or 0) if model.mla else 0
    sinks = model.heads if model.attention_sinks else 0
    per_layer = model.norms_per_layer * wide + of_heads + of_latent + sinks
    total = model.layers * per_layer + wide * (2 if model.embedding_norm else 1)
    return Group("norms", total, total, stays_16_bit=True, split="none")


def table() -> Table[Model]:
    """The packaged table of models. Raises TableInvalid when it breaks its own rules."""
    return load("models", Model, attrgetter("id"))


@cache
def by_name() -> Mapping[str, Model]:
    """Every published id and alias in lower case → its model."""
    found: dict[str, Model] = {}
    for model in table().rows:
        for name in (model.id, *model.aliases):
            if found.setdefault(name.lower(), model) is not model:
                raise ValueError(f"{name} stands for two models")
    return found


def find(name: str) -> Model | None:
    """The model published under `name`, blind to case; None when it is not in the table."""
    return by_name().get(name.strip().lower())


def nearest_names(name: str) -> tuple[str, ...]:
    """Up to three published ids that look most like `name`."""
    known = sorted({n for m in table().rows for n in (m.id, *m.aliases)})
    by_tail = {n.split("/", 1)[1]: n for n in known}
    return nearest(name, known) or tuple(by_tail[t] for t in nearest(name.rsplit("/", 1)[-1], by_tail))
