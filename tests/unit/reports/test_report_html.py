"""The HTML report: nothing hostile gets through, nothing is lost, nothing is loaded."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from infra_mind.model.result import AssessmentResult
from infra_mind.reports.facts import FactBook
from infra_mind.reports.html import KINDS, diff_lines, prose, render, scalar
from infra_mind.reports.text import web_link
from tests.unit.reports import sample
from tests.unit.reports.page import Page

HOSTILE = "</style></script>\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}{% raw %}&amp;"
FREE_TEXT = {
    "name", "headline", "sentences", "title", "text", "artefact", "path", "observed", "expected", "patch", "message",
    "error_type", "resource", "rule_id", "formula", "source", "what", "address", "sku", "reason", "region", "provider",
    "control_ids", "references", "not_assessed", "kind", "tie_with", "field", "assessment_id", "input", "engine", "unit",
    "format", "counts", "used_in",
}  # fmt: skip


def poisoned(text: str, status: str = "partial") -> AssessmentResult:
    """The sample with `text` in every field that a brief, an artefact or an error may fill."""

    def replace(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {k: replace(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [replace(v, key) for v in value]
        return text if isinstance(value, str) and key in FREE_TEXT else value

    return AssessmentResult.model_validate(replace(json.loads(sample.result(status).to_json()), ""))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[sample.result, lambda: sample.result("partial"), sample.empty, lambda: poisoned(HOSTILE)],
                ids=["whole", "partial", "empty", "hostile"])  # fmt: skip
def any_result(request: pytest.FixtureRequest) -> AssessmentResult:
    make: Callable[[], AssessmentResult] = request.param
    return make()


def test_is_well_formed_with_ids_that_are_unique_and_links_that_lead_somewhere(
    any_result: AssessmentResult, kind: str
) -> None:
    page = Page(render(any_result, kind))
    assert len(page.ids) == len(set(page.ids))
    inside = [href[1:] for href in page.values("href") if href.startswith("#")]
    assert set(inside) <= set(page.ids)


def test_is_accessible(any_result: AssessmentResult, kind: str) -> None:
    html = render(any_result, kind)
    page = Page(html)
    assert html.index('class="up"') < html.index(
        "</footer>"
    )  # nothing but the skip link stands outside of a landmark
    assert page.count("table") == page.count("caption")
    assert page.count("h1") == 1
    assert all("scope" in attrs for tag, attrs in page.elements if tag == "th")
    assert all("aria-label" in attrs for tag, attrs in page.elements if tag == "svg")
    assert set(page.values("aria-labelledby")) <= set(page.ids)
    levels = [int(tag[1]) for tag, _ in page.elements if tag in {"h1", "h2", "h3", "h4"}]
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


def test_hostile_text_adds_no_element_and_no_attribute(kind: str) -> None:
    page, plain = Page(render(poisoned(HOSTILE), kind)), Page(render(poisoned("plain"), kind))
    assert [(tag, sorted(attrs)) for tag, attrs in page.elements] == [
        (tag, sorted(attrs)) for tag, attrs in plain.elements
    ]
    assert page.raw == plain.raw
    assert HOSTILE in page.text


def test_hostile_text_is_shown_whole_in_titles_paths_and_patches() -> None:
    text = Page(render(poisoned(HOSTILE), "full")).text
    assert text.count(HOSTILE) > 50


@pytest.mark.parametrize("bad", ["\x00", "\x1b[2J", "\u202e", "\u2066", "\ud800"])
def test_control_characters_are_shown_as_replaced(bad: str) -> None:
    result = sample.result()
    summary = result.summary.model_copy(update={"name": f"a{bad}b"})
    html = render(result.model_copy(update={"summary": summary}))
    assert bad[0] not in html
    assert "a\ufffd" in html
    html.encode()


def test_loads_nothing_from_anywhere(any_result: AssessmentResult, kind: str) -> None:
    page = Page(render(any_result, kind))
    loading = {
        "src",
        "srcset",
        "data",
        "poster",
        "background",
        "action",
        "formaction",
        "style",
        "ping",
        "xlink:href",
    }
    assert not loading & {name for _, attrs in page.elements for name in attrs}
    assert not {"link", "img", "iframe", "object", "embed", "base", "image", "use"} & {
        tag for tag, _ in page.elements
    }
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert "url(" not in "".join(page.raw["style"])
    assert "@import" not in "".join(page.raw["style"])


def test_links_that_leave_the_page_carry_noopener(any_result: AssessmentResult, kind: str) -> None:
    page = Page(render(any_result, kind))
    out = [attrs for tag, attrs in page.elements if tag == "a" and not (attrs["href"] or "").startswith("#")]
    assert all(
        (attrs["href"] or "").startswith("https://") and "noopener" in (attrs["rel"] or "") for attrs in out
    )


def test_a_reference_that_is_a_link_is_one() -> None:
    assert any(
        href.startswith("https://docs.aws.amazon.com/")
        for href in Page(render(sample.result())).values("href")
    )


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//host/x", "https://", "http://[", "ftp://host/x", " https://host", "https://host/\u202ex", "CIS 1.2"])  # fmt: skip
def test_only_web_addresses_become_links(bad: str) -> None:
    assert web_link(bad) is None


def test_the_policy_allows_this_style_and_this_script_only() -> None:
    page = Page(render(sample.result()))
    policy = next(
        attrs["content"] or "" for tag, attrs in page.elements if tag == "meta" and "http-equiv" in attrs
    )
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256("".join(page.raw[tag]).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("kind", ["full", "technical"])
def test_every_fact_is_there_with_formula_source_and_date(kind: str) -> None:
    result = sample.result()
    page = Page(render(result, kind))
    views = FactBook(result).views
    assert len(views) == sum(len(given.facts) for given in result.agents.values())
    for view in views:
        assert view.anchor in page.ids
        for shown in (
            view.fact.id,
            view.shown.number,
            view.fact.formula,
            view.fact.source,
            view.fact.as_of or "",
        ):
            assert shown in page.text


def test_every_figure_of_every_kind_leads_to_its_fact(kind: str) -> None:
    page = Page(render(sample.result(), kind))
    numbers = [attrs["href"] for tag, attrs in page.elements if tag == "a" and attrs.get("class") == "num"]
    assert len(numbers) >= len(sample.result().summary.key_facts)
    key = {f"#fact-{fact_id}" for fact_id in sample.result().summary.key_facts}
    assert key <= set(numbers)


def test_an_input_that_is_a_fact_leads_to_it() -> None:
    hrefs = Page(render(sample.result(), "cost")).values("href")
    assert "#fact-cost.hosting.m5.xlarge.usd_per_month" in hrefs
    assert "#fact-mlops.serving.assistant.parameters" in hrefs


PARTS = {
    "executive": ({"overview", "recommendations", "cost", "availability", "coverage", "facts", "origin"}, {"findings", "inventory"}),
    "technical": ({"overview", "recommendations", "findings", "coverage", "assumptions", "inventory", "facts"}, {"cost"}),
    "cost": ({"overview", "recommendations", "cost", "facts"}, {"inventory", "availability"}),
    "compliance": ({"overview", "findings", "coverage", "facts"}, {"cost", "inventory", "recommendations"}),
    "full": ({"overview", "recommendations", "cost", "availability", "findings", "coverage", "assumptions", "inventory", "facts", "origin"}, set[str]()),
}  # fmt: skip


def test_each_kind_has_its_parts_and_no_others(kind: str) -> None:
    wanted, unwanted = PARTS[kind]
    ids = set(Page(render(sample.result(), kind)).ids)
    assert wanted <= ids
    assert not unwanted & ids


def test_findings_tell_where_what_and_how_to_mend() -> None:
    text = Page(render(sample.result())).text
    for shown in (
        "terraform/aws/compute.tf:74",
        "optional",
        "required",
        "Require session tokens.",
        '+    http_tokens   = "required"',
    ):
        assert shown in text


def test_what_was_not_judged_is_shown_beside_the_counts() -> None:
    overview = (
        Page(render(sample.result("partial"))).text.partition("What to do")[2].partition("Key figures")[0]
    )
    for shown in (
        "1 not assessed",
        "1 only known at apply time",
        "29 of 31 files",
        "MemoryError",
        "out of memory",
    ):
        assert shown in overview
    assert "Partial result." in overview or "Partial result." in Page(render(sample.result("partial"))).text


def test_lines_of_artefacts_have_a_sum_of_their_own() -> None:
    text = Page(render(sample.result())).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "$ 58 521.86" in text
    assert "$ 58 538.50" not in text
    assert "the module is remote; nothing is known of its resources" in text


def test_a_sum_that_lacks_a_line_reads_as_a_lower_bound() -> None:
    text = " ".join(Page(render(sample.lacking())).text.replace("\N{NO-BREAK SPACE}", " ").split())
    assert "Total cost at least $ 58 420.48 a month" in text
    assert "At least: 1 of 4 lines has no dated price: 1 llm_api." in text
    assert "at least $ 58 521.86" in text
    assert "1 of 2 lines has no dated price: 1 remote_module." in text
    assert "no file says how much. 2 of 6 lines have no dated price: 1 llm_api, 1 remote_module." in text


def test_an_old_price_is_marked_beside_its_date() -> None:
    text = " ".join(Page(render(sample.aged())).text.split())
    assert "1 of 3 lines has a price more than a year older than the newest list." in text
    assert text.count("2026-10-01 [1] old") == 1


def test_a_finding_says_what_it_takes_for_granted() -> None:
    text = " ".join(Page(render(sample.granted())).text.split())
    assert text.count("Taken for granted: vLLM may use this share of a GPU's memory.") == 1
    assert "Taken for granted" not in Page(render(sample.result())).text


def test_a_count_that_only_apply_time_knows_is_not_a_number() -> None:
    assert "known at apply time" in Page(render(sample.result(), "technical")).text


def test_a_value_that_is_not_finite_is_unknown() -> None:
    result = sample.result()
    cost = result.agents["cost"]
    endless = cost.facts[0].model_copy(update={"value": float("inf")})
    agents = {**result.agents, "cost": cost.model_copy(update={"facts": (endless, *cost.facts[1:])})}
    text = Page(render(result.model_copy(update={"agents": agents}))).text
    assert "unknown" in text
    assert "nan" not in text.lower().split()
    assert "inf" not in text.lower().split()


def test_a_fact_that_stands_twice_gets_two_anchors() -> None:
    result = sample.result()
    agents = {**result.agents, "other": result.agents["cost"]}
    page = Page(render(result.model_copy(update={"agents": agents})))
    assert "fact-cost.unpriced_count--2" in page.ids
    assert len(page.ids) == len(set(page.ids))


def test_downtime_is_drawn_against_what_the_target_allows() -> None:
    result = sample.result()
    given = result.agents["reliability"]
    allowed = given.facts[2].model_copy(
        update={"id": "reliability.allowed_downtime_minutes_per_year", "value": 525.6}
    )
    agents = {**result.agents, "reliability": given.model_copy(update={"facts": (*given.facts, allowed)})}
    labels = Page(render(result.model_copy(update={"agents": agents}))).values("aria-label")
    assert "Expected downtime: 315.87 minutes a year" in labels
    assert "Allowed by the target: 525.6 minutes a year" in labels


def test_findings_of_one_rule_stand_together_each_with_its_own_place() -> None:
    result = sample.result()
    security = result.agents["security"]
    again = sample.metadata_service().model_copy(
        update={"id": "aws-imds-v1:other", "resource": "aws_instance.bastion"}
    )
    agents = {
        **result.agents,
        "security": security.model_copy(update={"findings": (*security.findings, again)}),
    }
    page = Page(render(result.model_copy(update={"agents": agents})))
    assert page.count("article") == Page(render(result)).count("article")
    assert "2 places" in page.text
    assert "aws_instance.bastion" in page.text


def test_a_sentence_leads_to_the_fact_that_it_names() -> None:
    result = sample.result()
    summary = result.summary.model_copy(
        update={"sentences": ("See `cost.unpriced_count` and `no.such`.",), "key_facts": ()}
    )
    page = Page(render(result.model_copy(update={"summary": summary}), "executive"))
    assert "#fact-cost.unpriced_count" in page.values("href")
    assert "See Things without a price and no.such." in page.text
    assert "cost.unpriced_count" in page.values("title")


def test_an_id_that_only_names_the_source_of_a_number_is_a_mark() -> None:
    result = sample.result()
    summary = result.summary.model_copy(
        update={"sentences": ("It is 1 (`cost.unpriced_count`), not 2 (`no.such`).",), "key_facts": ()}
    )
    page = Page(render(result.model_copy(update={"summary": summary}), "executive"))
    assert "It is 1ƒ, not 2 (no.such)." in page.text
    assert "source: Things without a price" in page.values("aria-label")


def test_places_after_the_first_ten_of_a_rule_are_folded_not_lost() -> None:
    result = sample.result()
    security = result.agents["security"]
    more = tuple(
        sample.metadata_service().model_copy(update={"id": f"aws-imds-v1:{n}", "resource": f"aws_instance.n{n}"}) for n in range(24)
    )  # fmt: skip
    agents = {
        **result.agents,
        "security": security.model_copy(update={"findings": (*security.findings, *more)}),
    }
    html = render(result.model_copy(update={"agents": agents}))
    page = Page(html)
    assert "15 more places" in page.text
    folded = html.partition('class="rest"')[2].partition("</article>")[0]
    assert folded.count('class="seen"') == 15
    assert "aws_instance.n23" in page.text


def test_a_finding_behind_a_recommendation_says_of_what() -> None:
    """Ten buckets with one fault have one title: what tells them apart is the bucket."""
    result = sample.result()
    finding = next(
        f for f in result.agents["security"].findings if f.id in result.recommendations[0].findings
    )
    part = render(result).partition("Findings behind it")[2].partition("</details>")[0]
    assert f'</a> <code class="u">{finding.resource}</code>' in part


def test_a_table_of_hundreds_of_prices_is_folded() -> None:
    result = sample.result()
    cost = result.agents["cost"]
    many = tuple(
        cost.cost_lines[0].model_copy(update={"what": f"n{n}", "usd_per_month": 1.0}) for n in range(41)
    )
    agents = {**result.agents, "cost": cost.model_copy(update={"cost_lines": many})}
    html = render(result.model_copy(update={"agents": agents}))
    assert '<details class="rest"><summary>41 priced lines</summary>' in html
    assert 'class="rest"' not in render(result)


def test_a_price_list_is_named_once_and_every_line_leads_to_it() -> None:
    page = Page(render(sample.result()))
    result = sample.result()
    sources = {line.source for given in result.agents.values() for line in given.cost_lines}
    lines = [href for href in page.values("href") if href.startswith("#list-")]
    assert len(lines) == sum(len(given.cost_lines) for given in result.agents.values())
    assert {source for source in sources if source not in page.text} == set()
    assert {href.removeprefix("#") for href in lines} <= set(page.ids)


def test_a_long_table_is_folded() -> None:
    result = sample.result()
    facts = tuple(
        f.model_copy(update={"id": f"strategy.utility.o{n}"})
        for n, f in enumerate(result.agents["cost"].facts * 10)
    )
    agents = {
        **result.agents,
        "strategy": result.agents["cost"].model_copy(
            update={"facts": facts, "cost_lines": (), "unpriced": ()}
        ),
    }
    assert "Utility: 30 rows" in Page(render(result.model_copy(update={"agents": agents}))).text


def test_the_executive_roadmap_is_made_of_all_recommendations() -> None:
    result = sample.result()
    many = tuple(
        result.recommendations[1].model_copy(
            update={"rank": n, "id": f"r{n}", "title": f"Step {n}", "phase": "90" if n > 20 else "30"}
        )
        for n in range(1, 25)
    )
    text = Page(render(result.model_copy(update={"recommendations": many}), "executive")).text
    assert "10 of 24 recommendations" in text
    assert "24. Step 24" in text
    assert "and 10 more" in text


def test_recommendations_after_the_first_twenty_are_folded_not_lost() -> None:
    result = sample.result()
    many = tuple(
        result.recommendations[1].model_copy(update={"rank": n, "id": f"r{n}", "title": f"Step {n}"})
        for n in range(1, 25)
    )
    page = Page(render(result.model_copy(update={"recommendations": many})))
    assert "4 more recommendations" in page.text
    assert page.values("value") == [str(n) for n in range(1, 25)]


def test_backticks_mark_code_and_nothing_else() -> None:
    assert prose("set `a<b` & go") == "set <code>a&lt;b</code> &amp; go"
    assert prose("one ` alone <i>") == "one ` alone &lt;i&gt;"


@pytest.mark.parametrize(
    ("expected", "value", "key"),
    [("2.1 GB", 2_101_346_304, "bytes"), ("100.3 ms", 0.1003, "prefill_s"), ("6.48", 6.48, "swing"), ("5 %", 0.05, "share"),
     ("6 per second", 6, "requests_per_s"), ("", None, "x"), ("yes", True, "x"), ("text", "text", "bytes")],
)  # fmt: skip
def test_numbers_of_an_agents_own_tables_take_the_unit_of_their_key(
    expected: str, value: Any, key: str
) -> None:
    assert scalar(value, key).replace("\N{NO-BREAK SPACE}", " ") == expected


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="executive"):
        render(sample.result(), "weekly")


def test_a_patch_is_read_line_by_line() -> None:
    kinds = [kind for kind, _ in diff_lines(sample.PATCH)]
    assert kinds == ["file", "file", "hunk", "same", "same", "del", "add", "same"]


def test_a_result_read_back_from_json_gives_the_same_bytes(any_result: AssessmentResult, kind: str) -> None:
    again = AssessmentResult.model_validate_json(any_result.to_json())
    assert render(again, kind) == render(any_result, kind)


def test_another_process_gives_the_same_bytes() -> None:
    code = "import sys; from tests.unit.reports import sample; from infra_mind.reports.html import render; sys.stdout.buffer.write(render(sample.result()).encode())"
    for seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=env)
        assert done.stdout == render(sample.result()).encode()
