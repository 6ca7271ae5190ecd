"""Who works on what now, as the cluster itself says: nodes, and how many of their slots are taken."""

from __future__ import annotations

import asyncio
from typing import Any

import ray

from infra_mind.cluster.engine import SLOT
from infra_mind.model.workers import Worker, WorkersStatus
from infra_mind.tasks.dispatcher import DispatchLimits
from infra_mind.tasks.store import DispatcherInfo, TaskStore


async def workers_status(store: TaskStore) -> WorkersStatus:
    """One worker for each node that has slots, one for each dispatcher. Raises Unavailable when the store is away."""
    nodes, free = await asyncio.gather(asyncio.to_thread(_nodes), asyncio.to_thread(_free_by_node))
    workers = [_agents_on(node, free) for node in nodes if _slots(node) > 0]
    workers += [_worker(dispatcher) for dispatcher in await store.dispatchers()]
    workers.sort(key=lambda worker: (worker.pool, worker.name))
    return WorkersStatus(workers=tuple(workers), total_workers=len(workers), autoscaler=_autoscaler(nodes))


def _worker(dispatcher: DispatcherInfo) -> Worker:
    """One that has not been heard of for three heartbeats is dead; its tasks are, or soon will be, with another one."""
    alive = dispatcher.last_seen_s < 3 * DispatchLimits.heartbeat_s
    return Worker(
        name=dispatcher.name,
        node_id=dispatcher.node_id,
        status="alive" if alive else "dead",
        pool="dispatcher",
        max_concurrency=max(1, dispatcher.slots),
        active_tasks=dispatcher.active_tasks if alive else 0,
    )


def _nodes() -> list[dict[str, Any]]:
    return sorted(ray.nodes(), key=lambda node: str(node["NodeID"]))


def _unit(node: dict[str, Any]) -> str:
    """What a step takes there: a slot, or a CPU on a cluster without slots."""
    return SLOT if SLOT in (node.get("Resources") or {}) else "CPU"


def _slots(node: dict[str, Any]) -> int:
    return int((node.get("Resources") or {}).get(_unit(node), 0))


def _agents_on(node: dict[str, Any], free: dict[str, dict[str, float]]) -> Worker:
    left = free.get(node["NodeID"])
    plain = {k: float(v) for k, v in (node.get("Resources") or {}).items() if not k.startswith("node:")}
    return Worker(
        name=f"agents@{node.get('NodeManagerHostname') or node['NodeID'][:8]}",
        node_id=node["NodeID"],
        status="alive" if node.get("Alive") else "dead",
        pool="agents",
        max_concurrency=_slots(node),
        active_tasks=0 if left is None else _slots(node) - int(left.get(_unit(node), 0)),
        resources=plain,
    )


def _free_by_node() -> dict[str, dict[str, float]]:
    """Resources that nobody holds now, by node; there is no public call for it."""
    free: dict[str, dict[str, float]] = ray._private.state.available_resources_per_node()
    return free


def _autoscaler(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    alive = [node for node in nodes if node.get("Alive")]
    return {"nodes_alive": len(alive), "slots": sum(_slots(node) for node in alive)}
