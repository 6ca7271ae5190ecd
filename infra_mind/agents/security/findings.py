"""From the outcomes of the rules to findings: one per rule, block and path for what fails, one per rule for what passes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from infra_mind.agents.security.callers import call_evidence, root_folder
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.rule import Family, Outcome, Rule
from infra_mind.agents.security.secrets import scrub
from infra_mind.agents.security.suppressions import Place, Problem, Suppressions
from infra_mind.agents.unread import by_reason, places, short
from infra_mind.artefacts.downloaded import is_downloaded
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Finding,
    Remediation,
    Severity,
    Status,
    Suppression,
    make_finding,
)
from infra_mind.model.inventory import APPLY_TIME, Inventory, Resource, UnreadFile

AGENT_NAME = "security"
SENSITIVE = ("credentials", "health", "payment", "personal")
_SENSITIVE_FAMILIES = frozenset({Family.EXPOSURE, Family.ENCRYPTION, Family.NETWORK})
_INDEX = re.compile(r"\.\d+(?=\.|$)")
_LONGEST = 300
_NOT_OURS = "It stands in a module that was downloaded: set the module's input for it at the call, or take another version of the module."


@dataclass(frozen=True)
class Hit:
    """One outcome of one rule on one resource."""

    rule: Rule
    resource: Resource
    outcome: Outcome
    suppressed: Suppression | None = None

    @property
    def is_suppressed(self) -> bool:
        return self.suppressed is not None and not self.suppressed.expired


def with_suppressions(hits: Iterable[Hit], suppressions: Suppressions, context: Context) -> list[Hit]:
    """The hits; failures that somebody accepted say so."""
    if not suppressions.ignores:
        return list(hits)
    return [
        replace(hit, suppressed=suppressions.of(hit.rule.id, _place(hit, context)))
        if hit.outcome.status is Status.FAIL
        else hit
        for hit in hits
    ]


def _place(hit: Hit, context: Context) -> Place:
    came_by = call_evidence(hit.resource, hit.outcome.path, context)
    return Place.of(hit.resource, hit.outcome.path, [(e.artefact, e.line_start or 0) for e in came_by])


def severity_for(rule: Rule, data_classes: tuple[str, ...]) -> tuple[Severity, str]:
    """The rule's own severity, and why. Stated rule: exposure, network and encryption findings of medium severity become high
    when the brief's data classes hold health, payment, personal data or credentials; nothing else is raised."""
    held = [name for name in SENSITIVE if name in data_classes]
    if rule.family not in _SENSITIVE_FAMILIES or not held:
        return rule.severity, rule.reason
    raised = rule.severity is Severity.MEDIUM
    why = f"{rule.reason} The brief says the data is {', '.join(held)}"
    why += "; severity raised from medium to high for that." if raised else "."
    return (Severity.HIGH if raised else rule.severity), why


def open_findings(
    hits: Iterable[Hit],
    status: Status,
    data_classes: tuple[str, ...],
    context: Context,
) -> list[Finding]:
    """Failed, undecided or unassessed outcomes as findings; instances of one block that show the same are one, also where a
    module is called by several configurations: then each has its own."""
    groups: dict[tuple[str, str, str, str, str, str, bool], list[Hit]] = defaultdict(list)
    for hit in hits:
        if hit.outcome.status is status:
            block, observed = hit.resource.block, hit.outcome.observed
            place = hit.rule.id, hit.resource.artefact, block, hit.outcome.path, observed
            groups[*place, root_folder(hit.resource), hit.is_suppressed].append(hit)
    seen: dict[str, int] = defaultdict(int)
    findings = []
    for key in sorted(groups):
        members = groups[key]
        resource, path = _common_address(members), _INDEX.sub("", key[3])
        mark = "|".join((key[0], key[1].rpartition("/")[0], resource, path, *key[4:6]))
        seen[mark] += 1
        value: list[object] = [path, key[4], *filter(None, [key[5]])]
        value += [seen[mark]] if seen[mark] > 1 else []
        findings.append(_finding(members[0], resource, value, data_classes, context))
    return findings


def _common_address(members: list[Hit]) -> str:
    return members[0].resource.address if len(members) == 1 else members[0].resource.block


def _finding(
    hit: Hit,
    resource: str,
    value: list[object],
    data_classes: tuple[str, ...],
    context: Context,
) -> Finding:
    rule, outcome = hit.rule, hit.outcome
    came_by = call_evidence(hit.resource, outcome.path, context) if outcome.status is Status.FAIL else ()
    severity, why = severity_for(rule, data_classes)
    return make_finding(
        rule_id=rule.id, agent=AGENT_NAME, title=rule.title, status=outcome.status,
        severity=severity if outcome.status is Status.FAIL else Severity.INFO,
        confidence=Confidence.HIGH if outcome.status is Status.FAIL else Confidence.MEDIUM,
        resource=resource, value=value, evidence=(evidence_of(hit), *came_by),
        remediation=Remediation(text=_advice(hit, why), effort=rule.effort),
        control_ids=rule.controls, references=(*rule.references, *rule.ckv), suppressed=hit.suppressed,
    )  # fmt: skip


def _advice(hit: Hit, why: str) -> str:
    if hit.outcome.status is Status.UNRESOLVABLE:
        where = (
            "after apply, the plan does not say it"
            if hit.resource.is_in_plan
            else "at apply time: check it in the plan"
        )
        return f"{why} The value is only known {where}. {hit.rule.fix}"
    if hit.outcome.status is Status.NOT_ASSESSED:
        return (
            f"Write the attribute in the form that its documentation gives, then assess again. {hit.rule.fix}"
        )
    if is_downloaded(hit.resource.artefact):
        return f"{why} {hit.rule.fix} {_NOT_OURS}"
    return f"{why} {hit.rule.fix}"


def evidence_of(hit: Hit) -> Evidence:
    lines = hit.resource.lines_of(hit.outcome.path)
    observed = scrub(hit.outcome.observed)
    return Evidence(
        artefact=hit.resource.artefact, line_start=lines.start, line_end=lines.end, path=hit.resource.shown_path(hit.outcome.path),
        observed=observed if len(observed) <= _LONGEST else observed[: _LONGEST - 1] + "…",
        expected=hit.outcome.expected,
    )  # fmt: skip


def pass_finding(rule: Rule, passes: list[Resource], checked: int) -> Finding:
    """One finding for all resources that a rule found in order: how many of how many, with the first as evidence."""
    first = min(passes, key=lambda r: (r.artefact, r.line_start, r.address))
    return make_finding(
        rule_id=rule.id, agent=AGENT_NAME, title=rule.title, status=Status.PASS, severity=Severity.INFO,
        value="pass",
        evidence=(Evidence(
            artefact=first.artefact, line_start=first.line_start, line_end=first.line_end, path=first.shown_path(""),
            observed=f"{len(passes)} of {checked} pass", expected="all pass",
        ),),
        control_ids=rule.controls, references=(*rule.references, *rule.ckv),
    )  # fmt: skip


_PROBLEMS = {
    "unknown-rule": (
        "IM-SUPPRESSION-UNKNOWN-RULE", "A suppression names a rule that does not exist",
        "Name the id of a rule as a finding shows it; until then this suppresses nothing.",
    ),
    "no-reason": (
        "IM-SUPPRESSION-NO-REASON", "A suppression gives no reason",
        "Write why the finding is accepted, best with owner and day: `infra-mind:ignore RULE reason owner NAME until YYYY-MM-DD`; until then this suppresses nothing.",
    ),
    "unreadable": (
        "IM-SUPPRESSION-UNREADABLE", "A suppression cannot be read",
        "Write it as the documentation of the security agent shows; until then this suppresses nothing.",
    ),
}  # fmt: skip


def problem_findings(problems: Iterable[Problem]) -> list[Finding]:
    """One finding for everything that wants to be a suppression and is none."""
    seen: dict[tuple[str, str, str], int] = defaultdict(int)
    findings = []
    for problem in problems:
        rule_id, title, advice = _PROBLEMS[problem.kind]
        mark = problem.kind, problem.artefact, problem.observed
        seen[mark] += 1
        findings.append(make_finding(
            rule_id=rule_id, agent=AGENT_NAME, title=title, status=Status.FAIL, severity=Severity.LOW,
            resource=problem.artefact, value=[problem.observed, seen[mark]],
            evidence=(Evidence(
                artefact=problem.artefact, line_start=problem.line, line_end=problem.line, path="suppression",
                observed=problem.observed, expected=problem.expected,
            ),),
            remediation=Remediation(text=advice, effort=Effort.MINUTES),
        ))  # fmt: skip
    return findings


def unread_findings(inventory: Inventory) -> list[Finding]:
    """One finding for each kind and reason of what could not be read, and one for every part that only apply time knows."""
    seen: dict[tuple[str, str], int] = defaultdict(int)
    findings = [_unread(group) for group in by_reason(inventory.not_read)]
    later = [item for item in inventory.unread if item.kind in APPLY_TIME]
    for item in sorted(later, key=lambda u: (u.artefact, u.line or 0, u.kind, u.reason)):
        seen[item.artefact, item.reason] += 1
        findings.append(_known_later(item, seen[item.artefact, item.reason]))
    return findings


def _unread(items: list[UnreadFile]) -> Finding:
    first, files = items[0], len({item.artefact for item in items})
    what = "A file was" if files == 1 else f"{files} files were"
    # No resource: with one, the folder of the first file would be a part of the fingerprint, and one more file could change it.
    return make_finding(
        rule_id="IM-ARTEFACT-UNREAD", agent=AGENT_NAME, title=f"{what} not assessed: {short(first.reason)}",
        status=Status.NOT_ASSESSED, severity=Severity.INFO, value=[first.kind, scrub(first.reason)],
        evidence=places(items, "a file that can be read whole"),
        remediation=_unread_advice(first),
    )  # fmt: skip


def _known_later(item: UnreadFile, nth: int) -> Finding:
    return make_finding(
        rule_id="IM-ARTEFACT-UNREAD", agent=AGENT_NAME, title="A part that only apply time knows was not assessed",
        status=Status.UNRESOLVABLE, severity=Severity.INFO, resource=item.artefact, value=[item.kind, scrub(item.reason), nth],
        evidence=places([item], "a file that can be read whole"), remediation=_unread_advice(item),
    )  # fmt: skip


def _unread_advice(item: UnreadFile) -> Remediation:
    return Remediation(text=_UNREAD_ADVICE.get(item.kind, _UNREAD_ADVICE[""]), effort=Effort.MINUTES)


_UNREAD_ADVICE = {
    "": "Correct the file, or leave it out on purpose.",
    "unsupported": "Leave it out on purpose; what it deploys is judged in a format that is read.",
    "helm_template": "Render it (`helm template`) and send the output along.",
    "remote_module": "To have it judged here, hand in a plan beside the files (`terraform show -json tfplan > tfplan.json`), run `terraform init` in the folder (what it downloads is read), or put a copy of the module beside them and name it by its path (`./modules/...`).",
    "not_sent": "Send what it asks for along.",
    "too_large": "Leave it out on purpose, or send the part that matters in smaller files.",
    "limit": "Send the part that matters, in smaller files.",
    "state": "Leave the state out, and hand in a plan: `terraform plan -out tfplan`, then `terraform show -json tfplan > tfplan.json`.",
    "plan": "Hand in what `terraform show -json tfplan` prints, unchanged, in the folder of the configuration that it was made of.",
    "unresolvable": "Give the variable a default or a `terraform.tfvars`, or hand in a plan beside the files (`terraform show -json tfplan > tfplan.json`).",
}
