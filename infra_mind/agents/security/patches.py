"""Patches that are proven: the edit is made in memory, the text is read again, and the rule that failed must pass.

Cost: for Terraform only the resource's own block is read again (the other lines are blanked, so that line numbers stay), for the
other formats only the document or file. The number of proofs is bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.edits import Edit, apply, unified_diff
from infra_mind.agents.security.findings import Hit
from infra_mind.agents.security.rule import Outcome, Rule
from infra_mind.agents.security.secrets import scrub
from infra_mind.agents.security.subject import OddShape, Subject, Unknown
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact, Format, Inventory, Resource

MAX_PROOFS = 150
Key = tuple[str, str, str]  # rule id, address, path


def prove_patches(hits: Iterable[Hit], artefacts: Mapping[str, Artefact]) -> tuple[dict[Key, str], str]:
    """Unified diffs by (rule id, address, path), each proven alone, and a note on what was left out."""
    proven: dict[Key, str] = {}
    tried: set[tuple[str, str, str]] = set()
    left = 0
    for hit in hits:
        place = (hit.rule.id, hit.resource.block, hit.outcome.path)
        if hit.rule.patch is None or hit.outcome.status is not Status.FAIL or place in tried:
            continue
        tried.add(place)
        if len(tried) > MAX_PROOFS:
            left += 1
        elif diff := _proven(hit, artefacts.get(hit.resource.artefact)):
            proven[hit.rule.id, hit.resource.address, hit.outcome.path] = diff
    note = f"{left} further failures were not tried for a patch (at most {MAX_PROOFS} proofs)" if left else ""
    return proven, note


def _proven(hit: Hit, artefact: Artefact | None) -> str | None:
    if artefact is None or artefact.content is None or hit.rule.patch is None:
        return None
    edit = hit.rule.patch(hit.resource, hit.outcome.path, artefact.content.split("\n"))
    after = apply(artefact.content, [edit]) if edit else None
    if edit is None or after is None or after == artefact.content or not _holds(hit, artefact.content, edit):
        return None
    for context in (3, 0):  # neighbouring lines are not shown when they hold what looks like a secret
        diff = unified_diff(artefact.path, artefact.content, after, context)
        if scrub(diff) == diff:
            return diff
    return None


def _holds(hit: Hit, content: str, edit: Edit) -> bool:
    """True if the failure is gone after the edit, nothing new is unread and the same resources are there."""
    before = _part(hit.resource, content)
    after = apply(before, [edit])
    if after is None:
        return False
    old, new = _read(hit.resource.artefact, before), _read(hit.resource.artefact, after)
    if len(new.unread) > len(old.unread) or _addresses(old) != _addresses(new):
        return False
    same = [r for r in new.resources if r.kind == hit.resource.kind and r.name == hit.resource.name]
    was = [r for r in old.resources if r.kind == hit.resource.kind and r.name == hit.resource.name]
    return bool(same) and all(
        _failures(hit, r, new) < _failures(hit, o, old) for o, r in zip(was, same, strict=True)
        if o.artefact == hit.resource.artefact and _fails_at(hit, o, old)
    ) and any(_fails_at(hit, o, old) for o in was)  # fmt: skip


def _part(resource: Resource, content: str) -> str:
    """The resource's own lines; for Terraform every other line is blank, for the other formats the whole file counts."""
    if resource.format is not Format.TERRAFORM:
        return content
    lines = content.split("\n")
    return "\n".join(
        line if resource.line_start <= n <= resource.line_end else "" for n, line in enumerate(lines, start=1)
    )


def _read(path: str, text: str) -> Inventory:
    return build_inventory([Artefact(path=path, content=text)])


def _addresses(inventory: Inventory) -> list[tuple[str, str]]:
    return sorted((r.kind, r.address) for r in inventory.resources)


def _fails_at(hit: Hit, resource: Resource, inventory: Inventory) -> bool:
    return any(
        o.status is Status.FAIL and o.path == hit.outcome.path
        for o in _outcomes(hit.rule, resource, inventory)
    )


def _failures(hit: Hit, resource: Resource, inventory: Inventory) -> int:
    """Failed or undecided outcomes: a patch may not trade a failure for something nobody knows."""
    return sum(o.status is not Status.PASS for o in _outcomes(hit.rule, resource, inventory))


def _outcomes(rule: Rule, resource: Resource, inventory: Inventory) -> list[Outcome]:
    try:
        return list(rule.check(Subject.of(resource), Context(inventory)))
    except (Unknown, OddShape) as problem:
        return [Outcome(Status.UNRESOLVABLE, problem.path)]
