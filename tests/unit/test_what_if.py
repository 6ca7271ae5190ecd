"""Patched briefs, and which agents a change really runs again."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from infra_mind.agents import NAMES
from infra_mind.assessment import input_parts
from infra_mind.client import read_submission
from infra_mind.diff import compare
from infra_mind.errors import BriefInvalid, OptionInvalid
from infra_mind.inprocess import TENANT, run_next
from infra_mind.model.brief import parse_brief
from infra_mind.model.result import AssessmentResult
from infra_mind.model.submission import Submission
from infra_mind.model.task import StartOptions
from infra_mind.tasks.memory import MemoryStore
from infra_mind.what_if import MOST_VARIANTS, merge_patch, put, variants

CLINIC = Path(__file__).resolve().parents[2] / "examples" / "clinic" / "brief.yaml"
BRIEF: dict[str, Any] = {
    "name": "One service",
    "budget": {"usd_per_month": 1000},
    "hosting": {"provider": "aws", "region": "eu-west-1", "nodes": [{"instance": "m5.xlarge", "count": 3}]},
}
BASE = Submission.of(parse_brief(BRIEF))


# RFC 7396, appendix A
@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_merge_patch_of_the_rfc(target: Any, patch: Any, merged: Any) -> None:
    before = copy.deepcopy(target)
    assert merge_patch(target, patch) == merged
    assert target == before


def test_a_value_is_put_where_its_path_says() -> None:
    before = copy.deepcopy(BRIEF)
    changed = put(BRIEF, "hosting.nodes.0.count", 5, "set")
    assert changed["hosting"]["nodes"] == [{"instance": "m5.xlarge", "count": 5}]
    assert before == BRIEF
    assert put({}, "budget.usd_per_month", 5, "set", create=True) == {"budget": {"usd_per_month": 5}}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("hosting.nodes.1.count", r"hosting\.nodes is a list of 1"), ("hosting.nodes.x.count", "a number from 0"), ("hosting.nodes.-1.count", "a number from 0"),
        ("hostin.region", "the brief has no 'hostin'; it has budget, hosting, name"), ("name.first", "name holds a single value"),
        ("budget..x", "is no path"), ("", "is no path"),
    ],
)  # fmt: skip
def test_a_path_that_is_not_there_says_which_part(path: str, says: str) -> None:
    with pytest.raises(OptionInvalid, match=says):
        variants(BASE, sweep={path: [1]})


def test_one_variant_for_each_combination_in_order() -> None:
    made = variants(BASE, {"goal": "Cheaper"}, None, {"hosting.nodes.0.count": [1, 2], "hosting.region": ["us-east-1", "us-west-2"]})  # fmt: skip
    assert [tuple(v.values.values()) for v in made] == [(1, "us-east-1"), (1, "us-west-2"), (2, "us-east-1"), (2, "us-west-2")]  # fmt: skip
    assert [v.changed for v in made] == [("goal", "hosting")] * 4
    assert made[0].name == "One service, what if hosting.nodes.0.count=1, hosting.region=us-east-1"
    assert made[0].submission.brief.name == "One service"


def test_too_many_variants_and_none_are_refused() -> None:
    with pytest.raises(OptionInvalid, match=f"at most {MOST_VARIANTS}"):
        variants(BASE, sweep={"hosting.nodes.0.count": list(range(1, MOST_VARIANTS + 2))})
    with pytest.raises(OptionInvalid, match="at least one value"):
        variants(BASE, sweep={"hosting.region": []})
    with pytest.raises(OptionInvalid, match="nothing would change"):
        variants(BASE, {"budget": {"usd_per_month": 1000}})


def test_a_sweep_may_come_by_what_the_base_has() -> None:
    """Whoever sweeps 2 to 4 servers wants the 3 of today among them."""
    made = variants(BASE, sweep={"hosting.nodes.0.count": [2, 3, 4]})
    assert [one.changed for one in made] == [("hosting",), (), ("hosting",)]
    assert made[1].name == "One service, what if hosting.nodes.0.count=3"
    with pytest.raises(OptionInvalid, match="nothing would change"):
        variants(BASE, sweep={"hosting.nodes.0.count": [3]})


def test_a_value_that_is_swept_twice_is_refused() -> None:
    with pytest.raises(OptionInvalid, match=r"hosting\.region: us-east-1 stands there twice"):
        variants(BASE, sweep={"hosting.region": ["us-east-1", "us-west-2", "us-east-1"]})


def test_an_item_is_named_by_its_number_or_by_its_name() -> None:
    base = {"services": [{"name": "api"}, {"name": "web", "servers": 2}]}
    for path in ("services.web.servers", "services.1.servers"):
        assert put(base, path, 3, "set") == {"services": [{"name": "api"}, {"name": "web", "servers": 3}]}
    with pytest.raises(OptionInvalid, match="services is a list of 2, so the next part is a number from 0 to 1, or a name: api, web"):  # fmt: skip
        put(base, "services.db.servers", 3, "set")


def test_set_puts_an_item_at_the_end_of_a_list_and_a_sweep_does_not() -> None:
    node = {"instance": "c5.large"}
    (made,) = variants(BASE, values={"hosting.nodes.1": node})
    assert made.submission.brief.hosting is not None
    assert [one.instance for one in made.submission.brief.hosting.nodes] == ["m5.xlarge", "c5.large"]
    for path, ways in (("hosting.nodes.2", {"values": {"hosting.nodes.2": node}}), ("hosting.nodes.1", {"sweep": {"hosting.nodes.1": [node]}})):  # fmt: skip
        with pytest.raises(OptionInvalid, match=f"{path}: hosting.nodes is a list of 1"):
            variants(BASE, **ways)


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        ({"values": {"hosting.nodes.0.count": 5}}, "hosting.nodes.0.count=5"),
        ({"patch": {"budget": {"usd_per_month": 5}, "goal": "Less"}}, "budget.usd_per_month=5, goal=Less"),
        ({"patch": {"hosting": None}}, "hosting=null"),
        ({"sweep": {"budget": [None]}}, "budget=null"),
        ({"sweep": {"hosting.nodes": [[{"instance": "m5.large", "count": 2}]]}}, 'hosting.nodes=[{"instance": "m5.large", "count": 2}]'),
        ({"values": {"goal": "long " * 20}}, "goal=long long long long long long long long…"),
    ],
)  # fmt: skip
def test_the_name_tells_what_was_changed_as_it_is_written(ways: dict[str, Any], told: str) -> None:
    (made,) = variants(BASE, **ways)
    assert made.name == f"One service, what if {told}"


@pytest.mark.parametrize(
    "ways", [{"patch": {"artefacts": None}}, {"values": {"artefacts.0.content": "x"}}, {"sweep": {"artefacts": [["x"]]}}]
)  # fmt: skip
def test_other_artefacts_are_refused_in_every_way(ways: dict[str, Any]) -> None:
    with pytest.raises(BriefInvalid, match="keeps the artefacts of its base"):
        variants(BASE, **ways)


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"hosting": {"provder": "gcp"}}, "hosting.provder"), ({"name": None}, "name"), ({"budget": {"usd_per_month": "much"}}, "budget.usd_per_month"),
        ({"artefacts": [{"path": "main.tf", "content": ""}]}, "artefacts"), ({"artefacts": "infra"}, "artefacts"),
    ],
)  # fmt: skip
def test_a_patched_brief_is_checked_like_any_other(patch: dict[str, Any], path: str) -> None:
    with pytest.raises(BriefInvalid) as refused:
        variants(BASE, patch)
    assert path in [p.path for p in refused.value.problems]


def test_only_the_hashes_of_what_changed_change() -> None:
    """What decides whether a kept result is still valid must not move with the way through the patch."""
    base = read_submission(CLINIC)
    (made,) = variants(base, {"budget": {"usd_per_month": 50_000}})
    before, after = input_parts(base.to_bytes()), input_parts(made.submission.to_bytes())
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {
        "budget"
    }


# -- which agents run -------------------------------------------------------------------------------------------------
async def run(store: MemoryStore, name: str, submission: Submission, kept_from: str | None = None) -> tuple[set[str], AssessmentResult]:  # fmt: skip
    """Runs it with the real agents; those that were run in truth (the others were kept), and the result."""
    await store.create_assessment(
        TENANT, f"as-{name}", name, submission.to_bytes(), len(submission.artefacts)
    )
    await store.accept(TENANT, f"as-{name}", f"ta-{name}", StartOptions(), NAMES, kept_from=kept_from)
    await run_next(store)
    agents = (await store.task(TENANT, f"ta-{name}")).info.agents
    assert {agent.state for agent in agents.values()} == {"DONE"}
    ran = {agent_name for agent_name, agent in agents.items() if agent.attempt > 0}
    return ran, AssessmentResult.model_validate_json(await store.result(TENANT, f"ta-{name}"))


async def test_only_agents_that_a_change_reaches_run_again_and_the_result_is_the_same() -> None:
    base, store = read_submission(CLINIC), MemoryStore()
    ran, first = await run(store, "base", base)
    assert ran == set(NAMES)

    (cheaper,) = variants(base, {"budget": {"usd_per_month": 20_000}})
    ran, second = await run(store, "cheaper", cheaper.submission, "ta-base")
    # research, cost, sustainability and strategy read the budget; adoption is told what cost says
    assert ran == {"research", "cost", "sustainability", "strategy", "adoption"}
    moved = {fact.id for fact in compare(first, second).facts}
    assert "cost.over_budget_usd_per_month" in moved
    assert second.assessment_id == "as-cheaper"

    (renamed,) = variants(base, {"name": "Another name"})
    ran, third = await run(store, "renamed", renamed.submission, "ta-base")
    assert (ran, third.summary.name) == (set(), "Another name")
    assert compare(first, third).is_empty

    fresh = await run(MemoryStore(), "cheaper", cheaper.submission)
    assert fresh[0] == set(NAMES)
    unlike = {"provenance"}  # times
    assert fresh[1].model_dump(exclude=unlike) == second.model_dump(exclude=unlike)
