"""What a platform on one machine keeps to itself: interfaces, files, secrets."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import psutil

from tests.e2e.steps import Tried
from tests.platform import Platform


def family(engine: Platform) -> list[psutil.Process]:
    up = psutil.Process(engine.process.pid)
    return [up, *up.children(recursive=True)]


def listening(engine: Platform) -> set[tuple[str, int]]:
    """(address, port) of everything that the platform's processes listen on."""
    pids = {process.pid for process in family(engine)}
    found = psutil.net_connections(kind="inet")
    bound = (c.laddr for c in found if c.pid in pids and c.status == psutil.CONN_LISTEN)
    return {(address.ip, address.port) for address in bound if address}


def only_here(engine: Platform) -> None:
    found = listening(engine)
    assert len(found) >= 3  # API, store, Ray
    assert [one for one in sorted(found) if not _is_loopback(one[0])] == []


def _is_loopback(address: str) -> bool:
    found = ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def secrets_of(engine: Platform) -> dict[str, bytes]:
    address = json.loads((engine.home.path / "store" / "address.json").read_text())
    key = engine.home.api_key()
    assert key
    return {
        "the API key": key.rpartition("_")[2].encode(),
        "the store's password": str(address["password"]).encode(),
        "Ray's token": (engine.home.path / "ray.token").read_bytes().strip(),
    }


def logs_of(engine: Platform) -> Iterator[Path]:
    """Every file that Ray, Serve, the store and `up` itself write for people to read."""
    yield engine.home.path.parent / f"{engine.home.path.name}.log"
    yield engine.home.path / "store" / "valkey.log"
    sessions = {
        Path(word.partition("=")[2])
        for p in family(engine)
        for word in p.cmdline()
        if word.startswith(("--session-dir=", "--session_dir="))
    }
    assert sessions
    for session in sessions:
        yield from (path for path in (session / "logs").rglob("*") if path.is_file())


def test_nothing_listens_beyond_this_machine(engine: Platform, clinic: Tried) -> None:
    only_here(engine)


def test_the_home_is_for_its_owner_only(engine: Platform, clinic: Tried) -> None:
    home = engine.home.path
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    open_to_others = {
        str(p.relative_to(home)) for p in home.iterdir() if stat.S_IMODE(p.stat().st_mode) & 0o077
    }
    assert open_to_others == set()
    assert stat.S_IMODE((home / "store").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "store" / "address.json").stat().st_mode) == 0o600


def test_no_secret_stands_on_a_command_line_or_in_the_environment_of_strangers(
    engine: Platform, clinic: Tried
) -> None:
    shown = {process.pid: " ".join(process.cmdline()).encode() for process in family(engine)}
    assert len(shown) > 5
    for name, secret in secrets_of(engine).items():
        assert len(secret) >= 16
        assert [pid for pid, line in shown.items() if secret in line] == [], name


def test_no_secret_stands_in_a_log(engine: Platform, clinic: Tried) -> None:
    logs = {path: path.read_bytes() for path in logs_of(engine)}
    assert len(logs) > 5
    for name, secret in secrets_of(engine).items():
        assert [str(path) for path, text in logs.items() if secret in text] == [], name


def test_the_text_of_what_was_handed_in_stands_in_no_log(engine: Platform, clinic: Tried) -> None:
    """Artefacts may hold secrets: what they say is for the result alone."""
    words = b"aws_db_instance"
    assert words.decode() in clinic.ran.stdout
    assert [str(path) for path in logs_of(engine) if words in path.read_bytes()] == []
