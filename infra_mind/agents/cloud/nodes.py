"""The brief's own nodes against what the workloads ask for: do they carry it, with a zone lost, with fewer of them?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from infra_mind.agents.cloud.demand import MIB, Amount, Demand
from infra_mind.agents.cloud.packing import Item, NodeGroup, after_zone_loss, distinct_sizes, pack
from infra_mind.model.brief import Hosting, Node
from infra_mind.model.fact import Assumption, Fact
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
from infra_mind.model.numbers import counted, percent
from infra_mind.model.result import AgentResult

NAME = "cloud"
Size = Callable[[str, str], Amount | None]  # provider, instance → its size, None when no table has it
ALLOCATABLE = Assumption(
    id="cloud.whole_node_allocatable",
    text="The whole vCPU and memory of a node is there for workloads; what system and kubelet reserve is not taken off.",
    source="instance table",
    field="hosting.nodes",
)


MOST_SIZES = (
    500  # the cost of bin-packing grows with the square; 500 sizes take a few seconds with all its questions
)


@dataclass(frozen=True)
class Question:
    """Groups of nodes and the pods that they are to carry; `complete` when no pod's request is unknown."""

    groups: Sequence[NodeGroup]
    items: Sequence[Item]
    on_every_node: Amount
    complete: bool

    def fits(self, groups: Sequence[NodeGroup]) -> bool:
        return pack(groups, self.items, self.on_every_node).fits


def instance_size(provider: str, name: str) -> Amount | None:
    """Size of an instance type by the packaged table."""
    from infra_mind.knowledge.instances import instance

    found = instance(provider, name)
    if found is None or found.memory_gib is None:
        return None
    return Amount(Fraction(repr(found.vcpu)), Fraction(repr(found.memory_gib)) * 1024 * MIB)


def assess_nodes(
    hosting: Hosting | None, demands: Sequence[Demand], size: Size = instance_size
) -> AgentResult:
    """Findings and facts of bin-packing, zone loss and spare nodes."""
    if hosting is None or not hosting.nodes:
        missing = not_assessed(
            agent=NAME, rule_id="cloud.node-capacity", missing="hosting.nodes",
            title="Whether the nodes carry the workloads is not judged: no nodes are given",
        )  # fmt: skip
        return AgentResult(findings=(missing,))
    findings = _zones_missing(hosting)
    groups, missing_sizes = _groups(hosting, size)
    findings += missing_sizes
    facts = _zone_facts(groups)
    details: dict[str, object] = {}
    items = [Item(d.resource.address, d.pod, d.pods) for d in demands if _packed(d) and d.pods]
    if missing_sizes or not items:
        findings += _zone_loss_by_utilisation(hosting)
    else:
        daemons = sum((d.pod for d in demands if d.per_node), Amount())
        complete = all(not d.missing and not d.unknown and d.pods is not None for d in demands)
        question = Question(groups, items, daemons, complete)
        if distinct_sizes(items) > MOST_SIZES:
            return AgentResult(
                facts=tuple(facts),
                findings=(*findings, *_zone_loss_by_utilisation(hosting), _too_many(items)),
                assumptions=(ALLOCATABLE,),
            )
        packed, capacity = _judge(question)
        findings += packed
        facts += capacity
        result = pack(groups, items, daemons)
        details = {"packing": {"unplaced": result.unplaced, "nodes_used": result.nodes_used}}
    return AgentResult(
        facts=tuple(facts), findings=tuple(findings), details=details, assumptions=(ALLOCATABLE,)
    )


def _too_many(items: Sequence[Item]) -> Finding:
    return make_finding(
        rule_id="cloud.node-capacity", agent=NAME, status=Status.NOT_ASSESSED, severity=Severity.INFO,
        title="The workloads ask for too many different sizes to be packed onto the nodes here",
        resource="hosting.nodes", value="too many sizes",
        evidence=(Evidence(artefact="brief", path="hosting.nodes", observed=f"{distinct_sizes(items)} different requests",
                           expected=f"at most {MOST_SIZES}"),),
        remediation=Remediation(text="Assess the clusters one by one, each with its own manifests.", effort=Effort.HOURS),
    )  # fmt: skip


def _packed(demand: Demand) -> bool:
    """CronJobs come and go, DaemonSets are taken off every node, what states nothing cannot be placed."""
    return demand.stated and not demand.per_node and demand.resource.kind != "CronJob"


def _groups(hosting: Hosting, size: Size) -> tuple[list[NodeGroup], list[Finding]]:
    if hosting.provider is None:
        missing = not_assessed(
            agent=NAME, rule_id="cloud.node-capacity", missing="hosting.provider",
            title="Whether the nodes carry the workloads is not judged: their provider is not given",
        )  # fmt: skip
        return [], [missing]
    groups, findings = [], []
    for index, node in enumerate(hosting.nodes):
        amount = size(hosting.provider, node.instance)
        if amount is None:
            findings.append(_size_unknown(hosting.provider, node, index))
        else:
            groups.append(NodeGroup(node.instance, amount, node.count, node.zones))
    return groups, findings


def _size_unknown(provider: str, node: Node, index: int) -> Finding:
    own = provider == "on_prem"
    finding = not_assessed(
        agent=NAME, rule_id="cloud.node-capacity", missing=f"hosting.nodes.{index}.instance",
        title=f"The size of `{node.instance}` ({'own hardware' if own else provider}) is in no table, so its capacity is not judged",
        hint="Compare what the workloads request with what the machines have." if own
        else "Use an instance name of the provider's catalogue.",
    )  # fmt: skip
    seen = finding.evidence[0].model_copy(update={"observed": node.instance})
    return finding.model_copy(update={"evidence": (seen,)})


def _zones_missing(hosting: Hosting) -> list[Finding]:
    return [
        not_assessed(
            agent=NAME, rule_id="cloud.zone-loss", missing=f"hosting.nodes.{index}.zones",
            title=f"Whether the loss of a zone is survived is not judged: the zones of {node.instance} are not given",
        )
        for index, node in enumerate(hosting.nodes) if node.zones is None
    ]  # fmt: skip


def _zone_facts(groups: Sequence[NodeGroup]) -> list[Fact]:
    zones = min((g.zones for g in groups if g.zones is not None), default=1)
    if zones < 2 or any(g.zones is None for g in groups):
        return []
    return [
        Fact(id="cloud.zone_loss_capacity_factor", value=zones / (zones - 1), unit="share", formula="n / (n − 1)",
             inputs={"n": zones}, source="brief: hosting.nodes")
    ]  # fmt: skip


def _judge(question: Question) -> tuple[list[Finding], list[Fact]]:
    result = pack(question.groups, question.items, question.on_every_node)
    pods = sum(item.count for item in question.items)
    facts = _capacity_facts(question, result.nodes_used)
    bound = "" if question.complete else " (a lower bound: some requests are unknown)"
    lost = sum(result.unplaced.values())
    names = ", ".join(f"{count} of {name}" for name, count in list(result.unplaced.items())[:5])
    carry = _finding(
        "cloud.node-capacity", result.fits, Severity.HIGH,
        "The nodes carry the workloads", "The nodes do not carry the workloads",
        observed=f"{pods - lost} of {pods} pods placed{bound}" + (f"; left over: {names}" if names else ""),
        expected="every pod finds a node", fix="Add nodes, use larger ones, or lower the requests.",
        facts=tuple(fact.id for fact in facts),
    )  # fmt: skip
    findings = [carry]
    zones_known = all(g.zones for g in question.groups)
    if zones_known:
        findings.append(_zone_loss(question, bound))
    # Advice to run fewer nodes is only given where the loss of a zone is survived before and after.
    if (
        question.complete
        and len(question.groups) == 1
        and findings[-1].rule_id == "cloud.zone-loss"
        and findings[-1].status is Status.PASS
    ):
        findings.append(_spare_nodes(question))
    return findings, facts


def _capacity_facts(question: Question, nodes_used: int) -> list[Fact]:
    source = "brief: hosting.nodes; instance table"
    vcpu = sum((g.size.vcpu * g.count for g in question.groups), Fraction(0))
    memory = sum((g.size.memory * g.count for g in question.groups), Fraction(0))
    nodes = sum(g.count for g in question.groups)
    return [
        Fact(id="cloud.nodes.vcpu", value=float(vcpu), unit="vCPU", formula="Σ count · vCPU", inputs={"nodes": nodes}, source=source),
        Fact(id="cloud.nodes.memory_mib", value=float(memory / MIB), unit="MiB", formula="Σ count · memory",
             inputs={"nodes": nodes}, source=source),
        Fact(id="cloud.nodes.used", value=nodes_used, unit="count", formula="first-fit decreasing of the requests onto the nodes",
             inputs={"nodes": nodes, "pods": sum(i.count for i in question.items)}, source=source),
    ]  # fmt: skip


def _zone_loss(question: Question, bound: str) -> Finding:
    left = after_zone_loss(question.groups)
    nodes, total = sum(g.count for g in left), sum(g.count for g in question.groups)
    return _finding(
        "cloud.zone-loss", bool(nodes) and question.fits(left), Severity.HIGH,
        "The workloads survive the loss of a zone", "The workloads do not survive the loss of a zone",
        observed=f"{nodes} of {total} nodes are left when one zone is lost{bound}",
        expected="the nodes that are left carry every pod: n/(n − 1) of the capacity over n zones",
        fix="Spread the nodes over at least 2 zones and keep n/(n − 1) of the capacity that the workloads ask for.",
    )  # fmt: skip


def _zone_loss_by_utilisation(hosting: Hosting) -> list[Finding]:
    """Without requests the CPU utilisation tells it: what n zones carry at u, n − 1 carry at u·n/(n − 1)."""
    findings = []
    for index, node in enumerate(hosting.nodes):
        if node.zones is None:
            continue  # said already
        if node.zones > 1 and node.utilisation is None:
            findings.append(_utilisation_missing(index, node))
            continue
        left = node.count - -(-node.count // node.zones)
        after = (node.utilisation or 0.0) * node.count / left if left else None
        shown = (
            "no node is left"
            if after is None
            else f"CPU utilisation {percent(after)} on the {counted(left, 'node')} left"
        )
        findings.append(
            _finding(
                "cloud.zone-loss", after is not None and after <= 1, Severity.HIGH,
                f"The nodes of {node.instance} survive the loss of a zone", f"The nodes of {node.instance} do not survive the loss of a zone",
                observed=f"{node.count} × {node.instance} in {counted(node.zones, 'zone')}: {shown}",
                expected="utilisation · n/(n − 1) of at most 100 % over n zones, n >= 2",
                fix="Spread the nodes over at least 2 zones and keep n/(n − 1) of the capacity." if node.zones < 2
                else f"Add nodes or take load off them: {counted(left, 'node')} of {node.count} would be left and carry all of it up to a "
                f"utilisation of {percent(left / node.count)}.",
                path=f"hosting.nodes.{index}.zones",
            )
        )  # fmt: skip
    return findings


def _utilisation_missing(index: int, node: Node) -> Finding:
    return not_assessed(
        agent=NAME, rule_id="cloud.zone-loss", missing=f"hosting.nodes.{index}.utilisation",
        title=f"Whether {node.instance} survives the loss of a zone is not judged: neither requests nor a utilisation are known",
    )  # fmt: skip


def _spare_nodes(question: Question) -> Finding:
    """Fewer nodes that still carry all pods with a zone lost."""
    group = question.groups[0]

    def enough(count: int) -> bool:
        return question.fits(after_zone_loss([NodeGroup(group.name, group.size, count, group.zones)]))

    below, above = (
        0,
        group.count,
    )  # more equal nodes never make first-fit worse, so bisection finds the smallest
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if enough(middle) else (middle, above)
    return _finding(
        "cloud.spare-nodes", above == group.count, Severity.LOW,
        "No node is to spare", "Fewer nodes would carry the workloads",
        observed=f"{group.count} × {group.name}", expected=f"{above} carry every pod with a zone lost",
        fix=f"Run {above} × {group.name} instead of {group.count}, or let the cluster autoscaler do it.",
        path="hosting.nodes.0.count",
    )  # fmt: skip


def _finding(
    rule_id: str, good: bool, severity: Severity, holds: str, fails: str, *,
    observed: str, expected: str, fix: str, facts: tuple[str, ...] = (), path: str = "hosting.nodes",
) -> Finding:  # fmt: skip
    return make_finding(
        rule_id=rule_id, agent=NAME, title=holds if good else fails, severity=severity,
        status=Status.PASS if good else Status.FAIL, resource=path, value="pass" if good else "fail",
        evidence=(Evidence(artefact="brief", path=path, observed=observed, expected=expected),), facts=facts,
        assumptions=(ALLOCATABLE.id,),
        remediation=None if good else Remediation(text=fix, effort=Effort.DAYS),
    )  # fmt: skip
