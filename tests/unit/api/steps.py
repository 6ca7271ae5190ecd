"""Steps that the API's tests are told in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import FastAPI

from infra_mind.model.task import AgentState, TaskError, TaskState
from infra_mind.model.workers import Worker, WorkersStatus
from infra_mind.settings import IntakeLimits
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.store import AgentUpdate, Claim, Kept

AGENTS = ("security", "cost")
NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
LIMITS = IntakeLimits(max_body=64 * 1024, max_file=8 * 1024, max_total=32 * 1024, max_files=20)
BRIEF: dict[str, Any] = {"name": "Clinic assistant", "hosting": {"provider": "aws", "region": "eu-west-1"}}

RESULT: dict[str, Any] = {
    "assessment_id": "asm_1",
    "status": "completed",
    "summary": {"name": "Clinic", "headline": "<script>alert(1)</script>", "findings": {}, "key_facts": []},
    "recommendations": [],
    "agents": {},
    "failures": [],
    "inventory": [],
    "coverage": {
        "files": 0,
        "files_read": 0,
        "resources": 0,
        "checks_by_status": {},
        "agents_done": [],
        "agents_failed": [],
        "not_assessed": [],
    },
    "data_versions": {},
    "provenance": {},
}


MakeKey = Callable[..., Awaitable[str]]


async def workers() -> WorkersStatus:
    worker = Worker(
        name="w", node_id="n", status="alive", pool="agents", max_concurrency=2, active_tasks=1, resources={}
    )
    return WorkersStatus(workers=(worker,))


@dataclass
class Engine:
    """What a dispatcher does to tasks, one step at a time."""

    store: MemoryStore

    async def claim(self) -> Claim:
        (claim,) = await self.store.claim("d", 1)
        return claim

    async def progress(self, claim: Claim, agent: str, percent: float) -> None:
        update = AgentUpdate(claim.task_id, claim.fence, agent, AgentState.RUNNING, percent)
        assert await self.store.update([update]) == [True]

    async def keep(self, claim: Claim, agent: str) -> None:
        done = AgentUpdate(claim.task_id, claim.fence, agent, AgentState.DONE, 100.0)
        await self.store.keep(claim.task_id, claim.fence, Kept(agent, "h", b"{}"), agent=done, seconds=1.5)

    async def succeed(self, claim: Claim, result: bytes) -> None:
        await self.store.finish(
            claim.task_id, claim.fence, TaskState.SUCCESS, result=result, assessment_status="completed"
        )

    async def fail(self, claim: Claim) -> None:
        error = TaskError(type="TooFewAgents", message="security and cost failed", attempt=1)
        await self.store.finish(
            claim.task_id, claim.fence, TaskState.FAILURE, error=error, assessment_status="failed"
        )


def client_of(app: FastAPI, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://test/api/v1",
        headers={"Authorization": f"Bearer {key}"},
    )


async def draft(http: httpx.AsyncClient, **brief: Any) -> str:
    answer = await http.post("/assessments", json={**BRIEF, **brief})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["assessment_id"])


async def started(http: httpx.AsyncClient, **options: Any) -> tuple[str, str]:
    """(assessment_id, task_id) of a new assessment that was started."""
    assessment_id = await draft(http)
    answer = await http.post(f"/assessments/{assessment_id}/start", json=options)
    assert answer.status_code == 202, answer.text
    return assessment_id, str(answer.json()["task_id"])


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem details of an answer that must be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:infra-mind:problem:")
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == answer.request.url.path
    return body


def fields(answer: httpx.Response) -> dict[str, str]:
    """Path → problem and hint of a 422."""
    errors = problem(answer, 422)["errors"]
    return {item["path"]: f"{item['problem']} {item['hint']}".strip() for item in errors}
