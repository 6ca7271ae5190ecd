from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from infra_mind.cluster import environment
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """What `prepare` sets is taken back, and what it would leave alone is not there."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


def test_a_free_port_can_be_listened_on() -> None:
    port = environment.free_port()
    assert environment.refusal("127.0.0.1", port) is None
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_taken_port_is_refused_by_the_name_of_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = environment.refusal("127.0.0.1", port)
    assert refused
    assert refused[0] == "--port"
    assert f"127.0.0.1:{port} is taken" in refused[1]


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_here_is_refused_by_the_name_of_its_option(host: str) -> None:
    refused = environment.refusal(host, 0)
    assert refused
    assert refused[0] == "--host"


def test_a_block_of_ports_is_free_as_a_whole() -> None:
    start = environment.free_block(30_000, 32_000, width=10)
    assert 30_000 <= start < 32_000
    assert [environment.refusal("127.0.0.1", port) for port in range(start, start + 10)] == [None] * 10


def test_ray_keeps_to_this_machine_and_asks_for_a_token(tmp_path: Path) -> None:
    environment.prepare(tmp_path, slots=6, dispatchers=2)
    token = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert len(token.read_text()) == 64
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"


def test_the_token_stays_the_same_for_the_life_of_a_home(tmp_path: Path) -> None:
    environment.prepare(tmp_path, slots=1, dispatchers=2)
    first = (tmp_path / "ray.token").read_text()
    environment.prepare(tmp_path, slots=1, dispatchers=2)
    assert (tmp_path / "ray.token").read_text() == first


def test_what_the_person_has_set_stays(tmp_path: Path) -> None:
    os.environ["RAY_SERVE_ENABLE_HA_PROXY"] = "0"
    os.environ["RAY_SERVE_HAPROXY_STATS_PORT"] = "9999"
    environment.prepare(tmp_path, slots=1, dispatchers=2)
    assert os.environ["RAY_SERVE_ENABLE_HA_PROXY"] == "0"
    assert os.environ["RAY_SERVE_HAPROXY_STATS_PORT"] == "9999"


def test_haproxy_is_started_with_its_own_listeners_narrowed_to_this_machine(tmp_path: Path) -> None:
    """The wrapper, around a program that shows the file that it was given."""
    shows = tmp_path / "shows"
    shows.write_text('#!/bin/sh\ncat "$2"\n')
    shows.chmod(0o700)
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "frontend a\n    bind *:9101\nfrontend b\n    bind :9102\nfrontend c\n    bind 10.0.0.1:80\n    http-request set-header bind *:1\n"
    )
    wrapper = environment._narrowed(tmp_path, shows)
    assert stat.S_IMODE(wrapper.stat().st_mode) == 0o700
    told = subprocess.run([wrapper, "-f", config], capture_output=True, text=True, check=True).stdout
    assert [line.strip() for line in told.splitlines()] == [
        "frontend a", "bind 127.0.0.1:9101", "frontend b", "bind 127.0.0.1:9102", "frontend c", "bind 10.0.0.1:80",
        "http-request set-header bind *:1",
    ]  # fmt: skip


def test_a_proxy_that_knows_no_replica_says_so(tmp_path: Path) -> None:
    """Not 404, which means that there is no such task."""
    shows = tmp_path / "shows"
    shows.write_text('#!/bin/sh\ncat "$2"\n')
    shows.chmod(0o700)
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        'backend b\n    http-request return status 404 content-type text/plain lf-string "404 or so"\n'
    )
    wrapper = environment._narrowed(tmp_path, shows)
    told = subprocess.run([wrapper, "-f", config], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[1].strip() == 'http-request return status 503 hdr Retry-After 1 content-type text/plain lf-string "404 or so"'  # fmt: skip


def test_haproxy_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Even with SIGKILL: it would keep the port of `up`."""
    sleeps, pid = tmp_path / "sleeps", tmp_path / "pid"
    sleeps.write_text(f'#!/bin/sh\necho $$ > "{pid}"\nexec sleep 120\n')
    sleeps.chmod(0o700)
    wrapper = environment._narrowed(tmp_path, sleeps)
    starter = subprocess.Popen(["sh", "-c", f'"{wrapper}" & wait'])
    proxy = psutil.Process(int(wait_until("it runs", lambda: pid.read_text() if pid.exists() else "")))
    starter.kill()
    starter.wait()
    try:
        proxy.wait(60)
    finally:
        with suppress(psutil.NoSuchProcess):
            proxy.kill()
