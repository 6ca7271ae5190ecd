"""Webhooks as a person sets them up: a URL, a secret, a receiver that is down at first, and the log of what came."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from infra_mind.client import Client
from infra_mind.model.webhook import Delivery
from tests.e2e.steps import BRIEF, draft, ended, problem
from tests.platform import Platform
from tests.waiting import wait_until


class Receiver:
    """Answers with `codes`, one for each request, the last one for ever."""

    def __init__(self, *codes: int) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((dict(self.headers.items()), body))
                self.send_response(codes[min(len(receiver.got), len(codes)) - 1])
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/s3cr3t"


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    made = Receiver(*getattr(request, "param", (200,)))
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def delivered(client: Client, task_id: str) -> Delivery:
    def look() -> Delivery | None:
        return next((one for one in client.webhooks(task_id) if one.state == "delivered"), None)

    return wait_until("it is delivered", look)


@pytest.mark.parametrize("receiver", [(503, 200)], indirect=True)
def test_the_end_is_told_again_until_it_is_taken(
    engine: Platform, client: Client, receiver: Receiver
) -> None:
    secret = engine.run("webhooks", "secret").stdout.strip()
    task_id = client.start(client.create(BRIEF).assessment_id, webhook_url=receiver.url)
    delivery = delivered(client, task_id)
    assert [one.status_code for one in delivery.attempts] == [503, 200]
    for headers, body in receiver.got:
        told = Webhook(secret).verify(body, headers)
        assert (told["type"], told["data"]["task_id"]) == ("assessment.completed", task_id)
        assert {name.lower(): value for name, value in headers.items()}["webhook-id"] == delivery.webhook_id
    shown = engine.run("webhooks", "list", task_id)
    assert shown.returncode == 0, shown.stderr
    assert [word in shown.stdout for word in (delivery.webhook_id, "503", "delivered", "s3cr3t")] == [
        True
    ] * 3 + [False]
    assert json.loads(engine.run("webhooks", "list", task_id, "--json").stdout)[0]["state"] == "delivered"


def test_the_command_line_starts_with_a_url(
    engine: Platform, client: Client, receiver: Receiver, tmp_path: Any
) -> None:
    brief = tmp_path / "brief.json"
    brief.write_text(json.dumps(BRIEF))
    ran = engine.run("assess", str(brief), "--no-wait", "--webhook-url", receiver.url)
    assert ran.returncode == 0, ran.stderr
    assert delivered(client, ran.stdout.strip()).state == "delivered"


def test_a_cancelled_task_is_told_as_such(http: httpx.Client, client: Client, receiver: Receiver) -> None:
    started = http.post(f"/assessments/{draft(http)}/start", json={"webhook_url": receiver.url}).json()[
        "task_id"
    ]
    cancelled = http.delete(f"/tasks/{started}")
    state = ended(http, started)["state"]
    delivery = delivered(client, started)
    expected = "assessment.cancelled" if state == "REVOKED" else "assessment.completed"
    assert (delivery.type, cancelled.status_code in (202, 409)) == (expected, True)


def test_what_may_not_be_reached_is_refused(http: httpx.Client) -> None:
    for url in ("https://169.254.169.254/latest/meta-data/", "https://[::ffff:10.0.0.1]/", "http://8.8.8.8/"):
        answer = http.post(f"/assessments/{draft(http)}/start", json={"webhook_url": url})
        assert problem(answer, 422)["errors"][0]["path"] == "webhook_url"


def test_a_rotated_secret_is_shown_and_the_former_still_verifies(
    engine: Platform, client: Client, receiver: Receiver
) -> None:
    former = client.webhook_secret().secret
    fresh = json.loads(engine.run("webhooks", "secret", "--rotate", "--json").stdout)["secret"]
    task_id = client.start(client.create(BRIEF).assessment_id, webhook_url=receiver.url)
    delivered(client, task_id)
    headers, body = receiver.got[0]
    assert fresh != former
    for secret in (fresh, former):
        assert Webhook(secret).verify(body, headers)["data"]["task_id"] == task_id


def test_no_log_of_the_platform_holds_a_secret_or_a_url(
    engine: Platform, client: Client, receiver: Receiver
) -> None:
    delivered(client, client.start(client.create(BRIEF).assessment_id, webhook_url=receiver.url))
    log = (engine.home.path.parent / f"{engine.home.path.name}.log").read_text(errors="replace")
    assert client.webhook_secret().secret not in log
    assert "s3cr3t" not in log
