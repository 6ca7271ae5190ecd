"""How a step in a worker process is asked to stop: by its dispatcher (Ray interrupts the main thread) or at its own soft limit.

Either way the agent sees `Stopped`, wherever its Python code is at that moment. It may catch it and give what it has. At its hard
limit the process is ended, whatever it does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Literal

from infra_mind.agents.base import Stopped

SOFT, HARD = "SoftTimeLimitExceeded", "TimeLimitExceeded"


@dataclass
class Asked:
    """Whether and by whom the step was asked to stop. Entered around what may be interrupted, inside of all that has to be left
    behind as it was; asked before, the step is stopped as it begins, asked after, it has ended."""

    by: Literal["", "dispatcher", "limit"] = ""
    phase: Literal["before", "within", "over"] = "before"

    def __enter__(self) -> None:
        self.phase = "within"
        if self.by:
            self.phase = "over"
            raise Stopped

    def __exit__(self, *_: object) -> None:
        self.phase = "over"

    def hear(self, by: Literal["dispatcher", "limit"]) -> None:
        """From a signal handler. Raises Stopped where it interrupts."""
        if self.phase == "over":
            return
        self.by = by
        if self.phase == "within":
            raise Stopped


def sentence(kind: str, seconds: float) -> str:
    if kind == HARD:
        return f"ran longer than its hard limit of {seconds:g} s; its process was ended"
    return f"asked to stop at its soft limit of {seconds:g} s"


@contextmanager
def stoppable(soft_s: float | None, hard_s: float | None, end: Callable[[], None]) -> Iterator[Asked]:
    """For a step, in the main thread; its body is within the `Asked`. `end` ends this process; it is called from another thread."""
    asked = Asked()

    def interrupt(number: int, _frame: FrameType | None) -> None:
        asked.hear("limit" if number == signal.SIGALRM else "dispatcher")

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGALRM)}
    timer = threading.Timer(hard_s, end) if hard_s else None
    if timer:
        timer.daemon = True
        timer.start()
    if soft_s:
        signal.setitimer(signal.ITIMER_REAL, soft_s)
    try:
        yield asked
    finally:
        asked.phase = "over"
        if soft_s:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if timer:
            timer.cancel()
            timer.join()  # an end that has begun comes to its end: it must not hit the next step
        for number, handler in before.items():
            signal.signal(number, handler)
