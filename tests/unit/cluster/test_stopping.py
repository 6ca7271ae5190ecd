"""How a step is asked to stop, in this very process: signals and timers are real, Ray is not needed."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from infra_mind.agents.base import Stopped
from infra_mind.cluster.stopping import stoppable


def never() -> None:
    raise AssertionError("the process would have been ended")


def test_at_its_soft_limit_a_step_sees_stopped_wherever_it_is() -> None:
    with pytest.raises(Stopped), stoppable(0.02, None, never) as asked:
        time.sleep(30)
    assert asked.by == "limit"


def test_the_dispatcher_asks_by_an_interrupt() -> None:
    with pytest.raises(Stopped), stoppable(None, None, never) as asked:
        signal.raise_signal(signal.SIGINT)
    assert asked.by == "dispatcher"


def test_over_its_hard_limit_the_process_is_ended_from_another_thread() -> None:
    ended = threading.Event()
    with stoppable(None, 0.02, ended.set):
        assert ended.wait(10)


def test_a_step_that_ended_leaves_no_timer_and_no_handler() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    with stoppable(60, 60, never) as asked:
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    assert asked.over


def test_an_end_that_has_begun_does_not_hit_the_next_step() -> None:
    """It takes a while (it leaves a note first): the step waits for it, so that it ends the process while that is still its own."""
    begun, may_end, order = threading.Event(), threading.Event(), list[str]()

    def end() -> None:
        begun.set()
        may_end.wait(10)
        order.append("ended")

    with stoppable(None, 0.01, end):
        begun.wait(10)
        threading.Timer(0.05, may_end.set).start()
    order.append("next step")
    assert order == ["ended", "next step"]


def test_a_signal_at_the_very_end_leaves_nothing_behind() -> None:
    """Many soft limits that fall close to the end of their step: whatever is raised, nothing of it stays."""
    before = signal.getsignal(signal.SIGALRM)
    for number in range(200):
        try:
            with stoppable(0.0005 + number * 1e-6, 60, never):
                time.sleep(0.0005)
        except Stopped:
            pass
        assert signal.getsignal(signal.SIGALRM) is before
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
