"""The short form of `make chaos`: what `up` cannot do without is killed once each under a load, always with the same seed."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.faults import on_one_machine
from tests.chaos.load import Witness
from tests.chaos.run import Site, run
from tests.platform import Platform

KILLED = {"agent worker", "dispatcher", "progress actor", "API replica", "store"}


def test_what_must_hold_holds_while_things_are_killed(engine: Platform, tmp_path: Path) -> None:
    witness = Witness(tmp_path / "agents.log")
    faults = [fault for fault in on_one_machine(engine, witness) if fault.name in KILLED]
    site = Site(engine.client, engine.endpoint.store_url, engine.home.path / "store", faults)
    report = run(site, witness, seed=7, duration_s=60.0, once=True)
    print(report.text())
    assert report.broken == []
    assert {one.fault for one in report.struck} == KILLED
    assert report.history.cancelled
    assert any(start.ended is None for start in report.history.starts), "nothing was cut off"
