"""What a served model weighs and caches: from the table of published configs, or from the six shape fields of the brief."""

from __future__ import annotations

from dataclasses import dataclass

from infra_mind.knowledge import models
from infra_mind.knowledge.models import Group
from infra_mind.model.brief import Serving

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5}
QUANTISED = frozenset({"fp8", "int8", "int4"})
SHAPE_FIELDS = ("layers", "hidden", "heads", "kv_heads", "head_dim", "parameters")


@dataclass(frozen=True)
class Experts:
    """How many experts each sparse layer has, how many of them a token takes, and the parameters of all of them together."""

    experts: int
    per_token: int
    parameters: int


@dataclass(frozen=True)
class Shape:
    """The numbers of a model that serving depends on. `kv_shards` is over how many GPUs the cache of one token can be split:
    the KV heads, or 1 for the latent of MLA, which every GPU of a tensor-parallel group keeps whole."""

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
    sliding_window: int | None = None
    from_brief: bool = False


def shape_of(item: Serving, path: str) -> Shape | None:
    """The shape of the item's model: the published config when the id is known, else the brief's own six fields; None when
    one of them is missing. `path` is the item's place in the brief."""
    model = models.find(item.model)
    if model is not None:
        return _published(model)
    if missing_fields(item):
        return None
    return _given(item, path)


def missing_fields(item: Serving) -> tuple[str, ...]:
    """Which of the six shape fields the item lacks."""
    return tuple(name for name in SHAPE_FIELDS if getattr(item, name) is None)


def contradictions(item: Serving) -> tuple[tuple[str, float, float], ...]:
    """Shape fields of the brief that differ from the published config: (field, in the brief, published)."""
    model = models.find(item.model)
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


def weight_bytes(group: Group, dtype: str) -> float:
    """Bytes of a tensor group in a checkpoint of this dtype: embeddings, norms, head and routers of a quantised one stay in 16 bit."""
    width = 2.0 if dtype in QUANTISED and group.stays_16_bit else BYTES[dtype]
    return group.parameters * width


def weights_bytes(shape: Shape, dtype: str) -> float:
    """Bytes of all weights."""
    return sum(weight_bytes(group, dtype) for group in shape.groups)


def whole(value: float) -> float | int:
    """A count of bytes as a whole number where it is one."""
    return int(value) if value == int(value) else value


def _published(model: models.Model) -> Shape:
    found = models.groups(model)
    moe = model.moe
    expert_parameters = sum(g.parameters for g in found if g.name == "experts")
    return Shape(
        layers=model.layers,
        hidden=model.hidden,
        heads=model.heads,
        head_dim=model.head_dim,
        kv_shards=1 if model.mla else model.kv_heads,
        kv_values_per_token=models.kv_values_per_token(model),
        parameters=models.parameters(model),
        active_parameters=models.active_parameters(model),
        groups=found,
        kv_formula="layers · (kv_lora_rank + rope_dim) · bytes"
        if model.mla
        else "2 · layers · kv_heads · head_dim · bytes",
        source=model.source,
        as_of=model.as_of,
        experts=Experts(moe.experts, moe.per_token, expert_parameters) if moe else None,
        sliding_window=model.sliding_window,
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
    )
