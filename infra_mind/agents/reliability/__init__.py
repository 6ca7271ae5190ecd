"""Reliability: achieved against target, what costs most downtime, single points of failure, checkpoints of training jobs."""

from __future__ import annotations

from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.manifests import with_manifests
from infra_mind.agents.reliability.path import assess_path
from infra_mind.agents.reliability.recovery import assess_hosting, assess_recovery
from infra_mind.agents.reliability.single_points import single_points
from infra_mind.agents.reliability.training import assess_training
from infra_mind.model.finding import not_assessed
from infra_mind.model.result import AgentResult

NAME = "reliability"


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `reliability.*` and findings from the brief's path, training jobs and hosting, and from the artefacts."""
    brief = inputs.brief
    path = assess_path(brief.availability)
    progress(1, 4, "availability of the path")
    training = assess_training(brief.training)
    progress(2, 4, "checkpoints")
    recovery = (*assess_recovery(brief.availability), *assess_hosting(brief.hosting))
    progress(3, 4, "recovery")
    artefacts = single_points(with_manifests(inputs.inventory))
    if not inputs.inventory.files and not inputs.inventory.resources:
        artefacts = [
            not_assessed(
                agent=NAME, rule_id="reliability.single-points", missing="artefacts",
                title="No artefact was sent, so no single point of failure was looked for",
                hint="Send the Terraform, Kubernetes or compose files along.",
            )
        ]  # fmt: skip
    progress(4, 4, "single points of failure")
    return AgentResult(
        facts=(*path.facts, *training.facts),
        findings=(*path.findings, *training.findings, *recovery, *artefacts),
        assumptions=(*path.assumptions, *training.assumptions),
        details=path.details,
    )


AGENT = Agent(
    name=NAME,
    assess=assess,
    reads=("availability", "training", "artefacts", "hosting"),
    title="Reliability",
    version=4,
)
