"""Ids in words."""

from __future__ import annotations

import pytest

from infra_mind.reports.facts import FactBook, pivots
from infra_mind.reports.labels import agent_title, fact_label, fact_name
from tests.unit.reports import sample


@pytest.mark.parametrize(
    ("expected", "fact_id"),
    [
        ("Total cost", "cost.total_usd_per_month"),
        ("Share with a price, by number of lines", "cost.priced_share"),
        ("Cost, m5.xlarge", "cost.hosting.m5.xlarge.usd_per_month"),
        ("GPUs, assistant", "mlops.serving.assistant.gpus"),
        ("Servers needed, api", "capacity.api.servers"),
        ("GPUs for deadline, fine-tune", "mlops.training.fine-tune.gpus_for_deadline"),
    ],
)
def test_fact_label(expected: str, fact_id: str) -> None:
    assert fact_label(fact_id) == expected


def test_a_rate_keeps_its_words() -> None:
    assert fact_name("arrivals_per_s") == "Arrivals"


def test_an_agent_that_is_not_known_is_called_by_its_name() -> None:
    assert agent_title("cost") == "Cost"
    assert agent_title("my_agent") == "My agent"


def test_no_fact_is_lost_in_the_tables() -> None:
    book = FactBook(sample.result())
    for agent in sample.result().agents:
        cells = [
            cell
            for table in pivots(book.of(agent))
            for _, row in table.rows
            for cell in row
            if cell is not None
        ]
        assert {cell.anchor for cell in cells} == {view.anchor for view in book.of(agent)}


def test_the_longer_side_becomes_the_rows() -> None:
    book = FactBook(sample.result())
    (serving, training) = pivots(book.of("mlops"))
    assert serving.columns == ("assistant",)
    assert len(serving.rows) == 5
    assert training.title == "Training"
