"""The seed's API: a record is written and the task sent from inside an async handler, both blocking, as the seed did it."""

from __future__ import annotations

import os
import uuid
from typing import Any, Literal

import redis
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from bench.seed.tasks import STORE_URL, begin, celery

app = FastAPI()
records: Any = redis.Redis.from_url(os.environ[STORE_URL], decode_responses=True)


class Draft(BaseModel):
    name: str
    goal: str


@app.get("/readyz")
async def ready() -> dict[str, str]:
    records.ping()
    return {"status": "ready"}


@app.post("/assessments", status_code=201)
async def create(draft: Draft) -> dict[str, str]:
    assessment_id = uuid.uuid4().hex
    records.hset(f"assessment:{assessment_id}", mapping={**draft.model_dump(), "status": "draft"})
    return {"assessment_id": assessment_id, "status": "draft"}


@app.post("/assessments/{assessment_id}/start", status_code=202)
async def start(assessment_id: str, design: Literal["gather", "chord"] = "gather") -> dict[str, Any]:
    record = records.hgetall(f"assessment:{assessment_id}")
    if not record:
        raise HTTPException(404)
    task_id = begin(design, record["goal"])
    records.hset(f"assessment:{assessment_id}", mapping={"status": "in_progress", "task_id": task_id})
    return {
        "assessment_id": assessment_id,
        "status": "in_progress",
        "progress_percentage": 0.0,
        "current_step": "queued_for_processing",
        "task_id": task_id,
    }


@app.get("/tasks/{task_id}")
async def task(task_id: str) -> dict[str, Any]:
    """State, and when Celery wrote the result."""
    found = celery.AsyncResult(task_id)
    state = found.state  # first: what is read after the end is of the end
    ended = found.date_done
    return {"task_id": task_id, "state": state, "ended_at": ended.isoformat() if ended else None}


@app.get("/tasks/{task_id}/result")
async def result(task_id: str) -> dict[str, Any]:
    found = celery.AsyncResult(task_id)
    if not found.ready():
        raise HTTPException(409)
    return {"task_id": task_id, "state": found.state, "result": found.result}
