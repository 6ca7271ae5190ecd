"""The store goes away for a while: nothing is accepted in silence, and everything goes on by itself afterwards."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psutil

from tests.e2e.steps import BRIEF, client_of, comparable, draft, ended, problem, start
from tests.platform import Platform
from tests.waiting import wait_until


@contextmanager
def frozen(engine: Platform) -> Iterator[psutil.Process]:
    """The store's process stands still, as it does on a machine that swaps or a network that drops everything."""
    (store,) = engine.processes("valkey-server")
    store.send_signal(signal.SIGSTOP)
    try:
        yield store
    finally:
        store.send_signal(signal.SIGCONT)


def test_a_start_while_the_store_hangs_is_503_and_the_same_key_starts_it_once_later(
    engine: Platform, http: httpx.Client
) -> None:
    assessment_id = draft(http)
    with frozen(engine):
        answer = http.post(f"/assessments/{assessment_id}/start", headers={"Idempotency-Key": "again"})
        assert int(answer.headers["retry-after"]) >= 1
        assert problem(answer, 503)["retry_after_s"] >= 1
        assert http.get(f"{engine.endpoint.url}/healthz").status_code == 200  # the process itself is well
    wait_until("it is ready again", lambda: http.get("/readyz").status_code == 200)
    task_id = start(http, assessment_id, key="again")
    assert ended(http, task_id)["state"] == "SUCCESS"
    mine = [
        t
        for t in http.get("/tasks", params={"limit": 200}).json()["items"]
        if t["info"]["assessment_id"] == assessment_id
    ]
    assert [t["task_id"] for t in mine] == [task_id]


CLIENTS, EACH, AWAY_S = 6, 4, 60.0


class Load:
    """Clients that each start assessments one after the other, EACH and until they may go, and come back with the same key for as
    long as they get 503."""

    def __init__(self, engine: Platform) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self.may_go = threading.Event()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.tasks: dict[str, set[str]] = {}

    def one_client(self, number: int) -> None:
        with client_of(self._engine, self._engine.home.api_key()) as http:
            i = 0
            while i < EACH or not self.may_go.is_set():
                i += 1
                made = self._until(http, "create", 201, "/assessments", json=BRIEF)
                assessment_id = str(made["assessment_id"])
                key = {"Idempotency-Key": f"load-{number}-{i}-{assessment_id}"}
                begun = self._until(http, "start", 202, f"/assessments/{assessment_id}/start", headers=key)
                with self._lock:
                    self.tasks.setdefault(assessment_id, set()).add(str(begun["task_id"]))

    def _until(self, http: httpx.Client, what: str, good: int, path: str, **more: Any) -> dict[str, Any]:
        while True:
            answer = http.post(path, **more)
            with self._lock:
                self.answers[what, answer.status_code] += 1
            if answer.status_code == good:
                body: dict[str, Any] = answer.json()
                return body
            assert problem(answer, 503)["retry_after_s"] >= 1

    def refused(self) -> int:
        with self._lock:
            return sum(count for (_, status), count in self.answers.items() if status == 503)

    def accepted(self) -> int:
        with self._lock:
            return self.answers["start", 202]


def test_under_load_every_start_is_answered_truly_and_ends_once_with_the_right_result(
    engine: Platform, http: httpx.Client
) -> None:
    """It is away for a minute; each client meets that about five times (an answer of the store is waited for 5 s), with tasks
    running all the while."""
    load = Load(engine)
    with ThreadPoolExecutor(CLIENTS) as clients:
        done = [clients.submit(load.one_client, number) for number in range(CLIENTS)]
        wait_until("work is under way", lambda: load.accepted() >= CLIENTS)
        try:
            with frozen(engine):
                back = time.monotonic() + AWAY_S
                wait_until("each is refused twice", lambda: load.refused() >= 2 * CLIENTS, timeout_s=120)
                wait_until("a minute is over", lambda: time.monotonic() > back, timeout_s=2 * AWAY_S)
        finally:
            load.may_go.set()
        for one in done:
            one.result(timeout=120)
    assert {status for _, status in load.answers} == {201, 202, 503}
    assert len(load.tasks) >= CLIENTS * EACH
    results = set()
    for assessment_id, tasks in load.tasks.items():
        (task_id,) = tasks
        assert ended(http, task_id)["state"] == "SUCCESS"
        result = http.get(f"/tasks/{task_id}/result").json()["result"]
        assert (result["assessment_id"], result["status"]) == (assessment_id, "completed")
        results.add(comparable(result))
    assert len(results) == 1
    listed = _all_tasks(http)
    assert {listed.count(assessment_id) for assessment_id in load.tasks} == {1}


def _all_tasks(http: httpx.Client) -> list[str]:
    """The assessment of every task of this tenant."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = http.get("/tasks", params={"limit": 200, **cursor}).json()
        found += [task["info"]["assessment_id"] for task in page["items"]]
        if not page["next_cursor"]:
            return found
        cursor = {"cursor": page["next_cursor"]}
