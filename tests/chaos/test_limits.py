"""Time limits of single agents, in real worker processes."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from infra_mind.client import Client
from infra_mind.model.task import AgentState, TaskState
from tests.chaos.test_kills import pid_of, start, starts
from tests.waiting import wait_until


@pytest.mark.parametrize("do", ["burn", "sleep"])
def test_an_agent_at_its_soft_limit_is_stopped_and_the_others_go_on(
    client: Client, log: Path, do: str
) -> None:
    task_id = start(client, log, options={"agent_soft_limit_s": 0.5}, c={"do": do, "s": 120})
    assert client.wait(task_id).state is TaskState.SUCCESS
    task = client.task(task_id)
    assert task.info.agents["c"].state is AgentState.FAILED
    assert task.info.agents["c"].reason == "SoftTimeLimitExceeded: asked to stop at its soft limit of 0.5 s"
    assert task.info.agents["e"].state is AgentState.DONE
    assert client.assessment(task.info.assessment_id).status == "partial"
    assert starts(log)["c"] == 1


def test_an_agent_may_give_what_it_has_at_its_soft_limit(client: Client, log: Path) -> None:
    task_id = start(client, log, options={"agent_soft_limit_s": 0.5}, c={"do": "save", "s": 120})
    assert client.wait(task_id).state is TaskState.SUCCESS
    result = client.result(task_id)
    assert [fact.id for fact in result.agents["c"].facts] == ["c.seen"]
    assert [(f.agent, f.error_type) for f in result.failures] == [("c", "SoftTimeLimitExceeded")]
    assert result.status == "partial"


def test_an_agent_over_its_hard_limit_loses_its_process_and_is_not_tried_again(
    client: Client, log: Path
) -> None:
    task_id = start(client, log, options={"agent_hard_limit_s": 0.7}, c={"do": "block", "s": 120})
    pid = pid_of(log, "c")
    assert client.wait(task_id).state is TaskState.SUCCESS
    wait_until("its process is gone", lambda: not psutil.pid_exists(pid))
    reason = client.task(task_id).info.agents["c"].reason
    assert reason == ("TimeLimitExceeded: ran longer than its hard limit of 0.7 s; its process was ended")
    assert starts(log)["c"] == 1


def test_a_replay_goes_on_from_what_was_done(client: Client, log: Path) -> None:
    task_id = start(client, log, c={"do": "sleep", "s": 120})
    wait_until("a and b are kept", lambda: client.task(task_id).info.agents["d"].state is AgentState.DONE)
    client.cancel(task_id)
    wait_until("it has ended", lambda: client.task(task_id).state is TaskState.REVOKED)
    new = client.replay(task_id)
    wait_until("it runs again", lambda: starts(log)["c"] == 2)
    agents = client.task(new).info.agents
    assert {name: agents[name].state for name in "abd"} == dict.fromkeys("abd", AgentState.DONE)
    assert agents["a"].note == "kept from an earlier run"
    assert (starts(log)["a"], starts(log)["b"], starts(log)["d"]) == (1, 1, 1)
    client.cancel(new)
