"""Agents whose behaviour the brief's `goal` describes as JSON: for tests of the engine, in processes of its own.

`{"log": FILE, "a": {"do": "sleep", "s": 1.0}, ...}`; what an agent does: sleep, steps (progress every s/n), burn (Python),
wait
(until the file `for` is there; `deaf`: without looking whether it was asked to stop), block (inside C), hang (for ever, whoever asks it to stop), save (sleeps, and gives what it has when it is asked to stop), grow (to `mb` MiB, as `how` says: list, leap,
ctypes, mmap, until it holds them), child (a grandchild process that sleeps), fail (always), flaky (fails `times` times), crash
(ends its own process `times` times; `then` it does something else). Every start of an agent adds a line `<agent> <pid>` to the log. With `"history": FILE` every
start and every end is written there with task, claim and inputs, and the agent's result names its start (see
`tests/chaos/history.py`)."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import hashlib
import json
import mmap
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra_mind.agents.base import Agent, Inputs, PermanentError, Progress, Stopped, waiting
from infra_mind.model.fact import Fact
from infra_mind.model.result import AgentResult


class FlakyError(Exception):
    """Goes away by itself."""


def _starts(log: Path | None, name: str) -> int:
    if log is None:
        return 0
    with log.open("a") as file:
        file.write(f"{name} {os.getpid()}\n")
    return sum(1 for line in log.read_text().splitlines() if line.split()[0] == name)


@contextmanager
def diary(
    path: Path, step: str, *, task: str, fence: int, inputs: bytes, pid: int | None = None
) -> Iterator[str]:
    """Writes the start and, unless the process is killed, the end; gives the id of the start."""
    name = f"start-{uuid.uuid4().hex}"
    digest = hashlib.sha256(inputs).hexdigest()[:32]
    start = {
        "id": name,
        "task": task,
        "step": step,
        "fence": fence,
        "pid": pid or os.getpid(),
        "inputs": digest,
    }
    _add(path, {"event": "start", **start, "at": time.time()})
    try:
        yield name
    finally:
        _add(path, {"event": "end", "id": name, "at": time.time()})


def _add(path: Path, line: dict[str, Any]) -> None:
    with path.open("ab", buffering=0) as file:  # one write, appended: lines of many processes do not mix
        file.write(json.dumps(line).encode() + b"\n")


@contextmanager
def _told(told: dict[str, Any], step: str, inputs: Inputs, progress: Progress) -> Iterator[str]:
    """The diary of one run of an agent, if the brief asks for one."""
    if "history" not in told:
        yield ""
        return
    task, fence, *_ = progress._of  # type: ignore[attr-defined] # the reporter of a worker process; agents proper do not know their task
    seen = json.dumps({name: result.to_json().decode() for name, result in sorted(inputs.results.items())})
    path = Path(told["history"])
    with diary(path, step, task=task, fence=fence, inputs=seen.encode()) as start:
        yield start


def _act(what: dict[str, Any], starts: int, progress: Progress, log: Path | None) -> None:
    do, seconds = what.get("do", "nothing"), float(what.get("s", 0.0))
    if do == "sleep":
        time.sleep(seconds)
    elif do == "steps":
        count = int(what.get("n", 10))
        for done in range(count):
            progress(done, count, f"step {done}")
            time.sleep(seconds / count)
    elif do == "wait":
        while not Path(what["for"]).exists():
            if not what.get("deaf"):
                progress(0, 1, "waits")
            time.sleep(0.02)
    elif do == "burn":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
    elif do == "save":
        with contextlib.suppress(Stopped):
            time.sleep(seconds)
    elif do == "hang":
        while True:
            with contextlib.suppress(Stopped):
                time.sleep(1.0)
    elif do == "block":
        ctypes.CDLL(None).usleep(int(seconds * 1e6))
    elif do == "grow":
        _grow(int(what["mb"]), what["how"])
    elif do == "child":
        child = subprocess.Popen(["sleep", str(seconds)])
        if log:
            with log.open("a") as file:
                file.write(f"child {child.pid}\n")
        child.wait()
    elif do == "fail":
        raise PermanentError("as told")
    elif do == "flaky" and starts <= int(what["times"]):
        raise FlakyError(f"start {starts}")
    elif do == "crash" and starts <= int(what["times"]):
        os.kill(os.getpid(), signal.SIGKILL)
    elif do == "crash" and "then" in what:
        _act(what["then"], starts, progress, log)


def _grow(mb: int, how: str) -> None:
    """Takes so much memory and uses every page of it; in steps of 8 MiB, except for `leap`, which takes all at once."""
    held: list[object] = []
    if how == "leap":
        held.append([0] * (mb * 1024 * 128))
    for _ in range(mb // 8 if how != "leap" else 0):
        if how == "list":
            held.append([float(i) for i in range(262_144)])  # 8 bytes a place and 24 a number
        elif how == "ctypes":
            block = ctypes.create_string_buffer(8 * 1024 * 1024)
            ctypes.memset(block, 1, len(block))
            held.append(block)
        else:
            shared = mmap.mmap(-1, 8 * 1024 * 1024)
            shared.write(b"x" * len(shared))
            held.append(shared)
    time.sleep(0.3)


def _agent(name: str, needs: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Agent:
    def assess(inputs: Inputs, progress: Progress) -> AgentResult:
        told = json.loads(inputs.brief.goal or "{}")
        log = Path(told["log"]) if "log" in told else None
        starts = _starts(log, name)
        with _told(told, name, inputs, progress) as start:
            progress(0, 1)
            _act(told.get(name, {}), starts, progress, log)
            progress(1, 1)
        seen = Fact(
            id=f"{name}.seen",
            value=len(inputs.results),
            unit="count",
            formula="given",
            source=start or "test",
        )
        return AgentResult(facts=(seen,))

    return Agent(name, assess, needs=needs, after=after, reads=("goal",))


def table() -> dict[str, Agent]:
    """Three agents side by side, one that needs two of them, and one that waits for all."""
    agents = (
        _agent("a"),
        _agent("b"),
        _agent("c"),
        _agent("d", needs=("a", "b")),
        _agent("e", after=("a", "b", "c", "d")),
    )
    return {agent.name: agent for agent in agents}


async def _await(what: dict[str, Any], starts: int, progress: Progress) -> None:
    do, seconds = what.get("do", "nothing"), float(what.get("s", 0.0))
    if do == "sleep":
        await asyncio.sleep(seconds)
    elif do == "steps":
        count = int(what.get("n", 10))
        for done in range(count):
            progress(done, count, f"step {done}")
            await asyncio.sleep(seconds / count)
    elif do == "hog" and starts == 1:  # does not let the others go on, and cannot be cancelled
        time.sleep(seconds)  # noqa: ASYNC251 - that is its fault
    elif do == "crash" and starts <= int(what["times"]):
        os.kill(os.getpid(), signal.SIGKILL)


def _waiting(name: str, after: tuple[str, ...] = ()) -> Agent:
    async def assess(inputs: Inputs, progress: Progress) -> AgentResult:
        told = json.loads(inputs.brief.goal or "{}")
        log = Path(told["log"]) if "log" in told else None
        starts = _starts(log, name)
        await _await(told.get(name, {}), starts, progress)
        seen = Fact(
            id=f"{name}.seen", value=len(inputs.results), unit="count", formula="given", source="test"
        )
        return AgentResult(facts=(seen,))

    return waiting(name, assess, after=after, reads=("goal",))


def waiting_table() -> dict[str, Agent]:
    """Agents that await: three side by side, one that reckons, and one that waits for all."""
    side = tuple(_waiting(name) for name in ("a", "b", "c"))
    agents = (*side, _agent("d", needs=("a",)), _waiting("e", after=("a", "b", "c", "d")))
    return {agent.name: agent for agent in agents}
