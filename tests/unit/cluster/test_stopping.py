"""How a step in a process is interrupted: only where its own code runs, and nothing of it stays."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra_mind.agents.base import Stopped
from infra_mind.cluster.stopping import stoppable

SIGNALS = (signal.SIGINT, signal.SIGALRM)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGALRM is POSIX")


@pytest.fixture(autouse=True)
def _handlers_are_left_as_they_were() -> Iterator[None]:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    after = [signal.getsignal(number) for number in SIGNALS]
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)
    assert after == before


def never() -> None:
    pytest.fail("the step was ended")


@pytest.mark.parametrize(("number", "by"), [(signal.SIGINT, "dispatcher"), (signal.SIGALRM, "limit")])
def test_the_body_is_interrupted_and_told_by_whom(number: signal.Signals, by: str) -> None:
    with pytest.raises(Stopped), stoppable(60.0, 60.0, never) as asked, asked:
        signal.raise_signal(number)
    assert asked.by == by


def test_one_that_catches_it_can_be_asked_again() -> None:
    heard = 0
    with stoppable(None, None, never) as asked, asked:
        for number in SIGNALS:
            try:
                signal.raise_signal(number)
            except Stopped:
                heard += 1
    assert heard == 2


@contextmanager
def interrupted_around(number: signal.Signals, steps: list[str]) -> Iterator[None]:
    """Something that a step's process sets for the step and has to set back."""
    steps.append("set")
    try:
        yield
    finally:
        signal.raise_signal(number)
        steps.append("set back")


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_set_back_after_the_body_is_not_interrupted(number: signal.Signals) -> None:
    steps: list[str] = []
    with stoppable(60.0, 60.0, never) as asked, interrupted_around(number, steps), asked:
        steps.append("ran")
    assert (steps, asked.by) == (["set", "ran", "set back"], "")


@pytest.mark.parametrize("number", SIGNALS)
def test_what_comes_while_it_cleans_up_itself_leaves_nothing_behind(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the body was not within `asked`, or the signal came before it was left."""
    before = set(threading.enumerate())
    setitimer = signal.setitimer

    def interrupted(which: int, seconds: float) -> None:
        setitimer(which, seconds)
        if not seconds:
            signal.raise_signal(number)

    monkeypatch.setattr(signal, "setitimer", interrupted)
    with stoppable(60.0, 60.0, never) as asked:
        asked.phase = "within"
    assert set(threading.enumerate()) == before


def test_one_that_was_asked_before_it_began_does_not_begin() -> None:
    ran: list[str] = []
    with pytest.raises(Stopped), stoppable(None, None, never) as asked:  # noqa: PT012 - what comes before is the case
        signal.raise_signal(signal.SIGINT)
        ran.append("made ready")
        with asked:
            ran.append("began")
    assert (ran, asked.by) == (["made ready"], "dispatcher")


def test_an_end_that_has_begun_comes_to_its_end_before_the_next_step() -> None:
    begun, go_on = threading.Event(), threading.Event()
    ended: list[bool] = []

    def end() -> None:
        begun.set()
        threading.Timer(0.05, go_on.set).start()
        ended.append(go_on.wait(60))

    with stoppable(None, 0.001, end) as asked, asked:
        assert begun.wait(60)
    assert ended == [True]
