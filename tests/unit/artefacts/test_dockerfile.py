from __future__ import annotations

from typing import Any

import pytest

from infra_mind.model.inventory import Resource, unresolvable
from tests.unit.artefacts.texts import inventory, only_unread


def stages(text: str) -> tuple[Resource, ...]:
    found = inventory({"Dockerfile": text})
    assert not found.unread, found.unread
    return tuple(sorted(found.resources, key=lambda r: r.line_start))


def instructions(text: str) -> list[tuple[str, str, int, int]]:
    [stage] = stages(text)
    return [
        (i["instruction"], i["value"], i["line"], i["line_end"]) for i in stage.values["instructions"][1:]
    ]


def test_stages_know_their_names_and_the_last_one() -> None:
    first, second = stages("FROM golang:1.23 AS build\nRUN go build\nFROM build\nUSER app\n")
    assert (first.address, first.values["from"], first.values["final"]) == (
        "Dockerfile#build",
        "golang:1.23",
        False,
    )
    assert (second.address, second.values["from_stage"], second.values["final"]) == (
        "Dockerfile#1",
        "build",
        True,
    )
    assert (second.line_start, second.line_end) == (3, 4)


def test_continuations_with_comments_and_empty_lines_between() -> None:
    text = "FROM a\nRUN apt-get update \\\n  # why\n\n  && apt-get install x\nUSER b\n"
    assert instructions(text) == [("RUN", "apt-get update && apt-get install x", 2, 5), ("USER", "b", 6, 6)]


def test_a_heredoc() -> None:
    assert instructions("FROM a\nRUN <<EOF\necho 1\nFROM x\nEOF\nUSER b\n") == [
        ("RUN", "<<EOF\necho 1\nFROM x", 2, 5),
        ("USER", "b", 6, 6),
    ]


def test_another_escape_character() -> None:
    assert instructions("# escape=`\nFROM a\nRUN dir C:\\ `\n  /s\n") == [("RUN", "dir C:\\ /s", 3, 4)]


def test_keywords_in_any_case() -> None:
    assert instructions("from a\nuser b\n") == [("USER", "b", 2, 2)]


def test_an_argument_before_from() -> None:
    assert stages("ARG V=1.2\nFROM a:${V}\n")[0].values["from"] == "a:1.2"


def test_an_argument_without_a_value() -> None:
    assert stages("ARG V\nFROM a:$V\n")[0].values["from"] == unresolvable("ARG V")


def test_a_default_in_the_substitution() -> None:
    assert stages("ARG V\nFROM a:${V:-3}\n")[0].values["from"] == "a:3"


def test_a_platform_is_no_image() -> None:
    assert stages("FROM --platform=linux/amd64 a:1\n")[0].values["from"] == "a:1"


def test_environment_is_put_in_where_the_builder_does() -> None:
    text = 'FROM a\nARG U=app\nENV HOME=/srv/$U "X"=1\nUSER ${U}\nWORKDIR $HOME\nRUN echo $U\n'
    assert [i[1] for i in instructions(text)][2:] == ["app", "/srv/app", "echo $U"]


def test_a_stage_inherits_the_environment_of_its_parent() -> None:
    assert (
        stages("FROM a AS one\nENV U=app\nFROM one\nUSER $U\n")[1].values["instructions"][1]["value"] == "app"
    )


def test_onbuild_is_kept() -> None:
    assert instructions("FROM a\nONBUILD RUN x\n") == [("ONBUILD", "RUN x", 2, 2)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM a\nFRMO b\n", 2),
        ("RUN x\nFROM a\n", 1),
        ("FROM a b c\n", 1),
        ("FROM a\nRUN <<E\nx\n", 2),
        ("# only\n", None),
    ],
)
def test_errors_name_their_line(text: str, line: Any) -> None:
    unread = only_unread(inventory({"Dockerfile": text}))
    assert (unread.kind, unread.line) == ("unreadable", line)


@pytest.mark.parametrize(
    "name", ["Dockerfile", "Dockerfile.gpu", "app.dockerfile", "a/Containerfile", "dockerfile"]
)
def test_names_of_dockerfiles(name: str) -> None:
    assert len(inventory({name: "FROM a\n"}).resources) == 1


def test_a_variable_that_doubles_stops_growing() -> None:
    text = "FROM a\nENV A=xxxxxxxxxxxxxxxx\n" + "ENV A=$A$A\n" * 100
    assert max(len(i[1]) for i in instructions(text)) <= 64 * 1024 + 10


def test_text_that_grows_over_all_instructions_is_refused() -> None:
    text = "FROM a\nENV A=" + "x" * 30_000 + "\n" + "USER $A\n" * 1_000
    assert "with its variables put in" in only_unread(inventory({"Dockerfile": text})).reason
