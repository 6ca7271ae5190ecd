"""Starting an assessment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from infra_mind.api.app import create_app
from infra_mind.model.api_key import new_key
from infra_mind.model.task import StartOptions, TaskState
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.store import Accepted, StoreLimits
from tests.unit.api.steps import AGENTS, LIMITS, NOW, client_of, draft, fields, problem, started, workers


async def test_a_start_is_accepted(http: httpx.AsyncClient) -> None:
    assessment_id = await draft(http)
    answer = await http.post(f"/assessments/{assessment_id}/start")
    body = answer.json()
    task_id = body.pop("task_id")
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/tasks/{task_id}"
    assert body.pop("message")
    assert body == {
        "assessment_id": assessment_id,
        "status": "in_progress",
        "progress_percentage": 0.0,
        "current_step": "queued_for_processing",
    }


async def test_the_task_has_the_options_and_all_agents(http: httpx.AsyncClient, store: MemoryStore) -> None:
    url = "https://hooks.example.com/"
    _, task_id = await started(http, priority="critical", soft_limit_s=30, hard_limit_s=60.5, webhook_url=url)
    (claim,) = await store.claim("d", 1)
    assert claim.task_id == task_id
    assert claim.agents == AGENTS
    assert claim.options.model_dump(mode="json") == {
        "priority": "critical",
        "delay_s": None,
        "not_before": None,
        "soft_limit_s": 30.0,
        "hard_limit_s": 60.5,
        "agent_soft_limit_s": None,
        "agent_hard_limit_s": None,
        "webhook_url": url,
    }


async def test_the_same_key_gives_the_same_task(http: httpx.AsyncClient) -> None:
    assessment_id = await draft(http)
    answers = [
        await http.post(f"/assessments/{assessment_id}/start", headers={"Idempotency-Key": "k-1"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["task_id"] for answer in answers}) == 1
    assert len((await http.get("/tasks")).json()["items"]) == 1


async def test_the_same_key_for_another_assessment_is_a_conflict(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k-1"}
    await http.post(f"/assessments/{await draft(http)}/start", headers=headers)
    problem(await http.post(f"/assessments/{await draft(http)}/start", headers=headers), 409)


async def test_a_second_start_while_it_runs_is_a_conflict(http: httpx.AsyncClient) -> None:
    assessment_id, _ = await started(http)
    problem(await http.post(f"/assessments/{assessment_id}/start"), 409)


async def test_an_unknown_assessment_cannot_be_started(http: httpx.AsyncClient) -> None:
    problem(await http.post("/assessments/asm_none/start"), 404)


async def test_over_the_tenants_queue_limit_is_429_with_retry_after() -> None:
    store = MemoryStore(StoreLimits(max_queued_per_tenant=1))
    plain, kept = new_key("acme", "", NOW)
    await store.put_key(kept)
    async with client_of(create_app(store, agents=AGENTS, limits=LIMITS, workers=workers), plain) as http:
        await started(http)
        answer = await http.post(f"/assessments/{await draft(http)}/start")
        assert problem(answer, 429)["retry_after_s"] > 0
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
async def test_a_bad_idempotency_key_is_named(http: httpx.AsyncClient, key: str) -> None:
    answer = await http.post(f"/assessments/{await draft(http)}/start", headers={"Idempotency-Key": key})
    assert list(fields(answer)) == ["Idempotency-Key"]


@pytest.mark.parametrize(
    ("options", "field", "says"),
    [
        ({"priorty": "high"}, "priorty", "did you mean `priority`?"),
        ({"priority": "urgent"}, "priority", "'critical'"),
        ({"priority": 1}, "priority", ""),
        ({"soft_limit_s": 0}, "soft_limit_s", "greater than 0"),
        ({"soft_limit_s": "10"}, "soft_limit_s", "number"),
        ({"hard_limit_s": 1e9}, "hard_limit_s", "less than"),
        ({"soft_limit_s": 20, "hard_limit_s": 10}, "soft_limit_s", "not below hard_limit_s (10 s)"),
        ({"soft_limit_s": 10, "hard_limit_s": 10}, "soft_limit_s", "not below hard_limit_s (10 s)"),
        ({"delay_s": -1}, "delay_s", "greater than or equal to 0"),
        ({"not_before": "tomorrow"}, "not_before", "not a time in ISO 8601"),
        ({"not_before": "2999-01-01T00:00:00Z"}, "not_before", "more than 31 days ahead"),
        ({"delay_s": 1, "not_before": "2020-01-01T00:00:00Z"}, "", "give one of them"),
        ({"webhook_url": "example.com/hook"}, "webhook_url", "must begin with https://"),
        ({"webhook_url": 5}, "webhook_url", "string"),
        ({"webhook_url": "https://me:hunter2@example.com/"}, "webhook_url", "user name or password"),
        ({"webhook_url": "https://10.0.0.1/"}, "webhook_url", "not public"),
        ({"webhook_url": "https://localhost/"}, "webhook_url", "not public"),
        ({"webhook_url": "http://example.com/"}, "webhook_url", "https://"),
        ({"webhook_url": "https://e.example/" + "x" * 2_048}, "webhook_url", "2048 characters"),
    ],
)
async def test_a_bad_option_is_named_and_nothing_starts(
    http: httpx.AsyncClient, options: dict[str, Any], field: str, says: str
) -> None:
    found = fields(await http.post(f"/assessments/{await draft(http)}/start", json=options))
    assert list(found) == [field]
    assert says in found[field]
    assert (await http.get("/tasks")).json()["items"] == []


async def test_all_bad_options_are_named_at_once(http: httpx.AsyncClient) -> None:
    options = {"webhook_url": "x", "soft_limit_s": -1, "speed": "fast"}
    found = fields(await http.post(f"/assessments/{await draft(http)}/start", json=options))
    assert set(found) == {"webhook_url", "soft_limit_s", "speed"}


@pytest.mark.parametrize("body", [b"[]", b'"high"', b"{", b"\xff", b'{"priority":"low","priority":"high"}'])
async def test_a_body_that_is_no_object_of_options_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    problem(await http.post(f"/assessments/{await draft(http)}/start", content=body), 422)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"priority": "\\ud800"}', "priority"),
        (b'{"webhook_url": "https://a.example/\\uDFFF"}', "webhook_url"),
        (b'{"\\ud800": 1}', "\\ud800"),
        (b'{"not_before": [{"a": "\\ud800"}]}', "not_before.0.a"),
    ],
)
async def test_half_a_surrogate_pair_is_named(http: httpx.AsyncClient, body: bytes, path: str) -> None:
    answer = await http.post(f"/assessments/{await draft(http)}/start", content=body)
    assert [field["path"] for field in problem(answer, 422)["errors"]] == [path]


async def test_a_whole_surrogate_pair_is_text(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/assessments", content=b'{"name": "\\ud83d\\ude00"}', headers={"content-type": "application/json"}
    )
    assert answer.json()["name"] == "\N{GRINNING FACE}"


@pytest.mark.parametrize("route", ["/assessments", "/schedules", "/assessments/{}/start"])
async def test_a_compressed_body_is_refused_with_what_to_do(http: httpx.AsyncClient, route: str) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = await http.post(route.format(await draft(http)), content=b"\x1f\x8b", headers=headers)
    assert "without a Content-Encoding" in problem(answer, 415)["detail"]
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_crowd_of_options_is_refused(http: httpx.AsyncClient) -> None:
    options = {f"option_{i}": 1 for i in range(1000)}
    problem(await http.post(f"/assessments/{await draft(http)}/start", json=options), 422)


async def test_options_of_megabytes_are_refused(http: httpx.AsyncClient) -> None:
    problem(await http.post(f"/assessments/{await draft(http)}/start", content=b" " * 70_000), 413)


class GatedStore(MemoryStore):
    """The store, on a connection that is slow to take a commit."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.gate = asyncio.Event(), asyncio.Event()

    async def accept(
        self,
        tenant: str,
        assessment_id: str,
        task_id: str,
        options: StartOptions,
        agents: Sequence[str],
        idempotency_key: str | None = None,
        kept_from: str | None = None,
    ) -> Accepted:
        self.reached.set()
        await self.gate.wait()
        return await super().accept(
            tenant, assessment_id, task_id, options, agents, idempotency_key, kept_from
        )


async def test_a_start_whose_client_goes_away_is_still_committed() -> None:
    store = GatedStore()
    plain, kept = new_key("acme", "", NOW)
    await store.put_key(kept)
    async with client_of(create_app(store, agents=AGENTS, limits=LIMITS, workers=workers), plain) as http:
        call = asyncio.create_task(http.post(f"/assessments/{await draft(http)}/start"))
        await store.reached.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        store.gate.set()
        (claim,) = await _claimed(store)
    assert (await store.task(None, claim.task_id)).state is TaskState.STARTED


async def _claimed(store: MemoryStore) -> list[Any]:
    async with asyncio.timeout(5):
        while not (claims := await store.claim("d", 1)):  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0)
    return claims
