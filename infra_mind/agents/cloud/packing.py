"""First-fit decreasing of pods onto nodes, in two dimensions.

Pods of one workload are alike and so are the nodes of one group, so nodes that stand equal are kept as a run with a count: the
result is that of first-fit over single nodes, at a cost that depends on the number of sizes and not on that of pods or nodes.
Source: D. S. Johnson, "Near-optimal bin packing algorithms" (1973)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from infra_mind.agents.cloud.demand import Amount


@dataclass(frozen=True)
class NodeGroup:
    """`count` nodes of one size (vCPU, bytes)."""

    name: str
    size: Amount
    count: int
    zones: int | None = None


@dataclass(frozen=True)
class Item:
    """`count` pods that each ask for `size`."""

    name: str
    size: Amount
    count: int


@dataclass(frozen=True)
class Packing:
    """`unplaced` are pods by workload that no node could take; `nodes_used` nodes carry at least one pod."""

    unplaced: dict[str, int]
    nodes_used: int

    @property
    def fits(self) -> bool:
        return not self.unplaced


@dataclass(frozen=True)
class _Run:
    """`count` nodes that stand equal, with so much left."""

    vcpu: int
    memory: int
    count: int
    used: bool = False


def pack(groups: Sequence[NodeGroup], items: Sequence[Item], on_every_node: Amount | None = None) -> Packing:
    """Places the pods, largest first by their larger share of all capacity; `on_every_node` is taken off each node before.

    Reckons in millicores and bytes, requests rounded up, as the Kubernetes scheduler does."""
    daemons = _whole(on_every_node or Amount())
    sizes = [(_whole(g.size), g.count) for g in groups if g.count]
    runs = [_Run(vcpu - daemons[0], memory - daemons[1], count) for (vcpu, memory), count in sizes]
    unplaced: dict[str, int] = {}
    for size, alike in _by_size(groups, items):
        runs, left = _place(runs, size, sum(item.count for item in alike))
        for item in reversed(alike):  # of pods of one size those of the first names find their place
            lost = min(left, item.count)
            left -= lost
            if lost:
                unplaced[item.name] = unplaced.get(item.name, 0) + lost
    return Packing(dict(sorted(unplaced.items())), sum(run.count for run in runs if run.used))


def after_zone_loss(groups: Sequence[NodeGroup]) -> list[NodeGroup]:
    """What is left when each group loses its share of one zone, rounded against us; a group in one zone is gone."""
    return [
        NodeGroup(g.name, g.size, g.count - -(-g.count // g.zones) if g.zones else 0, g.zones) for g in groups
    ]


def distinct_sizes(items: Sequence[Item]) -> int:
    """How many sizes there are: what the cost of `pack` grows with the square of."""
    return len({_whole(item.size) for item in items})


def _whole(amount: Amount) -> tuple[int, int]:
    return math.ceil(amount.vcpu * 1000), math.ceil(amount.memory)


def _by_size(groups: Sequence[NodeGroup], items: Sequence[Item]) -> list[tuple[tuple[int, int], list[Item]]]:
    """Items of one size together in order of name, the heaviest size first."""
    nodes = [(_whole(g.size), g.count) for g in groups]
    vcpu = sum(size[0] * count for size, count in nodes) or 1
    memory = sum(size[1] * count for size, count in nodes) or 1
    found: dict[tuple[int, int], list[Item]] = {}
    for item in sorted(items, key=lambda i: i.name):
        found.setdefault(_whole(item.size), []).append(item)
    # a share of vcpu against a share of memory, brought to one denominator so that it stays exact
    return sorted(found.items(), key=lambda entry: (-max(entry[0][0] * memory, entry[0][1] * vcpu), entry[0]))


def _place(runs: list[_Run], size: tuple[int, int], pods: int) -> tuple[list[_Run], int]:
    """Fills the runs in order; a run that is filled in part is split into full nodes, one in between and untouched ones."""
    after: list[_Run] = []
    for position, run in enumerate(runs):
        if not pods:
            return after + runs[position:], 0
        each = min(_fits(run, size), pods)
        if not each:
            after.append(run)
            continue
        full, rest = divmod(min(pods, each * run.count), each)
        pods -= full * each + rest
        after.append(_filled(run, size, each, full))
        if rest:
            after.append(_filled(run, size, rest, 1))
        untouched = run.count - full - (1 if rest else 0)
        if untouched:
            after.append(replace(run, count=untouched))
    return after, pods


def _filled(run: _Run, size: tuple[int, int], pods: int, nodes: int) -> _Run:
    return _Run(run.vcpu - size[0] * pods, run.memory - size[1] * pods, nodes, used=True)


def _fits(run: _Run, size: tuple[int, int]) -> int:
    """How many pods of this size fit; a pod without any known size is not packed at all."""
    if run.vcpu < size[0] or run.memory < size[1]:
        return 0
    bounds = [have // want for have, want in ((run.vcpu, size[0]), (run.memory, size[1])) if want > 0]
    return min(bounds, default=0)
