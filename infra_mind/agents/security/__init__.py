"""The security agent: rules of our own over Terraform, Kubernetes, compose and Dockerfiles, each finding with file and line."""

from __future__ import annotations

from infra_mind.agents.base import Agent
from infra_mind.agents.security.assess import assess
from infra_mind.agents.security.proofs import PROOFS
from infra_mind.agents.security.rules import REGISTRY

__all__ = ["AGENT", "REGISTRY"]

AGENT = Agent(
    name="security",
    assess=assess,
    reads=("artefacts", "compliance", "hosting", "day", "checkov"),
    title="Security of the artefacts",
    version=10,
    later=PROOFS,
)
