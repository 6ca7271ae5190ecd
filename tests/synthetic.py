"""Agents whose behaviour the brief's `goal` describes as JSON: for tests of the engine, in processes of its own.

`{"log": FILE, "a": {"do": "sleep", "s": 1.0}, ...}`; what an agent does: sleep, steps (progress every s/n), burn (Python),
block (inside C), grow (to `mb` MiB, as `how` says: list, leap, ctypes, mmap, until it holds them), child (a grandchild process that sleeps), fail (always), flaky (fails `times` times), crash (ends its own
process `times` times). Every start of an agent adds a line `<agent> <pid>` to the log."""

from __future__ import annotations

import asyncio
import ctypes
import json
import mmap
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from infra_mind.agents.base import Agent, Inputs, PermanentError, Progress, waiting
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


def _act(what: dict[str, Any], starts: int, progress: Progress, log: Path | None) -> None:
    do, seconds = what.get("do", "nothing"), float(what.get("s", 0.0))
    if do == "sleep":
        time.sleep(seconds)
    elif do == "steps":
        count = int(what.get("n", 10))
        for done in range(count):
            progress(done, count, f"step {done}")
            time.sleep(seconds / count)
    elif do == "burn":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
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
        progress(0, 1)
        _act(told.get(name, {}), starts, progress, log)
        progress(1, 1)
        seen = Fact(
            id=f"{name}.seen", value=len(inputs.results), unit="count", formula="given", source="test"
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
