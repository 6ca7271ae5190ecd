"""Which resources can be reached from the internet, how, and by which rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.findings import Hit
from infra_mind.agents.security.secrets import scrub
from infra_mind.model.finding import Status

# What stands behind a firewall rule: an open security group exposes the machines and databases that refer to it.
_BEHIND = (
    "aws_instance", "aws_db_instance", "aws_rds_cluster", "aws_lb", "aws_alb", "aws_elb", "aws_launch_template",
    "aws_launch_configuration", "aws_eks_cluster", "aws_ecs_service", "aws_elasticache_cluster",
    "aws_elasticache_replication_group", "aws_redshift_cluster", "aws_network_interface", "aws_neptune_cluster",
)  # fmt: skip


def exposure(hits: Iterable[Hit], context: Context) -> list[dict[str, Any]]:
    """Rows `{address, artefact, line, how, rule}`, sorted, each address and rule once."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for hit in hits:
        if not hit.rule.exposes or hit.outcome.status is not Status.FAIL:
            continue
        lines = hit.resource.lines_of(hit.outcome.path)
        how = f"{hit.rule.title}: {scrub(hit.outcome.observed)}"
        _put(rows, hit.resource.address, hit.resource.artefact, lines.start, how, hit.rule.id)
        for behind in context.linked(hit.resource, *_BEHIND):
            through = f"through {hit.resource.address} ({scrub(hit.outcome.observed)})"
            _put(rows, behind.address, behind.artefact, behind.line_start, through, hit.rule.id)
    return [rows[key] for key in sorted(rows)]


def _put(
    rows: dict[tuple[str, str, str], dict[str, Any]],
    address: str,
    artefact: str,
    line: int,
    how: str,
    rule: str,
) -> None:
    row = {"address": address, "artefact": artefact, "line": line, "how": how, "rule": rule}
    rows.setdefault((address, artefact, rule), row)
