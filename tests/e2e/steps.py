"""Steps that these tests are told in."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra_mind.client import Client
from infra_mind.model.task import TaskState
from tests.platform import ROOT, Platform
from tests.waiting import wait_until

CLINIC = ROOT / "examples" / "clinic" / "brief.yaml"
MINIMAL = ROOT / "examples" / "minimal" / "brief.yaml"
BRIEF: dict[str, Any] = {
    "name": "One service",
    "hosting": {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "m5.xlarge", "count": 3}]},
}


@dataclass(frozen=True)
class Tried:
    """A run of the command line, and the report that it wrote."""

    ran: subprocess.CompletedProcess[str]
    report: Path

    @property
    def result(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.ran.stdout)
        return parsed


def client_of(engine: Platform, key: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(
        base_url=f"{engine.endpoint.url}/api/v1", headers=headers, timeout=30, trust_env=False
    )


def facts(result: dict[str, Any]) -> dict[str, Any]:
    """Fact id → value, over all agents."""
    return {fact["id"]: fact["value"] for agent in result["agents"].values() for fact in agent["facts"]}


def comparable(result: dict[str, Any]) -> bytes:
    """A result without what belongs to its run."""
    return json.dumps({k: v for k, v in result.items() if k not in ("assessment_id", "provenance")}).encode()


def draft(http: httpx.Client, brief: dict[str, Any] | None = None) -> str:
    answer = http.post("/assessments", json=brief or BRIEF)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["assessment_id"])


def start(http: httpx.Client, assessment_id: str, key: str | None = None) -> str:
    answer = http.post(f"/assessments/{assessment_id}/start", headers={"Idempotency-Key": key} if key else {})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["task_id"])


def ended(http: httpx.Client, task_id: str) -> dict[str, Any]:
    """The task, once it has ended."""

    def look() -> dict[str, Any] | None:
        task: dict[str, Any] = http.get(f"/tasks/{task_id}").json()
        return task if TaskState(task["state"]).ended else None

    return wait_until(f"{task_id} ends", look)


def assess(client: Client, brief: dict[str, Any], **files: str) -> dict[str, Any]:
    """The result of a brief with inline files, as plain data."""
    if files:
        brief = {**brief, "artefacts": [{"path": path, "content": text} for path, text in files.items()]}
    parsed: dict[str, Any] = json.loads(client.assess(brief).to_json())
    return parsed


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem details of an answer that must be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["detail"]
    return body


def sound(engine: Platform) -> None:
    """The platform takes work and does it."""
    with engine.client() as client:
        assert client.assess(BRIEF).status == "completed"
