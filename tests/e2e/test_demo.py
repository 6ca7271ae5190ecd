"""`infra-mind demo` as `make demo` runs it: from nothing to a report, and nothing left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

from tests.platform import ROOT


def _of(folder: Path) -> list[psutil.Process]:
    """Processes that were started with this folder in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.environ().get("DEMO_TEST", ""):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_the_demo_shows_a_real_assessment_and_leaves_no_process(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "INFRA_MIND_"))}
    environment = clean | {
        "DEMO_TEST": str(tmp_path),
        "INFRA_MIND_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "infra_mind.cli", "demo", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["status"] == "completed"
    assert "<html" in (tmp_path / "out" / "report.html").read_text()
    assert result["summary"]["headline"][:30] in done.stdout.replace("\n", " ")
    for agent in result["agents"]:
        assert f"{agent}: DONE" in done.stderr
    assert not (tmp_path / "home").exists()
    _, left = psutil.wait_procs(_of(tmp_path), timeout=20)
    assert not left
