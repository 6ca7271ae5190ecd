"""The engine's settings as one value that travels to every process of the cluster, and what is made from it there."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from pydantic import SecretStr

from infra_mind.assessment import AGENTS, Assessor, assessor
from infra_mind.settings import Settings
from infra_mind.tasks.dispatcher import DispatchLimits
from infra_mind.tasks.objects import Objects, checked_url
from infra_mind.tasks.redis import RedisStore
from infra_mind.tasks.retry import RetryPolicy
from infra_mind.tasks.runner import RunLimits
from infra_mind.tasks.store import StoreLimits, TaskStore
from infra_mind.tasks.webhooks.addresses import AddressPolicy
from infra_mind.tasks.webhooks.alerts import AlertReceiver

SLOT = "slot"  # the resource that one running step takes: it bounds the processes of a node, and is the autoscaler's demand

# Whatever belongs to the platform itself stays on the head node: it runs no agents, and no autoscaler takes it away.
ON_HEAD = {"node:__internal_head__": 0.001}

# Whoever answers people comes first (0), then who hands out work, then who does it.
DISPATCHER_NICENESS = 5
STEP_NICENESS = 10


def give_way(niceness: int) -> None:
    """Lowers this process to `niceness`; it never rises again."""
    if os.getpriority(os.PRIO_PROCESS, 0) < niceness:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)


@dataclass(frozen=True)
class Engine:
    """`crash_retries`: how often Ray starts a step again whose process died; `recycle_after`: steps per worker process;
    `memory_mb`: MiB that a step's process may use (0: no ceiling).

    `slot_resource`: the Ray resource that a step takes one of; `auto` is `slot` where the cluster has it, else `CPU`. Name it
    where workers come and go: a cluster that has scaled to zero has no slots to be seen."""

    store_url: str = field(repr=False)
    agents: str = AGENTS
    durability: Literal["everysec", "strict"] = "everysec"
    dispatch: DispatchLimits = field(default_factory=DispatchLimits)
    limits: StoreLimits = field(default_factory=StoreLimits)
    crash_retries: int = 2
    slot_resource: str = "auto"
    objects_url: str | None = None
    recycle_after: int = 2_000
    memory_mb: int = 2_048
    webhook_allow_private: str = ""
    alert_webhook_url: str = field(default="", repr=False)
    alert_webhook_secret: str = field(default="", repr=False)

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        store_url: str,
        agents: str = AGENTS,
        slot_resource: str = "auto",
        beside_store: bool = False,
    ) -> Engine:
        """The engine that the settings describe. `beside_store`: without `objects_url` very large results lie in the home
        directory, as an embedded store does; right where API and dispatchers run on the machine of that directory."""
        objects_url = settings.objects_url
        if objects_url is None and beside_store:
            objects_url = (settings.home.absolute() / "objects").as_uri()
        retry = RetryPolicy(settings.agent_attempts, settings.retry_base_s, settings.retry_cap_s)
        run = RunLimits(
            soft_s=settings.soft_limit_s, hard_s=settings.hard_limit_s,
            agent_soft_s=settings.agent_soft_limit_s, agent_hard_s=settings.agent_hard_limit_s, grace_s=settings.cancel_grace_s,
            min_agents=settings.min_agents, retry=retry,
        )  # fmt: skip
        return cls(
            store_url=store_url,
            agents=agents,
            durability=settings.durability,
            dispatch=DispatchLimits(lease_s=settings.lease_s, surplus=settings.surplus, run=run),
            limits=StoreLimits(
                lease_s=settings.lease_s,
                result_ttl_s=settings.result_ttl_s,
                compress_above=settings.compress_above,
                objects_above=settings.objects_above,
                alert_after=settings.alert_after,
                alert_window_s=settings.alert_window_s,
            ),
            objects_url=checked_url(objects_url) if objects_url else None,
            recycle_after=settings.recycle_after,
            memory_mb=settings.step_memory_mb,
            slot_resource=slot_resource,
            webhook_allow_private=settings.webhook_allow_private,
            alert_webhook_url=_shown(settings.alert_webhook_url),
            alert_webhook_secret=_shown(settings.alert_webhook_secret),
        )

    def alert_receiver(self) -> AlertReceiver | None:
        """Whoever is to hear of failing workers; None for nobody but the log."""
        if not self.alert_webhook_url:
            return None
        return AlertReceiver.of(self.alert_webhook_url, self.alert_webhook_secret)

    def webhook_addresses(self) -> AddressPolicy:
        """Where webhooks may go."""
        return AddressPolicy.of(self.webhook_allow_private)

    def store(self) -> TaskStore:
        """A connection of this process to the store (made at the first call)."""
        objects = Objects(self.objects_url) if self.objects_url else None
        return RedisStore(self.store_url, self.limits, durability=self.durability, objects=objects)

    def assessor(self) -> Assessor:
        return assessor(self.agents)


def _shown(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
