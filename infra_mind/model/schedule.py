"""Schedules: recurring assessments, as their owner sees them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from infra_mind.model.base import Value


class Schedule(Value):
    """Times in ISO 8601 UTC. `next_due_at` is null while it is paused."""

    schedule_id: str
    name: str
    cron: str
    timezone: str
    coalesce: bool
    enabled: bool
    options: dict[str, Any] = Field(description="Of every start; of a webhook_url only the host is shown")
    created_at: str
    next_due_at: str | None = None
    last_due_at: str | None = Field(default=None, description="The due time that was acted on last")
    last_fired_at: str | None = None
    last_assessment_id: str | None = None
    last_task_id: str | None = None
    last_error: str | None = Field(
        default=None, description="Why the last due time started nothing, such as TooMany"
    )
