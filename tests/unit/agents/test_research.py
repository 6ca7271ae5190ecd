"""The market: dated offers, ranges, ages that do not know the clock, what is refused, and cheaper offers of the same kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.research import AGENT, desk, machines, models
from infra_mind.agents.research.desk import Desk, age_days, confidence, newest, sound
from infra_mind.agents.research.machines import Priced
from infra_mind.agents.research.models import line_of, version_of
from infra_mind.knowledge import llm_api, prices
from infra_mind.knowledge.prices import Offer
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Confidence, Finding, Status
from infra_mind.model.result import AgentResult

GCP: dict[str, Any] = {"provider": "gcp", "region": "europe-west4", "nodes": [{"instance": "n2-standard-4", "count": 3}]}  # fmt: skip
AWS: dict[str, Any] = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "m5.xlarge"}]}
API: dict[str, Any] = {"name": "api", "input_tokens_per_month": 1e8, "output_tokens_per_month": 1e7}
TRAINING: dict[str, Any] = {"name": "tune", "parameters": 8e9, "gpu": "h100_sxm"}


def assess(**brief: Any) -> AgentResult:
    return AGENT.assess(Inputs(brief=parse_brief({"name": "test", **brief})), silent)


def value(result: AgentResult, id: str) -> float:
    found = {f.id: f.value for f in result.facts}[f"research.{id}"]
    assert not isinstance(found, str)
    return float(found)


def ids(result: AgentResult) -> set[str]:
    return {f.id.removeprefix("research.") for f in result.facts}


def findings(result: AgentResult, rule: str) -> list[Finding]:
    return [f for f in result.findings if f.rule_id == f"research.{rule}"]


# -- offers --------------------------------------------------------------------------------------------------------------
def test_an_instance_here_and_everywhere() -> None:
    """AWS's list price of m5.xlarge in us-east-1 is 0.192 USD an hour."""
    result = assess(hosting=AWS)
    assert value(result, "instance.m5.xlarge.on_demand_usd_per_hour") == 0.192
    low, high = (
        value(result, f"instance.m5.xlarge.{n}_on_demand_usd_per_hour") for n in ("cheapest", "highest")
    )
    assert low <= 0.192 <= high
    assert low < high


def test_every_way_to_buy_that_is_published() -> None:
    result = assess(hosting=GCP)
    full, one, three = (value(result, f"instance.n2-standard-4.{p}_usd_per_hour") for p in ("on_demand", "committed_1y", "committed_3y"))  # fmt: skip
    assert three < one < full
    assert value(result, "instance.n2-standard-4.spot_usd_per_hour") < full


def test_a_commitment_saves_on_all_nodes() -> None:
    result = assess(hosting=GCP)
    (found,) = findings(result, "commitment")
    full, one = (value(result, f"instance.n2-standard-4.{p}_usd_per_hour") for p in ("on_demand", "committed_1y"))  # fmt: skip
    assert found.impact is not None
    assert found.impact.usd_per_month == pytest.approx(3 * 730 * (full - one))


def test_who_commits_already_is_not_told_to() -> None:
    assert findings(assess(hosting=GCP, budget={"commitment_coverage": 0.5, "commitment_discount": 0.2}), "commitment") == []  # fmt: skip


@pytest.mark.parametrize(("months", "status"), [(11.5, Status.PASS), (12, Status.FAIL)])
def test_a_year_is_not_advised_where_the_plan_is_shorter(months: float, status: Status) -> None:
    (found,) = findings(assess(hosting=GCP, organisation={"timeline_months": months}), "commitment")
    assert found.status is status
    told = "the brief plans for 11.5 months" in found.title and found.evidence[0].path == "organisation.timeline_months"  # fmt: skip
    assert told is (status is Status.PASS)


def test_a_gpu_over_all_providers() -> None:
    result = assess(hosting=AWS, training=[TRAINING])
    fact = next(f for f in result.facts if f.id == "research.gpu.h100_sxm.offers")
    assert fact.inputs["providers"] == 3
    kinds = {p: value(result, f"gpu.h100_sxm.cheapest_{p}_usd_per_gpu_hour") for p in ("on_demand", "spot")}
    assert 0 < kinds["spot"] < kinds["on_demand"]


def test_every_offer_has_a_date_and_a_source() -> None:
    result = assess(hosting=GCP, training=[TRAINING], llm_api=[{**API, "model": "gpt-5"}])
    assert all(f.as_of and f.source for f in result.facts)
    assert all(row["as_of"] and row["source"] for row in result.details["offers"])


@pytest.mark.parametrize(("residency", "prefix"), [(["eu"], "eu-"), (["us"], "us-")])
def test_spot_capacity_only_where_the_data_may_go(residency: list[str], prefix: str) -> None:
    result = assess(hosting=AWS, training=[TRAINING], compliance={"data_residency": residency})
    assert all(f" {prefix}" in f.title for f in findings(result, "spot"))


def test_no_spot_capacity_for_a_place_that_nobody_knows() -> None:
    assert findings(assess(hosting=AWS, training=[TRAINING], compliance={"data_residency": ["atlantis"]}), "spot") == []  # fmt: skip


# -- refused ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("usd", [0.0, -1.0, None, float("inf"), float("nan")])
def test_no_price_is_no_offer(usd: float | None) -> None:
    assert not sound(usd)


def test_spot_above_on_demand_is_no_offer() -> None:
    assert sound(1.0, 1.5)
    assert not sound(1.5, 1.5)
    assert not sound(2.0, 1.5)


def test_what_is_refused_is_counted_and_named() -> None:
    full = Offer(provider="aws", region="r", instance="i", purchase="on_demand", usd_per_hour=1.0, source="list", as_of="2026-01")  # fmt: skip
    dear = full.model_copy(update={"purchase": "spot", "usd_per_hour": 1.2})
    free = full.model_copy(update={"region": "s", "usd_per_hour": 0.0})
    seen = Desk()
    fit = machines._fit([Priced(1.0, full, "on_demand"), Priced(1.2, dear, "spot"), Priced(0.0, free, "on_demand")], seen)  # fmt: skip
    assert [p.offer for p in fit] == [full]
    assert [r["usd"] for r in seen.refused] == [1.2, 0.0]
    assert seen.offers == 1


def test_free_variants_are_no_alternative() -> None:
    assert all(":" not in model for _, model in models.listed())
    assert any(":free" in model for _, model in llm_api.names())


# -- age -------------------------------------------------------------------------------------------------------------------
def test_ages_count_from_the_newest_data() -> None:
    assert newest() == max(prices.newest_as_of(), llm_api.as_of())
    assert age_days(newest()) == 0
    assert age_days("2999-01-01") == 0


def test_age_of_a_year_and_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "newest", lambda: "2026-03")
    assert age_days("2026-02-27") == 2
    assert age_days("2026-02") == 28
    assert age_days("2025") == 365 + 31 + 28


def test_data_past_its_age_lowers_confidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "newest", lambda: "2026-01-31")
    assert confidence("2026-01-01", 30) is Confidence.HIGH
    assert confidence("2025-12-31", 30) is Confidence.MEDIUM
    assert confidence("2025-11-01", 30) is Confidence.LOW
    assert confidence("2025-12-31", 30, Confidence.LOW) is Confidence.LOW


def test_stale_lists_are_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(assess(hosting=AWS), "stale") == []
    monkeypatch.setattr(desk, "newest", lambda: "2030-01-01")
    stale = findings(assess(hosting=AWS), "stale")
    assert stale
    assert {f.confidence for f in stale} <= {Confidence.MEDIUM, Confidence.LOW}


# -- models ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("model", "line", "version"),
    [
        ("claude-sonnet-4-5", "claude sonnet", (4, 5)),
        ("anthropic/claude-3-5-sonnet", "claude sonnet", (3, 5)),
        ("gpt-5", "gpt", (5,)),
        ("gpt-5.1", "gpt", (5, 1)),
        ("gpt-5-mini", "gpt mini", (5,)),
        ("gpt-4o", "gpt 4o", ()),
        ("gpt-4o-2024-05-13", "gpt 4o", ()),
        ("mistral-large-2512", "mistral large", ()),
        ("gemini-2.5-flash-tts", "", (2, 5)),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama 70b", (3, 3)),
    ],
)
def test_line_and_version(model: str, line: str, version: tuple[int, ...]) -> None:
    assert (line_of(model), version_of(model)) == (line, version)


def test_a_newer_model_of_the_line_that_costs_less() -> None:
    result = assess(llm_api=[{**API, "model": "claude-opus-4-1"}])
    (found,) = findings(result, "newer-model")
    assert "claude-opus" in found.title
    old, new = (value(result, f"api.api.{n}") for n in ("usd_per_month", "cheapest_newer_usd_per_month"))
    assert new < old
    assert found.impact is not None
    assert found.impact.usd_per_month == pytest.approx(old - new)


def test_the_same_model_elsewhere() -> None:
    result = assess(llm_api=[{**API, "model": "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"}, {**API, "name": "groq", "model": "huggingface_groq/meta-llama/Llama-3.3-70B-Instruct"}])  # fmt: skip
    (found,) = findings(result, "same-model-elsewhere")
    assert "Llama-3.3-70B-Instruct" in found.title or "llama-3.3-70b-instruct" in found.title


def test_nothing_cheaper_is_said_too() -> None:
    (found,) = findings(assess(llm_api=[{**API, "model": "gpt-5"}]), "cheaper-model")
    assert found.status is Status.PASS


@given(tokens=st.tuples(st.floats(0, 1e12), st.floats(0, 1e12)))
def test_a_months_price_is_never_negative_and_linear(tokens: tuple[float, float]) -> None:
    price = llm_api.price("gpt-5")
    assert price is not None

    def of(times: float) -> float:
        item = parse_brief({"name": "x", "llm_api": [{"name": "a", "model": "gpt-5", "input_tokens_per_month": tokens[0] * times, "output_tokens_per_month": tokens[1] * times}]}).llm_api[0]  # fmt: skip
        month = models.per_month(price, item)
        assert month is not None
        return month

    assert of(1) >= 0
    assert of(2) == pytest.approx(2 * of(1))


# -- unknown ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("brief", "field"),
    [
        ({}, "hosting.nodes"),
        ({"hosting": {"nodes": [{"instance": "m5.xlarge"}]}}, "hosting.provider"),
        ({"hosting": {**AWS, "nodes": [{"instance": "m5.xlarg"}]}}, "hosting.nodes.0.instance"),
        ({"training": [{"name": "t", "parameters": 1e9, "gpu": "h1000"}]}, "training.0.gpu"),
        ({"training": [{"name": "t", "parameters": 1e9}]}, "training.0.gpu"),
        ({"llm_api": [{**API, "model": "nobody/x"}]}, "llm_api.0.model"),
        ({"llm_api": [{"name": "a", "model": "gpt-5"}]}, "llm_api.0.input_tokens_per_month"),
    ],
)
def test_what_is_missing_is_named(brief: dict[str, Any], field: str) -> None:
    result = assess(**brief)
    assert field in {f.evidence[0].path for f in result.findings if f.status is Status.NOT_ASSESSED}


def test_without_a_region_there_is_a_range_and_no_price_here() -> None:
    found = ids(assess(hosting={"provider": "aws", "nodes": [{"instance": "m5.xlarge"}]}))
    assert "instance.m5.xlarge.cheapest_on_demand_usd_per_hour" in found
    assert "instance.m5.xlarge.on_demand_usd_per_hour" not in found


def test_the_same_input_gives_the_same_bytes() -> None:
    brief = {"hosting": GCP, "training": [TRAINING], "llm_api": [{**API, "model": "gpt-5"}]}
    assert assess(**brief).to_json() == assess(**brief).to_json()
