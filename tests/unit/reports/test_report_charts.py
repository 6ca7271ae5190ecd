"""Charts of the agents' facts: what is in them, in which order, and where there is none."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from infra_mind.model.fact import Fact, FactValue
from infra_mind.model.result import AgentResult, AssessmentResult
from infra_mind.reports.charts import charts
from infra_mind.reports.facts import FactBook
from infra_mind.reports.html import render
from infra_mind.reports.terminal import print_summary
from tests.unit.reports import sample


def facts(agent: str, **values: FactValue) -> AgentResult:
    return AgentResult(
        facts=tuple(
            Fact(id=f"{agent}.{name}", value=value, unit="kgCO2e/month", formula="given", source="test")
            for name, value in values.items()
        )
    )


CARBON = facts(
    "sustainability",
    **{
        "kgco2e_per_month": 30.0, "hosting.m5.xlarge.kgco2e_per_month": 10.0, "serving.chat.kgco2e_per_month": 20.0,
        "hosting.m5.xlarge.embodied_kgco2e_per_month": 99.0, "region.eu-west-1.kgco2e_per_month": 30.0, "region.eu-north-1.kgco2e_per_month": 1.0,
    },
)  # fmt: skip
ANSWERS: dict[str, FactValue] = {
    "data.readiness": 0.25,
    "skills.readiness": 0.75,
    "readiness": 0.25,
    "weakest": "data",
    "phase": "tactical",
    "skills.ml": 1.0,
}
READY = facts("adoption", **ANSWERS)  # fmt: skip


def result(**agents: AgentResult) -> AssessmentResult:
    return sample.result().model_copy(update={"agents": {**sample.result().agents, **agents}})


def test_carbon_by_part_and_by_region() -> None:
    parts, regions = charts("sustainability", FactBook(result(sustainability=CARBON)).of("sustainability"))
    assert [(line.label, line.share) for line in parts.lines] == [("serving: chat", 1.0), ("nodes: m5.xlarge", 0.5)]  # fmt: skip
    assert [line.label for line in regions.lines] == ["eu-west-1", "eu-north-1"]
    assert regions.lines[1].share == pytest.approx(1 / 30)


def test_readiness_is_drawn_against_the_whole() -> None:
    (chart,) = charts("adoption", FactBook(result(adoption=READY)).of("adoption"))
    assert [(line.label, line.share) for line in chart.lines] == [("skills", 0.75), ("data", 0.25)]


def test_one_line_is_no_chart() -> None:
    one = facts("sustainability", **{"hosting.m5.xlarge.kgco2e_per_month": 10.0})
    assert charts("sustainability", FactBook(result(sustainability=one)).of("sustainability")) == ()


def test_an_agent_without_charts() -> None:
    assert charts("cost", FactBook(sample.result()).of("cost")) == ()


def test_charts_are_in_the_page() -> None:
    page = render(result(sustainability=CARBON, adoption=READY))
    assert "Operational carbon a month, by part" in page
    assert "Readiness by dimension" in page


def test_the_terminal_says_where_carbon_is_and_how_ready_they_are() -> None:
    out = io.StringIO()
    print_summary(result(sustainability=CARBON, adoption=READY), Console(file=out, width=100))
    assert "Most carbon: serving: chat" in out.getvalue()
    assert "Cleanest allowed region: eu-north-1" in out.getvalue()
    assert "AI readiness (tactical), weakest in data" in out.getvalue()
