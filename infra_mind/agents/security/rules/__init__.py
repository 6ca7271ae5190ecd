"""The registry of all rules. To add one: write it into the module of its area; the table here finds it."""

from __future__ import annotations

from infra_mind.agents.security.rule import Rule, collect
from infra_mind.agents.security.rules import (
    aws_analytics,
    aws_data,
    aws_identity,
    aws_network,
    aws_network_acl,
    aws_platform,
    aws_services,
    aws_storage,
    azure,
    azure_services,
    compose,
    dockerfile,
    gcp,
    gcp_services,
    kubernetes_cluster,
    kubernetes_hardening,
    kubernetes_pod,
    supply_chain,
    terraform_secrets,
)

_AREAS = (
    aws_analytics, aws_data, aws_identity, aws_network, aws_network_acl, aws_platform, aws_services, aws_storage, azure, azure_services,
    compose, dockerfile, gcp, gcp_services, kubernetes_cluster, kubernetes_hardening, kubernetes_pod, supply_chain, terraform_secrets,
)  # fmt: skip
REGISTRY: dict[str, Rule] = collect(area.RULES for area in _AREAS)
