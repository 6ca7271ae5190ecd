"""Which format a report comes in, whether it is packed, and a parameter that no address has."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest

from tests.unit.api.steps import Engine, fields, problem, started
from tests.unit.reports import sample


async def ended(http: httpx.AsyncClient, engine: Engine) -> str:
    assessment_id, _ = await started(http)
    await engine.succeed(await engine.claim(), sample.result().to_json())
    return assessment_id


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/html"), ("*/*", "text/html"), ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"), ("application/json", "application/json"),
        ("text/html;q=0.1, application/json", "application/json"), ("application/sarif+json", "application/sarif+json"), ("text/csv", "text/csv"),
        ("text/*, application/json;q=0.5", "text/html"), ("application/pdf;q=0, text/markdown;q=0.2", "text/markdown"), ("image/png", "text/html"),
        ("application/json;q=much, text/csv", "text/csv"),
    ],
)  # fmt: skip
async def test_without_a_format_the_header_says_it(
    http: httpx.AsyncClient, engine: Engine, accept: str, media_type: str
) -> None:
    path = f"/assessments/{await ended(http, engine)}/report"
    answer = await http.get(path, headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == media_type
    named = await http.get(path, params={"format": "csv"}, headers={"Accept": accept})
    assert named.headers["content-type"].startswith("text/csv")  # a name counts for more


@pytest.mark.parametrize("name", ["html", "json", "sarif"])
async def test_a_large_report_is_packed_for_those_who_take_it(
    http: httpx.AsyncClient, engine: Engine, name: str
) -> None:
    path = f"/assessments/{await ended(http, engine)}/report"
    plain = await http.get(path, params={"format": name}, headers={"Accept-Encoding": "br, gzip;q=0"})
    assert "content-encoding" not in plain.headers
    packed = await http.get(path, params={"format": name}, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    large = len(plain.content) > 16 * 1024
    assert packed.content == plain.content
    assert packed.headers.get("content-encoding") == ("gzip" if large else None)
    assert packed.headers["content-length"] == str(len(gzip.compress(plain.content, 5, mtime=0) if large else plain.content))  # fmt: skip
    assert packed.headers.get("content-security-policy") == plain.headers.get("content-security-policy")


async def test_a_large_comparison_is_packed_too(http: httpx.AsyncClient, engine: Engine) -> None:
    many = sample.result()
    security = many.agents["security"]
    more = tuple(
        sample.metadata_service().model_copy(update={"id": f"aws-imds-v1:{n}", "fingerprint": f"f{n}"}) for n in range(40)
    )  # fmt: skip
    agents = {**many.agents, "security": security.model_copy(update={"findings": more})}
    ids = []
    for _ in range(2):
        assessment_id, _ = await started(http)
        await engine.succeed(await engine.claim(), many.model_copy(update={"agents": agents}).to_json())
        ids.append(assessment_id)
    path = f"/assessments/{ids[0]}/diff/{ids[1]}"
    plain = await http.get(path, headers={"Accept-Encoding": "identity"})
    answer = await http.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json() == plain.json()


async def test_a_parameter_that_no_address_has_is_refused(http: httpx.AsyncClient, engine: Engine) -> None:
    """A pipeline that asks for `?fromat=sarif` must not upload a page."""
    assessment_id = await ended(http, engine)
    answers: list[tuple[httpx.Response, Any]] = [
        (await http.get(f"/assessments/{assessment_id}/report?fromat=sarif"), "here are format, kind"),
        (await http.get("/tasks?sate=FAILURE"), "state"),
        (await http.post(f"/assessments/{assessment_id}/start?priority=high"), "there are none here"),
    ]
    for answer, says in answers:
        name = str(answer.request.url.query).split("'")[1].partition("=")[0]
        problem(answer, 422)
        assert says in fields(answer)[name]
    problem(await http.get(f"/assessments/{assessment_id}/report?format=xlsx"), 422)
