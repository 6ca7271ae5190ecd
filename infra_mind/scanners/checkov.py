"""Checkov as a process of its own (it cannot be installed beside Ray): the artefacts in a fresh folder, a time limit, no network.

What is handed in is hostile. Checkov reads a `.checkov.yaml` of the folder that it scans, which may name Python files to load, so only
files that made a resource are written, and none of that name. It gets an environment and a home of its own, asks for nothing from
the network (`--skip-download`, no external modules, no look for a newer release), and a proxy that does not exist says so for the rest."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infra_mind.artefacts.downloaded import is_downloaded
from infra_mind.model.inventory import Artefact, Inventory
from infra_mind.model.scan import Scan, ScannedCheck

TOOL = "checkov"
MOST_BYTES = 64 * 1024 * 1024  # of a report
MOST_CHECKS = 20_000
_POLL_S = 0.2
_NO_PROXY_LISTENS = "http://127.0.0.1:9"  # the port of the discard protocol
_CHECK_ID = re.compile(r"CKV2?_[A-Z0-9]+_\d{1,5}\Z")
_LONGEST = 300
_OPTIONS = (
    "--output", "json", "--compact", "--quiet", "--skip-download", "--download-external-modules", "false",
    "--framework", "terraform", "kubernetes", "dockerfile",
)  # fmt: skip


def scan(
    inventory: Inventory,
    artefacts: Mapping[str, Artefact],
    *,
    limit_s: float,
    tick: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> Scan | None:
    """What Checkov says; None where it is not on the PATH or nothing is there to scan. Never raises for what Checkov does.

    `tick` is called while it runs and may raise: the process and all that it started are then ended."""
    program = shutil.which(TOOL)
    files = _files(inventory, artefacts)
    if program is None or not files:
        return None
    with tempfile.TemporaryDirectory(prefix="infra-mind-scan-") as folder:
        room = Path(folder)
        left_out = _write(room / "artefacts", files)
        problem = _run(program, room, limit_s, tick, clock)
        found = Scan(tool=TOOL, problem=problem) if problem else _report(room / "report.json", set(files))
    if left_out and not found.problem:
        return found.model_copy(update={"problem": f"{left_out} files have names that cannot be written"})
    return found


def _files(inventory: Inventory, artefacts: Mapping[str, Artefact]) -> dict[str, str]:
    """What made a resource, and Terraform's variables; text only."""
    wanted = {resource.artefact for resource in inventory.resources if not resource.is_in_plan}
    wanted |= {path for path in artefacts if path.endswith((".tf", ".tfvars"))}
    wanted -= {path for path in wanted if is_downloaded(path)}
    return {
        path: content
        for path in sorted(wanted)
        if (file := artefacts.get(path)) is not None
        and (content := file.content) is not None
        and not path.rpartition("/")[2].lower().startswith(".checkov")
    }


def _write(root: Path, files: Mapping[str, str]) -> int:
    """How many could not be written."""
    left_out = 0
    root.mkdir()
    for path, content in files.items():
        target = root / path
        try:
            if not target.resolve().is_relative_to(root.resolve()):
                raise OSError
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8", newline="")
        except (OSError, UnicodeEncodeError):
            left_out += 1
    return left_out


def _environment(room: Path) -> dict[str, str]:
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _NO_PROXY_LISTENS)
    return {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": str(room / "home"), "TMPDIR": str(room / "home"),
        "LANG": "C.UTF-8", "LOG_LEVEL": "ERROR", "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true",
        "CKV_IGNORE_HIDDEN_DIRECTORIES": "false", **proxies,
    }  # fmt: skip


def _run(
    program: str, room: Path, limit_s: float, tick: Callable[[], None], clock: Callable[[], float]
) -> str:
    """Runs it to its end; why it did not go well, empty if it did. 1 says that checks failed, which is what it is for."""
    (room / "home").mkdir()
    with (room / "report.json").open("wb") as report:
        try:
            process = subprocess.Popen(  # noqa: S603 - the program is the one on the PATH, no word of it is handed in
                [program, "--directory", str(room / "artefacts"), *_OPTIONS], cwd=room / "home", env=_environment(room),
                stdin=subprocess.DEVNULL, stdout=report, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return f"it could not be started ({type(error).__name__})"
        try:
            ended = _wait(process, clock() + limit_s, tick, clock)
        finally:
            _end(process)
    if not ended:
        return f"it ran longer than its limit of {limit_s:g} s"
    return "" if process.returncode in (0, 1) else f"it ended with code {process.returncode}"


def _wait(
    process: subprocess.Popen[bytes], until: float, tick: Callable[[], None], clock: Callable[[], float]
) -> bool:
    while clock() < until:
        tick()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_POLL_S)
            return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends whatever of its session still runs: also what it started and left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _report(path: Path, files: set[str]) -> Scan:
    if path.stat().st_size > MOST_BYTES:
        return Scan(tool=TOOL, problem=f"its report is larger than {MOST_BYTES} bytes")
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return Scan(tool=TOOL, problem="its report is no JSON")
    reports = [r for r in (data if isinstance(data, list) else [data]) if isinstance(r, dict)]
    if not reports or (reports == [data] and not {"results", "passed"} & set(data)):
        return Scan(tool=TOOL, problem="its report has another shape than is known here")
    checks = {check for report in reports for check in _checks(report, files)}
    ordered = sorted(checks, key=lambda c: (c.artefact, c.line_start, c.check_id, c.resource, c.status))
    summaries = [s for r in reports if isinstance(s := r.get("summary", r), dict)]
    return Scan(
        tool=TOOL,
        version=_text(next((s["checkov_version"] for s in summaries if s.get("checkov_version")), "")),
        passed=sum(n for s in summaries if isinstance(n := s.get("passed"), int)),
        checks=tuple(ordered[:MOST_CHECKS]),
        problem=f"more than {MOST_CHECKS} failed checks; the rest is left out" if len(ordered) > MOST_CHECKS else "",
    )  # fmt: skip


def _checks(report: Mapping[str, Any], files: set[str]) -> Iterable[ScannedCheck]:
    results = report.get("results")
    if not isinstance(results, dict):
        return
    for kind, status in (("failed_checks", "failed"), ("skipped_checks", "skipped")):
        rows = results.get(kind)
        for row in rows if isinstance(rows, list) else ():
            check = _check(row, status, files) if isinstance(row, dict) else None
            if check is not None:
                yield check


def _check(row: Mapping[str, Any], status: str, files: set[str]) -> ScannedCheck | None:
    """None for a row of another shape, or about a file that was not handed in."""
    id_, path, lines = row.get("check_id"), row.get("file_path"), _range(row.get("file_line_range"))
    if not (isinstance(id_, str) and _CHECK_ID.match(id_) and isinstance(path, str) and lines):
        return None
    artefact = path.lstrip("/")
    if artefact not in files:
        return None
    result = row.get("check_result")
    reason = result.get("suppress_comment", "") if isinstance(result, dict) else ""
    resource = _text(row.get("resource", ""))
    start = max(1, lines[0])
    return ScannedCheck(
        check_id=id_, title=_text(row.get("check_name", "")) or id_, artefact=artefact, line_start=start,
        line_end=max(start, lines[1]), resource="" if resource.startswith("/") else resource,
        status="skipped" if status == "skipped" else "failed", reason=_text(reason),
    )  # fmt: skip


def _range(lines: Any) -> tuple[int, int] | None:
    whole = isinstance(lines, list) and len(lines) == 2 and all(type(n) is int for n in lines)
    return (lines[0], lines[1]) if whole else None


def _text(value: Any) -> str:
    shown = "".join(c for c in value if c.isprintable()) if isinstance(value, str) else ""
    return shown[:_LONGEST]
