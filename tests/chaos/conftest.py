"""One platform for the package, with synthetic agents and short leases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra_mind.client import Client
from tests.chaos.settings import SETTINGS
from tests.platform import SYNTHETIC, Platform, platform


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(
        tmp_path_factory.mktemp("chaos") / "home", "--slots", "6", "--agents", SYNTHETIC, settings=SETTINGS
    ) as started:
        yield started


@pytest.fixture
def client(engine: Platform) -> Iterator[Client]:
    with engine.client() as made:
        yield made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "starts.log"
    path.touch()
    return path
