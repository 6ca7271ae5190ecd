"""What a worker process tells of the steps that run in it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import ray
from ray.exceptions import RayActorError

from infra_mind.agents.base import Stopped
from infra_mind.cluster import reports as module
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


# -- the progress actor is away -------------------------------------------------------------------------------------------


class Away:
    """A send that fails until `back`."""

    def __init__(self) -> None:
        self.back, self.tried = False, 0
        self.sent: list[AgentUpdate] = []

    def __call__(self, updates: Sequence[AgentUpdate]) -> None:
        self.tried += 1
        if not self.back:
            raise ValueError("Failed to look up actor")
        self.sent.extend(updates)


def test_a_send_that_fails_is_not_the_agents_failure(process: Process) -> None:
    away = Away()
    reports = Reports(away, now=lambda: process.time)
    with reports.reporter("t-1", 1, "a", 1) as progress:
        process.time += SHORT_S
        wait_until("the thread has tried", lambda: away.tried)
        process.time += REPORT_EVERY_S
        progress(1, 2)
    assert away.tried == 2


def test_the_thread_goes_on_after_a_send_that_failed(process: Process) -> None:
    away = Away()
    reports = Reports(away, now=lambda: process.time)
    with reports.reporter("t-1", 1, "before", 1):
        process.time += SHORT_S
        wait_until("the thread has tried", lambda: away.tried)
    away.back = True
    with reports.reporter("t-1", 1, "after", 1):
        process.time += SHORT_S
        wait_until("it is told", lambda: [u.agent for u in away.sent] == ["after"], timeout_s=20)


def test_a_stop_that_comes_while_it_sends_reaches_the_agent(process: Process) -> None:
    def interrupted(_: Sequence[AgentUpdate]) -> None:
        raise Stopped

    reports = Reports(interrupted, now=lambda: process.time)
    reporter = module.Reporter(reports, "t-1", 1, "a", 1)
    reports._open.add(reporter)  # without the thread
    process.time += SHORT_S
    with pytest.raises(Stopped):
        reporter(1, 2)


class Cluster:
    """Look-ups of the progress actor; what is sent to one that is gone fails later, as with Ray."""

    def __init__(self) -> None:
        self.looked_up = 0
        self.error: Exception | None = None

    def get_actor(self, _name: str, **_: str) -> SimpleNamespace:
        self.looked_up += 1
        return SimpleNamespace(report=SimpleNamespace(remote=lambda _: SimpleNamespace(future=self._answer)))

    def _answer(self) -> Future[None]:
        answer: Future[None] = Future()
        if self.error:
            answer.set_exception(self.error)
        else:
            answer.set_result(None)
        return answer


def test_an_actor_that_was_replaced_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    monkeypatch.setattr(ray, "get_actor", cluster.get_actor)
    module._actor.cache_clear()
    module._send([])
    module._send([])
    assert cluster.looked_up == 1
    cluster.error = RayActorError()
    module._send([])
    cluster.error = None
    module._send([])
    module._send([])
    module._actor.cache_clear()
    assert cluster.looked_up == 2
