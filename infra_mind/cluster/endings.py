"""Why a process ended itself: a note that outlives it. It lies in the progress actor, like everything that may be lost.

The attempt that Ray starts in place of the ended one finds the note and gives it as the step's failure, so that what used too much
memory once is not tried again. If the note is lost with the actor, the end counts as a crash, and crashes are counted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

import ray

from infra_mind.cluster import memory, stopping
from infra_mind.cluster.progress import NAME, NAMESPACE

NOTE_S = 2.0  # the process grows on while it waits for its note to be taken
READ_S = 5.0


def step_key(task_id: str, fence: int, step: str, attempt: int) -> str:
    """One start of a step by its dispatcher, whatever Ray makes of it."""
    return f"{task_id}.{fence}.{step}.{attempt}"


def over_memory(key: str, used: int, ceiling: int) -> None:
    """In the worker process, which does not live on."""
    _note_and_end(key, memory.ERROR_TYPE, memory.sentence(used, ceiling))


def over_time(key: str, hard_s: float) -> None:
    """In the worker process, which does not live on."""
    _note_and_end(key, stopping.HARD, stopping.sentence(stopping.HARD, hard_s))


def _note_and_end(key: str, kind: str, why: str) -> None:
    try:
        with contextlib.suppress(Exception):  # without its note the end counts as a crash
            ray.get(_actor().write_note.remote(key, f"{kind}\n{why}"), timeout=NOTE_S)
    finally:
        memory.end_this_process()


def note_before(key: str, start: int) -> tuple[str, str] | None:
    """In the worker process that was started in place of another one, as the `start`-th: why that one ended itself, if it did (type
    and sentence)."""
    with contextlib.suppress(Exception):
        note, _ = ray.get(_actor().read_note.remote(key, start), timeout=READ_S)
        return _read(note)
    return None


async def last_words(key: str) -> tuple[tuple[str, str] | None, int]:
    """In a dispatcher, when nobody is left to tell how a step ended: the same, and the last of its starts that was noted (0: none
    beyond the first)."""
    with contextlib.suppress(Exception):
        asked: Awaitable[tuple[str | None, int]] = _actor().read_note.remote(key)
        async with asyncio.timeout(READ_S):
            note, start = await asked
            return _read(note), start
    return None, 0


def _read(note: str | None) -> tuple[str, str] | None:
    kind, _, why = (note or "").partition("\n")
    return (kind, why) if note else None


def _actor() -> Any:
    return ray.get_actor(NAME, namespace=NAMESPACE)
