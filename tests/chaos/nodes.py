"""A Ray cluster of a head without slots and two worker nodes: what is killed is a whole node, as when its power fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import yaml

from infra_mind.client import Client
from infra_mind.cluster.environment import free_port
from infra_mind.cluster.local import StoreWatch
from infra_mind.home import Home
from infra_mind.tasks.access import ensure_key
from infra_mind.tasks.embedded import EmbeddedStore
from tests.chaos.faults import Fault, agent_worker
from tests.chaos.load import Witness
from tests.chaos.run import Site
from tests.chaos.settings import SETTINGS
from tests.cluster.conftest import SOON, RayCluster, ray_cluster
from tests.platform import ROOT, SYNTHETIC
from tests.waiting import wait_until

NODES, SLOTS = 2, 3


class Nodes:
    """The worker nodes of a cluster, by their raylets."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._alive = [cluster.join(SLOTS) for _ in range(NODES)]

    def fault(self) -> Fault:
        return Fault("node", self._kill, lambda: self._alive.append(self._cluster.join(SLOTS)))

    def _kill(self, chance: random.Random) -> str:
        raylet = self._alive.pop(chance.randrange(len(self._alive)))
        family = [raylet, *raylet.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return f"raylet {raylet.pid} and the {len(family) - 1} processes below it"


@contextmanager
def two_nodes(folder: Path) -> Iterator[tuple[Site, Witness]]:
    """The store is outside of the cluster; steps run on the worker nodes, everything else on the head."""
    witness, home, port = Witness(folder / "agents.log"), Home(folder / "home"), free_port()
    with ExitStack() as stack:
        store = stack.enter_context(EmbeddedStore(home.path / "store", durability="strict"))
        watch = StoreWatch(store)
        watch.start()
        stack.callback(watch.stop)
        asyncio.run(ensure_key(home, store.url))
        settings = {**SETTINGS, **SOON, "INFRA_MIND_STORE_URL": store.url}
        cluster = stack.enter_context(ray_cluster(home.path, "--num-cpus=0", settings=settings))
        nodes = Nodes(cluster)
        _deploy(cluster, folder / "serve.yaml", port)
        url, key = f"http://127.0.0.1:{port}", home.api_key()
        wait_until("the platform is ready", lambda: answers(f"{url}/readyz"), timeout_s=120)
        faults = [agent_worker(witness), nodes.fault()]
        yield Site(lambda: Client(url, key), store.url, home.path / "store", faults), witness


def _deploy(cluster: RayCluster, file: Path, port: int) -> None:
    config = yaml.safe_load((ROOT / "deploy" / "serve.yaml").read_text())
    config["http_options"]["port"] = port
    config["applications"][0]["args"] |= {"agents": SYNTHETIC, "slot_resource": "slot"}
    file.write_text(yaml.safe_dump(config))
    deployed = cluster.run("serve", "deploy", str(file), "--address", cluster.dashboard)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
