"""Both stores behind one fixture: the suite runs over each, the Redis one on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from infra_mind.tasks.embedded import EmbeddedStore
from infra_mind.tasks.store import StoreLimits, TaskStore
from tests.contract.houses import House, open_house
from tests.stores import start_valkey


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One server for the whole session; every house has a prefix of its own on it. Nobody kills this one."""
    with start_valkey(tmp_path_factory.mktemp("valkey") / "store") as server:
        yield server


@pytest.fixture
def limits() -> StoreLimits:
    """Override in a test with `@pytest.mark.parametrize("limits", [StoreLimits(...)])`."""
    return StoreLimits()


@pytest.fixture(params=["memory", "redis"])
async def house(
    request: pytest.FixtureRequest, valkey: EmbeddedStore, limits: StoreLimits
) -> AsyncIterator[House]:
    async with open_house(request.param, valkey.url, limits) as opened:
        yield opened


@pytest.fixture
def store(house: House) -> TaskStore:
    return house.store
