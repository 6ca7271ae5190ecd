"""How the tests share a machine. `make test` runs two processes; whatever starts Ray is in one of two lanes, one for each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

HERE = Path(__file__).parent
LANES = {"chaos": "chaos", "cluster": "platform", "e2e": "platform"}  # they take about the same time
STORE_ALONE = {"test_every_call", "test_invariants", "test_mutations"}  # of tests/chaos


def lane(path: Path) -> str | None:
    return None if path.stem in STORE_ALONE else LANES.get(path.relative_to(HERE).parts[0])


class Lanes(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """What is in one lane, and what is in one file, stays in one process, in order."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return lane(HERE.parent / file) or file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    config.option.loadscopereorder = False
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The lanes are long, so they come first; the other files go to whichever process is through with its lane."""
    items.sort(key=lambda item: lane(item.path) is None)
