"""The same brief and files give the same bytes: in another process, under another hash seed, in another folder, at another time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.platform import ROOT

OF_THE_RUN = ("assessment_id", "provenance")


def assessed(clinic: Path, seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "infra_mind.cli",
        "assess",
        str(clinic / "brief.yaml"),
        "--local",
        "--json",
    ]
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=True, cwd=clinic
    )
    result: dict[str, Any] = json.loads(ran.stdout)
    for name in OF_THE_RUN:
        result.pop(name)
    return json.dumps(result, ensure_ascii=False)


def test_two_runs_agree_to_the_byte(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(ROOT / "examples" / "clinic", copy)
    first = assessed(ROOT / "examples" / "clinic", "1")
    assert len(json.loads(first)["agents"]) >= 11
    assert assessed(copy, "4242") == first
