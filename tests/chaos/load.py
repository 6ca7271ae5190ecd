"""The callers: they start assessments through the public API, watch some, cancel some, and remember what they were promised."""

from __future__ import annotations

import json
import math
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from infra_mind.client import Client
from infra_mind.errors import Conflict, TooMany, Unavailable
from infra_mind.model.task import Task
from tests.chaos.history import Start, Unreached, starts_of

T = TypeVar("T")

AGENTS = ("a", "b", "c", "d", "e")
NOTHING_RUNS_AFTER_S = 5.0
REACHED_AFTER_S = 10.0  # for what could not be told, counted from when it can be
LONG_S = 90.0


@dataclass
class Witness:
    """What the callers know, from all threads. `reachable_s`: for how long the platform can tell a run of an agent to stop."""

    agents_log: Path
    accepted: dict[str, str] = field(default_factory=dict)  # task -> assessment
    cancelled: list[str] = field(default_factory=list)
    alive: list[Start] = field(default_factory=list)
    unreached: dict[str, Unreached] = field(default_factory=dict)  # by the id of the start
    reachable_s: Callable[[Start], float] = lambda _: math.inf
    hooked: list[str] = field(default_factory=list)

    def starts(self) -> tuple[Start, ...]:
        return starts_of(self.agents_log.read_text().splitlines()) if self.agents_log.exists() else ()


def runs(start: Start, starts: tuple[Start, ...]) -> bool:
    """Whether this run of an agent goes on: its process lives, has not told its end and has begun nothing else."""
    if start.ended is not None or any(s.pid == start.pid and s.at > start.at for s in starts):
        return False
    try:
        process = psutil.Process(start.pid)
        return process.create_time() <= start.at + 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def open_starts(starts: tuple[Start, ...]) -> list[Start]:
    return [one for one in starts if one.ended is None and runs(one, starts)]


def insist(call: Callable[[], T], until: float) -> T:
    """Calls again while the platform is away: each caller knows that its request may have been taken. Raises after `until`."""
    while True:
        try:
            return call()
        except (Unavailable, TooMany):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def behaviour(chance: random.Random, *, long: bool) -> dict[str, Any]:
    """What one agent does. `long`: until it is stopped."""
    if long:
        return {"do": chance.choice(["burn", "block", "sleep", "child"]), "s": LONG_S}
    do = chance.choices(
        ["nothing", "sleep", "steps", "burn", "flaky", "crash", "child"], [35, 25, 20, 8, 5, 4, 3]
    )[0]
    seconds = round(chance.uniform(0.05, 0.15 if do == "burn" else 0.6), 2)
    return {"do": do, "s": seconds, "n": 8, "times": 1}


class Caller(threading.Thread):
    """Starts one assessment after the other until told to end; waits for each. Its choices follow from `seed` and `number`."""

    def __init__(
        self, client: Callable[[], Client], witness: Witness, *, seed: int, number: int, cancels: float,
        end: threading.Event, until: float, webhook: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name=f"caller-{number}", daemon=True)
        self._make, self._witness, self._cancels, self._end = client, witness, cancels, end
        self._chance = random.Random(f"{seed}/{number}")
        self._until, self._webhook = until, webhook
        self._count = 0
        self.problem: Exception | None = None

    def run(self) -> None:
        try:
            with self._make() as client:
                while not self._end.is_set():
                    self._one(client)
        except Exception as error:
            if time.monotonic() < self._until:
                self.problem = error

    def _one(self, client: Client) -> None:
        chance = self._chance
        cancel = chance.random() < self._cancels
        long = AGENTS[chance.randrange(3)] if cancel and chance.random() < 0.7 else None
        work = {name: behaviour(chance, long=name == long) for name in AGENTS}
        priority = chance.choice(["critical", "high", "medium", "low"])
        wait_s, watch = chance.uniform(0.0, 2.5), chance.random() < 0.5
        task = self.begin(client, work, priority=priority)
        if cancel:
            self._end.wait(wait_s)
            self._cancel(client, task)
        if watch and not cancel:
            insist(lambda: client.wait(task), self._until)
        self.ended(client, task)

    def begin(self, client: Client, work: dict[str, Any], **options: Any) -> str:
        self._count += 1
        witness, key = self._witness, uuid.uuid4().hex
        log = witness.agents_log.with_name(f"{self.name}-{self._count}.log")
        told = {"history": str(witness.agents_log), "log": str(log), **work}
        brief = {"name": f"{self.name} {self._count}", "goal": json.dumps(told)}
        if self._webhook:
            options["webhook_url"] = self._webhook
        made = insist(lambda: client.create(brief), self._until)
        task = insist(lambda: client.start(made.assessment_id, idempotency_key=key, **options), self._until)
        witness.accepted[task] = made.assessment_id
        if self._webhook:
            witness.hooked.append(task)
        return task

    def _cancel(self, client: Client, task: str) -> None:
        try:
            insist(lambda: client.cancel(task), self._until)
        except Conflict:
            return  # it was faster, or an earlier try of this very cancel was taken
        self._witness.cancelled.append(task)
        cancelled = time.monotonic()
        self.ended(client, task)
        time.sleep(max(0.0, cancelled + NOTHING_RUNS_AFTER_S - time.monotonic()))
        unreached = self._witness.unreached
        for one in self._running(task):
            if self._witness.reachable_s(one) > REACHED_AFTER_S:
                self._witness.alive.append(one)
            else:
                unreached[one.id] = Unreached(one, 0.0, 0.0)
        while left := [one for one in self._running(task) if one.id in unreached]:
            for one in left:
                back_s = self._witness.reachable_s(one)
                unreached[one.id] = Unreached(one, time.monotonic() - cancelled, back_s)
            if all(unreached[one.id].back_s > REACHED_AFTER_S for one in left):
                return
            time.sleep(0.2)

    def _running(self, task: str) -> list[Start]:
        starts = self._witness.starts()
        return [one for one in starts if one.task == task and runs(one, starts)]

    def ended(self, client: Client, task: str) -> Task:
        """Polls until it has ended. Raises after `until`."""
        while True:
            found = insist(lambda: client.task(task), self._until)
            if found.state.ended or time.monotonic() > self._until:
                return found
            time.sleep(0.1)
