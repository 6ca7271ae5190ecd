"""The OpenAPI document is complete, true, and holds for its own examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from infra_mind.api import assessments, comparisons, examples, operations, schedules, tasks, webhooks
from infra_mind.model.brief import parse_brief
from infra_mind.model.result import AssessmentResult
from infra_mind.model.task import StartOptions


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def all_operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, answer in operation["responses"].items():
        for media_type, content in answer.get("content", {}).items():
            yield f"{status} {media_type}", content
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"body {media_type}", content


@pytest.mark.parametrize("root", ["", "/api/v1"])
async def test_it_is_served_without_a_key(anyone: httpx.AsyncClient, app: FastAPI, root: str) -> None:
    answer = await anyone.get(f"{root}/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == app.openapi()


SECOND_NAMES = {
    ("GET", "/api/v1/tasks/workers/status"),
    ("HEAD", "/api/v1/healthz"),
    ("HEAD", "/api/v1/readyz"),
}  # of routes that are documented under their first


def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    routers = (
        assessments.router,
        comparisons.router,
        tasks.router,
        schedules.router,
        webhooks.router,
        operations.router,
        operations.workers_router,
    )
    made = {
        (method, f"/api/v1{route.path}")
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert made - SECOND_NAMES == documented
    assert len(documented) >= 18


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for name, operation in all_operations(document):
        assert operation.get("summary"), name
        assert operation.get("description"), name
        assert operation.get("tags"), name
    ids = [operation["operationId"] for _, operation in all_operations(document)]
    assert len(set(ids)) == len(ids)


def test_every_operation_has_a_client_error_that_is_a_problem(document: dict[str, Any]) -> None:
    for name, operation in all_operations(document):
        errors = {s: a for s, a in operation["responses"].items() if s.startswith(("4", "5"))}
        assert any(status.startswith("4") for status in errors), name
        for status, answer in errors.items():
            content = answer["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, (name, status)
            assert content["example"]["status"] == int(status), (name, status)


def test_every_operation_with_a_key_says_so(document: dict[str, Any]) -> None:
    assert document["security"] == [{"key": []}]
    open_to_all = {name for name, operation in all_operations(document) if operation.get("security") == []}
    assert open_to_all == {
        f"GET /api/v1/{path}" for path in ("healthz", "readyz", "openapi.json", "schema/brief.json")
    }
    for name, operation in all_operations(document):
        assert ("401" in operation["responses"]) != (name in open_to_all), name


def test_every_content_has_an_example_that_holds(document: dict[str, Any]) -> None:
    checked = 0
    for name, operation in all_operations(document):
        for where, content in contents(operation):
            if where == "body application/zip":
                continue  # bytes
            assert "example" in content, (name, where)
            if isinstance(content["example"], dict) and "multipart" not in where:
                schema = {**content["schema"], "components": document["components"]}
                jsonschema.validate(content["example"], schema, jsonschema.Draft202012Validator)
                checked += 1
    assert checked > 60


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = set(document["components"]["schemas"])

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    found = set(references(document))
    assert found
    assert found <= {f"#/components/schemas/{name}" for name in known}


def test_the_examples_are_values_of_the_model() -> None:
    assert parse_brief(examples.BRIEF).name
    StartOptions.model_validate_json(
        '{"priority": "high", "soft_limit_s": 300, "hard_limit_s": 600}', strict=True
    )
    AssessmentResult.model_validate(examples.ASSESSMENT_RESULT)


async def test_what_is_served_is_what_it_says(
    http: httpx.AsyncClient, app: FastAPI, document: dict[str, Any]
) -> None:
    """Each answer of a short life, held against the schema of its route."""
    made = await http.post("/assessments", json=examples.BRIEF)
    of = f"/assessments/{made.json()['assessment_id']}"
    begun = await http.post(f"{of}/start", json=examples.START)
    task = f"/tasks/{begun.json()['task_id']}"
    calls = [
        ("post", "/assessments", made),
        ("post", "/assessments/{assessment_id}/start", begun),
        ("get", "/assessments", await http.get("/assessments")),
        ("get", "/assessments/{assessment_id}", await http.get(of)),
        ("get", "/tasks", await http.get("/tasks")),
        ("get", "/tasks/{task_id}", await http.get(task)),
        ("get", "/tasks/{task_id}/result", await http.get(f"{task}/result")),
        ("get", "/workers/status", await http.get("/workers/status")),
        ("delete", "/tasks/{task_id}", await http.delete(task)),
        ("get", "/healthz", await http.get("/healthz")),
        ("get", "/readyz", await http.get("/readyz")),
    ]
    for method, path, answer in calls:
        responses = document["paths"][f"/api/v1{path}"][method]["responses"]
        media_type = answer.headers["content-type"]
        schema = responses[str(answer.status_code)]["content"][media_type]["schema"]
        jsonschema.validate(
            answer.json(), {**schema, "components": document["components"]}, jsonschema.Draft202012Validator
        )
