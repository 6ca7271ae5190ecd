"""A run over a server that stands still: who is told to stop meanwhile does so, whatever moment the order comes at."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.execution import LocalExecutor
from infra_mind.tasks.plan import Plan, Step
from infra_mind.tasks.redis import link
from infra_mind.tasks.runner import RunLimits, Stop, TaskRun
from infra_mind.tasks.store import Claim, StoreLimits, TaskStore
from tests.contract.houses import AGENTS, RedisHouse, accept_and_claim
from tests.stores import start_valkey

PLAN = Plan((*(Step(name) for name in AGENTS), Step("sum", after=AGENTS, agent=False)))
TURNS = 20  # of the event loop: more than a call takes until it waits for its answer


@contextmanager
def standing_still(server: EmbeddedStore) -> Iterator[None]:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def run_of(claim: Claim, store: TaskStore) -> TaskRun:
    return TaskRun(
        claim, plan=PLAN, store=store, executor=LocalExecutor(lambda *_: b"", slots=2), limits=RunLimits(store_pause_s=0.01),
        parts=lambda _: {}, chance=random.Random(1),
    )  # fmt: skip


async def test_an_order_to_stop_is_not_lost_in_a_call_to_a_server_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Python 3.11 the client loses a cancellation that comes as it has just sent; its time-out is then like any other, after which
    the call would be made again and again."""
    monkeypatch.setattr(link, "ANSWER_TIMEOUT_S", 0.1)
    with start_valkey(tmp_path / "store") as server:
        house = RedisHouse(server.url, StoreLimits())
        for turns in range(TURNS):
            claim = await accept_and_claim(house.store, str(turns))
            await asyncio.gather(*(house.store.kept(claim.task_id) for _ in range(2)))  # connected
            run = run_of(claim, house.store)
            with standing_still(server):
                running = asyncio.create_task(run.run())
                for _ in range(turns):
                    await asyncio.sleep(0)
                run.stop(Stop.LOST)
                _, still_there = await asyncio.wait({running}, timeout=10)
            await running
            assert not still_there, turns
        await house.close()
