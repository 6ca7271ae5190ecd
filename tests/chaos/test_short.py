"""The short form of `make chaos`: one machine, each kind of kill once, always the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.run import run
from tests.chaos.sites import one_machine


@pytest.mark.chaos
def test_what_must_hold_holds_while_things_are_killed(tmp_path: Path) -> None:
    with one_machine(tmp_path) as (site, witness):
        report = run(site, witness, seed=7, duration_s=60.0, once=True)
    print(report.text())
    assert report.broken == []
    assert {one.fault for one in report.struck} == {fault.name for fault in site.faults}
    assert report.history.cancelled
    assert any(start.ended is None for start in report.history.starts), "nothing was cut off"
