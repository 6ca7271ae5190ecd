"""Spare nodes and what is made of GPUs: what a model takes is not spare, what is committed is not saved, what was made is counted once."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.sustainability import energy
from infra_mind.knowledge import prices
from infra_mind.model.finding import Finding, Status
from infra_mind.model.result import AgentResult
from tests.unit.agents.test_sustainability import assess, findings, ids, sized, value

CHAT = {"name": "chat", "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "h100_sxm"}
A_GPU = 985.5 * 730 / 26_280  # kgCO2e a month


def p5(count: int, gpus: int, utilisation: float = 0.1) -> AgentResult:
    """Nodes with 8 GPUs each, and a served model that takes so many GPUs."""
    node = {"instance": "p5.48xlarge", "count": count, "utilisation": utilisation, "zones": 1}
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [node]}
    size = sized(**{"serving.chat.gpus": gpus, "serving.chat.utilisation": 0.9})
    return assess(size, hosting=hosting, llm_serving=[CHAT])


def m5(count: int, **budget: float) -> Finding:
    node = {"instance": "m5.xlarge", "count": count, "utilisation": 0.05, "zones": 2}
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [node]}
    (found,) = findings(assess(hosting=hosting, budget=budget), "idle")
    return found


@pytest.mark.parametrize(
    ("taken", "expected"),
    [(32, "no node would be spare"), (20, "1 node of 4 would be spare"), (1, "2 nodes of 4 would be spare")],
)
def test_a_node_whose_gpus_serve_a_model_is_not_spare_however_idle_its_cpus(
    taken: int, expected: str
) -> None:
    (found,) = findings(p5(4, taken), "idle")
    assert expected in found.title


def test_the_energy_of_a_spare_node_is_that_of_its_vcpus_its_memory_and_its_gpus() -> None:
    spare = value(p5(8, 8), "hosting.p5.48xlarge.spare_kwh_per_month")
    idle = 0.74 * 192 + 8 * 700 * 0.115
    assert spare == pytest.approx(idle * 6 * 730 * 1.135 / 1000)


def test_memory_of_spare_nodes_is_saved_too() -> None:
    found = m5(100)
    assert found.impact is not None
    kwh = 90 * 730 * 1.135 * (4 * 0.613 / 1000 + 9.741666666666667 * 0.000392)
    assert found.impact.kgco2e_per_month == pytest.approx(kwh * 0.379069)


@pytest.mark.parametrize(("coverage", "nodes"), [(0.0, 90), (0.5, 50), (1.0, 0)])
def test_nodes_that_are_committed_are_paid_on(coverage: float, nodes: int) -> None:
    found = m5(100, commitment_coverage=coverage, commitment_discount=0.9)
    assert found.impact is not None
    assert found.impact.usd_per_month == pytest.approx(nodes * 730 * 0.192)
    assert found.remediation is not None
    assert ("What is committed is paid" in found.remediation.text) is (coverage > 0)


def test_one_node_is_not_all_that_is_left() -> None:
    """The reliability agent asks for two."""
    node = {"instance": "m5.xlarge", "count": 2, "utilisation": 0.05}
    (found,) = findings(assess(hosting={"provider": "aws", "region": "us-east-1", "nodes": [node]}), "idle")
    assert found.status is Status.PASS


@pytest.mark.parametrize(("utilisation", "zones", "left"), [(0.15, 2, 4), (0.15, 3, 3), (0.15, 1, 3), (0.35, 2, 8)])  # fmt: skip
def test_the_nodes_that_are_left_carry_the_work_with_a_zone_lost(
    utilisation: float, zones: int, left: int
) -> None:
    """1.5 nodes of work in two zones: of three nodes one may be left."""
    node = {"instance": "m5.xlarge", "count": 10, "utilisation": utilisation, "zones": zones}
    (found,) = findings(assess(hosting={"provider": "aws", "region": "us-east-1", "nodes": [node]}), "idle")
    assert found.evidence[0].expected == f"{left} nodes at up to 50\u00a0%"


def test_gpus_on_nodes_are_made_with_them_and_count_once() -> None:
    result = p5(4, 32)
    assert value(result, "hosting.p5.48xlarge.embodied_kgco2e_per_month") == pytest.approx(32 * A_GPU)
    assert value(result, "embodied_kgco2e_per_month") == pytest.approx(32 * A_GPU)
    assert "serving.chat.embodied_kgco2e_per_month" not in ids(result)


def test_gpus_beside_the_nodes_are_made_for_the_model() -> None:
    result = p5(1, 12)
    assert value(result, "serving.chat.embodied_kgco2e_per_month") == pytest.approx(4 * A_GPU)
    assert value(result, "embodied_kgco2e_per_month") == pytest.approx(12 * A_GPU)
    assert energy.EMBODIED_PER_GPU == 985.5


def _usd(region: str, instance: str) -> float:
    offer = prices.price("aws", region, instance)
    assert offer is not None
    return offer.usd_per_hour


# -- moves ---------------------------------------------------------------------------------------------------------------
def test_gpus_that_would_move_are_in_what_a_move_costs() -> None:
    size = sized(**{"serving.chat.gpus": 2, "serving.chat.gpus_per_replica": 2, "serving.chat.utilisation": 0.5})  # fmt: skip
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "t3.micro", "utilisation": 0.1}]}  # fmt: skip
    (found,) = findings(assess(size, hosting=hosting, llm_serving=[{**CHAT, "gpu": "t4"}]), "region")
    assert found.impact is not None
    here, there = ([_usd(region, name) for name in ("t3.micro", "g4dn.12xlarge")] for region in ("us-east-1", "ca-central-1"))  # fmt: skip
    dearer = 730 * (there[0] - here[0]) + 2 * 730 * (there[1] - here[1]) / 4
    assert found.impact.usd_per_month == pytest.approx(-dearer)
    assert found.remediation is not None
    assert "its nodes and GPUs cost" in found.remediation.text


def test_what_is_committed_costs_less_more_there_too() -> None:
    """The words are at list prices; what the move costs is at what is paid of them."""
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "m5.xlarge", "count": 9, "utilisation": 0.5}]}  # fmt: skip
    moves = [
        findings(assess(hosting=hosting, budget=budget), "region")[0].impact
        for budget in ({}, {"commitment_coverage": 0.5, "commitment_discount": 0.4, "commitment_utilisation": 0.8})
    ]  # fmt: skip
    at_list, committed = (move.usd_per_month for move in moves if move)
    assert at_list
    assert committed == pytest.approx(at_list * (0.5 + 0.5 * 0.6 / 0.8))


def test_a_move_that_saves_next_to_nothing_is_told_and_is_no_weakness() -> None:
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "t3.micro", "utilisation": 0.1}]}  # fmt: skip
    (found,) = findings(assess(hosting=hosting), "region")
    assert found.status is Status.PASS
    assert "too little for a move" in found.title


@pytest.mark.parametrize(("gpu_hours", "status"), [(33.0, Status.PASS), (330.0, Status.FAIL)])
def test_a_run_that_would_save_less_than_a_kilogram_need_not_wait(gpu_hours: float, status: Status) -> None:
    job: dict[str, Any] = {"name": "tune", "parameters": 8e9, "gpu": "h100_sxm"}
    size = sized(**{"training.tune.gpu_hours": gpu_hours, "training.tune.days": 1.0})
    hosting = {"provider": "aws", "region": "us-east-1"}
    (found,) = findings(assess(size, hosting=hosting, training=[job]), "hours")
    assert found.status is status


# -- what is given is not absent -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rule", "brief", "seen"),
    [
        ("training", {"training": [{"name": "tune", "parameters": 8e9, "gpu": "h100"}]}, "h100"),
        ("training", {"training": [{"name": "tune", "parameters": 8e9, "gpu": "h100_sxm"}]}, "tune"),
        ("training", {"training": [{"name": "tune", "parameters": 8e9}]}, "absent"),
        ("serving", {"llm_serving": [{**CHAT, "gpu": "h100"}]}, "h100"),
        ("serving", {"llm_serving": [{**CHAT, "gpu": None}]}, "absent"),
        ("residency", {"compliance": {"data_residency": ["atlantis"]}}, "atlantis"),
        ("region", {"hosting": {"provider": "aws", "region": "mars-1"}}, "mars-1"),
    ],
)
def test_what_is_given_is_not_called_absent(rule: str, brief: dict[str, Any], seen: str) -> None:
    node = {"instance": "m5.xlarge", "count": 2, "utilisation": 0.5}
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [node]}
    (found,) = findings(assess(**{"hosting": hosting, **brief}), rule)
    assert found.evidence[0].observed == seen
