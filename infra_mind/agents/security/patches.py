"""Patches that are proven: the edit is made in memory, the text is read again, and what failed must pass.

A rule offers one only where applying it neither replaces the resource (and its data) nor is likely to stop the program.

What is read again is small: for Terraform the resource's own block, for Kubernetes its own document, else
the file. An edit stays inside the block, so the rest of the file reads as it did. The number of
proofs and the size of a file are bounded, and what was left out is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.edits import Edit, apply, unified_diff
from infra_mind.agents.security.findings import Hit
from infra_mind.agents.security.rule import Outcome
from infra_mind.agents.security.secrets import scrub, secret_lines
from infra_mind.agents.security.subject import OddShape, Subject, Unknown
from infra_mind.artefacts.downloaded import is_downloaded
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact, Format, Inventory, Resource
from infra_mind.settings import IntakeLimits

MAX_PROOFS = 150
MAX_CHARACTERS = 200_000  # of a file; reading one again and again must stay cheap
Key = tuple[str, str, str, str]  # rule id, artefact, block, path


def key_of(hit: Hit) -> Key:
    """What one patch is for."""
    return hit.rule.id, hit.resource.artefact, hit.resource.block, hit.outcome.path


def prove_patches(
    hits: Sequence[Hit], artefacts: Mapping[str, Artefact], secret: Mapping[str, set[int]]
) -> tuple[list[tuple[Hit, str]], str]:
    """Failures with their unified diffs, each proven alone, and a note on what was left out; the worst come first. `secret`: by artefact,
    lines that are never shown."""
    failed = (h for h in hits if h.rule.patch and h.outcome.status is Status.FAIL)
    wanted = {
        key_of(h): h for h in failed if not (h.resource.is_in_plan or is_downloaded(h.resource.artefact))
    }
    ordered = sorted(wanted.items(), key=lambda item: (item[1].rule.severity.rank, item[0]))
    prover = _Prover(artefacts, secret)
    proven = [(hit, diff) for _, hit in ordered[:MAX_PROOFS] if (diff := prover.patch(hit))]
    left = len(ordered) - MAX_PROOFS
    note = (
        f"{left} further failures were not tried for a patch (at most {MAX_PROOFS} proofs)"
        if left > 0
        else ""
    )
    return proven, note


class _Prover:
    """Proves edits; keeps what it has read of a text, since many failures lie in the same one."""

    def __init__(self, artefacts: Mapping[str, Artefact], secret: Mapping[str, set[int]]) -> None:
        self._artefacts, self._limits, self._found = artefacts, IntakeLimits(), secret
        self._secret: dict[str, set[int]] = {}
        self._before: dict[tuple[str, str], Inventory] = {}

    def patch(self, hit: Hit) -> str | None:
        """The diff for one failure, None where no edit is known, or where it cannot be proven or shown."""
        artefact = self._artefacts.get(hit.resource.artefact)
        content = artefact.content if artefact else None
        if (
            _is_made(hit.resource)
            or content is None
            or len(content) > MAX_CHARACTERS
            or hit.rule.patch is None
        ):
            return None
        edit = hit.rule.patch(hit.resource, hit.outcome.path, content.split("\n"))
        after = apply(content, [edit]) if edit else None
        if edit is None or after is None or after == content or not self._holds(hit, content, edit):
            return None
        secret = self._secret_lines(hit.resource.artefact, content)
        for context in (3, 0):  # neighbouring lines are not shown when they hold what looks like a secret
            shown = range(edit.start - context, edit.end + context + 1)
            diff = unified_diff(hit.resource.artefact, content, after, context)
            if secret.isdisjoint(shown) and scrub(diff) == diff:
                return diff
        return None

    def _secret_lines(self, path: str, content: str) -> set[int]:
        if path not in self._secret:
            self._secret[path] = secret_lines(content) | self._found.get(path, set())
        return self._secret[path]

    def _holds(self, hit: Hit, content: str, edit: Edit) -> bool:
        before, above = _part(hit.resource, content)
        after = apply(before, [Edit(edit.start - above, edit.end - above, edit.text)])
        if after is None:
            return False
        path = hit.resource.artefact
        old, new = self._read_before(path, before), self._read(path, after)
        return _same_resources(old, new) and _is_mended(hit, old, new)

    def _read_before(self, path: str, text: str) -> Inventory:
        if (path, text) not in self._before:
            self._before[path, text] = self._read(path, text)
        return self._before[path, text]

    def _read(self, path: str, text: str) -> Inventory:
        return build_inventory([Artefact(path=path, content=text)], limits=self._limits)


def _is_made(resource: Resource) -> bool:
    """True for a Kubernetes object that a Terraform file makes: its patch would be written in YAML."""
    return resource.format is Format.KUBERNETES and resource.artefact.endswith((".tf", ".tf.json"))


def _part(resource: Resource, content: str) -> tuple[str, int]:
    """The text that has to be read again, and how many lines stand above it."""
    lines = content.split("\n")
    first, last = resource.line_start, resource.line_end
    if resource.format is Format.KUBERNETES:
        starts = [n for n, line in enumerate(lines, start=1) if line.startswith("---")]
        first = max((n for n in starts if n <= resource.line_start), default=1)
        last = min((n - 1 for n in starts if n > resource.line_start), default=len(lines))
    elif resource.format is not Format.TERRAFORM:
        return content, 0
    return "\n".join(lines[first - 1 : last]) + "\n", first - 1


def _same_resources(old: Inventory, new: Inventory) -> bool:
    """True if nothing became unreadable and the same resources are there."""
    return len(new.unread) <= len(old.unread) and [(r.kind, r.address) for r in old.resources] == [
        (r.kind, r.address) for r in new.resources
    ]


def _is_mended(hit: Hit, old: Inventory, new: Inventory) -> bool:
    """True if the failure's place is in order in every instance, and nothing else got worse or undecided."""
    pairs = [
        (_open(hit, before, old), _open(hit, after, new))
        for before, after in zip(old.resources, new.resources, strict=True)
        if before.kind == hit.resource.kind and before.name == hit.resource.name
    ]
    return any(hit.outcome.path in was for was, _ in pairs) and all(
        hit.outcome.path not in now and len(now) < max(len(was), 1) for was, now in pairs
    )


def _open(hit: Hit, resource: Resource, inventory: Inventory) -> list[str]:
    """Paths of what fails or is undecided."""
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(hit.rule.check(Subject.of(resource), Context(inventory)))
    except (Unknown, OddShape) as problem:
        outcomes.append(Outcome(Status.UNRESOLVABLE, problem.path))
    return [o.path for o in outcomes if o.status is not Status.PASS]
