"""Errors become problem details, whatever their origin."""

from __future__ import annotations

import inspect

import httpx
import pytest
from fastapi import FastAPI

from infra_mind import errors
from infra_mind.api.problems import problem_of
from infra_mind.model.task import ApiKey
from infra_mind.tasks.memory import MemoryStore
from tests.unit.api.steps import problem


class AwayStore(MemoryStore):
    """The store while it cannot be reached."""

    async def ping(self) -> None:
        raise errors.Unavailable("the store cannot be reached", retry_after_s=2.5)

    async def key_by_secret(self, secret_sha256: str) -> ApiKey | None:
        raise errors.Unavailable("the store cannot be reached", retry_after_s=2.5)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.BriefInvalid([errors.FieldProblem("name", "is required")]), 422),
        (errors.ArtefactRefused("a.tf", "too deep"), 422),
        (errors.OptionInvalid("limit", "too high"), 422),
        (errors.BadInput("bad"), 422),
        (errors.TooLarge("large"), 413),
        (errors.NotAllowed("no"), 401),
        (errors.NotFound("none"), 404),
        (errors.ResultLost("missing"), 500),
        (errors.Conflict("no", "STARTED"), 409),
        (errors.Gone("gone"), 410),
        (errors.TooMany("many", 7.2), 429),
        (errors.Unavailable("away"), 503),
        (errors.TaskFailed("failed", "FAILURE", "X"), 424),
        (errors.InfraMindError("?"), 500),
    ],
)
def test_each_error_has_its_status(error: errors.InfraMindError, status: int) -> None:
    made = problem_of(error, "/x")
    assert made.status == status
    assert made.instance == "/x"


def test_no_error_of_the_tree_is_forgotten() -> None:
    tree = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.InfraMindError) and kind is not errors.InfraMindError
    }
    unmapped = [kind.__name__ for kind in tree if problem_of(_bare(kind), "").type.endswith(":internal")]
    assert unmapped == []


def _bare(kind: type[errors.InfraMindError]) -> errors.InfraMindError:
    error = kind.__new__(kind)
    for name in ("path", "reason", "option", "state", "error_type"):
        setattr(error, name, "x")
    error.problems = (errors.FieldProblem("x", "y"),)  # type: ignore[attr-defined]
    return error


async def test_a_store_that_is_away_is_503_with_retry_after(app: FastAPI) -> None:
    app.state.context.store_source = AwayStore()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        key = "im_" + "0" * 12 + "_" + "0" * 64
        for path, headers in [("/readyz", {}), ("/api/v1/tasks", {"Authorization": f"Bearer {key}"})]:
            answer = await http.get(path, headers=headers)
            assert problem(answer, 503)["retry_after_s"] == 2.5
            assert answer.headers["retry-after"] == "3"
        assert (await http.get("/healthz")).status_code == 200


async def test_an_unknown_path_and_a_wrong_method(http: httpx.AsyncClient) -> None:
    problem(await http.get("/nothing"), 404)
    answer = await http.patch("/tasks")
    problem(answer, 405)
    assert answer.headers["allow"] == "GET"


async def test_what_nobody_foresaw_tells_the_caller_nothing(app: FastAPI) -> None:
    async def broken() -> None:
        raise RuntimeError("the password is hunter2")

    app.add_api_route("/broken", broken)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.get("/broken")
    problem(answer, 500)
    assert "hunter2" not in answer.text
