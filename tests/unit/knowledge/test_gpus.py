"""The table of accelerators: dense rates, memory as software sees it, no guessing of names."""

from __future__ import annotations

import pytest

from infra_mind.knowledge import gpus
from infra_mind.knowledge.gpus import Gpu

ALL = {g.id: g for g in gpus.table().rows}
OF_THE_BRIEF = [
    "h100_sxm",
    "h200_sxm",
    "b200_sxm",
    "gb200",
    "a100_sxm",
    "a100_pcie",
    "l40s",
    "l4",
    "a10g",
    "t4",
    "mi300x",
]


@pytest.mark.parametrize("name", OF_THE_BRIEF)
def test_every_gpu_that_the_brief_names_is_there_with_power_and_date(name: str) -> None:
    gpu = ALL[name]
    assert gpu.board_watts is not None
    assert gpu.as_of >= "2018"


# Twice these numbers stand on the data sheets: with 2:4 sparsity.
@pytest.mark.parametrize(
    ("name", "tera"),
    [("h100_sxm", 989), ("h200_sxm", 989), ("a100_sxm", 312), ("l4", 121), ("l40s", 362), ("mi300x", 1307)],
)
def test_the_16_bit_rate_is_the_dense_one(name: str, tera: float) -> None:
    assert ALL[name].half_flops / 1e12 == pytest.approx(tera, rel=0.01)


@pytest.mark.parametrize("gpu", ALL.values(), ids=lambda g: g.id)
def test_rates_per_byte_of_bandwidth_are_plausible(gpu: Gpu) -> None:
    intensity = gpu.half_flops / gpu.bandwidth_bytes_per_s
    assert 80 < intensity < 650, "FLOP per byte: outside this, one of the two is off by a factor"


@pytest.mark.parametrize("gpu", ALL.values(), ids=lambda g: g.id)
def test_memory_in_bytes_agrees_with_the_label(gpu: Gpu) -> None:
    assert gpu.memory_bytes / 1e9 == pytest.approx(gpu.memory_gb, rel=0.08)


@pytest.mark.parametrize("gpu", ALL.values(), ids=lambda g: g.id)
def test_every_row_names_what_was_read(gpu: Gpu) -> None:
    read = ("PyPI ", "/specs.json", "README.md", "documentation", "nvidia-smi")
    assert any(word in gpu.source for word in read), gpu.source


def test_the_bandwidth_of_the_server_edition_is_not_that_of_the_workstation_edition() -> None:
    assert ALL["rtx_pro_6000_server"].bandwidth_bytes_per_s == 1597e9


def test_gaudi_3_has_the_rates_it_runs_at_not_those_of_the_white_paper() -> None:
    gaudi = ALL["gaudi3"]
    assert (gaudi.bf16_flops, gaudi.fp16_flops, gaudi.fp8_flops) == (1677e12, 459e12, 1677e12)


def test_older_parts_have_no_bf16_unit() -> None:
    assert ALL["t4"].bf16_flops is None
    assert ALL["v100_sxm"].bf16_flops is None
    assert ALL["t4"].half_flops == 65e12


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("H100-SXM", "h100_sxm"),
        ("NVIDIA A100 PCIe 80GB", "a100_pcie"),
        ("mi300x", "mi300x"),
        ("v100_32gb_sxm", "v100_sxm"),
    ],
)
def test_a_gpu_is_found_blind_to_case_and_punctuation(name: str, found: str) -> None:
    gpu = gpus.find(name)
    assert gpu is not None
    assert gpu.id == found


@pytest.mark.parametrize("name", ["h100", "a100", "h100_sxm9", "", "gpu"])
def test_an_ambiguous_or_unknown_name_is_not_guessed(name: str) -> None:
    assert gpus.find(name) is None


def test_the_nearest_names_of_an_ambiguous_one() -> None:
    assert set(gpus.nearest_names("h100")) == {"h100_sxm", "h100_pcie", "h100_nvl"}


def test_a_sparse_fp8_figure_beside_a_dense_16_bit_one_is_refused() -> None:
    row = ALL["h100_sxm"].model_dump() | {"fp8_flops": 3958e12}
    with pytest.raises(ValueError, match="sparse"):
        Gpu.model_validate(row)
