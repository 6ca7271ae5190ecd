from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra_mind.home import Endpoint, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "deep" / "home")


def endpoint(pid: int) -> Endpoint:
    return Endpoint("http://127.0.0.1:8700", pid, "redis://:secret@127.0.0.1:1/0", None, "127.0.0.1:2")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_read_again(home: Home) -> None:
    with home.take() as mine:
        assert mine
        home.write_endpoint(endpoint(os.getpid()))
        home.write_api_key("im_1_secret")
        assert home.endpoint() == endpoint(os.getpid())
    assert home.api_key() == "im_1_secret"


def test_everything_is_for_the_owner_only(home: Home) -> None:
    before = os.umask(0)
    try:
        home.write_endpoint(endpoint(os.getpid()))
        home.write_api_key("im_1_secret")
    finally:
        os.umask(before)
    assert mode(home.path) == 0o700
    assert {path.name: mode(path) for path in home.path.iterdir()} == {
        "api.key": 0o600,
        "endpoint.json": 0o600,
    }


def test_a_home_that_was_open_is_closed(home: Home) -> None:
    home.path.mkdir(parents=True, mode=0o755)
    home.make()
    assert mode(home.path) == 0o700


def test_nothing_is_there_before_up(home: Home) -> None:
    assert home.endpoint() is None
    assert home.api_key() is None
    home.remove_endpoint()


def test_what_a_killed_one_left_behind_is_none_whoever_has_its_process_id_now(home: Home) -> None:
    code = (
        "import os, sys; from pathlib import Path; from infra_mind.home import Endpoint, Home\n"
        "home = Home(Path(sys.argv[1]))\n"
        "with home.take():\n"
        f"    home.write_endpoint(Endpoint('http://x', {os.getpid()}, ''))\n"
        "    print(home.endpoint() is not None, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(home.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "True\n"
        assert home.endpoint()
        with home.take() as mine:
            assert not mine
        other.kill()
    assert (home.path / "endpoint.json").exists()
    assert home.endpoint() is None
    with home.take() as mine:
        assert mine
        assert home.endpoint() is None, "the next one counts as running before it is"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"url": "x"}', '{"url": "x", "pid": 1, "store_url": "y", "unknown": 1}', "\x00"],
)
def test_a_broken_endpoint_file_is_none(home: Home, text: str) -> None:
    home.make()
    (home.path / "endpoint.json").write_text(text)
    assert home.endpoint() is None


def test_a_second_write_replaces_the_first_and_leaves_nothing_else(home: Home) -> None:
    home.write_api_key("im_1_first")
    home.write_api_key("im_1_second")
    assert home.api_key() == "im_1_second"
    assert [path.name for path in home.path.iterdir()] == ["api.key"]


def test_the_passwords_of_the_store_are_in_no_representation() -> None:
    assert "secret" not in repr(endpoint(1))
