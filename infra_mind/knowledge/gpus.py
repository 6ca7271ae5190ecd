"""Accelerators: memory, bandwidth, dense peak rates, interconnect and board power, as public tables and documentation give them.

The trap: NVIDIA's data sheets since Ampere print tensor rates *with 2:4 sparsity*, twice what a dense model gets. Every rate in
this table is dense, per GPU (not per board of two, not per server). `source` of a row names what was read for which columns;
where readings differ the row says which was taken."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from operator import attrgetter
from typing import Annotated

from pydantic import Field, model_validator

from infra_mind.knowledge.tables import Row, Table, load, nearest

Flops = Annotated[float, Field(ge=1e12, le=1e17)]


class Gpu(Row):
    """One accelerator. Rates in FLOP/s (int8: OP/s), dense; None means the hardware has no unit for it.

    `memory_gb` is the maker's label; `memory_bytes` what the driver offers to software (ECC and reserved pages off, binary
    gigabytes counted), the number that decides what fits. `interconnect_bytes_per_s` is per GPU and direction, to the
    other GPUs of its node; `gpus_per_node` is 8 where no source fixes it. `board_watts` is the maximum board power; None where the maker does not publish it."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    name: Annotated[str, Field(min_length=2)]
    aliases: tuple[str, ...] = ()
    maker: Annotated[str, Field(pattern=r"^(NVIDIA|AMD|Intel|Google)$")]
    memory_gb: Annotated[float, Field(ge=8, le=1024)]
    memory_bytes: Annotated[int, Field(ge=8 * 10**9, le=2**40)]
    bandwidth_bytes_per_s: Annotated[float, Field(ge=1e11, le=1e14)]
    bf16_flops: Flops | None = None
    fp16_flops: Flops | None = None
    fp8_flops: Flops | None = None
    fp4_flops: Flops | None = None
    int8_ops: Flops | None = None
    fp32_flops: Flops | None = None
    interconnect: str
    interconnect_bytes_per_s: Annotated[float, Field(ge=1e9, le=1e13)]
    gpus_per_node: Annotated[int, Field(ge=1, le=16)]
    board_watts: Annotated[float, Field(ge=30, le=3000)] | None = None

    @model_validator(mode="after")
    def _numbers_agree(self) -> Gpu:
        if not 0.9 <= self.memory_bytes / (self.memory_gb * 1e9) <= 1.08:
            raise ValueError("memory_bytes and memory_gb are too far apart")
        if self.bf16_flops is None and self.fp16_flops is None:
            raise ValueError("needs bf16_flops or fp16_flops")
        half = self.half_flops
        if self.fp8_flops is not None and not 0.9 <= self.fp8_flops / half <= 2.1:
            raise ValueError("fp8 is once or twice the dense 16-bit rate; is one of them a sparse figure?")
        return self

    @property
    def half_flops(self) -> float:
        """Dense peak in 16 bit: bf16, or fp16 where there is no bf16 unit."""
        return self.bf16_flops or self.fp16_flops or 0.0


def table() -> Table[Gpu]:
    """The packaged table of accelerators. Raises TableInvalid when it breaks its own rules."""
    return load("gpus", Gpu, attrgetter("id"))


@cache
def by_name() -> Mapping[str, Gpu]:
    """Every id and alias, written plainly → its row."""
    found: dict[str, Gpu] = {}
    for gpu in table().rows:
        for name in (gpu.id, gpu.name, *gpu.aliases):
            if found.setdefault(_plain(name), gpu) is not gpu:
                raise ValueError(f"{name} stands for two GPUs")
    return found


def find(name: str) -> Gpu | None:
    """The GPU of this id, name or alias, blind to case and punctuation; None when it is not in the table.

    A bare `h100` or `a100` names several boards that differ twofold: it is not guessed."""
    return by_name().get(_plain(name))


def nearest_names(name: str) -> tuple[str, ...]:
    """Up to three ids that look most like `name`."""
    return nearest(name, [g.id for g in table().rows])


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
