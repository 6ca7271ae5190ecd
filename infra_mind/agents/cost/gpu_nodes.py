"""The GPUs of the brief's own nodes: handed out once to the models that are served, and whether they are as many as those take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra_mind.agents.cost.ledger import NAME, Ledger
from infra_mind.agents.free_gpus import FreeGpus
from infra_mind.knowledge import gpus, instances, prices
from infra_mind.knowledge.instances import Instance
from infra_mind.model.brief import Hosting, Node
from infra_mind.model.fact import id_part
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Remediation,
    Severity,
    Status,
    make_finding,
)
from infra_mind.model.numbers import counted


@dataclass(frozen=True)
class Wanted:
    """GPUs that one served model takes, and how few they may be by the error band; a replica's stand in one machine. `facts` are the
    ids that say so."""

    model: str
    gpu: str
    count: int
    at_least: int
    replica: int
    facts: tuple[str, ...]


def priced_gpus(hosting: Hosting | None) -> FreeGpus:
    """GPUs of the brief's own nodes that have a price, to be handed out once, so that none is paid as a node and again as serving."""
    free = FreeGpus()
    for node, known, gpu in _with_gpus(hosting):
        if hosting and prices.price(str(hosting.provider), str(hosting.region), node.instance):
            free.add(gpu, known.gpus, node.count)
    return free


def assess_gpu_nodes(hosting: Hosting | None, wanted: Sequence[Wanted], ledger: Ledger) -> None:
    """One finding for each GPU that the nodes hold and the served models take: whether there are enough. Models on GPUs of which
    the brief has no node at all are planned beside it, and nothing is said of them."""
    held: dict[str, int] = {}
    free = FreeGpus()
    largest: dict[str, tuple[int, str]] = {}
    for node, known, gpu in _with_gpus(hosting):
        held[gpu] = held.get(gpu, 0) + known.gpus * node.count
        free.add(gpu, known.gpus, node.count)
        largest[gpu] = max(largest.get(gpu, (0, "")), (known.gpus, known.instance))
    for gpu in sorted(held):
        models = [w for w in wanted if (known_gpu := gpus.find(w.gpu)) and known_gpu.id == gpu]
        if models:
            placed = sum(free.take(gpu, model.count, model.replica) for model in models)
            _judge(gpu, held[gpu], placed, models, largest[gpu], ledger)


def _with_gpus(hosting: Hosting | None) -> Iterator[tuple[Node, Instance, str]]:
    for node in hosting.nodes if hosting and hosting.provider and hosting.region else ():
        known = instances.instance(str(hosting.provider), node.instance) if hosting else None
        if known and known.gpu:
            yield node, known, known.gpu


def _judge(
    gpu: str, held: int, placed: int, models: Sequence[Wanted], largest: tuple[int, str], ledger: Ledger
) -> None:
    wanted, at_least, replica = (
        sum(m.count for m in models),
        sum(m.at_least for m in models),
        max(m.replica for m in models),
    )
    missing = wanted - placed
    fact = ledger.fact(
        f"gpu_nodes.{id_part(gpu)}.missing", missing, "count", "wanted − placed; the GPUs of a replica stand in one machine",
        {"wanted": wanted, "placed": placed, "held": held, "models": len(models)}, "hosting.nodes; GPUs of the served models from mlops",
    )  # fmt: skip
    who = models[0].model if len(models) == 1 else counted(len(models), "model")
    takes = "takes" if len(models) == 1 else "take"
    size, instance = largest
    booked = any(f"× {gpu}" in line.what for line in ledger.of("brief"))
    more = (
        f"Add {math.ceil(missing / size)} × {instance}"
        if size >= replica
        else f"Take machines that hold {counted(replica, 'GPU')} each"
    )
    advice = f"{more}, take narrower weights or another GPU, or serve less"
    title = f"The nodes hold {held} {gpu}, {who} {takes} {wanted}"
    if missing:
        title = f"The nodes hold {placed} of the {wanted} {gpu} that {who} {takes}"
    if placed < min(held, wanted):
        title += f": {held} are there, and the {replica} of a replica have to be in one machine"
    ledger.findings.append(
        make_finding(
            rule_id="cost.gpu-nodes", agent=NAME, status=Status.FAIL if missing else Status.PASS,
            severity=Severity.INFO if not missing else Severity.HIGH if placed < at_least else Severity.MEDIUM, confidence=Confidence.MEDIUM,
            resource="hosting.nodes", value=gpu, title=title,
            evidence=(Evidence(artefact="brief", path="hosting.nodes", observed=f"{held} × {gpu}", expected=f"{wanted} × {gpu}"),),
            facts=(fact, *(f for m in models for f in m.facts)),
            remediation=Remediation(text=f"{advice}{'; what is missing is in the total already' if booked else ''}.", effort=Effort.DAYS) if missing else None,
        )
    )  # fmt: skip
