from __future__ import annotations

from pathlib import Path

import pytest

from infra_mind.batch import briefs, check
from infra_mind.errors import BadInput


def names(folder: Path) -> list[tuple[str, str]]:
    return [(name, path.relative_to(folder).as_posix()) for name, path in briefs(folder)]


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_briefs_beside_each_other_and_in_folders_of_their_own_in_order_of_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        b_yaml="",
        a_json="",
        c_yml="",
        notes_txt="",
        zoo__brief_yaml="",
        inner__brief_json="",
        inner__main_tf="",
        other__values_yaml="",
    )
    assert names(tmp_path) == [
        ("a", "a.json"), ("b", "b.yaml"), ("c", "c.yml"), ("inner", "inner/brief.json"), ("zoo", "zoo/brief.yaml"),
    ]  # fmt: skip


def test_a_folder_whose_name_looks_like_a_brief_is_no_brief(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    write(tmp_path, a_yaml="")
    assert names(tmp_path) == [("a", "a.yaml")]


@pytest.mark.parametrize(
    "files",
    [
        {"a_yaml": "", "a_json": ""},
        {"a_yaml": "", "a__brief_yaml": ""},
        {"a__brief_yaml": "", "a__brief_json": ""},
    ],
)
def test_two_that_would_write_the_same_file_are_refused(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, **files)
    with pytest.raises(BadInput, match=r"would both write a\.json"):
        briefs(tmp_path)


def test_an_empty_folder_and_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no brief in it"):
        briefs(tmp_path)
    with pytest.raises(BadInput, match="no such folder"):
        briefs(tmp_path / "nowhere")


def test_every_wrong_brief_is_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        good_yaml="name: x",
        bad_yaml="goal: x",
        broken_yaml="name: [",
        far_yaml="name: x\nartefacts: nowhere",
    )
    with pytest.raises(BadInput) as wrong:
        check(briefs(tmp_path))
    lines = str(wrong.value).splitlines()
    assert lines[0] == "Nothing was started."
    assert [line.partition(":")[0] for line in lines[1:]] == [
        str(tmp_path / f"{name}.yaml") for name in ("bad", "broken", "far")
    ]
    assert "name: is required" in lines[1]
