"""The Serve application: `serve run serve_app:app`, `serve deploy deploy/serve.yaml`. The composition root on a cluster."""

# No `from __future__ import annotations` here: Serve reads the type of `app`'s argument, and does not resolve strings.
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from infra_mind.assessment import AGENTS
from infra_mind.cluster.deployments import application
from infra_mind.cluster.engine import Engine
from infra_mind.cluster.keeper import store_url_on_this_cluster
from infra_mind.settings import Settings


class Arguments(BaseModel):
    """What `serve run serve_app:app NAME=VALUE` and `args:` in a config file take; the rest comes from `INFRA_MIND_...`."""

    model_config = ConfigDict(extra="forbid")

    store_url: str | None = Field(
        default=None, description="redis://...; without one an embedded store is started on the head node"
    )
    api_replicas: int = Field(default=2, ge=1)
    dispatchers: int = Field(default=2, ge=1)
    slot_resource: str = Field(
        default="auto", description="Ray resource that a step takes one of; auto: slot, else CPU"
    )
    durability: Literal["everysec", "strict"] | None = None
    agents: str = Field(default=AGENTS, description="module:function that gives the table of agents")


def app(args: Arguments) -> serve.Application:
    """Typed arguments to deployments."""
    settings = Settings()
    if args.durability:
        settings = settings.model_copy(update={"durability": args.durability})
    given = args.store_url or (settings.store_url.get_secret_value() if settings.store_url else None)
    engine = Engine.of(
        settings,
        store_url=given or store_url_on_this_cluster(settings),
        agents=args.agents,
        slot_resource=args.slot_resource,
        beside_store=given is None,
    )
    return application(engine, api_replicas=args.api_replicas, dispatchers=args.dispatchers)
