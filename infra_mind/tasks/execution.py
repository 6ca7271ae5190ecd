"""Where steps run: the engine starts a step through an `Executor` and knows nothing of processes, nodes or Ray."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Held = Any  # an executor's own handle to bytes that it holds


@dataclass(frozen=True)
class StepCall:
    """One start of one step. `input` and `results` are handles made by `Executor.hold`; `waits` as in `Step`. After `soft_s` seconds
    of running it is asked to stop, after `hard_s` its process is ended; None for no limit."""

    task_id: str
    assessment_id: str
    fence: int
    step: str
    attempt: int
    agent: bool
    input: Held
    results: Mapping[str, Held]
    waits: bool = False
    soft_s: float | None = None
    hard_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a step that ended well gives: its bytes, the seconds that it ran, and how often it was started for this one call.
    `stopped`: it was asked to stop and gave what it had until then. `came`: the bytes as they came, for `Executor.hold`."""

    data: bytes
    seconds: float
    attempts: int = 1
    stopped: bool = False
    came: Any = field(default=None, repr=False, compare=False)


class StepFailed(Exception):  # noqa: N818 - an outcome of a step, as StepStopped is
    """A step ended badly. `retryable` says whether the same input may go well another time; `attempts` how often it was
    started for this one call (a crashed process is started again by the executor itself); `seconds` how long it ran, 0 for unknown."""

    def __init__(
        self, error_type: str, message: str, *, retryable: bool, attempts: int = 1, seconds: float = 0.0
    ) -> None:
        self.error_type, self.message = error_type, message
        self.retryable, self.attempts, self.seconds = retryable, attempts, seconds
        super().__init__(f"{error_type}: {message}")


class StepStopped(Exception):  # noqa: N818 - nothing went wrong: it was asked to
    """A step was stopped as asked, and nothing of it runs any more."""


class Running(Protocol):
    async def outcome(self) -> Outcome:
        """Waits for the end. Raises StepFailed, or StepStopped after `stop`."""

    async def stop(self, *, force: bool) -> None:
        """Asks the step to stop; with `force` its process is ended at once, and with it all that it started."""


class Executor(Protocol):
    async def hold(self, data: bytes, came: Any = None) -> Held:
        """Puts bytes where every step can get at them, once. `came`: that of the `Outcome` which gave them, if one did."""

    def start(self, call: StepCall, begun: Callable[[], None]) -> Running:
        """`begun` is called, in the caller's event loop, when the step begins to run, if that is seen before its outcome."""

    async def slots(self) -> int:
        """How many steps can run at once now, on all nodes."""


class LocalExecutor:
    """Runs each step in a thread of this process: for `--local`, and wherever no cluster is wanted.

    A thread cannot be ended from outside: `stop` and the soft limit are honoured at the step's next progress call, hard limits not."""

    def __init__(
        self, run: Callable[[StepCall, bytes, Mapping[str, bytes], Callable[[], bool]], bytes], *, slots: int
    ) -> None:
        self._run, self._slots = run, slots

    async def hold(self, data: bytes, came: Any = None) -> bytes:  # noqa: ARG002 - they never leave this process
        return data

    def start(self, call: StepCall, begun: Callable[[], None]) -> Running:
        return _Thread(self._run, call, begun)

    async def slots(self) -> int:
        return self._slots


class _Thread:
    def __init__(self, run: Callable[..., bytes], call: StepCall, begun: Callable[[], None]) -> None:
        self._stop, self._soft_at = False, math.inf
        self._loop, self._begun = asyncio.get_running_loop(), begun
        self._task = asyncio.ensure_future(asyncio.to_thread(self._timed, run, call))

    def _timed(self, run: Callable[..., bytes], call: StepCall) -> Outcome:
        from time import perf_counter  # the clock that measures, not one that decides

        begin = perf_counter()
        self._loop.call_soon_threadsafe(self._begun)
        if call.soft_s is not None:
            self._soft_at = begin + call.soft_s

        def asked() -> bool:
            return self._stop or perf_counter() >= self._soft_at

        try:
            data = run(call, call.input, call.results, asked)
        except StepStopped:
            if self._stop or not asked():
                raise
            why = f"asked to stop at its soft limit of {call.soft_s:g} s"
            raise StepFailed("SoftTimeLimitExceeded", why, retryable=False) from None
        return Outcome(data, perf_counter() - begin, stopped=asked())

    async def outcome(self) -> Outcome:
        return await asyncio.shield(self._task)

    async def stop(self, *, force: bool) -> None:  # noqa: ARG002 - a thread cannot be forced
        self._stop = True
