"""A plan holds the state that it was made from: none of it is taken in, and nothing of the plan changes by that."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from infra_mind.artefacts import intake
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.artefacts.plan import without_state
from infra_mind.errors import FileLeftOut
from infra_mind.model.inventory import Artefact
from infra_mind.settings import IntakeLimits
from tests.unit.artefacts.plans import block, change, document, refers
from tests.unit.artefacts.texts import only_unread

SECRET = "hunter2-of-the-state"


def whole(indent: int | None = None) -> str:
    """A plan with the secret in every part of it that is of the state."""
    held = {"values": {"root_module": {"resources": [{"address": "aws_x.a", "values": {"note": SECRET}}]}}}
    entry = change("aws_x.a", {"name": "after", "size": 3}, actions=["update"], unknown={"id": True})
    entry["change"]["before"] = {"name": SECRET, "list": [SECRET, {"deep": SECRET}]}
    found = document(entry, blocks=[block("aws_x.a", {"name": refers("var.n")})], prior_state=held)
    found |= {
        "resource_drift": [entry],
        "output_changes": {"o": {"after": SECRET}},
        "deferred_changes": [{"reason": "x", "resource_change": {**entry, "address": "aws_x.b"}}],
        "variables": {"n": {"value": "after"}},
    }
    found["planned_values"] |= {"outputs": {"o": {"value": SECRET, "sensitive": True}}}
    return json.dumps(found, indent=indent)


@pytest.mark.parametrize("indent", [None, 2])
def test_the_plan_is_the_same_line_by_line_without_its_state(indent: int | None) -> None:
    text = whole(indent)
    cut = without_state(text)
    assert SECRET in text
    assert SECRET not in cut
    assert json.loads(cut)["resource_changes"][0]["change"]["after"] == {"name": "after", "size": 3}
    inventories = [build_inventory([Artefact(path="tfplan.json", content=t)]) for t in (text, cut)]
    assert [r.address for r in inventories[0].resources] == ["aws_x.a", "aws_x.b"]
    assert inventories[0] == inventories[1]


@pytest.mark.parametrize("path", ["tfplan.json", "a/Plan.JSON"])
def test_it_is_taken_out_at_the_door(path: str) -> None:
    for (artefact,) in (
        intake.from_inline([(path, whole())]),
        (intake.from_bytes(path, whole().encode()),),
        (intake.from_bytes(path, whole().encode("utf-16")),),
    ):
        assert artefact.content
        assert SECRET not in artefact.content


@pytest.mark.parametrize("is_plan", [True, False])
def test_the_limit_of_a_file_is_that_of_the_plan_without_its_state(tmp_path: Path, is_plan: bool) -> None:
    text = whole().replace(SECRET, SECRET * 100)
    limits = IntakeLimits(max_file=len(text) // 2)
    (tmp_path / "tfplan.json").write_text(text if is_plan else text.replace("format_version", "other"))
    with nullcontext() if is_plan else pytest.warns(FileLeftOut, match="larger than the limit"):
        (artefact,) = intake.collect(tmp_path, limits)
    assert (artefact.problem is None) is is_plan
    assert len(artefact.content or "") < limits.max_file


PLAN = '{"format_version": "1.2", "planned_values": {}, '


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", '{"prior_state": {"a": 1}}', '{"prior_state": "format_version planned_values"}', PLAN, PLAN + "}", PLAN + '"prior_state": }',
        PLAN + '"prior_state": ' + "[" * 100_000, PLAN + '"prior_state" {}}', PLAN + '"x": [[[]]]}', PLAN + '"prior_state": {}',
    ],
)  # fmt: skip
def test_what_is_no_plan_or_is_broken_stays_as_it_is(text: str) -> None:
    assert without_state(text) == text


@pytest.mark.parametrize("odd", [5, "x", None, [], [5, [[]], {"change": [{"after": 1}]}]])
def test_parts_of_another_type_are_no_error(odd: Any) -> None:
    text = json.dumps({"format_version": "1.2", "planned_values": odd, "resource_changes": odd})
    assert json.loads(without_state(text))["resource_changes"] == odd


def test_the_events_of_a_plan_are_no_plan_and_what_to_hand_in_is_said() -> None:
    """`terraform plan -json > tfplan.json` is easily taken for `terraform show -json tfplan > tfplan.json`."""
    text = '{"@level":"info","type":"version"}\n{"@level":"info","type":"planned_change"}\n'
    found = build_inventory([Artefact(path="tfplan.json", content=text)])
    assert only_unread(found).kind == "unsupported"
    assert "terraform show -json tfplan" in only_unread(found).reason
    assert found.files_read == 0
