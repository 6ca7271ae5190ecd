"""The queue of `MemoryStore`: fair between tenants, by age and priority within one. The counterpart of the part of that name in
`redis/lua/_house.lua`."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from dataclasses import dataclass, field

from infra_mind.model.task import PRIORITY_HANDICAP_MS, PRIORITY_LEAD, Priority
from infra_mind.tasks.records import TURN, TaskRecord
from infra_mind.tasks.store import TenantPolicy


@dataclass
class Line:
    """One tenant: what waits, as (enqueued + handicap in microseconds, task), and where its turns have got to."""

    waiting: list[tuple[int, str]] = field(default_factory=list)
    queued: int = 0
    running: int = 0
    turn: int = 0


class FairQueue:
    """Knows the records by `tasks`, which is the state's own."""

    def __init__(self, tasks: dict[str, TaskRecord]) -> None:
        self._tasks = tasks
        self._lines: dict[str, Line] = defaultdict(Line)
        self._places: dict[str, int] = {}  # tenant -> turn of its next task; only those that may run more
        self._clock = 0
        self._entered = 0
        self.policies: dict[str, TenantPolicy] = {}
        self.delayed: dict[str, int] = {}

    def queued(self, tenant: str) -> int:
        """How many of its tasks wait, for their turn or for their time."""
        return self._lines[tenant].queued if tenant in self._lines else 0

    def policy(self, tenant: str) -> TenantPolicy:
        return self.policies.get(tenant) or TenantPolicy()

    def depth(self) -> dict[Priority, int]:
        waiting = [self._tasks[task_id] for line in self._lines.values() for _, task_id in line.waiting]
        return {p: sum(1 for task in waiting if task.priority is p) for p in Priority}

    def oldest(self, priority: Priority) -> int | None:
        """Since when the oldest waits, microseconds."""
        scores = (
            self._tasks[task_id].score
            for line in self._lines.values()
            for _, task_id in line.waiting
            if self._tasks[task_id].priority is priority
        )
        return min(scores, default=None)

    # -- in and out ---------------------------------------------------------------------------------------------------

    def delay(self, task: TaskRecord, due: int) -> None:
        self.delayed[task.task_id] = due
        self._lines[task.tenant].queued += 1

    def enqueue(self, task: TaskRecord, score: int) -> None:
        self._lines[task.tenant].queued += 1
        self.line_up(task, score)

    def line_up(self, task: TaskRecord, score: int) -> None:
        task.score = score
        insort(self._lines[task.tenant].waiting, (_rank(task), task.task_id))
        self.take_place(task.tenant)

    def first_of(self, task: TaskRecord) -> int:
        """The score with which a task that was given back stands before all others of its tenant."""
        waiting = self._lines[task.tenant].waiting
        return min(task.score, waiting[0][0] - _handicap(task) - 1) if waiting else task.score

    def dequeue(self, task: TaskRecord) -> None:
        """Takes it out wherever it waits; nothing if it does not."""
        line, entry = self._lines[task.tenant], (_rank(task), task.task_id)
        if entry in line.waiting:
            line.waiting.remove(entry)
            line.queued -= 1
            self.take_place(task.tenant)
        elif self.delayed.pop(task.task_id, None) is not None:
            line.queued -= 1

    def pop_next(self) -> TaskRecord | None:
        """The next task, its tenant charged; None when nothing waits that may run."""
        if not self._places:
            return None
        tenant = min(self._places, key=lambda name: (self._places[name], name))
        line = self._lines[tenant]
        _, task_id = line.waiting.pop(0)
        self._clock = max(self._clock, line.turn)
        line.turn += self._stride(tenant)
        line.queued -= 1
        self.take_place(tenant)
        return self._tasks[task_id]

    def count_running(self, tenant: str, by: int) -> None:
        self._lines[tenant].running += by
        self.take_place(tenant)

    def give_back(self, task: TaskRecord) -> None:
        """It runs no more, and the turn it took is not charged."""
        line = self._lines[task.tenant]
        line.turn -= self._stride(task.tenant)
        line.running -= 1
        self.enqueue(task, self.first_of(task))

    def take_place(self, tenant: str) -> None:
        line, limit = self._lines[tenant], self.policy(tenant).max_running
        if not line.waiting or (limit is not None and line.running >= limit):
            self._places.pop(tenant, None)
            return
        if tenant not in self._places:
            self._entered = max(self._clock, self._entered) + 1  # a hair after whoever came before it
            line.turn = max(line.turn, self._entered)
        self._places[tenant] = line.turn + PRIORITY_LEAD[self._tasks[line.waiting[0][1]].priority]

    def _stride(self, tenant: str) -> int:
        return max(1, int(TURN / self.policy(tenant).weight + 0.5))

    # -- positions ----------------------------------------------------------------------------------------------------

    def position(self, task: TaskRecord) -> int | None:
        """1 is next, if nobody comes or goes; None when it does not wait in the queue. Over Redis also None where counting it would
        cost too much (LOOKS_FOR_A_PLACE)."""
        if (_rank(task), task.task_id) not in self._lines[task.tenant].waiting:
            return None
        order = sorted(
            turn
            for tenant in {*self._places, task.tenant}
            for turn in self._turns(tenant)
        )  # fmt: skip
        return next(i for i, (_, _, _, task_id) in enumerate(order, 1) if task_id == task.task_id)

    def _turns(self, tenant: str) -> list[tuple[int, str, int, str]]:
        line, stride, turns, latest = self._lines[tenant], self._stride(tenant), [], 0
        begin = line.turn if tenant in self._places else max(line.turn, self._clock)
        for k, (_, task_id) in enumerate(line.waiting):
            latest = max(latest, begin + k * stride + PRIORITY_LEAD[self._tasks[task_id].priority])
            turns.append((latest, tenant, k, task_id))
        return turns


def _handicap(task: TaskRecord) -> int:
    return PRIORITY_HANDICAP_MS[task.priority] * 1000


def _rank(task: TaskRecord) -> int:
    return task.score + _handicap(task)
