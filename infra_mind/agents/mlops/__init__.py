"""MLOps: what serving and training take — memory, GPUs, throughput, days — and how automated the work can be."""

from __future__ import annotations

from collections.abc import Iterable

from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.mlops import maturity
from infra_mind.agents.mlops.serving import ServingCase
from infra_mind.agents.mlops.training import TrainingCase
from infra_mind.model.brief import Brief
from infra_mind.model.fact import Assumption, id_parts
from infra_mind.model.finding import Finding, not_assessed
from infra_mind.model.result import AgentResult

NAME = "mlops"


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `mlops.serving.<name>.*`, `mlops.training.<name>.*` and `mlops.maturity.level`; one unit of progress per item."""
    brief = inputs.brief
    total = len(brief.llm_serving) + len(brief.training) + 1
    served = [
        ServingCase(item, f"llm_serving.{i}", part)
        for i, (item, part) in enumerate(
            zip(brief.llm_serving, id_parts(s.name for s in brief.llm_serving), strict=True)
        )
    ]
    trained = [
        TrainingCase(item, f"training.{i}", part)
        for i, (item, part) in enumerate(
            zip(brief.training, id_parts(t.name for t in brief.training), strict=True)
        )
    ]
    cases: list[ServingCase | TrainingCase] = [*served, *trained]
    for done, case in enumerate(cases, start=1):
        case.assess()
        progress(done, total, case.item.name)
    facts, findings, read = maturity.assess(brief.organisation)
    progress(total, total, "maturity")
    return AgentResult(
        facts=(*(f for case in cases for f in case.facts), *facts),
        findings=(*_absent(brief), *(f for case in cases for f in case.findings), *findings),
        assumptions=_once((*(a for case in cases for a in case.assumptions), *read)),
        details={"serving": {case.id: case.details for case in served}} if served else {},
    )


def _absent(brief: Brief) -> tuple[Finding, ...]:
    return tuple(
        not_assessed(
            agent=NAME, rule_id=f"mlops.{name}", missing=name, title=f"No {what} is described, so none was reckoned",
            hint=f"Give `{name}` in the brief if there is any.",
        )
        for name, what in (("llm_serving", "model that is served on own GPUs"), ("training", "training run")) if not getattr(brief, name)
    )  # fmt: skip


def _once(assumptions: Iterable[Assumption]) -> tuple[Assumption, ...]:
    return tuple({a.id: a for a in assumptions}.values())


AGENT = Agent(
    name=NAME,
    assess=assess,
    reads=("llm_serving", "training", "organisation"),
    title="Models: serving, training and maturity",
    version=6,
)
