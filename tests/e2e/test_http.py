"""The HTTP contract over the wire: events that resume, statuses, idempotency, clients that go away, numbers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra_mind.agents import NAMES
from infra_mind.artefacts.yaml import load
from tests.e2e.steps import BRIEF, CLINIC, client_of, draft, ended, problem, start
from tests.platform import Platform
from tests.waiting import wait_until


def clinic_brief() -> dict[str, Any]:
    """As the brief's own reader reads it: YAML 1.2, where 8.03e9 is a number."""
    brief: dict[str, Any] = load(CLINIC.read_text(), name=CLINIC.name)
    return brief


# -- events -----------------------------------------------------------------------------------------------------------
def events(
    http: httpx.Client, task_id: str, after: str | None = None
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(id, type, data) of each event, read as any client of server-sent events would."""
    with http.stream(
        "GET", f"/tasks/{task_id}/events", headers={"Last-Event-ID": after} if after else {}
    ) as answer:
        assert answer.status_code in (200, 204), answer.read()
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield fields.get("id", ""), fields["event"], json.loads(fields["data"])
                fields = {}


@pytest.fixture(scope="module")
def done(engine: Platform) -> str:
    """A task that has ended, watched from its start by nobody."""
    brief = {name: value for name, value in clinic_brief().items() if name != "artefacts"}
    with client_of(engine, engine.home.api_key()) as http:
        task_id = start(http, draft(http, brief))
        assert ended(http, task_id)["state"] == "SUCCESS"
    return task_id


def all_events(http: httpx.Client, task_id: str) -> list[str]:
    """Ids of all kept events, from before the first one on."""
    return [number for number, _, _ in events(http, task_id, after="0-0")]


def test_resuming_at_any_event_misses_nothing_and_repeats_nothing(http: httpx.Client, done: str) -> None:
    ids = all_events(http, done)
    assert len(ids) > len(NAMES)
    assert len(set(ids)) == len(ids)
    for place, number in enumerate(ids[:-1]):
        assert [i for i, _, _ in events(http, done, after=number)] == ids[place + 1 :]


def test_resuming_after_the_end_tells_the_client_not_to_come_back(http: httpx.Client, done: str) -> None:
    last = all_events(http, done)[-1]
    answer = http.get(f"/tasks/{done}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_stream_that_breaks_again_and_again_gives_each_change_once(http: httpx.Client) -> None:
    task_id = start(http, draft(http))
    seen: list[str] = []
    last, kind = "0-0", ""
    while kind != "end":
        for number, found, _ in events(
            http, task_id, after=last
        ):  # pragma: no branch - one event, then the line is cut
            seen.append(number)
            last, kind = number, found
            break
    assert seen == all_events(http, task_id)


def test_the_stream_begins_with_the_whole_task_and_ends_with_its_end(http: httpx.Client) -> None:
    task_id = start(http, draft(http))
    told = list(events(http, task_id))
    assert (told[0][0], told[0][1]) == ("", "snapshot")
    assert set(told[0][2]["info"]["agents"]) == set(NAMES)
    assert told[-1][1] == "end"
    assert told[-1][2]["state"] == "SUCCESS"
    assert [kind for _, kind, _ in told].count("end") == 1
    told_of = [
        data.get("info", data) for _, _, data in told
    ]  # a snapshot, also a later one, has it one level down
    whole = [info["progress"] for info in told_of]
    assert whole == sorted(whole)
    for name in NAMES:
        steps = [info["agents"][name]["progress"] for info in told_of if name in info.get("agents", {})]
        assert steps == sorted(steps)


@pytest.mark.parametrize("number", ["x", "1-", "99999999999999999999999-1", "-1", "1-1-1"])
def test_an_event_id_that_is_none(http: httpx.Client, done: str, number: str) -> None:
    answer = http.get(f"/tasks/{done}/events", headers={"Last-Event-ID": number})
    assert problem(answer, 422)["errors"][0]["path"] == "Last-Event-ID"


# -- states and statuses ----------------------------------------------------------------------------------------------
def test_the_report_of_what_was_never_started(http: httpx.Client) -> None:
    assert problem(http.get(f"/assessments/{draft(http)}/report"), 409)["state"] == "draft"


@pytest.mark.parametrize("method_path", ["GET /tasks/{}", "GET /tasks/{}/result", "GET /tasks/{}/events", "DELETE /tasks/{}", "GET /assessments/{}", "PUT /assessments/{}", "DELETE /assessments/{}", "POST /assessments/{}/start", "GET /assessments/{}/report"])  # fmt: skip
@pytest.mark.parametrize("name", ["tsk_0", "a" * 64, "a" * 65, "%2e%2e", "ä", "a%00b", "a b"])
def test_an_unknown_id(http: httpx.Client, method_path: str, name: str) -> None:
    method, _, path = method_path.partition(" ")
    answer = http.request(method, path.format(name), json=BRIEF if method == "PUT" else None)
    problem(answer, 404)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Basic YTpi", "Bearer im_0_0", "Bearer " + "x" * 5000]
)
def test_a_wrong_key(engine: Platform, header: str | None) -> None:
    with client_of(engine, None) as nobody:
        answer = nobody.get("/tasks", headers={} if header is None else {"Authorization": header})
    problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_health_and_readiness_need_no_key(engine: Platform) -> None:
    with client_of(engine, None) as nobody:
        for path in ("/healthz", "/readyz"):
            assert nobody.get(path).status_code == 200
            assert nobody.get(f"{engine.endpoint.url}{path}").status_code == 200
        assert nobody.get("/readyz").json()["dispatchers"] == 2
        problem(nobody.get("/metrics"), 401)


def test_two_starts_at_once_with_one_key_are_one_task(http: httpx.Client) -> None:
    assessment_id = draft(http)
    with ThreadPoolExecutor(8) as pool:
        tasks = set(pool.map(lambda _: start(http, assessment_id, key="once"), range(8)))
    assert len(tasks) == 1
    (task_id,) = tasks
    assert ended(http, task_id)["state"] == "SUCCESS"
    listed = [
        task for task in http.get("/tasks").json()["items"] if task["info"]["assessment_id"] == assessment_id
    ]
    assert len(listed) == 1
    assert start(http, assessment_id, key="once") == task_id  # also after its end


# -- clients that go away ---------------------------------------------------------------------------------------------
def raw(engine: Platform, path: str, body: bytes, *, sent: int | None = None) -> None:
    """Sends a POST, or the first `sent` bytes of its body, and closes at once without reading an answer."""
    host = urlsplit(engine.endpoint.url)
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: Bearer {engine.home.api_key()}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((str(host.hostname), host.port or 80)) as connection:
        connection.sendall(head.encode() + body[:sent])


def test_a_client_that_leaves_right_after_its_start_was_heard(engine: Platform, http: httpx.Client) -> None:
    assessments = [draft(http) for _ in range(10)]
    for assessment_id in assessments:
        raw(engine, f"/assessments/{assessment_id}/start", b"{}")

    def status(assessment_id: str) -> str:
        return str(http.get(f"/assessments/{assessment_id}").json()["status"])

    # A request that its reader drops before the handler has begun was never accepted; what was accepted ends, once.
    wait_until(
        "what was accepted ends", lambda: all(status(a) in ("draft", "completed") for a in assessments)
    )
    heard = [a for a in assessments if status(a) == "completed"]
    assert heard
    tasks = [
        task["info"]["assessment_id"] for task in http.get("/tasks", params={"limit": 200}).json()["items"]
    ]
    assert {a: tasks.count(a) for a in assessments} == {a: int(a in heard) for a in assessments}


def test_half_a_body_is_nothing(engine: Platform, http: httpx.Client) -> None:
    assessment_id = draft(http)
    before = http.get("/assessments", params={"limit": 200}).json()["items"]
    body = b'{"priority": "high"}'
    raw(engine, f"/assessments/{assessment_id}/start", body, sent=len(body) // 2)
    raw(engine, "/assessments", json.dumps(BRIEF).encode(), sent=40)
    assert (
        ended(http, start(http, draft(http)))["state"] == "SUCCESS"
    )  # the platform has gone on; nothing is still on its way
    assert http.get(f"/assessments/{assessment_id}").json()["status"] == "draft"
    after = http.get("/assessments", params={"limit": 200}).json()["items"]
    assert len(after) == min(200, len(before) + 1)


def test_a_stream_that_is_left_does_no_harm(engine: Platform, http: httpx.Client) -> None:
    task_id = start(http, draft(http))
    for _ in range(30):
        next(events(http, task_id))
    assert ended(http, task_id)["state"] == "SUCCESS"


# -- descriptions and numbers -----------------------------------------------------------------------------------------
def numbers(http: httpx.Client) -> dict[tuple[str, ...], float]:
    """(name, label values...) → value."""
    text = http.get("/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_numbers_grow_by_what_was_done(http: httpx.Client) -> None:
    before = numbers(http)
    for _ in range(2):
        assert ended(http, start(http, draft(http)))["state"] == "SUCCESS"
    after = numbers(http)

    def grown(*name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grown("infra_mind_tasks_accepted_total") == 2
    assert grown("infra_mind_tasks_ended_total", "SUCCESS") == 2
    assert grown("infra_mind_tasks_ended_total", "FAILURE") == 0
    for name in NAMES:
        assert grown("infra_mind_agent_runs_total", name, "DONE") == 2
        assert grown("infra_mind_agent_seconds_total", name) > 0
    assert after[("infra_mind_dispatchers",)] == 2
    assert after[("infra_mind_tasks_running",)] == 0


def test_the_description_is_valid_and_leads_to_what_is_there(engine: Platform) -> None:
    with client_of(engine, None) as nobody:
        document = nobody.get("/openapi.json").json()
        assert document["openapi"].startswith("3.1")
        assert nobody.get(f"{engine.endpoint.url}/openapi.json").json() == document
        for path, operations in document["paths"].items():
            filled = path.replace("{assessment_id}", "none").replace("{task_id}", "none")
            for method in operations:
                answer = nobody.request(method, f"{engine.endpoint.url}{filled}")
                assert answer.status_code in (200, 401, 404), f"{method} {path}: {answer.status_code}"
                assert "There is no such path" not in answer.text


def test_the_schema_of_the_brief_takes_the_examples(engine: Platform) -> None:
    with client_of(engine, None) as nobody:
        schema = nobody.get("/schema/brief.json").json()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(clinic_brief())
    validator.validate(BRIEF)
    assert not validator.is_valid({**BRIEF, "hostng": {}})
