"""First-fit decreasing of pods onto nodes, in two dimensions.

Pods of one workload are alike and so are the nodes of one group, so nodes that stand equal are kept as a run with a count: the
result is that of first-fit over single nodes, at a cost that depends on the number of workloads and not on that of nodes.
Source: D. S. Johnson, "Near-optimal bin packing algorithms" (1973)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

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


@dataclass
class _Run:
    free: Amount
    count: int
    used: bool = False


def pack(groups: Sequence[NodeGroup], items: Sequence[Item], on_every_node: Amount | None = None) -> Packing:
    """Places the pods, largest first by their larger share of all capacity; `on_every_node` is taken off each node before."""
    daemons = on_every_node or Amount()
    runs = [
        _Run(Amount(g.size.vcpu - daemons.vcpu, g.size.memory - daemons.memory), g.count)
        for g in groups if g.count
    ]  # fmt: skip
    unplaced: dict[str, int] = {}
    for item in sorted(items, key=lambda i: (-_weight(i.size, groups), i.name)):
        runs, left = _place(runs, item)
        if left:
            unplaced[item.name] = unplaced.get(item.name, 0) + left
    return Packing(dict(sorted(unplaced.items())), sum(run.count for run in runs if run.used))


def after_zone_loss(groups: Sequence[NodeGroup]) -> list[NodeGroup]:
    """What is left when each group loses its share of one zone, rounded against us; a group in one zone is gone."""
    return [
        NodeGroup(g.name, g.size, g.count - -(-g.count // g.zones) if g.zones else 0, g.zones) for g in groups
    ]


def _weight(size: Amount, groups: Sequence[NodeGroup]) -> Fraction:
    vcpu = sum((g.size.vcpu * g.count for g in groups), Fraction(0))
    memory = sum((g.size.memory * g.count for g in groups), Fraction(0))
    return max(size.vcpu / vcpu if vcpu else Fraction(0), size.memory / memory if memory else Fraction(0))


def _place(runs: list[_Run], item: Item) -> tuple[list[_Run], int]:
    """Fills the runs in order; a run that is filled in part is split into full nodes, one in between and untouched ones."""
    left, after = item.count, []
    for run in runs:
        each = min(_fits(run.free, item.size), left)
        if not each or not left:
            after.append(run)
            continue
        full, rest = divmod(min(left, each * run.count), each)
        left -= full * each + rest
        after.append(_filled(run, item.size, each, full))
        if rest:
            after.append(_filled(run, item.size, rest, 1))
        untouched = run.count - full - (1 if rest else 0)
        if untouched:
            after.append(_Run(run.free, untouched, run.used))
    return after, left


def _filled(run: _Run, size: Amount, pods: int, nodes: int) -> _Run:
    free = Amount(run.free.vcpu - size.vcpu * pods, run.free.memory - size.memory * pods)
    return _Run(free, nodes, used=True)


def _fits(free: Amount, size: Amount) -> int:
    """How many pods of this size fit; a pod without any known size is not packed at all."""
    if free.vcpu < 0 or free.memory < 0:
        return 0
    bounds = [have // want for have, want in ((free.vcpu, size.vcpu), (free.memory, size.memory)) if want > 0]
    return int(min(bounds)) if bounds else 0
