"""What a scanner of somebody else said of the artefacts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infra_mind.model.base import Value


class ScannedCheck(Value):
    """A check that failed, or that a comment in the artefact told the scanner to skip. Lines are 1-based, both ends included."""

    check_id: str
    title: str
    artefact: str
    line_start: int
    line_end: int
    resource: str = ""
    status: Literal["failed", "skipped"] = "failed"
    reason: str = Field(default="", description="Why it was skipped, as the artefact says")


class Scan(Value):
    """One run. `problem` says why there is nothing, or not everything; `checks` are in order of artefact, line and id."""

    tool: str
    version: str = ""
    passed: int = 0
    checks: tuple[ScannedCheck, ...] = ()
    problem: str = ""
