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
        ("Utility, IM-AWS-S3.urgent", "strategy.utility.IM-AWS-S3.urgent"),
        ("Weight, cost", "strategy.weight.cost"),
        ("Money saved, cost.older-generation", "strategy.impact.cost.older-generation.usd_per_month"),
        ("Carbon saved, sustainability.region", "strategy.impact.sustainability.region.kgco2e_per_month"),
        ("Work in all", "strategy.roadmap.person_days"),
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


def test_rules_and_priorities_have_tables_of_their_own_and_totals_come_in_the_order_of_interest() -> None:
    result = sample.result()
    ids = (
        "cost.a_rate", "cost.total_usd_per_month", "strategy.utility.cloud.zone-loss", "strategy.utility.IM-1", "strategy.weight.cost",
        "strategy.roadmap.person_days", "strategy.roadmap.beyond_90_days",
    )  # fmt: skip
    fact = result.agents["cost"].facts[0]
    facts = tuple(fact.model_copy(update={"id": fact_id}) for fact_id in ids)
    agents = {"strategy": result.agents["cost"].model_copy(update={"facts": facts})}
    made = pivots(FactBook(result.model_copy(update={"agents": agents})).of("strategy"))
    assert {table.title: (table.columns, [heading for heading, _ in table.rows]) for table in made} == {
        "": (("Value",), ["Total cost", "A rate"]),
        "Utility": (("Value",), ["cloud.zone-loss", "IM-1"]),
        "Weight": (("cost",), ["Weight"]),
        "Roadmap": (("Value",), ["Work in all", "Recommendations that end after day 90"]),
    }
