"""Instances of the three clouds: vCPU, memory and GPUs, by the names that their providers and Terraform use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from infra_mind.knowledge import tables

Provider = Literal["aws", "azure", "gcp"]
PROVIDERS: tuple[Provider, ...] = ("aws", "azure", "gcp")

# Series, vCPUs, constrained vCPUs, features, accelerator, version; separators differ from list to list.
_AZURE = re.compile(
    r"([A-Z]+)(\d+)(-\d+)?([a-z]*?)_?(A10|A100|H100|H200|GB200|T4|V100|MI300X)?_?(v\d+)?", re.I
)


class Instance(tables.Row):
    """`memory_gib` is None where no source says it. `gpu` is the id of the brief (`h100_sxm`), `gpus` how many of it."""

    provider: Provider
    instance: Annotated[str, Field(min_length=2, max_length=60)]
    vcpu: Annotated[float, Field(gt=0, le=2000)]
    memory_gib: Annotated[float, Field(gt=0, le=40_000)] | None = None
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    gpus: Annotated[int, Field(ge=0, le=16)] = 0
    gpu_model: str | None = None
    gpu_memory_gib: Annotated[float, Field(gt=0, le=400)] | None = None
    gpu: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] | None = None


def instance(provider: str, name: str) -> Instance | None:
    """The instance of that name, None when it is not in the tables. Case and, for Azure, separators do not matter."""
    return _all().get((provider, canonical(provider, name)))


def nearest(provider: str, name: str, limit: int = 3) -> tuple[str, ...]:
    """Names in the tables that look most like `name`, best first."""
    return tables.nearest(name, (n for p, n in _all() if p == provider), limit)


def with_gpu(provider: str, gpu: str) -> tuple[Instance, ...]:
    """Every instance of the provider that holds this GPU, in order of count and name."""
    return _by_gpu().get((provider, gpu), ())


@cache
def _by_gpu() -> Mapping[tuple[str, str], tuple[Instance, ...]]:
    found: dict[tuple[str, str], list[Instance]] = {}
    for (provider, _), one in _all().items():
        if one.gpu is not None:
            found.setdefault((provider, one.gpu), []).append(one)
    return {key: tuple(sorted(some, key=lambda i: (i.gpus, i.instance))) for key, some in found.items()}


def canonical(provider: str, name: str) -> str:
    """The name as the tables spell it; a name that cannot be one comes back trimmed.

    `M5.XLarge` → `m5.xlarge`, `D4s v5` and `standard_d4s_v5` → `Standard_D4s_v5`."""
    bare = name.strip()
    if provider == "azure":
        return azure_size(bare) or bare
    return bare.lower()


def azure_size(name: str) -> str | None:
    """An Azure size in its canonical spelling; None for what is no size of a virtual machine."""
    bare = re.sub(r"^standard_?", "", name.strip(), flags=re.I).replace(" ", "_")
    found = _AZURE.fullmatch(bare)
    if not found:
        return None
    series, cpus, cut, features, accelerator, version = found.groups()
    if not version and series.upper() != "B":
        return None  # retired first generations share their names with other things
    head = f"{series.upper()}{cpus}{cut or ''}{features.lower()}"
    return "Standard_" + "_".join(
        p for p in (head, (accelerator or "").upper(), (version or "").lower()) if p
    )


@cache
def _all() -> Mapping[tuple[str, str], Instance]:
    found: dict[tuple[str, str], Instance] = {}
    for name in ("instances_aws", "instances_azure", "instances_gcp"):
        found.update(tables.load(name, Instance, _key).by_key)
    return MappingProxyType(found)


def _key(row: Instance) -> tuple[str, str]:
    return row.provider, row.instance
