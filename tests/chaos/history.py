"""What happened, as three witnesses tell it: the store's own append-only file, the log that the agents write, and whoever called.

The append-only file is every write of the store in its own order, and it survives `kill -9`: nothing that was committed is missing
in it, and nothing in it was not committed. The agents' log has a line when an agent starts and one when it ends; what an agent
gives carries the id of its start, so a kept result names the process and the claim that it came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra_mind.model.task import ENDED, TaskState

START_ID = re.compile(rb"start-[0-9a-f]{32}")


@dataclass(frozen=True)
class Claimed:
    """The store gave the task out under this fence."""

    task: str
    fence: int


@dataclass(frozen=True)
class Committed:
    """The store kept a step's result while the task was under `fence` and in `state`. `starts`: whose work it is."""

    task: str
    step: str
    fence: int
    state: str
    at: float
    starts: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """The store wrote a terminal state. `finished_by` is the fence of who did it; None when the store itself did (cancel of what
    waited, poison)."""

    task: str
    state: str
    fence: int
    finished_by: int | None


@dataclass(frozen=True)
class Start:
    """An agent started: `inputs` is a hash of what it was given. `at` in seconds since 1970; `ended` None if it was cut off."""

    id: str
    task: str
    step: str
    fence: int
    pid: int
    inputs: str
    at: float
    ended: float | None = None


@dataclass(frozen=True)
class Delivery:
    task: str
    webhook_id: str


@dataclass(frozen=True)
class Lasting:
    """A key without expiry that names or holds a task, at the very end."""

    key: str
    task: str


@dataclass(frozen=True)
class Unreached:
    """A run that went on after the cancel of its task where nobody could tell it: its host, or the head, was away until a moment
    before. Last seen running `seconds` after the cancel, when it could be told again for `back_s`."""

    start: Start
    seconds: float
    back_s: float


@dataclass(frozen=True)
class History:
    """`accepted`, `cancelled`: ids for which a caller got 202. `alive`: processes found alive though their task had been cancelled
    long enough before, and `unreached` those that nobody could reach then. `hooked`: tasks whose end has to be told to a webhook."""

    accepted: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    claims: tuple[Claimed, ...] = ()
    commits: tuple[Committed, ...] = ()
    ends: tuple[Ended, ...] = ()
    end_events: tuple[str, ...] = ()
    starts: tuple[Start, ...] = ()
    alive: tuple[Start, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    hooked: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    lasting: tuple[Lasting, ...] = ()


# -- the append-only file ---------------------------------------------------------------------------------------------------


def append_only_files(directory: Path) -> list[Path]:
    """The incremental files of a store's directory, in order."""
    files = directory.glob("appendonlydir/*.incr.aof")
    return sorted(files, key=lambda path: int(path.name.split(".")[-3]))


def commands(data: bytes) -> Iterator[list[bytes]]:
    """The commands in an append-only file; a last one that was cut off is left out, as the server does."""
    at = 0
    while at < len(data):
        line, at = _line(data, at)
        if line.startswith(b"#"):  # a time stamp or the like
            continue
        words = []
        for _ in range(int(line[1:] or 0)):
            size, at = _line(data, at)
            if not size:
                return
            end = at + int(size[1:])
            words.append(data[at:end])
            at = end + 2
        if not line or at > len(data):
            return
        yield words


def _line(data: bytes, at: int) -> tuple[bytes, int]:
    end = data.find(b"\r\n", at)
    return (b"", len(data)) if end < 0 else (data[at:end], end + 2)


@dataclass
class _Task:
    fence: int = 0
    state: str = ""
    finished_by: int | None = None


@dataclass
class StoreReader:
    """Follows the writes below `prefix`."""

    prefix: str
    tasks: dict[str, _Task] = field(default_factory=dict)
    claims: list[Claimed] = field(default_factory=list)
    commits: list[Committed] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)
    end_events: list[str] = field(default_factory=list)

    def read(self, data: bytes) -> None:
        for words in commands(data):
            if len(words) < 3:
                continue
            name = words[1].decode("utf-8", "replace")
            kind, _, task = name.removeprefix(self.prefix).partition(":")
            if not name.startswith(self.prefix) or not task:
                continue
            if words[0] == b"HSET" and kind == "task":
                self._record(task, dict(zip(words[2::2], words[3::2], strict=True)))
            elif words[0] == b"HSET" and kind == "kept":
                for step, value in zip(words[2::2], words[3::2], strict=True):
                    self._kept(task, step.decode(), value)
            elif words[0] == b"XADD" and kind == "events":
                self._event(task, words)

    def _record(self, task: str, fields: dict[bytes, bytes]) -> None:
        known = self.tasks.setdefault(task, _Task())
        if b"fence" in fields:
            known.fence = int(fields[b"fence"])
            if known.state:  # the record itself is made with fence 0
                self.claims.append(Claimed(task, known.fence))
        if b"finished_by" in fields:
            known.finished_by = int(fields[b"finished_by"])
        if b"state" in fields:
            known.state = fields[b"state"].decode()
            if known.state in {state.value for state in ENDED}:
                self.ends.append(Ended(task, known.state, known.fence, known.finished_by))

    def _kept(self, task: str, step: str, value: bytes) -> None:
        known = self.tasks.setdefault(task, _Task())
        starts = tuple(dict.fromkeys(found.decode() for found in START_ID.findall(value)))
        self.commits.append(Committed(task, step, known.fence, known.state, 0.0, starts))

    def _event(self, task: str, words: list[bytes]) -> None:
        fields = dict(zip(words[-6::2], words[-5::2], strict=True))
        if fields.get(b"type") == b"end":
            self.end_events.append(task)
        at = int(fields.get(b"at", b"0")) / 1000
        if self.commits and self.commits[-1].task == task and not self.commits[-1].at:
            self.commits[-1] = replace(self.commits[-1], at=at)  # a keep is one step: its event follows

    def into(self, history: History) -> History:
        return replace(
            history, claims=tuple(self.claims), commits=tuple(self.commits), ends=tuple(self.ends),
            end_events=tuple(self.end_events),
        )  # fmt: skip


# -- the agents' log --------------------------------------------------------------------------------------------------------


def starts_of(lines: Iterable[str]) -> tuple[Start, ...]:
    """The starts in an agents' log, with the time of their end where one is told."""
    found: dict[str, Start] = {}
    for line in lines:
        try:
            told = json.loads(line)
        except ValueError:  # its writer was killed within the line
            continue
        if told["event"] == "start":
            del told["event"]
            found[told["id"]] = Start(**told)
        elif told["id"] in found:
            found[told["id"]] = replace(found[told["id"]], ended=told["at"])
    return tuple(found.values())


def state_of(history: History, task: str) -> TaskState | None:
    """The terminal state of a task, None while there is none."""
    return next((TaskState(end.state) for end in history.ends if end.task == task), None)
