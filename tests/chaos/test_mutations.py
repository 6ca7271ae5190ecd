"""The cheap suites notice when a rule of the store is broken: each mutation of a Lua script names a test that fails under it.

The test runs in this process, over a house of its own on a store with the mutated scripts. Where the named one passes, every other
is asked, so that the message can say which test to name, or that none is there yet."""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
import uuid
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.redis import scripts
from infra_mind.tasks.store import StoreLimits
from tests.chaos.history import state_of
from tests.chaos.invariants import broken
from tests.chaos.lives import LIVES, Life, Scene
from tests.chaos.mutations import HOUSE, MUTATIONS, READS, Mutation, mutated, source
from tests.contract import test_store_objects
from tests.contract.houses import RedisHouse
from tests.contract.test_store_machine import Stores
from tests.stores import start_valkey

CONTRACT = (
    "test_store_rules", "test_store_running", "test_store_cancel", "test_store_accept", "test_store_events", "test_store_assessments",
    "test_store_fleet", "test_store_queue", "test_store_alerts", "test_store_webhooks", "test_store_schedules", "test_store_objects",
)  # fmt: skip
PATIENCE_S = 30.0  # for one contract test: what is broken may wait for ever
GIVEN = {"store", "house", "limits", "storage"}

# What fails on purpose leaves connections open; they are collected at the end.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Test = tuple[str, Callable[..., Any], dict[str, Any]]  # node id below tests/contract, function, arguments


class Server:
    """One store for all mutations: each test has a prefix of its own. A script that never ends holds it up: then another one starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: EmbeddedStore | None = None

    @property
    def url(self) -> str:
        if self._running is None or not _answers(self._running.url):
            self.stop()
            self._running = EmbeddedStore(self._folder / uuid.uuid4().hex)
            self._running.start()
        return self._running.url

    def stop(self) -> None:
        if self._running is not None:
            if self._running.pid is not None:
                psutil.Process(self._running.pid).kill()
            self._running.stop()


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=2.0) as raw:
        try:
            return bool(raw.dbsize() >= 0)  # refused, unlike PING's answer, while a script runs on and on
        except redis.RedisError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("mutations"))
    yield started
    started.stop()
    gc.collect()


@pytest.fixture
def url(server: Server) -> str:
    return server.url


def choices(test: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """The arguments of each run of a parametrized test."""
    tables: list[list[dict[str, Any]]] = []
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            given, rows = mark.args[:2]
            names = [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)
            tables.append([dict(zip(names, _values(row, len(names)), strict=True)) for row in rows])
    for rows in itertools.product(*tables):
        yield {name: value for row in rows for name, value in row.items()}


def _values(row: Any, count: int) -> tuple[Any, ...]:
    if isinstance(row, type(pytest.param())):
        return tuple(row.values)
    return tuple(row) if count > 1 else (row,)


def contract_tests() -> Iterator[Test]:
    """Those that ask for nothing but a store."""
    for name in CONTRACT:
        for function, test in vars(import_module(f"tests.contract.{name}")).items():
            if function.startswith("test_") and inspect.iscoroutinefunction(test):
                yield from runs(f"{name}.py::{function}", test)


def runs(node: str, test: Callable[..., Any]) -> Iterator[Test]:
    for chosen in choices(test):
        if set(inspect.signature(test).parameters) <= GIVEN | set(chosen):
            yield node, test, chosen


def named(node: str) -> list[Test]:
    """The runs of the test with this node id below tests/contract."""
    file, _, function = node.partition(".py::")
    return list(runs(node, getattr(import_module(f"tests.contract.{file}"), function)))


async def passes(url: str, folder: Path, test: Callable[..., Any], chosen: dict[str, Any]) -> bool:
    own = getattr(inspect.getmodule(test), "limits", None)  # the fixture of this module
    limits = chosen.get("limits") or (inspect.unwrap(own)() if own else StoreLimits())
    storage = test_store_objects._folder(folder / uuid.uuid4().hex)
    house = RedisHouse(url, limits, storage if "storage" in inspect.signature(test).parameters else None)
    given = {"house": house, "store": house.store, "limits": limits, "storage": storage, **chosen}
    try:
        async with asyncio.timeout(PATIENCE_S):
            await test(**{name: given[name] for name in inspect.signature(test).parameters})
    except (Exception, pytest.fail.Exception):
        return False
    finally:
        await house.close()
    return True


async def failing(url: str, folder: Path, tests: list[Test]) -> str | None:
    """The first of them that fails."""
    for node, test, chosen in tests:
        if not await passes(url, folder, test, chosen):
            return node
    return None


# -- where the named test passes ----------------------------------------------------------------------------------------------


async def by_anybody(server: Server, folder: Path) -> str | None:
    """Who notices that something is wrong with the scripts; None when nobody does."""
    if found := await failing(server.url, folder, list(contract_tests())):
        return found
    with start_valkey(folder / "store", durability="strict") as valkey:  # its file has all that it answered
        for life in LIVES:
            if found := await by_a_life(valkey, folder, life):
                return found
    return await asyncio.to_thread(by_the_machine, server.url)


async def by_a_life(valkey: EmbeddedStore, folder: Path, life: Life) -> str | None:
    house = RedisHouse(valkey.url, StoreLimits(lease_s=60.0))
    scene = Scene(house, valkey.directory, life, folder / f"{uuid.uuid4().hex}.log")
    try:
        async with asyncio.timeout(PATIENCE_S):
            await scene.play()
            history = scene.history(valkey.url)
    except (Exception, pytest.fail.Exception) as error:
        return f"life that {life.name}: {type(error).__name__}"
    finally:
        await house.close()
    wrong = broken(history)
    if state_of(history, scene.task) is not life.ends:
        wrong.append("another end")
    return f"life that {life.name}: {wrong[0]}" if wrong else None


def by_the_machine(url: str) -> str | None:
    class Machine(Stores):
        pass

    Machine.url = url
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=20, stateful_step_count=30, deadline=None, derandomize=True, database=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
            ),
        )  # fmt: skip
    except Exception as error:
        return f"state machine: {type(error).__name__}"
    return None


# -- the tests ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", sorted({one.by for one in MUTATIONS}))
async def test_the_scripts_as_they_are_pass(url: str, tmp_path: Path, node: str) -> None:
    tests = named(node)
    assert tests, "it asks for more than a store"
    assert await failing(url, tmp_path, tests) is None


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_a_broken_rule_is_noticed(
    server: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutation: Mutation
) -> None:
    assert source(mutation.file).count(mutation.old) == 1, "the script has changed: change the mutation"
    monkeypatch.setattr(scripts, "load", mutated(scripts.load, mutation))
    with redis.Redis.from_url(url) as raw:
        for script in scripts.load("compiles:", StoreLimits()).values():
            raw.script_load(script.text)  # or everything would notice, whatever the rule
    if await failing(url, tmp_path, named(mutation.by)):
        return
    found = await by_anybody(server, tmp_path)
    assert found, f"nobody notices: write the test, and name it in `by` instead of {mutation.by}"
    pytest.fail(f"{mutation.by} passes all the same; name in `by` who notices: {found}")


def test_every_transition_has_a_mutation() -> None:
    assert {one.file for one in MUTATIONS} >= set(scripts.NAMES) - READS | {HOUSE}
