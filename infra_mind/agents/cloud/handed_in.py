"""The files themselves: named and not sent, sent and not read, read and only partly resolved."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

from infra_mind.agents.security.secrets import scrub
from infra_mind.agents.unread import LONGEST, by_reason, places, short
from infra_mind.model.brief import Brief
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
from infra_mind.model.inventory import APPLY_TIME, Inventory, UnreadFile
from infra_mind.model.numbers import counted

NAME = "cloud"
# Parts that are there and whose content only apply or render time knows.
UNRESOLVED = frozenset({"remote_module", "unresolvable", "helm_template"})
_SEND = "Send the file along, or take it out of `artefacts`."


def assess_files(brief: Brief, inventory: Inventory, sent: Collection[str]) -> list[Finding]:
    """One finding for each kind and reason of what could not be read, one for each file or part that is wanted or that only apply
    time knows; one when there is nothing to judge."""
    wanted = _named(brief)
    named = [n for n in wanted if not _was_sent(n, wanted, sent, inventory)]
    findings = [_not_sent(name) for name in named]
    findings += [
        _unread(group)
        for group in by_reason(i for i in inventory.not_read if i.kind not in ("not_sent", "unsupported"))
    ]
    findings += [_known_later(item) for item in inventory.unread if item.kind in APPLY_TIME]
    already = set(named)
    findings += [
        _asked_for(u) for u in inventory.unread
        if u.kind == "not_sent" and (u.line is not None or u.artefact not in already)
    ]  # fmt: skip
    unsupported = [u for u in inventory.unread if u.kind == "unsupported"]
    if unsupported:
        findings.append(_unsupported(unsupported))
    if not findings and not inventory.files and not inventory.resources:
        findings.append(
            not_assessed(
                agent=NAME, rule_id="cloud.artefacts", missing="artefacts",
                title="No artefact was sent, so there is no inventory",
                hint="Send Terraform, Kubernetes, compose or Dockerfiles along.",
            )
        )  # fmt: skip
    return findings


def _named(brief: Brief) -> list[str]:
    """Paths that the brief only names; what it carries inline is there."""
    artefacts = brief.artefacts
    if artefacts is None:
        return []
    entries = (artefacts,) if isinstance(artefacts, str) else artefacts
    return sorted({entry for entry in entries if isinstance(entry, str)})


def _was_sent(name: str, named: Collection[str], sent: Collection[str], inventory: Inventory) -> bool:
    """Was the file or folder sent? A client may send paths relative to a folder of the name: the ends of both must agree."""
    if not sent:
        return bool(inventory.files)  # nobody told the names; the inventory says that files came
    parts = _parts(name)
    if not PurePosixPath(parts[-1]).suffix and parts[-1] not in {"Dockerfile", "Containerfile"}:
        return True  # a folder: its files may have been sent without its name before them
    others = [_parts(other) for other in named if other != name]
    return any(_is_end(parts, path) or _is_end_of_it_alone(path, parts, others) for path in map(_parts, sent))


def _parts(path: str) -> tuple[str, ...]:
    """`./infra/../a/main.tf` → `a`, `main.tf`: what stands after the last step up or the start of the disk."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    steps = [n for n, part in enumerate(parts, start=1) if part in ("..", "/") or part.endswith(":")]
    return parts[max(steps, default=0) :] or (path,)


def _is_end(end: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return path[-len(end) :] == end


def _is_end_of_it_alone(
    end: tuple[str, ...], path: tuple[str, ...], others: Collection[tuple[str, ...]]
) -> bool:
    """A shorter path that was sent (`main.tf`) tells nothing when two of the names end in it."""
    return _is_end(end, path) and not any(_is_end(end, other) for other in others)


def _not_sent(name: str) -> Finding:
    return make_finding(
        rule_id="cloud.artefacts-not-sent", agent=NAME, title=f"`{name[:200]}` is named in the brief and was not sent",
        status=Status.NOT_ASSESSED, severity=Severity.INFO, resource=name[:200], value="not sent",
        evidence=(Evidence(artefact="brief", path="artefacts", observed=name[:200], expected="its content"),),
        remediation=Remediation(text=_SEND, effort=Effort.MINUTES),
    )  # fmt: skip


def _asked_for(item: UnreadFile) -> Finding:
    """A file or a module's folder that Terraform asks for; nobody named it in the brief. A module's entry has the line that calls it."""
    module = item.line is not None
    return make_finding(
        rule_id="cloud.artefacts-not-sent", agent=NAME, title=f"{item.artefact}: {item.reason}"[:300],
        status=Status.NOT_ASSESSED, severity=Severity.INFO, resource=item.artefact, value=item.reason,
        evidence=(Evidence(artefact=item.artefact, line_start=item.line, line_end=item.line, observed=item.reason[:300],
                           expected="the module's folder beside it" if module else "its content"),),
        remediation=Remediation(
            text="Send the module's folder along, where the source leads to it." if module
            else "Send the file along, where Terraform looks for it.", effort=Effort.MINUTES),
    )  # fmt: skip


def _unread(items: list[UnreadFile]) -> Finding:
    first, rendered = items[0], items[0].kind in UNRESOLVED
    reason, files = short(first.reason), len({item.artefact for item in items})
    # No resource: with one, the folder of the first file would be a part of the fingerprint, and one more file could change it.
    return make_finding(
        rule_id="cloud.unresolved" if rendered else "cloud.unread", agent=NAME,
        title=f"{first.artefact if files == 1 else counted(files, 'file')}: {reason}"[:LONGEST],
        status=Status.UNRESOLVABLE if rendered else Status.NOT_ASSESSED, severity=Severity.INFO,
        value=[first.kind, scrub(first.reason)], evidence=places(items, "content that can be read"),
    )  # fmt: skip


def _known_later(item: UnreadFile) -> Finding:
    return make_finding(
        rule_id="cloud.unresolved", agent=NAME, title=f"{item.artefact}: {item.reason}"[:LONGEST], status=Status.UNRESOLVABLE,
        severity=Severity.INFO, resource=item.artefact, value=[item.kind, item.reason],
        evidence=places([item], "content that can be read"),
    )  # fmt: skip


def _unsupported(items: list[UnreadFile]) -> Finding:
    return make_finding(
        rule_id="cloud.unsupported", agent=NAME, title=f"{len(items)} {'file or part is' if len(items) == 1 else 'files or parts are'} of no format that is assessed",
        status=Status.NOT_ASSESSED, severity=Severity.INFO, value="unsupported", evidence=places(items),
    )  # fmt: skip
