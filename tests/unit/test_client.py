from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import infra_mind
from infra_mind import errors
from infra_mind.api import examples
from infra_mind.client import ATTEMPTS, LONGEST_WAIT_S, Client, read_submission
from infra_mind.model.brief import parse_brief
from infra_mind.model.task import Event
from tests.unit.small_server import SmallServer, Told, small_server

BRIEF: dict[str, Any] = {"name": "One service"}
ASSESSMENT = {
    "assessment_id": "asm_1",
    "name": "One service",
    "status": "draft",
    "created_at": "t",
    "updated_at": "t",
}
STARTED = {"assessment_id": "asm_1", "task_id": "tsk_1", "status": "in_progress"}
RESULT = {
    "assessment_id": "asm_1", "status": "completed", "recommendations": [], "agents": {}, "failures": [], "inventory": [],
    "summary": {"name": "One service", "headline": "h", "findings": {}, "key_facts": []},
    "coverage": {"files": 0, "files_read": 0, "resources": 0, "checks_by_status": {}, "agents_done": [], "agents_failed": [], "not_assessed": []},
    "data_versions": {}, "provenance": {},
}  # fmt: skip


def task(task_id: str = "tsk_1", state: str = "PENDING") -> dict[str, Any]:
    info = {
        "assessment_id": "asm_1",
        "current_step": "",
        "progress": 0.0,
        "message": "",
        "agents": {},
        "updated_at": "t",
    }
    return {
        "task_id": task_id,
        "state": state,
        "info": info,
        "attempt": 0,
        "priority": "medium",
        "created_at": "t",
    }


def event(number: str, state: str, kind: str = "progress") -> str:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {kind}\ndata: {json.dumps({'task_id': 'tsk_1', 'state': state})}\n\n"


def stream(*events: str) -> Told:
    return Told(200, headers={"Content-Type": "text/event-stream"}, text="".join(events))


def refused(status: int, kind: str = "x", headers: dict[str, str] | None = None, **more: Any) -> Told:
    return Told(
        status, {"type": f"urn:infra-mind:problem:{kind}", "detail": "so it is", **more}, headers or {}
    )


@pytest.fixture
def server() -> Iterator[SmallServer]:
    with small_server() as started:
        yield started


@pytest.fixture
def waits() -> list[float]:
    """How long the client would have waited, in seconds, each time."""
    return []


@pytest.fixture
def client(
    server: SmallServer, waits: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    for name in ("URL", "API_KEY"):
        monkeypatch.delenv(f"INFRA_MIND_{name}", raising=False)
    monkeypatch.setenv("INFRA_MIND_HOME", str(tmp_path))
    with Client(server.url, "im_1_secret", sleep=waits.append) as made:
        yield made


def test_the_face_of_the_package() -> None:
    assert infra_mind.__all__ == ["Client", "__version__"]
    assert infra_mind.Client is Client
    assert {name for name in dir(infra_mind) if not name.startswith("_")} >= set()
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        _ = infra_mind.nothing_of_this_name


# -- the common case --------------------------------------------------------------------------------------------------
def test_assess_creates_starts_tells_progress_and_gives_the_result(
    server: SmallServer, client: Client
) -> None:
    server.tell(
        Told(201, ASSESSMENT), Told(202, STARTED),
        stream(event("", "PENDING", "snapshot"), event("1-1", "PROGRESS"), event("1-2", "SUCCESS", "end")),
        Told(200, {"task_id": "tsk_1", "state": "SUCCESS", "result": RESULT}),
    )  # fmt: skip
    seen: list[Event] = []
    result = client.assess(BRIEF, on_progress=seen.append, priority="high")
    assert (result.assessment_id, result.status) == ("asm_1", "completed")
    assert [e.data["state"] for e in seen] == ["PENDING", "PROGRESS", "SUCCESS"]
    assert [(a.method, a.path) for a in server.asked] == [
        ("POST", "/api/v1/assessments"), ("POST", "/api/v1/assessments/asm_1/start"),
        ("GET", "/api/v1/tasks/tsk_1/events"), ("GET", "/api/v1/tasks/tsk_1/result"),
    ]  # fmt: skip
    assert all(a.headers["authorization"] == "Bearer im_1_secret" for a in server.asked)
    assert json.loads(server.asked[1].body) == {"priority": "high"}


def test_a_wrong_brief_is_told_before_anything_is_sent(server: SmallServer, client: Client) -> None:
    with pytest.raises(errors.BriefInvalid) as wrong:
        client.assess({"name": "x", "hostng": {}})
    assert [p.path for p in wrong.value.problems] == ["hostng"]
    assert server.asked == []


# -- typed errors -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (refused(400), errors.BadInput),
        (refused(401), errors.NotAllowed),
        (refused(403), errors.NotAllowed),
        (refused(404), errors.NotFound),
        (refused(409, state="PROGRESS"), errors.Conflict),
        (refused(410), errors.Gone),
        (refused(413), errors.TooLarge),
        (refused(415), errors.BadInput),
        (refused(422), errors.BadInput),
        (
            refused(422, "brief-invalid", errors=[{"path": "a.b", "problem": "p", "hint": "h"}]),
            errors.BriefInvalid,
        ),
        (refused(422, "option-invalid", errors=[{"path": "priority", "problem": "p"}]), errors.OptionInvalid),
        (refused(422, "artefact-refused", errors=[{"path": "a.tf", "problem": "p"}]), errors.ArtefactRefused),
        (refused(424, state="REVOKED", error_type="Cancelled"), errors.TaskFailed),
        (refused(429), errors.TooMany),
        (refused(500), errors.InfraMindError),
        (refused(502), errors.Unavailable),
        (refused(503), errors.Unavailable),
        (Told(500, text="<html>no problem of ours</html>"), errors.Unavailable),
        (Told(404, text="Path not found"), errors.Unavailable),  # a proxy that knows no replica yet
        (Told(418, text="tea"), errors.InfraMindError),
    ],
)
def test_each_status_has_its_error(
    server: SmallServer, client: Client, told: Told, kind: type[Exception]
) -> None:
    server.tell(told)
    with pytest.raises(errors.InfraMindError) as raised:
        client.task("tsk_1")
    assert type(raised.value) is kind


def test_errors_carry_what_the_server_said(server: SmallServer, client: Client) -> None:
    server.tell(
        refused(
            422,
            "brief-invalid",
            errors=[{"path": "a.b", "problem": "p", "hint": "h"}, {"path": "c", "problem": "q"}],
        )
    )
    with pytest.raises(errors.BriefInvalid, match=r"a\.b: p \(h\); c: q"):
        client.task("tsk_1")
    server.tell(refused(424, state="REVOKED", error_type="Cancelled"))
    with pytest.raises(errors.TaskFailed, match="so it is") as failed:
        client.result("tsk_1")
    assert (failed.value.state, failed.value.error_type) == ("REVOKED", "Cancelled")


@pytest.mark.parametrize("status", [400, 401, 404, 409, 410, 413, 422, 424, 500])
def test_what_would_fail_again_is_not_tried_again(server: SmallServer, client: Client, status: int) -> None:
    server.tell(refused(status))
    with pytest.raises(errors.InfraMindError):
        client.start("asm_1")
    assert len(server.asked) == 1


# -- retries ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", [Told(0), refused(503), refused(429), refused(502), refused(504)])
def test_a_start_is_tried_again_with_the_same_idempotency_key(
    server: SmallServer, client: Client, fault: Told
) -> None:
    server.tell(fault, fault, Told(202, STARTED))
    assert client.start("asm_1") == "tsk_1"
    keys = [a.headers["idempotency-key"] for a in server.asked]
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_two_starts_have_two_keys_and_ones_own_is_kept(server: SmallServer, client: Client) -> None:
    server.tell(Told(202, STARTED))
    client.start("asm_1")
    client.start("asm_1")
    client.start("asm_1", idempotency_key="mine")
    first, second, third = (a.headers["idempotency-key"] for a in server.asked)
    assert first != second
    assert third == "mine"


SCHEDULE = {
    "schedule_id": "sch_1", "name": "n", "cron": "0 6 * * 1", "timezone": "UTC", "coalesce": True, "enabled": True,
    "options": {}, "created_at": "t",
}  # fmt: skip


def test_a_schedule_that_is_sent_again_is_the_same_one(server: SmallServer, client: Client) -> None:
    server.tell(Told(0), refused(503), Told(201, SCHEDULE))
    made = client.create_schedule("n", "0 6 * * 1", {"name": "x"}, timezone="UTC", priority="low")
    assert made.schedule_id == "sch_1"
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1
    assert json.loads(server.asked[2].body) == {
        "name": "n", "cron": "0 6 * * 1", "timezone": "UTC", "coalesce": True, "enabled": True,
        "options": {"priority": "low"}, "brief": {"name": "x"},
    }  # fmt: skip


def test_schedules_are_listed_changed_and_deleted(server: SmallServer, client: Client) -> None:
    server.tell(Told(200, {"items": [SCHEDULE]}), Told(200, SCHEDULE), Told(200, SCHEDULE), Told(204))
    assert [one.schedule_id for one in client.schedules()] == ["sch_1"]
    assert client.schedule("sch_1").cron == "0 6 * * 1"
    assert client.enable_schedule("sch_1", enabled=False).name == "n"
    client.delete_schedule("sch_1")
    assert [(asked.method, asked.path) for asked in server.asked] == [
        ("GET", "/api/v1/schedules"),
        ("GET", "/api/v1/schedules/sch_1"),
        ("PATCH", "/api/v1/schedules/sch_1"),
        ("DELETE", "/api/v1/schedules/sch_1"),
    ]
    assert json.loads(server.asked[2].body) == {"enabled": False}


def test_the_secret_of_webhooks_is_not_in_a_repr(server: SmallServer, client: Client) -> None:
    server.tell(Told(200, {"secret": "whsec_x", "created_at": "t", "previous_until": None}))
    for found in (client.webhook_secret(), client.rotate_webhook_secret()):
        assert found.secret == "whsec_x"
        assert "whsec_x" not in repr(found)
    assert [asked.path for asked in server.asked] == [
        "/api/v1/webhooks/secret",
        "/api/v1/webhooks/secret/rotate",
    ]


def test_it_gives_up_after_a_few_attempts(server: SmallServer, client: Client, waits: list[float]) -> None:
    server.tell(refused(503))
    with pytest.raises(errors.Unavailable, match="so it is"):
        client.start("asm_1")
    assert len(server.asked) == ATTEMPTS
    assert len(waits) == ATTEMPTS - 1


def test_waits_grow_and_keep_to_what_the_server_asks(
    server: SmallServer, client: Client, waits: list[float]
) -> None:
    server.tell(
        refused(503, headers={"Retry-After": "3"}),
        refused(503, headers={"Retry-After": "9999"}),
        Told(200, task()),
    )
    client.task("tsk_1")
    assert 3 <= waits[0] <= 3 * 1.25
    assert LONGEST_WAIT_S <= waits[1] <= LONGEST_WAIT_S * 1.25
    waits.clear()
    server.tell(Told(0), Told(0), Told(0), Told(0), Told(200, task()))
    client.task("tsk_1")
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-1", "inf", "nan", ""])
def test_a_retry_after_that_is_no_number_of_seconds(
    server: SmallServer, client: Client, waits: list[float], header: str
) -> None:
    server.tell(refused(503, headers={"Retry-After": header}), Told(200, task()))
    assert client.task("tsk_1").task_id == "tsk_1"
    assert 1.0 <= waits[0] <= 1.25


def test_a_server_that_is_not_there(client: Client, waits: list[float]) -> None:
    with (
        Client("http://127.0.0.1:1", "im_1_secret", sleep=waits.append) as nobody,
        pytest.raises(errors.Unavailable, match="Is `infra-mind up` running"),
    ):
        nobody.task("tsk_1")
    assert len(waits) == ATTEMPTS - 1


# -- events -----------------------------------------------------------------------------------------------------------
def test_a_broken_stream_is_taken_up_where_it_broke(server: SmallServer, client: Client) -> None:
    server.tell(
        stream(event("", "PENDING", "snapshot"), event("1-1", "STARTED")),  # ends too early
        Told(0), refused(503), refused(429),
        stream(event("1-2", "PROGRESS"), 'event: unavailable\ndata: {"detail": "the store is away"}\n\n'),
        stream(": heartbeat\n\n", event("1-3", "SUCCESS", "end")),
    )  # fmt: skip
    assert [e.id for e in client.events("tsk_1")] == ["", "1-1", "1-2", "1-3"]
    assert [a.headers.get("last-event-id") for a in server.asked] == [None, "1-1", "1-1", "1-1", "1-1", "1-2"]


def test_a_stream_whose_end_was_seen_before_it_broke(server: SmallServer, client: Client) -> None:
    server.tell(Told(204))
    assert list(client.events("tsk_1", after="1-9")) == []


def test_a_stream_that_never_says_anything_is_given_up(server: SmallServer, client: Client) -> None:
    server.tell(stream())
    with pytest.raises(errors.Unavailable, match="broke 6 times"):
        list(client.events("tsk_1"))
    assert len(server.asked) == ATTEMPTS


def test_a_stream_of_nothing_known_is_not_asked_for_again(server: SmallServer, client: Client) -> None:
    server.tell(refused(404))
    with pytest.raises(errors.NotFound):
        list(client.events("tsk_1"))
    assert len(server.asked) == 1


# -- the rest ---------------------------------------------------------------------------------------------------------
def test_pages_are_followed_to_the_last(server: SmallServer, client: Client) -> None:
    server.tell(
        Told(200, {"items": [task("tsk_3"), task("tsk_2")], "next_cursor": "c1"}),
        Told(200, {"items": [task("tsk_1")], "next_cursor": None}),
    )
    assert [t.task_id for t in client.tasks(state="PENDING")] == ["tsk_3", "tsk_2", "tsk_1"]
    assert [a.path for a in server.asked] == [
        "/api/v1/tasks?state=PENDING",
        "/api/v1/tasks?state=PENDING&cursor=c1",
    ]


def test_a_page_is_asked_for_only_when_it_is_needed(server: SmallServer, client: Client) -> None:
    server.tell(Told(200, {"items": [task()], "next_cursor": "c1"}))
    next(client.tasks())
    assert len(server.asked) == 1


def test_diff_what_if_and_a_report_that_is_no_text(server: SmallServer, client: Client) -> None:
    server.tell(Told(200, examples.DIFF))
    assert client.diff("asm_1", "asm_2").facts[0].change == -7220.48
    server.tell(refused(503, headers={"Retry-After": "1"}), Told(202, examples.WHAT_IF))
    found = client.what_if("asm_1", {"goal": None}, sweep={"a.b": range(1, 3)}, priority="high")
    assert found.variants[0].values == {"llm_serving.0.gpu": "h100_sxm"}
    server.tell(Told(200, text="%PDF-1.7"))
    assert client.report_bytes("asm_1", "pdf") == b"%PDF-1.7"
    first, second = server.asked[1:3]
    assert json.loads(first.body) == {
        "brief": {"goal": None},
        "sweep": {"a.b": [1, 2]},
        "options": {"priority": "high"},
    }
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert [(a.method, a.path) for a in server.asked] == [
        ("GET", "/api/v1/assessments/asm_1/diff/asm_2"), ("POST", "/api/v1/assessments/asm_1/what-if"),
        ("POST", "/api/v1/assessments/asm_1/what-if"), ("GET", "/api/v1/assessments/asm_1/report?format=pdf&kind=full"),
    ]  # fmt: skip


def test_calls_of_the_contract(server: SmallServer, client: Client) -> None:
    server.tell(Told(200, ASSESSMENT))
    assert client.replace("asm_1", BRIEF).assessment_id == "asm_1"
    assert client.assessment("asm_1").status == "draft"
    server.tell(Told(202, {"task_id": "tsk_1", "state": "REVOKED"}))
    assert client.cancel("tsk_1") == "REVOKED"
    server.tell(Told(204))
    client.delete("asm_1")
    server.tell(Told(200, text="<!doctype html>"))
    assert client.report("asm_1", kind="cost") == "<!doctype html>"
    assert [(a.method, a.path) for a in server.asked] == [
        ("PUT", "/api/v1/assessments/asm_1"), ("GET", "/api/v1/assessments/asm_1"), ("DELETE", "/api/v1/tasks/tsk_1"),
        ("DELETE", "/api/v1/assessments/asm_1"), ("GET", "/api/v1/assessments/asm_1/report?format=html&kind=cost"),
    ]  # fmt: skip


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://", "http://[bad", "http://a:99999999"])
def test_an_address_that_is_none(client: Client, url: str) -> None:
    with pytest.raises(errors.OptionInvalid, match="--url"):
        Client(url, "im_1_secret")


@pytest.mark.parametrize("key", ["ä", "a\nb", "\x00"])
def test_a_key_that_no_header_can_hold(client: Client, key: str) -> None:
    with pytest.raises(errors.NotAllowed, match="copy it again"):
        Client("http://127.0.0.1:1", key)


def test_no_key_anywhere(client: Client) -> None:
    with pytest.raises(errors.NotAllowed, match="INFRA_MIND_API_KEY"):
        Client("http://127.0.0.1:1")


def test_arguments_win_over_the_environment_and_the_environment_over_the_home(
    server: SmallServer, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.tell(Told(200, task()))
    (tmp_path / "api.key").write_text("im_home_secret\n")

    def key_of(**given: str) -> str:
        with Client(given.get("url"), given.get("api_key")) as made:
            made.task("tsk_1")
        return server.asked[-1].headers["authorization"].removeprefix("Bearer ")

    assert key_of(url=server.url) == "im_home_secret"
    monkeypatch.setenv("INFRA_MIND_URL", server.url)
    monkeypatch.setenv("INFRA_MIND_API_KEY", "im_env_secret")
    assert key_of() == "im_env_secret"
    assert key_of(api_key="im_given_secret") == "im_given_secret"


# -- what is sent -----------------------------------------------------------------------------------------------------
def test_files_that_the_brief_names_are_read_beside_it(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "main.tf").write_text("# nothing")
    (tmp_path / "brief.yaml").write_text("name: x\nartefacts: ./infra\n")
    submission = read_submission(tmp_path / "brief.yaml")
    assert [(a.path, a.content) for a in submission.artefacts] == [("main.tf", "# nothing")]
    assert submission.brief.artefacts is None


def test_files_given_by_hand_win_over_those_that_the_brief_names(tmp_path: Path) -> None:
    (tmp_path / "other.tf").write_text("# other")
    (tmp_path / "brief.yaml").write_text("name: x\nartefacts: ./nowhere\n")
    submission = read_submission(tmp_path / "brief.yaml", tmp_path / "other.tf")
    assert [a.content for a in submission.artefacts] == ["# other"]


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "brief.yaml").write_text("name: x\nartefacts: ./nowhere\n")
    with pytest.raises(errors.BadInput, match="nowhere"):
        read_submission(tmp_path / "brief.yaml")


def test_a_file_that_cannot_be_read_is_sent_as_a_problem(
    server: SmallServer, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "main.tf").write_bytes(b"\x00\x01")
    server.tell(Told(201, ASSESSMENT))
    client.create(BRIEF, tmp_path / "main.tf")
    assert json.loads(server.asked[0].body)["artefacts"] == [{"path": "main.tf", "problem": "a binary file"}]


def test_what_was_not_written_is_not_sent(server: SmallServer, client: Client) -> None:
    brief = {"name": "x", "hosting": {"nodes": [{"instance": "a", "count": 1}, {"instance": "b"}]}}
    server.tell(Told(201, ASSESSMENT))
    client.create(brief)
    client.create(parse_brief(brief))
    assert [json.loads(asked.body) for asked in server.asked] == [brief, brief]


def test_folders_of_one_name_are_both_sent(server: SmallServer, client: Client, tmp_path: Path) -> None:
    folders = [tmp_path / "shop" / "infra", tmp_path / "bank" / "infra"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text(folder.parent.name)
    server.tell(Told(201, ASSESSMENT))
    client.create(BRIEF, artefacts=folders)
    assert json.loads(server.asked[0].body)["artefacts"] == [
        {"path": "bank/infra/main.tf", "content": "bank"},
        {"path": "shop/infra/main.tf", "content": "shop"},
    ]


def test_an_inline_file_and_one_of_a_folder_under_one_path_are_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    (tmp_path / "main.tf").write_text("")
    brief = {"name": "x", "artefacts": [{"path": "main.tf", "content": ""}]}
    with pytest.raises(errors.ArtefactRefused, match="twice under the same path"):
        read_submission(brief, artefacts=tmp_path)


def test_a_terraform_state_is_not_sent_in_any_form(tmp_path: Path) -> None:
    state = '{"version": 4, "terraform_version": "1.9.5", "lineage": "x", "outputs": {"p": "hunter2"}}'
    (tmp_path / "terraform.tfstate").write_text(state)
    with pytest.warns(errors.FileLeftOut, match=r"terraform\.tfstate: a Terraform state"):
        from_folder = read_submission({"name": "x"}, tmp_path)
    inline = read_submission({"name": "x", "artefacts": [{"path": "a.json", "content": state}]})
    for submission in (from_folder, inline):
        assert [a.unread().kind for a in submission.artefacts] == ["state"]
        assert b"hunter2" not in submission.to_bytes()
