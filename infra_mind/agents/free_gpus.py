"""The GPUs of the brief's nodes, handed out once: a replica of a model stands in one machine, so what is left in several holds none."""

from __future__ import annotations

from collections import Counter
from math import ceil


class FreeGpus:
    """GPU → how many machines have so many of it free."""

    def __init__(self) -> None:
        self._machines: dict[str, Counter[int]] = {}

    def add(self, gpu: str, of_each: int, machines: int) -> None:
        """So many machines with `of_each` of the GPU."""
        self._machines.setdefault(gpu, Counter())[of_each] += machines

    def take(self, gpu: str, wanted: int, replica: int = 1) -> int:
        """Hands out up to `wanted` GPUs by replicas of `replica`, in the machines that are fullest first; returns how many."""
        machines, asked = self._machines.get(gpu, Counter()), wanted // replica
        left = asked
        for free in sorted(size for size in machines if size >= replica):
            each = free // replica
            used = min(machines[free], ceil(left / each))
            placed = min(left, used * each)
            whole, rest = divmod(placed, each)
            machines[free] -= used
            machines[free - each * replica] += whole
            machines[free - rest * replica] += used - whole
            left -= placed
        return (asked - left) * replica
