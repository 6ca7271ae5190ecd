"""Health, readiness, metrics, workers, and the descriptions of the interface."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra_mind.model.brief import brief_schema
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.store import DispatcherInfo
from tests.unit.api.steps import Engine, problem, started

ROOTS = pytest.mark.parametrize("root", ["", "/api/v1"])


@ROOTS
async def test_health_needs_no_key(anyone: httpx.AsyncClient, root: str) -> None:
    answer = await anyone.get(f"{root}/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@ROOTS
async def test_monitors_may_ask_with_head(anyone: httpx.AsyncClient, store: MemoryStore, root: str) -> None:
    assert (await anyone.head(f"{root}/healthz")).status_code == 200
    assert (await anyone.head(f"{root}/readyz")).status_code == 503
    await store.heartbeat(DispatcherInfo("d", "n", active_tasks=0, slots=2))
    assert (await anyone.head(f"{root}/readyz")).status_code == 200


@ROOTS
async def test_ready_with_a_live_dispatcher(anyone: httpx.AsyncClient, store: MemoryStore, root: str) -> None:
    await store.heartbeat(DispatcherInfo("d", "n", active_tasks=0, slots=2))
    answer = await anyone.get(f"{root}/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "dispatchers": 1})


@ROOTS
async def test_not_ready_without_a_dispatcher(anyone: httpx.AsyncClient, root: str) -> None:
    answer = await anyone.get(f"{root}/readyz")
    assert "dispatcher" in problem(answer, 503)["detail"]
    assert int(answer.headers["retry-after"]) >= 1


@ROOTS
async def test_metrics_need_a_key(anyone: httpx.AsyncClient, root: str) -> None:
    problem(await anyone.get(f"{root}/metrics"), 401)


async def test_metrics_are_what_the_store_counts(
    http: httpx.AsyncClient, engine: Engine, store: MemoryStore
) -> None:
    await store.heartbeat(DispatcherInfo("d", "n", active_tasks=0, slots=2))
    for _ in range(2):
        await started(http)
    claim = await engine.claim()
    await engine.keep(claim, "security")
    await engine.succeed(claim, b"{}")
    await started(http, priority="low")
    await engine.claim()
    answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["infra_mind_tasks_accepted_total",] == 3
    assert samples["infra_mind_tasks_ended_total", "SUCCESS"] == 1
    assert samples["infra_mind_tasks_ended_total", "REVOKED"] == 0
    assert samples["infra_mind_queue_depth", "low"] == 1
    assert samples["infra_mind_queue_depth", "medium"] == 0
    assert samples["infra_mind_queue_oldest_age_seconds", "low"] >= 0
    assert ("infra_mind_queue_oldest_age_seconds", "medium") not in samples
    assert samples["infra_mind_agent_seconds_total", "security"] == 1.5
    assert samples["infra_mind_agent_runs_total", "security", "DONE"] == 1
    assert samples["infra_mind_tasks_running",] == 1
    assert samples["infra_mind_dispatchers",] == 1


@pytest.mark.parametrize("path", ["/workers/status", "/tasks/workers/status"])
async def test_workers_and_the_queue(http: httpx.AsyncClient, path: str) -> None:
    await started(http, priority="high")
    body = (await http.get(path)).json()
    assert body["total_workers"] == 1
    assert body["workers"][0]["name"] == "w"
    assert body["queue"]["depth"] == {"critical": 0, "high": 1, "medium": 0, "low": 0}
    assert body["queue"]["oldest_age_s"] >= 0
    assert "autoscaler" in body


async def test_workers_of_an_empty_queue(http: httpx.AsyncClient) -> None:
    assert (await http.get("/workers/status")).json()["queue"]["oldest_age_s"] is None


@ROOTS
async def test_the_briefs_schema(anyone: httpx.AsyncClient, root: str) -> None:
    answer = await anyone.get(f"{root}/schema/brief.json")
    assert answer.headers["content-type"].startswith("application/schema+json")
    assert answer.json() == brief_schema()


async def test_every_answer_carries_the_security_headers(
    anyone: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    for answer in [await anyone.get("/healthz"), await anyone.get("/nowhere"), await http.get("/tasks")]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_no_other_origin_is_let_in(anyone: httpx.AsyncClient) -> None:
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = await anyone.options("/api/v1/assessments", headers=headers)
    assert "access-control-allow-origin" not in answer.headers
    problem(answer, 405)
