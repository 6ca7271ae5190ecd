"""A cluster of three hosts on one machine: the head, and two worker nodes in network namespaces of their own, joined by a bridge.

The head's tables are in a Valkey server of their own (GCS fault tolerance), apart from the task store; both live in this process's
care, as they would with an operator. Needs root and `ip`. What it makes is named after this process and removed at the end."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from infra_mind.client import Client
from infra_mind.cluster.environment import free_port
from infra_mind.cluster.local import StoreWatch
from infra_mind.home import Home
from infra_mind.tasks.access import ensure_key
from infra_mind.tasks.embedded import EmbeddedStore
from tests.chaos.faults import Fault, agent_worker, kill
from tests.chaos.load import Witness
from tests.chaos.run import Site
from tests.platform import ROOT
from tests.waiting import wait_until

BIN = Path(sys.executable).parent
SLOTS = 4
CUT_S = 6.0  # longer than the head waits before it takes a silent node for dead
HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000", "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000", "RAY_health_check_failure_threshold": "3",
}  # fmt: skip


def why_not() -> str | None:
    """Why this machine cannot have it; None when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "there is no `ip` command"
    tried = subprocess.run(
        ["ip", "netns", "add", f"imt{os.getpid()}"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"no network namespaces here: {tried.stderr.strip()}"
    _ip("netns", "del", f"imt{os.getpid()}")
    return None


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Network:
    """A bridge with the head's address, and hosts behind it that can be cut off."""

    name: str = field(default_factory=lambda: f"imc{os.getpid() % 100_000}")
    hosts: list[str] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        return f"10.213.{os.getpid() % 250}"

    @property
    def head(self) -> str:
        return f"{self.prefix}.1"

    def __enter__(self) -> Network:
        _ip("link", "add", self.name, "type", "bridge")
        _ip("addr", "add", f"{self.head}/24", "dev", self.name)
        _ip("link", "set", self.name, "up")
        return self

    def add(self) -> tuple[str, str]:
        """Namespace and address of a new host."""
        number = len(self.hosts) + 2
        space, outer, inner = f"{self.name}n{number}", f"{self.name}o{number}", f"{self.name}i{number}"
        self.hosts.append(space)
        _ip("netns", "add", space)
        _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", space)
        _ip("link", "set", outer, "master", self.name)
        _ip("link", "set", outer, "up")
        _ip("-n", space, "addr", "add", f"{self.prefix}.{number}/24", "dev", inner)
        _ip("-n", space, "link", "set", inner, "up")
        _ip("-n", space, "link", "set", "lo", "up")
        return space, f"{self.prefix}.{number}"

    def link(self, space: str, state: str) -> None:
        """`up` or `down`."""
        number = space.removeprefix(f"{self.name}n")
        _ip("link", "set", f"{self.name}o{number}", state)

    def __exit__(self, *_: object) -> None:
        for space in self.hosts:
            _ip("netns", "del", space)
        _ip("link", "del", self.name)


@dataclass
class Node:
    """One `ray start --block` and all that it starts."""

    command: list[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )

    def family(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.process.pid if self.process else -1)
            return [first, *first.children(recursive=True)]
        except (psutil.NoSuchProcess, ValueError):
            return []

    def kill(self) -> None:
        """SIGKILL for everything at once, as when the power fails."""
        family = self.family()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)
        if self.process:
            self.process.wait(10)


class Cluster:
    """Head and workers; `serve` puts the platform on it."""

    def __init__(
        self, folder: Path, network: Network, store: EmbeddedStore, tables: EmbeddedStore, witness: Witness
    ) -> None:
        self._folder, self.network, self._store, self._witness = folder, network, store, witness
        self.home = Home(folder / "home")
        self.directory = Path(
            tempfile.mkdtemp(prefix="imn-")
        )  # short: sockets in it must stay under 108 bytes
        self.port, self.http_port = free_port(network.head), free_port()
        password, _, address = tables.url.removeprefix("redis://:").removesuffix("/0").partition("@")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "INFRA_MIND_"))} | {
            "INFRA_MIND_HOME": str(self.home.path), "PYTHONPATH": str(ROOT),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            "INFRA_MIND_LEASE_S": "2", "INFRA_MIND_RETRY_BASE_S": "0.2", "INFRA_MIND_CANCEL_GRACE_S": "0.5",
            "INFRA_MIND_DURABILITY": "strict", "INFRA_MIND_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1/32",
            "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
            **HEALTH,
        }  # fmt: skip
        self._tables = {
            "RAY_REDIS_ADDRESS": address,
            "RAY_REDIS_PASSWORD": password,
            "RAY_external_storage_namespace": "chaos",
        }
        common = [
            f"--temp-dir={self.directory}",
            "--object-store-memory=100000000",
            "--disable-usage-stats",
            "--block",
        ]
        self.head = self._node("head", [
            "--head", f"--port={self.port}", f"--node-ip-address={network.head}", "--include-dashboard=false", "--num-cpus=0",
            f"--redis-password={password}", f"--dashboard-agent-listen-port={free_port(network.head)}", *common,
        ])  # fmt: skip
        self.workers: dict[str, Node] = {}
        for _ in range(2):
            space, address = network.add()
            self.workers[space] = self._node(space, [
                f"--address={network.head}:{self.port}", f"--node-ip-address={address}", f"--num-cpus={SLOTS}",
                f'--resources={{"slot": {SLOTS}}}', *[w for w in common if "temp-dir" not in w],
            ], space)  # fmt: skip

    def _node(self, name: str, words: list[str], space: str = "") -> Node:
        inside = ["ip", "netns", "exec", space] if space else []
        command = [*inside, str(BIN / "ray"), "start", *words]
        tables = () if space else self._tables.items()  # only the head may look there
        return Node(command, {**self.environment, **dict(tables)}, self._folder / f"{name}.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def client(self) -> Client:
        return Client(self.url, self.home.api_key())

    def start(self) -> None:
        asyncio.run(ensure_key(self.home, self._store.url))
        self.head.start()
        wait_until("the head answers", self._head_answers)
        for node in self.workers.values():
            node.start()
        command = [
            sys.executable,
            "-m",
            "tests.chaos.deploy",
            f"{self.network.head}:{self.port}",
            str(self.http_port),
        ]
        environment = self.environment | {"INFRA_MIND_STORE_URL": self._store.url}
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until("the platform gets ready", self._ready)
        with self.client() as client:
            wait_until("all slots are there", lambda: _slots(client) == SLOTS * len(self.workers))

    def _head_answers(self) -> bool:
        words = [str(BIN / "ray"), "health-check", "--address", f"{self.network.head}:{self.port}"]
        return subprocess.run(words, env=self.environment, capture_output=True, check=False).returncode == 0

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2.0, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        for node in (*self.workers.values(), self.head):
            node.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- faults -----------------------------------------------------------------------------------------------------------

    def faults(self) -> list[Fault]:
        return [
            agent_worker(self._witness),
            Fault("dispatcher", lambda chance: self._of_title("ServeReplica:infra-mind:dispatcher", chance)),
            Fault("worker node", self._kill_node, self._restart, 1.0),
            Fault("network", self._cut, self._reconnect, CUT_S),
            Fault("head", self._kill_head, self._restart, 1.0),
            Fault("store", lambda _: self._kill_store()),
        ]

    def _of_title(self, title: str, chance: random.Random) -> str | None:
        return kill([p for p in self.head.family() if _says(p, title)], chance)

    def _kill_node(self, chance: random.Random) -> str | None:
        space = chance.choice(sorted(self.workers))
        self.workers[space].kill()
        return space

    def _kill_head(self, chance: random.Random) -> str | None:
        self._witness.cut_off.set()  # nobody is there who could stop anything
        self.head.kill()
        return "head"

    def _kill_store(self) -> str | None:
        pid = self._store.pid
        if pid is None:
            return None
        psutil.Process(pid).kill()
        return f"process {pid}"

    def _restart(self) -> None:
        for node in (self.head, *self.workers.values()):
            if node.process is None or node.process.poll() is not None:
                node.start()
        wait_until("the platform gets ready", self._ready, timeout_s=90)
        self._witness.cut_off.clear()

    def _cut(self, chance: random.Random) -> str | None:
        self._witness.cut_off.set()
        self._away = chance.choice(sorted(self.workers))
        self.network.link(self._away, "down")
        return self._away

    def _reconnect(self) -> None:
        """The head has given the node up: it hears so, ends, and is started again, as an operator's supervisor would."""
        self.network.link(self._away, "up")
        node = self.workers[self._away]
        with suppress(AssertionError):  # it may have come back before it was given up
            wait_until(
                "the node has heard",
                lambda: node.process is None or node.process.poll() is not None,
                timeout_s=20,
            )
        self._restart()


def _slots(client: Client) -> int:
    return sum(
        w.max_concurrency for w in client.workers().workers if w.pool == "agents" and w.status == "alive"
    )


def _says(process: psutil.Process, title: str) -> bool:
    try:
        return title in " ".join(process.cmdline())
    except psutil.Error:
        return False


@contextmanager
def three_hosts(folder: Path) -> Iterator[tuple[Site | str, Witness]]:
    witness = Witness(folder / "agents.log")
    if reason := why_not():
        yield reason, witness
        return
    with ExitStack() as stack:
        store = stack.enter_context(EmbeddedStore(folder / "home" / "store", durability="strict"))
        tables = stack.enter_context(EmbeddedStore(folder / "tables"))
        watch = StoreWatch(store)
        watch.start()
        stack.callback(watch.stop)
        cluster = Cluster(folder, stack.enter_context(Network()), store, tables, witness)
        stack.callback(cluster.stop)
        cluster.start()
        yield Site(cluster.client, store.url, folder / "home" / "store", cluster.faults()), witness
