"""A model that does not fit: where it would, reckoned again here from weights and memory."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.mlops import AGENT
from infra_mind.knowledge import gpus
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Status
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


# -- a run that fails now and then ---------------------------------------------------------------------------------------
def trained(deadline: float, checkpoint: float | None = 2.0, mtbf: float | None = 3.0) -> AgentResult:
    """Llama-3.1-405B as published, 68.48 days on 16 384 H100 at 0.38; a failure every three hours, as was published too."""
    job = {"name": "pre", "parameters": 405e9, "tokens": 15e12, "gpu": "h100_sxm", "gpus": 16_384, "mfu": 0.38, "deadline_days": deadline}  # fmt: skip
    failing = {"checkpoint_minutes": checkpoint, "mtbf_hours": mtbf} if checkpoint else {}
    return AGENT.assess(Inputs(brief=parse_brief({"name": "x", "training": [{**job, **failing}]})), silent)


def number(result: AgentResult, name: str) -> float:
    return float({f.id: f.value for f in result.facts}[f"mlops.training.pre.{name}"])


def test_checkpoints_and_restarts_are_in_the_days_that_a_deadline_is_held_against() -> None:
    waste = (2 * 2 / (3 * 60)) ** 0.5
    result = trained(70)
    assert number(result, "days") == pytest.approx(68.480111)
    assert number(result, "days_with_restarts") == pytest.approx(68.480111 / (1 - waste))
    (found,) = [f for f in result.findings if f.rule_id == "mlops.training.deadline"]
    assert found.status is Status.FAIL
    assert (
        "80.48 days on 16\u00a0384 × h100_sxm, checkpoints and restarts counted; the deadline is 70 days"
        in found.title
    )
    assert number(result, "gpus_for_deadline") == -(-68.480111 * 16_384 / (1 - waste) // 70)


def test_without_them_the_days_are_those_of_the_arithmetic() -> None:
    result = trained(70, checkpoint=None)
    (found,) = [f for f in result.findings if f.rule_id == "mlops.training.deadline"]
    assert found.status is Status.PASS
    assert "mlops.training.pre.days_with_restarts" not in {f.id for f in result.facts}


def test_a_run_that_never_gets_on_is_not_said_to_end_in_time() -> None:
    result = trained(1000, checkpoint=100.0)
    assert not [f for f in result.findings if f.rule_id == "mlops.training.deadline"]


def test_nobody_is_told_to_use_more_gpus_than_there_are() -> None:
    for deadline, advised in ((54, True), (0.01, False)):
        (found,) = [f for f in trained(deadline).findings if f.rule_id == "mlops.training.deadline"]
        assert found.remediation is not None
        assert found.remediation.text.startswith("Use ") is advised
