"""First-fit decreasing over runs of equal nodes gives what first-fit over single nodes gives."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.agents.cloud.demand import Amount
from infra_mind.agents.cloud.packing import Item, NodeGroup, after_zone_loss, pack


def size(vcpu: float, memory: float) -> Amount:
    return Amount(Fraction(vcpu), Fraction(memory))


amounts = st.builds(size, st.integers(1, 8), st.integers(1, 8))
groups = st.lists(st.builds(NodeGroup, st.just("n"), amounts, st.integers(1, 6)), min_size=1, max_size=3)
items = st.lists(st.builds(Item, st.sampled_from("abcdef"), amounts, st.integers(1, 9)), max_size=5, unique_by=lambda i: i.name)  # fmt: skip


def plain_first_fit(nodes: list[NodeGroup], pods: list[Item]) -> tuple[dict[str, int], int]:
    vcpu = [g.size.vcpu for g in nodes for _ in range(g.count)]
    memory = [g.size.memory for g in nodes for _ in range(g.count)]
    used: set[int] = set()
    unplaced: dict[str, int] = {}
    all_vcpu, all_memory = sum(vcpu), sum(memory)

    def heaviest_first(item: Item) -> tuple[Fraction, Fraction, Fraction, str]:
        share = max(item.size.vcpu / all_vcpu, item.size.memory / all_memory)
        return (-share, item.size.vcpu, item.size.memory, item.name)

    for item in sorted(pods, key=heaviest_first):
        for _ in range(item.count):
            for node in range(len(vcpu)):
                if vcpu[node] >= item.size.vcpu and memory[node] >= item.size.memory:
                    vcpu[node] -= item.size.vcpu
                    memory[node] -= item.size.memory
                    used.add(node)
                    break
            else:
                unplaced[item.name] = unplaced.get(item.name, 0) + 1
    return dict(sorted(unplaced.items())), len(used)


@given(groups, items)
def test_the_runs_give_what_single_nodes_give(nodes: list[NodeGroup], pods: list[Item]) -> None:
    found = pack(nodes, pods)
    assert (found.unplaced, found.nodes_used) == plain_first_fit(nodes, pods)


def test_half_a_million_pods_on_a_hundred_thousand_nodes_are_quick() -> None:
    result = pack(
        [NodeGroup("n", size(8, 32), 100_000)],
        [Item("a", size(1, 4), 500_000), Item("b", size(3, 1), 50_000)],
    )
    assert result.fits  # fmt: skip


def test_memory_binds_where_vcpu_does_not() -> None:
    result = pack([NodeGroup("n", size(64, 4), 2)], [Item("a", size(1, 3), 3)])
    assert result.unplaced == {"a": 1}


def test_daemons_are_taken_off_every_node() -> None:
    node, pod = [NodeGroup("n", size(2, 4), 2)], [Item("a", size(2, 1), 2)]
    assert pack(node, pod).fits
    assert pack(node, pod, size(0.5, 0)).unplaced == {"a": 2}
    assert pack(node, pod, size(3, 0)).unplaced == {"a": 2}


@pytest.mark.parametrize(("count", "zones", "left"), [(6, 3, 4), (7, 3, 4), (3, 1, 0), (2, 2, 1), (1, 3, 0)])
def test_a_lost_zone_takes_its_share_rounded_against_us(count: int, zones: int, left: int) -> None:
    (group,) = after_zone_loss([NodeGroup("n", size(1, 1), count, zones)])
    assert group.count == left
