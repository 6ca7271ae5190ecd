"""How often a training job should write a checkpoint, and what failures and checkpoints cost it."""

from __future__ import annotations

from collections.abc import Sequence

from infra_mind.agents.reliability.availability import checkpoint_interval, checkpoint_waste
from infra_mind.model.brief import Training
from infra_mind.model.fact import Assumption, Fact, FactValue, id_parts
from infra_mind.model.finding import (
    Effort,
    Evidence,
    Finding,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)
from infra_mind.model.numbers import number
from infra_mind.model.result import AgentResult

NAME = "reliability"
SOURCE = "Young, A first order approximation to the optimum checkpoint interval, CACM 17 (1974); Daly, FGCS 22 (2006); brief: training"

FIRST_ORDER = Assumption(
    id="reliability.checkpoint_first_order",
    text="Failures of a training job come at a constant rate; writing a checkpoint is short against the time between them.",
    source="Young 1974, Daly 2006",
)


def assess_training(jobs: Sequence[Training]) -> AgentResult:
    """Interval and waste of every job; a job that lacks a field says which."""
    facts: list[Fact] = []
    findings: list[Finding] = []
    names = id_parts(job.name for job in jobs)
    for index, (job, name) in enumerate(zip(jobs, names, strict=True)):
        if job.checkpoint_minutes is None or job.mtbf_hours is None:
            findings += [_missing(job, f"training.{index}.{field}") for field in _absent(job)]
        elif 2 * job.checkpoint_minutes >= job.mtbf_hours * 60:
            findings.append(_no_progress(job, index))
        else:
            facts += _facts(name, job.checkpoint_minutes, job.mtbf_hours)
    return AgentResult(
        facts=tuple(facts), findings=tuple(findings), assumptions=(FIRST_ORDER,) if facts else ()
    )


def _absent(job: Training) -> list[str]:
    return [field for field in ("checkpoint_minutes", "mtbf_hours") if getattr(job, field) is None]


def _facts(name: str, checkpoint_minutes: float, mtbf_hours: float) -> list[Fact]:
    inputs: dict[str, FactValue] = {"checkpoint_minutes": checkpoint_minutes, "mtbf_hours": mtbf_hours}
    minutes = mtbf_hours * 60
    base = f"reliability.training.{name}"
    return [
        Fact(id=f"{base}.checkpoint_interval_minutes", value=checkpoint_interval(checkpoint_minutes, minutes),
             unit="minutes", formula="√(2 · checkpoint_minutes · mtbf_hours · 60)", inputs=inputs, source=SOURCE),
        Fact(id=f"{base}.waste", value=checkpoint_waste(checkpoint_minutes, minutes), unit="share",
             formula="√(2 · checkpoint_minutes / (mtbf_hours · 60))", inputs=inputs, source=SOURCE),
    ]  # fmt: skip


def _missing(job: Training, path: str) -> Finding:
    return not_assessed(
        agent=NAME, rule_id="reliability.checkpoint", resource=f"training {job.name}", missing=path,
        title=f"{job.name}: the checkpoint interval cannot be reckoned without `{path}`",
    )  # fmt: skip


def _no_progress(job: Training, index: int) -> Finding:
    """From 2·C >= MTBF on the first-order waste reaches all of the time: no interval is honest there."""
    return make_finding(
        rule_id="reliability.checkpoint", agent=NAME, title=f"{job.name} fails too often for its checkpoints to be worth it",
        status=Status.FAIL, severity=Severity.CRITICAL, resource=f"training {job.name}", value="no-progress",
        evidence=(Evidence(artefact="brief", path=f"training.{index}.checkpoint_minutes",
                           observed=f"{number(job.checkpoint_minutes or 0)} minutes a checkpoint, a failure every {number(job.mtbf_hours or 0)} hours",
                           expected="2 · checkpoint_minutes well below mtbf_hours · 60"),),
        assumptions=(FIRST_ORDER.id,),
        remediation=Remediation(
            text="Write checkpoints faster (asynchronous, sharded, to local disk first) or make the job fail less often.",
            effort=Effort.WEEKS),
    )  # fmt: skip
