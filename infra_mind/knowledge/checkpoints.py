"""How published checkpoints store their weights: which tensors in which width, with which scales; and what they weigh.

A quantised checkpoint is mixed: embeddings, norms, routers, biases and head stay in 16 bit, the matrices shrink, and each carries
scales. `schemes` says how, `table` holds published checkpoints with the size that their makers' file listings show, so that the
reckoning is proven against what can be downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from operator import attrgetter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra_mind.knowledge import models
from infra_mind.knowledge.models import Group
from infra_mind.knowledge.tables import Row, Table, load

SIXTEEN_BIT = 2.0
PERMUTATION_BYTES = 4  # GPTQ keeps for each input the number of its group in 32 bit
USUAL = {"fp8": "fp8_row", "int8": "int8_row", "int4": "awq_g128"}


class Scheme(Row):
    """How the matrices of a quantised checkpoint are stored. `bits` is per weight; a scale of `scale_bytes` (and a zero point of
    `zero_bits`) comes with every `group` inputs of a row (`per` group), with every square of `group` by `group` (block), with
    every row, or with the whole tensor, where it is not counted. `covers` is what it applies to: all matrices, or the experts alone."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    dtype: Literal["fp8", "int8", "int4"]
    bits: Annotated[int, Field(ge=2, le=8)]
    per: Literal["group", "block", "row", "tensor"]
    group: Annotated[int, Field(ge=16, le=1024)] | None = None
    scale_bytes: Annotated[int, Field(ge=0, le=4)] = 0
    zero_bits: Annotated[int, Field(ge=0, le=8)] = 0
    permuted: bool = False
    covers: Literal["matrices", "experts"] = "matrices"
    what: Annotated[str, Field(min_length=10)]

    @model_validator(mode="after")
    def _group_where_it_is_needed(self) -> Scheme:
        if (self.group is None) != (self.per in {"row", "tensor"}):
            raise ValueError("`group` goes with scales per group or block, and only with these")
        return self

    def applies(self, group: Group) -> bool:
        """Whether this kind of tensor is quantised."""
        return not group.stays_16_bit and (self.covers == "matrices" or group.name == "experts")

    def size(self, group: Group) -> float:
        """Bytes of a kind of tensor in a checkpoint of this scheme, scales and zero points included."""
        if not self.applies(group):
            return group.parameters * SIXTEEN_BIT
        weights = group.parameters * self.bits / 8
        scale = self.scale_bytes + self.zero_bits / 8
        counts = {
            "group": group.parameters / (self.group or 1),
            "block": group.parameters / (self.group or 1) ** 2,
            "row": float(group.outputs),
            "tensor": 0.0,
        }
        return weights + counts[self.per] * scale + (PERMUTATION_BYTES * group.inputs if self.permuted else 0)


class Checkpoint(Row):
    """A published quantised checkpoint: of which model, stored how, how large. `published_bytes` is the sum over its files, each
    rounded as the listing shows it, so right to `rounding_bytes`; `besides_bytes` of them are not the language model's."""

    id: Annotated[str, Field(pattern=r"^[^\s/]+/[^\s/]+$")]
    model: str
    scheme: str
    published_bytes: Annotated[float, Field(ge=1e8, le=1e13)]
    rounding_bytes: Annotated[float, Field(ge=0, le=1e10)]
    besides_bytes: Annotated[float, Field(ge=0, le=1e11)] = 0


@cache
def schemes() -> Mapping[str, Scheme]:
    """Every storage scheme by its id. Raises TableInvalid when the table breaks its own rules."""
    return load("storage_schemes", Scheme, attrgetter("id")).by_key


def table() -> Table[Checkpoint]:
    """The packaged table of published quantised checkpoints. Raises TableInvalid when it breaks its own rules."""
    return load("checkpoints", Checkpoint, attrgetter("id"))


def find(name: str) -> Checkpoint | None:
    """The quantised checkpoint published under `name`, blind to case; None when it is not in the table."""
    plain = name.strip().lower()
    return next((c for c in table().rows if c.id.lower() == plain), None)


def scheme_for(dtype: str, published: str = "") -> Scheme | None:
    """How weights of this dtype are stored: as the makers publish them where that is this dtype, else as most are; None in 16 and 32 bit."""
    own = schemes().get(published)
    if own is not None and own.dtype == dtype:
        return own
    usual = USUAL.get(dtype)
    return schemes()[usual] if usual else None


def reckoned_bytes(checkpoint: Checkpoint) -> float:
    """What the checkpoint must weigh by the shape of its model and its scheme. KeyError for a model or scheme that is not there."""
    model = models.find(checkpoint.model)
    if model is None:
        raise KeyError(checkpoint.model)
    scheme = schemes()[checkpoint.scheme]
    return sum(scheme.size(group) for group in models.groups(model)) + checkpoint.besides_bytes
