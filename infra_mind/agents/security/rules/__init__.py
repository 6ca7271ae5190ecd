"""The registry of all rules. To add one: write it into the module of its area; the table here finds it."""

from __future__ import annotations

from infra_mind.agents.security.rule import Rule, collect
from infra_mind.agents.security.rules import (
    aws_data,
    aws_network,
    aws_storage,
    compose,
    dockerfile,
    kubernetes_cluster,
    kubernetes_pod,
)

REGISTRY: dict[str, Rule] = collect((
    aws_data.RULES, aws_network.RULES, aws_storage.RULES, compose.RULES, dockerfile.RULES,
    kubernetes_cluster.RULES, kubernetes_pod.RULES,
))  # fmt: skip
