"""Who works on what now, as the cluster itself says: nodes, and how many of their slots are taken."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import ray
from ray.autoscaler.v2.sdk import get_cluster_status

from infra_mind.cluster.engine import SLOT
from infra_mind.model.workers import Worker, WorkersStatus
from infra_mind.tasks.dispatcher import DispatchLimits
from infra_mind.tasks.store import DispatcherInfo, TaskStore

DEAD_SHOWN_S = 300.0
GCS_S = 5.0


async def workers_status(store: TaskStore, slot_resource: str = "auto") -> WorkersStatus:
    """One worker for each node that has, or had, slots, one for each dispatcher. A dead node is shown for DEAD_SHOWN_S.

    `slot_resource` is what a step takes one of (see `Engine`). Raises Unavailable when the store is away."""
    nodes, free, scaler = await asyncio.gather(
        asyncio.to_thread(_nodes), asyncio.to_thread(_free_by_node), asyncio.to_thread(_autoscaler)
    )
    unit = _unit(nodes) if slot_resource == "auto" else slot_resource
    workers = [_agents_on(node, free, unit) for node in nodes if _slots(node, unit) > 0]
    workers += [_worker(dispatcher) for dispatcher in await store.dispatchers()]
    workers.sort(key=lambda worker: (worker.pool, worker.name))
    alive = [node for node in nodes if node.get("Alive")]
    counted = {"nodes_alive": len(alive), "slots": sum(_slots(node, unit) for node in alive)}
    return WorkersStatus(workers=tuple(workers), total_workers=len(workers), autoscaler={**counted, **scaler})


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
    alive = [node for node in ray.nodes() if node.get("Alive")]
    return sorted([*alive, *_dead()], key=lambda node: str(node["NodeID"]))


def _unit(nodes: list[dict[str, Any]]) -> str:
    """What a step takes: a slot, or a CPU on a cluster without slots."""
    return SLOT if any(SLOT in (node.get("Resources") or {}) for node in nodes) else "CPU"


def _slots(node: dict[str, Any], unit: str) -> int:
    return int((node.get("Resources") or {}).get(unit, 0))


def _agents_on(node: dict[str, Any], free: dict[str, dict[str, float]], unit: str) -> Worker:
    left = free.get(node["NodeID"])
    plain = {k: float(v) for k, v in (node.get("Resources") or {}).items() if not k.startswith("node:")}
    return Worker(
        name=f"agents@{node.get('NodeManagerHostname') or 'node'}-{node['NodeID'][:8]}",
        node_id=node["NodeID"],
        status="alive" if node.get("Alive") else "dead",
        pool="agents",
        max_concurrency=_slots(node, unit),
        active_tasks=0 if left is None else _slots(node, unit) - int(left.get(unit, 0)),
        resources=plain,
    )


def _free_by_node() -> dict[str, dict[str, float]]:
    """Resources that nobody holds now, by node; there is no public call for it."""
    free: dict[str, dict[str, float]] = ray._private.state.available_resources_per_node()
    return free


def _dead() -> list[dict[str, Any]]:
    """Nodes that died within DEAD_SHOWN_S, with what they had; `ray.nodes()` has forgotten both."""
    infos = ray._private.worker.global_worker.gcs_client.get_all_node_info(timeout=GCS_S)
    fresh = time.time() - DEAD_SHOWN_S
    return [
        {
            "NodeID": node_id.hex(),
            "NodeManagerHostname": info.node_manager_hostname,
            "Alive": False,
            "Resources": dict(info.resources_total),
        }
        for node_id, info in infos.items()
        if info.end_time_ms / 1000 > fresh
    ]


def _autoscaler() -> dict[str, Any]:
    """Nodes on their way, by type, and steps that wait in Ray for a slot, as the cluster's control service tells them;
    empty where it does not (the call is young)."""
    with suppress(Exception):
        status = get_cluster_status(ray.get_runtime_context().gcs_address)
        pending = Counter(node.ray_node_type_name for node in status.pending_nodes)
        for launch in status.pending_launches:
            pending[launch.ray_node_type_name] += launch.count
        waiting = sum(
            request.count
            for demand in status.resource_demands.ray_task_actor_demand
            for request in demand.bundles_by_count
        )
        return {"pending_nodes": dict(sorted(pending.items())), "waiting_steps": waiting}
    return {}
