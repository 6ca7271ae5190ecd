"""The result of an assessment: status, order, coverage, what is said first, and the same bytes for the same input."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.strategy import AGENT as STRATEGY
from infra_mind.model.brief import Brief, parse_brief
from infra_mind.model.fact import Fact, FactValue
from infra_mind.model.finding import (
    Finding,
    Severity,
    Status,
    Suppression,
    make_finding,
    not_assessed,
)
from infra_mind.model.inventory import Format, Inventory, Resource, UnreadFile
from infra_mind.model.result import (
    BILLED_BY_USE,
    AgentFailure,
    AgentResult,
    AssessmentResult,
    CostLine,
    Unpriced,
    without_price,
)
from infra_mind.summary import WITHOUT_STRATEGY
from infra_mind.synthesis import build_result

BRIEF: Brief = parse_brief({"name": "Clinic"})
FAILURE = AgentFailure(agent="cost", error_type="ValueError", message="no", attempt=3)


def finding(
    agent: str, rule: str, severity: Severity = Severity.MEDIUM, resource: str = "r", status: Status = Status.FAIL
) -> Finding:  # fmt: skip
    return make_finding(
        rule_id=rule, agent=agent, title=f"{rule} is wrong", status=status, severity=severity, resource=resource
    )  # fmt: skip


def fact(id_: str, value: FactValue, unit: str = "USD/month", **inputs: FactValue) -> Fact:
    return Fact(id=id_, value=value, unit=unit, formula="f", inputs=inputs, source="s")


def plain(text: str) -> str:
    """With spaces that may break."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def build(
    results: dict[str, AgentResult], *failures: AgentFailure, inventory: Inventory | None = None, **more: Any
) -> AssessmentResult:
    given: dict[str, Any] = {"provenance": {}, "data_versions": {}} | more
    return build_result(
        assessment_id="a1", brief=BRIEF, inventory=inventory or Inventory(), results=results, failures=failures, **given
    )  # fmt: skip


def with_strategy(results: dict[str, AgentResult]) -> dict[str, AgentResult]:
    return results | {"strategy": STRATEGY.assess(Inputs(brief=BRIEF, results=results), silent)}


FOUND = {
    "security": AgentResult(
        findings=(
            finding("security", "s.low", Severity.LOW, "a"),
            finding("security", "s.hole", Severity.CRITICAL, "z"),
            finding("security", "s.hole", Severity.CRITICAL, "b"),
            finding("security", "s.ok", Severity.CRITICAL, "c", Status.PASS),
        )
    ),
    "reliability": AgentResult(
        findings=(not_assessed(agent="reliability", rule_id="r.t", title="t", missing="availability.target"),),
        facts=(
            fact("reliability.availability", 0.99940, "share"),
            fact("reliability.downtime_minutes_per_year", 315.36, "minutes/year"),
        ),
    ),
}  # fmt: skip


def test_all_agents_done_is_completed() -> None:
    assert build(FOUND).status == "completed"


def test_one_failed_agent_is_partial_with_its_reason() -> None:
    result = build(FOUND, FAILURE)
    assert result.status == "partial"
    assert result.failures == (FAILURE,)
    assert result.coverage.agents_failed == ("cost",)
    assert any("cost agent failed (ValueError)" in s for s in result.summary.sentences)


def test_findings_stand_by_severity_then_address() -> None:
    found = [(f.severity.value, f.resource) for f in build(FOUND).agents["security"].findings]
    assert found == [("critical", "b"), ("critical", "c"), ("critical", "z"), ("low", "a")]


def test_the_headline_says_the_worst_and_what_to_do_first() -> None:
    result = build(FOUND, FAILURE)
    assert result.summary.findings == {"critical": 2, "high": 0, "medium": 0, "low": 1, "info": 0}
    assert result.summary.headline == (
        "2 critical and 1 low findings; first: s.hole is wrong (2 places); partial: 1 agent failed."
    )


def test_nothing_assessed_is_not_called_clean() -> None:
    assert build({"r": FOUND["reliability"]}).summary.headline == (
        "Nothing could be judged: 1 check not assessed."
    )


def test_a_pass_among_what_is_open_is_no_verdict_on_the_rest() -> None:
    passed = AgentResult(findings=(finding("security", "s.ok", status=Status.PASS),))
    headline = build({"security": passed, "r": FOUND["reliability"]}).summary.headline
    assert headline == "No failed finding, 1 check not assessed."


def costs(total: float, budget: float, unpriced: int = 0) -> dict[str, AgentResult]:
    facts = [fact("cost.total_usd_per_month", total, unpriced=unpriced)]
    if total > budget or not unpriced:
        facts.append(fact("cost.over_budget_usd_per_month", max(0.0, total - budget)))
    used = fact("strategy.budget_used", total / budget, "share", usd_per_month=budget)
    return {"cost": AgentResult(facts=tuple(facts)), "strategy": AgentResult(facts=(used,))}


@pytest.mark.parametrize(
    ("said", "total", "unpriced"),
    [
        ("Within the budget: $ 42 703.86 of $ 60 000.00 a month", 42_703.86, 0),
        (
            "Within the budget as far as it is priced: at least $ 42 703.86 of $ 60 000.00 a month",
            42_703.86,
            2,
        ),
        ("$ 2 500.00 a month over the budget of $ 60 000.00", 62_500.0, 0),
        ("At least $ 2 500.00 a month over the budget of $ 60 000.00", 62_500.0, 3),
    ],
)
def test_the_headline_begins_with_the_budget(said: str, total: float, unpriced: int) -> None:
    assert plain(build(costs(total, 60_000.0, unpriced)).summary.headline).split("; ")[0] == said


@pytest.mark.parametrize(
    ("left_out", "said"), [(0, "Operation emits 7 kg"), (2, "Operation emits at least 7 kg")]
)
def test_carbon_that_lacks_a_part_is_called_a_lower_bound(left_out: int, said: str) -> None:
    carbon = fact("sustainability.kgco2e_per_month", 7.0, "kgCO2e/month", left_out=left_out)
    sentences = build({"sustainability": AgentResult(facts=(carbon,))}).summary.sentences
    assert any(plain(s).startswith(said) for s in sentences), sentences


def test_the_age_of_the_total_is_said() -> None:
    total = fact("cost.total_usd_per_month", 10.0).model_copy(update={"as_of": "2025-03-02"})
    said = build({"cost": AgentResult(facts=(total,))}).summary.sentences
    assert "The oldest list price is of 2025-03-02 in the total (`cost.total_usd_per_month`)." in said


def test_what_the_files_order_is_said_with_what_it_lacks_and_how_old_its_prices_are() -> None:
    bill = fact("cost.artefacts_usd_per_month", 1846.03, unpriced=7).model_copy(
        update={"as_of": "2021-08-03"}
    )
    said = [plain(s) for s in build({"cost": AgentResult(facts=(bill,))}).summary.sentences]
    assert said[:2] == [
        "What the files order would cost at least $ 1 846.03 a month, in no total (`cost.artefacts_usd_per_month`).",
        "The oldest list price is of 2021-08-03 in what the files order (`cost.artefacts_usd_per_month`).",
    ]


def test_lines_with_an_old_price_are_counted() -> None:
    line = CostLine(what="node", sku="m5.large", quantity=1, unit="hour", usd_per_unit=1.0, usd_per_month=1.0,
                    source="list", as_of="2025-01-01", old=True, origin="brief")  # fmt: skip
    recent = line.model_copy(update={"old": False})
    said = build({"cost": AgentResult(cost_lines=(line, recent, recent))}).summary.sentences
    assert said[0] == "1 of 3 lines has a price more than a year older than the newest list."
    assert not any("older" in s for s in build({"cost": AgentResult(cost_lines=(recent,))}).summary.sentences)


def test_the_ages_of_all_prices_are_one_sentence_with_its_facts() -> None:
    line = CostLine(what="node", sku="m5.large", quantity=1, unit="hour", usd_per_unit=1.0, usd_per_month=1.0,
                    source="list", as_of="2025-01-01", old=True, origin="brief")  # fmt: skip
    sums = {"cost.total_usd_per_month": "2025-01-01", "cost.artefacts_usd_per_month": "2021-08-03"}
    facts = tuple(fact(i, 10.0).model_copy(update={"as_of": day}) for i, day in sums.items())
    said = build({"cost": AgentResult(facts=facts, cost_lines=(line,))}).summary.sentences
    assert [s for s in said if "price" in s] == [
        "The oldest list price is of 2025-01-01 in the total (`cost.total_usd_per_month`) and of 2021-08-03 in what the files order "
        "(`cost.artefacts_usd_per_month`); 1 of 1 line has a price more than a year older than the newest list."
    ]


def test_lines_without_a_price_are_counted_by_kind() -> None:
    line = CostLine(what="node", sku="m5.large", quantity=1, unit="hour", usd_per_unit=1.0, usd_per_month=1.0,
                    source="list", as_of="2026-01-01", origin="brief")  # fmt: skip
    kinds = ("llm_api", "aws_nat_gateway", "llm_api")
    unpriced = tuple(Unpriced(what=f"thing {n}", kind=kind, reason="none") for n, kind in enumerate(kinds))
    said = build({"cost": AgentResult(cost_lines=(line,), unpriced=unpriced)}).summary.sentences
    assert said[0] == (
        "Not in any total, for want of a dated price: 3 of 4 lines (`cost.unpriced_count`): 2 llm_api, 1 aws_nat_gateway."
    )


def test_what_is_billed_by_use_is_told_apart_from_what_has_no_price() -> None:
    things = [Unpriced(what="a", kind="aws_s3_bucket", reason=f"{BILLED_BY_USE}; list price in eu-west-1"), Unpriced(what="b", kind="llm_api", reason="none")]  # fmt: skip
    assert without_price(1, things) == (
        "2 of 3 lines have no dated price, 1 of them billed by use: 1 aws_s3_bucket, 1 llm_api"
    )
    said = build({"cost": AgentResult(unpriced=tuple(things))}).summary.sentences
    assert said[0] == (
        "Not in any total, for want of a dated price: 2 of 2 lines (`cost.unpriced_count`), 1 of them billed by use: 1 aws_s3_bucket, 1 llm_api."
    )


def test_without_a_budget_the_headline_has_the_total() -> None:
    result = build({"cost": AgentResult(facts=(fact("cost.total_usd_per_month", 10.0, unpriced=1),))})
    assert plain(result.summary.headline).startswith("At least $ 10.00 a month; ")


@pytest.mark.parametrize(("status", "word"), [(Status.FAIL, "Misses"), (Status.PASS, "Meets")])
def test_the_headline_has_availability_against_target(status: Status, word: str) -> None:
    allowed = fact("reliability.allowed_downtime_minutes_per_year", 525.6, "minutes/year", target=0.999)
    reached = fact("reliability.availability", 0.9994, "share")
    judged = finding("reliability", "reliability.target", status=status)
    result = build({"reliability": AgentResult(facts=(allowed, reached), findings=(judged,))})
    expected = f"{word} the availability target of 99.9 % with 99.94 %; "
    assert plain(result.summary.headline).startswith(expected)


def test_the_headline_does_not_repeat_the_name() -> None:
    assert BRIEF.name not in build(FOUND).summary.headline


def test_coverage_names_fields_and_files() -> None:
    later = UnreadFile(artefact="main.tf", reason="remote", line=4, kind="remote_module")
    unread = (UnreadFile(artefact="x.yaml", reason="broken"), later)
    coverage = build(FOUND, inventory=Inventory(files=3, files_read=2, unread=unread)).coverage
    assert (coverage.files, coverage.files_read) == (3, 2)
    assert coverage.not_assessed == ("availability.target", "main.tf", "x.yaml")
    assert coverage.unread == ("x.yaml",)
    assert coverage.checks_by_status == {"fail": 3, "pass": 1, "not_assessed": 1, "unresolvable": 0, "manual": 0}  # fmt: skip
    assert coverage.agents_done == ("reliability", "security")


def test_recommendations_are_the_strategys() -> None:
    results = with_strategy(FOUND)
    result = build(results)
    assert result.recommendations == results["strategy"].recommendations
    assert result.recommendations[0].id == "s.hole"
    assert WITHOUT_STRATEGY not in result.summary.sentences


def test_without_strategy_severity_ranks_and_it_is_said() -> None:
    result = build(FOUND, AgentFailure(agent="strategy", error_type="E", message="m", attempt=1))
    assert [(r.rank, r.id, r.utility) for r in result.recommendations] == [
        (1, "s.hole", 1.0),
        (2, "s.low", 0.25),
    ]
    assert WITHOUT_STRATEGY in result.summary.sentences


def test_key_facts_are_those_that_exist_in_order_of_interest() -> None:
    facts = tuple(
        fact(i, 1.0)
        for i in (
            "cloud.resources",
            "capacity.b.servers",
            "capacity.a.servers",
            "capacity.a.p_wait",
            "cost.total_usd_per_month",
        )
    )
    result = build({"x": AgentResult(facts=facts)})  # fmt: skip
    assert result.summary.key_facts == ("cost.total_usd_per_month", "capacity.a.servers", "capacity.b.servers", "cloud.resources")  # fmt: skip


def test_sentences_are_made_from_facts_and_name_them() -> None:
    sentences = [plain(s) for s in build(FOUND).summary.sentences]
    assert "The path of a request is available 99.94 % of the time (`reliability.availability`)." in sentences
    assert "It is down 315.36 min a year (`reliability.downtime_minutes_per_year`)." in sentences


@pytest.mark.parametrize(("value", "said"), [(0.0, False), (-5.0, False), (7.0, True)])
def test_over_budget_is_only_said_when_it_is(value: float, said: bool) -> None:
    result = build({"cost": AgentResult(facts=(fact("cost.over_budget_usd_per_month", value),))})
    assert any("Over the budget" in s for s in result.summary.sentences) is said


def test_the_inventory_is_shown_without_its_values() -> None:
    resource = Resource(
        address="a.b", block="a.b", format=Format.TERRAFORM, kind="a", name="b", artefact="m.tf", line_start=1,
        line_end=2, values={"password": "hunter2-hunter2"},
    )  # fmt: skip
    result = build({}, inventory=Inventory(resources=(resource,), files=1, files_read=1))
    assert [r.address for r in result.inventory] == ["a.b"]
    assert b"hunter2" not in result.to_json()


def test_models_of_the_brief_are_named_with_the_id_that_is_known() -> None:
    brief = parse_brief({
        "name": "b",
        "llm_serving": [{"name": "a", "model": "META-LLAMA/Llama-3.1-8B-Instruct"}, {"name": "b", "model": "our own"}],
        "training": [{"name": "tune", "parameters": 1e9}],
        "llm_api": [{"name": "c", "model": "gpt-5"}],
    })  # fmt: skip
    result = build_result(
        assessment_id="a1", brief=brief, inventory=Inventory(), results={}, failures=(), provenance={}, data_versions={}
    )  # fmt: skip
    assert [(m.name, m.known_as, m.use, m.path) for m in result.models] == [
        ("META-LLAMA/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct", "served", "llm_serving.0.model"),
        ("our own", "", "served", "llm_serving.1.model"),
        ("tune", "", "trained", "training.0.name"),
        ("gpt-5", "", "rented", "llm_api.0.model"),
    ]  # fmt: skip


def test_images_of_the_artefacts_are_part_of_the_result() -> None:
    service = Resource(
        address="service/web", block="service/web", format=Format.COMPOSE, kind="service", name="web", artefact="compose.yaml",
        line_start=2, line_end=3, values={"image": "nginx:1.27"},
    )  # fmt: skip
    result = build({}, inventory=Inventory(resources=(service,), files=1, files_read=1))
    assert [(i.name, i.tag, i.artefact, i.line_start) for i in result.images] == [
        ("nginx", "1.27", "compose.yaml", 2)
    ]


def test_the_order_of_what_comes_in_does_not_matter() -> None:
    other = AgentFailure(agent="adoption", error_type="E", message="m", attempt=1)
    versions = {"b": {"y": "1", "x": "2"}, "a": {"z": "3"}}
    turned = {"a": {"z": "3"}, "b": {"x": "2", "y": "1"}}
    one = build(FOUND, FAILURE, other, data_versions=versions)
    two = build(dict(reversed(FOUND.items())), other, FAILURE, data_versions=turned)
    assert one.to_json() == two.to_json()


def test_what_the_headline_said_of_the_budget_is_not_said_again() -> None:
    over = finding("cost", "cost.over-budget", Severity.HIGH)
    result = build({"cost": AgentResult(findings=(over,), facts=costs(90.0, 60.0)["cost"].facts)})
    assert plain(result.summary.headline) == "$ 30.00 a month over the budget; 1 high finding."


def accepted(finding: Finding, expired: bool = False) -> Finding:
    said = Suppression(reason="known", where="main.tf:3", until="2026-01-31", expired=expired)
    return finding.model_copy(update={"suppressed": said})


def test_a_suppressed_failure_is_shown_and_counts_nowhere() -> None:
    hole = accepted(finding("security", "s.hole", Severity.CRITICAL))
    results = {
        "security": AgentResult(
            findings=(hole, finding("security", "s.low", Severity.LOW, status=Status.PASS))
        )
    }
    result = build(with_strategy(results))
    assert result.agents["security"].findings[0].suppressed == hole.suppressed
    assert (result.summary.suppressed, result.summary.findings["critical"]) == ((hole.id,), 0)
    assert result.recommendations == ()
    assert (result.coverage.checks_by_status["fail"], result.coverage.checks_by_status["suppressed"]) == (0, 1)  # fmt: skip
    assert result.summary.headline.startswith("No failed finding, 1 suppressed")
    assert f"Suppressed, shown and in no score: 1 failed finding, `{hole.id}`." in result.summary.sentences


def test_a_suppression_that_has_ended_counts_again_and_is_said() -> None:
    hole = accepted(finding("security", "s.hole", Severity.CRITICAL), expired=True)
    result = build(with_strategy({"security": AgentResult(findings=(hole,))}))
    assert (result.summary.suppressed, result.summary.findings["critical"]) == ((), 1)
    assert [r.id for r in result.recommendations] == ["s.hole"]
    assert f"A suppression has ended: 1 finding counts again, `{hole.id}`." in result.summary.sentences


def test_the_summary_names_what_comes_next_and_not_the_first_again() -> None:
    rules = ("s.a", "s.b", "s.c", "s.d")
    found = tuple(finding("security", rule, Severity.HIGH) for rule in rules)
    result = build(with_strategy({"security": AgentResult(findings=found)}))
    first = result.recommendations[0].title
    assert result.summary.headline.endswith(f"first: {first}.")
    assert not any(first in sentence for sentence in result.summary.sentences)
    assert (
        "Of 4 recommendations (`strategy.options`) the next are: 2. s.b is wrong; 3. s.c is wrong."
        in result.summary.sentences
    )
    assert "The first, `s.a`, is a tie with `s.b`, `s.c`, `s.d`." in result.summary.sentences


def test_the_roadmap_says_what_the_team_can_do() -> None:
    result = build(with_strategy({"security": AgentResult(findings=(finding("security", "s.a"),))}))
    said = [plain(s) for s in result.summary.sentences if "person-days" in s]
    assert said == [
        "The work is 0.5 person-days (`strategy.roadmap.person_days`), and there are 4.3 in 30 days "
        "(`strategy.roadmap.capacity_person_days_per_30_days`): 1 within 30 days."
    ]


def test_what_the_headline_said_is_not_a_sentence_and_none_of_nothing_is_a_figure() -> None:
    result = build(costs(10.0, 60.0))
    assert "Within the budget" in result.summary.headline
    assert not any("What has a price" in s for s in result.summary.sentences)
    assert "cost.over_budget_usd_per_month" not in result.summary.key_facts
