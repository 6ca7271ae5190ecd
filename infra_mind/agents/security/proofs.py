"""Patches for what failed, in a step of their own: proving them takes as long as finding what is wrong, and no agent waits for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from infra_mind.agents.base import Inputs, Later, Progress
from infra_mind.agents.manifests import with_manifests
from infra_mind.agents.security.assess import run_rules, subjects_of
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.findings import AGENT_NAME, evidence_of
from infra_mind.agents.security.patches import prove_patches
from infra_mind.agents.security.rule import Family
from infra_mind.agents.security.rules import REGISTRY
from infra_mind.model.finding import Evidence, Finding, Status
from infra_mind.model.result import AgentResult

_FAILED = "no patch was proven: the step that does it failed"


def prove(inputs: Inputs, progress: Progress) -> dict[str, Any]:
    """`patches`: rule, place and unified diff of each; `note`: what was left out. Only rules that failed and have a patch look again."""
    failed = [f for f in inputs.results[AGENT_NAME].findings if f.status is Status.FAIL]
    names = {f.rule_id for f in failed}
    rules = {name: rule for name, rule in REGISTRY.items() if rule.patch and name in names}
    if not rules:
        return {"patches": [], "note": ""}
    inventory = with_manifests(inputs.inventory)
    context = Context(inventory, inputs.artefacts)
    hits = run_rules(rules, subjects_of(inventory, context), context, progress).hits
    proven, note = prove_patches(hits, inputs.artefacts, _secret_lines(failed))
    return {
        "patches": [[*_place(hit.rule.id, evidence_of(hit)), diff] for hit, diff in proven],
        "note": note,
    }


def put(result: AgentResult, added: Mapping[str, Any] | None) -> AgentResult:
    """The result with its patches; `details["patches"]` tells how many, and why there are no more."""
    if added is None:
        added = {"patches": [], "note": _FAILED}
    diffs = {tuple(place): diff for *place, diff in added["patches"]}
    return result.model_copy(
        update={
            "findings": tuple(_patched(finding, diffs) for finding in result.findings),
            "details": {**result.details, "patches": {"proven": len(diffs), "note": added["note"]}},
        }
    )


def _patched(finding: Finding, diffs: Mapping[tuple[Any, ...], str]) -> Finding:
    if finding.status is not Status.FAIL or finding.remediation is None or not finding.evidence:
        return finding
    diff = diffs.get(_place(finding.rule_id, finding.evidence[0]))
    if diff is None:
        return finding
    return finding.model_copy(update={"remediation": finding.remediation.model_copy(update={"patch": diff})})


def _place(rule_id: str, seen: Evidence) -> tuple[Any, ...]:
    return rule_id, seen.artefact, seen.path, seen.line_start


def _secret_lines(failed: Iterable[Finding]) -> dict[str, set[int]]:
    """By artefact, the lines on which a rule has found a secret."""
    found: dict[str, set[int]] = defaultdict(set)
    for finding in failed:
        rule = REGISTRY.get(finding.rule_id)
        if rule is None or rule.family is not Family.SECRETS:
            continue
        where = finding.evidence[0]
        if where.line_start is not None and where.line_end is not None:
            found[where.artefact].update(range(where.line_start, where.line_end + 1))
    return found


PROOFS = Later("patches", prove, put, reads=("artefacts",))
