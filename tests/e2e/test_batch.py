"""A folder of briefs: `python -m infra_mind.batch BRIEFS_DIR --out DIR`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.steps import MINIMAL
from tests.platform import Platform


def batch(engine: Platform, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra_mind.batch", *words]
    return subprocess.run(command, env=engine.environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def briefs(tmp_path: Path) -> Path:
    folder = tmp_path / "briefs"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "brief.yaml").write_text("name: Shop\nartefacts: ./main.tf\n")
    (folder / "shop" / "main.tf").write_text('resource "aws_s3_bucket" "goods" {}\n')
    (folder / "small.yaml").write_text(MINIMAL.read_text())
    return folder


def test_every_brief_gets_its_result_and_its_report(engine: Platform, briefs: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    ran = batch(engine, str(briefs), "--out", str(out), "--json")
    assert ran.returncode == 0, ran.stderr
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        {"name": "shop", "status": "completed", "problem": ""},
        {"name": "small", "status": "completed", "problem": ""},
    ]
    assert sorted(p.name for p in out.iterdir()) == ["shop.html", "shop.json", "small.html", "small.json"]
    shop = json.loads((out / "shop.json").read_text())
    assert [r["address"] for r in shop["inventory"]] == ["aws_s3_bucket.goods"]
    assert "Shop" in (out / "shop.html").read_text()


def test_one_wrong_brief_and_nothing_is_started(engine: Platform, briefs: Path, tmp_path: Path) -> None:
    before = engine.run("list", "--json").stdout
    (briefs / "bad.yaml").write_text("nme: x\n")
    ran = batch(engine, str(briefs), "--out", str(tmp_path / "out"))
    assert ran.returncode == 2
    assert "bad.yaml" in ran.stderr
    assert "did you mean `name`?" in ran.stderr
    assert engine.run("list", "--json").stdout == before
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_assessed_is_said_for_each_and_the_exit_code_is_1(
    engine: Platform, briefs: Path, tmp_path: Path
) -> None:
    stranger = replace(engine, environment=engine.environment | {"INFRA_MIND_API_KEY": "im_0_0"})
    ran = batch(stranger, str(briefs), "--out", str(tmp_path / "out"))
    assert ran.returncode == 1
    assert [line.split(":")[0] for line in ran.stdout.splitlines()] == ["shop", "small"]
    assert "NotAllowed" in ran.stdout


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_briefs(engine: Platform, tmp_path: Path, folder: str) -> None:
    assert batch(engine, str(tmp_path / folder)).returncode == 2
