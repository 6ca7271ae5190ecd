"""The registry of all rules. To add one: write it into the module of its area; the table here finds it."""

from __future__ import annotations

from infra_mind.agents.security.rule import Rule, collect
from infra_mind.agents.security.rules import (
    aws_data,
    aws_identity,
    aws_network,
    aws_network_acl,
    aws_platform,
    aws_storage,
    azure,
    compose,
    dockerfile,
    gcp,
    kubernetes_cluster,
    kubernetes_pod,
    supply_chain,
    terraform_secrets,
)

_AREAS = (
    aws_data, aws_identity, aws_network, aws_network_acl, aws_platform, aws_storage, azure, compose, dockerfile, gcp,
    kubernetes_cluster, kubernetes_pod, supply_chain, terraform_secrets,
)  # fmt: skip
REGISTRY: dict[str, Rule] = collect(area.RULES for area in _AREAS)
