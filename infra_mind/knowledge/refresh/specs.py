"""Rows of the table of instances: EC2 from moto's copy of DescribeInstanceTypes, Azure from the names of its sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from infra_mind.knowledge.refresh.catalogs import Shape

# (GPU as AWS names it, MiB) → the brief's id; the form factor is that of the instance family.
EC2_GPU = {
    ("T4", 16384): "t4",
    ("T4g", 16384): "t4g",
    ("A10G", 22888): "a10g",
    ("L4", 22888): "l4",
    ("L40S", 45776): "l40s",
    ("V100", 32768): "v100_sxm",
    ("A100", 40960): "a100_sxm_40gb",
    ("A100", 81920): "a100_sxm",
    ("H100", 81920): "h100_sxm",
    ("H200", 144384): "h200_sxm",
    ("B200", 183359): "b200_sxm",
    ("B300", 275040): "b300_sxm",
}
# Azure names the accelerator and the vCPUs; the count of GPUs is the series' own (Azure documentation, GPU size families).
AZURE_GPU: tuple[tuple[str, dict[int, int], str, float, str], ...] = (
    (r"Standard_NC(\d+)as_T4_v3", {4: 1, 8: 1, 16: 1, 64: 4}, "T4", 16.0, "t4"),
    (r"Standard_NC(\d+)ads_A100_v4", {24: 1, 48: 2, 96: 4}, "A100", 80.0, "a100_pcie"),
    (r"Standard_NV(\d+)adm?s_A10_v5", {36: 1, 72: 2}, "A10", 24.0, "a10"),
    (r"Standard_ND(\d+)asr_A100_v4", {96: 8}, "A100", 40.0, "a100_sxm_40gb"),
    (r"Standard_ND(\d+)asr_v4", {96: 8}, "A100", 40.0, "a100_sxm_40gb"),
    (r"Standard_ND(\d+)amsr_A100_v4", {96: 8}, "A100", 80.0, "a100_sxm"),
    (r"Standard_NC(\d+)a?di?s_H100_v5", {40: 1, 80: 2}, "H100 NVL", 94.0, "h100_nvl"),
    (r"Standard_ND(\d+)isr_H100_v5", {96: 8}, "H100", 80.0, "h100_sxm"),
    (r"Standard_ND(\d+)isr_H200_v5", {96: 8}, "H200", 141.0, "h200_sxm"),
    (r"Standard_ND(\d+)isr_NDR_GB200_v6", {128: 4}, "GB200", 186.0, "gb200"),
    (r"Standard_ND(\d+)rs_v2", {40: 8}, "V100", 32.0, "v100_sxm"),
    (r"Standard_ND(\d+)isr?_MI300X_v5", {96: 8}, "MI300X", 192.0, "mi300x"),
)
# GiB per vCPU of the series that keep one proportion up to 32 vCPUs (Azure documentation, size series).
AZURE_GIB_PER_VCPU = {"D": 4.0, "E": 8.0, "F": 2.0}
# The second D generation numbers its sizes instead of naming the vCPUs: number → (vCPUs, GiB).
AZURE_D_V2 = {
    1: (1, 3.5), 2: (2, 7.0), 3: (4, 14.0), 4: (8, 28.0), 5: (16, 56.0),
    11: (2, 14.0), 12: (4, 28.0), 13: (8, 56.0), 14: (16, 112.0), 15: (20, 140.0),
}  # fmt: skip


def ec2(types: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows from `instance_types.json`. Fractions of a GPU (g6f) are left without GPUs."""
    rows = []
    for name, info in sorted(types.items()):
        row: dict[str, Any] = {
            "provider": "aws",
            "instance": name,
            "vcpu": float(info["VCpuInfo"]["DefaultVCpus"]),
            "memory_gib": round(info["MemoryInfo"]["SizeInMiB"] / 1024, 3),
            "architecture": "arm64"
            if "arm64" in info["ProcessorInfo"]["SupportedArchitectures"]
            else "x86_64",
        }
        gpus = info.get("GpuInfo", {}).get("Gpus", [])
        if len(gpus) == 1 and (gpu := EC2_GPU.get((gpus[0]["Name"], gpus[0]["MemoryInfo"]["SizeInMiB"]))):
            memory = round(gpus[0]["MemoryInfo"]["SizeInMiB"] / 1024, 3)
            row |= {
                "gpus": gpus[0]["Count"],
                "gpu_model": gpus[0]["Name"],
                "gpu_memory_gib": memory,
                "gpu": gpu,
            }
        rows.append(row)
    return rows


def azure(names: Iterable[str], shapes: Mapping[str, Shape] | None = None) -> list[dict[str, Any]]:
    """Rows of sizes: vCPUs and memory as `shapes` has them; else the vCPUs of the name (`D4s`, constrained `E32-16s`) and memory where
    the series is plain."""
    rows = []
    for name in sorted(set(names)):
        found = re.fullmatch(r"Standard_([A-Z]+)(\d+)(?:-(\d+))?([a-z]*)((?:_[A-Z\d]+)?)((?:_v\d+)?)", name)
        known = (shapes or {}).get(name)
        row: dict[str, Any] = {"provider": "azure", "instance": name}
        if found and found[6]:
            series, whole, cut, features, accelerator, version = found.groups()
            row["vcpu"] = float(cut or whole)
            gib = _azure_gib(series, int(whole), features, version.removeprefix("_"))
            if series in {"D", "DS"} and version == "_v2" and not features:
                if int(whole) not in AZURE_D_V2:
                    continue
                cpus, gib = AZURE_D_V2[int(whole)]
                row["vcpu"] = float(cut or cpus)
            if gib is not None and not accelerator:
                row["memory_gib"] = gib
            if "p" in features:
                row["architecture"] = "arm64"
        if known:
            row |= {"vcpu": float(found[3]) if found and found[3] else known.vcpu}
            row |= {"memory_gib": known.memory_gib} if known.memory_gib else {}
        if "vcpu" in row:
            rows.append(row | _azure_gpus(name))
    return rows


def _azure_gib(series: str, vcpus: int, features: str, version: str) -> float | None:
    if not version or int(version[1:]) < (2 if series == "F" else 3) or vcpus > 32 or vcpus == 20:
        return None
    if series == "F" and version != "v2":
        return None  # later F series have 2, 4 or 8 GiB a vCPU
    per = AZURE_GIB_PER_VCPU.get(series)
    if per is None or "b" in features or "n" in features or "t" in features:
        return None
    return vcpus * (2.0 if series == "D" and "l" in features else per)


def _azure_gpus(name: str) -> dict[str, Any]:
    for pattern, counts, model, memory, gpu in AZURE_GPU:
        found = re.fullmatch(pattern, name)
        if found and int(found[1]) in counts:
            return {
                "gpus": counts[int(found[1])],
                "gpu_model": model,
                "gpu_memory_gib": memory,
                "gpu": gpu,
            }
    return {}
