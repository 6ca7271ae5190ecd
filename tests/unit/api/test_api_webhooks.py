"""Webhooks over HTTP: the option, the log, the secret."""

from __future__ import annotations

import base64

import httpx
import pytest
from fastapi import FastAPI

from infra_mind.api.app import create_app
from infra_mind.api.context import ApiSettings
from infra_mind.model.webhook import DeliveryState
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.webhooks.addresses import AddressPolicy
from infra_mind.tasks.webhooks.outbox import Attempted
from tests.unit.api.steps import (
    AGENTS,
    LIMITS,
    Engine,
    MakeKey,
    client_of,
    draft,
    fields,
    problem,
    started,
    workers,
)

URL = "https://hooks.example.com/s3cr3t"


async def test_the_end_of_a_started_task_stands_in_its_log(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    _, task_id = await started(http, webhook_url=URL)
    assert (await http.get(f"/tasks/{task_id}/webhooks")).json() == {"items": []}
    await engine.fail(await engine.claim())
    (due,) = await store.due_deliveries(1, lease_s=60, most_attempts=9, per_tenant=9, in_flight={})
    await store.note_attempt(due.webhook_id, 1, Attempted(DeliveryState.PENDING, 0.25, 503, wait_s=5))
    (item,) = (await http.get(f"/tasks/{task_id}/webhooks")).json()["items"]
    assert (item["webhook_id"], item["task_id"], item["state"]) == (due.webhook_id, task_id, "pending")
    assert (item["type"], item["url"]) == ("assessment.failed", "https://hooks.example.com/…")
    (attempt,) = item["attempts"]
    assert (attempt["attempt"], attempt["status_code"], attempt["error"], attempt["duration_s"]) == (
        1,
        503,
        None,
        0.25,
    )
    assert item["next_attempt_at"] > attempt["at"]


async def test_the_url_is_shown_to_nobody(http: httpx.AsyncClient) -> None:
    _, task_id = await started(http, webhook_url=URL)
    for path in (f"/tasks/{task_id}", "/tasks", f"/tasks/{task_id}/webhooks", "/assessments"):
        assert "s3cr3t" not in (await http.get(path)).text


async def test_a_url_that_is_refused_is_not_repeated(http: httpx.AsyncClient) -> None:
    url = "https://me:hunter2@hooks.example.com/"
    answer = await http.post(f"/assessments/{await draft(http)}/start", json={"webhook_url": url})
    assert "hunter2" not in answer.text
    assert "user name or password" in fields(answer)["webhook_url"]


async def test_another_tenant_sees_no_log(http: httpx.AsyncClient, rival: httpx.AsyncClient) -> None:
    _, task_id = await started(http, webhook_url=URL)
    problem(await rival.get(f"/tasks/{task_id}/webhooks"), 404)
    problem(await http.get("/tasks/tsk_none/webhooks"), 404)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/hook", "https://localhost/hook"])
async def test_an_operator_may_allow_a_network(store: MemoryStore, make_key: MakeKey, url: str) -> None:
    app = create_app(
        store, agents=AGENTS, limits=LIMITS, workers=workers,
        settings=ApiSettings(webhook_addresses=AddressPolicy.of("127.0.0.0/8")),
    )  # fmt: skip
    async with client_of(app, await make_key()) as client:
        await started(client, webhook_url=url)
        answer = await client.post(
            f"/assessments/{await draft(client)}/start", json={"webhook_url": "https://10.0.0.1/"}
        )
        assert "not public" in fields(answer)["webhook_url"]


async def test_a_tenant_has_one_secret_and_only_its_own(
    http: httpx.AsyncClient, rival: httpx.AsyncClient
) -> None:
    first, again = [(await http.get("/webhooks/secret")).json() for _ in range(2)]
    assert first == again
    assert len(base64.b64decode(first["secret"].removeprefix("whsec_"), validate=True)) == 32
    assert (await rival.get("/webhooks/secret")).json()["secret"] != first["secret"]


async def test_the_secret_needs_a_key_and_is_cached_nowhere(
    http: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    assert (await http.get("/webhooks/secret")).headers["cache-control"] == "no-store"
    for call in (anyone.get("/api/v1/webhooks/secret"), anyone.post("/api/v1/webhooks/secret/rotate")):
        problem(await call, 401)


async def test_a_rotation_gives_a_new_one_and_says_how_long_the_former_signs(http: httpx.AsyncClient) -> None:
    first = (await http.get("/webhooks/secret")).json()
    rotated = (await http.post("/webhooks/secret/rotate")).json()
    assert rotated["secret"] != first["secret"]
    assert (first["previous_until"], rotated["previous_until"] > rotated["created_at"]) == (None, True)
    assert (await http.get("/webhooks/secret")).json() == rotated


async def test_metrics_count_deliveries(
    app: FastAPI, http: httpx.AsyncClient, anyone: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    await started(http, webhook_url=URL)
    await engine.fail(await engine.claim())
    (due,) = await store.due_deliveries(1, lease_s=60, most_attempts=9, per_tenant=9, in_flight={})
    await store.note_attempt(due.webhook_id, 1, Attempted(DeliveryState.DELIVERED, 0.1, 200))
    text = (await http.get("/metrics")).text
    assert 'infra_mind_webhooks_total{outcome="delivered"} 1.0' in text
    assert 'infra_mind_webhooks_total{outcome="failed"} 0.0' in text
