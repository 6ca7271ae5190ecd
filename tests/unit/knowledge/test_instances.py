"""Instances: specs of the providers, spellings, and the ids of GPUs."""

from __future__ import annotations

import pytest

from infra_mind.knowledge import gpus, instances, tables
from infra_mind.knowledge.instances import Instance

TABLES = ("instances_aws", "instances_azure", "instances_gcp")


def rows() -> list[Instance]:
    return [
        row
        for name in TABLES
        for row in tables.load(name, Instance, lambda row: (row.provider, row.instance)).rows
    ]


@pytest.mark.parametrize(
    ("provider", "name", "vcpu", "memory_gib"),
    [
        ("aws", "m5.xlarge", 4, 16),
        ("aws", "r5.24xlarge", 96, 768),
        ("aws", "t3.nano", 2, 0.5),
        ("azure", "Standard_D4s_v5", 4, 16),
        ("azure", "Standard_E8s_v5", 8, 64),
        ("azure", "Standard_F8s_v2", 8, 16),
        ("azure", "Standard_DS4_v2", 8, 28),
        ("gcp", "e2-standard-4", 4, 16),
        ("gcp", "n2-highmem-8", 8, 64),
    ],
)
def test_published_specs(provider: str, name: str, vcpu: float, memory_gib: float) -> None:
    found = instances.instance(provider, name)
    assert found is not None
    assert (found.vcpu, found.memory_gib) == (vcpu, memory_gib)


@pytest.mark.parametrize(
    ("provider", "name", "gpu", "count"),
    [
        ("aws", "p5.48xlarge", "h100_sxm", 8),
        ("aws", "p4d.24xlarge", "a100_sxm_40gb", 8),
        ("aws", "p4de.24xlarge", "a100_sxm", 8),
        ("aws", "g5.12xlarge", "a10g", 4),
        ("azure", "Standard_ND96isr_H100_v5", "h100_sxm", 8),
        ("azure", "Standard_NC48ads_A100_v4", "a100_pcie", 2),
        ("gcp", "a2-highgpu-4g", "a100_sxm_40gb", 4),
        ("gcp", "a2-ultragpu-2g", "a100_sxm", 2),
        ("gcp", "g2-standard-24", "l4", 2),
    ],
)
def test_gpus_of_instances(provider: str, name: str, gpu: str, count: int) -> None:
    found = instances.instance(provider, name)
    assert found is not None
    assert (found.gpu, found.gpus) == (gpu, count)


def test_gpu_fields_stand_together_and_memory_per_vcpu_is_plausible() -> None:
    for row in rows():
        assert (row.gpus > 0) == (row.gpu is not None) == (row.gpu_memory_gib is not None), row.instance
        if row.memory_gib:
            cut = (
                row.provider == "azure" and "-" in row.instance
            )  # constrained vCPUs keep the whole machine's memory
            assert 0.2 <= row.memory_gib / row.vcpu <= (200 if cut else 40), row.instance


def test_gpu_ids_are_those_of_the_gpu_table_as_far_as_it_knows_them() -> None:
    ids = {row.gpu for row in rows() if row.gpu}
    known = {i for i in ids if (found := gpus.find(i)) and found.id == i}
    assert ids - known <= {"t4g"}  # an Arm workstation GPU of AWS, not for serving


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("D4s v5", "Standard_D4s_v5"),
        ("standardd4sv3", "Standard_D4s_v3"),
        ("standard_nc24ads_a100_v4", "Standard_NC24ads_A100_v4"),
        ("NC16asT4 v3", "Standard_NC16as_T4_v3"),
        ("ND96isrH100v5", "Standard_ND96isr_H100_v5"),
        ("E32-16s v5", "Standard_E32-16s_v5"),
        ("B2ms", "Standard_B2ms"),
    ],
)
def test_azure_spellings(spelling: str, name: str) -> None:
    assert instances.azure_size(spelling) == name


@pytest.mark.parametrize("word", ["Type 1", "", "Spot", "Dasv4 Type2", "H8"])
def test_what_is_no_azure_size(word: str) -> None:
    assert instances.azure_size(word) is None


def test_unknown_instance_is_none_and_nearest_helps() -> None:
    assert instances.instance("aws", "m5.xxlarge") is None
    assert any(n.startswith("m5") for n in instances.nearest("aws", "m5.xxlarge"))
    assert instances.instance("on_prem", "m5.xlarge") is None
