"""The real application over the real in-memory store, spoken to in HTTP without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from infra_mind.api.app import create_app
from infra_mind.model.api_key import new_key
from infra_mind.tasks.memory import MemoryStore
from tests.unit.api.steps import AGENTS, LIMITS, NOW, Engine, MakeKey, client_of, workers


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def engine(store: MemoryStore) -> Engine:
    return Engine(store)


@pytest.fixture
def app(store: MemoryStore) -> FastAPI:
    return create_app(store, agents=AGENTS, limits=LIMITS, workers=workers)


@pytest.fixture
def make_key(store: MemoryStore) -> MakeKey:
    async def make(tenant: str = "acme", **more: Any) -> str:
        plain, kept = new_key(tenant, "test", NOW, **more)
        await store.put_key(kept)
        return plain

    return make


@pytest.fixture
async def anyone(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key, at the root."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def http(app: FastAPI, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client of tenant acme, under /api/v1."""
    async with client_of(app, await make_key("acme")) as client:
        yield client


@pytest.fixture
async def rival(app: FastAPI, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client of another tenant."""
    async with client_of(app, await make_key("rival")) as client:
        yield client
