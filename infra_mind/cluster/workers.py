"""Who works on what now, as the cluster itself says: nodes, their slots, the agents that report from them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import ray
from ray.exceptions import RayError

from infra_mind.cluster.engine import SLOT
from infra_mind.cluster.progress import NAME, NAMESPACE
from infra_mind.model.workers import Worker, WorkersStatus
from infra_mind.tasks.store import TaskStore


async def workers_status(store: TaskStore) -> WorkersStatus:
    """One worker for each node that has slots, one for each dispatcher. Raises Unavailable when the store is away."""
    nodes, active = await asyncio.gather(asyncio.to_thread(_nodes), _active_by_node())
    workers = [_agents_on(node, active) for node in nodes if _slots(node) > 0]
    for dispatcher in await store.dispatchers():
        workers.append(
            Worker(
                name=dispatcher.name, node_id=dispatcher.node_id, status="alive", pool="dispatcher",
                max_concurrency=max(1, dispatcher.slots), active_tasks=dispatcher.active_tasks,
            )
        )  # fmt: skip
    workers.sort(key=lambda worker: (worker.pool, worker.name))
    return WorkersStatus(workers=tuple(workers), total_workers=len(workers), autoscaler=_autoscaler(nodes))


def _nodes() -> list[dict[str, Any]]:
    return sorted(ray.nodes(), key=lambda node: str(node["NodeID"]))


def _slots(node: dict[str, Any]) -> int:
    resources = node.get("Resources") or {}
    return int(resources.get(SLOT, 0) or resources.get("CPU", 0))


def _agents_on(node: dict[str, Any], active: Counter[str]) -> Worker:
    plain = {k: float(v) for k, v in (node.get("Resources") or {}).items() if not k.startswith("node:")}
    return Worker(
        name=f"agents@{node.get('NodeManagerHostname') or node['NodeID'][:8]}",
        node_id=node["NodeID"],
        status="alive" if node.get("Alive") else "dead",
        pool="agents",
        max_concurrency=_slots(node),
        active_tasks=active[node["NodeID"]],
        resources=plain,
    )


async def _active_by_node() -> Counter[str]:
    try:
        actor = ray.get_actor(NAME, namespace=NAMESPACE)
        live = await actor.live.remote()
    except (ValueError, RayError):
        return Counter()  # the progress actor is on its way back: nothing has reported to it yet
    return Counter(item.node_id for item in live)


def _autoscaler(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    alive = [node for node in nodes if node.get("Alive")]
    return {"nodes_alive": len(alive), "slots": sum(_slots(node) for node in alive)}
