"""A kill between any two transitions of one task's life: the process dies, loses its connection or stands still before and after
every single call that it makes to the store, another dispatcher takes over, and the invariants hold at the end."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra_mind.model.task import TaskState
from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.store import StoreLimits
from tests.chaos.history import History, state_of
from tests.chaos.invariants import broken
from tests.chaos.lives import LIVES, Life, Link, Mode, Scene
from tests.contract.houses import RedisHouse
from tests.stores import start_valkey


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """Its file has everything that it has answered: with `everysec` a slow disk may make it wait."""
    with start_valkey(tmp_path_factory.mktemp("lives") / "store", durability="strict") as server:
        yield server


@pytest.fixture
async def house(valkey: EmbeddedStore) -> AsyncIterator[RedisHouse]:
    opened = RedisHouse(valkey.url, StoreLimits(lease_s=60.0))
    yield opened
    await opened.close()


Played = Callable[..., Awaitable[tuple[dict[str, Link], History, TaskState | None]]]


@pytest.fixture
def played(valkey: EmbeddedStore, house: RedisHouse, tmp_path: Path) -> Played:
    """Plays one life: the links that were used, the history, the state at the end."""

    async def play(life: Life, who: str = "", at: str = "", mode: Mode | None = None) -> Any:
        scene = Scene(house, valkey.directory, life, tmp_path / f"{uuid.uuid4().hex}.log")
        links = await scene.play(who, at, mode)
        history = scene.history(valkey.url)
        return links, history, state_of(history, scene.task)

    return play


def started(history: History) -> Counter[str]:
    return Counter(start.step for start in history.starts)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.value)
async def test_it_is_struck_at_every_call(played: Played, life: Life, mode: Mode) -> None:
    links, clean, state = await played(life)
    assert broken(clean) == []
    assert state is life.ends
    for who, link in links.items():
        if who == "caller" and (mode.dies or mode.stands):
            continue  # whoever asks, or its replica, only loses an answer: that is the other mode
        for at in dict.fromkeys(link.calls):
            struck, history, state = await played(life, who, at, mode)
            where = f"{who} {mode.value}: {at}"
            assert struck[who].struck.is_set(), f"never reached: {where}"
            assert broken(history) == [], f"{where}: {broken(history)}"
            assert state is life.ends, f"{where}: {state}"
            if not (mode.dies or mode.stands):
                assert started(history) == started(clean), f"{where}: {started(history)}"
