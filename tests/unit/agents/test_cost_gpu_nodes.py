"""Whether the GPUs of the brief's own nodes are as many as the models that it serves take."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.model.finding import Severity, Status
from infra_mind.model.result import AgentResult
from tests.unit.agents.test_cost import SERVING, cost, finding, number, sized


def on_nodes(count: int, instance: str = "p5.48xlarge", **facts: int) -> AgentResult:
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": instance, "count": count}]}
    return cost(
        sized(**{f"serving.chat.{k}": v for k, v in facts.items()}), hosting=hosting, llm_serving=[SERVING]
    )


@pytest.mark.parametrize(
    ("count", "status", "severity", "missing"),
    [
        (1, Status.FAIL, Severity.HIGH, 16),
        (2, Status.FAIL, Severity.MEDIUM, 8),  # enough by the low end of the error band
        (3, Status.PASS, Severity.INFO, 0),
        (4, Status.PASS, Severity.INFO, 0),
    ],
)
def test_nodes_are_held_against_the_gpus_that_the_models_take(
    count: int, status: Status, severity: Severity, missing: int
) -> None:
    result = on_nodes(count, gpus=24, gpus_low=16, gpus_per_replica=8)
    found = finding(result, "cost.gpu-nodes")
    assert (found.status, found.severity) == (status, severity)
    assert number(result, "cost.gpu_nodes.h100_sxm.missing") == missing


def test_the_finding_says_how_many_machines_are_missing_and_what_that_rests_on() -> None:
    found = finding(on_nodes(1, gpus=24, gpus_low=16, gpus_per_replica=8), "cost.gpu-nodes")
    assert found.title == "The nodes hold 8 of the 24 h100_sxm that chat takes"
    assert found.remediation is not None
    assert found.remediation.text.startswith("Add 2 × p5.48xlarge, ")
    assert found.remediation.text.endswith("; what is missing is in the total already.")
    assert "mlops.serving.chat.gpus" in found.facts


def test_models_that_share_the_nodes_are_added_up() -> None:
    hosting = {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "p5.48xlarge", "count": 1}]}
    two: list[dict[str, Any]] = [SERVING, {**SERVING, "name": "other"}]
    result = cost(
        sized(**{"serving.chat.gpus": 8, "serving.other.gpus": 4}), hosting=hosting, llm_serving=two
    )
    assert finding(result, "cost.gpu-nodes").title == "The nodes hold 8 of the 12 h100_sxm that 2 models take"


@pytest.mark.parametrize("instance", ["m5.xlarge", "g5.12xlarge"])
def test_nothing_is_said_where_the_brief_has_no_node_with_that_gpu(instance: str) -> None:
    result = on_nodes(1, instance, gpus=24)
    assert not [f for f in result.findings if f.rule_id == "cost.gpu-nodes"]
