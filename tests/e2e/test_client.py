"""The Python client against a platform."""

from __future__ import annotations

import json

import pytest

from infra_mind.agents import NAMES
from infra_mind.client import Client
from infra_mind.errors import BriefInvalid, Conflict, NotFound, OptionInvalid, TaskFailed
from infra_mind.model.task import Event, TaskState
from tests.e2e.steps import BRIEF, MINIMAL


def test_one_call_from_a_file_to_its_result(client: Client) -> None:
    seen: list[Event] = []
    result = client.assess(MINIMAL, on_progress=seen.append, priority="high")
    assert result.status == "completed"
    assert set(result.agents) == set(NAMES)
    total = result.fact("cost.hosting.m5.xlarge.usd_per_month")
    assert total
    assert total.value == pytest.approx(420.48)
    assert seen[-1].data["state"] == TaskState.SUCCESS
    assert client.task(str(result.provenance["task_id"])).priority == "high"


def test_a_draft_is_changed_started_and_deleted(client: Client) -> None:
    made = client.create(BRIEF)
    assert client.replace(made.assessment_id, {**BRIEF, "name": "Another"}).name == "Another"
    task_id = client.start(made.assessment_id)
    assert client.wait(task_id).name == "Another"
    with pytest.raises(Conflict):
        client.replace(made.assessment_id, BRIEF)
    assert [a.assessment_id for a in client.assessments(name="anoTHER")] == [made.assessment_id]
    client.delete(made.assessment_id)
    with pytest.raises(NotFound):
        client.assessment(made.assessment_id)
    with pytest.raises(NotFound):
        client.result(task_id)


def test_pages_are_followed_to_the_last(client: Client) -> None:
    made = {client.create({**BRIEF, "name": f"Page {n}"}).assessment_id for n in range(5)}
    found = [a.assessment_id for a in client.assessments(name="Page", limit="2")]
    assert set(found) == made
    assert len(found) == 5


def test_what_the_server_refuses_has_its_type(client: Client) -> None:
    made = client.create(BRIEF)
    with pytest.raises(OptionInvalid, match="priority"):
        client.start(made.assessment_id, priority="urgent")
    with pytest.raises(BriefInvalid):
        client.create({"name": ""})
    with pytest.raises(Conflict):
        client.report(made.assessment_id)
    with pytest.raises(NotFound):
        client.task("tsk_0")


def test_a_report_as_json_is_the_result(client: Client) -> None:
    result = client.assess(BRIEF)
    assert json.loads(client.report(result.assessment_id, format="json")) == json.loads(result.to_json())


def test_a_cancelled_task_has_no_result(client: Client) -> None:
    """Whether the cancel came in time is the machine's to say; either way the answer is typed."""
    task_id = client.start(client.create(BRIEF).assessment_id)
    try:
        client.cancel(task_id)
    except Conflict:
        assert client.result(task_id).status == "completed"
        return
    assert client.wait(task_id).state == TaskState.REVOKED
    with pytest.raises(TaskFailed) as cancelled:
        client.result(task_id)
    assert cancelled.value.state == "REVOKED"
