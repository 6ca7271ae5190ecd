"""A finding: what a rule or check found, where, how bad, and what to do."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from pydantic import Field

from infra_mind.model.base import Value


class Status(StrEnum):
    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - a status, not a password
    NOT_ASSESSED = "not_assessed"  # an input is missing or a file could not be read
    UNRESOLVABLE = "unresolvable"  # a value that only apply time knows
    MANUAL = "manual"


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for critical up to 4 for info, for sorting and for `--fail-on`."""
        return list(Severity).index(self)


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Effort(StrEnum):
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"


class Evidence(Value):
    """Where it was seen. `path` is the attribute inside the resource; a secret in `observed` is always masked."""

    artefact: str = Field(description="Path of the file as handed in, or `brief`")
    line_start: int | None = None
    line_end: int | None = None
    path: str = ""
    observed: str = ""
    expected: str = ""


class Remediation(Value):
    text: str
    patch: str | None = Field(
        default=None, description="Unified diff against the artefact, only where it is safe"
    )
    effort: Effort = Effort.HOURS


LEAST_USD = (
    1.0  # a month; what saves less and nothing else is a trifle: no weakness, and not worth a piece of work
)


def worth(saved: float, severity: Severity) -> Severity:
    """The severity of an advice that saves `saved` USD a month and nothing else; a trifle is told and is no weakness."""
    return Severity.INFO if saved < LEAST_USD else severity


class Impact(Value):
    """Per month or year; None is unknown, not zero. Positive: what the fix saves."""

    usd_per_month: float | None = None
    kgco2e_per_month: float | None = None
    downtime_minutes_per_year: float | None = None


class Suppression(Value):
    """Somebody accepted what a finding says: why, who, until which day (inclusive), and where that is written.

    One that has `expired` suppresses nothing any more: its finding counts again."""

    reason: str
    owner: str = ""
    until: str = Field(default="", description="Last day (YYYY-MM-DD); empty is without end")
    where: str = Field(description="Path and line of the comment or of the suppression file")
    expired: bool = False


class Finding(Value):
    id: str
    fingerprint: str
    rule_id: str
    agent: str
    title: str
    status: Status
    severity: Severity
    confidence: Confidence = Confidence.HIGH
    resource: str = Field(default="", description="Address of the resource, or the field of the brief")
    evidence: tuple[Evidence, ...] = ()
    facts: tuple[str, ...] = Field(default=(), description="Ids of the facts that this rests on")
    assumptions: tuple[str, ...] = ()
    remediation: Remediation | None = None
    impact: Impact | None = None
    control_ids: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    suppressed: Suppression | None = Field(
        default=None,
        description="Accepted by a person: shown, and in no score, threshold or recommendation unless expired",
    )

    @property
    def is_suppressed(self) -> bool:
        """True if a suppression that has not expired stands."""
        return self.suppressed is not None and not self.suppressed.expired

    @property
    def counts(self) -> bool:
        """True for a failure that nobody has accepted: what scores, `--fail-on` and recommendations look at."""
        return self.status is Status.FAIL and not self.is_suppressed


def fingerprint(rule_id: str, resource: str, value: Any = "") -> str:
    """Stable identity of a finding: rule, resource address and normalised value, never a line number."""
    canonical = json.dumps([rule_id, resource, value], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:20]


def distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, no two ids alike: of those that are the same thing at the same address the later ones get a number."""
    seen: Counter[str] = Counter()
    told_apart = []
    for finding in findings:
        seen[finding.fingerprint] += 1
        nth = seen[finding.fingerprint]
        if nth > 1:
            mark = fingerprint(finding.rule_id, finding.fingerprint, nth)
            finding = finding.model_copy(update={"id": _id(finding.rule_id, mark), "fingerprint": mark})
        told_apart.append(finding)
    return tuple(told_apart)


def make_finding(
    *,
    rule_id: str,
    agent: str,
    title: str,
    status: Status,
    severity: Severity,
    resource: str = "",
    value: Any = "",
    **more: Any,
) -> Finding:
    """A finding whose id and fingerprint are reckoned from rule, resource and `value` (never put a secret there).

    Two Terraform roots may hold one address: the folder of the first evidence tells them apart."""
    mark = fingerprint(rule_id, _placed(resource, more.get("evidence", ())), value)
    return Finding(
        id=_id(rule_id, mark), fingerprint=mark, rule_id=rule_id, agent=agent, title=title,
        status=status, severity=severity, resource=resource, **more,
    )  # fmt: skip


def _id(rule_id: str, mark: str) -> str:
    return f"{rule_id}:{mark[:12]}"


def _placed(resource: str, evidence: Sequence[Evidence]) -> str:
    folder = evidence[0].artefact.rpartition("/")[0] if evidence and resource else ""
    return f"{folder}/{resource}" if folder else resource


def not_assessed(
    *, agent: str, rule_id: str, title: str, missing: str, hint: str = "", resource: str = "", given: str = ""
) -> Finding:
    """The finding an agent gives when an input is missing: names the field (`missing`) and what to do (`hint`).

    `given` is what stands in that field where something does, and no table of this release knows more of it."""
    lacking = "The tables of this release do not have it; in the brief nothing is missing."
    todo = hint or (lacking if given else f"Give `{missing}` in the brief.")
    return make_finding(
        rule_id=rule_id, agent=agent, title=title, status=Status.NOT_ASSESSED, severity=Severity.INFO,
        resource=resource or missing, value=missing,
        evidence=(Evidence(artefact="brief", path=missing, observed=given or "absent", expected=hint or ("one that the tables know" if given else f"give {missing}")),),
        remediation=Remediation(text=todo, effort=Effort.MINUTES),
    )  # fmt: skip
