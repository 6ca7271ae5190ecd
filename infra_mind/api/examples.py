"""One small value of each shape of the interface, for `/openapi.json`. A test holds every one against its schema."""

from __future__ import annotations

from typing import Any

_ASSESSMENT_ID = "asm_5f0c2a9e71d44b6f8a3e90cd"
_TASK_ID = "tsk_91be03c47da84f2eb5d6017a"
_AT = "2026-01-15T09:30:00.000Z"

BRIEF: dict[str, Any] = {
    "name": "Clinic assistant",
    "goal": "Answer questions over patient notes with a self-hosted model",
    "compliance": {"regimes": ["gdpr"], "data_classes": ["health"]},
    "hosting": {
        "provider": "aws",
        "region": "eu-west-1",
        "nodes": [{"instance": "m5.xlarge", "count": 3, "utilisation": 0.5}],
    },
    "artefacts": [{"path": "main.tf", "content": 'resource "aws_s3_bucket" "notes" {}\n'}],
}
BRIEF_YAML = """\
name: Clinic assistant
hosting: {provider: aws, region: eu-west-1}
artefacts: [{path: main.tf, content: 'resource "aws_s3_bucket" "notes" {}'}]
"""
DRAFT: dict[str, Any] = {
    "assessment_id": _ASSESSMENT_ID,
    "name": "Clinic assistant",
    "status": "draft",
    "created_at": _AT,
    "updated_at": _AT,
    "task_id": None,
    "artefact_files": 1,
}
ASSESSMENTS = {"items": [DRAFT], "next_cursor": None}
START = {
    "priority": "high",
    "soft_limit_s": 300,
    "hard_limit_s": 600,
    "webhook_url": "https://hooks.example.com/infra-mind",
}
STARTED = {
    "assessment_id": _ASSESSMENT_ID,
    "status": "in_progress",
    "progress_percentage": 0.0,
    "current_step": "queued_for_processing",
    "task_id": _TASK_ID,
    "message": "Assessment started",
}
_AGENT = {
    "state": "RUNNING",
    "progress": 40.0,
    "attempt": 1,
    "started_at": _AT,
    "ended_at": None,
    "retry_at": None,
    "note": "12 of 30 checks",
    "reason": "",
}
TASK: dict[str, Any] = {
    "task_id": _TASK_ID,
    "state": "PROGRESS",
    "info": {
        "assessment_id": _ASSESSMENT_ID,
        "current_step": "security",
        "progress": 40.0,
        "message": "security: 12 of 30 checks",
        "agents": {"security": _AGENT},
        "updated_at": _AT,
    },
    "attempt": 1,
    "priority": "medium",
    "created_at": _AT,
    "started_at": _AT,
    "ended_at": None,
    "expires_at": None,
    "cancel_requested": False,
    "error": None,
    "name": "Clinic assistant",
}
TASKS = {"items": [TASK], "next_cursor": None}
DELIVERIES = {
    "items": [
        {
            "webhook_id": "msg_6f1c3bd86b0b1a6a2f1d3c0e9c2b7d5e8f4a1b2c",
            "task_id": _TASK_ID,
            "type": "assessment.completed",
            "url": "https://hooks.example.com/…",
            "state": "pending",
            "created_at": _AT,
            "attempts": [{"attempt": 1, "at": _AT, "duration_s": 0.21, "status_code": 503, "error": None}],
            "next_attempt_at": "2026-01-15T09:30:05.400Z",
        }
    ]
}
SCHEDULE_REQUEST = {
    "name": "Every Monday",
    "cron": "0 6 * * 1",
    "timezone": "Europe/Berlin",
    "assessment_id": _ASSESSMENT_ID,
    "options": {"priority": "low", "webhook_url": "https://hooks.example.com/infra-mind"},
}
SCHEDULE = {
    "schedule_id": "sch_0d9c5be21f7744d08a3be6c4",
    "name": "Every Monday",
    "cron": "0 6 * * 1",
    "timezone": "Europe/Berlin",
    "coalesce": True,
    "enabled": True,
    "options": {"priority": "low", "webhook_url": "https://hooks.example.com/…"},
    "created_at": _AT,
    "next_due_at": "2026-01-26T05:00:00.000Z",
    "last_due_at": "2026-01-19T05:00:00.000Z",
    "last_fired_at": "2026-01-19T05:00:00.412Z",
    "last_assessment_id": _ASSESSMENT_ID,
    "last_task_id": _TASK_ID,
    "last_error": None,
}
WEBHOOK_SECRET = {
    "secret": "whsec_" + "A" * 43 + "=",
    "created_at": _AT,
    "previous_until": None,
}
CANCELLED = {
    "task_id": _TASK_ID,
    "state": "PROGRESS",
    "cancel_requested": True,
    "message": "Cancelling; it ends as REVOKED within seconds",
}
ASSESSMENT_RESULT: dict[str, Any] = {
    "assessment_id": _ASSESSMENT_ID,
    "status": "completed",
    "summary": {"name": "Clinic assistant", "headline": "No findings", "findings": {}, "key_facts": []},
    "recommendations": [],
    "agents": {"security": {"facts": [], "findings": [], "assumptions": []}},
    "failures": [],
    "inventory": [],
    "coverage": {
        "files": 1,
        "files_read": 1,
        "resources": 1,
        "checks_by_status": {},
        "agents_done": ["security"],
        "agents_failed": [],
        "not_assessed": ["budget"],
    },
    "data_versions": {},
    "provenance": {},
}
DIFF: dict[str, Any] = {
    "before": _ASSESSMENT_ID,
    "after": "asm_77c1de0b5a9f4e0c8d2b6f13",
    "new": [],
    "fixed": [],
    "unchanged": [],
    "unsettled": [],
    "facts": [
        {
            "id": "cost.total_usd_per_month",
            "before": 58420.48,
            "after": 51200.0,
            "unit": "USD/month",
            "unit_before": None,
            "change": -7220.48,
            "change_share": -0.12359501,
        }
    ],
    "recommendations": [
        {"id": "close-letters", "title": "Close the bucket with letters", "rank_before": 2, "rank_after": 1}
    ],
    "data_versions": [],
    "notes": [],
}
WHAT_IF_REQUEST = {
    "brief": {"budget": {"usd_per_month": 50000}},
    "sweep": {"llm_serving.0.gpu": ["h100_sxm", "h200_sxm"]},
}
WHAT_IF: dict[str, Any] = {
    "base_assessment_id": _ASSESSMENT_ID,
    "base_task_id": _TASK_ID,
    "variants": [
        {
            "assessment_id": "asm_77c1de0b5a9f4e0c8d2b6f13",
            "task_id": "tsk_77c1de0b5a9f4e0c8d2b6f13",
            "name": "Clinic assistant, what if llm_serving.0.gpu=h100_sxm",
            "values": {"llm_serving.0.gpu": "h100_sxm"},
            "changed": ["budget", "llm_serving"],
            "diff": f"/api/v1/assessments/{_ASSESSMENT_ID}/diff/asm_77c1de0b5a9f4e0c8d2b6f13",
        }
    ],
}
REPORTS = {
    "text/html": "<!doctype html>…",
    "text/markdown": "# Clinic assistant\n",
    "text/csv": "fingerprint,rule_id,severity,status\r\n",
    "application/xml": '<testsuites name="Clinic assistant" tests="0" />',
    "application/pdf": "%PDF-1.7…",
}
SARIF = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Infra Mind"}}, "results": []}]}
CYCLONEDX = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [], "services": []}
RESULT = {"task_id": _TASK_ID, "state": "SUCCESS", "result": ASSESSMENT_RESULT}
EVENTS = (
    'event: snapshot\ndata: {"task_id": "' + _TASK_ID + '", "state": "STARTED", ...}\n\n'
    'id: 1768469400000-3\nevent: progress\ndata: {"task_id": "'
    + _TASK_ID
    + '", "state": "PROGRESS", "progress": 40.0, ...}\n\n'
)
WORKERS = {
    "workers": [
        {
            "name": "dispatcher-0",
            "node_id": "node-1",
            "status": "alive",
            "pool": "dispatcher",
            "max_concurrency": 4,
            "active_tasks": 1,
            "resources": {"CPU": 4.0},
        }
    ],
    "total_workers": 1,
    "queue": {"depth": {"critical": 0, "high": 0, "medium": 2, "low": 0}, "oldest_age_s": 1.5},
    "autoscaler": {"nodes_alive": 1, "slots": 4, "pending_nodes": {}, "waiting_steps": 0},
    "alerts": [
        {
            "kind": "WorkerCrashed",
            "count": 6,
            "since": "2026-01-15T09:30:00.000Z",
            "last_at": "2026-01-15T09:31:07.250Z",
            "step": "capacity",
            "message": "its process died 3 times; the input may crash it",
        }
    ],
}
HEALTH = {"status": "ok"}
READY = {"status": "ready", "dispatchers": 2}
METRICS = (
    "# HELP infra_mind_tasks_running Tasks claimed by a dispatcher\n"
    "# TYPE infra_mind_tasks_running gauge\n"
    "infra_mind_tasks_running 1.0\n"
)
_PROBLEMS: dict[int, tuple[str, str, str, dict[str, Any]]] = {
    401: ("not-allowed", "A valid API key is needed", "No API key was sent", {}),
    404: ("not-found", "Not found", "There is no such assessment", {}),
    405: ("method-not-allowed", "Method Not Allowed", "POST is not possible here; see /openapi.json", {}),
    409: (
        "conflict",
        "The state does not allow it",
        "It has not ended yet; follow its events",
        {"state": "PROGRESS"},
    ),
    500: (
        "result-lost",
        "The result is lost",
        "Object tsk_1.1.result.9f86d081884c7d65 is missing from the object storage before its time: start the assessment again.",
        {},
    ),
    410: ("gone", "It has expired", "The result was kept for 24 hours", {}),
    413: ("too-large", "The request is over the size limit", "The body is over the limit", {}),
    415: ("unsupported-media-type", "Unsupported Media Type", "found text/html; send JSON or YAML", {}),
    422: (
        "brief-invalid",
        "The brief is not valid",
        "hosting.provder: unknown field",
        {
            "errors": [
                {
                    "path": "hosting.provder",
                    "problem": "unknown field",
                    "hint": "did you mean `provider`?",
                }
            ]
        },
    ),
    424: (
        "task-failed",
        "The task ended without a result",
        "Two agents failed",
        {"state": "FAILURE", "error_type": "TooFewAgents"},
    ),
    429: ("too-many", "A limit is used up", "Too many tasks of yours wait", {"retry_after_s": 5.0}),
    503: ("unavailable", "Not available now", "The store cannot be reached", {"retry_after_s": 2.0}),
}


def problem(status: int, path: str) -> dict[str, Any]:
    """A problem of this status as `path` would answer it."""
    name, title, detail, more = _PROBLEMS[status]
    return {
        "type": f"urn:infra-mind:problem:{name}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": path,
        **more,
    }
