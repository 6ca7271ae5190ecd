"""The security agent: every rule over every resource of its kinds, linear in the resources."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from infra_mind.agents import defaults
from infra_mind.agents.base import Inputs, Progress, Stopped
from infra_mind.agents.manifests import with_manifests
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.exposure import exposure
from infra_mind.agents.security.findings import (
    AGENT_NAME,
    Hit,
    open_findings,
    pass_finding,
    problem_findings,
    severity_for,
    unread_findings,
    with_suppressions,
)
from infra_mind.agents.security.outside import scanned_findings
from infra_mind.agents.security.rule import ANY_KIND, Outcome, Rule
from infra_mind.agents.security.rules import REGISTRY
from infra_mind.agents.security.subject import OddShape, Subject, Unknown
from infra_mind.agents.security.suppressions import Suppressions
from infra_mind.model.brief import Compliance
from infra_mind.model.fact import Fact
from infra_mind.model.finding import Finding, Severity, Status, not_assessed
from infra_mind.model.inventory import Format, Inventory, Resource
from infra_mind.model.numbers import counted
from infra_mind.model.result import AgentResult

_STEPS = 100  # progress calls in all: enough for a bar, cheap beside the rules


@dataclass
class Tally:
    """What became of every check; a check is one rule on one resource to which it applies."""

    hits: list[Hit] = field(default_factory=list)
    checks: dict[str, dict[Status, list[Resource]]] = field(default_factory=dict)

    def suppressed(self) -> Counter[str]:
        """By rule: failed checks of which every failure is accepted."""
        open_: set[tuple[str, str, str]] = set()
        accepted: set[tuple[str, str, str]] = set()
        for hit in self.hits:
            if hit.outcome.status is Status.FAIL:
                key = hit.rule.id, hit.resource.artefact, hit.resource.address
                (accepted if hit.is_suppressed else open_).add(key)
        return Counter(rule for rule, _, _ in accepted - open_)

    def count(self, status: Status) -> int:
        return sum(len(by_status.get(status, ())) for by_status in self.checks.values())


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Findings with file and line, facts `security.*`, `details["exposure"]` and `details["rules"]`. Patches come later: see `proofs`."""
    inventory = inputs.inventory
    if not inputs.artefacts and not inventory.resources and not inventory.unread:
        return AgentResult(findings=(_nothing_to_read(),))
    inventory = with_manifests(inventory)
    context = Context(inventory, inputs.artefacts)
    tally = run_rules(REGISTRY, subjects_of(inventory, context), context, progress)
    suppressions = Suppressions.read(inputs.artefacts, REGISTRY, inputs.day)
    tally.hits = with_suppressions(tally.hits, suppressions, context)
    compliance = inputs.brief.compliance or Compliance()
    classes = tuple(compliance.data_classes)
    outside, outside_facts = (
        scanned_findings(inputs.scan, tally.checks, REGISTRY, suppressions) if inputs.scan else ([], [])
    )
    findings = [
        *open_findings(tally.hits, Status.FAIL, classes, context),
        *open_findings(tally.hits, Status.UNRESOLVABLE, classes, context),
        *open_findings(tally.hits, Status.NOT_ASSESSED, classes, context),
        *_passes(tally),
        *unread_findings(inventory),
        *([] if inventory.resources or inventory.unread else [_nothing_ordered(len(inputs.artefacts))]),
        *problem_findings(suppressions.problems),
        *outside,
    ]
    return AgentResult(
        facts=(*_facts(tally, findings), *outside_facts),
        findings=tuple(sorted(findings, key=_order)),
        assumptions=defaults.used(AGENT_NAME, compliance, "compliance", "data_classes"),
        details={
            "exposure": exposure(tally.hits, context),
            "rules": _rule_table(tally, classes),
            "suppressions": suppression_table(suppressions, findings),
        },
    )


def subjects_of(inventory: Inventory, context: Context) -> tuple[Resource, ...]:
    """All that rules look at."""
    return (*inventory.resources, *inventory.variables, *context.declared)


def run_rules(
    rules: Mapping[str, Rule], resources: Iterable[Resource], context: Context, progress: Progress
) -> Tally:
    """Every rule over the resources of its kinds."""
    work = _plan(rules, resources)
    total = sum(len(subjects) for _, subjects in work)
    tally, done, step = Tally(), 0, max(1, total // _STEPS)
    for rule, subjects in work:
        by_status: dict[Status, list[Resource]] = defaultdict(list)
        for resource in subjects:
            outcomes = [_weighed(o, resource, context) for o in outcomes_of(rule, resource, context)]
            tally.hits += [Hit(rule, resource, o) for o in outcomes if o.status is not Status.PASS]
            if outcomes:
                by_status[_worst(outcomes)].append(resource)
            done += 1
            if done % step == 0 or done == total:
                progress(done, total, rule.id)
        tally.checks[rule.id] = dict(by_status)
    return tally


def outcomes_of(rule: Rule, resource: Resource, context: Context) -> list[Outcome]:
    """What one rule says of one resource; a rule that stumbles over an odd value says so and harms nobody else."""
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(rule.check(Subject.of(resource), context))
    except Stopped:
        raise
    except Unknown as unknown:
        outcomes.append(
            Outcome(Status.UNRESOLVABLE, unknown.path, unknown.reason, "a value known from the files")
        )
    except OddShape as odd:
        outcomes.append(_stumbled(rule, resource, odd.path, str(odd)))
    except Exception as error:  # one odd resource must not sink the agent, whatever the rule tripped over
        outcomes.append(_stumbled(rule, resource, "", type(error).__name__))
    return outcomes


def _weighed(outcome: Outcome, resource: Resource, context: Context) -> Outcome:
    """A failure that rests on the default of a variable which another place sets is none that can be told from here."""
    variable = context.set_by_a_caller(resource, outcome.path) if outcome.status is Status.FAIL else ""
    if not variable:
        return outcome
    reason = f"{outcome.observed}, the default of {variable}: nothing here calls this module"
    return Outcome(Status.UNRESOLVABLE, outcome.path, reason, outcome.expected)


def _stumbled(rule: Rule, resource: Resource, path: str, what: str) -> Outcome:
    return Outcome(
        Status.NOT_ASSESSED,
        path,
        f"{rule.id} could not read {resource.address}: {what}",
        "a value of the documented type",
    )


def _plan(rules: Mapping[str, Rule], resources: Iterable[Resource]) -> list[tuple[Rule, list[Resource]]]:
    by_kind: dict[tuple[Format, str], list[Resource]] = defaultdict(list)
    for resource in resources:
        by_kind[resource.format, resource.kind].append(resource)
        by_kind[resource.format, ANY_KIND].append(resource)
    plan = [
        (rule, [r for kind in rule.kinds for r in by_kind.get((rule.format, kind), ())])
        for rule in rules.values()
    ]
    return [(rule, found) for rule, found in plan if found]


_WORST_FIRST = (Status.FAIL, Status.NOT_ASSESSED, Status.UNRESOLVABLE, Status.PASS)


def _worst(outcomes: Iterable[Outcome]) -> Status:
    return min((o.status for o in outcomes), key=_WORST_FIRST.index)


def _passes(tally: Tally) -> Iterator[Finding]:
    for rule_id, by_status in tally.checks.items():
        if passes := by_status.get(Status.PASS):
            yield pass_finding(REGISTRY[rule_id], passes, sum(len(rs) for rs in by_status.values()))


def _order(finding: Finding) -> tuple[int, int, str, str, int, str]:
    where = finding.evidence[0] if finding.evidence else None
    status = list(Status).index(finding.status)
    artefact, line = (where.artefact, where.line_start or 0) if where else ("", 0)
    return status, finding.severity.rank, finding.rule_id, artefact, line, finding.fingerprint


def _facts(tally: Tally, findings: list[Finding]) -> Iterator[Fact]:
    states = {
        "failed": Status.FAIL, "passed": Status.PASS, "unresolvable": Status.UNRESOLVABLE,
        "not_assessed": Status.NOT_ASSESSED,
    }  # fmt: skip
    counts = {name: tally.count(status) for name, status in states.items()}
    counts["suppressed"] = tally.suppressed().total()
    counts["failed"] -= counts["suppressed"]
    source = "the rules of this agent over the artefacts; a check is one rule on one resource it applies to"
    yield Fact(
        id="security.checks",
        value=sum(counts.values()),
        unit="count",
        formula=" + ".join(counts),
        inputs={**counts},
        source=source,
    )
    for name, number in counts.items():
        yield Fact(id=f"security.{name}", value=number, unit="count", formula="counted", source=source)
    yield Fact(
        id="security.rules",
        value=len(REGISTRY),
        unit="count",
        formula="counted",
        inputs={"applied": sum(1 for c in tally.checks.values() if c)},
        source="the registry of rules",
    )
    decided = counts["passed"] + counts["failed"]
    if decided:
        yield Fact(
            id="security.pass_rate", value=counts["passed"] / decided, unit="share", formula="passed / (passed + failed)",
            inputs={"passed": counts["passed"], "failed": counts["failed"]}, source=source,
        )  # fmt: skip
    for severity in Severity:
        number = sum(1 for f in findings if f.counts and f.severity is severity)
        yield Fact(
            id=f"security.findings.{severity}",
            value=number,
            unit="count",
            formula="failed findings of this severity that nobody accepted, counted",
            source=source,
        )


def suppression_table(suppressions: Suppressions, findings: list[Finding]) -> list[dict[str, object]]:
    """Every suppression with the findings that it took out, also one that met nothing: it may be left over."""
    met: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.suppressed:
            met[finding.rule_id, finding.suppressed.where].append(finding)
    return [
        {
            "rule": i.rule, "where": i.where, "reason": i.reason, "owner": i.owner, "until": i.until.isoformat() if i.until else "",
            "expired": suppressions.said(i).expired,
            "findings": [f.id for f in met[i.rule, i.where]],
        }
        for i in suppressions.ignores
    ]  # fmt: skip


def _rule_table(tally: Tally, classes: tuple[str, ...]) -> list[dict[str, object]]:
    table: list[dict[str, object]] = []
    suppressed = tally.suppressed()
    for rule_id, by_status in tally.checks.items():
        rule = REGISTRY[rule_id]
        severity, why = severity_for(rule, classes)
        table.append({
            "id": rule.id, "title": rule.title, "family": rule.family.value, "severity": severity.value, "reason": why,
            "ckv": list(rule.ckv), "controls": list(rule.controls),
            **{status.value: len(by_status.get(status, ())) for status in _WORST_FIRST}, "suppressed": suppressed[rule_id],
        })  # fmt: skip
    return table


def _nothing_to_read() -> Finding:
    return not_assessed(
        agent=AGENT_NAME, rule_id="IM-ARTEFACT-NONE", title="Security was not assessed: there are no artefacts",
        missing="artefacts", hint="send Terraform, Kubernetes manifests, compose files or Dockerfiles as `artefacts`",
    )  # fmt: skip


def _nothing_ordered(files: int) -> Finding:
    return not_assessed(
        agent=AGENT_NAME, rule_id="IM-ARTEFACT-NONE", title=f"{counted(files, 'file')} {'was' if files == 1 else 'were'} read and {'orders' if files == 1 else 'order'} no resource",
        missing="artefacts", hint="send the files that order what is to be assessed, and the values that their counts depend on",
    )  # fmt: skip
