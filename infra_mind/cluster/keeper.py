"""An embedded store that a Ray actor keeps on the head node: for `serve run` and `serve deploy` without a store of one's own."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import ray
import structlog

from infra_mind.cluster.engine import ON_HEAD
from infra_mind.errors import InfraMindError
from infra_mind.home import Home
from infra_mind.settings import Settings
from infra_mind.tasks.access import ensure_key
from infra_mind.tasks.embedded import EmbeddedStore

log = structlog.get_logger(__name__)

NAME = "infra_mind_store"
NAMESPACE = "infra_mind"
WATCH_S = 0.2


class StoreKeeper:
    """Starts the store from its file, and again whenever it is gone. Wrapped by Ray below."""

    async def __init__(self, home: Path, durability: str) -> None:  # type: ignore[misc]  # Ray awaits it
        self._home = Home(home)
        self._home.make()
        self._store = EmbeddedStore(
            home / "store", durability="strict" if durability == "strict" else "everysec"
        )
        await asyncio.to_thread(self._store.start)
        self._home.write_store_url(self._store.url)
        await ensure_key(self._home, self._store.url)
        self._watch = asyncio.create_task(self._watching())

    async def url(self) -> str:
        return self._store.url

    async def pid(self) -> int:
        """Its own process, not the store's."""
        return os.getpid()

    async def _watching(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            if not self._store.alive():
                try:
                    await asyncio.to_thread(self._store.ensure)
                except (InfraMindError, OSError) as error:  # tried again at the next look
                    log.error("the store does not start", error=str(error))


def store_url_on_this_cluster(settings: Settings) -> str:
    """URL of the store that this cluster keeps for itself; started on the head node if it is not there."""
    keeper: Any = (
        ray.remote(StoreKeeper)
        .options(
            name=NAME, namespace=NAMESPACE, lifetime="detached", get_if_exists=True, num_cpus=0,
            resources=ON_HEAD, max_restarts=-1, max_task_retries=-1,
        )
        .remote(settings.home, settings.durability)
    )  # fmt: skip
    url: str = ray.get(keeper.url.remote(), timeout=30)
    return url
