"""Where a model that does not fit would: on which other GPUs of the table as it is, and in which narrower dtype on the one that is named."""

from __future__ import annotations

from infra_mind.agents.mlops.roofline import Planning, peak_flops
from infra_mind.agents.mlops.shape import BYTES, Shape, shape_of
from infra_mind.agents.mlops.split import replicas
from infra_mind.knowledge import gpus
from infra_mind.knowledge.gpus import Gpu
from infra_mind.model.brief import Dtype, Serving

NARROWER: tuple[Dtype, ...] = ("fp8", "int8", "int4")
MOST = 3


def fits_on(item: Serving, shape: Shape, named: Gpu) -> list[tuple[int, str]]:
    """Up to three (GPUs of a replica, id) of one node that hold weights and one request, those of the same maker and the smallest first."""
    found = [
        (gpu.maker != named.maker, degree * gpu.memory_bytes, degree, gpu.id)
        for gpu in gpus.table().rows
        if (degree := least_degree(item, shape, gpu))
    ]
    return [(degree, id_) for _, _, degree, id_ in sorted(found)[:MOST]]


def fits_in(item: Serving, shape: Shape, gpu: Gpu, path: str) -> Dtype | None:
    """The widest of the narrower dtypes that the GPU holds; None where none does, or where the checkpoint fixes the dtype."""
    for dtype in NARROWER:
        if BYTES[dtype] < BYTES[shape.weight_dtype]:
            other = item.model_copy(update={"weight_dtype": dtype})
            narrow = shape_of(other, path)
            if narrow and narrow.weight_dtype == dtype and least_degree(other, narrow, gpu):
                return dtype
    return None


def least_degree(item: Serving, shape: Shape, gpu: Gpu) -> int:
    """The fewest GPUs of one node that hold the weights and one request; 0 where not even all of them do."""
    peak = peak_flops(gpu, shape.weight_dtype)
    if peak is None:
        return 0
    made = replicas(item, shape, gpu, peak, Planning.of(gpu))
    return next((replica.tp for replica in made if replica.concurrency >= 1), 0)
