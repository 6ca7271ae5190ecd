"""The Serve application: API replicas that only talk to the store, and dispatchers that Serve watches and replaces."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import ray
import structlog
from ray import serve

from infra_mind.assessment import portioned_parts
from infra_mind.cluster.engine import DISPATCHER_NICENESS, ON_HEAD, Engine, give_way
from infra_mind.cluster.progress import progress_actor
from infra_mind.cluster.steps import RayExecutor
from infra_mind.cluster.warming import warm_up
from infra_mind.cluster.workers import workers_status
from infra_mind.settings import IntakeLimits
from infra_mind.tasks.dispatcher import Dispatcher
from infra_mind.tasks.plan import Plan
from infra_mind.tasks.schedules.scheduler import Scheduler
from infra_mind.tasks.webhooks.deliverer import Deliverer, DeliverLimits
from infra_mind.tasks.webhooks.sender import HttpSender

log = structlog.get_logger(__name__)

PLACED: dict[str, Any] = {"num_cpus": 0, "resources": ON_HEAD}
QUIET: dict[str, Any] = {
    "log_level": "WARNING",
    "enable_access_log": False,
}  # a line a request costs as much as its store call
DRAIN_S = 5.0
SILENT_S = 30.0  # longer than one claim with all its time-outs


def application(engine: Engine, *, api_replicas: int = 2, dispatchers: int = 2) -> serve.Application:
    """Everything that Serve runs, ready for `serve.run`. The agents are imported here, once: replicas get only their plan."""
    plan = engine.assessor().plan
    api = serve.deployment(
        name="api",
        num_replicas=api_replicas,
        max_ongoing_requests=10_000,  # event streams are long; the default of 5 would starve everybody else
        ray_actor_options=PLACED,
        logging_config=QUIET,
        health_check_period_s=1,
        graceful_shutdown_timeout_s=5,
        graceful_shutdown_wait_loop_s=0.2,
    )(serve.ingress(_builder(engine, plan.agents))(Api))
    dispatcher = serve.deployment(
        name="dispatcher",
        num_replicas=dispatchers,
        ray_actor_options=PLACED,
        health_check_period_s=1,
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=DRAIN_S + 10,
        graceful_shutdown_wait_loop_s=0.2,
    )(DispatcherReplica)
    return api.bind(dispatcher.bind(engine, plan, dispatchers))


def _builder(engine: Engine, agents: tuple[str, ...]) -> Callable[[], Any]:
    """A function that makes the ASGI application, because it is called in the replica's process (Serve takes no `partial`)."""

    def build() -> Any:
        from infra_mind.api.app import create_app  # dispatchers have no use for it
        from infra_mind.api.context import ApiSettings

        keep_on_loopback()
        store = engine.store()
        return create_app(
            store,
            agents=agents,
            limits=IntakeLimits(),
            settings=ApiSettings(webhook_addresses=engine.webhook_addresses()),
            workers=partial(workers_status, store, engine.slot_resource),
        )

    return build


def keep_on_loopback() -> None:
    """Makes this replica's port for calls between deployments listen where its node does.

    Serve 2.60 binds it to every interface, without a setting, after the replica's own code has begun. Nobody calls it here."""
    from ray.serve._private import replica

    bind = replica.add_port_to_grpc_server
    if ray.util.get_node_ip_address() == "127.0.0.1":
        replica.add_port_to_grpc_server = lambda server, address: bind(
            server, address.replace("[::]", "127.0.0.1")
        )


class Api:
    """Holds the ASGI application. The dispatchers are an argument only so that Serve starts them with it."""

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher


class DispatcherReplica:
    """One dispatcher. It takes no requests; Serve watches `check_health` and starts another one when it is gone."""

    async def __init__(self, engine: Engine, plan: Plan, dispatchers: int) -> None:  # type: ignore[misc]  # Serve awaits it
        keep_on_loopback()
        give_way(DISPATCHER_NICENESS)
        store = engine.store()
        progress = await progress_actor(engine)
        warming = warm_up(engine, progress)
        executor, alerts = RayExecutor(engine, warming.make_room), engine.alert_receiver()
        context = serve.get_replica_context()
        self._dispatcher = Dispatcher(
            f"dispatcher-{context.replica_id.unique_id}@{os.getpid()}",
            node_id=ray.get_runtime_context().get_node_id(),
            plan=plan,
            store=store,
            executor=executor,
            limits=engine.dispatch,
            parts=portioned_parts,
            chance=random.Random(),  # noqa: S311 - jitter, not a secret
            tell_alerts=alerts is not None,
        )
        slots = await executor.slots_here()
        self._warming = asyncio.create_task(warming.run(-(-slots // dispatchers), slots))
        self._deliverer = Deliverer(
            store,
            HttpSender(engine.webhook_addresses()),
            DeliverLimits(),
            alerts=alerts,
            chance=random.Random(),  # noqa: S311 - jitter, not a secret
        )
        self._scheduler = Scheduler(store, plan.agents, chance=random.Random())  # noqa: S311 - jitter, not a secret
        self._loops = [
            asyncio.create_task(self._dispatcher.run(), name="dispatcher"),
            asyncio.create_task(self._deliverer.run(), name="deliverer"),
            asyncio.create_task(self._scheduler.run(), name="scheduler"),
        ]

    def check_health(self) -> None:
        """Raises when a loop has ended or hangs: Serve then replaces this replica."""
        if ended := [loop for loop in self._loops if loop.done()]:
            raise RuntimeError(f"loop ended: {ended}")
        if self._dispatcher.silent_s > SILENT_S:
            raise RuntimeError(f"dispatcher has not looked for work for {self._dispatcher.silent_s:.0f} s")

    async def __del__(self) -> None:
        self._warming.cancel()
        self._scheduler.close()
        await asyncio.gather(
            self._dispatcher.drain(wait_s=DRAIN_S),
            self._deliverer.drain(wait_s=DRAIN_S),
            return_exceptions=True,
        )
        for loop in self._loops:
            loop.cancel()

    async def __call__(self) -> dict[str, Any]:
        """What it runs, for whoever holds a handle."""
        return {"name": self._dispatcher.name, "active": [claim.task_id for claim in self._dispatcher.active]}
