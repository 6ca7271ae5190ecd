"""Every form in which a brief and its artefacts may come, and every way in which they may be bad."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra_mind.api.app import create_app
from infra_mind.model.submission import Submission
from infra_mind.settings import IntakeLimits
from infra_mind.tasks.memory import MemoryStore
from tests.unit.api.steps import AGENTS, BRIEF, LIMITS, MakeKey, client_of, fields, problem, workers

YAML = "name: Clinic assistant\nhosting: {provider: aws, region: eu-west-1}\n"
JSON_TYPE = {"Content-Type": "application/json"}
YAML_TYPE = {"Content-Type": "application/yaml"}
ZIP_TYPE = {"Content-Type": "application/zip"}


def zipped(**files: str | bytes) -> bytes:
    """A zip; `__` in a name stands for a slash, `_dot_` for a dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


async def kept(store: MemoryStore, answer: httpx.Response) -> Submission:
    assert answer.status_code == 201, answer.text
    return Submission.from_bytes(await store.assessment_input(answer.json()["assessment_id"]))


def paths(submission: Submission) -> list[str]:
    return [artefact.path for artefact in submission.artefacts]


@pytest.mark.parametrize("kind", ["application/yaml", "text/yaml", "application/x-yaml; charset=utf-8"])
async def test_yaml(http: httpx.AsyncClient, store: MemoryStore, kind: str) -> None:
    answer = await http.post("/assessments", content=YAML, headers={"Content-Type": kind})
    assert (await kept(store, answer)).brief.name == "Clinic assistant"


async def test_the_same_brief_is_kept_as_the_same_bytes_in_every_form(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    text = json.dumps(BRIEF)
    answers = [
        await http.post("/assessments", json=BRIEF),
        await http.post("/assessments", content=YAML, headers=YAML_TYPE),
        await http.post("/assessments", content=zipped(brief_dot_yml=YAML), headers=ZIP_TYPE),
        await http.post("/assessments", content=zipped(brief_dot_json=text), headers=ZIP_TYPE),
        await http.post("/assessments", files={"brief": ("b.yaml", YAML)}),
        await http.post("/assessments", files={"brief": ("b.json", text)}),
        await http.post("/assessments", files={"brief": (None, text)}),
    ]
    assert len({(await kept(store, answer)).to_bytes() for answer in answers}) == 1


SOME_STATED = {
    "name": "n",
    "budget": {"usd_per_month": 1},
    "hosting": {
        "provider": "aws",
        "nodes": [{"instance": "m5.xlarge", "count": 1}, {"instance": "m5.large"}],
    },
}


async def test_a_default_that_was_written_is_still_told_from_one_that_was_not(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    text = json.dumps(SOME_STATED)
    for answer in (
        await http.post("/assessments", json=SOME_STATED),
        await http.post("/assessments", content=text, headers=YAML_TYPE),
        await http.post("/assessments", files={"brief": ("b.yaml", text)}),
        await http.post("/assessments", content=zipped(brief_dot_json=text), headers=ZIP_TYPE),
    ):
        brief = (await kept(store, answer)).brief
        assert brief.budget is not None
        assert brief.hosting is not None
        assert [node.model_fields_set for node in brief.hosting.nodes] == [
            {"instance", "count"},
            {"instance"},
        ]
        assert brief.budget.model_fields_set == {"usd_per_month"}


async def test_a_form_with_files_keeps_their_relative_paths(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    files = [
        ("brief", ("brief.yaml", YAML.encode())),
        ("artefacts", ("modules/nét/main.tf", "# é".encode())),
        ("artefacts", ("logo.tf", b"\x00\x01")),
    ]
    submission = await kept(store, await http.post("/assessments", files=files))
    assert paths(submission) == ["logo.tf", "modules/nét/main.tf"]
    assert submission.artefacts[1].content == "# é"
    assert submission.artefacts[0].content is None
    assert submission.artefacts[0].problem


async def test_a_form_with_one_zip_of_artefacts(http: httpx.AsyncClient, store: MemoryStore) -> None:
    files: dict[str, Any] = {"brief": (None, YAML), "artefacts": ("a.zip", zipped(net__main_dot_tf="# net"))}
    assert paths(await kept(store, await http.post("/assessments", files=files))) == ["net/main.tf"]


async def test_a_zip_with_the_brief_at_its_root(http: httpx.AsyncClient, store: MemoryStore) -> None:
    body = zipped(brief_dot_yaml=YAML, k8s__brief_dot_yaml="kind: Pod", main_dot_tf="")
    submission = await kept(store, await http.post("/assessments", content=body, headers=ZIP_TYPE))
    assert submission.brief.name == "Clinic assistant"
    assert paths(submission) == ["k8s/brief.yaml", "main.tf"]


async def test_a_json_body_over_the_threads_threshold_is_read_as_any_other(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    files = [{"path": f"{i}.tf", "content": "x" * 6000} for i in range(5)]
    answer = await http.post("/assessments", json={"name": "x", "artefacts": files})
    assert len(paths(await kept(store, answer))) == 5


async def test_a_byte_order_mark_is_no_part_of_the_brief(http: httpx.AsyncClient, store: MemoryStore) -> None:
    answer = await http.post("/assessments", content=b"\xef\xbb\xbf" + YAML.encode(), headers=YAML_TYPE)
    assert (await kept(store, answer)).brief.name == "Clinic assistant"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"name": "a", "name": "b"}', "'name' stands twice"),
        (b'{"name": "\xff"}', "not UTF-8"),
        (b'{"name": "x", "budget": {"usd_per_month": NaN}}', "NaN"),
        (b'{"name": "x", "budget": {"usd_per_month": ' + b"9" * 5000 + b"}}", "not valid"),
        (b"[" * 100_00 + b"]" * 100_00, "nested too deep"),
        (b"[" * 100 + b"]" * 100, "nested deeper than 60"),
        (b"[]", "found a list"),
        (b"null", "found nothing"),
    ],
)
async def test_a_json_body_that_is_no_brief(http: httpx.AsyncClient, body: bytes, says: str) -> None:
    answer = await http.post("/assessments", content=body, headers=JSON_TYPE)
    assert says in fields(answer)[""]


@pytest.mark.parametrize(
    "body",
    [
        b"name: a\nname: b\n",
        b"name: \xff\n",
        b"name: [\n",
        b"a: &a [x,x]\nb: &b [*a,*a]\n" + b"".join(b"c%d: [*b,*b]\n" % i for i in range(1100)),
        b"name: !!python/object/apply:os.system [id]\n",
        b"name: " + b"[" * 100 + b"]" * 100,
        b"name: a\n---\nname: b\n",
    ],
    ids=["key twice", "not UTF-8", "broken", "too many aliases", "a tag", "too deep", "two documents"],
)
async def test_a_yaml_body_that_is_no_brief(http: httpx.AsyncClient, body: bytes) -> None:
    assert fields(await http.post("/assessments", content=body, headers=YAML_TYPE))


@pytest.mark.parametrize("path", ["../main.tf", "/etc/passwd", "a\\b.tf", "C:/x.tf", "a\x00.tf", ""])
async def test_an_unsafe_inline_path_is_refused(http: httpx.AsyncClient, path: str) -> None:
    for item in ({"path": path, "content": "x"}, {"path": path, "problem": "x"}):
        problem(await http.post("/assessments", json={"name": "x", "artefacts": [item]}), 422)


async def test_the_same_path_twice_is_refused(http: httpx.AsyncClient) -> None:
    file = {"path": "a.tf", "content": "x"}
    assert "a.tf" in fields(await http.post("/assessments", json={"name": "x", "artefacts": [file, file]}))


async def test_too_many_files_are_refused(http: httpx.AsyncClient) -> None:
    files = [{"path": f"{i}.tf", "content": ""} for i in range(LIMITS.max_files + 1)]
    problem(await http.post("/assessments", json={"name": "x", "artefacts": files}), 413)
    parts: list[Any] = [
        ("brief", (None, YAML)),
        *(("artefacts", (f"{i}.tf", b"")) for i in range(LIMITS.max_files + 1)),
    ]
    problem(await http.post("/assessments", files=parts), 413)


async def test_one_file_that_is_too_large_is_refused(http: httpx.AsyncClient) -> None:
    parts: list[Any] = [("brief", (None, YAML)), ("artefacts", ("a.tf", b"x" * (LIMITS.max_file + 1)))]
    assert "a.tf" in problem(await http.post("/assessments", files=parts), 413)["detail"]


async def test_a_declared_size_over_the_limit_is_refused_unread(http: httpx.AsyncClient) -> None:
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"x"

    headers = {**JSON_TYPE, "Content-Length": str(LIMITS.max_body + 1)}
    problem(await http.post("/assessments", content=body(), headers=headers), 413)
    assert not read


async def test_a_size_that_was_not_declared_is_counted_while_it_comes(http: httpx.AsyncClient) -> None:
    given = 0

    async def far_too_much() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(1000):
            given += 4096
            yield b" " * 4096

    problem(await http.post("/assessments", content=far_too_much(), headers=JSON_TYPE), 413)
    assert given <= LIMITS.max_body + 2 * 4096


async def test_a_body_at_the_limit_is_read(http: httpx.AsyncClient) -> None:
    body = json.dumps(BRIEF).encode().ljust(LIMITS.max_body)
    assert (await http.post("/assessments", content=body, headers=JSON_TYPE)).status_code == 201
    problem(await http.post("/assessments", content=body + b" ", headers=JSON_TYPE), 413)


async def test_a_zip_bomb_is_refused(http: httpx.AsyncClient) -> None:
    body = zipped(brief_dot_yaml=YAML, big_dot_tf=b"\0" * 10_000_000)
    assert len(body) < LIMITS.max_body
    problem(await http.post("/assessments", content=body, headers=ZIP_TYPE), 413)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"no zip", "zip"),
        (zipped(main_dot_tf=""), "found none"),
        (zipped(brief_dot_yaml=YAML, brief_dot_json="{}"), "brief.json and brief.yaml"),
        (zipped(infra__brief_dot_yaml=YAML), "found none"),
        (zipped(brief_dot_yaml=b"name: \xff"), "brief.yaml is not text"),
        (zipped(brief_dot_yaml=YAML, x____x="", **{"../a_dot_tf": ""}), ".."),
    ],
)
async def test_a_zip_that_cannot_be_taken(http: httpx.AsyncClient, body: bytes, says: str) -> None:
    answer = await http.post("/assessments", content=body, headers=ZIP_TYPE)
    assert says in problem(answer, 422)["detail"]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([("artefacts", ("a.tf", b""))], "one part is needed, found 0"),
        ([("brief", (None, YAML)), ("brief", (None, YAML))], "one part is needed, found 2"),
        ([("brief", (None, YAML)), ("artifacts", ("a.tf", b""))], "did you mean `artefacts`?"),
        ([("brief", (None, YAML)), ("artefacts", (None, b"x"))], "needs a filename"),
        ([("brief", (None, YAML)), ("artefacts", ("../a.tf", b""))], ".."),
        ([("brief", (None, YAML)), ("artefacts", ("a.zip", b"PK")), ("artefacts", ("a.tf", b""))], "one zip"),
    ],
)
async def test_a_form_that_cannot_be_taken(
    http: httpx.AsyncClient, parts: list[tuple[str, tuple[str | None, bytes | str]]], says: str
) -> None:
    assert says in problem(await http.post("/assessments", files=parts), 422)["detail"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b"no boundary at all"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="brief"\r\n\r\ncut',
        ),
        ("multipart/form-data; boundary=x", b""),
    ],
)
async def test_a_broken_form_is_refused(http: httpx.AsyncClient, content_type: str, body: bytes) -> None:
    problem(await http.post("/assessments", content=body, headers={"Content-Type": content_type}), 422)


@pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", ""])
async def test_another_media_type_is_refused_with_those_there_are(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.post("/assessments", content=YAML, headers={"Content-Type": kind})
    assert "application/yaml" in problem(answer, 415)["detail"]


async def test_more_values_than_any_brief_has_are_refused_before_they_are_made(
    store: MemoryStore, make_key: MakeKey
) -> None:
    app = create_app(store, agents=AGENTS, limits=IntakeLimits(), workers=workers)
    async with client_of(app, await make_key()) as http:
        body = b'{"name": [' + b"[]," * 200_001 + b"[]]}"
        assert (
            "more than 200000 values"
            in fields(await http.post("/assessments", content=body, headers=JSON_TYPE))[""]
        )
        text = '[{,"' * 100_000  # marks within a text are no values
        answer = await http.post(
            "/assessments", json={"name": "x", "artefacts": [{"path": "a.tf", "content": text}]}
        )
        assert (await kept(store, answer)).artefacts[0].content == text


async def test_a_refused_body_is_never_answered_whole(http: httpx.AsyncClient) -> None:
    secret = "hunter2-" * 40
    answer = await http.post("/assessments", json={"name": {"password": secret}})
    assert secret not in answer.text
    problem(answer, 422)


@pytest.mark.parametrize("form", ["json", "zip", "multipart"])
async def test_nothing_of_a_terraform_state_is_kept(
    http: httpx.AsyncClient, store: MemoryStore, form: str
) -> None:
    state = json.dumps(
        {"version": 4, "terraform_version": "1.9.5", "lineage": "x", "outputs": {"p": "hunter2"}}
    )
    plan = '{"format_version": "1.2", "planned_values": {}, "prior_state": {"values": "hunter2"}}'
    if form == "json":
        named = {"a.json": state, "b/terraform.tfstate": state, "c.json": plan}
        files = [{"path": path, "content": content} for path, content in named.items()]
        answer = await http.post("/assessments", json={"name": "x", "artefacts": files})
    elif form == "zip":
        body = zipped(
            brief_dot_yml="name: x", a_dot_json=state, b__terraform_dot_tfstate=state, c_dot_json=plan
        )
        answer = await http.post("/assessments", content=body, headers=ZIP_TYPE)
    else:
        sent = [
            ("artefacts", ("a.json", state.encode())),
            ("artefacts", ("b/terraform.tfstate", state.encode())),
            ("artefacts", ("c.json", plan.encode())),
        ]
        answer = await http.post("/assessments", files=[("brief", (None, YAML)), *sent])
    submission = await kept(store, answer)
    assert b"hunter2" not in submission.to_bytes()
    assert [(a.path, a.unread().kind) for a in submission.artefacts if a.content is None] == [
        ("a.json", "state"),
        ("b/terraform.tfstate", "state"),
    ]
