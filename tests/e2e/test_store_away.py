"""The store goes away for a while: nothing is accepted in silence, and everything goes on by itself afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil

from tests.e2e.steps import draft, ended, problem, start
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
