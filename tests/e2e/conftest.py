"""One platform with the real agents for the whole folder: `infra-mind up --slots 4`, and what a person would have beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra_mind.client import Client
from tests.e2e.steps import CLINIC, Tried, client_of
from tests.platform import Platform, platform


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    settings = {"INFRA_MIND_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1/32"}  # receivers of these tests listen there
    with platform(tmp_path_factory.mktemp("e2e") / "home", "--slots", "4", settings=settings) as started:
        yield started


@pytest.fixture(scope="package")
def clinic(engine: Platform, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """`infra-mind assess examples/clinic/brief.yaml --json`, with its report, as the first thing a person tries."""
    report = tmp_path_factory.mktemp("clinic") / "report.html"
    ran = engine.run("assess", str(CLINIC), "--json", "--report", str(report))
    return Tried(ran, report)


@pytest.fixture
def client(engine: Platform) -> Iterator[Client]:
    with engine.client() as made:
        yield made


@pytest.fixture
def http(engine: Platform) -> Iterator[httpx.Client]:
    """Plain HTTP under /api/v1 with the key that `up` made."""
    with client_of(engine, engine.home.api_key()) as made:
        yield made


@pytest.fixture(scope="package")
def rival_key(engine: Platform) -> dict[str, Any]:
    """The key of another tenant, as `keys create` shows it."""
    made: dict[str, Any] = json.loads(engine.run("keys", "create", "--tenant", "rival", "--json").stdout)
    return made


@pytest.fixture
def rival(engine: Platform, rival_key: dict[str, Any]) -> Iterator[httpx.Client]:
    with client_of(engine, rival_key["key"]) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
