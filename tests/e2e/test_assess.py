"""`infra-mind assess`: one command, and what stands in the answer."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from infra_mind.agents import NAMES
from tests.e2e.steps import CLINIC, MINIMAL, Tried, comparable, facts
from tests.platform import Platform


def test_standard_output_holds_the_json_alone(clinic: Tried) -> None:
    assert clinic.ran.returncode == 0, clinic.ran.stderr
    assert clinic.ran.stdout.startswith("{")
    assert clinic.ran.stdout.endswith("}\n")
    assert clinic.ran.stderr == ""


def test_every_agent_gave_its_part(clinic: Tried) -> None:
    result = clinic.result
    assert result["status"] == "completed"
    assert set(result["agents"]) == set(NAMES)
    assert result["failures"] == []
    assert result["coverage"]["files_read"] > 20
    assert [r["rank"] for r in result["recommendations"]] == list(
        range(1, len(result["recommendations"]) + 1)
    )


CHECKS = {
    # 3 × 0.214 USD/h × 730 h
    "cost.hosting.m5.xlarge.usd_per_month": 468.66,
    "mlops.serving.assistant.parameters": 70_553_706_496,
    "mlops.serving.assistant.weights_bytes": 141_107_412_992,
    "mlops.serving.assistant.kv_bytes_per_token": 327_680,
    # 6 × 8.03e9 × 2e9
    "mlops.training.fine-tune.flops": 9.636e19,
    # 0.9999 × (1 − 0.001²) × 0.9995
    "reliability.availability": 0.99939905059995,
    "reliability.downtime_minutes_per_year": 315.859,
    "reliability.error_budget_minutes_per_30_days": 43.2,
    # √(2 × 5 × 40 × 60)
    "reliability.training.fine-tune.checkpoint_interval_minutes": 154.919,
    # 40 × 0.12
    "capacity.api.offered_load": 4.8,
}


@pytest.mark.parametrize("fact", CHECKS)
def test_numbers_that_can_be_reckoned_by_hand(clinic: Tried, fact: str) -> None:
    assert facts(clinic.result)[fact] == pytest.approx(CHECKS[fact], rel=1e-5)


def test_the_total_is_the_sum_of_the_lines_of_the_brief(clinic: Tried) -> None:
    lines = [line for line in clinic.result["agents"]["cost"]["cost_lines"] if line["origin"] == "brief"]
    total = facts(clinic.result)["cost.total_usd_per_month"]
    assert total == pytest.approx(sum(line["usd_per_month"] for line in lines))
    assert all(line["source"] and line["as_of"] for line in lines)


def test_every_finding_of_a_file_names_a_line_that_is_there(clinic: Tried) -> None:
    root = CLINIC.parent / "infrastructure"
    evidence = [
        e
        for a in clinic.result["agents"].values()
        for f in a["findings"]
        for e in f["evidence"]
        if e["line_start"]
    ]
    assert len(evidence) > 100
    lengths = {e["artefact"]: len((root / e["artefact"]).read_text().splitlines()) for e in evidence}
    wrong = [e for e in evidence if not 1 <= e["line_start"] <= e["line_end"] <= lengths[e["artefact"]]]
    assert wrong == []


def test_a_second_run_gives_the_same_bytes(engine: Platform, clinic: Tried) -> None:
    again = Tried(engine.run("assess", str(CLINIC), "--json"), Path())
    assert again.result["assessment_id"] != clinic.result["assessment_id"]
    assert comparable(again.result) == comparable(clinic.result)


def test_local_gives_the_same_bytes_as_the_cluster(engine: Platform, clinic: Tried) -> None:
    here = engine.run("assess", str(CLINIC), "--json", "--local")
    assert here.returncode == 0, here.stderr
    assert comparable(json.loads(here.stdout)) == comparable(clinic.result)


class _Links(HTMLParser):
    """What a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        names = {"src", "srcset", "data", "poster"} | ({"href"} if tag == "link" else set())
        self.loads += [
            value for name, value in attrs if name in names and value and not value.startswith("data:")
        ]


def test_the_report_is_one_page_that_loads_nothing(clinic: Tried) -> None:
    text = clinic.report.read_text(encoding="utf-8")
    page = _Links()
    page.feed(text)
    assert page.loads == []
    assert re.findall(r"@import|url\((?!['\"]?(?:data:|#))", text) == []
    assert {"html", "title", "h1", "table"} <= page.tags
    assert "Clinic assistant" in text


def test_fail_on_gives_exit_code_4_and_still_the_result(engine: Platform) -> None:
    ran = engine.run("assess", str(CLINIC), "--json", "--fail-on", "critical")
    assert ran.returncode == 4
    assert json.loads(ran.stdout)["summary"]["findings"]["critical"] > 0


def test_fail_on_a_severity_that_nothing_reaches(engine: Platform) -> None:
    ran = engine.run("assess", str(MINIMAL), "--json", "--fail-on", "critical")
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["summary"]["findings"]["critical"] == 0


def test_without_json_a_person_reads_a_summary_and_sees_the_agents(engine: Platform) -> None:
    ran = engine.run("assess", str(MINIMAL))
    assert ran.returncode == 0
    assert "One small service" in ran.stdout
    assert {line.split(":")[0] for line in ran.stderr.splitlines()} == set(NAMES)


def test_a_report_that_cannot_be_written_says_so(engine: Platform, folder: Path) -> None:
    (folder / "file").touch()
    ran = engine.run("assess", str(MINIMAL), "--json", "--report", str(folder / "file" / "report.html"))
    assert ran.returncode == 2
    assert "report.html: cannot be written" in ran.stderr
