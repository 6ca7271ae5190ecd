"""What is billed by use: every report shows the price of each unit, where it is from, and for how many resources."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cost import AGENT as COST
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.brief import parse_brief
from infra_mind.model.inventory import Artefact
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.html import render
from infra_mind.reports.markdown import render as markdown
from infra_mind.reports.usage import TITLE, usage_prices
from tests.unit.reports import sample
from tests.unit.reports.page import Page

TEXT = 'provider "aws" {\n  region = "eu-central-1"\n}\n' + "".join(
    f'resource "{kind}" "{name}" {{}}\n'
    for kind, name in (("aws_ecr_repository", "a"), ("aws_sqs_queue", "a"), ("aws_sqs_queue", "b"))
)


def details() -> dict[str, Any]:
    inventory = build_inventory([Artefact(path="main.tf", content=TEXT)])
    return dict(COST.assess(Inputs(brief=parse_brief({"name": "x"}), inventory=inventory), silent).details)


def shown(given: dict[str, Any]) -> AssessmentResult:
    result = sample.result()
    cost = result.agents["cost"].model_copy(update={"details": given})
    return result.model_copy(update={"agents": {**result.agents, "cost": cost}})


def test_each_unit_has_its_price_its_region_and_the_number_of_its_resources() -> None:
    found = {price.counts: price for price in usage_prices(details())}
    images, queues = found["stored images"], found["requests to a standard queue"]
    assert images.cells[1:5] == (
        "1",
        "stored images",
        "0.1 USD per GB-month",
        "eu-central-1; price of us-east-1",
    )
    assert queues.cells[1:5] == (
        "2",
        "requests to a standard queue",
        "0.4 USD per million requests",
        "eu-central-1",
    )


@pytest.mark.parametrize("kind", ["full", "executive"])
def test_reports_show_them_and_where_each_price_is_from(kind: str) -> None:
    given = details()
    result = shown(given)
    page = Page(render(result, kind))
    lists = {href for href in page.values("href") if href.startswith("#usage-list-")}
    assert {href.removeprefix("#") for href in lists} <= set(page.ids)
    assert len(lists) == len({row["source"] for row in given["usage_prices"]})
    for text in (page.text, markdown(result, kind).replace("\\", "")):
        assert TITLE in text
        assert "requests to a standard queue" in text
        assert "0.1 USD per GB-month" in text
        assert "none of it is free" in text


@pytest.mark.parametrize("given", [{}, {"usage_prices": []}])
def test_without_them_nothing_is_said(given: dict[str, Any]) -> None:
    assert TITLE not in Page(render(shown(given))).text
    assert TITLE not in markdown(shown(given))


def test_a_result_of_an_earlier_version_is_shown_as_far_as_it_goes() -> None:
    row = {"kind": "aws_sqs_queue", "sku": "sqs_fifo", "unit": "million requests", "region": "us-east-1", "usd_per_unit": 0.5,
           "source": "a list", "as_of": "2026-09-06", "old": False}  # fmt: skip
    (price,) = usage_prices({"usage_prices": [row]})
    assert price.cells == (
        "aws_sqs_queue",
        "1",
        "sqs_fifo",
        "0.5 USD per million requests",
        "us-east-1",
        "2026-09-06",
    )
