"""The closed form against published measurements, and the page that prints the errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.mlops import AGENT, measured
from infra_mind.agents.mlops.kernels import Answer, Question, Tables
from infra_mind.knowledge import gpus, serving
from infra_mind.model.brief import parse_brief

PAGE = Path(__file__).resolve().parents[3] / "docs" / "agents" / "mlops.md"
POINTS = list(measured.points())


def ratios(maker: str, *uses: str, sparse: bool) -> list[float]:
    return [
        p.ratio
        for p in POINTS
        if p.of.use in uses and p.replica.gpu.maker == maker and bool(p.replica.shape.experts) is sparse
    ]


@pytest.mark.parametrize(("maker", "sparse"), [("NVIDIA", False), ("NVIDIA", True), ("AMD", False)])
def test_nine_of_ten_measurements_lie_in_the_band_that_a_result_states(maker: str, sparse: bool) -> None:
    gpu = next(g for g in gpus.table().rows if g.maker == maker)
    low, high = serving.efficiency(gpu).band(sparse)
    found = ratios(maker, "fit", "check", sparse=sparse)
    inside = [r for r in found if low <= r <= high]
    assert len(inside) >= 0.9 * len(found)


@pytest.mark.parametrize(("sparse", "within"), [(False, 0.1), (True, 0.15)])
def test_the_middle_of_what_was_not_fitted_is_near_what_was_measured(sparse: bool, within: float) -> None:
    assert measured.band(ratios("NVIDIA", "check", sparse=sparse))[1] == pytest.approx(1.0, abs=within)


def test_no_throughput_was_fitted_for_models_with_experts_and_both_gpus_lie_in_the_band() -> None:
    """What they reach comes from measured kernels, so that every series is a check; neither GPU pays for the other."""
    sparse = [p for p in POINTS if p.replica.shape.experts is not None]
    assert {p.of.use for p in sparse} == {"check"}
    for name in ("h100_sxm", "h200_sxm"):
        low, high = serving.efficiency(next(p.replica.gpu for p in sparse if p.of.gpu == name)).band(True)
        found = [p.ratio for p in sparse if p.of.gpu == name]
        assert sum(low <= r <= high for r in found) >= 0.85 * len(found)
        assert measured.band(found)[1] == pytest.approx(1.0, abs=0.25)


def test_a_run_of_equal_requests_goes_in_waves_of_which_the_last_may_be_small() -> None:
    """405B on 8 H100: 1 500 requests of 128/4096, 173 at once: eight full waves and one of 116."""
    point = next(p for p in POINTS if p.of.id == "trtllm-1.0-405b-h100" and p.of.points[2][3] == p.value)
    assert point.batch == 173
    seconds = 8 * 173 / point.replica.rate(173) + 116 / point.replica.rate(116)
    assert point.ratio == pytest.approx(1500 / seconds * 4096 / 3116)


def test_the_band_of_known_ratios() -> None:
    assert measured.band([i / 100 for i in range(101)]) == (0.05, 0.5, 0.95)
    assert measured.band([2.0, 1.0, 3.0])[1] == 2.0


def test_the_page_prints_the_errors_that_the_command_reckons() -> None:
    assert measured.report() in PAGE.read_text(encoding="utf-8")


def test_the_report_has_a_line_for_every_series_and_an_error_for_every_point() -> None:
    report = measured.report()
    for row in serving.measurements().rows:
        assert f"{row.gpus} × {row.gpu}" in report
    assert report.count(" @ ") == len(POINTS) + 1, "one in the heading"


def test_the_kernel_tables_are_compared_at_the_points_that_they_hold() -> None:
    """Tables that always give the measured value of the 8B model's first point: their error there is nothing."""

    def ask(asked: Question) -> Answer:
        assert asked.model == "meta-llama/Meta-Llama-3.1-8B"
        return Answer(ttft_s=0.1, tpot_s=0.01, tokens_per_s=27911.0, source="a table")

    tables = Tables(frozenset({"meta-llama/Meta-Llama-3.1-8B"}), frozenset({"h200_sxm"}), ask)
    found = list(measured.by_tables(tables))
    assert len(found) == 10
    assert found[0][1] == 1.0
    assert "128/128 @ 1024: +0" in measured.report_of_tables(tables)


@pytest.mark.parametrize(
    ("model", "low", "high"),
    [("meta-llama/Llama-3.1-8B-Instruct", 0.8, 1.3), ("mistralai/Mixtral-8x7B-Instruct-v0.1", 0.8, 1.5)],
)
def test_a_result_states_the_band_of_its_kind_of_model(model: str, low: float, high: float) -> None:
    item = {
        "name": "m",
        "model": model,
        "gpu": "h100_sxm",
        "requests_per_s": 150,
        "input_tokens": 500,
        "output_tokens": 200,
    }
    result = AGENT.assess(Inputs(brief=parse_brief({"name": "t", "llm_serving": [item]})), silent)
    facts = {f.id.removeprefix("mlops.serving.m."): f.value for f in result.facts}
    assert float(facts["requests_per_s"]) / float(facts["requests_per_s_low"]) == pytest.approx(high)
    assert float(facts["requests_per_s"]) / float(facts["requests_per_s_high"]) == pytest.approx(low)
    fit = next(f for f in result.findings if f.rule_id == "mlops.serving.fit")
    assert f"it may take {facts['gpus_low']} to {facts['gpus_high']} GPUs" in fit.title
    assert {"mlops.serving.m.gpus_low", "mlops.serving.m.gpus_high"} <= set(fit.facts)
    bands = {a.value for a in result.assumptions if a.id.startswith("mlops.serving.error_band")}
    assert f"{low:g} to {high:g}" in bands
