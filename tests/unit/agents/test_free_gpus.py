"""GPUs of nodes are handed out once, and a replica's stand in one machine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.free_gpus import FreeGpus
from infra_mind.model.finding import Status
from tests.unit.agents.test_cost import SERVING, cost, finding, number, sized
from tests.unit.agents.test_sustainability import assess, value


@pytest.mark.parametrize(
    ("machines", "asked", "given_"),
    [
        ([(8, 2)], [(16, 8)], [16]),
        ([(1, 2)], [(2, 2)], [0]),  # two machines with one GPU each hold no replica of two
        ([(8, 1)], [(6, 2), (4, 2)], [6, 2]),
        ([(8, 1), (4, 1)], [(4, 4), (8, 8)], [4, 8]),  # the small machine is filled first
        ([(4, 3)], [(8, 8), (12, 4)], [0, 12]),
        ([(8, 2)], [(12, 3), (4, 4)], [12, 0]),  # two GPUs are left in each
        ([], [(8, 8)], [0]),
    ],
)
def test_replicas_are_placed_in_whole_machines(
    machines: list[tuple[int, int]], asked: list[tuple[int, int]], given_: list[int]
) -> None:
    free = FreeGpus()
    for of_each, count in machines:
        free.add("gpu", of_each, count)
    assert [free.take("gpu", wanted, replica) for wanted, replica in asked] == given_


@given(st.lists(st.tuples(st.sampled_from([1, 2, 4, 8]), st.integers(1, 5))), st.lists(st.tuples(st.integers(1, 9), st.sampled_from([1, 2, 4, 8]))))  # fmt: skip
def test_no_more_is_handed_out_than_there_is(
    machines: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    free = FreeGpus()
    for of_each, count in machines:
        free.add("gpu", of_each, count)
    taken = [free.take("gpu", replicas * replica, replica) for replicas, replica in asked]
    assert sum(taken) <= sum(of_each * count for of_each, count in machines)
    assert all(got <= replicas * replica and got % replica == 0 for got, (replicas, replica) in zip(taken, asked, strict=True))  # fmt: skip


def t4(instance: str, count: int) -> dict[str, Any]:
    nodes = [{"instance": instance, "count": count, "utilisation": 0.5}]
    return {
        "hosting": {"provider": "aws", "region": "us-east-1", "nodes": nodes},
        "llm_serving": [{**SERVING, "gpu": "t4"}],
    }


SIZE = sized(**{"serving.chat.gpus": 2, "serving.chat.gpus_per_replica": 2, "serving.chat.utilisation": 0.5})


def test_nodes_that_are_too_small_for_a_replica_hold_none_and_it_is_paid_beside_them() -> None:
    small = cost(SIZE, **t4("g4dn.xlarge", 2))
    found = finding(small, "cost.gpu-nodes")
    assert found.status is Status.FAIL
    assert found.title == (
        "The nodes hold 0 of the 2 t4 that chat takes: 2 are there, and the 2 of a replica have to be in one machine"
    )
    assert found.remediation is not None
    assert found.remediation.text.startswith("Take machines that hold 2 GPUs each, ")
    nodes, beside = number(small, "cost.hosting.g4dn.xlarge.usd_per_month"), number(small, "cost.serving.chat.usd_per_month")  # fmt: skip
    assert number(small, "cost.total_usd_per_month") == pytest.approx(nodes + beside)


def test_nodes_that_hold_a_replica_are_not_paid_twice() -> None:
    large = cost(SIZE, **t4("g4dn.12xlarge", 1))
    assert finding(large, "cost.gpu-nodes").status is Status.PASS
    assert number(large, "cost.total_usd_per_month") == pytest.approx(
        number(large, "cost.hosting.g4dn.12xlarge.usd_per_month")
    )


def test_the_energy_of_small_nodes_stays_with_them() -> None:
    small, large = (assess(SIZE, **t4(*nodes)) for nodes in (("g4dn.xlarge", 2), ("g4dn.12xlarge", 1)))
    assert value(small, "hosting.g4dn.xlarge.gpu_kwh_per_month") > 0  # none of theirs serves the model
    half = value(small, "serving.chat.kwh_per_month") - value(large, "serving.chat.kwh_per_month")
    assert half == pytest.approx(
        2 * 150 * 730 * 1.135 / 1000
    )  # the rest of a server for two GPUs beside the nodes
