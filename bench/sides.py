"""The two sides of the comparison behind one face: both take the same requests, so one piece of code drives and measures both."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psutil
import redis

from bench.http import HOST, Connection, connections, render
from bench.processes import Family, wait_until
from bench.seed.tasks import STORE_URL
from bench.work import Work
from infra_mind.client import Client
from infra_mind.home import Endpoint, Home
from infra_mind.tasks.embedded import EmbeddedStore

READY_S = 120.0
IDLE_S = 120.0
AT_ONCE = 16
ENDED = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


@dataclass(frozen=True)
class Target:
    """Where requests of one design go. `query` chooses the design on the seed's side."""

    name: str
    port: int
    prefix: str = ""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    query: str = ""

    def create(self, work: Work) -> bytes:
        return self._request("POST", "/assessments", {"name": "bench", "goal": work.to_json()})

    def start(self, assessment_id: str) -> bytes:
        return self._request("POST", f"/assessments/{assessment_id}/start{self.query}", {})

    def task(self, task_id: str) -> bytes:
        return self._request("GET", f"/tasks/{task_id}")

    def cancel(self, task_id: str) -> bytes:
        return self._request("DELETE", f"/tasks/{task_id}")

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        return render(method, self.prefix + path, self.headers, body)

    async def drafts(self, work: Work, count: int) -> list[bytes]:
        """Start requests of `count` new assessments, so that only the start is left to be measured."""
        async with connections(self.port, min(count, AT_ONCE)) as opened:
            shares = [count // len(opened) + (i < count % len(opened)) for i in range(len(opened))]
            made = await asyncio.gather(
                *(self._create(c, work, n) for c, n in zip(opened, shares, strict=True))
            )
        return [self.start(one) for some in made for one in some]

    async def _create(self, connection: Connection, work: Work, count: int) -> list[str]:
        return [str((await connection.json(self.create(work), 201))["assessment_id"]) for _ in range(count)]

    async def ended_at(self, connection: Connection, task_id: str, *, every_s: float = 0.02) -> float:
        """Waits for the end by asking; the time of day that the side's own store gives for it. RuntimeError when it failed."""
        end = time.monotonic() + IDLE_S
        while time.monotonic() < end:
            task = await connection.json(self.task(task_id), 200)
            if task["state"] == "SUCCESS" and task.get("ended_at"):
                return datetime.fromisoformat(task["ended_at"]).timestamp()
            if task["state"] in ENDED:
                raise RuntimeError(f"{self.name}: {task}")
            await asyncio.sleep(every_s)
        raise TimeoutError(f"{self.name}: {task_id} did not end within {IDLE_S:g} s")

    async def run(self, work: Work, count: int) -> list[float]:
        """Seconds from the start request to the end in the store, of `count` workflows one after the other."""
        requests = await self.drafts(work, count)
        spent = []
        async with connections(self.port, 1) as (connection,):
            for request in requests:
                begin = time.time()
                task_id = str((await connection.json(request, 202))["task_id"])
                spent.append(await self.ended_at(connection, task_id) - begin)
        return spent


class Side(Protocol):
    name: str

    @property
    def targets(self) -> tuple[Target, ...]:
        """One for each design, the one that is compared first in front."""

    async def settle(self, task_ids: Sequence[str]) -> None:
        """Drops what still waits, and returns when nothing runs."""

    def members(self) -> list[psutil.Process]:
        """Its processes."""


class Ours:
    """`infra-mind up` with a home of its own."""

    name = "Infra Mind"

    def __init__(
        self, directory: Path, *, slots: int, agents: str | None, settings: Mapping[str, str] | None = None
    ) -> None:
        home = directory / "home"
        directory.mkdir(parents=True)
        command = [
            sys.executable,
            "-m",
            "infra_mind.cli",
            "up",
            "--port",
            "0",
            "--slots",
            str(slots),
            "--no-dashboard",
        ]
        begin = time.monotonic()
        self._family = Family(
            [*command, *(["--agents", agents] if agents else [])], environment={**(settings or {}), "INFRA_MIND_HOME": str(home)},
            log=directory / "up.log", ends_with=signal.SIGINT,
        )  # fmt: skip
        self._home = Home(home)
        try:
            self.endpoint = wait_until("the platform is ready", self._ready, timeout_s=READY_S, every_s=0.01)
        except BaseException:
            self._family.stop()
            raise
        self.ready_s = time.monotonic() - begin
        key = self._home.api_key()
        port = int(self.endpoint.url.rpartition(":")[2])
        self.targets = (Target(self.name, port, "/api/v1", {"Authorization": f"Bearer {key}"}),)

    def _ready(self) -> Endpoint | None:
        self._family.check()
        return self._home.endpoint()

    def client(self) -> Client:
        return Client(self.endpoint.url, self._home.api_key())

    def members(self) -> list[psutil.Process]:
        return self._family.members()

    async def settle(self, task_ids: Sequence[str]) -> None:
        target = self.targets[0]
        async with connections(target.port, AT_ONCE) as opened:
            await asyncio.gather(*(self._cancel(c, task_ids[i::AT_ONCE]) for i, c in enumerate(opened)))
            for task_id in task_ids:
                await self._ended(opened[0], task_id)

    async def _cancel(self, connection: Connection, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            await connection.send(self.targets[0].cancel(task_id))  # 409: it has ended already

    async def _ended(self, connection: Connection, task_id: str) -> None:
        end = time.monotonic() + IDLE_S
        while (await connection.json(self.targets[0].task(task_id), 200))["state"] not in ENDED:
            if time.monotonic() > end:
                raise TimeoutError(f"{task_id} did not end")
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._family.stop()


class Seed:
    """Store, API processes and a worker of its own."""

    name = "Celery"

    def __init__(self, directory: Path, *, slots: int, api_processes: int) -> None:
        directory.mkdir(parents=True)
        self._directory, self._slots, self._stack = directory, slots, ExitStack()
        begin = time.monotonic()
        try:
            self._start(api_processes)
        except BaseException:
            self.stop()
            raise
        self.ready_s = time.monotonic() - begin

    def _start(self, api_processes: int) -> None:
        store = EmbeddedStore(self._directory / "store")
        store.start()
        self._stack.callback(store.stop)
        self.store_url = store.url
        self.store_pid = store.pid
        self.redis: Any = redis.Redis.from_url(store.url)
        self._stack.callback(self.redis.close)
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        api = [sys.executable, "-m", "uvicorn", "bench.seed.app:app", "--host", HOST, "--port", str(port)]
        self.api = self._family(
            [*api, "--workers", str(api_processes), "--no-access-log", "--log-level", "warning"], "api"
        )
        self._stack.callback(self.api.stop)
        self.worker = self.start_worker()
        self._stack.callback(lambda: self.worker.stop())
        self.targets = tuple(
            Target(f"Celery, {design}", port, query=f"?design={query}") for design, query in DESIGNS.items()
        )
        wait_until("the seed's API is ready", lambda: self._ready(port), timeout_s=READY_S)
        wait_until("the seed's worker has its processes", self._pooled, timeout_s=READY_S)

    def start_worker(self) -> Family:
        """Another worker with all its processes; the caller ends it."""
        command = [sys.executable, "-m", "celery", "-A", "bench.seed.tasks", "worker", "--pool", "prefork"]
        return self._family([*command, "--concurrency", str(self._slots), "--loglevel", "WARNING"], "worker")

    def _family(self, command: list[str], name: str) -> Family:
        log = self._directory / f"{name}.{time.monotonic_ns()}.log"
        return Family(command, environment={STORE_URL: self.store_url}, log=log, ends_with=signal.SIGTERM)

    def _ready(self, port: int) -> bool:
        self.api.check()
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _pooled(self) -> bool:
        self.worker.check()
        return len(self.worker.members()) > self._slots and bool(self.redis.exists("_kombu.binding.celery"))

    def members(self) -> list[psutil.Process]:
        store = [psutil.Process(self.store_pid)] if self.store_pid else []
        return [*store, *self.api.members(), *self.worker.members()]

    async def settle(self, task_ids: Sequence[str]) -> None:
        self.redis.delete("celery")
        end = time.monotonic() + IDLE_S
        while self.redis.hlen("unacked") or self.redis.llen("celery"):
            if time.monotonic() > end:
                raise TimeoutError(f"{len(task_ids)} tasks sent: the worker did not get idle")
            await asyncio.sleep(0.05)

    def forget(self) -> None:
        """Drops everything that waits or is held by a worker that is gone."""
        self.redis.delete("celery", "unacked", "unacked_index")

    def stop(self) -> None:
        self._stack.close()


DESIGNS = {"one task that gathers": "gather", "chord": "chord"}


def cpu_s(side: Side) -> dict[int, float]:
    """CPU seconds that each living process of a side has used so far."""
    spent = {}
    for process in side.members():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        spent[process.pid] = times.user + times.system
    return spent


def cpu_since(side: Side, before: dict[int, float]) -> float:
    """CPU seconds that a side has used since `before`; what a process used that has ended meanwhile is not in it."""
    return sum(spent - before.get(pid, 0.0) for pid, spent in cpu_s(side).items())


def idle_cpu_share(side: Side, seconds: float) -> float:
    """Cores that a side's processes use while it has nothing to do."""
    before = cpu_s(side)
    time.sleep(seconds)
    return cpu_since(side, before) / seconds


def memory_mib(side: Side) -> float:
    """Memory of a side's processes in MiB, shared pages divided among them (PSS); 0 where the system does not tell."""
    total = 0
    for process in side.members():
        try:
            total += getattr(process.memory_full_info(), "pss", 0)
        except psutil.Error:
            continue
    return total / 2**20
