"""Prices of rented models, offline, as they stood on the list's own date."""

from __future__ import annotations

import pytest

from infra_mind.knowledge import llm_api


def test_a_known_model_has_a_price_with_source_and_date() -> None:
    found = llm_api.price("gpt-5")
    assert found is not None
    assert (found.usd_per_million_input, found.usd_per_million_output) == (1.25, 10.0)
    assert found.provider == "openai"
    assert "genai-prices" in found.source
    assert found.as_of


def test_tiers_follow_the_length_of_the_request() -> None:
    short, long = llm_api.price("gemini-2.5-pro", 1_000), llm_api.price("gemini-2.5-pro", 500_000)
    assert short
    assert long
    assert short.tier_from
    assert short.usd_per_million_input
    assert long.usd_per_million_input
    assert short.tier_from < 500_000
    assert short.usd_per_million_input < long.usd_per_million_input


def test_without_a_length_the_lowest_tier_counts() -> None:
    assert llm_api.price("gemini-2.5-pro") == llm_api.price("gemini-2.5-pro", 1_000)


def test_provider_and_model_may_be_given_together() -> None:
    found = llm_api.price("groq/llama-3.3-70b-versatile")
    assert found is not None
    assert found.provider == "groq"


@pytest.mark.parametrize("model", ["no-such-model", "gpt-5-ultra-turbo", ""])
def test_an_unknown_model_has_no_price_and_names_near_ones(model: str) -> None:
    assert llm_api.price(model) is None
    assert "nearest" in llm_api.why_unpriced(model)


def test_a_model_of_several_providers_asks_which() -> None:
    assert llm_api.price("meta-llama/Llama-3.1-70B-Instruct") is None
    assert "openrouter/" in llm_api.why_unpriced("meta-llama/Llama-3.1-70B-Instruct")


def test_a_free_model_is_not_a_price_of_zero() -> None:
    assert llm_api.price("openrouter/meta-llama/llama-3.3-70b-instruct:free") is None


def test_no_model_of_the_list_breaks_or_is_negative() -> None:
    for provider, info in llm_api._models():
        found = llm_api.price(f"{provider.id}/{info.id}")
        for rate in (found.usd_per_million_input, found.usd_per_million_output) if found else ():
            assert rate is None or 0 <= rate < 10_000, (provider.id, info.id)
