"""What a worker process tells of the steps that run in it: progress on its way to the progress actor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache

import ray
import structlog

from infra_mind.agents.base import Stopped
from infra_mind.cluster.progress import NAME, NAMESPACE
from infra_mind.model.task import AgentState
from infra_mind.tasks.store import AgentUpdate

# A message costs more CPU than many a step: one that ends within SHORT_S, before a person could see it run, is told by its kept
# result alone.
SHORT_S = 0.2
REPORT_EVERY_S = 0.03

log = structlog.get_logger(__name__)


class Reporter:
    """One agent's `Progress`. Nothing is sent of a step that ends within SHORT_S, and then at most every REPORT_EVERY_S.

    The end is not told here: it is told with the kept result."""

    def __init__(self, reports: Reports, task_id: str, fence: int, agent: str, attempt: int) -> None:
        self._reports, self._of = reports, (task_id, fence, agent, attempt)
        self._begin = reports.now()
        self._newest: tuple[float, str] | None = (0.0, "")
        self.due_at = self._begin + SHORT_S

    def __call__(self, done: int, total: int, note: str = "") -> None:
        share = 100.0 * done / total if total > 0 else 0.0
        self._newest = (min(100.0, max(0.0, share)), note)
        if done < total and self._reports.now() >= self.due_at:
            self._reports.tell((self,))

    def take(self, now: float) -> AgentUpdate | None:
        """What is to be sent now, None for nothing; the next one is due a little later."""
        if self._newest is None or now < self.due_at:
            return None
        (progress, note), self._newest = self._newest, None
        self.due_at = now + REPORT_EVERY_S
        task_id, fence, agent, attempt = self._of
        return AgentUpdate(
            task_id, fence, agent, AgentState.RUNNING, progress, attempt, note, ran_s=now - self._begin
        )


class Reports:
    """All reporters of a process, and the one thread that sends for them, together, what is due.

    A thread, because an agent that never calls its progress must be shown as running, too. It rests while nothing runs."""

    def __init__(
        self, send: Callable[[Sequence[AgentUpdate]], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._send, self.now = send, now
        self._open: set[Reporter] = set()
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def reporter(self, task_id: str, fence: int, agent: str, attempt: int) -> Iterator[Reporter]:
        """That of one attempt; nothing is sent of it any more when the context ends."""
        reporter = Reporter(self, task_id, fence, agent, attempt)
        with self._lock:
            self._open.add(reporter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_on, name="reports", daemon=True)
                self._thread.start()
        self._some.set()
        try:
            yield reporter
        finally:
            with self._lock:
                self._open.discard(reporter)

    def tell(self, reporters: Iterable[Reporter]) -> None:
        """Sends what is due of these."""
        now = self.now()
        with self._lock:
            updates = [update for one in reporters if one in self._open and (update := one.take(now))]
        if not updates:
            return
        try:
            self._send(updates)
        except Stopped:
            raise  # meant for the agent, which called here
        except Exception as error:  # progress may be lost; neither the agent nor the thread
            _say_lost(type(error).__name__)

    def _send_on(self) -> None:
        while True:
            self._some.wait()
            time.sleep(self._rest_s())
            with self._lock:
                running = tuple(self._open)
                if not running:
                    self._some.clear()
            self.tell(running)

    def _rest_s(self) -> float:
        """Until the first of those that run now is due; of one that begins meanwhile nothing is due before that."""
        with self._lock:
            first = min((one.due_at for one in self._open), default=0.0)
        return max(REPORT_EVERY_S, first - self.now())


def _send(updates: Sequence[AgentUpdate]) -> None:
    try:
        sent = _actor().report.remote(list(updates))
    except Exception:
        _actor.cache_clear()
        raise
    sent.future().add_done_callback(_look_at)


def _look_at(sent: Future[None]) -> None:
    """An actor that was replaced is looked up anew."""
    if (error := sent.exception()) is not None:
        _actor.cache_clear()
        _say_lost(type(error).__name__)


@cache
def _say_lost(kind: str) -> None:
    """Once a process for each kind of error."""
    log.warning("progress lost", error=kind)


@cache
def _actor() -> ray.actor.ActorHandle:
    """By its name, once a process and again when it does not answer: it outlives its own process, and a handle among a step's arguments costs each step."""
    return ray.get_actor(NAME, namespace=NAMESPACE)


@cache
def reports() -> Reports:
    """Those of this process."""
    return Reports(_send)
