"""A model that does not fit: where it would, reckoned again here from weights and memory."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.mlops import AGENT
from infra_mind.knowledge import gpus
from infra_mind.model.brief import parse_brief
from infra_mind.model.result import AgentResult


def served(model: str, gpu: str, **more: Any) -> AgentResult:
    item = {"name": "big", "model": model, "gpu": gpu, "requests_per_s": 1, "input_tokens": 1000, "output_tokens": 100, **more}  # fmt: skip
    return AGENT.assess(Inputs(brief=parse_brief({"name": "x", "llm_serving": [item]})), silent)


def advice(result: AgentResult) -> str:
    (found,) = [f for f in result.findings if f.rule_id == "mlops.serving.memory"]
    assert found.remediation is not None
    return found.remediation.text


def fits_on(result: AgentResult) -> str:
    return str({f.id: f.value for f in result.facts}.get("mlops.serving.big.fits_on", ""))


def test_a_model_too_large_for_its_gpus_is_told_where_it_fits() -> None:
    """Llama-3.1-405B in bf16 is 811.7 GB: more than eight H100 leave, less than eight H200 do."""
    result = served("meta-llama/Llama-3.1-405B-Instruct", "h100_sxm")
    named = fits_on(result).split(", ")
    assert "8 × h200_sxm" in named
    for one in named:
        count, _, gpu = one.partition(" × ")
        known = gpus.find(gpu)
        assert known is not None
        assert int(count) * (known.memory_bytes * 0.9 - 2e9) > 811_706_777_600
    assert f"it fits on {', '.join(named[:-1])} or {named[-1]}" in advice(result)


def test_the_widest_narrower_dtype_that_fits_is_named() -> None:
    assert "fp8 weights, which fit" in advice(served("meta-llama/Llama-3.1-405B-Instruct", "h100_sxm"))
    assert "int4 weights, which fit" in advice(served("meta-llama/Llama-3.1-405B-Instruct", "a100_pcie_40gb"))


def test_no_dtype_is_advised_that_does_not_fit_either() -> None:
    assert "weights, which fit" not in advice(served("moonshotai/Kimi-K2-Instruct", "l4"))


@pytest.mark.parametrize("gpu", ["l4", "h100_sxm"])
def test_what_fits_nowhere_is_told_to_be_split(gpu: str) -> None:
    shape = {"parameters": 1e14, "layers": 100, "hidden": 8192, "heads": 64, "kv_heads": 8, "head_dim": 128}
    result = served("acme/huge", gpu, **shape)
    assert not fits_on(result)
    assert advice(result).startswith("Split it over several nodes")
