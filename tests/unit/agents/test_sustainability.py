"""Energy and carbon: published check values, shares that add up, what is unknown, and what must never go the wrong way."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.sustainability import AGENT, energy
from infra_mind.agents.sustainability.regions import WINDOW, window_means
from infra_mind.knowledge import carbon
from infra_mind.model.brief import parse_brief
from infra_mind.model.fact import Fact, FactValue
from infra_mind.model.finding import Finding, Status
from infra_mind.model.result import AgentResult

NODE: dict[str, Any] = {"instance": "m5.xlarge", "count": 1, "utilisation": 0.5}
AWS: dict[str, Any] = {"provider": "aws", "region": "us-east-1", "nodes": [NODE]}
CHAT: dict[str, Any] = {"name": "chat", "model": "meta-llama/Llama-3.1-70B-Instruct", "gpu": "h100_sxm"}


def sized(**values: FactValue) -> AgentResult:
    return AgentResult(
        facts=tuple(
            Fact(id=f"mlops.{k}", value=v, unit="count", formula="given", source="mlops")
            for k, v in values.items()
        )
    )


def assess(mlops: AgentResult | None = None, **brief: Any) -> AgentResult:
    results = {"mlops": mlops} if mlops else {}
    return AGENT.assess(Inputs(brief=parse_brief({"name": "test", **brief}), results=results), silent)


def value(result: AgentResult, id: str) -> float:
    found = {f.id: f.value for f in result.facts}[f"sustainability.{id}"]
    assert not isinstance(found, str)
    return float(found)


def ids(result: AgentResult) -> set[str]:
    return {f.id.removeprefix("sustainability.") for f in result.facts}


def findings(result: AgentResult, rule: str) -> list[Finding]:
    return [f for f in result.findings if f.rule_id == f"sustainability.{rule}"]


def missing(result: AgentResult) -> set[str]:
    return {f.evidence[0].path for f in result.findings if f.status is Status.NOT_ASSESSED}


# -- published check values ---------------------------------------------------------------------------------------------
def test_four_vcpu_at_half_load() -> None:
    """Cloud Carbon Footprint's averages for AWS: 0.74 and 3.5 W, PUE 1.135 → 7.026 kWh; at us-east-1's 0.379069 kg/kWh → 2.663 kg."""
    kwh = energy.kwh(energy.watts(0.74, 3.5, 0.5), 4, 730, 1.135)
    assert kwh == pytest.approx(7.026, abs=5e-4)
    assert kwh * 0.379069 == pytest.approx(2.663, abs=5e-4)
    assert value(assess(hosting=AWS), "hosting.m5.xlarge.compute_kwh_per_month_by_average") == pytest.approx(7.026, abs=5e-4)  # fmt: skip


@pytest.mark.parametrize(
    ("published_kwh", "gpu_hours", "board_watts"),
    [(688_128, 1_720_320, 400), (73_728, 184_320, 400), (4_480_000, 6_400_000, 700)],
    ids=["Llama 2 70B", "Llama 2 7B", "Llama 3 70B"],
)
def test_training_as_model_cards_reckon_it(published_kwh: float, gpu_hours: float, board_watts: float) -> None:  # fmt: skip
    """Model cards of Meta: GPU hours × board power, the data centre's overhead and the rest of the server apart."""
    assert energy.kwh(board_watts * energy.TRAINING_LOAD, gpu_hours, 1.0, 1.0) == published_kwh


def test_carbon_of_a_training_run_as_published() -> None:
    """LLaMA papers: PUE 1.1 and 0.385 kg per kWh make the 291.42 t of Llama 2 70B."""
    assert energy.kwh(400, 1_720_320, 1.0, 1.1) * 0.385 == pytest.approx(291_420, rel=1e-4)


def test_a_gpu_idles_and_peaks_as_measured() -> None:
    """Cloud Carbon Footprint: an A100 of 400 W takes 46 W idle and 407 W at full load; a T4 of 70 W takes 8 and 71 W."""
    assert energy.gpu_watts(400, 0) == pytest.approx(46)
    assert energy.gpu_watts(400, 1) == pytest.approx(407)
    assert energy.gpu_watts(70, 0) == pytest.approx(8, abs=0.1)
    assert energy.gpu_watts(70, 1) == pytest.approx(71, abs=0.3)


def test_embodied_by_the_specification() -> None:
    """M = TE · TR/EL · RR/TR: a quarter of a machine of 1 200 kg for a month of its 48."""
    assert energy.embodied(1200, 0.25, 35_040 / 48) == pytest.approx(1200 / 48 / 4)


def test_memory_that_the_measured_servers_had_is_not_counted_again() -> None:
    machine = carbon.machine("aws", "m5.xlarge")
    assert machine is not None
    rows = carbon.processors(machine.processors)
    extra = energy.extra_memory_gb(4, machine, rows, carbon.provider("aws"))
    assert extra == pytest.approx((384 - 2 * 75.1) * 4 / 96)  # Skylake's servers had 75.1 GB a chip


# -- parts and sums ------------------------------------------------------------------------------------------------------
FULL: dict[str, Any] = {
    "hosting": {**AWS, "storage": [{"kind": "ssd", "tb": 2, "replicas": 2}, {"kind": "object", "tb": 10}]},
    "llm_serving": [CHAT],
    "training": [{"name": "tune", "parameters": 8e9, "gpu": "h100_sxm"}],
    "llm_api": [{"name": "api", "model": "gpt-5", "output_tokens_per_month": 5e7}],
}
SIZED = sized(**{"serving.chat.gpus": 4, "serving.chat.utilisation": 0.5, "training.tune.gpu_hours": 100.0})


def test_the_facts_of_the_contract_are_there() -> None:
    found = ids(assess(SIZED, **FULL))
    assert {"kwh_per_month", "kgco2e_per_month", "embodied_kgco2e_per_month", "region.us-east-1.kgco2e_per_month"} <= found  # fmt: skip


def test_parts_add_up() -> None:
    result = assess(SIZED, **FULL)
    parts = [f for f in result.facts if f.id.endswith(".energy_share")]
    assert len(parts) == 5  # nodes, two kinds of storage, serving, rented; training is once
    assert math.fsum(float(f.value) for f in parts) == pytest.approx(1)
    kwh = {"hosting.m5.xlarge": ["compute_kwh_per_month", "memory_kwh_per_month"]}
    node = math.fsum(value(result, f"hosting.m5.xlarge.{n}") for n in kwh["hosting.m5.xlarge"])
    others = [f"storage.{k}.kwh_per_month" for k in ("ssd", "object")] + ["serving.chat.kwh_per_month", "api.api.kwh_per_month"]  # fmt: skip
    assert value(result, "kwh_per_month") == pytest.approx(node + math.fsum(value(result, i) for i in others))
    carbons = ["hosting.m5.xlarge", "storage.ssd", "storage.object", "serving.chat", "api.api"]
    assert value(result, "kgco2e_per_month") == pytest.approx(math.fsum(value(result, f"{c}.kgco2e_per_month") for c in carbons))  # fmt: skip


def test_training_is_in_no_month() -> None:
    with_it, without = assess(SIZED, **FULL), assess(SIZED, **{**FULL, "training": []})
    assert value(with_it, "kwh_per_month") == value(without, "kwh_per_month")
    assert value(with_it, "training.tune.kwh") == pytest.approx((700 + 150) * 100 * 1.135 / 1000)


def test_storage_counts_the_copies_of_the_brief_and_of_the_provider() -> None:
    result = assess(hosting={"provider": "aws", "region": "us-east-1", "storage": [{"kind": "hdd", "tb": 3, "replicas": 2}]})  # fmt: skip
    assert value(result, "storage.hdd.kwh_per_month") == pytest.approx(0.65 * 3 * 2 * 2 * 730 * 1.135 / 1000)


def test_gpus_of_the_nodes_are_counted_once() -> None:
    nodes = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "p5.48xlarge", "count": 1, "utilisation": 0.5}]}  # fmt: skip
    alone = assess(hosting=nodes)
    both = assess(sized(**{"serving.chat.gpus": 8, "serving.chat.utilisation": 0.5}), hosting=nodes, llm_serving=[CHAT])  # fmt: skip
    assert value(alone, "hosting.p5.48xlarge.gpu_kwh_per_month") > 0
    assert value(both, "hosting.p5.48xlarge.gpu_kwh_per_month") == 0
    assert value(both, "kwh_per_month") == pytest.approx(value(alone, "kwh_per_month"))


def test_nodes_of_one_type_are_one_part() -> None:
    twice = assess(hosting={**AWS, "nodes": [{**NODE, "utilisation": 0.2}, {**NODE, "utilisation": 0.8}]})
    once = assess(hosting={**AWS, "nodes": [{**NODE, "count": 2}]})
    assert value(twice, "kwh_per_month") == pytest.approx(value(once, "kwh_per_month"))


def test_what_the_artefacts_ask_for_is_beside_the_total() -> None:
    cloud = AgentResult(facts=(Fact(id="cloud.vcpu_requested", value=4.0, unit="vCPU", formula="given", source="artefacts"),))  # fmt: skip
    brief = parse_brief({"name": "x", "hosting": {"provider": "aws", "region": "us-east-1"}})
    result = AGENT.assess(Inputs(brief=brief, results={"cloud": cloud}), silent)
    assert value(result, "artefacts_kwh_per_month") == pytest.approx(7.026, abs=5e-4)
    assert "kwh_per_month" not in ids(result)


# -- regions and hours ---------------------------------------------------------------------------------------------------
def test_a_cleaner_region_that_the_brief_allows() -> None:
    result = assess(hosting={**AWS, "region": "eu-west-1"}, compliance={"data_residency": ["eu"]})
    (found,) = findings(result, "region")
    assert found.status is Status.FAIL
    assert "eu-north-1" in found.title
    here, there = (value(result, f"region.{r}.kgco2e_per_month") for r in ("eu-west-1", "eu-north-1"))
    assert here / there == pytest.approx(0.2786 / 0.0088)
    assert found.impact is not None
    assert found.impact.kgco2e_per_month == pytest.approx(here - there)


@pytest.mark.parametrize(
    ("residency", "regions"),
    [
        (["ie"], {"eu-west-1"}),
        (["de", "ie"], {"eu-west-1", "eu-central-1"}),
        (["eu"], {"eu-west-1", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1"}),
        ([], {"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1"}),
    ],
)
def test_only_allowed_regions_are_looked_at(residency: list[str], regions: set[str]) -> None:
    result = assess(hosting={**AWS, "region": "eu-west-1"}, compliance={"data_residency": residency})
    assert {i.split(".")[1] for i in ids(result) if i.startswith("region.")} == regions


def test_nobody_is_sent_to_another_partition() -> None:
    result = assess(hosting=AWS, compliance={"data_residency": ["us"]})
    found = {i.split(".")[1] for i in ids(result) if i.startswith("region.")}
    assert found == {"us-east-1", "us-east-2", "us-west-1", "us-west-2"}


def test_a_residency_that_is_no_place_opens_no_region() -> None:
    result = assess(hosting=AWS, compliance={"data_residency": ["atlantis"]})
    assert "compliance.data_residency" in missing(result)
    assert [i for i in ids(result) if i.startswith("region.")] == ["region.us-east-1.kgco2e_per_month"]


def test_the_best_hours_are_no_dirtier_than_any_other() -> None:
    row = carbon.hours("aws", "us-east-1")
    assert row is not None
    means = window_means(row)
    result = assess(hosting=AWS)
    best, worst = int(value(result, "hours.best_start_utc")), int(value(result, "hours.worst_start_utc"))
    assert means[best] == min(means.values())
    assert means[worst] == max(means.values())
    assert math.fsum(means.values()) == pytest.approx(math.fsum(row.gco2e_per_kwh))
    assert WINDOW * 3 == 24
    assert 0 < value(result, "hours.saving_share") < 1


def test_training_in_better_hours() -> None:
    brief = {**FULL, "hosting": AWS}
    (found,) = findings(assess(SIZED, **brief), "hours")
    assert found.status is Status.FAIL
    assert found.facts[0] == "sustainability.hours.saving_share"


def test_no_hourly_data_is_said_where_it_would_matter() -> None:
    brief = {**FULL, "hosting": {**AWS, "region": "eu-central-1"}}
    (found,) = findings(assess(SIZED, **brief), "hours")
    assert found.status is Status.NOT_ASSESSED


# -- idle ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("count", "utilisation", "zones", "spare"), [(4, 0.1, 1, 2), (4, 0.1, 3, 1), (4, 0.5, 1, 0), (10, 0.45, 1, 1), (1, 0.0, 1, 0)]
)  # fmt: skip
def test_spare_nodes(count: int, utilisation: float, zones: int, spare: int) -> None:
    node = {"instance": "m5.xlarge", "count": count, "utilisation": utilisation, "zones": zones}
    (found,) = findings(assess(hosting={**AWS, "nodes": [node]}), "idle")
    if not spare:
        assert found.status is Status.PASS
        return
    assert found.status is Status.FAIL
    assert found.impact is not None
    assert found.impact.usd_per_month == pytest.approx(spare * 730 * 0.192)
    assert found.impact.kgco2e_per_month is not None
    assert found.impact.kgco2e_per_month > 0


def test_a_utilisation_that_nobody_gave_finds_nothing_spare() -> None:
    result = assess(hosting={**AWS, "nodes": [{"instance": "m5.xlarge", "count": 9}]})
    assert findings(result, "idle") == []
    (assumed,) = [a for a in result.assumptions if a.field == "hosting.nodes.0.utilisation"]
    assert assumed.value == 0.5


# -- unknown is never zero -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("brief", "field", "without"),
    [
        ({}, "hosting", "kwh_per_month"),
        ({"hosting": {"region": "us-east-1", "nodes": [NODE]}}, "hosting.provider", "kwh_per_month"),
        ({"hosting": {"provider": "aws", "nodes": [NODE]}}, "hosting.region", "kgco2e_per_month"),
        ({"hosting": {**AWS, "region": "mars-1"}}, "hosting.region", "kgco2e_per_month"),
        ({"hosting": {**AWS, "nodes": [{"instance": "m5.xlarg"}]}}, "hosting.nodes.0.instance", "kwh_per_month"),
        ({"hosting": AWS, "llm_serving": [CHAT]}, "llm_serving.0", "serving.chat.kwh_per_month"),
        ({"hosting": AWS, "llm_api": [{"name": "a", "model": "gpt-5"}]}, "llm_api.0.output_tokens_per_month", "api.a.kwh_per_month"),
        ({"llm_api": [{"name": "a", "model": "nobody/x", "output_tokens_per_month": 1.0}]}, "llm_api.0.model", "kwh_per_month"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_and_not_reckoned(brief: dict[str, Any], field: str, without: str) -> None:
    result = assess(**brief)
    assert field in missing(result)
    assert without not in ids(result)


def test_no_carbon_without_a_grid_but_energy() -> None:
    assert {"kwh_per_month"} <= ids(assess(hosting={**AWS, "region": "mars-1"}))


def test_a_machine_that_is_in_no_table_says_what_is_left_out() -> None:
    result = assess(hosting={"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "m7i.xlarge", "utilisation": 0.5}]})  # fmt: skip
    assert value(result, "hosting.m7i.xlarge.watts_per_vcpu") == pytest.approx(2.12)  # AWS's average
    assert "embodied_kgco2e_per_month" not in ids(result)
    assert findings(result, "embodied")


def test_own_hardware() -> None:
    site = {"provider": "on_prem", "region": "Germany", "nodes": [{"instance": "R750", "count": 2, "utilisation": 0.0}]}  # fmt: skip
    result = assess(hosting=site)
    assert value(result, "kwh_per_month") == pytest.approx(65.81 * 2 * 730 * 1.58 / 1000)
    assert value(result, "kgco2e_per_month") == pytest.approx(value(result, "kwh_per_month") * 0.32965)
    assert not [i for i in ids(result) if i.startswith("region.")]


# -- properties ------------------------------------------------------------------------------------------------------------
share = st.floats(0, 1)
REGIONS = sorted(row.region for p in ("aws",) for row in carbon.regions(p))


@settings(max_examples=40, deadline=None)
@given(
    low=share,
    high=share,
    count=st.integers(1, 1000),
    region=st.sampled_from(REGIONS),
    instance=st.sampled_from(
        ["m5.xlarge", "c5.large", "r5.4xlarge", "m7i.xlarge", "m6g.2xlarge", "g4dn.xlarge"]
    ),
)
def test_more_load_and_more_nodes_take_more(low: float, high: float, count: int, region: str, instance: str) -> None:  # fmt: skip
    def of(utilisation: float, nodes: int) -> AgentResult:
        node = {"instance": instance, "count": nodes, "utilisation": utilisation}
        return assess(hosting={"provider": "aws", "region": region, "nodes": [node]})

    less, more = of(min(low, high), count), of(max(low, high), count)
    for fact in ("kwh_per_month", "kgco2e_per_month"):
        assert 0 < value(less, fact) <= value(more, fact) * (1 + 1e-12)
    assert value(of(low, 2 * count), "kwh_per_month") == pytest.approx(2 * value(of(low, count), "kwh_per_month"))  # fmt: skip
    assert all(float(f.value) >= 0 for f in more.facts if not isinstance(f.value, str))


@given(low=st.floats(0.1, 10), high=st.floats(0.1, 10), load=share)
def test_watts_lie_between_idle_and_full(low: float, high: float, load: float) -> None:
    small, large = min(low, high), max(low, high)
    assert small <= energy.watts(small, large, load) <= large * (1 + 1e-12)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert assess(SIZED, **FULL).to_json() == assess(SIZED, **FULL).to_json()


# -- what is not known -----------------------------------------------------------------------------------------------------
def test_what_is_in_no_sum_is_counted_beside_the_sum() -> None:
    unknown = {"name": "other", "model": "no-such-model", "output_tokens_per_month": 1e6}
    whole, lacking = assess(SIZED, **FULL), assess(SIZED, **{**FULL, "llm_api": [*FULL["llm_api"], unknown]})
    found = [next(f for f in r.facts if f.id.endswith("y.kgco2e_per_month")) for r in (whole, lacking)]
    assert [f.inputs["left_out"] for f in found] == [0, 1]


def test_a_field_that_is_given_is_not_asked_for() -> None:
    rented = [{"name": "other", "model": "no-such-model", "output_tokens_per_month": 1e6}]
    nodes = {**AWS, "nodes": [{"instance": "m7i.xlarge", "count": 1}, {"instance": "m5.nosuch", "count": 1}]}
    result = assess(SIZED, hosting=nodes, llm_api=rented)
    gaps = {f.rule_id: f for f in result.findings if f.status is Status.NOT_ASSESSED}
    seen = {
        rule: gaps[f"sustainability.{rule}"].evidence[0].observed for rule in ("embodied", "api", "instance")
    }
    assert seen == {"embodied": "m7i.xlarge", "api": "no-such-model", "instance": "m5.nosuch"}
    assert not [f for f in gaps.values() if f.remediation and f.remediation.text.startswith("Give `")]


@pytest.mark.parametrize(
    ("hosting", "unit"),
    [
        ({"provider": "on_prem", "region": "de", "nodes": [{"instance": "own", "count": 2, "utilisation": 0.3}]}, "W/server"),
        ({**AWS, "nodes": [{"instance": "p5.48xlarge", "count": 1, "utilisation": 0.3}]}, "W/vcpu"),
    ],
)  # fmt: skip
def test_watts_of_an_average_machine_are_an_assumption(hosting: dict[str, Any], unit: str) -> None:
    (name,) = [n["instance"] for n in hosting["nodes"]]
    (said,) = [
        a for a in assess(hosting=hosting).assumptions if a.id == f"sustainability.hosting.{name}.watts"
    ]
    assert said.unit == unit
    assert not [a for a in assess(hosting=AWS).assumptions if a.id.endswith(".watts")]
