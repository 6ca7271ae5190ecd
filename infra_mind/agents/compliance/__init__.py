"""Compliance: which regimes apply and why, what the other agents' findings say of each control, and what only a person can answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infra_mind.agents import ai_act
from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.compliance import ai, questions
from infra_mind.agents.compliance.applicability import (
    Applicability,
    Fit,
    applicability,
    circumstances,
)
from infra_mind.agents.compliance.controls import (
    SPEAKERS,
    Standing,
    Verdict,
    Voice,
    evidence,
    standing,
    topic_rows,
    voices,
)
from infra_mind.agents.compliance.residency import assess_residency, from_terraform
from infra_mind.knowledge import regimes
from infra_mind.model.brief import Brief
from infra_mind.model.brief import Regime as RegimeName
from infra_mind.model.fact import Assumption, Fact, FactValue
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
from infra_mind.model.numbers import counted
from infra_mind.model.result import AgentResult

NAME = "compliance"
CONTROLS = "compliance.controls"
_MOST_PLACES = 5
_MOST_LINKS = 10


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `compliance.*`, findings, and `details`: regimes, dates, controls, topics, and which finding fails which controls."""
    brief = inputs.brief
    stands = (place for named in from_terraform(inputs.inventory) if (place := named.place))
    here = circumstances(brief, stands)
    fits = {answer.regime: answer for answer in applicability(here)}
    progress(1, 4, "which regimes apply")
    known = {fact.id: fact for result in inputs.results.values() for fact in result.facts}
    act = ai_act.classify(
        brief.compliance.ai_use if brief.compliance else None, ai_act.training_runs(brief.training, known)
    )
    residency = assess_residency(brief, inputs.inventory)
    progress(2, 4, "where data stands")
    named = brief.compliance.regimes if brief.compliance else ()
    scope = [name for name in regimes.NAMES if name in named or fits[name].fit is Fit.APPLIES]
    rented = _rented(brief)
    heard = voices([*_spoken(inputs), *residency, *rented])
    standings = [standing(name, heard, ai.bound(act)) for name in scope]
    progress(3, 4, "controls")
    act_matters = "eu_ai_act" in scope or fits["eu_ai_act"].fit is not Fit.NOT_APPARENT
    findings = [
        *_missing(brief, fits),
        *(f for name in regimes.NAMES if (f := _fit_finding(fits[name], name in named))),
        *(ai.findings(act) if act_matters and here.uses_ai else ()),
        *residency,
        *rented,
        *(_controls_finding(s, bool(inputs.inventory.resources)) for s in standings if s.machine_checkable),
        *questions.assess_questions(standings, inputs.day),
    ]
    progress(4, 4, "questions")
    return AgentResult(
        facts=(_scope_fact(scope, named), *(f for s in standings for f in _facts(s)), *ai.facts(act)),
        findings=tuple(findings),
        assumptions=tuple(_assumptions(scope)),
        details=_details(fits, named, scope, standings, heard, inputs.day),
    )


def _spoken(inputs: Inputs) -> list[Finding]:
    return [f for name in SPEAKERS if name in inputs.results for f in inputs.results[name].findings]


def _missing(brief: Brief, fits: Mapping[RegimeName, Applicability]) -> list[Finding]:
    """Each field that would decide whether a regime applies, with the regimes that wait for it."""
    waiting: dict[str, list[str]] = {}
    for answer in fits.values():
        for field in answer.missing:
            waiting.setdefault(field, []).append(regimes.regimes().by_key[answer.regime].name)
    found = [
        not_assessed(
            agent=NAME, rule_id="compliance.applicability", missing=field,
            title=f"Whether {_joined(names)} applies is not known: `{field}` is missing, or names nothing that is known here",
        )
        for field, names in sorted(waiting.items())
    ]  # fmt: skip
    if not (brief.compliance and brief.compliance.regimes):
        found.append(
            not_assessed(
                agent=NAME, rule_id="compliance.regimes", missing="compliance.regimes",
                title="No regime is named: only those that seem to apply by the other answers are assessed",
            )
        )  # fmt: skip
    return found


def _fit_finding(answer: Applicability, named: bool) -> Finding | None:
    """A regime that applies and is not named, one that may apply, or one that is named and does not seem to apply."""
    regime = regimes.regimes().by_key[answer.regime]
    why = "; ".join(answer.reasons)
    if answer.fit is Fit.APPLIES and not named:
        return _about(
            answer, "compliance.unnamed", Status.FAIL, Severity.MEDIUM,
            f"{regime.name} seems to apply and the brief does not name it", f"applies: {why}",
            f"Name `{answer.regime}` in `compliance.regimes`, or write down why {regime.citation} does not bind.",
        )  # fmt: skip
    if answer.fit is Fit.MAY_APPLY and not named:
        return _about(
            answer, "compliance.may-apply", Status.MANUAL, Severity.MEDIUM, f"Does {regime.name} apply?", why,
            f"{answer.question} If so, name `{answer.regime}` in `compliance.regimes`.",
        )  # fmt: skip
    if answer.fit is Fit.NOT_APPARENT and (named or answer.question):
        title = (
            f"{regime.name} is named, but the brief does not show why it would apply"
            if named
            else f"Does {regime.name} apply all the same?"
        )
        ask = answer.question or f"Why does {regime.citation} bind?"
        rule = "compliance.not-apparent" if named else "compliance.may-apply"
        return _about(
            answer, rule, Status.MANUAL, Severity.MEDIUM if named else Severity.LOW, title, why, ask
        )
    return None


def _about(
    answer: Applicability, rule: str, status: Status, severity: Severity, title: str, observed: str, advice: str
) -> Finding:  # fmt: skip
    return make_finding(
        rule_id=rule, agent=NAME, title=title, status=status, severity=severity, resource=f"compliance.regimes/{answer.regime}",
        value=answer.fit.value, references=(f"{regimes.regimes().by_key[answer.regime].citation}, {answer.article}",),
        evidence=(Evidence(artefact="brief", path="compliance.regimes", observed=observed, expected=answer.article),),
        remediation=Remediation(text=advice, effort=Effort.HOURS),
    )  # fmt: skip


def _rented(brief: Brief) -> list[Finding]:
    """Models rented by the token take data to where their provider runs them: a question where the data is bound to a place or a person."""
    sensitive = brief.compliance and (brief.compliance.data_residency or brief.compliance.data_classes)
    if not brief.llm_api or not sensitive:
        return []
    models = ", ".join(
        dict.fromkeys(f"{item.name} ({item.model[:60]})" for item in brief.llm_api[:_MOST_PLACES])
    )
    more = len(brief.llm_api) - _MOST_PLACES
    return [
        make_finding(
            rule_id="compliance.rented-models", agent=NAME, title="Where are prompts to rented models processed, and under which contract?",
            status=Status.MANUAL, severity=Severity.MEDIUM, resource="llm_api", value="where",
            evidence=(Evidence(artefact="brief", path="llm_api", observed=f"{models}{f' and {more} more' if more > 0 else ''}", expected="region and contract of the provider"),),
            remediation=Remediation(
                text="Ask the provider for the region of processing, a processing agreement (GDPR Art. 28; for health data in the United States a "
                "business associate contract), and whether prompts are kept.",
                effort=Effort.DAYS,
            ),
        )
    ]  # fmt: skip


def _controls_finding(found: Standing, artefacts: bool) -> Finding:
    """One finding for each regime. Its severity is `info`: what has to be mended stands in the findings that it names."""
    regime = regimes.regimes().by_key[found.regime]
    failed, passed = found.with_status(Status.FAIL), found.with_status(Status.PASS)
    scope = f"{found.assessed} that could be assessed, of {counted(len(found.verdicts), 'control')} in all"
    if not found.assessed:
        hint = (
            "Send Terraform, Kubernetes, compose or Dockerfiles along."
            if not artefacts
            else "Nothing that was sent speaks to a control that a machine can check."
        )
        return not_assessed(agent=NAME, rule_id=CONTROLS, title=f"{regime.name}: no control could be assessed", missing="artefacts", hint=hint, resource=found.regime)  # fmt: skip
    status = Status.FAIL if failed else Status.PASS
    title = (
        f"{regime.name}: {counted(len(failed), 'control')} fail{'s' if len(failed) == 1 else ''} of the {scope}"
        if failed
        else f"{regime.name}: no control fails of the {scope}"
    )
    return make_finding(
        rule_id=CONTROLS, agent=NAME, title=title, status=status, severity=Severity.INFO, resource=found.regime, value=status.value,
        evidence=(_named(found.regime, failed or passed), *_places(failed or passed, bool(failed))), control_ids=tuple(v.id for v in failed or passed),
        facts=tuple(f"compliance.{found.regime}.{name}" for name in ("controls", "machine_checkable", "assessed", "passed")),
        remediation=Remediation(text="Mend the findings that the controls name; then assess again.", effort=Effort.DAYS) if failed else None,
    )  # fmt: skip


def _named(regime: str, verdicts: Sequence[Verdict]) -> Evidence:
    """The controls by name, as seen in the brief: the first evidence is a part of the fingerprint, places of findings come and go."""
    more = len(verdicts) - _MOST_LINKS
    shown = ", ".join(v.control.id for v in verdicts[:_MOST_LINKS]) + (
        f" and {more} more" if more > 0 else ""
    )
    return Evidence(
        artefact="brief", path=f"compliance.regimes/{regime}", observed=shown, expected="no control fails"
    )


def _places(verdicts: Sequence[Verdict], failed: bool) -> tuple[Evidence, ...]:
    """Where the worst of the findings behind these controls were seen, each once."""
    found = {f.id: f for v in verdicts for f in (v.failed if failed else v.passed)}
    worst = sorted(found.values(), key=lambda f: (f.severity.rank, f.rule_id, f.resource, f.id))[
        :_MOST_PLACES
    ]
    return tuple(
        finding.evidence[0].model_copy(update={"observed": f"{finding.title} ({finding.id})", "expected": ""})
        for finding in worst if finding.evidence
    )  # fmt: skip


def _scope_fact(scope: Sequence[str], named: Sequence[str]) -> Fact:
    return Fact(
        id="compliance.regimes", value=len(scope), unit="count", formula="regimes that are named, or apply by the answers of the brief",
        inputs={"named": len(set(named)), "in_scope": ", ".join(scope) or "none"}, source="brief; rules of applicability of this package",
    )  # fmt: skip


def _facts(found: Standing) -> Iterable[Fact]:
    table = regimes.controls(found.regime)
    source, as_of = table.head.source, table.head.as_of
    counts: dict[str, FactValue] = {
        "controls": len(found.verdicts),
        "machine_checkable": found.machine_checkable,
        "assessed": found.assessed,
        "passed": found.count(Status.PASS),
        "failed": found.count(Status.FAIL),
        "manual": found.count(Status.MANUAL),
    }
    formulas = {
        "controls": "controls that bind, counted", "machine_checkable": "controls that at least one rule maps to, counted",
        "assessed": "passed + failed", "manual": "controls − machine_checkable",
        "passed": "controls with a mapped rule that was decided, and none that failed or stayed undecided",
        "failed": "controls with a mapped rule that failed",
    }  # fmt: skip
    for name, value in counts.items():
        inputs = {k: counts[k] for k in ("passed", "failed")} if name == "assessed" else {}
        yield Fact(id=f"compliance.{found.regime}.{name}", value=value, unit="count", formula=formulas[name], inputs=inputs, source=source, as_of=as_of)  # fmt: skip
    if found.verdicts:
        yield Fact(id=f"compliance.{found.regime}.coverage", value=found.assessed / len(found.verdicts), unit="share", formula="assessed / controls",
                   inputs={"assessed": found.assessed, "controls": len(found.verdicts)}, source=source, as_of=as_of)  # fmt: skip
    if found.assessed:
        yield Fact(id=f"compliance.{found.regime}.pass_rate", value=found.count(Status.PASS) / found.assessed, unit="share", formula="passed / assessed",
                   inputs={"passed": found.count(Status.PASS), "assessed": found.assessed}, source=source, as_of=as_of)  # fmt: skip


def _assumptions(scope: Sequence[str]) -> Iterable[Assumption]:
    if not scope:
        return
    yield questions.assumption()
    yield Assumption(
        id="compliance.pass", source="rules of this package",
        text="A control that passes met every technical check that maps to it and could be made. Whether the control as a whole is met, "
        "also by people and procedures, is for an auditor to say.",
    )  # fmt: skip
    if "nist_800_53" in scope:
        yield Assumption(
            id="compliance.nist_800_53.baseline", text="The moderate baseline is used: no field of the brief gives the impact level (FIPS 199).",
            value="moderate", source=regimes.controls("nist_800_53").head.source,
        )  # fmt: skip


def _details(
    fits: Mapping[RegimeName, Applicability], named: Sequence[str], scope: Sequence[RegimeName], standings: Sequence[Standing],
    heard: Mapping[str, Voice], today: str,
) -> dict[str, Any]:  # fmt: skip
    by_regime = {found.regime: found for found in standings}
    topics = sorted({topic for found in standings for v in found.verdicts for topic in v.control.topics})
    return {
        "regimes": [_regime_row(answer, answer.regime in named, by_regime.get(answer.regime)) for answer in fits.values()],
        "dates": [
            {**d.model_dump(exclude={"id"}), "status": d.status_on(today)} for name in scope for d in regimes.dates_of(name)
        ],
        "controls": [_control_row(v, today) for found in standings for v in found.verdicts],
        "topics": topic_rows(heard, topics),
        "evidence": evidence(standings),
    }  # fmt: skip


def _regime_row(answer: Applicability, named: bool, found: Standing | None) -> dict[str, Any]:
    regime = regimes.regimes().by_key[answer.regime]
    row: dict[str, Any] = {
        "regime": answer.regime, "name": regime.name, "citation": regime.citation, "binding": regime.binding, "named": named,
        "fit": answer.fit.value, "article": answer.article, "reasons": list(answer.reasons), "question": answer.question,
        "in_scope": found is not None,
    }  # fmt: skip
    if found is not None:
        row |= {
            "controls": len(found.verdicts), "machine_checkable": found.machine_checkable, "assessed": found.assessed,
            "passed": found.count(Status.PASS), "failed": found.count(Status.FAIL), "not_assessed": found.count(Status.NOT_ASSESSED),
            "manual": found.count(Status.MANUAL), "coverage": found.assessed / len(found.verdicts) if found.verdicts else 0.0,
        }  # fmt: skip
    return row


def _control_row(verdict: Verdict, today: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "control": verdict.id, "regime": verdict.regime, "title": verdict.control.title, "status": verdict.status.value,
        "machine_checkable": bool(verdict.control.topics),
    }  # fmt: skip
    if verdict.control.level:
        row["level"] = verdict.control.level
    if verdict.control.topics:
        row |= {"topics": list(verdict.control.topics), "findings": [f.id for f in verdict.failed[:_MOST_LINKS]], "failed": len(verdict.failed),
                "passed": len(verdict.passed), "undecided": len(verdict.undecided), "silent": list(verdict.silent)}  # fmt: skip
    if verdict.status is Status.MANUAL:
        row |= {"question": questions.question(verdict), "owner": questions.OWNERS[verdict.control.owner], "due": questions.due(verdict, today).text}  # fmt: skip
    return row


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


AGENT = Agent(
    name=NAME,
    assess=assess,
    needs=("security",),
    after=("reliability", "cloud", "mlops"),
    reads=("compliance", "organisation", "hosting", "llm_serving", "llm_api", "training", "artefacts", "day"),
    title="Compliance",
    version=3,
)
