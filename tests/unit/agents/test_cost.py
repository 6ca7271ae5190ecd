"""Cost of the brief: check values, what is unknown, commitments, budget, rent or host, and what must never go the wrong way."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cost import AGENT
from infra_mind.agents.mlops import AGENT as MLOPS
from infra_mind.knowledge import prices
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import Fact, FactValue
from infra_mind.model.finding import Finding, Status, not_assessed
from infra_mind.model.result import AgentResult

HOSTING: dict[str, Any] = {
    "provider": "aws",
    "region": "us-east-1",
    "nodes": [{"instance": "m5.xlarge", "count": 3}],
}
SERVING: dict[str, Any] = {
    "name": "chat", "model": "meta-llama/Llama-3.1-70B-Instruct", "gpu": "h100_sxm",
    "requests_per_s": 10, "input_tokens": 1000, "output_tokens": 200,
}  # fmt: skip
API: dict[str, Any] = {
    "name": "summaries", "model": "gpt-5", "input_tokens_per_month": 4.0e8, "output_tokens_per_month": 5.0e7,
}  # fmt: skip


def sized(**values: FactValue) -> AgentResult:
    """What mlops says: `sized(**{"serving.chat.gpus": 8})`."""
    return AgentResult(
        facts=tuple(
            Fact(id=f"mlops.{k}", value=v, unit="count", formula="given", source="mlops")
            for k, v in values.items()
        )
    )


def cost(mlops: AgentResult | None = None, **brief: Any) -> AgentResult:
    results = {"mlops": mlops} if mlops else {}
    return AGENT.assess(Inputs(brief=parse_brief({"name": "test", **brief}), results=results), silent)


def number(result: AgentResult, id: str) -> float:
    value = {f.id: f.value for f in result.facts}[id]
    assert not isinstance(value, str)
    return float(value)


def ids(result: AgentResult) -> set[str]:
    return {fact.id for fact in result.facts}


def finding(result: AgentResult, rule: str) -> Finding:
    return next(f for f in result.findings if f.rule_id == rule)


def test_three_m5_xlarge_for_a_month() -> None:
    result = cost(hosting=HOSTING)
    assert number(result, "cost.hosting.m5.xlarge.usd_per_month") == pytest.approx(420.48)
    assert number(result, "cost.total_usd_per_month") == pytest.approx(420.48)
    fact = next(f for f in result.facts if f.id == "cost.hosting.m5.xlarge.usd_per_month")
    assert fact.inputs["count"] == 3
    assert fact.as_of


def test_nodes_of_one_type_are_one_fact_and_two_lines() -> None:
    nodes = [{"instance": "m5.xlarge", "count": 1}, {"instance": "M5.xlarge", "count": 2}]
    result = cost(hosting={**HOSTING, "nodes": nodes})
    assert number(result, "cost.hosting.m5.xlarge.usd_per_month") == pytest.approx(420.48)
    assert len(result.cost_lines) == 2


def test_storage_is_terabytes_times_replicas() -> None:
    result = cost(hosting={**HOSTING, "nodes": [], "storage": [{"kind": "ssd", "tb": 4, "replicas": 3}]})
    assert number(result, "cost.storage.ssd.usd_per_month") == pytest.approx(12_000 * 0.08)


def test_disks_sold_by_the_piece_are_rounded_up() -> None:
    result = cost(
        hosting={"provider": "azure", "region": "westeurope", "storage": [{"kind": "hdd", "tb": 1.1}]}
    )
    assert number(result, "cost.storage.hdd.usd_per_month") == pytest.approx(2 * 40.96)


def test_serving_is_gpus_times_their_hour() -> None:
    mlops = sized(**{"serving.chat.gpus": 16, "serving.chat.gpus_per_replica": 8})
    result = cost(mlops, hosting={**HOSTING, "nodes": []}, llm_serving=[SERVING])
    hour = prices.gpu_hour("aws", "us-east-1", "h100_sxm", 8)
    assert hour
    assert number(result, "cost.serving.chat.usd_per_month") == pytest.approx(
        16 * 730 * hour.usd_per_gpu_hour
    )
    assert number(result, "cost.serving.chat.usd_per_million_tokens") == pytest.approx(
        16 * hour.usd_per_gpu_hour / (10 * 200 * 3600) * 1e6
    )


def test_gpus_of_own_nodes_are_not_paid_twice() -> None:
    hosting = {**HOSTING, "nodes": [{"instance": "p5.48xlarge", "count": 1}]}
    result = cost(sized(**{"serving.chat.gpus": 8}), hosting=hosting, llm_serving=[SERVING])
    assert number(result, "cost.total_usd_per_month") == pytest.approx(
        number(result, "cost.hosting.p5.48xlarge.usd_per_month")
    )
    assert any("not paid twice" in a.text for a in result.assumptions)


def test_a_gpu_without_a_price_in_the_region_is_priced_elsewhere_and_that_is_said() -> None:
    result = cost(
        sized(**{"serving.chat.gpus": 8}),
        hosting={"provider": "aws", "region": "eu-west-1"},
        llm_serving=[SERVING],
    )
    assert "cost.serving.chat.usd_per_month" in ids(result)
    assert any(a.field == "hosting.region" and "priced as in eu-" in a.text for a in result.assumptions)


@pytest.mark.parametrize(
    ("brief", "word"),
    [
        ({"hosting": HOSTING, "llm_serving": [SERVING]}, "mlops"),
        ({"llm_serving": [SERVING]}, "hosting.provider"),
        ({"hosting": {"provider": "aws", "region": "mars-1"}, "llm_serving": [SERVING]}, "mars-1"),
        ({"hosting": {"provider": "on_prem", "region": "attic"}, "llm_serving": [SERVING]}, "own hardware"),
        ({"hosting": HOSTING, "llm_serving": [{**SERVING, "gpu": "abacus"}]}, "abacus"),
    ],
)
def test_serving_without_what_it_takes_is_unpriced(brief: dict[str, Any], word: str) -> None:
    mlops = None if word == "mlops" else sized(**{"serving.chat.gpus": 8})
    result = cost(mlops, **brief)
    assert not any(i.startswith("cost.serving") for i in ids(result))
    assert any(word in u.reason for u in result.unpriced)


def test_training_is_once_and_not_in_the_monthly_total() -> None:
    job = {"name": "fine tune", "parameters": 8.03e9, "tokens": 2.0e9, "gpu": "h100_sxm", "gpus": 16}
    result = cost(sized(**{"training.fine_tune.gpu_hours": 100.0}), hosting=HOSTING, training=[job])
    hour = prices.gpu_hour("aws", "us-east-1", "h100_sxm", 8)
    assert hour
    assert number(result, "cost.training.fine_tune.usd") == pytest.approx(100 * hour.usd_per_gpu_hour)
    assert number(result, "cost.total_usd_per_month") == pytest.approx(420.48)


def test_rented_model_by_the_token() -> None:
    result = cost(llm_api=[API])
    assert number(result, "cost.api.summaries.usd_per_month") == pytest.approx(400 * 1.25 + 50 * 10)
    assert number(result, "cost.total_usd_per_month") == pytest.approx(1000)


def test_tokens_that_are_not_given_are_unpriced_and_not_zero() -> None:
    result = cost(llm_api=[{k: v for k, v in API.items() if k != "output_tokens_per_month"}])
    assert number(result, "cost.api.summaries.usd_per_month") == pytest.approx(500)
    assert any("output" in u.what for u in result.unpriced)


def test_a_tiered_price_says_up_to_which_length_it_holds() -> None:
    result = cost(llm_api=[{**API, "model": "gemini-2.5-pro"}])
    assert any(a.unit == "tokens" and a.value for a in result.assumptions)


@pytest.mark.parametrize(
    ("brief", "word"),
    [
        ({"llm_api": [{**API, "model": "gpt-55"}]}, "nearest"),
        ({"hosting": {**HOSTING, "nodes": [{"instance": "m5.xlarg"}]}}, "m5.xlarge"),
        ({"hosting": {**HOSTING, "region": "atlantis-1"}}, "atlantis-1"),
        ({"hosting": {**HOSTING, "provider": "on_prem"}}, "own hardware"),
        ({"hosting": {"nodes": HOSTING["nodes"]}}, "hosting.provider"),
    ],
)
def test_what_has_no_price_is_listed_and_makes_no_total(brief: dict[str, Any], word: str) -> None:
    result = cost(**brief)
    assert "cost.total_usd_per_month" not in ids(result)
    assert finding(result, "cost.total").status is Status.NOT_ASSESSED
    assert any(word in u.reason for u in result.unpriced)
    assert number(result, "cost.unpriced_count") == len(result.unpriced) > 0


def test_nothing_at_all_is_not_assessed_and_names_the_fields() -> None:
    result = cost()
    fields = {e.path for f in result.findings if f.status is Status.NOT_ASSESSED for e in f.evidence}
    assert {"hosting", "budget.usd_per_month"} <= fields
    assert ids(result) == {"cost.unpriced_count"}


def test_an_unpriced_node_is_beside_the_total_of_the_others() -> None:
    nodes = [*HOSTING["nodes"], {"instance": "quantum.large", "count": 2}]
    result = cost(hosting={**HOSTING, "nodes": nodes})
    assert number(result, "cost.total_usd_per_month") == pytest.approx(420.48)
    assert number(result, "cost.priced_share") == pytest.approx(0.5)


def test_a_line_says_when_its_price_is_more_than_a_year_older_than_the_newest_list() -> None:
    (recent,) = cost(hosting=HOSTING).cost_lines
    (old,) = cost(hosting={**HOSTING, "region": "eu-west-3"}).cost_lines
    assert (recent.as_of, recent.old) == ("2026-09-06", False)
    assert (old.as_of, old.old) == ("2025-03-02", True)


@pytest.mark.parametrize(
    ("kind", "brief"),
    [
        ("hosting.nodes", {"hosting": {**HOSTING, "nodes": [{"instance": "quantum.large"}]}}),
        ("hosting.storage", {"hosting": {"provider": "on_prem", "storage": [{"kind": "ssd", "tb": 1}]}}),
        ("llm_serving", {"llm_serving": [SERVING]}),
        ("training", {"training": [{"name": "tune", "parameters": 8e9, "tokens": 1e9}]}),
        ("llm_api", {"llm_api": [{**API, "model": "gpt-55"}]}),
    ],
)
def test_what_has_no_price_says_of_which_kind_it_is(kind: str, brief: dict[str, Any]) -> None:
    assert {thing.kind for thing in cost(**brief).unpriced} == {kind}


def test_a_total_that_lacks_a_line_is_a_lower_bound() -> None:
    nodes = [*HOSTING["nodes"], {"instance": "quantum.large", "count": 2}]
    budget = {"usd_per_month": 400}
    facts = {f.id: f for f in cost(hosting={**HOSTING, "nodes": nodes}, budget=budget).facts}
    lower = {key for key, fact in facts.items() if fact.is_lower_bound}
    assert lower == {"cost.total_usd_per_month", "cost.over_budget_usd_per_month"}
    whole = cost(hosting=HOSTING, budget=budget).facts
    assert not any(fact.is_lower_bound for fact in whole)


def test_training_without_a_price_is_counted_and_leaves_the_monthly_total_whole() -> None:
    budget = {"usd_per_month": 500}
    result = cost(hosting=HOSTING, budget=budget, training=[{"name": "tune", "parameters": 8e9, "tokens": 1e9}])  # fmt: skip
    total = next(f for f in result.facts if f.id == "cost.total_usd_per_month")
    assert (number(result, "cost.unpriced_count"), total.is_lower_bound) == (1, False)
    assert finding(result, "cost.over-budget").status is Status.PASS


def test_over_budget_is_a_finding_with_its_amount() -> None:
    result = cost(hosting=HOSTING, budget={"usd_per_month": 400})
    assert number(result, "cost.over_budget_usd_per_month") == pytest.approx(20.48)
    found = finding(result, "cost.over-budget")
    assert found.status is Status.FAIL
    assert found.impact
    assert found.impact.usd_per_month == pytest.approx(20.48)


def test_over_the_budget_by_at_least_so_much_when_something_has_no_price() -> None:
    nodes = [*HOSTING["nodes"], {"instance": "quantum.large"}]
    found = finding(
        cost(hosting={**HOSTING, "nodes": nodes}, budget={"usd_per_month": 400}), "cost.over-budget"
    )
    assert (
        found.title.replace("\N{NO-BREAK SPACE}", " ")
        == "The monthly total is at least $ 20.48 over the budget of $ 400.00"
    )


def test_within_budget_passes_only_when_everything_is_priced() -> None:
    budget = {"usd_per_month": 5000}
    assert finding(cost(hosting=HOSTING, budget=budget), "cost.over-budget").status is Status.PASS
    nodes = [*HOSTING["nodes"], {"instance": "quantum.large"}]
    unsure = cost(hosting={**HOSTING, "nodes": nodes}, budget=budget)
    assert finding(unsure, "cost.over-budget").status is Status.NOT_ASSESSED
    assert "cost.over_budget_usd_per_month" not in ids(unsure)


def commitment(discount: float, coverage: float, utilisation: float) -> dict[str, float]:
    return {
        "usd_per_month": 1e6, "commitment_discount": discount, "commitment_coverage": coverage, "commitment_utilisation": utilisation,
    }  # fmt: skip


def test_commitment_saves_its_discount_on_the_covered_share() -> None:
    result = cost(hosting=HOSTING, budget=commitment(0.3, 0.5, 1.0))
    assert number(result, "cost.effective_saving_rate") == pytest.approx(0.15)
    assert number(result, "cost.total_usd_per_month") == pytest.approx(420.48 * 0.85)
    assert {line.purchase for line in result.cost_lines} == {"on_demand", "committed"}


def test_commitment_breaks_even_at_one_minus_discount() -> None:
    result = cost(hosting=HOSTING, budget=commitment(0.3, 0.8, 0.7))
    assert number(result, "cost.effective_saving_rate") == pytest.approx(0, abs=1e-12)
    assert number(result, "cost.total_usd_per_month") == pytest.approx(420.48)


def test_an_unused_commitment_is_a_finding_and_costs_more_below_break_even() -> None:
    result = cost(hosting=HOSTING, budget=commitment(0.3, 1.0, 0.5))
    found = finding(result, "cost.unused-commitment")
    assert number(result, "cost.effective_saving_rate") == pytest.approx(-0.4)
    assert found.impact
    assert found.impact.usd_per_month == pytest.approx(420.48 * 0.7)


def test_a_commitment_of_which_nothing_is_used_cannot_cover_anything() -> None:
    result = cost(hosting=HOSTING, budget=commitment(0.3, 0.5, 0.0))
    assert number(result, "cost.total_usd_per_month") == pytest.approx(420.48)
    assert finding(result, "cost.commitment").status is Status.NOT_ASSESSED


def test_commitments_do_not_reach_rented_models_and_storage() -> None:
    hosting = {**HOSTING, "nodes": [], "storage": [{"kind": "ssd", "tb": 1}]}
    result = cost(hosting=hosting, llm_api=[API], budget=commitment(0.5, 1.0, 1.0))
    assert number(result, "cost.total_usd_per_month") == pytest.approx(1000 + 80)
    assert "cost.effective_saving_rate" not in ids(result)


def test_rent_or_host_has_the_load_at_which_both_cost_the_same() -> None:
    mlops = sized(**{"serving.chat.gpus": 8, "serving.chat.gpus_per_replica": 8})
    result = cost(mlops, hosting={**HOSTING, "nodes": []}, llm_serving=[SERVING], llm_api=[API])
    even = number(result, "cost.rent_or_host.chat.summaries.break_even_requests_per_s")
    per_request = (1000 * 1.25 + 200 * 10) / 1e6
    assert even * per_request * 730 * 3600 == pytest.approx(number(result, "cost.serving.chat.usd_per_month"))
    assert not any(f.rule_id == "cost.rent-is-cheaper" for f in result.findings)


def test_own_gpus_that_cost_more_than_renting_are_a_finding() -> None:
    mlops = sized(**{"serving.chat.gpus": 8})
    result = cost(
        mlops,
        hosting={**HOSTING, "nodes": []},
        llm_serving=[{**SERVING, "requests_per_s": 0.1}],
        llm_api=[API],
    )
    found = finding(result, "cost.rent-is-cheaper")
    rent = number(result, "cost.rent_or_host.chat.summaries.rent_usd_per_month")
    assert found.impact
    assert found.impact.usd_per_month == pytest.approx(
        number(result, "cost.serving.chat.usd_per_month") - rent
    )


def test_a_newer_generation_that_costs_less_is_a_finding() -> None:
    result = cost(hosting={**HOSTING, "nodes": [{"instance": "m4.xlarge", "count": 2}]})
    found = finding(result, "cost.older-generation")
    assert found.impact
    assert found.impact.usd_per_month
    assert found.impact.usd_per_month > 0
    assert "m4.xlarge" in found.title


def test_the_newest_generation_is_no_finding() -> None:
    result = cost(hosting={**HOSTING, "nodes": [{"instance": "m8g.xlarge"}]})
    assert not any(f.rule_id == "cost.older-generation" for f in result.findings)


def test_every_fact_has_formula_and_source_and_every_money_its_date() -> None:
    mlops = sized(**{"serving.chat.gpus": 8})
    for fact in cost(mlops, hosting=HOSTING, llm_serving=[SERVING], llm_api=[API]).facts:
        assert fact.formula
        assert fact.source
        assert fact.as_of or not fact.unit.startswith("USD")


def test_the_same_brief_gives_the_same_bytes() -> None:
    def once() -> bytes:
        return cost(
            sized(**{"serving.chat.gpus": 8}), hosting=HOSTING, llm_serving=[SERVING], llm_api=[API]
        ).to_json()

    assert once() == once()


INSTANCES = st.sampled_from(["m5.xlarge", "t3.nano", "g5.12xlarge", "no.such", "r5.2xlarge", "p5.48xlarge"])
NODES = st.lists(
    st.fixed_dictionaries({"instance": INSTANCES, "count": st.integers(1, 5000)}), min_size=1, max_size=6
)
SHARES = st.floats(0, 1)


@settings(deadline=None)  # the price lists are read on first use
@given(nodes=NODES, discount=SHARES, coverage=SHARES, utilisation=st.floats(0.01, 1))
def test_total_is_the_sum_of_its_lines_and_nothing_is_negative(
    nodes: list[dict[str, Any]], discount: float, coverage: float, utilisation: float
) -> None:
    result = cost(hosting={**HOSTING, "nodes": nodes}, budget=commitment(discount, coverage, utilisation))
    assert all(line.usd_per_month >= 0 and line.quantity >= 0 for line in result.cost_lines)
    assert all(number(result, i) >= 0 for i in ids(result) if i.endswith("usd_per_month"))
    if result.cost_lines:
        assert number(result, "cost.total_usd_per_month") == math.fsum(
            line.usd_per_month for line in result.cost_lines
        )
        assert number(result, "cost.effective_saving_rate") <= discount + 1e-9
    assert len(result.unpriced) == sum(n["instance"] == "no.such" for n in nodes)


@settings(deadline=None)  # the price lists are read on first use
@given(count=st.integers(1, 10_000), instance=st.sampled_from(["m5.xlarge", "t3.nano", "p5.48xlarge"]))
def test_one_node_more_costs_more(count: int, instance: str) -> None:
    def total(n: int) -> float:
        return number(
            cost(hosting={**HOSTING, "nodes": [{"instance": instance, "count": n}]}),
            "cost.total_usd_per_month",
        )

    assert total(count + 1) > total(count)


@settings(deadline=None)  # the price lists are read on first use
@given(discount=SHARES, coverage=SHARES)
def test_a_discount_never_raises_the_total_when_all_of_it_is_used(discount: float, coverage: float) -> None:
    total = number(
        cost(hosting=HOSTING, budget=commitment(discount, coverage, 1.0)), "cost.total_usd_per_month"
    )
    assert total <= 420.48 + 1e-9


@settings(deadline=None)  # the price lists are read on first use
@given(given_tokens=st.floats(0, 1e12), made=st.floats(0, 1e12))
def test_rented_tokens_cost_at_least_nothing_and_grow(given_tokens: float, made: float) -> None:
    def total(factor: float) -> float:
        item = {
            **API,
            "input_tokens_per_month": given_tokens * factor,
            "output_tokens_per_month": made * factor,
        }
        return number(cost(llm_api=[item]), "cost.api.summaries.usd_per_month")

    assert 0 <= total(1.0) <= total(2.0)


def test_the_same_nodes_at_spot_and_committed_stand_beside_the_list_price() -> None:
    hosting = {
        "provider": "gcp",
        "region": "us-central1",
        "nodes": [{"instance": "n2-standard-4", "count": 2}],
    }
    result = cost(hosting=hosting)
    head = "cost.hosting.n2-standard-4.usd_per_month"
    listed, one, three, spot = (
        number(result, head + tail) for tail in ("", "_committed_1y", "_committed_3y", "_spot")
    )
    # Google Cloud price list of 2026-07-30: 0.194236 an hour; a month committed 89.32572 and 63.81076; spot 0.09212
    assert listed == pytest.approx(2 * 730 * 0.194236)
    assert one == pytest.approx(2 * 89.32572, rel=1e-5)
    assert three == pytest.approx(2 * 63.81076, rel=1e-5)
    assert spot == pytest.approx(2 * 730 * 0.09212)
    assert number(result, "cost.total_usd_per_month") == listed


def test_a_price_that_follows_from_the_family_is_said_to_do_so() -> None:
    result = cost(hosting={**HOSTING, "region": "eu-west-1"})
    assert any("family" in a.text for a in result.assumptions)


def test_what_mlops_could_not_size_is_unpriced_with_its_reason() -> None:
    title = "chat: no GPU is named, so no fit was reckoned"
    said = not_assessed(
        agent="mlops", rule_id="mlops.serving.gpu", title=title, missing="llm_serving.chat.gpu"
    )
    result = cost(AgentResult(findings=(said,)), hosting=HOSTING, llm_serving=[SERVING])
    assert any(title in u.reason for u in result.unpriced)


def test_names_alike_but_for_a_space_keep_their_own_numbers() -> None:
    serving = {
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "gpu": "l4",
        "input_tokens": 500,
        "output_tokens": 100,
    }
    api = {"model": "gpt-5", "input_tokens_per_month": 1e6, "output_tokens_per_month": 1e6}
    brief = {
        "llm_serving": [{"name": "a b", "requests_per_s": 1, **serving}, {"name": "a_b", "requests_per_s": 90, **serving}],
        "llm_api": [{"name": "a b", **api}, {"name": "a_b", **api}],
        "hosting": {"provider": "aws", "region": "us-east-1"},
    }  # fmt: skip
    mlops = MLOPS.assess(Inputs(brief=parse_brief({"name": "test", **brief})), silent)
    result = AGENT.assess(
        Inputs(brief=parse_brief({"name": "test", **brief}), results={"mlops": mlops}), silent
    )
    ids = [fact.id for fact in result.facts]
    assert len(set(ids)) == len(ids)
    gpus = {f.id: f.value for f in mlops.facts if f.id.endswith(".gpus")}
    used = {
        f.id: f.inputs["gpus"] for f in result.facts if f.id.endswith("usd_per_month") and "gpus" in f.inputs
    }
    assert used["cost.serving.a_b.usd_per_month"] == gpus["mlops.serving.a_b.gpus"]
    assert used["cost.serving.a_b_2.usd_per_month"] == gpus["mlops.serving.a_b_2.gpus"]
    assert gpus["mlops.serving.a_b.gpus"] != gpus["mlops.serving.a_b_2.gpus"]


def test_one_comparison_for_each_rented_model() -> None:
    brief = {
        "llm_serving": [{"name": "own", "requests_per_s": 1, "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "l4", "input_tokens": 500, "output_tokens": 100}],
        "llm_api": [{"name": f"use{n}", "model": "gpt-5", "input_tokens_per_month": 1e6} for n in range(20)],
        "hosting": {"provider": "aws", "region": "us-east-1"},
    }  # fmt: skip
    mlops = MLOPS.assess(Inputs(brief=parse_brief({"name": "test", **brief})), silent)
    result = AGENT.assess(
        Inputs(brief=parse_brief({"name": "test", **brief}), results={"mlops": mlops}), silent
    )
    compared = [f.id for f in result.facts if f.id.endswith("break_even_requests_per_s")]
    assert compared == ["cost.rent_or_host.own.use0.break_even_requests_per_s"]


def test_the_reason_of_a_missing_size_is_that_of_the_item_itself() -> None:
    brief = {
        "llm_serving": [{"name": "chat", "model": "acme/unknown"}],
        "training": [{"name": "t", "parameters": 7e9}],
        "hosting": {"provider": "aws", "region": "us-east-1"},
    }
    mlops = MLOPS.assess(Inputs(brief=parse_brief({"name": "test", **brief})), silent)
    result = AGENT.assess(
        Inputs(brief=parse_brief({"name": "test", **brief}), results={"mlops": mlops}), silent
    )
    reasons = {u.what: u.reason for u in result.unpriced}
    assert "acme/unknown" in reasons["serving chat"]
    assert "acme/unknown" not in reasons["training t, once"]


def test_within_the_budget_as_far_as_priced_names_what_has_no_price() -> None:
    hosting = {"provider": "aws", "region": "eu-south-1", "nodes": [{"instance": "m5.xlarge"}], "storage": [{"kind": "object", "tb": 4}]}  # fmt: skip
    brief = parse_brief({"name": "test", "hosting": hosting, "budget": {"usd_per_month": 60_000}})
    (judged,) = [
        f for f in AGENT.assess(Inputs(brief=brief), silent).findings if f.rule_id == "cost.over-budget"
    ]
    assert judged.status is Status.NOT_ASSESSED
    assert judged.title == "Within the budget as far as it is priced; 1 thing has no dated price"
    assert judged.evidence[0].path == "price of 4 TB object storage × 1"


def test_who_is_over_budget_is_told_the_largest_lines_and_what_makes_lines_of_their_kinds_smaller() -> None:
    def advice(**brief: Any) -> str:
        found = finding(cost(budget={"usd_per_month": 1}, **brief), "cost.over-budget")
        assert found.remediation is not None
        return found.remediation.text

    rented = advice(llm_api=[API])
    assert "gpt-5), input tokens ($\u00a0500.00), model API summaries (gpt-5), output tokens" in rented
    assert "cached prompts" in rented
    assert "instances" not in rented
    machines = advice(hosting={**HOSTING, "storage": [{"kind": "ssd", "tb": 0.001}]})
    assert "3 × m5.xlarge ($\u00a0420.48)." in machines  # the gigabyte is less than a hundredth of it
    assert "Colder kinds" not in machines
