"""Quantised checkpoints: reckoned from shape and scheme, they must weigh what their file listings say."""

from __future__ import annotations

import pytest

from infra_mind.knowledge import checkpoints, models
from infra_mind.knowledge.checkpoints import Checkpoint, Scheme
from infra_mind.knowledge.models import Group

HEADER = 1e-3  # share: a safetensors file begins with the names of its tensors, which no scheme counts


@pytest.mark.parametrize("row", checkpoints.table().rows, ids=lambda row: row.id)
def test_a_published_checkpoint_weighs_what_its_scheme_reckons(row: Checkpoint) -> None:
    slack = row.rounding_bytes + HEADER * row.published_bytes
    assert checkpoints.reckoned_bytes(row) == pytest.approx(row.published_bytes, abs=slack)


def test_the_schemes_that_are_proven_are_of_every_width() -> None:
    """Beside fp8 in blocks, whose listing of 163 files nobody quotes whole, every kind of scheme is met by a published size."""
    proven = {checkpoints.schemes()[row.scheme] for row in checkpoints.table().rows}
    assert {s.dtype for s in proven} == {"fp8", "int8", "int4"}
    assert {s.per for s in proven} == {"group", "row", "tensor"}
    assert len(checkpoints.table().rows) >= 8


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        # huggingface.co/Qwen/Qwen3-8B, files: 4.00 + 3.99 + 3.96 + 3.19 + 1.24 GB
        ("Qwen/Qwen3-8B", 16.38),
        # catalog.ngc.nvidia.com, llama-3_1-70b-instruct-nemo: 131.43 of 2^30 bytes
        ("meta-llama/Llama-3.1-70B-Instruct", 131.43 * 2**30 / 1e9),
    ],
)
def test_sixteen_bit_checkpoints_weigh_what_is_published(name: str, gigabytes: float) -> None:
    model = models.find(name)
    assert model is not None
    assert 2 * models.parameters(model) / 1e9 == pytest.approx(gigabytes, rel=1.5e-3)


def test_one_matrix_in_every_scheme_by_hand() -> None:
    """4 096 inputs, 1 024 outputs: 4 194 304 weights."""
    matrix = Group("mlp", 4096 * 1024, 4096 * 1024, outputs=1024, inputs=4096)
    sizes = {name: scheme.size(matrix) for name, scheme in checkpoints.schemes().items()}
    assert sizes == {
        "awq_g128": 2_097_152 + 32_768 * 2.5,
        "gptq_int4_g128": 2_097_152 + 32_768 * 2.5 + 4096 * 4,
        "gptq_int8_g128": 4_194_304 + 32_768 * 3 + 4096 * 4,
        "int8_row": 4_194_304 + 1024 * 2,
        "fp8_row": 4_194_304 + 1024 * 2,
        "fp8_tensor": 4_194_304,
        "fp8_block128": 4_194_304 + 256 * 4,
        "mxfp4_experts": 2 * 4_194_304,  # no expert: bf16
    }
    expert = Group("experts", 4096 * 1024, 4096, outputs=1024, inputs=4096)
    assert checkpoints.schemes()["mxfp4_experts"].size(expert) == 4_194_304 * 4.25 / 8


def test_what_stays_in_16_bit_does_so_in_every_scheme() -> None:
    head = Group("head", 1000, 1000, stays_16_bit=True)
    assert {scheme.size(head) for scheme in checkpoints.schemes().values()} == {2000.0}


def test_deepseek_v3_in_blocks_is_its_matrices_in_8_bit_and_the_rest_in_16() -> None:
    model = models.find("deepseek-ai/DeepSeek-V3")
    assert model is not None
    scheme = checkpoints.schemes()["fp8_block128"]
    kept = sum(g.parameters for g in models.groups(model) if g.stays_16_bit)
    assert kept == 2 * 129_280 * 7168 + 58 * 256 * 7169 + 61 * (2 * 7168 + 512 + 1536) + 7168
    total = sum(scheme.size(g) for g in models.groups(model))
    assert total == pytest.approx((671_026_419_200 - kept) * (1 + 4 / 128**2) + 2 * kept)


@pytest.mark.parametrize(
    ("dtype", "published", "expected"),
    [
        ("fp8", "fp8_block128", "fp8_block128"), ("fp8", "", "fp8_row"), ("int4", "fp8_block128", "awq_g128"),
        ("int8", "", "int8_row"), ("int4", "mxfp4_experts", "mxfp4_experts"), ("bf16", "fp8_block128", None),
    ],
)  # fmt: skip
def test_the_makers_own_scheme_comes_before_the_usual_one(
    dtype: str, published: str, expected: str | None
) -> None:
    found = checkpoints.scheme_for(dtype, published)
    assert (found.id if found else None) == expected


def test_every_scheme_that_a_model_names_exists() -> None:
    named = {m.stored_as for m in models.table().rows if m.stored_as}
    assert named
    assert named <= checkpoints.schemes().keys()


def test_every_checkpoint_is_of_a_known_model_and_found_blind_to_case() -> None:
    for row in checkpoints.table().rows:
        assert models.find(row.model) is not None
        assert checkpoints.find(row.id.upper()) is row
    assert checkpoints.find("nobody/nothing") is None


def test_a_scheme_with_groups_needs_their_size() -> None:
    row = checkpoints.schemes()["awq_g128"].model_dump() | {"group": None}
    with pytest.raises(ValueError, match="group"):
        Scheme.model_validate(row)
