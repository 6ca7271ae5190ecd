"""The Serve application: `serve run serve_app:app`, `serve deploy deploy/serve.yaml`. The composition root on a cluster."""

# No `from __future__ import annotations` here: Serve reads the type of `app`'s argument, and does not resolve strings.
from typing import Any, Literal
from urllib.parse import urlsplit

import structlog
from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from infra_mind.assessment import AGENTS
from infra_mind.cluster.deployments import application
from infra_mind.cluster.engine import Engine
from infra_mind.cluster.keeper import store_url_on_this_cluster
from infra_mind.settings import Settings

log = structlog.get_logger(__name__)


class Arguments(BaseModel):
    """What `serve run serve_app:app NAME=VALUE` and `args:` in a config file take; the rest comes from `INFRA_MIND_...`."""

    model_config = ConfigDict(extra="forbid")

    store_url_file: str | None = Field(
        default=None, description="A file on the head node that holds the store's URL; see `store_url`"
    )
    store_url: str | None = Field(
        default=None,
        description="redis://... without a password: whoever sees `serve config` or the dashboard sees it. Without this, the file and "
        "INFRA_MIND_STORE_URL or INFRA_MIND_STORE_URL_FILE an embedded store is started on the head node",
    )
    api_replicas: int = Field(default=2, ge=1)
    dispatchers: int = Field(default=2, ge=1)
    slot_resource: str = Field(
        default="auto", description="Ray resource that a step takes one of; auto: slot, else CPU"
    )
    durability: Literal["everysec", "strict"] | None = None
    agents: str = Field(default=AGENTS, description="module:function that gives the table of agents")


def settings_of(args: Arguments) -> Settings:
    """The settings of the environment, with what the arguments say in their place. Raises ValidationError for a file that cannot be read."""
    said: dict[str, Any] = {"durability": args.durability} if args.durability else {}
    if args.store_url or args.store_url_file:
        said |= {"store_url": args.store_url, "store_url_file": args.store_url_file}
    if args.store_url and _holds_password(args.store_url):
        log.warning(
            "the argument store_url holds a password, which `serve config` and the dashboard show: change the password, and name the store "
            "by store_url_file or by INFRA_MIND_STORE_URL in the environment of `ray start` (docs/cluster.md)"
        )
    return Settings(**said)


def _holds_password(url: str) -> bool:
    try:
        return bool(urlsplit(url).password)
    except ValueError:
        return "@" in url


def app(args: Arguments) -> serve.Application:
    """Typed arguments to deployments."""
    settings = settings_of(args)
    given = settings.store_url.get_secret_value() if settings.store_url else None
    engine = Engine.of(
        settings,
        store_url=given or store_url_on_this_cluster(settings),
        agents=args.agents,
        slot_resource=args.slot_resource,
        beside_store=given is None,
    )
    return application(engine, api_replicas=args.api_replicas, dispatchers=args.dispatchers)
