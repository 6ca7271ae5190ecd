"""What a change costs that the agent which asks for it cannot know: the agent that finds a single node has no prices."""

from __future__ import annotations

import re
from collections.abc import Mapping

from infra_mind.knowledge import instances
from infra_mind.model.brief import Hosting
from infra_mind.model.fact import Fact, id_part
from infra_mind.model.finding import Finding, Impact
from infra_mind.model.result import AgentResult

_ONE_NODE = "reliability.one-node"
_NODE = re.compile(r"^hosting\.nodes\.(\d+)\.count$")


def with_costs(results: Mapping[str, AgentResult], hosting: Hosting | None) -> dict[str, AgentResult]:
    """The results; a group of one node that should have two says what the second costs, where the node has a price."""
    found = dict(results)
    reliability, cost = results.get("reliability"), results.get("cost")
    if reliability is None or cost is None or hosting is None:
        return found
    prices = {fact.id: fact for fact in cost.facts}
    findings = tuple(_second_node(finding, hosting, prices) for finding in reliability.findings)
    return {**found, "reliability": reliability.model_copy(update={"findings": findings})}


def _second_node(finding: Finding, hosting: Hosting, facts: Mapping[str, Fact]) -> Finding:
    at = _NODE.match(finding.resource)
    if finding.rule_id != _ONE_NODE or not finding.counts or at is None:
        return finding
    name = instances.canonical(str(hosting.provider), hosting.nodes[int(at.group(1))].instance)
    listed = facts.get(f"cost.hosting.{id_part(name)}.usd_per_month")
    count = listed.inputs.get("count") if listed else None
    if listed is None or not isinstance(count, int | float) or isinstance(listed.value, str):
        return finding
    impact = (finding.impact or Impact()).model_copy(update={"usd_per_month": -listed.value / count})
    return finding.model_copy(update={"impact": impact, "facts": (*finding.facts, listed.id)})
