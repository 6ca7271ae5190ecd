"""The embedded server: private, alone in its directory, back after kill -9, gone after stop."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra_mind.errors import Conflict, Unavailable
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.redis import RedisStore
from tests.stores import start_valkey, wait_until
from tests.waiting import wait_until as wait_until_now


def process_of(server: EmbeddedStore) -> psutil.Process:
    assert server.pid is not None
    return psutil.Process(server.pid)


def port_of(server: EmbeddedStore) -> int:
    return int(server.url.rsplit(":", 1)[1].removesuffix("/0"))


async def answers(url: str) -> bool:
    store = RedisStore(url)
    try:
        await store.ping()
    except Unavailable:
        return False
    finally:
        await store.close()
    return True


async def test_it_answers_as_soon_as_it_has_started_and_is_gone_after_stop(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "store") as server:
        process = process_of(server)
        assert await answers(server.url)
    assert not process.is_running()
    assert not server.alive()
    assert server.pid is None
    server.stop()


def test_it_listens_on_the_loopback_alone(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "store") as server:
        listening = [c.laddr.ip for c in process_of(server).net_connections() if c.status == "LISTEN"]
    assert listening == ["127.0.0.1"]


async def test_the_password_is_asked_for_and_in_private_files_only(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "store") as server:
        password = server.url.removeprefix("redis://:").partition("@")[0]
        assert len(password) >= 32
        assert not await answers(f"redis://127.0.0.1:{port_of(server)}/0")
        assert password not in " ".join(process_of(server).cmdline())
        assert password not in str(process_of(server).environ())
        assert password not in repr(server._address)
        assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
        holders = [
            path
            for path in (tmp_path / "store").rglob("*")
            if path.is_file() and password in path.read_text("utf-8", "replace")
        ]
        assert holders
        assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


def test_a_directory_open_to_others_is_closed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o755)
    with start_valkey(tmp_path / "store"):
        assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700


def test_two_on_one_directory_are_refused(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "store") as server:
        with pytest.raises(Conflict, match=str(server.pid)):
            EmbeddedStore(tmp_path / "store").start()
        with pytest.raises(Conflict):
            server.start()
        assert server.alive()


def test_address_and_password_outlive_a_restart(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "store") as server:
        first = server.url
    with start_valkey(tmp_path / "store") as server:
        assert server.url == first


def test_two_directories_have_two_addresses_and_passwords(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "one") as one, start_valkey(tmp_path / "two") as two:
        assert port_of(one) != port_of(two)
        assert one.url.partition("@")[0] != two.url.partition("@")[0]


async def test_ensure_brings_it_back_from_its_file(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "store", durability="strict") as server:
        store = RedisStore(server.url)
        await store.create_assessment("acme", "a-1", "x", b"brief", 0)
        assert not server.ensure()
        first = process_of(server)
        first.kill()
        wait_until_now("the server is dead", lambda: not server.alive())
        assert server.ensure()
        assert process_of(server).pid != first.pid
        assert await store.assessment_input("a-1") == b"brief"
        await store.close()


def test_ensure_before_start_and_after_stop_is_a_conflict(tmp_path: Path) -> None:
    server = EmbeddedStore(tmp_path / "store")
    with pytest.raises(Conflict):
        server.ensure()
    with pytest.raises(Unavailable):
        _ = server.url
    server.start()
    server.stop()
    with pytest.raises(Conflict):
        server.ensure()


def test_a_taken_port_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = EmbeddedStore(tmp_path / "store", port=taken.getsockname()[1])
        with pytest.raises(Unavailable, match="listening on port"):
            server.start()
        assert not server.alive()
    server.start()  # the directory is free again
    server.stop()


def test_a_given_port_is_used(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = EmbeddedStore(tmp_path / "store", port=port)
    server.start()
    assert port_of(server) == port
    server.stop()


OWNER = """
import sys, time
from pathlib import Path
from infra_mind.tasks.embedded import EmbeddedStore
server = EmbeddedStore(Path(sys.argv[1]), dies_with_parent=sys.argv[2] == "yes")
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


def run_owner(directory: Path, dies: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(directory), dies], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    return owner, psutil.Process(int(owner.stdout.readline()))


def end_owner(owner: subprocess.Popen[str]) -> None:
    os.kill(owner.pid, signal.SIGKILL)
    owner.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked with prctl")
def test_it_dies_with_its_owner(tmp_path: Path) -> None:
    owner, server = run_owner(tmp_path / "store", "yes")
    end_owner(owner)
    gone, _ = psutil.wait_procs([server], timeout=10)
    assert gone == [server]
    with start_valkey(tmp_path / "store") as again:
        assert again.alive()


async def test_a_server_left_behind_keeps_its_directory(tmp_path: Path) -> None:
    owner, server = run_owner(tmp_path / "store", "no")
    try:
        end_owner(owner)
        assert server.is_running()
        with pytest.raises(Conflict, match=str(server.pid)):
            EmbeddedStore(tmp_path / "store").start()
    finally:
        server.terminate()
        psutil.wait_procs([server], timeout=10)

    async def startable() -> bool:
        return not server.is_running()

    await wait_until("the server left behind has ended", startable)
