"""Recovery targets, which only a drill can prove, and single points of failure that the brief itself names."""

from __future__ import annotations

from infra_mind.model.brief import Availability, Hosting
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
from infra_mind.model.numbers import counted, number

NAME = "reliability"
_QUESTIONS = {
    "rto_minutes": ("rto", "Is the service back within {0} of its loss?",
                    "Restore the whole service in a drill and time it: at most {0}."),
    "rpo_minutes": ("rpo", "Are no more than {0} of data lost in a disaster?",
                    "Restore the latest backup in a drill and compare: at most {0} of writes may be missing."),
}  # fmt: skip


def assess_recovery(availability: Availability | None) -> list[Finding]:
    """One question per recovery target for a person to answer; a target that is not given is named."""
    return [_question(availability, field) for field in _QUESTIONS]


def _question(availability: Availability | None, field: str) -> Finding:
    short, question, drill = _QUESTIONS[field]
    path = f"availability.{field}"
    minutes = getattr(availability, field, None)
    if minutes is None:
        return not_assessed(
            agent=NAME, rule_id=f"reliability.{short}", missing=path,
            title=f"No {short.upper()} is given, so recovery has nothing to be held against",
        )  # fmt: skip
    time = counted(minutes, "minute")
    return make_finding(
        rule_id=f"reliability.{short}", agent=NAME, title=question.format(time), status=Status.MANUAL,
        severity=Severity.MEDIUM, resource=path, value=minutes,
        evidence=(Evidence(artefact="brief", path=path, observed=f"{time} wanted", expected="a drill that proves it"),),
        remediation=Remediation(text=drill.format(time), effort=Effort.DAYS),
    )  # fmt: skip


def assess_hosting(hosting: Hosting | None) -> list[Finding]:
    """Groups of one node and storage kept once, as the brief gives them; what it does not count is not judged by a default."""
    if hosting is None:
        return []
    nodes = [
        _not_counted("reliability.one-node", f"Whether {node.instance} runs on more than one node is not judged", f"hosting.nodes.{i}.count")
        if "count" not in node.model_fields_set else
        _finding("reliability.one-node", f"{node.instance} runs on a single node", "node", f"hosting.nodes.{i}.count",
                 node.count, f"Run at least 2 nodes of {node.instance}, over several zones.")
        for i, node in enumerate(hosting.nodes)
    ]  # fmt: skip
    # Object storage keeps its copies itself; `replicas` there is copies of the bucket.
    storage = [
        _not_counted("reliability.one-copy", f"Whether the {item.kind} data is kept more than once is not judged", f"hosting.storage.{i}.replicas")
        if "replicas" not in item.model_fields_set else
        _finding("reliability.one-copy", f"The {item.kind} data is kept once", "copy", f"hosting.storage.{i}.replicas",
                 item.replicas, "Keep at least 2 replicas, or a backup that is restored in drills.")
        for i, item in enumerate(hosting.storage) if item.kind != "object"
    ]  # fmt: skip
    return nodes + storage


def _not_counted(rule_id: str, title: str, path: str) -> Finding:
    return not_assessed(agent=NAME, rule_id=rule_id, missing=path, title=f"{title}: the brief does not say")


def _finding(rule_id: str, title: str, thing: str, path: str, count: int, fix: str) -> Finding:
    fails = count < 2
    things = {"node": "nodes", "copy": "copies"}[thing]
    return make_finding(
        rule_id=rule_id, agent=NAME, title=title if fails else f"Holds: at least 2 {things}",
        status=Status.FAIL if fails else Status.PASS, severity=Severity.MEDIUM, resource=path,
        value=count, evidence=(Evidence(artefact="brief", path=path, observed=f"{number(count)} {thing if count == 1 else things}", expected=f"at least 2 {things}"),),
        remediation=Remediation(text=fix, effort=Effort.DAYS) if fails else None,
    )  # fmt: skip
