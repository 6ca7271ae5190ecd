"""Two results side by side: what is the same has the same fingerprint, and gone is not fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.diff import compare, new_findings
from infra_mind.model.fact import Fact
from infra_mind.model.finding import (
    Evidence,
    Finding,
    Severity,
    Status,
    Suppression,
    make_finding,
    not_assessed,
)
from infra_mind.model.result import AgentResult, AssessmentResult
from tests.unit.reports import sample


def finding(resource: str, *, status: Status = Status.FAIL, line: int = 1, severity: Severity = Severity.HIGH, rule: str = "r") -> Finding:  # fmt: skip
    return make_finding(
        rule_id=rule, agent="security", title=f"about {resource}", status=status, severity=severity, resource=resource,
        evidence=(Evidence(artefact="main.tf", line_start=line),),
    )  # fmt: skip


def fact(fact_id: str, value: Any, unit: str = "USD/month") -> Fact:
    return Fact(id=fact_id, value=value, unit=unit, formula="given", source="test")


def result(findings: Sequence[Finding] = (), facts: Sequence[Fact] = (), **more: Any) -> AssessmentResult:
    agents = {"security": AgentResult(findings=tuple(findings)), "cost": AgentResult(facts=tuple(facts))}
    return sample.empty().model_copy(update={"agents": agents, **more})


def names(findings: Sequence[Finding]) -> list[str]:
    return [f.resource for f in findings]


def test_findings_are_new_fixed_and_unchanged_whatever_their_line() -> None:
    found = compare(
        result([finding("a", line=3), finding("b")]),
        result([finding("a", line=900), finding("c"), finding("b", status=Status.PASS)]),
    )
    assert (names(found.new), names(found.fixed), names(found.unchanged)) == (["c"], ["b"], ["a"])
    assert found.unchanged[0].evidence[0].line_start == 900
    assert found.unsettled == ()


def test_a_result_does_not_differ_from_itself() -> None:
    assert compare(sample.result(), sample.result()).is_empty
    assert len(compare(sample.result(), sample.result()).unchanged) == 3


@pytest.mark.parametrize("status", [Status.NOT_ASSESSED, Status.UNRESOLVABLE, Status.MANUAL])
def test_what_cannot_be_judged_any_more_is_not_fixed(status: Status) -> None:
    found = compare(result([finding("a")]), result([finding("a", status=status)]))
    assert (found.new, found.fixed) == ((), ())
    assert [(u.failed_in, u.finding.resource) for u in found.unsettled] == [("before", "a")]
    assert status.value in found.unsettled[0].why


def test_what_could_not_be_judged_before_is_not_new() -> None:
    found = compare(result([finding("a", status=Status.UNRESOLVABLE)]), result([finding("a")]))
    assert (found.new, found.unsettled[0].failed_in) == ((), "after")


def test_what_an_agent_that_gave_nothing_would_have_found_is_not_fixed() -> None:
    without = result().model_copy(update={"agents": {}})
    found = compare(result([finding("a")]), without)
    assert (found.fixed, names([u.finding for u in found.unsettled])) == ((), ["a"])


def test_a_finding_in_a_file_that_cannot_be_read_any_more_is_not_fixed() -> None:
    unread = not_assessed(agent="security", rule_id="readable", title="no", missing="main.tf")
    found = compare(result([finding("a")]), result([unread]))
    assert (found.fixed, [u.why for u in found.unsettled]) == ((), ["main.tf could not be read there"])


def test_nor_is_one_in_a_file_that_stands_behind_the_first_of_many_that_are_not_read() -> None:
    after = result()
    behind = after.model_copy(
        update={"coverage": after.coverage.model_copy(update={"unread": ("a.yaml", "main.tf")})}
    )
    found = compare(result([finding("a")]), behind)
    assert (found.fixed, [u.why for u in found.unsettled]) == ((), ["main.tf could not be read there"])


def of_brief(path: str, status: Status = Status.FAIL) -> Finding:
    return make_finding(
        rule_id="capacity.growth", agent="security", title="too few", status=status, severity=Severity.HIGH, resource="service api",
        value=path, evidence=(Evidence(artefact="brief", path=path, observed="1 server"),),
    )  # fmt: skip


@pytest.mark.parametrize("absent", ["services", "services.0", "services.0.servers"])
def test_what_rests_on_a_field_that_the_brief_gives_no_more_is_not_fixed(absent: str) -> None:
    gone = not_assessed(agent="security", rule_id="capacity.services", title="nothing", missing=absent)
    found = compare(result([of_brief("services.0.servers")]), result([gone]))
    assert found.fixed == ()
    assert [(u.finding.rule_id, u.why) for u in found.unsettled] == [
        ("capacity.growth", f"{absent} is not given there")
    ]


@pytest.mark.parametrize("given", ["", "m5.huge"])
def test_a_field_beside_it_or_one_that_no_table_knows_settles_nothing(given: str) -> None:
    beside = not_assessed(agent="security", rule_id="x", title="t", missing="services.0" if given else "services.1", given=given)  # fmt: skip
    found = compare(result([of_brief("services.0.servers")]), result([beside]))
    assert [f.rule_id for f in found.fixed] == ["capacity.growth"]


def test_a_suppressed_finding_is_not_fixed() -> None:
    accepted = finding("a").model_copy(update={"suppressed": Suppression(reason="on purpose", where="x:1")})
    found = compare(result([finding("a")]), result([accepted]))
    assert (found.fixed, [u.why for u in found.unsettled]) == ((), ["suppressed there: on purpose"])
    expired = accepted.model_copy(
        update={"suppressed": Suppression(reason="no more", where="x:1", expired=True)}
    )
    assert names(compare(result([finding("a")]), result([expired])).unchanged) == ["a"]


@pytest.mark.parametrize(
    ("before", "after", "change", "share"),
    [
        (100.0, 125.0, 25.0, 0.25), (-100.0, -50.0, 50.0, 0.5), (0.0, 5.0, 5.0, None), (8, 6, -2.0, -0.25), ("memory", "bandwidth", None, None),
        (False, True, None, None), (math.inf, 1.0, None, None),
    ],
)  # fmt: skip
def test_a_fact_that_moved_says_by_how_much(before: Any, after: Any, change: float | None, share: float | None) -> None:  # fmt: skip
    (moved,) = compare(result(facts=[fact("cost.x", before)]), result(facts=[fact("cost.x", after)])).facts
    assert (moved.before, moved.after, moved.unit, moved.change, moved.change_share) == (before, after, "USD/month", change, share)  # fmt: skip


def test_facts_that_come_go_or_change_their_unit_are_told() -> None:
    before = [fact("cost.gone", 1.0), fact("cost.unit", 1.0, "s"), fact("cost.same", math.nan)]
    after = [fact("cost.come", 2.0), fact("cost.unit", 1.0, "ms"), fact("cost.same", math.nan)]
    moved = {m.id: m for m in compare(result(facts=before), result(facts=after)).facts}
    assert sorted(moved) == ["cost.come", "cost.gone", "cost.unit"]
    assert (moved["cost.come"].before, moved["cost.gone"].after) == (None, None)
    assert (moved["cost.unit"].unit_before, moved["cost.unit"].unit, moved["cost.unit"].change) == ("s", "ms", None)  # fmt: skip


def test_recommendations_and_tables_that_moved() -> None:
    one, two = sample.recommendations()
    swapped = (two.model_copy(update={"rank": 1}), one.model_copy(update={"rank": 2}))
    before = sample.result()
    after = before.model_copy(
        update={"recommendations": swapped, "data_versions": {"aws_prices": {"as_of": "2026-11-01"}, "gpus": {"as_of": "2026-01-01"}}}
    )  # fmt: skip
    found = compare(before, after)
    assert [(m.id, m.rank_before, m.rank_after) for m in found.recommendations] == [("zones", 2, 1), ("close-letters", 1, 2)]  # fmt: skip
    assert [(t.name, (t.before or {}).get("as_of"), (t.after or {}).get("as_of")) for t in found.data_versions] == [
        ("aws_prices", "2026-10-01", "2026-11-01"), ("gpus", None, "2026-01-01"),
    ]  # fmt: skip


def test_a_failed_agent_is_noted() -> None:
    (note,) = compare(sample.result(), sample.result("partial")).notes
    assert "after: the agent compliance failed (MemoryError" in note


def test_results_of_different_things_and_of_different_versions_are_noted() -> None:
    one = result(provenance={"version": "0.1.0"})
    other = one.model_copy(
        update={
            "summary": one.summary.model_copy(update={"name": "Shop"}),
            "provenance": {"version": "0.2.0"},
        }
    )
    assert compare(one, one).notes == ()
    notes = compare(one, other).notes
    assert notes[0].startswith(f"the names differ, {one.summary.name} before and Shop after")
    assert notes[1].startswith("made by version 0.1.0 before and 0.2.0 after")


def test_a_baseline_passes_over_what_it_has_and_over_nothing_else() -> None:
    old = result([finding("a"), finding("b", status=Status.UNRESOLVABLE)])
    now = result([finding("a"), finding("b"), finding("c", severity=Severity.CRITICAL)])
    assert names(new_findings(old, now)) == ["c", "b"]
    assert new_findings(now, now) == ()


@given(st.sets(st.sampled_from("abcdefgh")), st.sets(st.sampled_from("abcdefgh")))
def test_every_finding_is_in_one_place_and_the_way_back_is_the_mirror(old: set[str], new: set[str]) -> None:
    one, two = (
        result([finding(name) for name in sorted(old)]),
        result([finding(name) for name in sorted(new)]),
    )
    there, back = compare(one, two), compare(two, one)
    assert set(names(there.new)) == new - old
    assert set(names(there.fixed)) == old - new
    assert set(names(there.unchanged)) == old & new
    assert (names(there.new), names(there.fixed)) == (names(back.fixed), names(back.new))
