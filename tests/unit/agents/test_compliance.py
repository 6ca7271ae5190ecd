"""Compliance: applicability with reasons, a control's status from findings, residency, questions, and what is never claimed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.compliance import AGENT
from infra_mind.agents.compliance.applicability import Fit, applicability, circumstances
from infra_mind.agents.compliance.controls import Standing, standing, voices
from infra_mind.agents.compliance.questions import due
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.knowledge import regimes
from infra_mind.knowledge.regimes import NAMES
from infra_mind.model.brief import Regime as RegimeName
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Evidence, Finding, Severity, Status, Suppression, make_finding
from infra_mind.model.inventory import Artefact, Inventory
from infra_mind.model.result import AgentResult

EU_HEALTH = {
    "organisation": {"industry": "healthcare", "size": "medium", "regions": ["eu-west-1"]},
    "compliance": {"regimes": ["gdpr"], "data_classes": ["health", "personal"]},
}
ALL_BOUND = frozenset({"all", "high_risk", "transparency", "general_purpose", "systemic_risk"})


def brief_of(**fields: Any) -> Any:
    return parse_brief({"name": "b", **fields})


def run(
    fields: dict[str, Any], found: dict[str, list[Finding]] | None = None, inventory: Inventory | None = None
) -> AgentResult:
    results = {
        name: AgentResult(findings=tuple(findings)) for name, findings in (found or {"security": []}).items()
    }
    return AGENT.assess(
        Inputs(brief=brief_of(**fields), inventory=inventory or Inventory(), results=results), silent
    )


def rule(
    rule_id: str, status: Status, *tags: str, severity: Severity = Severity.HIGH, resource: str = "r"
) -> Finding:  # fmt: skip
    return make_finding(
        rule_id=rule_id, agent="security", title=rule_id, status=status, severity=severity, resource=resource,
        value=status.value, control_ids=tags,
    )  # fmt: skip


def terraform(text: str) -> Inventory:
    return build_inventory([Artefact(path="main.tf", content=text)])


def facts(result: AgentResult) -> dict[str, Any]:
    return {fact.id: fact.value for fact in result.facts}


def control(result: AgentResult, id_: str) -> dict[str, Any]:
    (row,) = [row for row in result.details["controls"] if row["control"] == id_]
    return dict(row)


def of_rule(result: AgentResult, rule_id: str) -> list[Finding]:
    return [f for f in result.findings if f.rule_id == rule_id]


# -- applicability ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expected", "regime", "fields"),
    [
        (Fit.APPLIES, "gdpr", EU_HEALTH),
        (Fit.NOT_APPARENT, "gdpr", {**EU_HEALTH, "compliance": {"data_classes": ["internal"]}}),
        (Fit.UNKNOWN, "gdpr", {"organisation": {"regions": ["eu-west-1"]}}),
        (Fit.UNKNOWN, "gdpr", {"compliance": {"data_classes": ["personal"]}}),
        (Fit.MAY_APPLY, "gdpr", {"compliance": {"data_classes": ["personal"]}, "hosting": {"provider": "aws", "region": "eu-north-1"}}),
        (Fit.NOT_APPARENT, "gdpr", {"compliance": {"data_classes": ["personal"]}, "organisation": {"regions": ["us-east-1"]}}),
        (Fit.NOT_APPARENT, "hipaa", EU_HEALTH),
        (Fit.APPLIES, "hipaa", {**EU_HEALTH, "organisation": {"industry": "healthcare", "regions": ["us-east-1"]}}),
        (Fit.MAY_APPLY, "hipaa", {**EU_HEALTH, "organisation": {"industry": "technology", "regions": ["us-east-1"]}}),
        (Fit.APPLIES, "pci_dss", {"compliance": {"data_classes": ["payment"]}}),
        (Fit.NOT_APPARENT, "pci_dss", EU_HEALTH),
        (Fit.BY_CHOICE, "soc2", {}),
        (Fit.BY_CHOICE, "iso27001", {}),
        (Fit.BY_CHOICE, "nist_800_53", EU_HEALTH),
        (Fit.MAY_APPLY, "nist_800_53", {"organisation": {"industry": "government", "regions": ["us-gov-west-1"]}}),
        (Fit.MAY_APPLY, "ccpa", {"compliance": {"data_classes": ["personal"]}, "organisation": {"regions": ["us-west-1"]}}),
        (Fit.NOT_APPARENT, "ccpa", {"compliance": {"data_classes": ["personal"]}, "organisation": {"industry": "non_profit", "regions": ["us-west-1"]}}),
        (Fit.NOT_APPARENT, "ccpa", EU_HEALTH),
        (Fit.UNKNOWN, "eu_ai_act", EU_HEALTH),
        (Fit.APPLIES, "eu_ai_act", {**EU_HEALTH, "llm_api": [{"name": "a", "model": "gpt-5"}]}),
        (Fit.NOT_APPARENT, "eu_ai_act", {"organisation": {"regions": ["us-east-1"]}, "llm_api": [{"name": "a", "model": "gpt-5"}]}),
        (Fit.APPLIES, "nis2", EU_HEALTH),
        (Fit.NOT_APPARENT, "nis2", {"organisation": {"industry": "healthcare", "size": "startup", "regions": ["eu-west-1"]}}),
        (Fit.MAY_APPLY, "nis2", {"organisation": {"industry": "technology", "size": "large", "regions": ["de"]}}),
        (Fit.UNKNOWN, "nis2", {"organisation": {"industry": "healthcare", "regions": ["de"]}}),
        (Fit.NOT_APPARENT, "nis2", {"organisation": {"industry": "healthcare", "size": "large", "regions": ["uk"]}}),
        (Fit.APPLIES, "dora", {"organisation": {"industry": "finance", "regions": ["eu-central-1"]}}),
        (Fit.NOT_APPARENT, "dora", {"organisation": {"industry": "finance", "regions": ["us-east-1"]}}),
        (Fit.UNKNOWN, "dora", {}),
    ],
)  # fmt: skip
def test_who_where_which_data(expected: Fit, regime: RegimeName, fields: dict[str, Any]) -> None:
    (answer,) = [a for a in applicability(circumstances(brief_of(**fields))) if a.regime == regime]
    assert answer.fit is expected
    assert answer.reasons
    assert answer.article
    assert bool(answer.missing) == (expected is Fit.UNKNOWN)
    assert expected is not Fit.MAY_APPLY or answer.question.endswith("?")


def test_what_terraform_puts_into_the_union_asks_whether_the_gdpr_applies() -> None:
    fields = {"compliance": {"data_classes": ["personal"]}}
    inventory = terraform('provider "aws" {\n  region = "eu-west-1"\n}\n')
    asked = of_rule(run(fields, inventory=inventory), "compliance.may-apply")
    assert [f.resource for f in asked] == ["compliance.regimes/gdpr"]
    assert of_rule(run(fields), "compliance.may-apply") == []


def test_a_regime_that_applies_and_is_not_named_is_a_finding_and_in_scope() -> None:
    result = run(EU_HEALTH)
    assert [f.resource for f in of_rule(result, "compliance.unnamed")] == ["compliance.regimes/nis2"]
    assert "compliance.nis2.controls" in facts(result)


def test_a_regime_that_is_named_and_does_not_seem_to_apply_is_asked_about_and_still_assessed() -> None:
    named = {**EU_HEALTH, "compliance": {"regimes": ["hipaa"], "data_classes": ["health"]}}
    (asked,) = of_rule(run(named), "compliance.not-apparent")
    assert (asked.status, asked.resource) == (Status.MANUAL, "compliance.regimes/hipaa")
    assert facts(run(named))["compliance.hipaa.controls"] == 56


def test_a_field_that_would_decide_is_named() -> None:
    missing = {f.resource for f in run({}).findings if f.status is Status.NOT_ASSESSED}
    assert {
        "compliance.data_classes",
        "compliance.ai_use",
        "organisation.industry",
        "compliance.regimes",
    } <= missing


# -- a control's status -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("not_assessed", []),
        ("pass", [rule("IM-X-001", Status.PASS, "backup")]),
        ("fail", [rule("IM-X-001", Status.PASS, "backup"), rule("IM-X-002", Status.FAIL, "deletion-protection")]),
        ("not_assessed", [rule("IM-X-001", Status.PASS, "backup"), rule("IM-X-002", Status.UNRESOLVABLE, "backup")]),
        ("not_assessed", [rule("IM-X-001", Status.PASS, "backup"), rule("IM-X-002", Status.NOT_ASSESSED, "backup")]),
        ("not_assessed", [rule("IM-X-001", Status.FAIL, "backup", severity=Severity.INFO)]),
        ("not_assessed", [rule("IM-X-001", Status.PASS, "logging")]),
    ],
)  # fmt: skip
def test_the_status_of_a_control(expected: str, found: list[Finding]) -> None:
    assert control(run(EU_HEALTH, {"security": found}), "gdpr:Art.32(1)(c)")["status"] == expected


def test_a_control_that_no_rule_maps_to_is_a_question_with_owner_and_date() -> None:
    row = control(run(EU_HEALTH), "gdpr:Art.35")
    assert (row["status"], row["machine_checkable"]) == ("manual", False)
    assert (row["owner"], row["due"]) == ("data protection officer", "within 30 days of the assessment")
    assert row["question"].endswith("?")


def test_a_failed_control_leads_to_its_findings_and_they_to_it() -> None:
    failed = rule("IM-X-002", Status.FAIL, "backup")
    result = run(EU_HEALTH, {"security": [failed]})
    assert control(result, "gdpr:Art.32(1)(c)")["findings"] == [failed.id]
    assert result.details["evidence"] == {failed.id: ["gdpr:Art.32(1)(c)", "nis2:Art.21(2)(c)"]}


def test_reliability_speaks_to_redundancy_when_it_is_there() -> None:
    found = {"security": [], "reliability": [rule("reliability.rds-single-az", Status.FAIL)]}
    assert control(run(EU_HEALTH, found), "nis2:Art.21(2)(c)")["status"] == "fail"
    assert control(run(EU_HEALTH), "nis2:Art.21(2)(c)")["status"] == "not_assessed"


def test_a_topic_that_nothing_spoke_to_is_named_beside_a_pass() -> None:
    row = control(
        run(EU_HEALTH, {"security": [rule("IM-X-001", Status.PASS, "backup")]}), "gdpr:Art.32(1)(c)"
    )
    assert (row["status"], row["silent"]) == ("pass", ["deletion-protection"])


def test_without_artefacts_nothing_is_assessed_and_nothing_passes() -> None:
    given = facts(run(EU_HEALTH))
    assert (given["compliance.gdpr.assessed"], given["compliance.gdpr.passed"]) == (0, 0)
    assert "compliance.gdpr.pass_rate" not in given
    assert given["compliance.gdpr.coverage"] == 0


def test_the_machine_checkable_share_is_stated() -> None:
    given = facts(run({"compliance": {"regimes": list(NAMES)}}))
    stated = {
        n: (given[f"compliance.{n}.controls"], given[f"compliance.{n}.machine_checkable"]) for n in NAMES
    }
    assert stated["gdpr"] == (41, 7)
    assert stated["iso27001"] == (100, 27)
    assert stated["nist_800_53"] == (287, 46)


TAGS = sorted(regimes.topics_by_tag())
FINDINGS = st.lists(
    st.builds(
        rule,
        st.sampled_from(["IM-X-001", "IM-X-002", "IM-X-003", "reliability.rds-single-az"]),
        st.sampled_from(list(Status)),
        st.sampled_from(TAGS),
        severity=st.sampled_from(list(Severity)),
        resource=st.sampled_from(["a", "b", "c", "d"]),
    ),
    max_size=8,
    unique_by=lambda finding: finding.id,
)
SOME: tuple[RegimeName, ...] = ("gdpr", "hipaa", "nis2", "dora")  # enough for what must hold for all


def standings(found: list[Finding]) -> list[Standing]:
    return [standing(name, voices(found), ALL_BOUND) for name in SOME]


@settings(deadline=None, max_examples=60)
@given(FINDINGS)
def test_the_counts_of_a_regime_add_up(found: list[Finding]) -> None:
    for of in standings(found):
        assert sum(of.count(status) for status in Status) == len(of.verdicts)
        assert of.assessed == of.count(Status.PASS) + of.count(Status.FAIL) <= of.machine_checkable
        assert of.count(Status.MANUAL) + of.machine_checkable == len(of.verdicts)


@settings(deadline=None, max_examples=60)
@given(FINDINGS)
def test_no_control_passes_that_nothing_was_looked_at_for(found: list[Finding]) -> None:
    for verdict in (v for of in standings(found) for v in of.verdicts if v.status is Status.PASS):
        assert verdict.passed
        assert not verdict.failed
        assert not verdict.undecided


@settings(deadline=None, max_examples=60)
@given(FINDINGS, st.sampled_from(TAGS))
def test_one_more_failure_never_makes_more_pass(found: list[Finding], tag: str) -> None:
    worse = [*found, rule("IM-X-009", Status.FAIL, tag)]
    for before, after in zip(standings(found), standings(worse), strict=True):
        assert after.count(Status.PASS) <= before.count(Status.PASS)
        assert after.count(Status.FAIL) >= before.count(Status.FAIL)


@pytest.mark.parametrize(("expired", "status"), [(False, Status.NOT_ASSESSED), (True, Status.FAIL)])
def test_an_accepted_risk_neither_fails_a_control_nor_passes_it(expired: bool, status: Status) -> None:
    said = Suppression(reason="known", where="main.tf:3", until="2026-01-31", expired=expired)
    accepted = rule("IM-X-001", Status.FAIL, "encryption-at-rest").model_copy(update={"suppressed": said})
    passed = rule("IM-X-002", Status.PASS, "encryption-at-rest")
    touched = [v for of in standings([accepted, passed]) for v in of.verdicts if passed in v.passed]
    assert touched
    assert {v.status for v in touched} == {status}


@settings(deadline=None, max_examples=60)
@given(FINDINGS, st.randoms(use_true_random=False))
def test_the_order_of_the_findings_does_not_matter(found: list[Finding], random: Any) -> None:
    mixed = list(found)
    random.shuffle(mixed)
    assert standings(mixed) == standings(found)


# -- EU AI Act --------------------------------------------------------------------------------------------------------
def test_the_tier_and_the_presumption_are_facts() -> None:
    result = run({
        **EU_HEALTH, "training": [{"name": "base", "parameters": 70e9, "tokens": 15e12}],
        "compliance": {"regimes": ["eu_ai_act"], "ai_use": {"annex_iii": True, "interacts_with_people": True}},
    })  # fmt: skip
    assert facts(result)["compliance.eu_ai_act.tier"] == "high_risk"
    assert facts(result)["compliance.eu_ai_act.systemic_risk_presumed"] is False
    assert control(result, "eu_ai_act:Art.14")["due"] == "2027-12-02 (Art. 113(c))"


def test_only_the_articles_that_bind_the_tier_are_listed() -> None:
    def articles(**use: Any) -> set[str]:
        result = run({**EU_HEALTH, "compliance": {"regimes": ["eu_ai_act"], "ai_use": use}})
        return {
            row["control"].partition(":")[2]
            for row in result.details["controls"]
            if row["regime"] == "eu_ai_act"
        }

    assert articles(annex_iii=False, interacts_with_people=False) == {"Art.4", "Art.5"}
    assert "Art.50(1)" in articles(annex_iii=False, interacts_with_people=True)
    assert "Art.9" not in articles(annex_iii=False, interacts_with_people=True)
    assert {"Art.9", "Art.27"} <= articles(annex_iii=True)


def test_a_presumption_asks_for_the_notification_and_lists_the_duties() -> None:
    result = run({**EU_HEALTH, "training": [{"name": "base", "parameters": 1e12, "tokens": 15e12}],
                  "compliance": {"regimes": ["eu_ai_act"], "ai_use": {"annex_iii": False, "interacts_with_people": True}}})  # fmt: skip
    (asked,) = of_rule(result, "compliance.ai-act.systemic-risk")
    assert (asked.status, asked.severity) == (Status.MANUAL, Severity.HIGH)
    assert control(result, "eu_ai_act:Art.55(1)(a)")["status"] == "manual"


def test_a_run_without_tokens_is_named() -> None:
    result = run({**EU_HEALTH, "training": [{"name": "base", "parameters": 1e12}]})
    assert [f.resource for f in of_rule(result, "compliance.ai-act.systemic-risk")] == ["training.0.tokens"]
    many = run({**EU_HEALTH, "training": [{"name": f"r{n}", "parameters": 1e12} for n in range(100)]})
    assert len(of_rule(many, "compliance.ai-act.systemic-risk")) == 1
    assert "compliance.eu_ai_act.systemic_risk_presumed" not in facts(result)


def test_a_word_of_the_purpose_is_a_question() -> None:
    use = {"purpose": "clinical decision support", "annex_iii": False, "interacts_with_people": True}
    result = run({**EU_HEALTH, "compliance": {"regimes": ["eu_ai_act"], "ai_use": use}})
    assert [f.status for f in of_rule(result, "compliance.ai-act.purpose")] == [Status.MANUAL]
    assert facts(result)["compliance.eu_ai_act.tier"] == "transparency"


# -- residency --------------------------------------------------------------------------------------------------------
def resident(where: list[str], text: str = "", **more: Any) -> list[Finding]:
    fields = {"compliance": {"data_classes": ["health"], "data_residency": where}, **more}
    return of_rule(run(fields, inventory=terraform(text) if text else None), "compliance.residency")


def test_a_provider_outside_is_a_finding_with_file_and_line() -> None:
    found = resident(["eu"], 'provider "aws" {\n  region = "us-east-1"\n}\n')
    assert [(f.status, f.severity) for f in found] == [(Status.FAIL, Severity.HIGH)]
    assert (found[0].evidence[0].artefact, found[0].evidence[0].line_start) == ("main.tf", 2)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (Status.PASS, 'resource "azurerm_resource_group" "g" {\n  name = "g"\n  location = "West Europe"\n}\n'),
        (Status.FAIL, 'resource "azurerm_resource_group" "g" {\n  name = "g"\n  location = "UK South"\n}\n'),
        (Status.PASS, 'resource "google_storage_bucket" "b" {\n  name = "b"\n  location = "EU"\n}\n'),
        (Status.FAIL, 'resource "google_storage_bucket" "b" {\n  name = "b"\n  location = "US"\n}\n'),
        (Status.NOT_ASSESSED, 'resource "google_storage_bucket" "b" {\n  name = "b"\n  location = "ASIA"\n}\n'),
        (Status.UNRESOLVABLE, 'variable "r" {}\nprovider "aws" {\n  region = var.r\n}\n'),
        (Status.FAIL, 'resource "aws_dynamodb_table" "t" {\n  name = "t"\n  replica {\n    region_name = "us-west-2"\n  }\n}\n'),
        (Status.FAIL, 'resource "google_compute_disk" "d" {\n  name = "d"\n  zone = "europe-west2-a"\n}\n'),
    ],
)  # fmt: skip
def test_regions_that_terraform_names(expected: Status, text: str) -> None:
    assert [f.status for f in resident(["eu"], text)] == [expected]


def test_a_data_source_says_nothing_of_where_data_stands() -> None:
    (found,) = resident(["eu"], 'data "google_storage_bucket" "b" {\n  name = "b"\n  location = "US"\n}\n')
    assert found.status is Status.NOT_ASSESSED


def test_the_regions_of_the_brief_count_too() -> None:
    found = resident(
        ["de"],
        organisation={"regions": ["eu-central-1", "eu-west-1"]},
        hosting={"provider": "aws", "region": "eu-central-1"},
    )
    assert [f.status for f in found] == [Status.FAIL, Status.PASS]
    assert found[0].title.startswith("eu-west-1 is outside")


def test_many_places_in_one_region_are_one_finding() -> None:
    text = "".join(
        f'resource "azurerm_resource_group" "g{n}" {{\n  name = "g{n}"\n  location = "eastus"\n}}\n'
        for n in range(30)
    )
    (found,) = resident(["eu"], text)
    assert len(found.evidence) == 10
    assert "(and 20 more)" in found.evidence[-1].observed


def test_the_fingerprint_of_a_region_outside_does_not_change_with_the_files_that_name_it() -> None:
    def outside(*paths: str) -> str:
        text = 'provider "aws" {\n  region = "us-east-1"\n}\n'
        fields = {"compliance": {"data_residency": ["eu"]}}
        inventory = build_inventory([Artefact(path=path, content=text) for path in paths])
        (found,) = of_rule(run(fields, inventory=inventory), "compliance.residency")
        return found.fingerprint

    assert outside("b/main.tf") == outside("a/main.tf", "b/main.tf")


def test_the_fingerprint_of_a_regime_does_not_change_with_the_place_of_the_worst_finding() -> None:
    def sums(folder: str) -> str:
        seen = (Evidence(artefact=f"{folder}/main.tf", line_start=1),)
        failed = rule("IM-X-001", Status.FAIL, "backup").model_copy(update={"evidence": seen})
        found = of_rule(run(EU_HEALTH, {"security": [failed]}), "compliance.controls")
        return next(f.fingerprint for f in found if f.resource == "gdpr")

    assert sums("a") == sums("b")


@pytest.mark.parametrize(
    ("field", "where"), [("compliance.data_residency.1", ["eu", "europe"]), ("compliance.data_residency", [])]
)
def test_a_residency_that_is_missing_or_not_known_is_named(field: str, where: list[str]) -> None:
    assert [(f.status, f.resource) for f in resident(where)] == [(Status.NOT_ASSESSED, field)]


def test_a_secret_in_the_place_of_a_region_is_not_shown() -> None:
    found = resident(["eu"], 'provider "aws" {\n  region = "AKIAIOSFODNN7EXAMPLE"\n}\n')
    assert "AKIAIOSFODNN7EXAMPLE" not in "".join(f.model_dump_json() for f in found)


def test_as_long_as_models_are_rented_somewhere_no_control_on_transfers_passes() -> None:
    fields = {
        **EU_HEALTH,
        "compliance": {"regimes": ["gdpr"], "data_classes": ["health"], "data_residency": ["eu"]},
    }
    assert control(run(fields), "gdpr:Art.44")["status"] == "pass"
    rented = {**fields, "llm_api": [{"name": "a", "model": "gpt-5"}]}
    assert control(run(rented), "gdpr:Art.44")["status"] == "not_assessed"


# -- questions --------------------------------------------------------------------------------------------------------
def test_questions_are_one_finding_for_each_owner_and_cover_every_manual_control() -> None:
    result = run({"compliance": {"regimes": ["nist_800_53"]}})
    asked = of_rule(result, "compliance.questions")
    manual = {row["control"] for row in result.details["controls"] if row["status"] == "manual"}
    assert len(asked) < 12
    assert {id_ for f in asked for id_ in f.control_ids} == manual
    assert sum(len(f.control_ids) for f in asked) == len(manual) == 287 - 46


@pytest.mark.parametrize(
    ("expected", "regime", "id_"),
    [
        ("within 30 days of the assessment", "gdpr", "Art.35"),
        ("within 90 days of the assessment", "iso27001", "A.5.2"),
        ("2028-04-01 (11 CCR 7121)", "ccpa", "11CCR7120"),
        ("2027-01-01 (11 CCR 7200)", "ccpa", "11CCR7220"),
    ],
)
def test_due_is_the_day_of_the_law_where_it_is_still_to_come(
    expected: str, regime: RegimeName, id_: str
) -> None:
    (verdict,) = [v for v in standing(regime, voices([]), ALL_BOUND).verdicts if v.control.id == id_]
    assert due(verdict).text == expected


def test_a_day_of_the_law_that_has_passed_is_no_day_to_be_done_by() -> None:
    (verdict,) = [v for v in standing("ccpa", voices([]), ALL_BOUND).verdicts if v.control.id == "11CCR7220"]
    assert due(verdict, "2026-12-31").text == "2027-01-01 (11 CCR 7200)"
    assert due(verdict, "2027-01-01").text == "within 30 days of the assessment"


def test_what_was_adopted_is_in_force_from_its_date_on() -> None:
    fields = {**EU_HEALTH, "compliance": {"regimes": ["eu_ai_act"], "ai_use": {"annex_iii": True}}}

    def status(day: str) -> str:
        inputs = Inputs(
            brief=brief_of(**fields), inventory=Inventory(), results={"security": AgentResult()}, day=day
        )
        dates: Any = AGENT.assess(inputs, silent).details["dates"]
        (found,) = [d["status"] for d in dates if d["date"] == "2027-12-02"]
        return str(found)

    assert [status("2027-12-01"), status("2027-12-02")] == ["adopted", "in_force"]


def test_all_ten_regimes_with_many_failures_stay_few_findings() -> None:
    many = [rule("IM-X-001", Status.FAIL, tag, resource=f"r{n}") for tag in TAGS for n in range(50)]
    result = run({"compliance": {"regimes": list(NAMES), "ai_use": {"annex_iii": True}}}, {"security": many})
    assert len(result.findings) < 100
    assert len(of_rule(result, "compliance.controls")) == len(NAMES)


def test_the_same_input_gives_the_same_bytes() -> None:
    fields = {
        **EU_HEALTH,
        "compliance": {
            "regimes": list(NAMES),
            "data_classes": ["payment", "health"],
            "data_residency": ["eu"],
        },
    }
    found = {"security": [rule("IM-X-001", Status.FAIL, tag) for tag in TAGS]}
    assert run(fields, found).to_json() == run(fields, found).to_json()
