"""The EU AI Act: tier and systemic risk as facts, what is missing, and what the words of the purpose leave to a person."""

from __future__ import annotations

from infra_mind.agents.ai_act import AMENDED, SYSTEMIC_RISK_FLOPS, Classification, Run, Tier
from infra_mind.model.fact import Fact, FactValue
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

NAME = "compliance"
AS_OF = "2026-07-24"  # of the Official Journal that holds the amendment
TIER, SYSTEMIC = "compliance.eu_ai_act.tier", "compliance.eu_ai_act.systemic_risk_presumed"
_SEVERITY = {Tier.PROHIBITED: Severity.HIGH, Tier.HIGH_RISK: Severity.MEDIUM}


def bound(found: Classification) -> frozenset[str]:
    """Which articles bind: those of everybody, of the tier, and of general-purpose models where one is trained.

    That a trained model is a general-purpose one is not known: its articles are listed as questions once systemic risk is presumed."""
    tiers = {"all"} | ({found.tier.value} if found.tier else set())
    if found.systemic_risk_presumed:
        tiers |= {"general_purpose", "systemic_risk"}
    return frozenset(tiers)


def facts(found: Classification) -> list[Fact]:
    """Tier and presumption, each only where it is known."""
    given = []
    if found.tier is not None:
        given.append(
            Fact(id=TIER, value=found.tier.value, unit="text", formula="high_risk if annex_iii, else transparency if interacts_with_people, else minimal",
                 inputs={"article": found.article, "because": found.reason}, source=f"brief: compliance.ai_use; {AMENDED}", as_of=AS_OF)
        )  # fmt: skip
    if found.systemic_risk_presumed is not None and found.largest_run is not None:
        run = found.largest_run
        inputs: dict[str, FactValue] = {
            run.fact or "flops": run.flops or 0.0,
            "threshold": SYSTEMIC_RISK_FLOPS,
        }
        given.append(
            Fact(id=SYSTEMIC, value=found.systemic_risk_presumed, unit="yes or no",
                 formula="FLOP of the largest training run > threshold", inputs=inputs,
                 source=f"Art. 51(2) of {AMENDED}; brief: training", as_of=AS_OF)
        )  # fmt: skip
    return given


def findings(found: Classification) -> list[Finding]:
    """What is missing, what a person has to answer, and the notification that follows from a presumption."""
    given = [_missing(field, found) for field in found.missing]
    if found.runs_without_flops and not found.systemic_risk_presumed:
        given.append(_tokens_missing(found.runs_without_flops))
    given += [_hint(hint.word, hint.article, hint.question, hint.could_be, found) for hint in found.hints]
    if found.systemic_risk_presumed:
        given.append(_notify(found))
    return given


def _missing(field: str, found: Classification) -> Finding:
    return not_assessed(
        agent=NAME, rule_id="compliance.ai-act.tier", missing=field,
        title=f"The tier under the EU AI Act is not known: {found.reason}",
    )  # fmt: skip


def _tokens_missing(runs: tuple[Run, ...]) -> Finding:
    """One finding for all runs without tokens; it names the field of the first."""
    more = f" and {counted(len(runs) - 1, 'more run')}" if len(runs) > 1 else ""
    return not_assessed(
        agent=NAME, rule_id="compliance.ai-act.systemic-risk", missing=runs[0].path,
        title=f"Whether {runs[0].name}{more} would be presumed to carry systemic risk is not known: tokens are not given",
    )  # fmt: skip


def _hint(word: str, article: str, question: str, could_be: Tier, found: Classification) -> Finding:
    said = f"`{found.tier.value}` by the brief's answers" if found.tier else "not known"
    return make_finding(
        rule_id="compliance.ai-act.purpose", agent=NAME, title=f"{question} ({article})", status=Status.MANUAL,
        severity=_SEVERITY.get(could_be, Severity.LOW), resource="compliance.ai_use.purpose", value=article,
        evidence=(Evidence(
            artefact="brief", path="compliance.ai_use.purpose", observed=f"speaks of {word.strip()}…",
            expected="an answer by a person: a word alone decides nothing",
        ),),
        remediation=Remediation(
            text=f"Let the owner of the AI system and legal answer. If it is so, the use would be {could_be.value.replace('_', ' ')}; the tier is {said}.",
            effort=Effort.HOURS,
        ),
        references=(f"EU AI Act, {article}",),
    )  # fmt: skip


def _notify(found: Classification) -> Finding:
    run = found.largest_run
    assert run is not None
    return make_finding(
        rule_id="compliance.ai-act.systemic-risk", agent=NAME, title=f"{run.name} is presumed to carry systemic risk", status=Status.MANUAL,
        severity=Severity.HIGH, resource=run.path.rpartition(".")[0], value="presumed", facts=(SYSTEMIC,),
        evidence=(Evidence(
            artefact="brief", path=run.path.rpartition(".")[0], observed=f"{number(run.flops or 0.0)} FLOP",
            expected=f"at most {number(SYSTEMIC_RISK_FLOPS)} FLOP, or a notification",
        ),),
        remediation=Remediation(
            text="If it is a general-purpose model, notify the Commission within two weeks (Art. 52(1)) and meet Art. 53 and 55.",
            effort=Effort.WEEKS,
        ),
        references=("EU AI Act, Art. 51(2), 52(1), 55",),
    )  # fmt: skip
