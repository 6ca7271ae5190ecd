"""The cheap suites notice when a rule of the store is broken: for each mutation of a Lua script at least one of them fails.

Contract tests first, in this process, each over a house of its own on a store with the mutated scripts; then, for what they let
pass, the lives whose histories are checked, and the state machine."""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.redis import scripts
from infra_mind.tasks.store import StoreLimits
from tests.chaos.history import state_of
from tests.chaos.invariants import broken
from tests.chaos.lives import LIVES, Life, Scene
from tests.chaos.mutations import HOUSE, MUTATIONS, READS, Mutation, mutated, source
from tests.contract import (
    test_store_accept,
    test_store_alerts,
    test_store_assessments,
    test_store_cancel,
    test_store_events,
    test_store_fleet,
    test_store_objects,
    test_store_queue,
    test_store_rules,
    test_store_running,
    test_store_schedules,
    test_store_webhooks,
)
from tests.contract.houses import RedisHouse
from tests.contract.test_store_machine import Stores
from tests.stores import start_valkey

CONTRACT = (
    test_store_rules, test_store_running, test_store_cancel, test_store_accept, test_store_events, test_store_assessments, test_store_fleet,
    test_store_queue, test_store_alerts, test_store_webhooks, test_store_schedules, test_store_objects,
)  # fmt: skip
# Where the tests of a script are, if not among the first: they are asked before the others.
OWN = {
    "replay": test_store_queue, "put_key": test_store_queue, "revoke_key": test_store_queue, "take_request": test_store_queue,
    "worker_failed": test_store_alerts, "webhook_secret": test_store_webhooks, "due_deliveries": test_store_webhooks,
    "note_attempt": test_store_webhooks, "create_schedule": test_store_schedules, "delete_schedule": test_store_schedules,
    "enable_schedule": test_store_schedules, "fire_schedule": test_store_schedules, "note_object": test_store_objects,
    "objects_due": test_store_objects, "objects_gone": test_store_objects, "accept": test_store_accept, "cancel": test_store_cancel,
}  # fmt: skip
# Hundreds of claims, or many waits, each: others and the state machine ask the same.
LONG = {
    "test_a_flood_of_one_tenant_leaves_the_others_their_equal_share", "test_a_flood_of_critical_tasks_starves_nobody",
    "test_who_comes_late_has_not_saved_up_turns", "test_the_weight_of_a_tenant_is_its_share", "test_a_long_stream_is_trimmed_and_still_ends",
    "test_what_was_started_outlives_a_draft_made_after_it", "test_nothing_is_listed_once_everything_is_removed",
    "test_a_backlog_of_thousands_hides_nobody_and_is_handed_out_once_each",
}  # fmt: skip
PATIENCE_S = 10.0  # for one contract test: what is broken may wait for ever
GIVEN = {"store", "house", "limits", "storage"}

# What fails on purpose leaves connections open; they are collected before the next test.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """One for each mutation: a broken script may never end, and its server with it. Its file has everything that it has answered."""
    with start_valkey(tmp_path / "store", durability="strict") as server:
        yield server
        if server.pid is not None:
            psutil.Process(server.pid).kill()
    gc.collect()


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


def contract_tests(
    modules: tuple[ModuleType, ...] = CONTRACT,
) -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Those that ask for nothing but a store."""
    for module in modules:
        for name, test in vars(module).items():
            if not name.startswith("test_") or name in LONG or not inspect.iscoroutinefunction(test):
                continue
            for chosen in choices(test):
                if set(inspect.signature(test).parameters) <= GIVEN | set(chosen):
                    yield name, test, chosen


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


async def by_the_contract(url: str, folder: Path, file: str) -> str | None:
    first = OWN.get(file, CONTRACT[0])
    for name, test, chosen in contract_tests((first, *(one for one in CONTRACT if one is not first))):
        if not await passes(url, folder, test, chosen):
            return f"contract: {name}"
    return None


async def by_a_life(valkey: EmbeddedStore, folder: Path, life: Life) -> str | None:
    house = RedisHouse(valkey.url, StoreLimits(lease_s=60.0))
    scene = Scene(house, valkey.directory, life, folder / f"{uuid.uuid4().hex}.log")
    try:
        async with asyncio.timeout(15):
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


def by_the_machine(url: str, examples: int = 10) -> str | None:
    class Machine(Stores):
        pass

    Machine.url = url
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=examples, stateful_step_count=30, deadline=None, derandomize=True, database=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
            ),
        )  # fmt: skip
    except Exception as error:
        return f"state machine: {type(error).__name__}"
    return None


async def caught(valkey: EmbeddedStore, folder: Path, file: str = HOUSE) -> str | None:
    """Who notices that something is wrong with the scripts; None when nobody does."""
    if file not in OWN and (found := await asyncio.to_thread(by_the_machine, valkey.url, 4)):
        return found  # the cheapest for what every call touches
    if found := await by_the_contract(valkey.url, folder, file):
        return found
    for life in LIVES:
        if found := await by_a_life(valkey, folder, life):
            return found
    return await asyncio.to_thread(by_the_machine, valkey.url)


@pytest.mark.mutation
async def test_the_scripts_as_they_are_pass(valkey: EmbeddedStore, tmp_path: Path) -> None:
    assert await caught(valkey, tmp_path) is None


@pytest.mark.mutation
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_a_broken_rule_is_noticed(
    valkey: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutation: Mutation
) -> None:
    assert source(mutation.file).count(mutation.old) == 1, "the script has changed: change the mutation"
    monkeypatch.setattr(scripts, "load", mutated(scripts.load, mutation))
    found = await caught(valkey, tmp_path, mutation.file)
    assert found, f"nobody notices: {mutation.name}"
    print(found)


def test_every_transition_has_a_mutation() -> None:
    assert {one.file for one in MUTATIONS} >= set(scripts.NAMES) - READS | {HOUSE}
