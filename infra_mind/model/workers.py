"""Who works on the tasks now, as `GET /workers/status` shows it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from infra_mind.model.base import Value
from infra_mind.model.task import Priority


class Worker(Value):
    """One process or pool that runs work. `resources` as the cluster counts them (`{"CPU": 4.0}`)."""

    name: str
    node_id: str
    status: Literal["alive", "starting", "draining", "dead"]
    pool: str = Field(description="What it runs: dispatcher, agents, api")
    max_concurrency: int
    active_tasks: int
    resources: dict[str, float] = Field(default_factory=dict)


class QueueStatus(Value):
    """Waiting tasks by priority, and the age in seconds of the oldest of them (None: nothing waits)."""

    depth: dict[Priority, int]
    oldest_age_s: float | None = None


class Alert(Value):
    """Worker processes that fail again and again. Shown until there was no further failure of the kind for an hour."""

    kind: str = Field(description="WorkerCrashed, OutOfMemory, MemoryLimitExceeded or NodeDiedError")
    count: int = Field(description="Failures from `since` on, at least")
    since: str
    last_at: str
    step: str = Field(description="What the last one ran")
    message: str


class WorkersStatus(Value):
    """`queue` and `alerts` may be left out by whoever knows only the cluster: the API fills them in from the store.

    `autoscaler` is what the cluster's autoscaler says of itself (pending nodes, demand); empty without one."""

    workers: tuple[Worker, ...] = ()
    total_workers: int = 0
    queue: QueueStatus | None = None
    autoscaler: dict[str, Any] = Field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
