"""What a worker process tells of the steps that run in it."""

from __future__ import annotations

import pytest

from infra_mind.cluster import reports as module
from infra_mind.cluster.progress import NAME
from infra_mind.cluster.reports import REPORT_EVERY_S, SHORT_S, Reports
from infra_mind.model.task import AgentState
from infra_mind.tasks.store import AgentUpdate
from tests.waiting import wait_until


class Process:
    """A worker process whose clock the test sets."""

    def __init__(self) -> None:
        self.time = 100.0
        self.sent: list[AgentUpdate] = []
        self.reports = Reports(self.sent.extend, now=lambda: self.time)

    def progress_of(self, agent: str) -> list[float]:
        return [update.progress for update in self.sent if update.agent == agent]


@pytest.fixture
def process() -> Process:
    return Process()


def test_a_step_that_ends_soon_sends_nothing(process: Process) -> None:
    with process.reports.reporter("t-1", 1, "short", 1) as progress:
        progress(1, 2)
        process.time += SHORT_S / 2
        progress(2, 2)
    process.time += 10 * SHORT_S
    with process.reports.reporter("t-1", 1, "long", 1):
        process.time += SHORT_S
        wait_until("the other one is told", lambda: process.progress_of("long"))
    assert process.progress_of("short") == []


def test_an_agent_that_never_calls_its_progress_is_told_as_running(process: Process) -> None:
    with process.reports.reporter("t-1", 7, "silent", 2):
        process.time += 2 * SHORT_S
        (told,) = wait_until("it is told", lambda: process.sent)
    assert (told.task_id, told.fence, told.state, told.progress, told.attempt) == (
        "t-1", 7, AgentState.RUNNING, 0.0, 2,
    )  # fmt: skip
    assert told.ran_s == pytest.approx(2 * SHORT_S)


def test_the_newest_of_what_was_called_too_early_is_told_later(process: Process) -> None:
    with process.reports.reporter("t-1", 1, "a", 1) as progress:
        progress(1, 4)
        progress(2, 4, "half")
        process.time += SHORT_S
        (told,) = wait_until("it is told", lambda: process.sent)
    assert (told.progress, told.note) == (50.0, "half")


def test_a_call_when_one_is_due_is_sent_by_the_caller_itself(process: Process) -> None:
    with process.reports.reporter("t-1", 1, "a", 1) as progress:
        process.time += SHORT_S
        wait_until("its start is told", lambda: process.sent)
        process.time += REPORT_EVERY_S
        progress(1, 4)
        assert process.progress_of("a") == [0.0, 25.0]


def test_several_at_once_are_told_together(process: Process) -> None:
    batches: list[list[str]] = []
    reports = Reports(
        lambda updates: batches.append(sorted(u.agent for u in updates)), now=lambda: process.time
    )
    with reports.reporter("t-1", 1, "a", 1), reports.reporter("t-2", 1, "b", 1):
        process.time += SHORT_S
        wait_until("they are told", lambda: batches)
    assert batches == [["a", "b"]]


def test_progress_that_cannot_be_sent_is_lost_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The actor is not there for a moment: the next report finds it."""
    sent: list[object] = []

    class Actor:
        class report:  # noqa: N801 - as Ray names it
            @staticmethod
            def remote(updates: object) -> None:
                sent.append(updates)

    def missing(name: str, namespace: str) -> Actor:
        if not sent and not tries:
            tries.append(name)
            raise ValueError("no actor of this name")
        return Actor()

    tries: list[str] = []
    monkeypatch.setattr("ray.get_actor", missing)
    module._actor.cache_clear()
    send = module._Sender()
    update = AgentUpdate("t", 1, "a", AgentState.RUNNING)
    send([update])
    send([update])
    module._actor.cache_clear()
    assert (tries, sent) == ([NAME], [[update]])
