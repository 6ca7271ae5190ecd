"""The compliance agent's tables arranged for reading: regimes, their dates, controls that fail, and questions by owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

FITS = {
    "applies": "applies",
    "may_apply": "may apply",
    "by_choice": "by choice",
    "not_apparent": "does not seem to apply",
    "unknown": "not known",
}


@dataclass(frozen=True)
class RegimeRow:
    """One regime; the numbers of one that is not in scope are 0 and are not shown."""

    regime: str
    name: str
    citation: str
    named: bool
    in_scope: bool
    fit: str
    why: str
    article: str
    controls: int
    machine_checkable: int
    assessed: int
    passed: int
    failed: int
    manual: int

    def fact(self, name: str) -> str:
        """Id of a fact of this regime."""
        return f"compliance.{self.regime}.{name}"


@dataclass(frozen=True)
class ControlRow:
    """One control; `findings` are ids of the findings that fail it, the first ones, of `failed` in all; `silent` topics of
    it that nothing spoke to, `undecided` how many mapped checks stayed open."""

    id: str
    title: str
    findings: tuple[str, ...]
    failed: int
    silent: tuple[str, ...]
    undecided: int
    owner: str
    due: str


@dataclass(frozen=True)
class RegimeControls:
    """What a regime's section lists: the controls that fail, those nothing spoke to, and the questions by owner and date."""

    name: str
    failed: tuple[ControlRow, ...]
    passed: tuple[ControlRow, ...]
    not_assessed: tuple[ControlRow, ...]
    questions: tuple[tuple[str, str, tuple[ControlRow, ...]], ...]


@dataclass(frozen=True)
class ComplianceView:
    regimes: tuple[RegimeRow, ...]
    dates: tuple[Mapping[str, str], ...]
    controls: tuple[RegimeControls, ...]

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> ComplianceView:
        """From the agent's `details`; tables that are not there are empty."""
        regimes = tuple(_regime(row) for row in details.get("regimes", ()))
        rows = list(details.get("controls", ()))
        names = {row.regime: row.name for row in regimes}
        dates = tuple(
            {**date, "name": names.get(date["regime"], date["regime"])} for date in details.get("dates", ())
        )
        by_regime = [(r, [row for row in rows if row["regime"] == r.regime]) for r in regimes if r.in_scope]
        return cls(regimes, dates, tuple(_controls(r.name, of) for r, of in by_regime))

    @property
    def in_scope(self) -> tuple[RegimeRow, ...]:
        return tuple(row for row in self.regimes if row.in_scope)

    @property
    def others(self) -> tuple[RegimeRow, ...]:
        return tuple(row for row in self.regimes if not row.in_scope)


def _regime(row: Mapping[str, Any]) -> RegimeRow:
    counts = {
        name: int(row.get(name, 0))
        for name in ("controls", "machine_checkable", "assessed", "passed", "failed", "manual")
    }
    return RegimeRow(
        regime=row["regime"], name=row["name"], citation=row["citation"], named=row["named"], in_scope=row["in_scope"],
        fit=FITS.get(row["fit"], row["fit"]), why="; ".join(row["reasons"]), article=row["article"], **counts,
    )  # fmt: skip


def _controls(name: str, rows: Iterable[Mapping[str, Any]]) -> RegimeControls:
    by_status: dict[str, list[ControlRow]] = {}
    for row in rows:
        by_status.setdefault(row["status"], []).append(_control(row))
    return RegimeControls(
        name, tuple(by_status.get("fail", ())), tuple(by_status.get("pass", ())),
        tuple(by_status.get("not_assessed", ())), _by_owner(by_status.get("manual", ())),
    )  # fmt: skip


def _control(row: Mapping[str, Any]) -> ControlRow:
    return ControlRow(
        id=row["control"].partition(":")[2], title=row["title"], findings=tuple(row.get("findings", ())),
        failed=int(row.get("failed", 0)), silent=tuple(row.get("silent", ())), undecided=int(row.get("undecided", 0)), owner=row.get("owner", ""), due=row.get("due", ""),
    )  # fmt: skip


def _by_owner(rows: Iterable[ControlRow]) -> tuple[tuple[str, str, tuple[ControlRow, ...]], ...]:
    def key(row: ControlRow) -> tuple[str, str]:
        return row.owner, row.due

    return tuple(
        (owner, due, tuple(group)) for (owner, due), group in groupby(sorted(rows, key=key), key=key)
    )
