"""How the tests share a machine. `make test` runs two processes: one for all that starts Ray, the other for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
WITH_RAY = {"chaos", "cluster", "e2e"}
STORE_ALONE = {"test_every_call", "test_invariants", "test_mutations"}  # of tests/chaos


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Platforms come one after the other, however many processes there are: two at once make each other slow."""
    for item in items:
        room = item.path.relative_to(HERE).parts[0]
        group = "ray" if room in WITH_RAY and item.path.stem not in STORE_ALONE else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
