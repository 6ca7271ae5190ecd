"""The table of models: the shapes must reckon to the published counts."""

from __future__ import annotations

import pytest

from infra_mind.knowledge import models
from infra_mind.knowledge.models import Model

ALL = {m.id: m for m in models.table().rows}


@pytest.mark.parametrize("model", [m for m in ALL.values() if m.published_exact], ids=lambda m: m.id)
def test_the_tensor_groups_sum_to_the_published_count_to_the_unit(model: Model) -> None:
    assert model.published_parameters is not None
    assert models.parameters(model) == model.published_parameters - model.stored_besides


# Each of these is reckoned here from the shape, not read off the difference.
@pytest.mark.parametrize(
    ("name", "besides"),
    [
        ("meta-llama/Llama-2-7b-hf", 32 * 128 // 2),
        ("EleutherAI/pythia-1b", 16 * (2048 * 2048 + 256 // 4 // 2)),
        ("tiiuae/falcon-40b", 65024 * 8192),
        ("Qwen/Qwen3-0.6B", 151936 * 1024),
        # SigLIP so400m: patches and positions, 27 layers of 1 152 with an MLP of 4 304, last norm; then the projection.
        (
            "google/gemma-3-4b-it",
            (14 * 14 * 3 + 1 + 4096) * 1152
            + 27 * (4 * 1152 * 1153 + 2 * 1152 * 4304 + 4304 + 1152 + 4 * 1152)
            + 2 * 1152
            + 1152 * (2560 + 1),
        ),
    ],
)
def test_what_a_checkpoint_stores_besides_the_parameters(name: str, besides: int) -> None:
    assert ALL[name].stored_besides == besides


def test_the_two_llama_4_share_one_vision_tower() -> None:
    towers = {m.stored_besides for m in ALL.values() if "Llama-4" in m.id}
    assert towers == {871_932_416}


@pytest.mark.parametrize("model", ALL.values(), ids=lambda m: m.id)
def test_every_model_names_where_its_shape_was_read(model: Model) -> None:
    assert any(word in model.source for word in ("PyPI ", "huggingface.co/")), model.source


@pytest.mark.parametrize("model", [m for m in ALL.values() if not m.published_exact], ids=lambda m: m.id)
def test_a_rounded_published_count_is_met_within_a_tenth(model: Model) -> None:
    assert model.published_parameters is not None, "a row without a published count cannot be proven"
    assert models.parameters(model) == pytest.approx(model.published_parameters, rel=0.10)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("meta-llama/Meta-Llama-3-70B", 70_553_706_496),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("mistralai/Mixtral-8x7B-v0.1", 46_702_792_704),
        ("deepseek-ai/DeepSeek-R1", 671_026_419_200),
        ("openai/gpt-oss-120b", 116_829_156_672),
        ("bigscience/bloom", 176_247_271_424),
    ],
)
def test_well_known_counts(name: str, count: int) -> None:
    model = models.find(name)
    assert model is not None
    assert models.parameters(model) == count


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("mistralai/Mixtral-8x7B-v0.1", 12.9),
        ("deepseek-ai/DeepSeek-V3", 37.6),
        ("Qwen/Qwen3-235B-A22B", 22.2),
    ],
)
def test_active_parameters_of_a_mixture_of_experts(name: str, billions: float) -> None:
    assert models.active_parameters(ALL[name]) / 1e9 == pytest.approx(billions, abs=0.1)


@pytest.mark.parametrize("model", ALL.values(), ids=lambda m: m.id)
def test_active_parameters_are_all_of_a_dense_model_and_fewer_of_a_sparse_one(model: Model) -> None:
    active, all_of_it = models.active_parameters(model), models.parameters(model)
    assert active < all_of_it if model.moe else active == all_of_it


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("meta-llama/Llama-3.3-70B-Instruct", 2 * 80 * 8 * 128),
        ("deepseek-ai/DeepSeek-V3", 61 * (512 + 64)),
        ("deepseek-ai/DeepSeek-V2-Lite", 27 * (512 + 64)),
    ],
)
def test_cached_values_per_token_for_grouped_and_latent_attention(name: str, values: int) -> None:
    model = models.find(name)
    assert model is not None
    assert models.kv_values_per_token(model) == values


def test_there_are_enough_models_of_enough_makers() -> None:
    assert len(ALL) >= 70
    assert len({i.split("/")[0] for i in ALL}) >= 10


def test_an_alias_is_found_blind_to_case_and_no_name_stands_for_two_models() -> None:
    assert models.find(" META-LLAMA/llama-3.1-70b-INSTRUCT ") is ALL["meta-llama/Llama-3.1-70B"]
    assert len(models.by_name()) == sum(1 + len(m.aliases) for m in ALL.values())


def test_an_unknown_model_is_not_guessed_but_its_neighbours_are_named() -> None:
    assert models.find("meta-llama/Llama-3.1-71B") is None
    assert "meta-llama/Llama-3.1-70B" in models.nearest_names("meta-llama/Llama-3.1-71B")
    assert models.nearest_names("someone/Mixtral-8x7B")[0].startswith("mistralai/Mixtral-8x7B")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kv_heads": 3}, "no multiple of kv_heads"),
        ({"moe": {"experts": 8, "per_token": 9, "intermediate": 64, "layers": 2}}, "more experts per token"),
        (
            {"moe": {"experts": 8, "per_token": 2, "intermediate": 64, "layers": 99}},
            "more layers with experts",
        ),
        ({"layers": 0}, "layers"),
    ],
)
def test_an_impossible_shape_is_refused(change: dict[str, object], message: str) -> None:
    row = ALL["meta-llama/Llama-3.2-1B"].model_dump() | change
    with pytest.raises(ValueError, match=message):
        Model.model_validate(row)
