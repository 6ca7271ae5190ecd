"""Time limits of single agents, in real worker processes."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from infra_mind.client import Client
from infra_mind.model.task import AgentState, TaskError, TaskState
from tests.chaos.test_kills import pid_of, start, starts
from tests.waiting import wait_until

OVER = TaskError(
    type="TimeLimitExceeded", message="ran longer than its hard limit of 8 s; its processes were ended"
)


@pytest.mark.parametrize("do", ["burn", "sleep"])
def test_an_agent_at_its_soft_limit_is_stopped_and_the_others_go_on(
    client: Client, log: Path, do: str
) -> None:
    task_id = start(client, log, options={"agent_soft_limit_s": 1.5}, c={"do": do, "s": 120})
    assert client.wait(task_id).state is TaskState.SUCCESS
    task = client.task(task_id)
    assert task.info.agents["c"].state is AgentState.FAILED
    assert task.info.agents["c"].reason == "SoftTimeLimitExceeded: asked to stop at its soft limit of 1.5 s"
    assert task.info.agents["e"].state is AgentState.DONE
    assert client.assessment(task.info.assessment_id).status == "partial"
    assert starts(log)["c"] == 1


def test_an_agent_may_give_what_it_has_at_its_soft_limit(client: Client, log: Path) -> None:
    task_id = start(client, log, options={"agent_soft_limit_s": 1.5}, c={"do": "save", "s": 120})
    assert client.wait(task_id).state is TaskState.SUCCESS
    result = client.result(task_id)
    assert [fact.id for fact in result.agents["c"].facts] == ["c.seen"]
    assert [(f.agent, f.error_type) for f in result.failures] == [("c", "SoftTimeLimitExceeded")]
    assert result.status == "partial"


def test_an_agent_over_its_hard_limit_loses_its_process_and_is_not_tried_again(
    client: Client, log: Path
) -> None:
    task_id = start(client, log, options={"agent_hard_limit_s": 1.5}, c={"do": "block", "s": 120})
    pid = pid_of(log, "c")
    assert client.wait(task_id).state is TaskState.SUCCESS
    wait_until("its process is gone", lambda: not psutil.pid_exists(pid))
    reason = client.task(task_id).info.agents["c"].reason
    assert reason == ("TimeLimitExceeded: ran longer than its hard limit of 1.5 s; its process was ended")
    assert starts(log)["c"] == 1


def test_what_a_task_waits_behind_others_before_anything_of_it_runs_does_not_count(
    client: Client, log: Path, tmp_path: Path
) -> None:
    """All six slots are taken for longer than its hard limit."""
    go_on, others = tmp_path / "go-on", tmp_path / "others.log"
    others.touch()
    wait = {"do": "wait", "for": str(go_on)}
    before = [start(client, others, a=wait, b=wait, c=wait) for _ in range(2)]
    wait_until("all slots are taken", lambda: starts(others).total() == 6)
    task_id = start(client, log, options={"soft_limit_s": 8.0, "hard_limit_s": 9.0})
    wait_until("it is claimed", lambda: client.task(task_id).state is not TaskState.PENDING)
    claimed_at = time.monotonic()
    wait_until("its hard limit would be over", lambda: time.monotonic() > claimed_at + 10.0)
    assert not starts(log)
    go_on.touch()
    assert client.wait(task_id).state is TaskState.SUCCESS
    assert client.result(task_id).status == "completed"
    assert [client.wait(one).state for one in before] == [TaskState.SUCCESS] * 2


def test_a_first_step_that_hangs_is_ended_at_the_hard_limit_of_its_task(client: Client, log: Path) -> None:
    """`c` is the only one of the replay that runs: that it runs is known to nobody but its process."""
    task_id = start(client, log, options={"soft_limit_s": 6.0, "hard_limit_s": 8.0}, c={"do": "hang"})
    assert client.wait(task_id).error == OVER
    assert client.task(task_id).info.agents["d"].state is AgentState.DONE
    new = client.replay(task_id)
    pid = pid_of(log, "c")
    assert client.wait(new).error == OVER
    wait_until("its process is gone", lambda: not psutil.pid_exists(pid))
    assert starts(log) == {"a": 1, "b": 1, "d": 1, "c": 2}


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
