"""What travels between a dispatcher and the processes that run its steps."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal

from infra_mind.agents.base import Progress, silent
from infra_mind.cluster.endings import step_key
from infra_mind.cluster.reports import reports
from infra_mind.tasks.execution import Outcome, StepFailed, StepStopped
from infra_mind.tasks.packing import pack, unpack

# Results are JSON that packs to a sixth: most then travel with the calls themselves, instead of through the object store.
PACKED_ABOVE = 16 * 1024


def parcel(data: bytes) -> bytes:
    """Bytes as they travel between processes; `unpack` gives them back."""
    return pack(data, PACKED_ABOVE)


@dataclass(frozen=True)
class Ended:
    """How a step ended, as the worker tells it: exceptions never travel as pickles. `attempt`: which start of this call ended so."""

    kind: Literal["done", "failed"]
    seconds: float
    attempt: int = 1
    error_type: str = ""
    message: str = ""
    retryable: bool = False
    stopped: bool = False
    data: bytes = b""
    came: bytes = field(default=b"", repr=False, compare=False)

    def to_bytes(self) -> bytes:
        """One line of JSON, then the data, packed. Plain bytes cross between processes for a fraction of what objects cost."""
        head = {name: value for name, value in self.__dict__.items() if name not in {"data", "came"}}
        return json.dumps(head).encode() + b"\n" + parcel(self.data)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Ended:
        head, _, came = raw.partition(b"\n")
        return cls(**json.loads(head), data=unpack(came), came=came)


@dataclass(frozen=True)
class Work:
    """The part of a `StepCall` that travels; the bytes of input and results follow as arguments of their own."""

    task_id: str
    fence: int
    step: str
    attempt: int
    agent: bool
    agents: str
    results: tuple[str, ...]
    memory_mb: int = 0
    soft_s: float | None = None
    hard_s: float | None = None

    @property
    def key(self) -> str:
        return step_key(self.task_id, self.fence, self.step, self.attempt)

    def to_bytes(self) -> bytes:
        return json.dumps(self.__dict__).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Work:
        fields = json.loads(raw)
        return cls(**{**fields, "results": tuple(fields["results"])})


def progress_of(work: Work, attempt: int) -> AbstractContextManager[Progress]:
    if not work.agent:
        return nullcontext(silent)
    return reports().reporter(work.task_id, work.fence, work.step, attempt)


def outcome_of(ended: Ended, *, stopped: bool) -> Outcome:
    """What a worker told, as the engine wants it; StepFailed, StepStopped."""
    if ended.kind == "done":
        return Outcome(ended.data, ended.seconds, ended.attempt, ended.stopped, ended.came)
    if stopped and ended.error_type in {"KeyboardInterrupt", "Stopped"}:
        raise StepStopped
    raise StepFailed(
        ended.error_type,
        ended.message,
        retryable=ended.retryable,
        attempts=ended.attempt,
        seconds=ended.seconds,
    )
