"""What engines were measured to reach: the tables are whole, and the bands hold what they say."""

from __future__ import annotations

import pytest

from infra_mind.knowledge import gpus, serving
from infra_mind.knowledge.serving import Measurement

ROWS = serving.measurements().rows


def test_every_maker_of_the_table_of_gpus_has_its_efficiencies() -> None:
    for gpu in gpus.table().rows:
        assert serving.efficiency(gpu).id == gpu.maker


def test_there_are_many_measurements_of_several_engines_and_most_were_not_fitted() -> None:
    points = {use: sum(len(r.points) for r in ROWS if r.use == use) for use in ("fit", "check")}
    assert points["check"] > 2 * points["fit"]
    assert len({r.engine.split()[0] for r in ROWS if r.use != "old"}) >= 4
    assert len(ROWS) >= 10
    assert all(r.as_of and r.source for r in ROWS)


def test_no_deployment_is_fitted_and_checked_at_once() -> None:
    fitted = {(r.model, r.gpu, r.engine) for r in ROWS if r.use == "fit"}
    assert not fitted & {(r.model, r.gpu, r.engine) for r in ROWS if r.use == "check"}


def test_a_maker_counts_as_measured_where_there_is_a_measurement() -> None:
    measured = {found.maker for r in ROWS if (found := gpus.find(r.gpu))}
    assert measured == {g.maker for g in gpus.table().rows if serving.efficiency(g).measured}


def test_a_time_per_token_without_the_requests_in_flight_is_refused() -> None:
    row = ROWS[0].model_dump() | {"quantity": "tpot_ms"}
    with pytest.raises(ValueError, match="in flight"):
        Measurement.model_validate(row)


def test_a_run_tells_its_requests_at_every_point_or_at_none() -> None:
    row = ROWS[0].model_dump() | {"requests": (3000,)}
    with pytest.raises(ValueError, match="for every point or for none"):
        Measurement.model_validate(row)
