"""The capacity agent: what one service with known values gives, what is missing, and that nothing is made up."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.capacity import AGENT
from infra_mind.model.brief import Brief, parse_brief
from infra_mind.model.finding import Finding, Severity, Status
from infra_mind.model.result import AgentResult

KNOWN: dict[str, Any] = {
    "name": "desk",
    "arrivals_per_s": 0.2,
    "service_time_s": 240.0,
    "servers": 55,
    "wait_within_s": 15.0,
    "wait_percentile": 0.8,
}


def brief(*services: dict[str, Any], **more: Any) -> Brief:
    return parse_brief({"name": "t", "services": list(services), **more})


def assess(*services: dict[str, Any], **more: Any) -> AgentResult:
    return AGENT.assess(Inputs(brief=brief(*services, **more)), silent)


def values(result: AgentResult) -> dict[str, Any]:
    return {fact.id: fact.value for fact in result.facts}


def findings(result: AgentResult, rule_id: str) -> list[Finding]:
    return [f for f in result.findings if f.rule_id == rule_id]


def test_the_published_example_of_erlang_c() -> None:
    found = values(assess(KNOWN))
    assert found["capacity.desk.offered_load"] == 48
    assert found["capacity.desk.p_wait"] == pytest.approx(0.2387, abs=5e-5)
    assert found["capacity.desk.mean_wait_s"] == pytest.approx(8.18, abs=5e-3)
    assert found["capacity.desk.p_within"] == pytest.approx(0.8459, abs=5e-5)
    assert found["capacity.desk.servers"] == 55


def test_every_fact_says_how_it_was_reckoned() -> None:
    for fact in assess(KNOWN | {"service_sigma": 0.1}).facts:
        assert fact.formula
        assert fact.inputs
        assert fact.source


@pytest.mark.parametrize(
    ("percentile", "status"), [(0.80, Status.PASS), (0.84, Status.PASS), (0.85, Status.FAIL)]
)
def test_the_wait_target_is_judged_at_the_servers_of_today(percentile: float, status: Status) -> None:
    (finding,) = findings(assess(KNOWN | {"wait_percentile": percentile}), "capacity.wait-target")
    assert finding.status is status


@pytest.mark.parametrize("servers", [40, 48])
def test_a_saturated_service_has_no_wait_at_all(servers: int) -> None:
    result = assess(KNOWN | {"servers": servers})
    (finding,) = findings(result, "capacity.saturated")
    assert (finding.status, finding.severity) == (Status.FAIL, Severity.CRITICAL)
    assert {"capacity.desk.p_wait", "capacity.desk.mean_wait_s", "capacity.desk.p_within"}.isdisjoint(
        values(result)
    )
    assert values(result)["capacity.desk.servers"] == 55


def test_the_border_of_saturation_is_exact_in_decimals() -> None:
    # In binary 0.1 × 30 is a bit above 3 for some pairs; the brief's decimals say exactly 3.
    result = assess({"name": "x", "arrivals_per_s": 1.1, "service_time_s": 3.0, "servers": 4})
    assert values(result)["capacity.x.offered_load"] == 3.3
    assert findings(
        assess({"name": "x", "arrivals_per_s": 0.1, "service_time_s": 30.0, "servers": 3}),
        "capacity.saturated",
    )


@pytest.mark.parametrize("missing", ["wait_within_s", "wait_percentile"])
def test_without_a_target_only_the_number_of_servers_is_left_open(missing: str) -> None:
    result = assess({k: v for k, v in KNOWN.items() if k != missing})
    (finding,) = findings(result, "capacity.servers")
    assert finding.status is Status.NOT_ASSESSED
    assert finding.evidence[0].path == f"services.0.{missing}"
    found = values(result)
    assert "capacity.desk.servers" not in found
    assert found["capacity.desk.p_wait"] == pytest.approx(0.2387, abs=5e-5)


def test_without_servers_only_the_wait_of_today_is_left_open() -> None:
    result = assess({k: v for k, v in KNOWN.items() if k != "servers"})
    (finding,) = findings(result, "capacity.wait")
    assert finding.evidence[0].path == "services.0.servers"
    assert "capacity.desk.p_wait" not in values(result)
    assert values(result)["capacity.desk.servers"] == 55


def test_no_services_is_not_assessed() -> None:
    (finding,) = assess().findings
    assert (finding.status, finding.resource) == (Status.NOT_ASSESSED, "services")


def test_percentiles_come_with_sigmas_only() -> None:
    assert "capacity.desk.servers_p50" not in values(assess(KNOWN))
    found = values(assess(KNOWN | {"arrivals_sigma": 0.2, "service_sigma": 0.1}))
    low, middle, high = (found[f"capacity.desk.servers_p{p}"] for p in (5, 50, 95))
    assert low < middle < high
    assert middle == pytest.approx(found["capacity.desk.servers"], rel=0.03)


def test_the_tornado_puts_the_widest_input_first() -> None:
    rows = assess(KNOWN | {"arrivals_sigma": 0.05, "service_sigma": 0.3}).details["tornado"]["desk"]
    assert [row["field"] for row in rows] == ["service_time_s", "arrivals_per_s"]
    assert rows[0]["swing"] == rows[0]["servers_high"] - rows[0]["servers_low"]
    assert rows[0]["swing"] > rows[1]["swing"] > 0


def test_growth_is_linear_in_users_and_named_as_an_assumption() -> None:
    growth = {"growth": {"users_now": 100, "users_in_12_months": 150}}
    result = assess(KNOWN, organisation=growth)
    assert values(result)["capacity.desk.offered_load_in_12_months"] == pytest.approx(72.0)
    assert values(result)["capacity.desk.servers_in_12_months"] > 72
    assert findings(result, "capacity.growth")[0].status is Status.FAIL
    assert "capacity.growth_is_linear" in {a.id for a in result.assumptions}


@pytest.mark.parametrize(
    ("growth", "missing"),
    [({"users_in_12_months": 5}, "users_now"), ({"users_now": 0, "users_in_12_months": 5}, "users_now"),
     ({"users_now": 5}, "users_in_12_months")],
)  # fmt: skip
def test_growth_without_its_numbers_is_not_assessed(growth: dict[str, int], missing: str) -> None:
    (finding,) = findings(assess(KNOWN, organisation={"growth": growth}), "capacity.growth")
    assert finding.status is Status.NOT_ASSESSED
    assert finding.evidence[0].path == f"organisation.growth.{missing}"


def test_names_with_spaces_stay_apart() -> None:
    ids = values(assess(KNOWN | {"name": "a b"}, KNOWN | {"name": "a_b"}))
    assert "capacity.a_b.servers" in ids
    assert "capacity.a_b_2.servers" in ids


def test_progress_goes_on_with_the_samples() -> None:
    seen: list[tuple[int, int]] = []
    inputs = Inputs(brief=brief(KNOWN | {"arrivals_sigma": 0.2}, KNOWN | {"name": "b"}))
    AGENT.assess(inputs, lambda done, total, _note="": seen.append((done, total)))
    assert [done for done, _ in seen] == [1, 2, 3]
    assert {total for _, total in seen} == {3}


SCRIPT = """
from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.capacity import AGENT
from infra_mind.model.brief import parse_brief
service = {"name": "s", "arrivals_per_s": 7.0, "service_time_s": 0.9, "servers": 9, "wait_within_s": 0.1,
           "wait_percentile": 0.9, "arrivals_sigma": 0.3, "service_sigma": 0.2}
brief = parse_brief({"name": "t", "services": [service]})
print(AGENT.assess(Inputs(brief=brief), silent).model_dump_json())
"""


def test_the_same_service_gives_the_same_bytes_in_every_process() -> None:
    def run(hash_seed: str) -> bytes:
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, check=True).stdout

    first = run("1")
    assert b"servers_p95" in first
    assert run("2") == first


def test_without_a_target_the_least_number_that_can_do_the_work_is_a_whole_one() -> None:
    service = {"name": "api", "arrivals_per_s": 40, "service_time_s": 0.12, "servers": 2}
    result = AGENT.assess(Inputs(brief=parse_brief({"name": "x", "services": [service]})), silent)
    (found,) = [f for f in result.findings if f.rule_id == "capacity.saturated"]
    assert found.evidence[0].expected == "at least 5 servers are needed"


def test_what_cannot_be_judged_any_more_is_about_the_same_service() -> None:
    """So a comparison of two assessments does not take a growth that is given no more for one that is met."""
    service = {"name": "api", "arrivals_per_s": 40, "service_time_s": 0.12, "servers": 8, "wait_within_s": 0.1, "wait_percentile": 0.95}  # fmt: skip
    growing = {"organisation": {"growth": {"users_now": 1, "users_in_12_months": 9}}}
    resources = []
    for more in (growing, {}):
        brief = parse_brief({"name": "x", "services": [service], **more})
        findings = AGENT.assess(Inputs(brief=brief), silent).findings
        resources += [f.resource for f in findings if f.rule_id == "capacity.growth"]
    assert resources == ["service api"] * 2
