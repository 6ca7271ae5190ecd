"""Schedules as a person makes them, on a platform with two dispatchers. The time that passes is moved in the store, not waited for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra_mind.client import Client
from infra_mind.model.schedule import Schedule
from infra_mind.tasks.redis import RedisStore
from tests.e2e.steps import BRIEF, MINIMAL, draft, ended, problem
from tests.platform import Platform
from tests.waiting import wait_until

HOUR_MS = 3_600_000


@pytest.fixture
def cleared(client: Client) -> Iterator[None]:
    yield
    for one in client.schedules():
        client.delete_schedule(one.schedule_id)


pytestmark = pytest.mark.usefixtures("cleared")


def make_due(engine: Platform, schedule_id: str, ms_ago: int) -> None:
    """As if it had been due so long ago, and nobody had been there."""

    async def move() -> None:
        store = RedisStore(engine.endpoint.store_url)
        await store.enable_schedule("default", schedule_id, int(time.time() * 1000) - ms_ago)
        await store.close()

    asyncio.run(move())


def fired(client: Client, schedule_id: str) -> Schedule:
    def look() -> Schedule | None:
        found = client.schedule(schedule_id)
        return found if found.last_task_id else None

    return wait_until("it fires", look)


def test_hours_of_missed_times_are_one_assessment(
    engine: Platform, client: Client, http: httpx.Client
) -> None:
    made = client.create_schedule("each minute", "* * * * *", MINIMAL, enabled=False, priority="high")
    make_due(engine, made.schedule_id, 3 * HOUR_MS)
    schedule = fired(client, made.schedule_id)
    task = ended(http, str(schedule.last_task_id))
    client.enable_schedule(made.schedule_id, enabled=False)
    assert (task["state"], task["priority"], task["name"]) == ("SUCCESS", "high", "One small service")
    assert client.result(task["task_id"]).assessment_id == schedule.last_assessment_id
    assert schedule.next_due_at is not None
    assert schedule.last_due_at is not None
    assert schedule.next_due_at > schedule.last_due_at
    of_it = [
        one.task_id
        for one in client.tasks()
        if one.created_at >= made.created_at and one.name == task["name"]
    ]
    assert of_it.count(task["task_id"]) == 1
    assert len(of_it) <= 2  # a full minute may have passed in between


def test_the_command_line_makes_lists_pauses_and_deletes(engine: Platform, tmp_path: Path) -> None:
    brief = tmp_path / "brief.json"
    brief.write_text(json.dumps(BRIEF))
    words = ("--cron", "0 6 * * 1", "--timezone", "Europe/Berlin", "--brief", str(brief))
    ran = engine.run("schedules", "create", "Every Monday", *words, "--json")
    assert ran.returncode == 0, ran.stderr
    made: dict[str, Any] = json.loads(ran.stdout)
    row = engine.run("schedules", "list").stdout
    assert row.startswith(f"{made['schedule_id']}  0 6 * * 1 Europe/Berlin  next 2")
    assert row.rstrip().endswith("last never fired  Every Monday")
    assert "next paused" in engine.run("schedules", "pause", made["schedule_id"]).stdout
    assert f"next {made['next_due_at']}" in engine.run("schedules", "resume", made["schedule_id"]).stdout
    assert engine.run("schedules", "delete", made["schedule_id"]).stdout == f"deleted {made['schedule_id']}\n"
    assert json.loads(engine.run("schedules", "list", "--json").stdout) == []


def test_a_copy_of_an_assessment_is_assessed_after_it_was_deleted(
    engine: Platform, client: Client, http: httpx.Client
) -> None:
    assessment_id = draft(http)
    made = client.create_schedule("copy", "0 0 1 1 *", assessment_id=assessment_id)
    client.delete(assessment_id)
    make_due(engine, made.schedule_id, 60_000)
    schedule = fired(client, made.schedule_id)
    assert ended(http, str(schedule.last_task_id))["name"] == BRIEF["name"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cron", "61 * * * *", "--brief", str(MINIMAL)), "cron: has a bad minute"),
        (("--cron", "* * * * *", "--timezone", "Mars/Base", "--brief", str(MINIMAL)), "timezone: is not"),
        (("--cron", "* * * * *", "--assessment", "asm_none"), "assessment_id: there is no such"),
        (("--cron", "* * * * *"), "--brief"),
    ],
)
def test_what_is_wrong_is_named(engine: Platform, words: tuple[str, ...], says: str) -> None:
    ran = engine.run("schedules", "create", "x", *words)
    assert ran.returncode == 2
    assert says in ran.stderr


def test_another_tenants_schedule_is_not_there(client: Client, rival: httpx.Client) -> None:
    made = client.create_schedule("mine", "0 0 1 1 *", BRIEF)
    problem(rival.get(f"/schedules/{made.schedule_id}"), 404)
    problem(rival.delete(f"/schedules/{made.schedule_id}"), 404)
    assert rival.get("/schedules").json() == {"items": []}
