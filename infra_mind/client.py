"""The Python client: `Client().assess(brief, artefacts="infra/")`, and one method for each call of the HTTP contract.

Retries 429, 503 and lost connections by itself, always with the same idempotency key, so that nothing starts twice.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx

from infra_mind.artefacts.intake import check, collect, without_state
from infra_mind.artefacts.yaml import load
from infra_mind.client_answers import events_of, problem_of
from infra_mind.errors import (
    BadInput,
    InfraMindError,
    NotAllowed,
    OptionInvalid,
    TooMany,
    Unavailable,
)
from infra_mind.home import Home
from infra_mind.model.brief import Brief, InlineArtefact, parse_brief
from infra_mind.model.comparison import Comparison, WhatIf
from infra_mind.model.inventory import Artefact
from infra_mind.model.result import AssessmentResult
from infra_mind.model.schedule import Schedule
from infra_mind.model.submission import Submission
from infra_mind.model.task import Assessment, Event, Task, TaskState
from infra_mind.model.webhook import Delivery, WebhookSecret
from infra_mind.model.workers import WorkersStatus
from infra_mind.settings import IntakeLimits, Settings

BriefLike = Mapping[str, Any] | Brief | str | Path
ArtefactsLike = str | Path | Sequence[str | Path] | None
ATTEMPTS = 6
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0


def read_brief(brief: BriefLike) -> tuple[Brief, Path]:
    """The brief from a mapping, a model or a YAML or JSON file, and the folder its relative paths start from."""
    if isinstance(brief, Brief):
        return brief, Path()
    if isinstance(brief, Mapping):
        return parse_brief(dict(brief)), Path()
    path = Path(brief)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text (byte {error.start}); save the brief as UTF-8") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from None
    return parse_brief(load(text, name=str(path))), path.parent


def read_submission(
    brief: BriefLike, artefacts: ArtefactsLike = None, limits: IntakeLimits | None = None
) -> Submission:
    """Brief and files as they are sent. `artefacts` given here wins over the paths named in the brief."""
    limits = limits or IntakeLimits()
    parsed, folder = read_brief(brief)
    inline = (
        [a for a in parsed.artefacts if isinstance(a, InlineArtefact)]
        if isinstance(parsed.artefacts, tuple)
        else []
    )
    files = [without_state(Artefact(path=a.path, content=a.content, problem=a.problem)) for a in inline]
    if artefacts is not None:
        roots = [Path(artefacts)] if isinstance(artefacts, str | Path) else [Path(a) for a in artefacts]
    elif isinstance(parsed.artefacts, str):
        roots = [folder / parsed.artefacts]
    else:
        roots = [folder / a for a in parsed.artefacts or () if isinstance(a, str)]
    if roots:
        files += collect(roots[0] if len(roots) == 1 else roots, limits)
        parsed = parsed.model_copy(update={"artefacts": None})
    check(files, limits)
    return Submission.of(parsed, tuple(files))


class Client:
    """Talks to a running Infra Mind. URL and key: the arguments, else INFRA_MIND_URL and INFRA_MIND_API_KEY, else what
    `infra-mind up` left in the home directory. Use as a context manager, or call `close`."""

    def __init__(
        self, url: str | None = None, api_key: str | None = None, *, timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        settings = Settings()
        home = Home.of(settings)
        endpoint = home.endpoint()
        self.url = (url or settings.url or (endpoint.url if endpoint else "http://127.0.0.1:8700")).rstrip(
            "/"
        )
        key = api_key or (settings.api_key.get_secret_value() if settings.api_key else None) or home.api_key()
        if not key:
            raise NotAllowed(
                "no API key: set INFRA_MIND_API_KEY, or start `infra-mind up` on this machine, which makes one"
            )
        if not (key.isascii() and key.isprintable()):
            raise NotAllowed("the API key holds characters that no key has: copy it again")
        if not _is_http(self.url):
            raise OptionInvalid(
                "--url", f"{self.url} is not the address of an API; it reads http://HOST:PORT"
            )
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=timeout_s,
            transport=transport, trust_env=False,
        )  # fmt: skip
        self._sleep = sleep

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # -- the common case ----------------------------------------------------------------------------------------------
    def assess(
        self, brief: BriefLike, artefacts: ArtefactsLike = None, *, on_progress: Callable[[Event], object] | None = None,
        **options: Any,
    ) -> AssessmentResult:  # fmt: skip
        """Creates, starts, waits and gives the result. `options` as for `start`. Raises TaskFailed when it ends without one."""
        created = self.create(brief, artefacts)
        task_id = self.start(created.assessment_id, **options)
        for event in self.events(task_id):
            if on_progress:
                on_progress(event)
        return self.result(task_id)

    # -- assessments --------------------------------------------------------------------------------------------------
    def create(self, brief: BriefLike, artefacts: ArtefactsLike = None) -> Assessment:
        """A draft. The brief and every file are checked here before anything is sent."""
        return Assessment.model_validate(
            self._call("POST", "/assessments", json_body=_body(read_submission(brief, artefacts)))
        )

    def replace(self, assessment_id: str, brief: BriefLike, artefacts: ArtefactsLike = None) -> Assessment:
        """Puts another brief in the place of a draft's."""
        body = _body(read_submission(brief, artefacts))
        return Assessment.model_validate(self._call("PUT", f"/assessments/{assessment_id}", json_body=body))

    def assessment(self, assessment_id: str) -> Assessment:
        return Assessment.model_validate(self._call("GET", f"/assessments/{assessment_id}"))

    def assessments(self, **filters: str) -> Iterator[Assessment]:
        """The caller's own, newest first; filters `status`, `name`, `created_after`."""
        return (Assessment.model_validate(item) for item in self._pages("/assessments", filters))

    def delete(self, assessment_id: str) -> None:
        """Stops what runs and removes what was kept."""
        self._call("DELETE", f"/assessments/{assessment_id}")

    def start(self, assessment_id: str, *, idempotency_key: str | None = None, **options: Any) -> str:
        """Starts it; the id of the task. Options: priority, soft_limit_s, hard_limit_s, the same with `agent_`,
        delay_s, not_before, webhook_url."""
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        answer = self._call("POST", f"/assessments/{assessment_id}/start", json_body=options, headers=headers)
        return str(answer["task_id"])

    def report(self, assessment_id: str, format: str = "html", kind: str = "full") -> str:
        """The report as text; `format` as the server names them. A PDF is no text: see `report_bytes`."""
        return self._report(assessment_id, format, kind).text

    def report_bytes(self, assessment_id: str, format: str = "html", kind: str = "full") -> bytes:
        """The report as the bytes of its file."""
        return self._report(assessment_id, format, kind).content

    def _report(self, assessment_id: str, format: str, kind: str) -> httpx.Response:
        return self._send(
            "GET", f"/assessments/{assessment_id}/report", params={"format": format, "kind": kind}
        )

    def diff(self, before: str, after: str) -> Comparison:
        """What differs between two assessments that have ended."""
        return Comparison.model_validate(self._call("GET", f"/assessments/{before}/diff/{after}"))

    def what_if(
        self, assessment_id: str, brief: Mapping[str, Any] | None = None, *, set: Mapping[str, Any] | None = None,
        sweep: Mapping[str, Sequence[Any]] | None = None, idempotency_key: str | None = None, **options: Any,
    ) -> WhatIf:  # fmt: skip
        """Starts it again with another brief: a merge patch (RFC 7396), values by path, lists of values to sweep. `options` as for
        `start`. Agents that the change does not reach are not run again; `wait` for the tasks, then `diff`."""
        lists = {path: list(values) for path, values in (sweep or {}).items()}
        asked = {"brief": brief, "set": set, "sweep": lists, "options": options}
        body = {name: value for name, value in asked.items() if value}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        answer = self._call("POST", f"/assessments/{assessment_id}/what-if", json_body=body, headers=headers)
        return WhatIf.model_validate(answer)

    # -- tasks --------------------------------------------------------------------------------------------------------
    def task(self, task_id: str) -> Task:
        return Task.model_validate(self._call("GET", f"/tasks/{task_id}"))

    def tasks(self, **filters: str) -> Iterator[Task]:
        """The caller's own, newest first; filter `state`."""
        return (Task.model_validate(item) for item in self._pages("/tasks", filters))

    def events(self, task_id: str, after: str | None = None) -> Iterator[Event]:
        """Live, until the task has ended; a lost connection is taken up again where it broke."""
        failures = 0
        while True:
            try:
                for event in self._stream(task_id, after):
                    failures, after = 0, event.id or after
                    yield event
                    if TaskState(event.data["state"]).ended:
                        return
                raise Unavailable("the stream ended before the task did")
            except _PastEnd:
                return
            except (httpx.TransportError, Unavailable, TooMany) as error:
                failures += 1
                if failures >= ATTEMPTS:
                    raise Unavailable(
                        f"{self.url}: the event stream broke {failures} times: {error}"
                    ) from None
                self._sleep(_wait_s(failures))

    def result(self, task_id: str) -> AssessmentResult:
        """Raises Conflict while it runs, Gone once expired, TaskFailed when there is none."""
        return AssessmentResult.model_validate(self._call("GET", f"/tasks/{task_id}/result")["result"])

    def wait(self, task_id: str) -> Task:
        """Waits for the end; the task as it ended."""
        for _ in self.events(task_id):
            pass
        return self.task(task_id)

    def cancel(self, task_id: str) -> str:
        """Asks it to stop; the state right after. Nothing of it runs a few seconds later."""
        return str(self._call("DELETE", f"/tasks/{task_id}")["state"])

    def replay(self, task_id: str, *, idempotency_key: str | None = None) -> str:
        """Runs a failed, cancelled or partial one again, with the agents' results that are done; the id of the new task."""
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return str(self._call("POST", f"/tasks/{task_id}/replay", headers=headers)["task_id"])

    # -- schedules ----------------------------------------------------------------------------------------------------
    def create_schedule(
        self, name: str, cron: str, brief: BriefLike | None = None, artefacts: ArtefactsLike = None, *,
        assessment_id: str | None = None, timezone: str = "UTC", coalesce: bool = True, enabled: bool = True,
        idempotency_key: str | None = None, **options: Any,
    ) -> Schedule:  # fmt: skip
        """Assesses again and again, the brief given here or a copy of an assessment's. `options` as for `start`."""
        what = {"brief": _body(read_submission(brief, artefacts))} if brief is not None else {}
        body = {
            "name": name, "cron": cron, "timezone": timezone, "coalesce": coalesce, "enabled": enabled, "options": options,
            **what, **({"assessment_id": assessment_id} if assessment_id else {}),
        }  # fmt: skip
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return Schedule.model_validate(self._call("POST", "/schedules", json_body=body, headers=headers))

    def schedules(self) -> tuple[Schedule, ...]:
        """The caller's own, newest first."""
        return tuple(Schedule.model_validate(item) for item in self._call("GET", "/schedules")["items"])

    def schedule(self, schedule_id: str) -> Schedule:
        return Schedule.model_validate(self._call("GET", f"/schedules/{schedule_id}"))

    def enable_schedule(self, schedule_id: str, enabled: bool = True) -> Schedule:
        """Resumes or pauses it; what is due during a pause is not made up for."""
        body = {"enabled": enabled}
        return Schedule.model_validate(self._call("PATCH", f"/schedules/{schedule_id}", json_body=body))

    def delete_schedule(self, schedule_id: str) -> None:
        """What it has started goes on."""
        self._call("DELETE", f"/schedules/{schedule_id}")

    # -- webhooks -----------------------------------------------------------------------------------------------------
    def webhooks(self, task_id: str) -> tuple[Delivery, ...]:
        """Whom the end of a task was told to, with each attempt."""
        items = self._call("GET", f"/tasks/{task_id}/webhooks")["items"]
        return tuple(Delivery.model_validate(item) for item in items)

    def webhook_secret(self) -> WebhookSecret:
        """What verifies the webhooks of this key's tenant; the first call makes it."""
        return WebhookSecret.model_validate(self._call("GET", "/webhooks/secret"))

    def rotate_webhook_secret(self) -> WebhookSecret:
        """A new secret; the former one signs beside it for a day."""
        return WebhookSecret.model_validate(self._call("POST", "/webhooks/secret/rotate"))

    def workers(self) -> WorkersStatus:
        return WorkersStatus.model_validate(self._call("GET", "/workers/status"))

    # -- the wire -----------------------------------------------------------------------------------------------------
    def _call(
        self, method: str, path: str, *, json_body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        response = self._send(method, path, json_body=json_body, headers=headers)
        return response.json() if response.content else None

    def _pages(self, path: str, filters: Mapping[str, str]) -> Iterator[Any]:
        params = dict(filters)
        while True:
            page = self._send("GET", path, params=params).json()
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    def _send(
        self, method: str, path: str, *, json_body: Any = None, headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        attempt = 0
        while True:
            attempt, asked_s = attempt + 1, 0.0
            try:
                response = self._http.request(method, path, json=json_body, headers=headers, params=params)
                problem = problem_of(response)
            except httpx.TransportError as error:
                problem = Unavailable(
                    f"cannot reach {self.url}: {str(error).rstrip('.') or type(error).__name__}. Is `infra-mind up` running?"
                )
            else:
                if problem is None:
                    return response
                asked_s = getattr(problem, "retry_after_s", 0.0)  # a lost connection asks for nothing
            if not isinstance(problem, Unavailable | TooMany) or attempt >= ATTEMPTS:
                raise problem
            self._sleep(_wait_s(attempt, asked_s))

    def _stream(self, task_id: str, after: str | None) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
        timeout = httpx.Timeout(30.0, read=60.0)  # heartbeats come far more often
        with self._http.stream(
            "GET", f"/tasks/{task_id}/events", headers=headers, timeout=timeout
        ) as response:
            if response.status_code == 204:
                raise _PastEnd
            if response.status_code != 200:
                response.read()
                raise problem_of(response) or InfraMindError(f"unexpected answer {response.status_code}")
            for event in events_of(response.iter_lines()):
                if event.type == "unavailable":
                    raise Unavailable(str(event.data.get("detail", "the store is away")))
                yield event


def _is_http(url: str) -> bool:
    try:
        parsed = urlsplit(url)
        return parsed.scheme in ("http", "https") and bool(parsed.hostname) and parsed.port != 0
    except ValueError:
        return False


class _PastEnd(Exception):  # noqa: N818 - no error: the terminal event was seen before the connection broke
    pass


def _body(submission: Submission) -> dict[str, Any]:
    brief = submission.brief.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if submission.artefacts:
        brief["artefacts"] = [artefact.model_dump(exclude_none=True) for artefact in submission.artefacts]
    return brief


def _wait_s(attempt: int, asked_s: float = 0.0) -> float:
    """The server's wish, or a doubling wait; with jitter, so that many clients do not come back at once."""
    wait = min(LONGEST_WAIT_S, max(asked_s, FIRST_WAIT_S * 2.0 ** (attempt - 1)))
    return wait * (1 + random.random() / 4)  # noqa: S311 - jitter, not a secret
