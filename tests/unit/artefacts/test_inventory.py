from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.inventory import Artefact
from infra_mind.settings import IntakeLimits
from tests.unit.artefacts.texts import inventory, only_unread

FILES = {
    "main.tf": 'resource "aws_vpc" "b" {}\nresource "aws_vpc" "a" {}\n',
    "Dockerfile": "FROM a\n",
    "compose.yaml": "services: {web: {image: a}}\n",
    "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n",
    "bad.yaml": "a: [",
    "notes.md": "#",
}


def test_all_formats_come_together_and_bad_files_are_named() -> None:
    found = inventory(FILES)
    assert [r.address for r in found.resources] == [
        "Dockerfile#0",
        "Pod/default/p",
        "aws_vpc.a",
        "aws_vpc.b",
        "service/web",
    ]
    assert [(u.artefact, u.kind) for u in found.unread] == [
        ("bad.yaml", "unreadable"),
        ("notes.md", "unsupported"),
    ]
    assert (found.files, found.files_read) == (6, 4)


def test_the_order_of_the_files_does_not_matter() -> None:
    backwards = dict(reversed(FILES.items()))
    assert inventory(backwards).model_dump_json() == inventory(FILES).model_dump_json()


def test_progress_counts_every_file_once() -> None:
    steps: list[tuple[int, int]] = []
    paths: list[str] = []

    def progress(done: int, total: int, path: str) -> None:
        steps.append((done, total))
        paths.append(path)

    build_inventory([Artefact(path=p, content=t) for p, t in FILES.items()], progress=progress)
    assert steps == [(i, 6) for i in range(1, 7)]
    assert sorted(paths) == sorted(FILES)


def test_a_file_without_content_is_unread_with_its_problem() -> None:
    found = build_inventory(
        [Artefact(path=p, problem="a binary file") for p in ("a.tf", "b.yaml", "Dockerfile")]
    )
    assert {(u.kind, u.reason) for u in found.unread} == {("unreadable", "a binary file")}
    assert (len(found.unread), found.files_read) == (3, 0)


@pytest.mark.parametrize("name", ["a.yaml", "a.tf"])
def test_a_file_that_was_too_large_to_send_is_told_from_one_that_cannot_be_read(name: str) -> None:
    found = build_inventory([Artefact(path=name, problem="larger than the limit of 5 bytes for one file")])
    assert (only_unread(found).kind, found.files_read) == ("too_large", 0)


def test_a_file_over_the_limit_is_unread() -> None:
    found = build_inventory([Artefact(path="a.tf", content="x" * 100)], limits=IntakeLimits(max_file=99))
    assert (only_unread(found).kind, found.files_read) == ("too_large", 0)


def test_more_resources_than_the_limit_are_named() -> None:
    text = 'resource "t" "r" { count = 5 }'
    found = build_inventory([Artefact(path="a.tf", content=text)], limits=IntakeLimits(max_resources=3))
    assert (len(found.resources), only_unread(found).kind) == (3, "limit")
    assert "t.r[3]" in only_unread(found).reason


def test_nothing_gives_nothing() -> None:
    assert build_inventory([]).model_dump() == {
        "resources": (),
        "unread": (),
        "files": 0,
        "files_read": 0,
        "variables": (),
    }


_PATHS = [
    "main.tf",
    "b.tf.json",
    "terraform.tfvars",
    "x.auto.tfvars.json",
    "a.yaml",
    "compose.yml",
    "Dockerfile",
    "c/Chart.yaml",
]
_PIECES = st.sampled_from(
    [
        'resource "a" "b" {',
        "}",
        "\n",
        "x = ",
        "${",
        "%{ if ",
        "<<EOT\n",
        "EOT\n",
        '"',
        "[",
        "]",
        "(",
        ")",
        "local.x",
        "var.y",
        "/*",
        "for ",
        " in ",
        ": ",
        "...",
        "module ",
        'source = "./"',
        "kind: ",
        "apiVersion: ",
        "services:\n  ",
        "- ",
        "&a ",
        "*a",
        "<<: ",
        "{{ ",
        "FROM ",
        "RUN ",
        "ARG ",
        "\\\n",
        "ENV A=",
        "$A",
        "#",
        "1e9",
        "null",
        "\t",
        "count = ",
        "dynamic ",
        "content {",
        "==",
        "?",
        "~}",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(_PATHS), st.text(max_size=100) | st.lists(_PIECES, max_size=25).map("".join))
def test_no_text_crashes_it(path: str, text: str) -> None:
    found = build_inventory(
        [Artefact(path=path, content=text), Artefact(path="ok.tf", content='resource "t" "ok" {}')]
    )
    assert any(r.address == "t.ok" for r in found.resources)
    found.model_dump_json()


_NAMES = st.sampled_from(
    [
        "local.a",
        "local.b",
        "var.a",
        "t.r.id",
        "each.key",
        "count.index",
        "module.m.o",
        "path.module",
        "null",
        "1",
        '"x"',
    ]
)
_EXPRESSIONS = st.recursive(
    _NAMES,
    lambda e: st.one_of(
        st.tuples(e, st.sampled_from(["+", "-", "*", "/", "==", "<", "&&"]), e).map(" ".join),
        st.tuples(e, e, e).map(lambda v: f"({v[0]} ? {v[1]} : {v[2]})"),
        st.lists(e, max_size=3).map(lambda v: f"[{', '.join(v)}]"),
        e.map(lambda v: f"[for k, v in {v} : k]"),
        e.map(lambda v: f'"x${{{v}}}"'),
        st.tuples(
            st.sampled_from(["merge", "length", "flatten", "jsonencode", "format", "try", "toset", "file"]),
            e,
            e,
        ).map(lambda v: f"{v[0]}({v[1]}, {v[2]})"),
        st.tuples(e, st.sampled_from(["[0]", ".a", "[*].b", ".*.c", '["k"]'])).map("".join),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(_EXPRESSIONS, _EXPRESSIONS, st.sampled_from(["count", "for_each", "x"]))
def test_no_expression_crashes_it(first: str, second: str, argument: str) -> None:
    text = f'locals {{\n a = {first}\n b = {second}\n}}\nresource "t" "r" {{\n {argument} = local.a\n y = local.b\n}}\n'
    found = build_inventory([Artefact(path="main.tf", content=text)])
    found.model_dump_json()
