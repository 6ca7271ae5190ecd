"""`infra-mind up`: embedded store, Ray and Serve on this machine, as one thing that starts and stops together."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import structlog

from infra_mind.assessment import assessor
from infra_mind.cluster import environment
from infra_mind.cluster.leftovers import remove_leftovers, session_folder
from infra_mind.errors import Conflict, InfraMindError, OptionInvalid, Unavailable
from infra_mind.home import Endpoint, Home
from infra_mind.settings import Settings
from infra_mind.tasks.access import ensure_key
from infra_mind.tasks.embedded import EmbeddedStore

log = structlog.get_logger(__name__)

READY_S = 60.0
LOOK_S = 0.2
WATCH_S = 0.2


@dataclass(frozen=True)
class LocalOptions:
    """`slots`: agents at once; 0 takes one for each core, at least four. `port` 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 8700
    slots: int = 0
    dashboard: bool = True
    dashboard_port: int = 8265
    agents: str | None = None


class LocalCluster:
    """Everything on this machine. Use as a context: what it started ends with it, and nothing else is touched.

    Raises OptionInvalid for a taken port, Conflict when this home is in use, Unavailable when it does not get ready."""

    def __init__(
        self, settings: Settings, options: LocalOptions, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._settings, self._options, self._say = settings, options, say
        self._home = Home.of(settings)
        self._stack = ExitStack()
        self.endpoint: Endpoint | None = None

    def __enter__(self) -> LocalCluster:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        options = self._options
        if not self._stack.enter_context(self._home.take()):
            running = self._home.endpoint()
            where = f"process {running.pid}, {running.url}" if running else "it is starting"
            raise Conflict(f"Infra Mind already runs from {self._home.path} ({where}). Use it, stop it, or set INFRA_MIND_HOME to another directory.")  # fmt: skip
        refused = environment.refusal(options.host, options.port)
        if refused:
            raise OptionInvalid(*refused)
        if options.agents:
            _check_agents(options.agents)
        port = options.port or environment.free_port(options.host)
        store_url = self._start_store()
        slots = options.slots or max(4, os.cpu_count() or 4)
        environment.prepare(self._home.path, slots=slots, dispatchers=self._settings.dispatchers)
        self._say("starting Ray")
        dashboard_url, ray_address = self._start_ray(slots)
        self._say("starting Serve")
        self._start_serve(store_url, port)
        url = f"http://{options.host}:{port}"
        _wait_ready(url, READY_S)
        self.endpoint = Endpoint(url, os.getpid(), store_url, dashboard_url, ray_address)
        self._home.write_endpoint(self.endpoint)
        self._stack.callback(self._home.remove_endpoint)

    def _start_store(self) -> str:
        if self._settings.store_url:
            url = self._settings.store_url.get_secret_value()
        else:
            self._say("starting the store")
            store = EmbeddedStore(self._home.path / "store", durability=self._settings.durability)
            store.start()
            self._stack.callback(store.stop)
            watch = StoreWatch(store)
            watch.start()
            self._stack.callback(watch.stop)
            url = store.url
        asyncio.run(ensure_key(self._home, url))
        return url

    def _start_ray(self, slots: int) -> tuple[str | None, str]:
        import ray

        if ray.is_initialized():
            raise Conflict("this process is already connected to a Ray cluster; `up` starts one of its own")
        if remove_leftovers():
            self._say("removed what a killed platform had left")
        # short, because sockets in it must stay under 108 bytes
        directory = self._stack.enter_context(session_folder())
        context: Any = ray.init(
            address="local",
            num_cpus=max(
                slots, os.cpu_count() or 1
            ),  # steps take slots, not CPUs; this is how many processes may start at once
            resources={"slot": slots},
            include_dashboard=self._options.dashboard,
            dashboard_host="127.0.0.1",
            dashboard_port=self._options.dashboard_port,
            _node_ip_address="127.0.0.1",
            _temp_dir=str(directory),
            object_store_memory=512 * 1024 * 1024,
            namespace="infra_mind",
            log_to_driver=False,
            logging_level="ERROR",
        )
        self._stack.callback(ray.shutdown)
        dashboard = context.address_info.get("webui_url")
        return (f"http://{dashboard}" if dashboard else None), str(context.address_info["gcs_address"])

    def _start_serve(self, store_url: str, port: int) -> None:
        from ray import serve
        from ray.serve._private import client as serve_client
        from ray.serve.config import HTTPOptions, ProxyLocation

        from infra_mind.cluster.deployments import application
        from infra_mind.cluster.engine import Engine

        logging.getLogger("ray.serve").setLevel(logging.WARNING)  # its import has set another one
        serve_client.CLIENT_POLLING_INTERVAL_S = (
            LOOK_S  # there is no setting; by itself it looks once a second
        )
        settings = self._settings
        engine = Engine.of(
            settings,
            store_url=store_url,
            beside_store=True,
            **({"agents": self._options.agents} if self._options.agents else {}),
        )
        serve.start(
            proxy_location=ProxyLocation.HeadOnly,
            http_options=HTTPOptions(host=self._options.host, port=port),
        )
        self._stack.callback(
            _quietly, lambda: serve.delete("infra-mind")
        )  # dispatchers hand over; the rest ends with Ray
        app = application(engine, api_replicas=settings.api_replicas, dispatchers=settings.dispatchers)
        serve.run(app, name="infra-mind", route_prefix="/")


class StoreWatch(threading.Thread):
    """Starts the embedded store again, from its file, whenever it is gone."""

    def __init__(self, store: EmbeddedStore) -> None:
        super().__init__(name="store-watch", daemon=True)
        self._store, self._end = store, threading.Event()

    def run(self) -> None:
        while not self._end.wait(WATCH_S):
            if not self._store.alive() and not self._end.is_set():
                log.warning("store is gone, starting it again from its file")
                with suppress(InfraMindError, OSError):
                    self._store.ensure()

    def stop(self) -> None:
        self._end.set()
        self.join()


def _check_agents(name: str) -> None:
    """Says now what would otherwise end every replica that starts."""
    try:
        names = assessor(name).plan.agents
    except Exception as error:  # whatever the module does when it is imported
        raise OptionInvalid(
            "--agents",
            f"{name} gives no table of agents ({type(error).__name__}: {error}); it reads module:function",
        ) from None
    if not names:
        raise OptionInvalid("--agents", f"{name} gives an empty table")


def _quietly(call: Callable[[], None]) -> None:
    with suppress(Exception):  # what remains goes with Ray a moment later
        call()


def _wait_ready(url: str, seconds: float) -> None:
    import httpx

    end = time.monotonic() + seconds
    problem = "no answer"
    with httpx.Client(trust_env=False, timeout=2.0) as client:
        while time.monotonic() < end:
            try:
                answer = client.get(f"{url}/readyz")
                if answer.status_code == 200:
                    return
                problem = f"{answer.status_code} {answer.text[:200]}"
            except httpx.HTTPError as error:
                problem = repr(error)
            time.sleep(0.05)
    raise Unavailable(f"{url} did not get ready within {seconds:g} s: {problem}")
