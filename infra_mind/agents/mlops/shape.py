"""What a served model weighs and caches: from the table of published configs, or from the six shape fields of the brief."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from infra_mind.knowledge import checkpoints, models
from infra_mind.knowledge.checkpoints import Scheme
from infra_mind.knowledge.models import Group
from infra_mind.model.brief import Serving

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5}
SHAPE_FIELDS = ("layers", "hidden", "heads", "kv_heads", "head_dim", "parameters")


@dataclass(frozen=True)
class Experts:
    """How many experts each sparse layer has, how many of them a token takes, and how many layers are sparse."""

    experts: int
    per_token: int
    layers: int

    def touched(self, batch: float) -> float:
        """Expected share of the experts that some token of the batch takes: 1 − (1 − k/E)^batch, each token choosing for itself."""
        return float(1 - (1 - self.per_token / self.experts) ** batch)


@dataclass(frozen=True)
class Shape:
    """The numbers of a model that serving depends on, and how its weights are stored (`scheme`; None: all in `weight_dtype`).

    `kv_shards` is over how many GPUs the cache of one token can be split: the KV heads, or 1 for the latent of MLA, which every GPU
    of a tensor-parallel group keeps whole. `window_layers` of the layers keep the last `window` tokens alone. `published` names the
    scheme when the makers' own checkpoint decided the dtype because the brief did not."""

    layers: int
    hidden: int
    heads: int
    head_dim: int
    kv_shards: int
    kv_values_per_token: int
    parameters: int
    active_parameters: int
    groups: tuple[Group, ...]
    kv_formula: str
    source: str
    as_of: str | None
    experts: Experts | None = None
    window: int | None = None
    window_layers: int = 0
    tied: bool = False
    from_brief: bool = False
    weight_dtype: str = "bf16"
    scheme: Scheme | None = None
    published: str = ""

    def weight_bytes(self, group: Group) -> float:
        """Bytes of a kind of tensor as the checkpoint stores it, scales and zero points included."""
        return self.scheme.size(group) if self.scheme else group.parameters * BYTES[self.weight_dtype]

    @cached_property
    def weights_bytes(self) -> float:
        """Bytes of all weights, each counted once."""
        return sum(self.weight_bytes(group) for group in self.groups)

    @cached_property
    def head_parameters(self) -> int:
        """Parameters of the matrix that turns the last hidden state into scores: 0 where the shape does not tell it apart."""
        name = "embeddings" if self.tied else "head"
        return sum(g.parameters for g in self.groups if g.name == name)

    @cached_property
    def expert_parameters(self) -> int:
        """Parameters of the experts that a token takes, over all layers; shared experts are none of them."""
        return sum(g.active for g in self.groups if g.name == "experts")

    @cached_property
    def multiplied_parameters(self) -> int:
        """Parameters that a token is multiplied with: the active ones without the table of embeddings, which is looked up."""
        looked_up = 0 if self.tied else sum(g.parameters for g in self.groups if g.name == "embeddings")
        return self.active_parameters - looked_up

    def cached_values(self, context: float) -> float:
        """Values that the caches of one request hold at this context; layers with a window keep no more than it."""
        per_layer = self.kv_values_per_token / self.layers
        within = min(context, float(self.window)) if self.window else context
        return per_layer * ((self.layers - self.window_layers) * context + self.window_layers * within)

    def attention_flops(self, tokens: float) -> float:
        """FLOPs of causal attention over a prompt: 2 · heads · head_dim · S² a layer; with a window of w < S, 4 · … · (S·w − w²/2)."""
        whole_layer = 2 * self.heads * self.head_dim * tokens**2
        w = min(tokens, float(self.window)) if self.window else tokens
        within = 4 * self.heads * self.head_dim * (tokens * w - w**2 / 2)
        return (self.layers - self.window_layers) * whole_layer + self.window_layers * within


def shape_of(item: Serving, path: str) -> Shape | None:
    """The shape of the item's model: the published config when the id is known, else the brief's own six fields; None when
    one of them is missing. `path` is the item's place in the brief."""
    model = models.find(item.model)
    if model is not None:
        return _published(model, *_storage(item, model))
    quantised = checkpoints.find(item.model)
    base = models.find(quantised.model) if quantised else None
    if quantised is not None and base is not None:
        scheme = checkpoints.schemes()[quantised.scheme]
        return _published(base, scheme.dtype, scheme, "")
    if missing_fields(item):
        return None
    return _given(item, path)


def checkpoint_dtype(item: Serving) -> str:
    """The dtype that the name of the item's checkpoint fixes, where the name is that of a quantised one; else nothing."""
    quantised = None if models.find(item.model) else checkpoints.find(item.model)
    return checkpoints.schemes()[quantised.scheme].dtype if quantised else ""


def _storage(item: Serving, model: models.Model) -> tuple[str, Scheme | None, str]:
    """Dtype, scheme, and the scheme's id where it is the makers' choice because the brief names no dtype."""
    if "weight_dtype" not in item.model_fields_set and model.stored_as:
        scheme = checkpoints.schemes()[model.stored_as]
        return scheme.dtype, scheme, scheme.id
    return item.weight_dtype, checkpoints.scheme_for(item.weight_dtype, model.stored_as), ""


def missing_fields(item: Serving) -> tuple[str, ...]:
    """Which of the six shape fields the item lacks."""
    return tuple(name for name in SHAPE_FIELDS if getattr(item, name) is None)


def contradictions(item: Serving) -> tuple[tuple[str, float, float], ...]:
    """Shape fields of the brief that differ from the published config: (field, in the brief, published)."""
    model = models.find(item.model)
    quantised = checkpoints.find(item.model)
    if model is None and quantised is not None:
        model = models.find(quantised.model)
    if model is None:
        return ()
    published = {name: getattr(model, name) for name in SHAPE_FIELDS[:-1]} | {
        "parameters": models.parameters(model)
    }
    given = {name: getattr(item, name) for name in SHAPE_FIELDS}
    if model.mla:  # its config and its papers count heads of the cache in more than one way
        del published["kv_heads"], published["head_dim"]
    # Counts of parameters are quoted rounded ("70e9"); a percent off is no other model.
    return tuple(
        (name, given[name], published[name])
        for name in published
        if given[name] is not None
        and abs(given[name] - published[name]) > (0.01 * published[name] if name == "parameters" else 0)
    )


def whole(value: float) -> float | int:
    """A count of bytes as a whole number where it is one."""
    return int(value) if value == int(value) else value


def _published(model: models.Model, dtype: str, scheme: Scheme | None, published: str) -> Shape:
    moe = model.moe
    return Shape(
        layers=model.layers,
        hidden=model.hidden,
        heads=model.heads,
        head_dim=model.head_dim,
        kv_shards=1 if model.mla else model.kv_heads,
        kv_values_per_token=models.kv_values_per_token(model),
        parameters=models.parameters(model),
        active_parameters=models.active_parameters(model),
        groups=models.groups(model),
        kv_formula="layers · (kv_lora_rank + rope_dim) · bytes"
        if model.mla
        else "2 · layers · kv_heads · head_dim · bytes",
        source=model.source,
        as_of=model.as_of,
        experts=Experts(moe.experts, moe.per_token, moe.layers) if moe else None,
        window=model.sliding_window,
        window_layers=model.window_layers,
        tied=model.tied,
        weight_dtype=dtype,
        scheme=scheme,
        published=published,
    )


def _given(item: Serving, path: str) -> Shape:
    layers, hidden, heads, kv_heads, head_dim = (int(getattr(item, name)) for name in SHAPE_FIELDS[:-1])
    count = round(item.parameters or 0)
    return Shape(
        layers=layers,
        hidden=hidden,
        heads=heads,
        head_dim=head_dim,
        kv_shards=kv_heads,
        kv_values_per_token=2 * layers * kv_heads * head_dim,
        parameters=count,
        active_parameters=count,
        groups=(Group("all", count, count),),
        kv_formula="2 · layers · kv_heads · head_dim · bytes",
        source=f"brief: {path}.parameters, layers, hidden, heads, kv_heads, head_dim",
        as_of=None,
        from_brief=True,
        weight_dtype=item.weight_dtype,
        scheme=checkpoints.scheme_for(item.weight_dtype),
    )
